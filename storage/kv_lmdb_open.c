/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "atomic_file.h"
#include "err.h"
#include "kv_fault.h"
#include "kv_lmdb_state.h"

#define PATH_BYTES 4096
#define MAP_BYTES (64ull << 20)
#define MAP_MAX_BYTES (8ull << 30)

/* The record without a name proves that the keys belong to these data. */
static const uint8_t proof[] = {'b', 'a', 'k', 'e', 'n', ' ', 's', 't', 'o', 'r', 'e', 1};

static int join(char out[static PATH_BYTES], const char *dir, const char *name)
{
	int n = snprintf(out, PATH_BYTES, "%s/%s", dir, name);

	return n > 0 && n < PATH_BYTES ? 0 : BK_E_INVAL;
}

static int take_lock(struct bk_kv_lmdb *kv)
{
	char path[PATH_BYTES];
	int err = join(path, kv->path, "lock");

	if (err)
		return err;
	kv->lock = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (kv->lock < 0)
		return bk_atomic_file_error(errno);
	if (flock(kv->lock, LOCK_EX | LOCK_NB) != 0)
		return errno == EWOULDBLOCK ? BK_E_LOCKED : BK_E_IO;
	return 0;
}

/* LMDB trusts its meta page: a file shorter than that says would end in SIGBUS. */
static int check_length(struct bk_kv_lmdb *kv)
{
	MDB_envinfo info;
	MDB_stat stat;
	struct stat st;
	mdb_filehandle_t fd;

	if (mdb_env_info(kv->env, &info) != 0 || mdb_env_stat(kv->env, &stat) != 0 ||
		mdb_env_get_fd(kv->env, &fd) != 0 || fstat(fd, &st) != 0)
		return BK_E_IO;
	if ((uint64_t)st.st_size < ((uint64_t)info.me_last_pgno + 1) * stat.ms_psize)
		return BK_E_CORRUPT;
	return 0;
}

static int open_env(struct bk_kv_lmdb *kv, uint64_t size, unsigned flags)
{
	char path[PATH_BYTES];
	MDB_txn *txn = NULL;
	struct stat st;
	int err = join(path, kv->path, "data.mdb");

	if (err)
		return err;
	while (stat(path, &st) == 0 && size < (uint64_t)st.st_size)
		size *= 2;
	err = bk_kv_lmdb_error(mdb_env_create(&kv->env));
	if (!err)
		err = bk_kv_lmdb_error(mdb_env_set_mapsize(kv->env, size));
	/* One process and one thread by our own lock: LMDB's lock file would only add a way to fail. */
	if (!err)
		err = bk_kv_lmdb_error(mdb_env_open(kv->env, path, MDB_NOSUBDIR | MDB_NOLOCK | MDB_NOTLS | flags, 0600));
	if (!err)
		err = check_length(kv);
	if (!err)
		err = bk_kv_lmdb_error(mdb_txn_begin(kv->env, NULL, MDB_RDONLY, &txn));
	if (!err)
		err = bk_kv_lmdb_error(mdb_dbi_open(txn, NULL, 0, &kv->dbi));
	if (txn)
		mdb_txn_abort(txn);
	return err;
}

void bk_kv_lmdb_reopen(struct bk_kv_lmdb *kv)
{
	mdb_env_close(kv->env);
	kv->env = NULL;
	if (open_env(kv, kv->map_size, MDB_RDONLY) != 0 && kv->env) {
		mdb_env_close(kv->env);
		kv->env = NULL;
	}
}

static int write_proof(struct bk_kv_lmdb *kv)
{
	int err = bk_kv_begin(&kv->base);

	if (err)
		return err;
	err = bk_kv_lmdb_store(kv, NULL, 0, proof, sizeof proof);
	if (!err)
		err = bk_kv_commit(&kv->base, NULL);
	if (err)
		bk_kv_abort(&kv->base);
	return err;
}

static int check_proof(struct bk_kv_lmdb *kv)
{
	uint8_t *value = NULL;
	size_t len = 0;
	int err = bk_kv_lmdb_fetch(kv, NULL, 0, &value, &len);

	if (!err && (len != sizeof proof || memcmp(value, proof, len - 1) != 0))
		err = BK_E_CORRUPT;
	if (!err && value[len - 1] > proof[len - 1])
		err = BK_E_VERSION;
	free(value);
	return err == BK_E_NOT_FOUND ? BK_E_CORRUPT : err;
}

static int load_name(struct bk_kv_lmdb *kv, const MDB_val *k, const MDB_val *v)
{
	struct bk_kv_record_name name;
	struct bk_kv_index_node *node;

	if (k->mv_size != BK_KV_RECORD_ID ||
		bk_kv_record_unseal_name(kv->keys, k->mv_data, v->mv_data, v->mv_size, &name) != 0) {
		kv->damaged++;
		return 0;
	}
	if (name.len == 0)
		return 0;
	node = bk_kv_fault_at(BK_KV_FAULT_ALLOC) ? NULL :
						   bk_kv_index_node_new(&kv->index, name.bytes, name.len);
	if (!node)
		return BK_E_NOMEM;
	bk_kv_index_link(&kv->index, node);
	return 0;
}

