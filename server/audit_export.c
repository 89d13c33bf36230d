/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "audit_export.h"

#include <ctype.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "err.h"

#define TITLE "baken-audit 1"
#define CONTEXT "baken-audit-head-v1"
#define PSEUDONYM_BYTES 8
#define HASH_TEXT (2 * BK_HASH_BYTES)
#define CERT_MAX 2048u

/* ---- both ways ---- */

/* chain = SHA-256(chain || length of text || text) */
static void extend(bk_hash *chain, const char *text, size_t len)
{
	crypto_hash_sha256_state h;
	uint8_t size[4] = {(uint8_t)len, (uint8_t)(len >> 8), (uint8_t)(len >> 16), (uint8_t)(len >> 24)};

	crypto_hash_sha256_init(&h);
	crypto_hash_sha256_update(&h, chain->b, sizeof chain->b);
	crypto_hash_sha256_update(&h, size, sizeof size);
	crypto_hash_sha256_update(&h, (const uint8_t *)text, len);
	crypto_hash_sha256_final(&h, chain->b);
}

static void head_message(const char *text, size_t len, uint8_t *out, size_t *ret_len)
{
	memcpy(out, CONTEXT, sizeof CONTEXT); /* with its NUL */
	memcpy(out + sizeof CONTEXT, text, len);
	*ret_len = sizeof CONTEXT + len;
}

/* ---- out ---- */

/* "HASH text": the hash covers the text and all before. */
static void put_line(struct bk_audit_export *x, const char *text)
{
	char hash[HASH_TEXT + 1];

	extend(&x->chain, text, strlen(text));
	bk_hex_encode(hash, x->chain.b, sizeof x->chain.b);
	x->failed |= fprintf(x->out, "%s %s\n", hash, text) < 0;
}

void bk_audit_export_begin(struct bk_audit_export *x, FILE *out, const uint8_t secret[static BK_ED25519_SECRET_BYTES],
	struct bk_bytes server_cert, uint64_t after)
{
	static const char use[] = "baken-audit-pseudonyms-v1";
	char line[BK_AUDIT_LINE_MAX], b64[CERT_MAX * 4 / 3 + 8];

	memset(x, 0, sizeof *x);
	x->out = out;
	x->number = after;
	memcpy(x->secret, secret, sizeof x->secret);
	crypto_generichash(x->pseudonyms, sizeof x->pseudonyms, (const uint8_t *)use, sizeof use - 1, secret, 32);
	x->failed = server_cert.len > CERT_MAX;
	if (!x->failed)
		sodium_bin2base64(b64, sizeof b64, server_cert.data, server_cert.len, sodium_base64_VARIANT_ORIGINAL);
	x->failed |= fprintf(out, "%s\n", TITLE) < 0;
	snprintf(line, sizeof line, "begin %" PRIu64 " %s", after, x->failed ? "-" : b64);
	put_line(x, line);
}

/* A run of 32 hexadecimal digits is an id. */
static size_t id_at(const char *text)
{
	size_t n = strspn(text, "0123456789abcdef");

	return n == 2 * BK_ID_BYTES ? n : 0;
}

static void pseudonym(const struct bk_audit_export *x, const char *id, char out[static 2 * PSEUDONYM_BYTES + 2])
{
	uint8_t hash[16];

	crypto_generichash(hash, sizeof hash, (const uint8_t *)id, 2 * BK_ID_BYTES, x->pseudonyms, sizeof x->pseudonyms);
	out[0] = '~';
	bk_hex_encode(out + 1, hash, PSEUDONYM_BYTES);
}

/* Other signs than plain ones become '?', so that a line is a line. */
static void put_plain(const struct bk_audit_export *x, const char *text, char *out, size_t room)
{
	size_t n = 0;
	bool word = true;

	while (*text && n + 2 * PSEUDONYM_BYTES + 2 < room) {
		size_t id = word ? id_at(text) : 0;

		if (id) {
			pseudonym(x, text, out + n);
			n += 2 * PSEUDONYM_BYTES + 1;
			text += id;
			word = false;
			continue;
		}
		word = !isalnum((unsigned char)*text);
		out[n++] = *text >= ' ' && *text <= '~' ? *text : '?';
		text++;
	}
	out[n] = '\0';
}

