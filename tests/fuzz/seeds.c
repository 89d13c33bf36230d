/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Makes the seeds of the fuzz targets from the golden examples: baken_seeds FOLDER. What is there stays. Run it
 * after a new kind of frame, content or row; the files are committed.
 */
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "err.h"
#include "fixed_random.h"
#include "golden.h"
#include "signal_pair.h"

#define SHORT 2048u
#define LONGEST 8192u /* a seed is small; the fuzzer makes it long */

static const char *folder;

/* prefix < 0: none. */
static void put(const char *decoder, const char *name, int prefix, const void *data, size_t len)
{
	char path[1024];
	uint8_t first = (uint8_t)prefix;
	int fd;

	snprintf(path, sizeof path, "%s/%s", folder, decoder);
	mkdir(path, 0755);
	snprintf(path, sizeof path, "%s/%s/%s", folder, decoder, name);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0644);
	if (fd < 0 && errno == EEXIST)
		return;
	BK_ASSERT(fd >= 0);
	BK_ASSERT(prefix < 0 || write(fd, &first, 1) == 1);
	BK_ASSERT(write(fd, data, len) == (ssize_t)len);
	BK_ASSERT(close(fd) == 0);
}

static bool begins(const char *name, const char *with)
{
	return strncmp(name, with, strlen(with)) == 0;
}

/* ---- from golden examples ---- */

/* A Signed as it is, and its payload for the modes that sign it anew. */
static void put_signed(const char *decoder, const char *name, const struct bk_sample_blob *b, int payload_mode)
{
	Baken__Signed *s = bk_sample_unpack(*b);
	char other[BK_GOLDEN_NAME + 16];

	put(decoder, name, 0, b->data, b->len);
	snprintf(other, sizeof other, "%s-payload", name);
	put(decoder, other, payload_mode, s->payload.data, s->payload.len);
	baken__signed__free_unpacked(s, NULL);
}

static void put_frame(const char *name, const struct bk_sample_blob *b)
{
	struct bk_arena *a = bk_arena_new();
	Baken__Frame *f = NULL;
	bool client = bk_frame_decode(a, BK_FROM_CLIENT, b->data, b->len, &f) == 0;

	put("frame", name, !client, b->data, b->len);
	if (b->len <= SHORT)
		put(client ? "served" : "received", name, client ? 3 - (begins(name, "frame-submit") || begins(name, "frame-p")) * 3 : 0,
			b->data, b->len);
	if (client && (begins(name, "frame-login") || begins(name, "frame-resume") || begins(name, "frame-enrol")))
		put("login", name, -1, b->data, b->len);
	bk_arena_free(a);
}

static void put_content(const char *name, const struct bk_sample_blob *b)
{
	Baken__Envelope *e = baken__envelope__unpack(NULL, b->len, b->data);
	char other[BK_GOLDEN_NAME + 16];

	BK_ASSERT(e);
	put("content", name, -1, b->data, b->len);
	snprintf(other, sizeof other, "%s-bare", name);
	put("content", other, -1, e->content.data, e->content.len);
	baken__envelope__free_unpacked(e, NULL);
}

static void put_row(const char *name, const struct bk_sample_blob *b)
{
	static int table;

	put("rows", name, table++, b->data, b->len);
}

static void put_golden(const char *name, const struct bk_sample_blob *b)
{
	if (begins(name, "frame-"))
		put_frame(name, b);
	else if (begins(name, "content-"))
		put_content(name, b);
	else if (begins(name, "row-"))
		put_row(name, b);
	else if (begins(name, "body-"))
		put("body", name, -1, b->data, b->len);
	else if (begins(name, "certificate-"))
		put_signed("certificate", name, b, strstr(name, "registrar") ? 1 : strstr(name, "server") ? 2 : 3);
	else if (begins(name, "roster"))
		put_signed("roster", name, b, 3);
	else if (begins(name, "manifest"))
		put_signed("manifest", name, b, 1);
	else if (begins(name, "receipt"))
		put("receipt", name, -1, b->data, b->len);
	else if (begins(name, "invitation"))
		put("invite", name, -1, b->data, b->len);
	else if (begins(name, "capsule-plain"))
		put("capsule", name, 0, b->data, b->len);
	else if (begins(name, "capsule-sealed"))
		put("capsule", name, 2, b->data, b->len);
	else if (begins(name, "key-file"))
		put("seal", name, 2, b->data, b->len);
	else if (begins(name, "sealed-file"))
		put("seal", name, 3, b->data, b->len);
	else if (begins(name, "kv-record"))
		put("kv_record", name, 0, b->data, b->len);
}

