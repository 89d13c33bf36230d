/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Attachments by tus 1.0 (tus.io/protocols/resumable-upload) against the real server over TLS. */
#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sodium.h>
#include <sys/socket.h>
#include <cmocka.h>

#include "cast.h"
#include "err.h"

#define V "Tus-Resumable: 1.0.0\r\n"
#define OCTETS "Content-Type: application/offset+octet-stream\r\n"
#define SIZE 300000u

static struct bk_cast cast;
static struct bk_talk phone, wife;
static uint8_t data[SIZE];

static int open_cast(void **state)
{
	(void)state;
	bk_cast_open(&cast, "files", NULL);
	bk_cast_ready(&cast, &phone, cast.phone);
	bk_cast_ready(&cast, &wife, cast.wife);
	return 0;
}

static int close_cast(void **state)
{
	(void)state;
	bk_talk_done(&phone);
	bk_talk_done(&wife);
	bk_cast_close(&cast);
	return 0;
}

static struct bk_cast_answer last;

/* One request as the phone; its status, the rest in `last`. */
static int ask(const char *method, const char *path, const char *headers, const void *body, size_t len)
{
	struct bk_cast_request q = {method, path, headers, body, len, false, phone.line.file_token};

	free(last.body);
	if (bk_cast_http(&cast, &q, &last) != 0) {
		last.body = NULL;
		return 0;
	}
	return last.status;
}

static void create(size_t size, char path[static 128])
{
	char headers[200];

	snprintf(headers, sizeof headers, V "Upload-Length: %zu\r\n", size);
	assert_int_equal(ask("POST", "/files", headers, NULL, 0), 201);
	snprintf(path, 128, "%s", bk_cast_header(&last, "location"));
	assert_int_equal(strlen(path), strlen("/files/") + 32);
	assert_string_equal(bk_cast_header(&last, "tus-resumable"), "1.0.0");
	assert_true(*bk_cast_header(&last, "upload-expires"));
}

static int patch_at(const char *path, uint64_t offset, const uint8_t *from, size_t len, const char *more)
{
	char headers[400];

	snprintf(headers, sizeof headers, V OCTETS "Upload-Offset: %llu\r\n%s", (unsigned long long)offset, more);
	return ask("PATCH", path, headers, from, len);
}

static uint64_t offset_of(const char *path)
{
	assert_int_equal(ask("HEAD", path, V, NULL, 0), 200);
	return strtoull(bk_cast_header(&last, "upload-offset"), NULL, 10);
}

static void checksum(const uint8_t *from, size_t len, char out[static 96])
{
	uint8_t h[32];

	crypto_hash_sha256(h, from, len);
	strcpy(out, "Upload-Checksum: sha256 ");
	sodium_bin2base64(out + strlen(out), 96 - strlen(out), h, 32, sodium_base64_VARIANT_ORIGINAL);
	strcat(out, "\r\n");
}

static void path_of_hash(const uint8_t *from, size_t len, char out[static 128])
{
	bk_hash h = bk_hash_of(from, len);

	strcpy(out, "/files/");
	bk_hex_encode(out + 7, h.b, 32);
}

static void fill(unsigned n)
{
	uint8_t seed[randombytes_SEEDBYTES] = {(uint8_t)n};

	randombytes_buf_deterministic(data, sizeof data, seed);
}

static void options_tell_what_there_is(void **state)
{
	(void)state;
	assert_int_equal(ask("OPTIONS", "/files", NULL, NULL, 0), 204);
	assert_string_equal(bk_cast_header(&last, "tus-version"), "1.0.0");
	assert_string_equal(bk_cast_header(&last, "tus-extension"), "creation,expiration,checksum,termination");
	assert_string_equal(bk_cast_header(&last, "tus-checksum-algorithm"), "sha256");
	assert_true(strtoull(bk_cast_header(&last, "tus-max-size"), NULL, 10) >= 100u << 20);
}