void bk_audit_export_entry(struct bk_audit_export *x, const struct bk_audit_row *row)
{
	char line[BK_AUDIT_LINE_MAX - HASH_TEXT - 2], event[128], detail[2048];

	put_plain(x, row->event, event, sizeof event);
	put_plain(x, row->detail, detail, sizeof detail);
	snprintf(line, sizeof line, "%" PRIu64 " %" PRIu64 " %s %s", row->number, row->at_ms, event, detail);
	put_line(x, line);
	x->number = row->number;
	x->count++;
}

int bk_audit_export_end(struct bk_audit_export *x, bk_hash store_hash, bk_ms now)
{
	char text[512], chain[HASH_TEXT + 1], store[HASH_TEXT + 1], signature[2 * BK_SIG_BYTES + 1];
	uint8_t message[600], sig[BK_SIG_BYTES];
	size_t len = 0;

	bk_hex_encode(chain, x->chain.b, sizeof x->chain.b);
	bk_hex_encode(store, store_hash.b, sizeof store_hash.b);
	snprintf(text, sizeof text, "end %" PRIu64 " %" PRIu64 " %" PRIu64 " %s %s", x->number, x->count, now, chain, store);
	head_message(text, strlen(text), message, &len);
	crypto_sign_detached(sig, NULL, message, len, x->secret);
	bk_hex_encode(signature, sig, sizeof sig);
	x->failed |= fprintf(x->out, "%s %s\n", text, signature) < 0 || fflush(x->out) != 0;
	sodium_memzero(x->secret, sizeof x->secret);
	sodium_memzero(x->pseudonyms, sizeof x->pseudonyms);
	return x->failed ? BK_E_IO : 0;
}

/* ---- in ---- */

struct reading {
	FILE *in;
	struct bk_audit_check *c;
	bk_hash chain;
	char line[BK_AUDIT_LINE_MAX + 2];
	size_t len; /* of the line at hand, without its end */
	struct bk_server_cert cert;
	const uint8_t *root;
	bool foreign;
};

/* 1: a whole line; 0: the end; -1: not a line of ours. */
static int next_line(struct reading *r)
{
	size_t n = 0;
	int c;

	while ((c = getc(r->in)) != EOF && c != '\n' && n < BK_AUDIT_LINE_MAX) {
		if (c < ' ' || c > '~')
			break;
		r->line[n++] = (char)c;
	}
	r->line[n] = '\0';
	r->len = n;
	if (c == EOF && !n)
		return 0;
	r->c->line++;
	return c == '\n' ? 1 : -1;
}

/* "HASH text" whose hash follows from what was before; the text, or NULL. */
static const char *chained(struct reading *r)
{
	char hash[HASH_TEXT + 1];
	const char *text = r->line + HASH_TEXT + 1;

	if (r->len < HASH_TEXT + 2 || r->line[HASH_TEXT] != ' ')
		return NULL;
	extend(&r->chain, text, r->len - HASH_TEXT - 1);
	bk_hex_encode(hash, r->chain.b, sizeof r->chain.b);
	return strncmp(hash, r->line, HASH_TEXT) == 0 ? text : NULL;
}

/* A decimal number and the blank after it. */
static bool take_number(const char **at, uint64_t *ret_value)
{
	char *end;

	if (!isdigit((unsigned char)**at))
		return false;
	*ret_value = strtoull(*at, &end, 10);
	if (*end != ' ')
		return false;
	*at = end + 1;
	return true;
}

static int read_cert(struct reading *r, const char *b64)
{
	uint8_t buf[CERT_MAX];
	size_t n = 0;
	Baken__Signed *m;
	Baken__ServerCert *s;
	int err;

	if (sodium_base642bin(buf, sizeof buf, b64, strlen(b64), NULL, &n, NULL, sodium_base64_VARIANT_ORIGINAL) != 0)
		return BK_E_INVAL;
	m = baken__signed__unpack(NULL, n, buf);
	s = m ? baken__server_cert__unpack(NULL, m->payload.len, m->payload.data) : NULL;
	err = s && s->receipt_key.len == BK_KEY_BYTES ? 0 : BK_E_INVAL;
	if (!err) {
		memcpy(r->cert.receipt_key, s->receipt_key.data, BK_KEY_BYTES);
		/* Good when it was made: an old export stays what it was. */
		r->foreign = r->root && bk_server_cert_verify(m, r->root, s->not_before_ms, &r->cert) != 0;
		bk_hex_encode(r->c->signer, r->cert.receipt_key, BK_KEY_BYTES);
	}
	if (s)
		baken__server_cert__free_unpacked(s, NULL);
	if (m)
		baken__signed__free_unpacked(m, NULL);
	return err;
}