static int load_names(struct bk_kv_lmdb *kv)
{
	MDB_cursor *cursor = NULL;
	MDB_txn *txn = NULL;
	MDB_val k, v;
	int err = bk_kv_lmdb_error(mdb_txn_begin(kv->env, NULL, MDB_RDONLY, &txn));
	int rc;

	if (!err)
		err = bk_kv_lmdb_error(mdb_cursor_open(txn, kv->dbi, &cursor));
	while (!err) {
		rc = mdb_cursor_get(cursor, &k, &v, MDB_NEXT);
		if (rc == MDB_NOTFOUND)
			break;
		err = rc ? bk_kv_lmdb_error(rc) : load_name(kv, &k, &v);
	}
	if (cursor)
		mdb_cursor_close(cursor);
	if (txn)
		mdb_txn_abort(txn);
	return err;
}

static int new_kv(const struct bk_kv_lmdb_options *o, struct bk_kv_lmdb **ret_kv)
{
	struct bk_kv_lmdb *kv;

	if (!o->path || !o->passphrase || !o->passphrase[0] || strlen(o->path) >= sizeof kv->path)
		return BK_E_INVAL;
	if (sodium_init() < 0)
		return BK_E_CRYPTO;
	kv = calloc(1, sizeof *kv);
	if (!kv)
		return BK_E_NOMEM;
	kv->base.ops = &bk_kv_lmdb_ops;
	kv->lock = -1;
	memcpy(kv->path, o->path, strlen(o->path) + 1);
	kv->clock = o->clock ? o->clock : bk_backoff_clock_read;
	kv->map_size = o->map_bytes ? o->map_bytes : MAP_BYTES;
	kv->map_max = o->map_max_bytes ? o->map_max_bytes : MAP_MAX_BYTES;
	bk_kv_index_init(&kv->index);
	*ret_kv = kv;
	return 0;
}

static int use_master(struct bk_kv_lmdb *kv, const uint8_t *master)
{
	kv->keys = bk_kv_record_keys_new(master);
	return kv->keys ? 0 : BK_E_NOMEM;
}

/* Counts the try, does the work of it, and forgives all misses when it was right. */
static int try_keys(const struct bk_kv_lmdb *kv, int (*work)(const char *keys, void *arg), void *arg)
{
	char keys[PATH_BYTES], tries[PATH_BYTES];
	struct bk_backoff_clock now;
	uint64_t left = 0;
	int err = join(keys, kv->path, "keys");

	if (!err)
		err = join(tries, kv->path, "tries");
	if (!err && access(keys, F_OK) != 0)
		err = bk_atomic_file_error(errno);
	if (err)
		return err;
	kv->clock(&now);
	err = bk_backoff_begin(tries, &now, &left);
	if (err)
		return err;
	err = work(keys, arg);
	if (err != BK_E_PASSPHRASE && err != BK_E_EXISTS) /* whatever else failed, it was no guess */
		bk_backoff_forgive(tries, &now);
	return err;
}

struct opening {
	const char *passphrase;
	uint8_t *master;
	bool second;
};

static int try_open(const char *keys, void *arg)
{
	struct opening *o = arg;

	return bk_seal_keys_open(keys, o->passphrase, o->master, &o->second);
}

static int unlock_store(struct bk_kv_lmdb *kv, const struct bk_kv_lmdb_options *o)
{
	struct opening x = {.passphrase = o->passphrase, .master = sodium_malloc(BK_KEY_BYTES)};
	char path[PATH_BYTES];
	int err = join(path, kv->path, "keys");

	if (!x.master)
		return BK_E_NOMEM;
	bk_atomic_file_clean(path); /* of a change of passphrase that a crash cut off */
	if (!err)
		err = try_keys(kv, try_open, &x);
	if (!err)
		err = use_master(kv, x.master);
	kv->second = x.second;
	sodium_free(x.master);
	return err;
}

/*
 * The keys come last: their durable appearance makes the store exist, and its folder's fsync covers the data
 * file's name. Data without keys are what a crash left of an earlier attempt, readable by nobody.
 */
static int make_store(struct bk_kv_lmdb *kv, const struct bk_kv_lmdb_options *o)
{
	uint8_t *master = sodium_malloc(BK_KEY_BYTES);
	char keys[PATH_BYTES], data[PATH_BYTES];
	int err = join(keys, kv->path, "keys");

	if (!master)
		return BK_E_NOMEM;
	randombytes_buf(master, BK_KEY_BYTES);
	if (!err)
		err = join(data, kv->path, "data.mdb");
	if (!err && access(keys, F_OK) == 0)
		err = BK_E_EXISTS;
	if (!err && unlink(data) != 0 && errno != ENOENT)
		err = bk_atomic_file_error(errno);
	if (!err)
		err = use_master(kv, master);
	if (!err)
		err = open_env(kv, kv->map_size, 0);
	if (!err)
		err = write_proof(kv);
	if (!err)
		err = bk_seal_keys_create(keys, o->passphrase, &o->cost, master);
	sodium_free(master);
	return err;
}