static void a_file_goes_up_in_pieces_and_comes_down(void **state)
{
	char path[128], file[128], sum[96];
	struct bk_cast_request q = {.method = "GET", .token = wife.line.file_token};
	struct bk_cast_answer a;

	(void)state;
	fill(1);
	create(SIZE, path);
	assert_int_equal(offset_of(path), 0);
	assert_int_equal(patch_at(path, 0, data, 100000, ""), 204);
	assert_string_equal(bk_cast_header(&last, "upload-offset"), "100000");
	checksum(data + 100000, 100000, sum);
	assert_int_equal(patch_at(path, 100000, data + 100000, 100000, sum), 204);
	assert_int_equal(offset_of(path), 200000);
	path_of_hash(data, SIZE, file);
	assert_int_equal(ask("GET", file, NULL, NULL, 0), 404); /* not before it is whole */
	assert_int_equal(patch_at(path, 200000, data + 200000, 100000, ""), 204);
	assert_string_equal(bk_cast_header(&last, "upload-offset"), "300000");
	assert_int_equal(offset_of(path), SIZE);
	assert_int_equal(patch_at(path, SIZE, data, 0, ""), 409); /* complete is complete */
	q.path = file; /* who knows the hash may fetch it */
	assert_int_equal(bk_cast_http(&cast, &q, &a), 0);
	assert_int_equal(a.status, 200);
	assert_int_equal(a.len, SIZE);
	assert_memory_equal(a.body, data, SIZE);
	free(a.body);
	q.headers = "Range: bytes=299990-\r\n";
	assert_int_equal(bk_cast_http(&cast, &q, &a), 0);
	assert_int_equal(a.status, 206);
	assert_int_equal(a.len, 10);
	assert_memory_equal(a.body, data + 299990, 10);
	assert_string_equal(bk_cast_header(&a, "content-range"), "bytes 299990-299999/300000");
	free(a.body);
	q.headers = "Range: bytes=300000-\r\n";
	assert_int_equal(bk_cast_http(&cast, &q, &a), 0);
	assert_int_equal(a.status, 416);
	free(a.body);
	q.headers = NULL;
	q.method = "HEAD";
	assert_int_equal(bk_cast_http(&cast, &q, &a), 0);
	assert_int_equal(a.status, 200);
	assert_string_equal(bk_cast_header(&a, "content-length"), "300000");
	assert_int_equal(a.len, 0);
	free(a.body);
}

static void mistakes_have_their_numbers(void **state)
{
	char path[128], sum[96];

	(void)state;
	fill(2);
	create(1000, path);
	assert_int_equal(patch_at(path, 5, data, 10, ""), 409);
	assert_string_equal(bk_cast_header(&last, "upload-offset"), "0");
	assert_int_equal(patch_at(path, 0, data, 1001, ""), 413);
	checksum(data + 1, 500, sum);
	assert_int_equal(patch_at(path, 0, data, 500, sum), 460);
	assert_int_equal(offset_of(path), 0); /* nothing of it is kept */
	assert_int_equal(patch_at(path, 0, data, 10, "Upload-Checksum: md5 AAAA\r\n"), 400);
	assert_int_equal(patch_at(path, 0, data, 10, "Upload-Checksum: sha256 AAAA\r\n"), 400);
	assert_int_equal(ask("PATCH", path, V "Content-Type: text/plain\r\nUpload-Offset: 0\r\n", data, 10), 415);
	assert_int_equal(ask("PATCH", path, V OCTETS, data, 10), 409);
	assert_int_equal(ask("PATCH", path, OCTETS "Tus-Resumable: 0.2.2\r\nUpload-Offset: 0\r\n", data, 10), 412);
	assert_string_equal(bk_cast_header(&last, "tus-version"), "1.0.0");
	assert_int_equal(ask("PATCH", path, OCTETS "Upload-Offset: 0\r\n", data, 10), 412); /* none at all */
	assert_int_equal(ask("HEAD", path, "Tus-Resumable: 2.0.0\r\n", NULL, 0), 412);
	assert_int_equal(ask("POST", "/files", V, NULL, 0), 400);
	assert_int_equal(ask("POST", "/files", V "Upload-Length: 0\r\n", NULL, 0), 400);
	assert_int_equal(ask("POST", "/files", V "Upload-Length: -5\r\n", NULL, 0), 400);
	assert_int_equal(ask("POST", "/files", V "Upload-Length: 99999999999999999999999\r\n", NULL, 0), 413);
	assert_int_equal(ask("POST", "/files", V "Upload-Length: 123731969\r\n", NULL, 0), 413); /* 118 MiB and a byte */
	assert_int_equal(ask("GET", path, V, NULL, 0), 405);
	assert_int_equal(ask("PUT", path, V, data, 10), 400); /* only a PATCH carries something */
	assert_int_equal(ask("POST", "/files", V "Upload-Length: 10\r\n", data, 10), 400);
	assert_int_equal(ask("DELETE", path, V, data, 10), 400);
	assert_int_equal(ask("POST", "/filesystem", V "Upload-Length: 5\r\n", NULL, 0), 404);
	assert_int_equal(offset_of(path), 0);
	assert_int_equal(patch_at(path, 0, data, 1000, ""), 204);
}