static enum bk_audit_fault read_header(struct reading *r)
{
	const char *text;

	if (next_line(r) != 1 || strcmp(r->line, TITLE) != 0 || next_line(r) != 1)
		return BK_AUDIT_HEADER;
	text = chained(r);
	if (!text || strncmp(text, "begin ", 6) != 0)
		return BK_AUDIT_HEADER;
	text += 6;
	return take_number(&text, &r->c->number) && read_cert(r, text) == 0 ? BK_AUDIT_WHOLE : BK_AUDIT_HEADER;
}

static bool read_entry(struct reading *r)
{
	const char *text = chained(r);
	uint64_t number, at;

	if (!text || !take_number(&text, &number) || number != r->c->number + 1 || !take_number(&text, &at))
		return false;
	r->c->number = number;
	r->c->first_ms = r->c->count ? r->c->first_ms : at;
	r->c->last_ms = at;
	r->c->count++;
	return true;
}

static bool read_head(struct reading *r)
{
	const char *text = r->line + 4;
	char chain[HASH_TEXT + 1], again[2 * BK_SIG_BYTES + 1];
	uint64_t number, count;
	uint8_t message[sizeof CONTEXT + BK_AUDIT_LINE_MAX], sig[BK_SIG_BYTES];
	size_t len = 0;

	bk_hex_encode(chain, r->chain.b, sizeof r->chain.b);
	if (r->len < 2 * BK_SIG_BYTES + 1 || r->line[r->len - 2 * BK_SIG_BYTES - 1] != ' ' || !take_number(&text, &number) || !take_number(&text, &count) ||
		!take_number(&text, &r->c->signed_ms) || number != r->c->number || count != r->c->count ||
		strncmp(text, chain, HASH_TEXT) != 0 ||
		bk_hex_decode(sig, sizeof sig, r->line + r->len - 2 * BK_SIG_BYTES) != 0)
		return false;
	bk_hex_encode(again, sig, sizeof sig);
	if (strcmp(again, r->line + r->len - 2 * BK_SIG_BYTES) != 0) /* capitals are an alteration, too */
		return false;
	head_message(r->line, r->len - 2 * BK_SIG_BYTES - 1, message, &len);
	return crypto_sign_verify_detached(sig, message, len, r->cert.receipt_key) == 0;
}

static enum bk_audit_fault read_all(struct reading *r)
{
	enum bk_audit_fault fault = read_header(r);
	int got;

	if (fault)
		return fault;
	while ((got = next_line(r)) == 1 && strncmp(r->line, "end ", 4) != 0)
		if (!read_entry(r)) {
			r->c->number++;
			return BK_AUDIT_ENTRY;
		}
	if (got == 0)
		return BK_AUDIT_CUT;
	if (got < 0) {
		bool head = strncmp(r->line, "end ", 4) == 0;

		r->c->number += !head;
		return head ? BK_AUDIT_HEAD : BK_AUDIT_ENTRY;
	}
	if (!read_head(r))
		return BK_AUDIT_HEAD;
	if (next_line(r) != 0)
		return BK_AUDIT_AFTER;
	return r->foreign ? BK_AUDIT_FOREIGN : BK_AUDIT_WHOLE;
}

int bk_audit_export_check(FILE *in, const uint8_t *root, struct bk_audit_check *ret_check)
{
	struct reading *r = calloc(1, sizeof *r);

	if (!r)
		return BK_E_NOMEM;
	memset(ret_check, 0, sizeof *ret_check);
	r->in = in;
	r->c = ret_check;
	r->root = root;
	ret_check->fault = read_all(r);
	free(r);
	return ferror(in) ? BK_E_IO : 0;
}
