/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The audit: each entry's hash covers the one before, so a changed, missing or inserted entry shows. The head
 * (number and hash of the newest) and the anchor (of the newest that aged out) lie apart from the entries.
 */
#include <sodium.h>

#include "bytes.h"
#include "err.h"
#include "store_in.h"

#define EVENT_MAX 64u
#define DETAIL_MAX 1024u
#define LINK_BYTES (8 + BK_HASH_BYTES)

static int get_link(struct bk_txn *t, const char *name, uint64_t *ret_number, bk_hash *ret_hash)
{
	struct bk_bytes value = {NULL, 0};
	int err = bk_env_get(t, BK_T_META, name, strlen(name), &value);
	struct bk_reader r = bk_reader_of(value.data, value.len);

	*ret_number = 0;
	memset(ret_hash, 0, sizeof *ret_hash);
	if (err)
		return err == BK_E_NOT_FOUND ? 0 : err;
	*ret_number = bk_read_u64(&r);
	bk_read_bytes(&r, ret_hash->b, sizeof ret_hash->b);
	return bk_reader_done(&r) ? 0 : BK_E_CORRUPT;
}

static int put_link(struct bk_txn *t, const char *name, uint64_t number, bk_hash hash)
{
	uint8_t buf[LINK_BYTES];
	struct bk_writer w = bk_writer_of(buf, sizeof buf);

	bk_write_u64(&w, number);
	bk_write_bytes(&w, hash.b, sizeof hash.b);
	return bk_env_put(t, BK_T_META, name, strlen(name), buf, sizeof buf);
}

/* text: event, NUL, detail and its NUL, which the hash leaves out. */
void bk_store_audit_hash(bk_hash previous, uint64_t number, bk_ms at, struct bk_bytes text, bk_hash *ret_hash)
{
	crypto_hash_sha256_state h;
	uint8_t numbers[16];
	struct bk_writer w = bk_writer_of(numbers, sizeof numbers);

	bk_write_u64(&w, number);
	bk_write_u64(&w, at);
	crypto_hash_sha256_init(&h);
	crypto_hash_sha256_update(&h, previous.b, sizeof previous.b);
	crypto_hash_sha256_update(&h, numbers, sizeof numbers);
	crypto_hash_sha256_update(&h, text.data, text.len - 1);
	crypto_hash_sha256_final(&h, ret_hash->b);
}

int bk_store_check_audit(struct bk_store *s, struct bk_txn *t, struct bk_op *op)
{
	(void)s;
	(void)t;
	if (!op->audit.event || !op->audit.detail || !op->audit.event[0])
		return BK_E_INVAL;
	return strlen(op->audit.event) <= EVENT_MAX && strlen(op->audit.detail) <= DETAIL_MAX ? 0 : BK_E_TOO_BIG;
}

int bk_store_write_audit(struct bk_store *s, struct bk_txn *t, struct bk_op *op)
{
	uint8_t text[EVENT_MAX + DETAIL_MAX + 2], key[8];
	struct bk_writer w = bk_writer_of(text, sizeof text);
	struct bk_row_audit row;
	uint64_t number;
	bk_hash previous;
	int err = get_link(t, "audit", &number, &previous);

	(void)s;
	if (err)
		return err;
	bk_write_bytes(&w, op->audit.event, strlen(op->audit.event) + 1);
	bk_write_bytes(&w, op->audit.detail, strlen(op->audit.detail) + 1);
	number++;
	row.at_ms = op->now;
	row.text.data = text;
	row.text.len = sizeof text - w.left;
	bk_store_audit_hash(previous, number, row.at_ms, row.text, &row.hash);
	bk_store_key_number(key, number);
	err = bk_rows_put_audit(t, key, sizeof key, &row);
	op->audit.number = number;
	return err ? err : put_link(t, "audit", number, row.hash);
}

/* The oldest entry ages out; what follows is still held by its hash. */
int bk_store_drop_audit(struct bk_txn *t, const uint8_t key[static 8])
{
	struct bk_row_audit row;
	bk_hash hash;
	int err = bk_rows_get_audit(t, key, 8, &row);

	if (err)
		return err;
	hash = row.hash;
	err = bk_env_del(t, BK_T_AUDIT, key, 8);
	return err ? err : put_link(t, "audit-anchor", bk_store_number_of(key), hash);
}

/* ---- reading ---- */

static int decode(const struct bk_env_cursor *c, struct bk_row_audit *row, struct bk_audit_row *out)
{
	const char *text;
	size_t n;
	int err = c->key.len == 8 ? bk_rows_decode_audit(c->value, row) : BK_E_CORRUPT;

	if (err)
		return err;
	text = (const char *)row->text.data;
	if (row->text.len < 2 || text[row->text.len - 1] != '\0')
		return BK_E_CORRUPT;
	n = strlen(text) + 1;
	if (n >= row->text.len || strlen(text + n) + 1 + n != row->text.len)
		return BK_E_CORRUPT;
	out->number = bk_store_number_of(c->key.data);
	out->at_ms = row->at_ms;
	out->event = text;
	out->detail = text + n;
	out->hash = row->hash;
	return 0;
}

int bk_store_audit(struct bk_store_view *v, uint64_t from, int (*visit)(void *arg, const struct bk_audit_row *row),
	void *arg)
{
	struct bk_env_cursor c;
	uint8_t key[8];
	int err = bk_env_cursor_open(v->txn, BK_T_AUDIT, &c);

	bk_store_key_number(key, from);
	for (err = err ? err : bk_env_seek(&c, key, sizeof key); !err; err = bk_env_next(&c)) {
		struct bk_audit_row out;
		struct bk_row_audit row;
		int said;

		err = decode(&c, &row, &out);
		if (err)
			break;
		said = visit(arg, &out);
		if (said) {
			bk_env_cursor_close(&c);
			return said;
		}
	}
	bk_env_cursor_close(&c);
	return err == BK_E_NOT_FOUND ? 0 : err;
}

int bk_store_audit_verify(struct bk_store_view *v, uint64_t *ret_count, uint64_t *ret_bad)
{
	struct bk_env_cursor c;
	uint64_t number, head_number, count = 0;
	bk_hash previous, head, hash;
	int err = get_link(v->txn, "audit-anchor", &number, &previous);
	int last = err ? err : get_link(v->txn, "audit", &head_number, &head);

	if (last)
		return last;
	err = bk_env_cursor_open(v->txn, BK_T_AUDIT, &c);
	for (err = err ? err : bk_env_seek(&c, NULL, 0); !err; err = bk_env_next(&c)) {
		struct bk_audit_row out;
		struct bk_row_audit row;

		err = decode(&c, &row, &out);
		if (err || out.number != number + 1) {
			err = BK_E_CORRUPT;
			break;
		}
		bk_store_audit_hash(previous, out.number, out.at_ms, row.text, &hash);
		if (!bk_hash_equal(hash, row.hash)) {
			err = BK_E_CORRUPT;
			break;
		}
		number++;
		previous = hash;
		count++;
	}
	bk_env_cursor_close(&c);
	if (err == BK_E_NOT_FOUND) /* cutting off the newest entries shows, too */
		err = number == head_number && bk_hash_equal(previous, head) ? 0 : BK_E_CORRUPT;
	*ret_count = count;
	if (err == BK_E_CORRUPT)
		*ret_bad = number + 1;
	return err;
}