/* The refusal arrives, although most of a big body was not read. */
static void a_big_body_is_refused_with_a_word(void **state)
{
	uint8_t *big = calloc(1, 8u << 20);
	char path[128];

	(void)state;
	create(8u << 20, path);
	for (int i = 0; i < 10; i++)
		assert_int_equal(patch_at(path, 5, big, 7u << 20, ""), 409);
	free(big);
}

/* A body whose end cannot be told is not read as the next request. */
static void bodies_without_a_length_are_refused(void **state)
{
	struct bk_cast_request q = {.method = "PATCH", .path = "/files/00000000000000000000000000000001",
		.headers = V OCTETS "Upload-Offset: 0\r\n", .token = phone.line.file_token, .no_length = true};
	static const char *const lines[] = {"Transfer-Encoding: chunked\r\n", "Content-Length: 5, 6\r\n",
		"Content-Length: -1\r\n", "Content-Length: 5abc\r\n", "Content-Length: 99999999999999999999999999\r\n", ""};
	struct bk_cast_answer a;
	char headers[300];

	(void)state;
	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
		snprintf(headers, sizeof headers, V OCTETS "Upload-Offset: 0\r\n%s", lines[i]);
		q.headers = headers;
		if (bk_cast_http(&cast, &q, &a) != 0) { /* or just hung up */
			bk_cast_hang_up(&cast);
			continue;
		}
		assert_in_range(a.status, 400, 411);
		assert_true(a.closed);
		free(a.body);
	}
	assert_int_equal(ask("GET", "/healthz", NULL, NULL, 0), 200);
}

/* R9: another device's upload is not there, nor can a stranger without a session do anything. */
static void uploads_are_their_device_s_alone(void **state)
{
	struct bk_cast_request q = {.token = wife.line.file_token, .headers = V};
	struct bk_cast_answer a;
	char path[128];
	static const uint8_t nobody[32] = {1};

	(void)state;
	fill(3);
	create(1000, path);
	assert_int_equal(patch_at(path, 0, data, 400, ""), 204);
	q.path = path;
	for (int i = 0; i < 3; i++) {
		q.method = (const char *[]){"HEAD", "PATCH", "DELETE"}[i];
		q.headers = V OCTETS "Upload-Offset: 400\r\n";
		assert_int_equal(bk_cast_http(&cast, &q, &a), 0);
		assert_int_equal(a.status, 404);
		free(a.body);
		for (int k = 0; k < 2; k++) {
			struct bk_cast_request n = q;

			n.token = k ? nobody : NULL;
			assert_int_equal(bk_cast_http(&cast, &n, &a), 0);
			assert_int_equal(a.status, 401);
			free(a.body);
		}
	}
	assert_int_equal(offset_of(path), 400);
}

/* R10: what looks like a path is none. */
static void names_are_never_paths(void **state)
{
	static const char *const bad[] = {"/files/../bakend.conf", "/files/..%2f..%2fetc%2fpasswd", "/files/%2e%2e/store",
		"/files/.", "/files//etc/passwd", "/files/00112233445566778899AABBCCDDEEFG", "/files/a/b",
		"/files/0011223344556677889900112233445566778899001122334455667788990011?x=1", "/files/%00", "/../files/x"};

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		int status = ask("GET", bad[i], NULL, NULL, 0);

		assert_true(status == 404 || status == 403 || status == 0 || status == 400 || status == 405);
		status = ask("DELETE", bad[i], V, NULL, 0);
		assert_true(status == 404 || status == 403 || status == 0 || status == 400 || status == 405);
	}
	assert_int_equal(ask("GET", "/healthz", NULL, NULL, 0), 200);
}

