/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Files: what the store knows of them; their bytes lie beside it. Until a message names it, a file counts
 * against the quota of the device that uploaded it, and lives as long as an unfinished upload.
 */
#include "err.h"
#include "store_in.h"

static uint64_t counted(uint64_t size)
{
	return size < BK_STORE_FILE_LEAST ? BK_STORE_FILE_LEAST : size;
}

/* Number and bytes of what counts against a device. */
static int usage(struct bk_txn *t, bk_id device, uint64_t *ret_open, uint64_t *ret_bytes)
{
	struct bk_env_cursor c;
	int err = bk_env_cursor_open(t, BK_T_OPEN, &c);

	*ret_open = 0;
	*ret_bytes = 0;
	for (err = err ? err : bk_env_seek(&c, device.b, sizeof device.b); !err; err = bk_env_next(&c)) {
		struct bk_row_open row;

		if (!bk_env_has_prefix(&c, device.b, sizeof device.b))
			break;
		err = bk_rows_decode_open(c.value, &row);
		if (err)
			break;
		*ret_open += row.complete ? 0 : 1;
		*ret_bytes += counted(row.size);
	}
	bk_env_cursor_close(&c);
	return err == BK_E_NOT_FOUND ? 0 : err;
}

int bk_store_check_file_new(struct bk_store *s, struct bk_txn *t, struct bk_op *op)
{
	struct bk_row_device device;
	uint64_t n = 0, bytes = 0;
	int err = bk_store_live_device(t, op->file_new.device, &device);

	if (err)
		return err;
	if (!op->file_new.size)
		return BK_E_INVAL;
	if (op->file_new.size > BK_FILE_CIPHER_MAX)
		return BK_E_TOO_BIG;
	err = bk_rows_get_upload(t, op->file_new.upload.b, BK_ID_BYTES, &s->plan.upload);
	if (err != BK_E_NOT_FOUND)
		return err ? err : BK_E_EXISTS;
	err = usage(t, op->file_new.device, &n, &bytes);
	if (err)
		return err;
	return n < s->bounds.open && bytes + counted(op->file_new.size) <= s->bounds.open_bytes ? 0 : BK_E_QUOTA;
}

int bk_store_write_file_new(struct bk_store *s, struct bk_txn *t, struct bk_op *op)
{
	struct bk_row_open open = {op->file_new.size, false};
	struct bk_row_upload row;
	uint8_t key[BK_KEY_PAIR];
	int err;

	(void)s;
	memset(&row, 0, sizeof row);
	row.device = op->file_new.device;
	row.size = op->file_new.size;
	row.created_ms = op->now;
	err = bk_rows_put_upload(t, op->file_new.upload.b, BK_ID_BYTES, &row);
	bk_store_key_pair(key, op->file_new.device, op->file_new.upload);
	return err ? err : bk_rows_put_open(t, key, sizeof key, &open);
}

static int check_owner(struct bk_store *s, struct bk_txn *t, bk_id upload, bk_id device)
{
	int err = bk_rows_get_upload(t, upload.b, sizeof upload.b, &s->plan.upload);

	if (!err && !bk_id_equal(s->plan.upload.device, device))
		return BK_E_NOT_FOUND; /* another's: as if it were not there */
	return err;
}

int bk_store_check_file_done(struct bk_store *s, struct bk_txn *t, struct bk_op *op)
{
	int err = check_owner(s, t, op->file_done.upload, op->file_done.device);

	if (!err && s->plan.upload.complete && !bk_hash_equal(s->plan.upload.hash, op->file_done.hash))
		err = BK_E_HASH;
	return err;
}

