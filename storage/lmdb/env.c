/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "env.h"

#include <errno.h>
#include <lmdb.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "atomic_file.h"
#include "crashpoint.h"
#include "err.h"
#include "kv_fault.h"

#define MAP_DEFAULT (64ull << 30)
#define MAP_MIN (1ull << 20)
#define READERS_MAX 256u

struct bk_env {
	MDB_env *mdb;
	MDB_dbi dbi[BK_TABLES];
	bool read_only;
	char *file;
	uint64_t map_bytes;
	/* After a failed write of the meta page LMDB refuses reads, too. Nobody writes any more then, so a second,
	 * lockless view of the same file is safe, and reads go on. */
	_Atomic(struct bk_env *) rescue;
};

struct bk_txn {
	MDB_txn *mdb;
	struct bk_env *env;
	bool write;
};

static const char *const names[BK_TABLES] = {
#define X(table, name) name,
	BK_ENV_TABLES(X)
#undef X
};

static int error_of(int rc)
{
	switch (rc) {
	case 0:
		return 0;
	case MDB_NOTFOUND:
		return BK_E_NOT_FOUND;
	case MDB_MAP_FULL:
	case MDB_TXN_FULL:
	case MDB_BAD_TXN: /* an earlier write of the same transaction did not fit */
		return BK_E_FULL;
	case MDB_READERS_FULL:
		return BK_E_BUSY;
	case MDB_CORRUPTED:
	case MDB_PAGE_NOTFOUND:
	case MDB_INVALID:
		return BK_E_CORRUPT;
	case MDB_VERSION_MISMATCH:
		return BK_E_VERSION;
	case MDB_BAD_VALSIZE:
		return BK_E_INVAL;
	default:
		return rc > 0 ? bk_atomic_file_error(rc) : BK_E_IO;
	}
}

/* In a transaction that only reads there is no write that did not fit: it met a damaged page. */
static int error_in(bool write, int rc)
{
	return rc == MDB_BAD_TXN && !write ? BK_E_CORRUPT : error_of(rc);
}

static MDB_val val_of(const void *data, size_t len)
{
	MDB_val v;

	v.mv_size = len;
	v.mv_data = (void *)(uintptr_t)data;
	return v;
}

static struct bk_bytes bytes_of(const MDB_val *v)
{
	struct bk_bytes b = {v->mv_data, v->mv_size};

	return b;
}

/* LMDB trusts its meta page: a file shorter than that says would end in SIGBUS. */
static int check_length(MDB_env *mdb)
{
	MDB_envinfo info;
	MDB_stat stat;
	struct stat st;
	mdb_filehandle_t fd;

	if (mdb_env_info(mdb, &info) || mdb_env_stat(mdb, &stat) || mdb_env_get_fd(mdb, &fd) || fstat(fd, &st) != 0)
		return BK_E_IO;
	if ((uint64_t)st.st_size < ((uint64_t)info.me_last_pgno + 1) * stat.ms_psize)
		return BK_E_CORRUPT;
	return 0;
}

static int open_tables(struct bk_env *env)
{
	MDB_txn *txn = NULL;
	int rc = mdb_txn_begin(env->mdb, NULL, env->read_only ? MDB_RDONLY : 0, &txn);
	int err;

	for (size_t i = 0; !rc && i < BK_TABLES; i++)
		rc = mdb_dbi_open(txn, names[i], env->read_only ? 0 : MDB_CREATE, &env->dbi[i]);
	if (!rc) {
		rc = mdb_txn_commit(txn);
		txn = NULL;
	}
	if (txn)
		mdb_txn_abort(txn);
	err = error_of(rc);
	return err == BK_E_NOT_FOUND ? BK_E_CORRUPT : err;
}

static int open_file(struct bk_env *env, const char *file, uint64_t map_bytes, unsigned more)
{
	unsigned flags = MDB_NOSUBDIR | MDB_NOTLS | MDB_NORDAHEAD | (env->read_only ? MDB_RDONLY : 0u) | more;
	uint64_t size = map_bytes ? map_bytes : MAP_DEFAULT;
	struct stat st;
	int rc, dead = 0;

	/* An option that is too small for what is there must not make the store unreadable. */
	if (size < MAP_MIN)
		size = MAP_MIN;
	while (stat(file, &st) == 0 && size < (uint64_t)st.st_size)
		size *= 2;
	rc = mdb_env_create(&env->mdb);
	if (!rc)
		rc = mdb_env_set_mapsize(env->mdb, size);
	if (!rc)
		rc = mdb_env_set_maxdbs(env->mdb, BK_TABLES);
	if (!rc)
		rc = mdb_env_set_maxreaders(env->mdb, READERS_MAX);
	if (!rc)
		rc = mdb_env_open(env->mdb, file, flags, 0600);
	if (!rc)
		rc = mdb_reader_check(env->mdb, &dead);
	return error_of(rc);
}