static void an_upload_can_be_given_up(void **state)
{
	char path[128];

	(void)state;
	create(1000, path);
	assert_int_equal(patch_at(path, 0, data, 10, ""), 204);
	assert_int_equal(ask("DELETE", path, V, NULL, 0), 204);
	assert_int_equal(ask("HEAD", path, V, NULL, 0), 404);
	assert_int_equal(patch_at(path, 10, data, 10, ""), 404);
	assert_int_equal(ask("DELETE", path, V, NULL, 0), 404);
}

/* Sends the head of a PATCH that announces len bytes, and only n of them. */
static void half(const char *path, uint64_t offset, size_t len, size_t n, const char *more)
{
	struct bk_sock_options o = {.port = cast.realm.port, .tls = true, .ca = cast.realm.ca, .raw = true};
	char head[600], hex[65];
	const uint8_t *answer;
	size_t len_of_answer;
	struct bk_sock *s = NULL;
	int k = snprintf(head, sizeof head, "PATCH %s HTTP/1.1\r\nHost: x\r\n" V OCTETS "Upload-Offset: %llu\r\n"
		"Authorization: Bearer %s\r\nContent-Length: %zu\r\n%s\r\n", path, (unsigned long long)offset,
		bk_hex_encode(hex, phone.line.file_token, 32), len, more);

	assert_int_equal(bk_sock_open(&o, &s), 0);
	assert_int_equal(bk_sock_send_raw(s, head, (size_t)k), 0);
	if (n)
		assert_int_equal(bk_sock_send_raw(s, data + offset, n), 0);
	shutdown(bk_sock_fd(s), SHUT_WR);
	while (bk_sock_recv_raw(s, 0, &answer, &len_of_answer) == 0) /* until the server has seen it, too */
		;
	bk_sock_close(s);
}

/*
 * The line is cut after n bytes, for n at every kind of boundary, and the device comes back at once: it goes on
 * from where the server says; what came with a checksum counts only when whole.
 */
static void a_cut_line_is_resumed(void **state)
{
	static const size_t cuts[] = {0, 1, 4095, 4096, 16383, 16384, 16385, 65536, 100000, 299999};
	char path[128], file[128], sum[96];

	(void)state;
	fill(4);
	for (size_t i = 0; i < sizeof cuts / sizeof *cuts; i++) {
		uint64_t at = 0;

		data[0] = (uint8_t)i;
		create(SIZE, path);
		half(path, 0, SIZE, cuts[i], "");
		at = offset_of(path);
		assert_int_equal(at, cuts[i]);
		checksum(data + at, SIZE - at, sum);
		half(path, at, SIZE - at, (SIZE - at) / 2, sum);
		assert_int_equal(offset_of(path), at);
		assert_int_equal(patch_at(path, at, data + at, SIZE - at, sum), 204);
		path_of_hash(data, SIZE, file);
		assert_int_equal(ask("HEAD", file, NULL, NULL, 0), 200);
	}
}

/* The old connection is not yet known to be dead, and still holds the upload: the new request takes it over. */
static void a_half_open_connection_does_not_hold_an_upload(void **state)
{
	struct bk_sock_options o = {.port = cast.realm.port, .tls = true, .ca = cast.realm.ca, .raw = true};
	char head[600], hex[65], path[128], file[128];
	struct bk_sock *s = NULL;
	uint64_t at;
	int k;

	(void)state;
	fill(5);
	create(SIZE, path);
	k = snprintf(head, sizeof head, "PATCH %s HTTP/1.1\r\nHost: x\r\n" V OCTETS "Upload-Offset: 0\r\nAuthorization: Bearer %s\r\n"
		"Content-Length: %u\r\n\r\n", path, bk_hex_encode(hex, phone.line.file_token, 32), SIZE);
	assert_int_equal(bk_sock_open(&o, &s), 0);
	assert_int_equal(bk_sock_send_raw(s, head, (size_t)k), 0);
	at = bk_cast_metric(&cast, "bakend_file_bytes_in_total");
	assert_int_equal(bk_sock_send_raw(s, data, 50000), 0);
	while (bk_cast_metric(&cast, "bakend_file_bytes_in_total") == at)
		;
	at = offset_of(path);
	assert_in_range(at, 1, 50000);
	assert_int_equal(bk_sock_send_raw(s, "garbage from the past", 21), 0);
	assert_int_equal(patch_at(path, at, data + at, SIZE - at, ""), 204);
	bk_sock_close(s);
	path_of_hash(data, SIZE, file);
	assert_int_equal(ask("HEAD", file, NULL, NULL, 0), 200);
}