int bk_store_write_file_done(struct bk_store *s, struct bk_txn *t, struct bk_op *op)
{
	struct bk_row_upload row = s->plan.upload;
	struct bk_row_open open = {row.size, true};
	struct bk_row_file file;
	uint8_t key[BK_KEY_PAIR];
	int err;

	if (row.complete)
		return 0; /* repeated */
	row.complete = true;
	row.hash = op->file_done.hash;
	bk_store_key_pair(key, row.device, op->file_done.upload);
	err = bk_rows_put_upload(t, op->file_done.upload.b, BK_ID_BYTES, &row);
	if (!err)
		err = bk_rows_put_open(t, key, sizeof key, &open);
	if (!err)
		err = bk_rows_get_file(t, row.hash.b, sizeof row.hash.b, &file);
	if (err && err != BK_E_NOT_FOUND)
		return err;
	if (err) { /* else the same bytes came before, under another upload: that one stands for them, as if new */
		memset(&file, 0, sizeof file);
		file.upload = op->file_done.upload;
	}
	file.last_ms = op->now;
	return bk_rows_put_file(t, row.hash.b, sizeof row.hash.b, &file);
}

/* Only what no message has named: evidence that was reported is not its sender's to take back here. */
int bk_store_check_file_del(struct bk_store *s, struct bk_txn *t, struct bk_op *op)
{
	struct bk_row_file file;
	int err = check_owner(s, t, op->file_del.upload, op->file_del.device);

	if (err || !s->plan.upload.complete)
		return err;
	err = bk_rows_get_file(t, s->plan.upload.hash.b, BK_HASH_BYTES, &file);
	if (err)
		return err == BK_E_NOT_FOUND ? 0 : err;
	return file.named && bk_id_equal(file.upload, op->file_del.upload) ? BK_E_STATE : 0;
}

int bk_store_write_file_del(struct bk_store *s, struct bk_txn *t, struct bk_op *op)
{
	(void)s;
	return bk_store_drop_upload(t, op->file_del.upload);
}

/* With the file it stands for, if it does. */
int bk_store_drop_upload(struct bk_txn *t, bk_id upload)
{
	struct bk_row_upload row;
	struct bk_row_file file;
	uint8_t key[BK_KEY_PAIR];
	int err = bk_rows_get_upload(t, upload.b, sizeof upload.b, &row);

	if (err)
		return err;
	if (row.complete) {
		err = bk_rows_get_file(t, row.hash.b, sizeof row.hash.b, &file);
		if (!err && bk_id_equal(file.upload, upload))
			err = bk_env_del(t, BK_T_FILE, row.hash.b, sizeof row.hash.b);
		if (err && err != BK_E_NOT_FOUND)
			return err;
	}
	bk_store_key_pair(key, row.device, upload);
	err = bk_store_del(t, BK_T_OPEN, key, sizeof key);
	return err ? err : bk_env_del(t, BK_T_UPLOAD, upload.b, sizeof upload.b);
}

/* Of a device that is cut off: what it had not finished. Complete files age like others. */
int bk_store_drop_uploads(struct bk_txn *t, bk_id device)
{
	uint8_t start[BK_KEY_PAIR + 1] = {0}, key[BK_KEY_PAIR];
	struct bk_row_upload row;
	struct bk_env_cursor c;
	size_t len = BK_ID_BYTES;
	bool found;
	bk_id upload;
	int err;

	memcpy(start, device.b, sizeof device.b);
	for (;;) {
		err = bk_env_cursor_open(t, BK_T_OPEN, &c);
		if (!err)
			err = bk_env_seek(&c, start, len);
		found = !err && c.key.len == sizeof key && bk_env_has_prefix(&c, device.b, sizeof device.b);
		if (found)
			memcpy(key, c.key.data, sizeof key);
		bk_env_cursor_close(&c);
		if (!found)
			return err == BK_E_NOT_FOUND ? 0 : err;
		memcpy(start, key, sizeof key);
		len = sizeof start; /* the key and a zero byte: the next one */
		memcpy(upload.b, key + BK_ID_BYTES, sizeof upload.b);
		err = bk_rows_get_upload(t, upload.b, sizeof upload.b, &row);
		if (!err && !row.complete)
			err = bk_store_drop_upload(t, upload);
		if (err)
			return err;
	}
}
