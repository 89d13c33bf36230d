/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Backup: a compact copy of a live store and a manifest. The manifest is written last, so a folder without one
 * is an unfinished backup. Restore trusts nothing before it has compared hashes and walked every table.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "atomic_file.h"
#include "crashpoint.h"
#include "err.h"
#include "store_in.h"

#define MANIFEST "manifest"
#define MANIFEST_MAX 512
#define RESTORING "restoring" /* the folder in which a restore works until it is whole */
#define CHUNK (64u * 1024u)

struct manifest {
	uint32_t schema;
	bk_ms made_ms;
	uint64_t size;
	bk_hash hash;
};

static int join(char out[static BK_STORE_PATH_MAX], const char *dir, const char *name)
{
	int n = snprintf(out, BK_STORE_PATH_MAX, "%s/%s", dir, name);

	return n > 0 && n < BK_STORE_PATH_MAX ? 0 : BK_E_INVAL;
}

/* An absent or an empty one, but for what a crash left of a restore. BK_E_EXISTS: nothing is overwritten. */
static int make_folder(const char *path)
{
	struct dirent *entry;
	bool empty = true;
	DIR *dir;

	if (mkdir(path, 0700) == 0)
		return 0;
	if (errno != EEXIST)
		return bk_atomic_file_error(errno);
	dir = opendir(path);
	if (!dir)
		return errno == ENOTDIR ? BK_E_EXISTS : bk_atomic_file_error(errno);
	while ((entry = readdir(dir)))
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
			strcmp(entry->d_name, RESTORING) != 0)
			empty = false;
	closedir(dir);
	if (!empty)
		return BK_E_EXISTS;
	return chmod(path, 0700) == 0 ? 0 : bk_atomic_file_error(errno);
}

/* Reads a file to its end; with out >= 0 also writes it there. */
static int pump(int in, int out, uint64_t *ret_size, bk_hash *ret_hash)
{
	crypto_hash_sha256_state h;
	uint8_t *buf = malloc(CHUNK);
	uint64_t size = 0;
	int err = buf ? 0 : BK_E_NOMEM;

	crypto_hash_sha256_init(&h);
	while (!err) {
		ssize_t n = read(in, buf, CHUNK);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			err = bk_atomic_file_error(errno);
		if (n <= 0)
			break;
		crypto_hash_sha256_update(&h, buf, (unsigned long long)n);
		size += (uint64_t)n;
		for (ssize_t at = 0; !err && out >= 0 && at < n;) {
			ssize_t w = write(out, buf + at, (size_t)(n - at));

			if (w < 0 && errno != EINTR)
				err = bk_atomic_file_error(errno);
			at += w > 0 ? w : 0;
		}
	}
	free(buf);
	*ret_size = size;
	crypto_hash_sha256_final(&h, ret_hash->b);
	return err;
}

