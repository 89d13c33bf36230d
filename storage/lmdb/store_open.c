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
#include "crashpoint.h"
#include "err.h"
#include "store_in.h"

#define SEAL_PROOF (24 + 16 + 16)

static const uint8_t proof[16] = {'b', 'a', 'k', 'e', 'n', ' ', 's', 't', 'o', 'r', 'e', ' ', 's', 'e', 'a', 'l'};

static void fill_defaults(struct bk_store *s, const struct bk_store_options *o)
{
	s->bounds = (struct bk_store_bounds){
#define X(name, rows) .name = (rows),
		BK_STORE_BOUNDS(X)
#undef X
	};
	s->o = *o;
	s->o.path = NULL;
	s->o.seal_key = NULL;
	if (!s->o.queue_max)
		s->o.queue_max = 20000;
	if (!s->o.queue_bytes_max)
		s->o.queue_bytes_max = 256ull << 20;
	if (!s->o.dedupe_ms)
		s->o.dedupe_ms = 30 * BK_STORE_DAY_MS;
	if (!s->o.outbox_ms)
		s->o.outbox_ms = 90 * BK_STORE_DAY_MS;
	if (!s->o.body_ms)
		s->o.body_ms = 365 * BK_STORE_DAY_MS;
	if (!s->o.file_ms)
		s->o.file_ms = 365 * BK_STORE_DAY_MS;
	if (!s->o.upload_ms)
		s->o.upload_ms = 7 * BK_STORE_DAY_MS;
}

/* One key from the operator, one for each use. */
static int derive_keys(struct bk_store *s, const uint8_t *seal_key)
{
	static const char seal[] = "baken-store-seal-v1", served[] = "baken-store-served-v1",
			  push[] = "baken-store-push-v1";

	if (!seal_key)
		return s->o.read_only ? 0 : BK_E_INVAL;
	s->keys = sodium_malloc(sizeof *s->keys);
	if (!s->keys)
		return BK_E_NOMEM;
	crypto_generichash(s->keys->seal, BK_KEY_BYTES, (const uint8_t *)seal, sizeof seal - 1, seal_key, BK_KEY_BYTES);
	crypto_generichash(s->keys->served, BK_KEY_BYTES, (const uint8_t *)served, sizeof served - 1, seal_key,
		BK_KEY_BYTES);
	crypto_generichash(s->keys->push, BK_KEY_BYTES, (const uint8_t *)push, sizeof push - 1, seal_key, BK_KEY_BYTES);
	return 0;
}

static int join(char out[static BK_STORE_PATH_MAX], const char *dir, const char *name)
{
	int n = snprintf(out, BK_STORE_PATH_MAX, "%s/%s", dir, name);

	return n > 0 && n < BK_STORE_PATH_MAX ? 0 : BK_E_INVAL;
}

/* One writing process. Readers do not take it: status of a live store must work. */
static int take_lock(struct bk_store *s)
{
	char path[BK_STORE_PATH_MAX];
	int err = join(path, s->path, "lock");

	if (err)
		return err;
	s->lock = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (s->lock < 0)
		return bk_atomic_file_error(errno);
	if (flock(s->lock, LOCK_EX | LOCK_NB) != 0)
		return errno == EWOULDBLOCK ? BK_E_LOCKED : BK_E_IO;
	return 0;
}

static int make_folder(const char *path)
{
	bool made = mkdir(path, 0700) == 0;

	if (!made && errno != EEXIST)
		return bk_atomic_file_error(errno);
	if (chmod(path, 0700) != 0)
		return bk_atomic_file_error(errno);
	return made ? bk_atomic_file_sync_parent(path) : 0;
}

static int write_first(struct bk_store *s, struct bk_txn *t)
{
	uint8_t sealed[SEAL_PROOF];
	int err;

	randombytes_buf(sealed, 24);
	crypto_secretbox_easy(sealed + 24, proof, sizeof proof, sealed, s->keys->seal);
	err = bk_store_meta_put(t, "schema", BK_STORE_SCHEMA);
	return err ? err : bk_env_put(t, BK_T_META, "seal", 4, sealed, sizeof sealed);
}

static int check_seal(struct bk_store *s, struct bk_txn *t)
{
	uint8_t plain[sizeof proof];
	struct bk_bytes sealed;
	int err = bk_env_get(t, BK_T_META, "seal", 4, &sealed);

	if (err || sealed.len != SEAL_PROOF)
		return err && err != BK_E_NOT_FOUND ? err : BK_E_CORRUPT;
	if (!s->keys)
		return 0;
	if (crypto_secretbox_open_easy(plain, sealed.data + 24, SEAL_PROOF - 24, sealed.data, s->keys->seal) != 0)
		return BK_E_PASSPHRASE;
	return sodium_memcmp(plain, proof, sizeof proof) == 0 ? 0 : BK_E_CORRUPT;
}

