/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "signal_pair.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <sodium.h>
#include <stdlib.h>

#include "err.h"
#include "signal_store.h"

static bool listed(const struct bk_pair_device *d, bk_id id, const uint8_t identity[static BK_KEY_BYTES])
{
	return bk_id_equal(id, d->id) && memcmp(identity, d->identity, BK_KEY_BYTES) == 0;
}

/* The roster: a and b, nobody else. */
static bool trust(void *arg, bk_id id, const uint8_t identity[static BK_KEY_BYTES])
{
	const struct bk_pair *p = arg;

	return !p->distrust_all && (listed(&p->a, id, identity) || listed(&p->b, id, identity));
}

static bool trust_anybody(void *arg, bk_id id, const uint8_t identity[static BK_KEY_BYTES])
{
	(void)arg;
	(void)id;
	(void)identity;
	return true;
}

static void commit(struct bk_pair_device *d)
{
	assert_int_equal(bk_kv_commit(d->kv, NULL), 0);
}

static void open_device(struct bk_pair *p, struct bk_pair_device *d)
{
	assert_int_equal(bk_signal_open(d->kv, d == &p->stranger ? trust_anybody : trust, p, &d->s), 0);
}

static void make_device(struct bk_pair *p, struct bk_pair_device *d)
{
	d->id = bk_id_random();
	d->kv = bk_kv_mem_new();
	assert_non_null(d->kv);
	assert_int_equal(bk_kv_begin(d->kv), 0);
	assert_int_equal(bk_signal_create(d->kv, d->identity, &d->registration), 0);
	assert_int_equal(bk_signal_create(d->kv, d->identity, &d->registration), BK_E_EXISTS);
	open_device(p, d);
	assert_int_equal(bk_signal_prekeys_make(d->s, BK_PAIR_PREKEYS, BK_PAIR_DAY, &d->put), 0);
	commit(d);
}

int bk_pair_setup(void **state)
{
	struct bk_pair *p = calloc(1, sizeof *p);

	if (!p || sodium_init() < 0)
		return -1;
	make_device(p, &p->a);
	make_device(p, &p->b);
	make_device(p, &p->stranger);
	*state = p;
	return 0;
}

int bk_pair_teardown(void **state)
{
	struct bk_pair *p = *state;
	struct bk_pair_device *all[] = {&p->a, &p->b, &p->stranger};

	for (size_t i = 0; i < 3; i++) {
		bk_signal_prekeys_free(all[i]->put);
		bk_signal_close(all[i]->s);
		bk_kv_mem_free(all[i]->kv);
	}
	free(p);
	return 0;
}

void bk_pair_reopen(struct bk_pair *p, struct bk_pair_device *d)
{
	bk_signal_close(d->s);
	open_device(p, d);
}

int bk_pair_start(struct bk_pair_device *from, const struct bk_pair_device *to, size_t prekey)
{
	Baken__PrekeyBundle b = BAKEN__PREKEY_BUNDLE__INIT;
	int err;

	b.registration_id = to->registration;
	b.signed_prekey = to->put->signed_prekey;
	b.prekey = prekey < to->put->n_prekeys ? to->put->prekeys[prekey] : NULL;
	assert_int_equal(bk_kv_begin(from->kv), 0);
	err = bk_signal_start(from->s, to->id, to->identity, &b);
	commit(from);
	return err;
}

int bk_pair_encrypt(struct bk_pair_device *from, const struct bk_pair_device *to, const char *text,
	struct bk_letter *ret_letter)
{
	uint8_t plain[BK_CAPSULE_PLAIN_BYTES] = {0};
	int err;

	memcpy(plain, text, strlen(text));
	assert_int_equal(bk_kv_begin(from->kv), 0);
	err = bk_signal_encrypt(from->s, to->id, plain, sizeof plain, &ret_letter->type, ret_letter->data,
		&ret_letter->len);
	commit(from);
	return err;
}

int bk_pair_decrypt(struct bk_pair_device *to, const struct bk_pair_device *from, const struct bk_letter *l,
	const char *text)
{
	uint8_t plain[BK_CAPSULE_INNER];
	size_t len = 0;
	int err;

	assert_int_equal(bk_kv_begin(to->kv), 0);
	err = bk_signal_decrypt(to->s, from->id, l->type, l->data, l->len, plain, sizeof plain, &len);
	commit(to);
	if (!err) {
		assert_int_equal(len, BK_CAPSULE_PLAIN_BYTES);
		assert_string_equal((const char *)plain, text);
	}
	return err;
}

void bk_pair_exchange(struct bk_pair_device *one, struct bk_pair_device *other)
{
	struct bk_letter l;

	assert_int_equal(bk_pair_encrypt(one, other, "heen", &l), 0);
	assert_int_equal(bk_pair_decrypt(other, one, &l, "heen"), 0);
	assert_int_equal(bk_pair_encrypt(other, one, "terug", &l), 0);
	assert_int_equal(bk_pair_decrypt(one, other, &l, "terug"), 0);
}

static int add_row(void *arg, const void *key, size_t key_len, const void *value, size_t len)
{
	crypto_hash_sha256_state *h = arg;

	crypto_hash_sha256_update(h, key, key_len);
	crypto_hash_sha256_update(h, value, len);
	return 0;
}

bk_hash bk_pair_all_of(struct bk_kv *kv)
{
	crypto_hash_sha256_state state;
	bk_hash h;

	crypto_hash_sha256_init(&state);
	assert_int_equal(bk_kv_each(kv, "", 0, add_row, &state), 0);
	crypto_hash_sha256_final(&state, h.b);
	return h;
}

static int count_row(void *arg, const void *key, size_t key_len, const void *value, size_t len)
{
	(void)key;
	(void)key_len;
	(void)value;
	(void)len;
	++*(size_t *)arg;
	return 0;
}

size_t bk_pair_rows(struct bk_kv *kv, const char *prefix)
{
	size_t n = 0;

	assert_int_equal(bk_kv_each(kv, prefix, strlen(prefix), count_row, &n), 0);
	return n;
}

size_t bk_pair_record_bytes(struct bk_pair_device *d, const struct bk_pair_device *with)
{
	uint8_t key[BK_KV_KEY_MAX], *value = NULL;
	size_t len = 0;

	if (bk_kv_get(d->kv, key, bk_signal_store_session_key(with->id, key), &value, &len) != 0)
		return 0;
	free(value);
	return len;
}