/* LMDB's copy is not on the disk until it was asked to be. */
static int sync_and_hash(const char *file, struct manifest *m)
{
	int fd = open(file, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	int err;

	if (fd < 0)
		return bk_atomic_file_error(errno);
	err = fsync(fd) == 0 ? 0 : BK_E_IO;
	if (!err && fchmod(fd, 0600) != 0)
		err = BK_E_IO;
	if (!err)
		err = pump(fd, -1, &m->size, &m->hash);
	close(fd);
	return err;
}

static int format_manifest(const struct manifest *m, char text[static MANIFEST_MAX])
{
	char hash[BK_HASH_TEXT];
	int n;

	bk_hex_encode(hash, m->hash.b, sizeof m->hash.b);
	n = snprintf(text, MANIFEST_MAX,
		"baken-backup 1\nschema %" PRIu32 "\nmade %" PRIu64 "\n" BK_STORE_FILE " %" PRIu64 " %s\n", m->schema,
		m->made_ms, m->size, hash);
	return n > 0 && n < MANIFEST_MAX ? n : BK_E_INVAL;
}

static int write_manifest(const char *dir, const struct manifest *m)
{
	char text[MANIFEST_MAX], path[BK_STORE_PATH_MAX];
	int err = join(path, dir, MANIFEST);
	int n = format_manifest(m, text);

	if (n < 0)
		return n;
	return err ? err : bk_atomic_file_write(path, text, (size_t)n);
}

/* What is not, byte for byte, as we would have written it is not read at all. */
static int parse_manifest(const char *text, size_t len, struct manifest *m)
{
	char again[MANIFEST_MAX], hash[BK_HASH_TEXT];
	unsigned version = 0;
	int n;

	if (sscanf(text, "baken-backup %u", &version) != 1)
		return BK_E_CORRUPT;
	if (version != 1)
		return BK_E_VERSION;
	if (sscanf(text, "baken-backup %u schema %" SCNu32 " made %" SCNu64 " " BK_STORE_FILE " %" SCNu64 " %64s", &version,
		    &m->schema, &m->made_ms, &m->size, hash) != 5 ||
		bk_hex_decode(m->hash.b, sizeof m->hash.b, hash) != 0)
		return BK_E_CORRUPT;
	n = format_manifest(m, again);
	return n >= 0 && (size_t)n == len && m->schema && memcmp(text, again, len) == 0 ? 0 : BK_E_CORRUPT;
}

static int read_manifest(const char *dir, struct manifest *m)
{
	char path[BK_STORE_PATH_MAX], text[MANIFEST_MAX + 1];
	uint8_t *data = NULL;
	size_t len = 0;
	int err = join(path, dir, MANIFEST);

	if (!err)
		err = bk_atomic_file_read(path, MANIFEST_MAX, &data, &len);
	if (err)
		return err == BK_E_NOT_FOUND ? BK_E_INCOMPLETE : err;
	memcpy(text, data, len);
	text[len] = '\0';
	free(data);
	return parse_manifest(text, len, m);
}

static void remove_partial(const char *dir)
{
	static const char *const names[] = {BK_STORE_FILE, BK_STORE_FILE "-lock", "lock", MANIFEST};
	char path[BK_STORE_PATH_MAX];

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (join(path, dir, names[i]) == 0)
			unlink(path);
	rmdir(dir);
}

int bk_store_backup(struct bk_store *s, const char *to, bk_ms now)
{
	struct manifest m = {.schema = BK_STORE_SCHEMA, .made_ms = now};
	char file[BK_STORE_PATH_MAX];
	int err = join(file, to, BK_STORE_FILE);

	if (!err)
		err = make_folder(to);
	if (err)
		return err;
	err = bk_env_copy(s->env, file);
	BK_CRASH_POINT("store-backup-copied");
	if (!err)
		err = sync_and_hash(file, &m);
	if (!err)
		err = write_manifest(to, &m);
	if (!err)
		err = bk_atomic_file_sync_parent(to);
	if (err)
		remove_partial(to);
	return err;
}

/* ---- restore ---- */

static int copy_file(const char *from, const char *to, const struct manifest *m)
{
	char in_path[BK_STORE_PATH_MAX], out_path[BK_STORE_PATH_MAX];
	int in = -1, out = -1;
	uint64_t size = 0;
	bk_hash hash;
	int err = join(in_path, from, BK_STORE_FILE);

	if (!err)
		err = join(out_path, to, BK_STORE_FILE);
	if (err)
		return err;
	in = open(in_path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (in < 0)
		return errno == ENOENT ? BK_E_INCOMPLETE : bk_atomic_file_error(errno);
	out = open(out_path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	err = out < 0 ? bk_atomic_file_error(errno) : pump(in, out, &size, &hash);
	if (!err && (size != m->size || !bk_hash_equal(hash, m->hash)))
		err = BK_E_HASH;
	if (!err && fsync(out) != 0)
		err = BK_E_IO;
	if (out >= 0)
		close(out);
	close(in);
	return err;
}

static int clear_table(struct bk_txn *t, enum bk_table table)
{
	for (;;) {
		uint8_t key[BK_ENV_KEY_MAX];
		size_t len = 0;
		int err = bk_store_first(t, table, NULL, 0, key, &len);

		if (err == BK_E_NOT_FOUND)
			return 0;
		if (!err)
			err = bk_env_del(t, table, key, len);
		if (err)
			return err;
	}
}

/* Walks a table and lets `change` rewrite each row. */
static int rewrite(struct bk_txn *t, enum bk_table table, int (*change)(struct bk_txn *t, const uint8_t *device))
{
	uint8_t key[BK_ID_BYTES + 1] = {0};
	size_t len = 0;

	for (;;) {
		struct bk_env_cursor c;
		int err = bk_env_cursor_open(t, table, &c);

		if (!err)
			err = bk_env_seek(&c, key, len);
		if (!err && c.key.len != BK_ID_BYTES)
			err = BK_E_CORRUPT;
		if (!err)
			memcpy(key, c.key.data, BK_ID_BYTES);
		bk_env_cursor_close(&c);
		if (err)
			return err == BK_E_NOT_FOUND ? 0 : err;
		len = sizeof key; /* the key and a zero byte: the next one */
		err = change(t, key);
		if (err)
			return err;
	}
}

static int jump(struct bk_txn *t, const uint8_t *device)
{
	struct bk_row_state row;
	int err = bk_rows_get_state(t, device, BK_ID_BYTES, &row);

	if (err)
		return err;
	row.next += BK_STORE_RESTORE_JUMP;
	memset(&row.session, 0, sizeof row.session);
	return bk_rows_put_state(t, device, BK_ID_BYTES, &row);
}

static int empty_prekeys(struct bk_txn *t, const uint8_t *device)
{
	struct bk_row_prekeys row;
	int err = bk_rows_get_prekeys(t, device, BK_ID_BYTES, &row);

	if (err)
		return err;
	row.left = 0;
	return bk_rows_put_prekeys(t, device, BK_ID_BYTES, &row);
}

/*
 * The time between backup and restore happened, but not here. Numbers given out then must not be given again;
 * one-time keys issued then must not be issued again; tickets used then must not be good again.
 */
static int mark_restored(struct bk_store *s, bk_ms now)
{
	struct bk_txn *t = NULL;
	uint64_t floor = 0;
	int err = bk_env_begin(s->env, true, &t);

	if (err)
		return err;
	err = bk_store_meta_put(t, "restored", now);
	if (!err)
		err = bk_store_meta_put(t, "frozen", 1);
	if (!err)
		err = clear_table(t, BK_T_SESSION);
	if (!err)
		err = clear_table(t, BK_T_TICKET);
	if (!err)
		err = clear_table(t, BK_T_CLAIM);
	if (!err)
		err = bk_store_hold_watches(t);
	if (!err)
		err = clear_table(t, BK_T_PREKEY);
	if (!err)
		err = rewrite(t, BK_T_PREKEYS, empty_prekeys);
	if (!err)
		err = rewrite(t, BK_T_STATE, jump);
	if (!err)
		err = bk_store_meta_get(t, "floor", &floor);
	if (!err) /* of devices without a state: enrolled since, or not written to before */
		err = bk_store_meta_put(t, "floor", floor + BK_STORE_RESTORE_JUMP);
	if (err) {
		bk_env_abort(t);
		return err;
	}
	return bk_store_end(s, t);
}

struct held {
	struct bk_store_stats *stats;
	bk_ms now;
};

static int count_held(void *arg, const struct bk_watch_row *row)
{
	struct held *h = arg;

	h->stats->timers_held += row->state == BK_WATCH_HELD;
	h->stats->timers_due += row->state == BK_WATCH_HELD && row->due_ms + row->grace_ms <= h->now;
	return 0;
}

static int look_through(struct bk_store *s, bk_ms now, struct bk_store_stats *ret_stats)
{
	struct held held = {ret_stats, now};
	struct bk_store_view *v = NULL;
	int err = bk_store_view_begin(s, &v);

	if (!err)
		err = bk_store_check(v);
	if (!err)
		err = bk_store_stats(v, ret_stats);
	if (!err)
		err = bk_store_due(v, now, &ret_stats->due);
	if (!err)
		err = bk_store_watches(v, count_held, &held);
	bk_store_view_end(v);
	return err;
}

/* Copies, opens, looks through, marks: in a folder of its own, so that no half restored store can be started. */
static int restore_in(const char *from, const char *work, const uint8_t *seal_key, const struct manifest *m, bk_ms now,
	struct bk_store_stats *ret_stats)
{
	struct bk_store_options o = {.path = work, .seal_key = seal_key};
	struct bk_store *s = NULL;
	int err;

	remove_partial(work);
	err = make_folder(work);
	if (!err)
		err = copy_file(from, work, m);
	BK_CRASH_POINT("store-restore-copied");
	if (!err)
		err = bk_store_open(&o, &s);
	if (!err)
		err = look_through(s, now, ret_stats);
	if (!err)
		err = mark_restored(s, now);
	if (!err)
		err = look_through(s, now, ret_stats);
	bk_store_close(s);
	return err;
}

static int put_in_place(const char *work, const char *to)
{
	char made[BK_STORE_PATH_MAX], file[BK_STORE_PATH_MAX];
	int err = join(made, work, BK_STORE_FILE);

	if (!err)
		err = join(file, to, BK_STORE_FILE);
	BK_CRASH_POINT("store-restore-marked");
	if (!err && rename(made, file) != 0)
		err = bk_atomic_file_error(errno);
	if (!err)
		err = bk_atomic_file_sync_dir(to);
	return err ? err : bk_atomic_file_sync_parent(to);
}

int bk_store_restore(const char *from, const char *to, const uint8_t seal_key[static BK_KEY_BYTES], bk_ms now,
	struct bk_store_stats *ret_stats)
{
	char work[BK_STORE_PATH_MAX];
	struct bk_store_stats stats;
	struct manifest m;
	int err = read_manifest(from, &m);

	if (!err && m.schema > BK_STORE_SCHEMA)
		err = BK_E_VERSION;
	if (!err)
		err = join(work, to, RESTORING);
	if (!err)
		err = make_folder(to);
	if (err)
		return err;
	err = restore_in(from, work, seal_key, &m, now, &stats);
	if (!err)
		err = put_in_place(work, to);
	remove_partial(work);
	if (err)
		remove_partial(to);
	else
		*ret_stats = stats;
	return err;
}