/* ---- by hand ---- */

static void put_text(const char *decoder, const char *name, int prefix, const char *text)
{
	put(decoder, name, prefix, text, strlen(text));
}

static void put_texts(void)
{
	uint8_t inner[400] = {1, 3}, padded[256] = "kort\x80";

	put_text("ids", "id", -1, "00112233445566778899aabbccddeeff");
	put_text("ids", "hash", -1, "00112233445566778899AABBCCDDEEFF00112233445566778899aabbccddeeff");
	put("ids", "bytes", -1, inner, 16);
	put_text("text", "dutch", -1, "Er staat een auto v\xc3\xb3\xc3\xb3r de deur \xf0\x9f\x9a\x97.\nHij is terug.");
	put_text("text", "terminal", -1, "\x1b[2J\x1b]0;x\x07 \xe2\x80\xae" "gnp.exe\r\n\xc2\x9b" "31m");
	put_text("text", "path", -1, "../../etc/passwd\\..\\x");
	put_text("text", "broken", -1, "\xc3\x28 \xed\xa0\x80 \xf4\x90\x80\x80 \xc0\xaf \xff");
	put("padding", "short", -1, padded, sizeof padded);
	put_text("invite", "typed", -1, "  baken:[::1]:443/041061-05r3-gg28 a1c60t3gf208h44rm2mb1e60s38d");
	put("capsule", "inner", 1, inner, sizeof inner);
	inner[18] = 200;
	put("capsule", "inner-with-length", 1, inner, sizeof inner);
	put_text("kv_record", "pair", 1, "\x05item/42content of some length");
	put_text("body", "content", -1, "any content");
	put_text("options", "good", -1,
		"# bakend\ndir = /tmp\nlisten = [::1]:8443\nplain=127.0.0.1:8080\ntls-cert = a\ntls-key = b\n"
		"server-cert = c\nroot-key = d\nreceipt-key = e\nseal-key = f\nconnections = 100\n");
	put_text("options", "bad", -1, "connections = 0x10\n");
	put_text("options", "endpoint", -1, "[2001:db8::1]:65535");
}

static const char *const commands[][2] = {
	{"enrol", "{\"cmd\":\"enrol\",\"id\":1,\"code\":\"BAKEN:localhost:8443/0410-6105\",\"name\":\"x\"}"},
	{"status", "{\"cmd\":\"status\",\"id\":2}"},
	{"report", "{\"cmd\":\"report\",\"id\":3,\"what\":\"auto\",\"where\":\"thuis\",\"urgency\":\"now\","
		   "\"certainty\":\"sure\",\"when_ms\":1780000000000,\"attachments\":[],\"drill\":true}"},
	{"send", "{\"cmd\":\"send\",\"id\":4,\"to\":\"desk\",\"text\":\"hallo\"}"},
	{"reply", "{\"cmd\":\"reply\",\"id\":5,\"to\":\"00112233445566778899aabbccddeeff\",\"text\":\"ja\"}"},
	{"reports", "{\"cmd\":\"reports\",\"id\":6}"},
	{"show", "{\"cmd\":\"show\",\"id\":7,\"message\":\"00112233445566778899aabbccddeeff\"}"},
	{"disconnect", "{\"cmd\":\"disconnect\",\"id\":8}"},
};

static const char *const officer_commands[][2] = {
	{"guidance", "{\"cmd\":\"guidance\",\"id\":9,\"to\":\"all\",\"title\":\"let op\",\"text\":\"blijf\",\"acknowledge\":true}"},
	{"claim", "{\"cmd\":\"claim\",\"id\":10,\"case\":\"00112233445566778899aabbccddeeff\"}"},
	{"duty", "{\"cmd\":\"duty\",\"id\":11,\"on\":false}"},
};