/* What a 204 told is there after SIGKILL, whole files and parts. */
static void uploads_survive_sigkill(void **state)
{
	char path[128], whole[128], file[128];

	(void)state;
	fill(6);
	create(SIZE, whole);
	assert_int_equal(patch_at(whole, 0, data, SIZE, ""), 204);
	path_of_hash(data, SIZE, file);
	data[9] ^= 1;
	create(SIZE, path);
	assert_int_equal(patch_at(path, 0, data, 123456, ""), 204);
	bk_cast_hang_up(&cast);
	bk_realm_kill(&cast.realm);
	assert_int_equal(bk_realm_start(&cast.realm, NULL), 0);
	assert_int_equal(bk_talk_login(&phone, true), 0);
	assert_int_equal(bk_talk_login(&wife, true), 0);
	assert_int_equal(ask("HEAD", file, NULL, NULL, 0), 200);
	assert_int_equal(offset_of(whole), SIZE);
	assert_int_equal(offset_of(path), 123456);
	assert_int_equal(patch_at(path, 123456, data + 123456, SIZE - 123456, ""), 204);
	path_of_hash(data, SIZE, file);
	assert_int_equal(ask("HEAD", file, NULL, NULL, 0), 200);
}

/* A message that names a file waits for nothing: the file is there, or the message is refused. */
static void a_message_needs_its_files(void **state)
{
	char path[128];
	bk_hash hash;
	struct bk_cast_message m = {.circle = cast.relative, .devices = {cast.wife}, .n_devices = 1, .n = 77, .file = &hash};

	(void)state;
	fill(7);
	hash = bk_hash_of(data, 5000);
	assert_int_equal(bk_wire_error(bk_cast_submit(&phone, &m)), BK_E_INCOMPLETE);
	create(5000, path);
	data[1] ^= 1; /* other bytes than the message names: found out by the hash at the end */
	assert_int_equal(patch_at(path, 0, data, 5000, ""), 204);
	assert_int_equal(bk_wire_error(bk_cast_submit(&phone, &m)), BK_E_INCOMPLETE);
	data[1] ^= 1;
	create(5000, path);
	assert_int_equal(patch_at(path, 0, data, 5000, ""), 204);
	assert_int_equal(bk_wire_error(bk_cast_submit(&phone, &m)), 0);
}

static void rooms_have_walls(void **state)
{
	int status = 0;

	(void)state;
	for (int i = 0; i < 70 && status != 429; i++)
		status = ask("POST", "/files", V "Upload-Length: 1000\r\n", NULL, 0);
	assert_int_equal(status, 429); /* 64 open ones */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(options_tell_what_there_is),
		cmocka_unit_test(a_file_goes_up_in_pieces_and_comes_down),
		cmocka_unit_test(mistakes_have_their_numbers),
		cmocka_unit_test(a_big_body_is_refused_with_a_word),
		cmocka_unit_test(bodies_without_a_length_are_refused),
		cmocka_unit_test(uploads_are_their_device_s_alone),
		cmocka_unit_test(names_are_never_paths),
		cmocka_unit_test(an_upload_can_be_given_up),
		cmocka_unit_test(a_cut_line_is_resumed),
		cmocka_unit_test(a_half_open_connection_does_not_hold_an_upload),
		cmocka_unit_test(uploads_survive_sigkill),
		cmocka_unit_test(a_message_needs_its_files),
		cmocka_unit_test(rooms_have_walls),
	};

	return cmocka_run_group_tests(tests, open_cast, close_cast);
}