static int open_env(const char *file, uint64_t map_bytes, bool read_only, unsigned flags, struct bk_env **ret_env)
{
	struct bk_env *env = calloc(1, sizeof *env);
	int err;

	if (!env)
		return BK_E_NOMEM;
	env->read_only = read_only;
	env->map_bytes = map_bytes;
	env->file = strdup(file);
	err = env->file ? open_file(env, file, map_bytes, flags) : BK_E_NOMEM;
	if (!err)
		err = check_length(env->mdb);
	if (!err)
		err = open_tables(env);
	if (err) {
		bk_env_close(env);
		return err;
	}
	*ret_env = env;
	return 0;
}

int bk_env_open(const char *file, uint64_t map_bytes, bool read_only, struct bk_env **ret_env)
{
	struct stat st;
	bool there = stat(file, &st) == 0;

	if (read_only && !there)
		return BK_E_NOT_FOUND;
	if (there && st.st_size == 0) /* LMDB would make a new one of it */
		return BK_E_CORRUPT;
	return open_env(file, map_bytes, read_only, 0, ret_env);
}

static struct bk_env *readable(struct bk_env *env)
{
	struct bk_env *rescue = atomic_load(&env->rescue);

	return rescue ? rescue : env;
}

/* The writer's thread, after a commit that failed. */
static void rescue_reads(struct bk_env *env)
{
	struct bk_env *rescue = NULL;
	MDB_txn *probe = NULL;
	int rc = mdb_txn_begin(env->mdb, NULL, MDB_RDONLY, &probe);

	if (!rc)
		mdb_txn_abort(probe);
	if (rc == MDB_PANIC && !atomic_load(&env->rescue) &&
		open_env(env->file, env->map_bytes, true, MDB_NOLOCK, &rescue) == 0)
		atomic_store(&env->rescue, rescue);
}

void bk_env_close(struct bk_env *env)
{
	if (!env)
		return;
	bk_env_close(atomic_load(&env->rescue));
	if (env->mdb)
		mdb_env_close(env->mdb);
	free(env->file);
	free(env);
}

/* Sum over LMDB's table of free pages (number 0): each value begins with its count. */
static int count_free(struct bk_env *env, uint64_t *ret_pages)
{
	MDB_cursor *cursor = NULL;
	MDB_txn *txn = NULL;
	MDB_val k, v;
	uint64_t pages = 0;
	int rc = mdb_txn_begin(readable(env)->mdb, NULL, MDB_RDONLY, &txn);

	if (rc)
		return error_of(rc);
	rc = mdb_cursor_open(txn, 0, &cursor);
	while (!rc && (rc = mdb_cursor_get(cursor, &k, &v, MDB_NEXT)) == 0) {
		size_t n = 0;

		memcpy(&n, v.mv_data, v.mv_size < sizeof n ? v.mv_size : sizeof n);
		pages += n;
	}
	if (cursor)
		mdb_cursor_close(cursor);
	mdb_txn_abort(txn);
	*ret_pages = pages;
	return rc == MDB_NOTFOUND ? 0 : error_of(rc);
}

int bk_env_extent(struct bk_env *env, uint64_t *ret_extent, uint64_t *ret_map)
{
	MDB_envinfo info;
	MDB_stat stat;

	if (mdb_env_info(env->mdb, &info) || mdb_env_stat(env->mdb, &stat))
		return BK_E_IO;
	*ret_extent = ((uint64_t)info.me_last_pgno + 1) * stat.ms_psize;
	*ret_map = info.me_mapsize;
	return 0;
}

int bk_env_usage(struct bk_env *env, uint64_t *ret_used, uint64_t *ret_map)
{
	uint64_t extent, spare = 0;
	MDB_stat stat;
	int err = bk_env_extent(env, &extent, ret_map);

	if (err || mdb_env_stat(env->mdb, &stat))
		return err ? err : BK_E_IO;
	/* Counting what is free costs a walk: only when the file has grown far enough for it to matter. */
	if (extent > *ret_map / 2)
		err = count_free(env, &spare);
	spare *= stat.ms_psize;
	*ret_used = extent > spare ? extent - spare : 0;
	return err;
}

int bk_env_copy(struct bk_env *env, const char *file)
{
	return error_of(mdb_env_copy2(readable(env)->mdb, file, MDB_CP_COMPACT));
}

/* ---- transactions ---- */

int bk_env_begin(struct bk_env *env, bool write, struct bk_txn **ret_txn)
{
	struct bk_txn *t = malloc(sizeof *t);
	int dead = 0, rc;

	if (!t)
		return BK_E_NOMEM;
	if (!write)
		env = readable(env);
	t->env = env;
	t->write = write;
	rc = mdb_txn_begin(env->mdb, NULL, write ? 0 : MDB_RDONLY, &t->mdb);
	if (rc == MDB_READERS_FULL && mdb_reader_check(env->mdb, &dead) == 0 && dead)
		rc = mdb_txn_begin(env->mdb, NULL, write ? 0 : MDB_RDONLY, &t->mdb);
	if (rc) {
		free(t);
		return error_of(rc);
	}
	*ret_txn = t;
	return 0;
}

