/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Requests to /files and beside it: "METHOD PATH\nname: value\n...\n\nbody", by a device that is logged in. Every
 * answer has a status that tus or HTTP knows, and headers that end where they should.
 */
#include "fuzz.h"

#include "twin_fuzz.h"
#include "twin_in.h"

static char token[65];

static enum bk_twin_verdict tap(void *arg, struct bk_twin_device *d, bool to_server, Baken__Frame *f)
{
	(void)arg;
	if (!to_server && d == bk_twin_fuzz_cast.person && f->kind_case == BAKEN__FRAME__KIND_LOGIN_OK)
		bk_hex_encode(token, f->login_ok->file_token.data, 32);
	return BK_TWIN_PASS;
}

static void log_in(void)
{
	bk_twin_fuzz.tap = tap;
	bk_twin_reboot(bk_twin_fuzz_cast.person);
	bk_twin_settle(&bk_twin_fuzz);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	if (bk_twin_fuzz_begin("fuzz-http"))
		return 1;
	log_in();
	return strlen(token) != 64;
}

/* Cuts the word or line that *p stands on; the text goes on behind it. */
static char *cut(char **p, const char *end_signs)
{
	char *word = *p;
	size_t n = strcspn(word, end_signs);

	*p = word + n + (word[n] != '\0');
	word[n] = '\0';
	return word;
}

/* First byte: odd with this device's token. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const unsigned mode = bk_fuzz_mode(&data, &size);
	struct bk_twin_device *d = bk_twin_fuzz_device(0);
	struct bk_core_http h = {.request = 999999, .blob = bk_sample_id(1)};
	char *text = malloc(size + 1), *all = malloc(size + 128), *p = text, *body, *headers;

	BK_ASSERT(text && all);
	if (size)
		memcpy(text, data, size);
	text[size] = '\0';
	if (bk_twin_fuzz.tap != tap)
		log_in();
	h.method = cut(&p, " \n");
	h.path = cut(&p, "\n");
	headers = p;
	body = strstr(p, "\n\n");
	if (body) {
		*body = '\0';
		body += 2;
	}
	snprintf(all, size + 128, "%s%s\n%s", mode & 1 ? "authorization: Bearer " : "", mode & 1 ? token : "", headers);
	h.headers = all;
	if (body && *body) {
		h.has_blob = true;
		h.len = strlen(body);
		BK_ASSERT(d->blobs->ops->append(d->blobs, h.blob, body, strlen(body)) == 0);
	}
	bk_twin_http(d, &h);
	BK_ASSERT(d->blobs->ops->remove(d->blobs, h.blob) == 0);
	bk_twin_fuzz_end(h.has_blob || strcmp(h.method, "POST") == 0);
	free(text);
	free(all);
	return 0;
}