static const char *const controls[][2] = {
	{"status", "{\"id\":1,\"verb\":\"status\"}"},
	{"circles", "{\"id\":2,\"verb\":\"circles\"}"},
	{"roster-get", "{\"id\":3,\"verb\":\"roster-get\",\"circle\":\"00112233445566778899aabbccddeeff\",\"version\":1}"},
	{"roster-put", "{\"id\":4,\"verb\":\"roster-put\",\"roster\":\"CgQKAggB\"}"},
	{"invite-put", "{\"id\":5,\"verb\":\"invite-put\",\"invite\":\"00112233445566778899aabbccddeeff\","
		       "\"account\":\"00112233445566778899aabbccddee00\",\"circle\":\"00112233445566778899aabbccddee01\","
		       "\"role\":\"person\",\"expires_ms\":1790000000000}"},
	{"invite-done", "{\"id\":6,\"verb\":\"invite-done\",\"invite\":\"00112233445566778899aabbccddeeff\",\"state\":\"refused\"}"},
	{"audit", "{\"id\":7,\"verb\":\"audit\",\"after\":0,\"max\":10}"},
	{"cut", "{\"id\":8,\"verb\":\"cut\",\"device\":\"00112233445566778899aabbccddeeff\"}"},
	{"devices", "{\"id\":9,\"verb\":\"devices\",\"circle\":\"00112233445566778899aabbccddeeff\"}"},
	{"expire", "{\"id\":10,\"verb\":\"expire\"}"},
};

/* tests/fuzz/fuzz_http.c says how they are written. */
static const char *const requests[][2] = {
	{"create", "POST /files\ntus-resumable: 1.0.0\nupload-length: 100\n"},
	{"patch", "PATCH /files/00112233445566778899aabbccddeeff\ntus-resumable: 1.0.0\nupload-offset: 0\n"
		  "content-type: application/offset+octet-stream\n"
		  "upload-checksum: sha256 47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n\nbytes"},
	{"head", "HEAD /files/00112233445566778899aabbccddeeff\ntus-resumable: 1.0.0\n"},
	{"get", "GET /files/00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\nrange: bytes=0-99\n"},
	{"delete", "DELETE /files/00112233445566778899aabbccddeeff\ntus-resumable: 1.0.0\n"},
	{"options", "OPTIONS /files\n"},
	{"healthz", "GET /healthz\n"},
};

#define PUT_ALL(decoder, prefix, list)                                                             \
	for (size_t i_ = 0; i_ < sizeof(list) / sizeof *(list); i_++)                              \
	put_text(decoder, (list)[i_][0], prefix, (list)[i_][1])

static void put_ends(void)
{
	put_text("backup", "manifest", -1,
		"baken-backup 1\nschema 1\nmade 1780000000000\nstore.mdb 40960 "
		"00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\n");
	put_text("backup", "newer", -1, "baken-backup 2\n");
	PUT_ALL("command", 0, commands);
	PUT_ALL("command", 1, officer_commands);
	PUT_ALL("control", -1, controls);
	PUT_ALL("http", 1, requests);
	put_text("http", "stranger", 0, requests[0][1]);
}

static void put_letters(void)
{
	struct bk_pair *p = NULL;
	struct bk_letter l;
	void *state = NULL;

	bk_fixed_random(true); /* the same pair as in fuzz_signal.c */
	BK_ASSERT(bk_pair_setup(&state) == 0);
	p = state;
	BK_ASSERT(bk_pair_start(&p->a, &p->b, 0) == 0);
	bk_pair_exchange(&p->a, &p->b);
	BK_ASSERT(bk_pair_encrypt(&p->a, &p->b, "brief", &l) == 0 && l.type == 2);
	put("signal", "next", 0, l.data, l.len);
	BK_ASSERT(bk_pair_start(&p->a, &p->b, 1) == 0 && bk_pair_encrypt(&p->a, &p->b, "brief", &l) == 0);
	put("signal", "first", 1, l.data, l.len);
	BK_ASSERT(bk_pair_start(&p->stranger, &p->b, 2) == 0 && bk_pair_encrypt(&p->stranger, &p->b, "vals", &l) == 0);
	put("signal", "stranger", 3, l.data, l.len);
	put("signal", "masked", 1, l.data, l.len);
	bk_pair_teardown(&state);
	bk_fixed_random(false);
}

int main(int argc, char **argv)
{
	char name[BK_GOLDEN_NAME];
	struct bk_sample_blob b = {NULL, 0};

	if (argc != 2 || sodium_init() < 0) {
		fprintf(stderr, "usage: baken_seeds FOLDER\n");
		return 2;
	}
	folder = argv[1];
	for (size_t i = 0; bk_golden_make(i, name, &b); i++) {
		if (b.len <= LONGEST)
			put_golden(name, &b);
		free(b.data);
	}
	put_texts();
	put_ends();
	put_letters();
	return 0;
}