static int make_folder(const char *path)
{
	bool made = mkdir(path, 0700) == 0;

	if (!made && errno != EEXIST)
		return bk_atomic_file_error(errno);
	if (chmod(path, 0700) != 0)
		return BK_E_IO;
	return made ? bk_atomic_file_sync_parent(path) : 0;
}

int bk_kv_lmdb_create(const struct bk_kv_lmdb_options *o, struct bk_kv **ret_kv)
{
	struct bk_kv_lmdb *kv = NULL;
	int err = new_kv(o, &kv);

	if (err)
		return err;
	err = make_folder(o->path);
	if (!err)
		err = take_lock(kv);
	if (!err)
		err = make_store(kv, o);
	if (err) {
		bk_kv_lmdb_close(&kv->base);
		return err;
	}
	*ret_kv = &kv->base;
	return 0;
}

int bk_kv_lmdb_open(const struct bk_kv_lmdb_options *o, struct bk_kv **ret_kv)
{
	struct bk_kv_lmdb *kv = NULL;
	char path[PATH_BYTES];
	int err = new_kv(o, &kv);

	if (err)
		return err;
	err = take_lock(kv);
	if (!err)
		err = unlock_store(kv, o);
	if (!err)
		err = join(path, kv->path, "data.mdb");
	/* LMDB would make an empty one: a store that lost its data must say so. */
	if (!err && access(path, F_OK) != 0)
		err = BK_E_CORRUPT;
	if (!err)
		err = open_env(kv, kv->map_size, 0);
	if (!err)
		err = check_proof(kv);
	if (!err)
		err = load_names(kv);
	if (err) {
		bk_kv_lmdb_close(&kv->base);
		return err;
	}
	*ret_kv = &kv->base;
	return 0;
}

void bk_kv_lmdb_close(struct bk_kv *base)
{
	struct bk_kv_lmdb *kv = (struct bk_kv_lmdb *)base;

	if (!kv)
		return;
	bk_kv_abort(base);
	if (kv->env)
		mdb_env_close(kv->env);
	bk_kv_index_done(&kv->index);
	bk_kv_record_keys_free(kv->keys);
	free(kv->undo);
	free(kv->scratch);
	if (kv->lock >= 0)
		close(kv->lock);
	free(kv);
}

bool bk_kv_lmdb_second(const struct bk_kv *base)
{
	return ((const struct bk_kv_lmdb *)base)->second;
}

int bk_kv_lmdb_check(struct bk_kv *base, const char *passphrase, bool *ret_second)
{
	struct opening x = {.passphrase = passphrase, .master = sodium_malloc(BK_KEY_BYTES)};
	int err = x.master ? try_keys((struct bk_kv_lmdb *)base, try_open, &x) : BK_E_NOMEM;

	if (!err)
		*ret_second = x.second;
	sodium_free(x.master);
	return err;
}

struct changing {
	const char *old, *fresh;
};

static int try_change(const char *keys, void *arg)
{
	const struct changing *x = arg;

	return bk_seal_keys_change(keys, x->old, x->fresh);
}

static int try_second(const char *keys, void *arg)
{
	const struct changing *x = arg;

	return bk_seal_keys_second(keys, x->old, x->fresh);
}

int bk_kv_lmdb_rekey(struct bk_kv *base, const char *old, const char *fresh)
{
	return try_keys((struct bk_kv_lmdb *)base, try_change, &(struct changing){old, fresh});
}

int bk_kv_lmdb_rekey_second(struct bk_kv *base, const char *passphrase, const char *fresh)
{
	return try_keys((struct bk_kv_lmdb *)base, try_second, &(struct changing){passphrase, fresh});
}

uint64_t bk_kv_lmdb_wait(const char *dir)
{
	char path[PATH_BYTES];
	struct bk_backoff_clock now;

	bk_backoff_clock_read(&now);
	return join(path, dir, "tries") ? 0 : bk_backoff_ask(path, &now);
}

size_t bk_kv_lmdb_damaged(const struct bk_kv *base)
{
	return ((const struct bk_kv_lmdb *)base)->damaged;
}

int bk_kv_lmdb_destroy(const char *dir)
{
	static const char *const names[] = {"data.mdb", "tries", "lock"};
	char path[PATH_BYTES];
	int err = join(path, dir, "keys");

	if (!err)
		err = bk_seal_keys_destroy(path);
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		int err2 = join(path, dir, names[i]);

		if (!err2 && unlink(path) != 0 && errno != ENOENT && errno != ENOTDIR)
			err2 = bk_atomic_file_error(errno);
		if (!err)
			err = err2;
	}
	if (rmdir(dir) != 0 && errno != ENOENT && errno != ENOTDIR && !err)
		err = bk_atomic_file_error(errno);
	return err;
}