/* LMDB calls a short write EIO; a short write happens when the disk or the allowed file size ends there. */
static bool disk_is_full(const struct bk_env *env)
{
	mdb_filehandle_t fd;

	return mdb_env_get_fd(env->mdb, &fd) == 0 && bk_atomic_file_is_full(fd);
}

int bk_env_commit(struct bk_txn *t)
{
	struct bk_env *env = t->env;
	int err;

	BK_CRASH_POINT("store-commit");
	err = bk_kv_fault_at(BK_KV_FAULT_COMMIT);
	if (err)
		mdb_txn_abort(t->mdb);
	else
		err = error_of(mdb_txn_commit(t->mdb));
	free(t);
	if (err == BK_E_IO) {
		rescue_reads(env);
		if (!atomic_load(&env->rescue) && disk_is_full(env))
			err = BK_E_FULL;
	}
	if (!err)
		BK_CRASH_POINT("store-committed");
	return err;
}

void bk_env_abort(struct bk_txn *t)
{
	if (!t)
		return;
	mdb_txn_abort(t->mdb);
	free(t);
}

/* ---- rows ---- */

int bk_env_get(struct bk_txn *t, enum bk_table table, const void *key, size_t len, struct bk_bytes *ret_value)
{
	MDB_val k = val_of(key, len), v;
	int rc = mdb_get(t->mdb, t->env->dbi[table], &k, &v);

	if (!rc)
		*ret_value = bytes_of(&v);
	return error_in(t->write, rc);
}

int bk_env_put(struct bk_txn *t, enum bk_table table, const void *key, size_t len, const void *value,
	size_t value_len)
{
	MDB_val k = val_of(key, len), v = val_of(value, value_len);
	int err = bk_kv_fault_at(BK_KV_FAULT_PUT);

	return err ? err : error_of(mdb_put(t->mdb, t->env->dbi[table], &k, &v, 0));
}

int bk_env_append(struct bk_txn *t, enum bk_table table, const void *key, size_t len, const void *value,
	size_t value_len)
{
	MDB_val k = val_of(key, len), v = val_of(value, value_len);
	int rc = mdb_put(t->mdb, t->env->dbi[table], &k, &v, MDB_APPEND);

	return rc == MDB_KEYEXIST ? BK_E_CORRUPT : error_of(rc);
}

int bk_env_del(struct bk_txn *t, enum bk_table table, const void *key, size_t len)
{
	MDB_val k = val_of(key, len);
	int err = bk_kv_fault_at(BK_KV_FAULT_DEL);

	return err ? err : error_of(mdb_del(t->mdb, t->env->dbi[table], &k, NULL));
}

int bk_env_count(struct bk_txn *t, enum bk_table table, uint64_t *ret_rows)
{
	MDB_stat stat;
	int rc = mdb_stat(t->mdb, t->env->dbi[table], &stat);

	if (!rc)
		*ret_rows = stat.ms_entries;
	return error_in(t->write, rc);
}

/* ---- cursors ---- */

int bk_env_cursor_open(struct bk_txn *t, enum bk_table table, struct bk_env_cursor *c)
{
	MDB_cursor *handle = NULL;
	int rc;

	memset(c, 0, sizeof *c);
	rc = mdb_cursor_open(t->mdb, t->env->dbi[table], &handle);
	c->handle = handle;
	c->write = t->write;
	return error_in(c->write, rc);
}

void bk_env_cursor_close(struct bk_env_cursor *c)
{
	if (c->handle)
		mdb_cursor_close(c->handle);
	c->handle = NULL;
}

static int move(struct bk_env_cursor *c, MDB_val k, MDB_cursor_op op)
{
	MDB_val v = {0, NULL};
	int rc = mdb_cursor_get(c->handle, &k, &v, op);

	if (!rc) {
		c->key = bytes_of(&k);
		c->value = bytes_of(&v);
	}
	return error_in(c->write, rc);
}

int bk_env_seek(struct bk_env_cursor *c, const void *key, size_t len)
{
	return move(c, val_of(key, len), len ? MDB_SET_RANGE : MDB_FIRST);
}

int bk_env_next(struct bk_env_cursor *c)
{
	return move(c, val_of(NULL, 0), MDB_NEXT);
}

bool bk_env_has_prefix(const struct bk_env_cursor *c, const void *prefix, size_t len)
{
	return c->key.len >= len && (len == 0 || memcmp(c->key.data, prefix, len) == 0);
}