/* Newer: not ours to touch. Older: brought up in the transaction at hand. */
static int check_schema(struct bk_store *s, struct bk_txn *t, uint64_t ours, bool *ret_changed)
{
	uint64_t schema = 0, rows = 0;
	int err = bk_store_meta_get(t, "schema", &schema);

	if (!err)
		err = bk_env_count(t, BK_T_META, &rows);
	if (err)
		return err;
	*ret_changed = schema != ours;
	if (!schema && !rows && !s->o.read_only)
		return write_first(s, t);
	if (!schema)
		return BK_E_CORRUPT;
	if (schema > ours || (schema < ours && s->o.read_only))
		return BK_E_VERSION;
	return check_seal(s, t);
}

int bk_store_take_in(struct bk_store *s, const struct bk_store_step *steps, uint64_t schema)
{
	struct bk_txn *t = NULL;
	bool changed = false;
	uint64_t frozen = 0;
	int err = bk_env_begin(s->env, !s->o.read_only, &t);

	if (err)
		return err;
	err = check_schema(s, t, schema, &changed);
	if (!err)
		err = bk_store_meta_get(t, "frozen", &frozen);
	s->frozen = frozen != 0;
	if (!err && changed)
		err = bk_store_migrate(s, t, steps, schema);
	if (!err && changed)
		return bk_env_commit(t);
	bk_env_abort(t);
	return err;
}

static int open_file(struct bk_store *s, const char *file)
{
	int err = bk_env_open(file, s->o.map_bytes, s->o.read_only, &s->env);

	return err ? err : bk_store_take_in(s, bk_store_steps, BK_STORE_SCHEMA);
}

/*
 * Made under another name and renamed when it is whole: so an empty or half store under its own name is damage and
 * never taken for a new one.
 */
static int make_file(struct bk_store *s, const char *file)
{
	char fresh[BK_STORE_PATH_MAX], lock[BK_STORE_PATH_MAX];
	int err = join(fresh, s->path, BK_STORE_FILE ".new");

	if (!err)
		err = join(lock, s->path, BK_STORE_FILE ".new-lock");
	if (err)
		return err;
	unlink(fresh); /* of a start that a crash cut off */
	err = open_file(s, fresh);
	bk_env_close(s->env);
	s->env = NULL;
	unlink(lock);
	BK_CRASH_POINT("store-made");
	if (!err && rename(fresh, file) != 0)
		err = bk_atomic_file_error(errno);
	if (err)
		unlink(fresh);
	return err ? err : bk_atomic_file_sync_dir(s->path);
}

static int open_store(struct bk_store *s, const struct bk_store_options *o)
{
	char file[BK_STORE_PATH_MAX];
	struct stat st;
	int err = derive_keys(s, o->seal_key);

	if (!err)
		err = join(file, s->path, BK_STORE_FILE);
	if (!err && !s->o.read_only)
		err = make_folder(s->path);
	if (!err && !s->o.read_only)
		err = take_lock(s);
	if (!err && !s->o.read_only && stat(file, &st) != 0 && errno == ENOENT)
		err = make_file(s, file);
	if (!err)
		err = open_file(s, file);
	if (!err && !s->o.read_only)
		err = bk_late_new(&s->late);
	return err || s->o.read_only ? err : bk_fresh_open(s, &s->fresh);
}

int bk_store_open(const struct bk_store_options *o, struct bk_store **ret_store)
{
	struct bk_store *s;
	int err;

	if (!o->path || !o->path[0] || strlen(o->path) + 32 > BK_STORE_PATH_MAX)
		return BK_E_INVAL;
	if (sodium_init() < 0)
		return BK_E_CRYPTO;
	s = calloc(1, sizeof *s);
	if (!s)
		return BK_E_NOMEM;
	s->lock = -1;
	memcpy(s->path, o->path, strlen(o->path) + 1);
	fill_defaults(s, o);
	err = open_store(s, o);
	if (err) {
		bk_store_close(s);
		return err;
	}
	*ret_store = s;
	return 0;
}

void bk_store_close(struct bk_store *s)
{
	if (!s)
		return;
	bk_fresh_close(s->fresh);
	bk_late_free(s->late);
	bk_env_close(s->env);
	if (s->keys)
		sodium_free(s->keys);
	if (s->lock >= 0)
		close(s->lock);
	free(s);
}

/* ---- sealed ids ---- */

void bk_store_seal_id(struct bk_store *s, bk_id id, uint8_t out[static BK_ROWS_SEALED])
{
	if (!s->nonces_left) {
		randombytes_buf(s->nonces, sizeof s->nonces);
		s->nonces_left = sizeof s->nonces;
	}
	s->nonces_left -= 24;
	memcpy(out, s->nonces + s->nonces_left, 24);
	crypto_secretbox_easy(out + 24, id.b, sizeof id.b, out, s->keys->seal);
}

bk_id bk_store_unseal_id(const struct bk_store *s, const uint8_t sealed[static BK_ROWS_SEALED])
{
	bk_id id = {{0}};

	if (!s->keys || crypto_secretbox_open_easy(id.b, sealed + 24, BK_ROWS_SEALED - 24, sealed, s->keys->seal) != 0)
		memset(&id, 0, sizeof id);
	return id;
}
