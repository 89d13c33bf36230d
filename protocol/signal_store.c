/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "signal_store.h"

#include <sodium.h>
#include <stdlib.h>

#include "bytes.h"
#include "err.h"

#define SELF_KEY "signal/self"
#define SELF_VERSION 1u
#define SELF_BYTES (1 + 32 + 32 + 4 + 4 + 4 + 8)
#define SESSION "signal/session/"
#define DEVICE_NUMBER 1 /* libsignal's device number: our ids name one device each */

/* ---- key names ---- */

size_t bk_signal_store_session_key(bk_id device, uint8_t *out)
{
	struct bk_writer w = bk_writer_of(out, BK_KV_KEY_MAX);

	bk_write_bytes(&w, SESSION, strlen(SESSION));
	bk_write_bytes(&w, device.b, BK_ID_BYTES);
	return BK_KV_KEY_MAX - w.left;
}

size_t bk_signal_store_number_key(const char *prefix, uint32_t number, uint8_t *out)
{
	struct bk_writer w = bk_writer_of(out, BK_KV_KEY_MAX);

	bk_write_bytes(&w, prefix, strlen(prefix));
	for (int shift = 24; shift >= 0; shift -= 8)
		bk_write_u8(&w, (uint8_t)(number >> shift));
	return BK_KV_KEY_MAX - w.left;
}

signal_protocol_address bk_signal_store_address(const bk_id *id)
{
	signal_protocol_address a = {(const char *)id->b, BK_ID_BYTES, DEVICE_NUMBER};

	return a;
}

/* ---- staging ---- */

static struct bk_signal_staged *staged(struct bk_signal *s, const uint8_t *key, size_t len)
{
	for (size_t i = 0; i < s->n_staged; i++)
		if (s->staged[i].key_len == len && memcmp(s->staged[i].key, key, len) == 0)
			return &s->staged[i];
	return NULL;
}

static void wipe(uint8_t *p, size_t len)
{
	if (p)
		sodium_memzero(p, len);
	free(p);
}

/* value NULL: delete. */
static int stage(struct bk_signal *s, const uint8_t *key, size_t key_len, const void *value, size_t len)
{
	struct bk_signal_staged *e = staged(s, key, key_len);
	uint8_t *p = NULL;

	if (value) {
		p = malloc(len ? len : 1);
		if (!p)
			return BK_E_NOMEM;
		memcpy(p, value, len);
	}
	if (!e) {
		if (s->n_staged == BK_SIGNAL_STAGED_MAX) {
			wipe(p, len);
			return BK_E_INTERNAL;
		}
		e = &s->staged[s->n_staged++];
		memcpy(e->key, key, key_len);
		e->key_len = key_len;
	} else {
		wipe(e->value, e->len);
	}
	e->value = p;
	e->len = len;
	return 0;
}

void bk_signal_store_drop(struct bk_signal *s)
{
	for (size_t i = 0; i < s->n_staged; i++)
		wipe(s->staged[i].value, s->staged[i].len);
	s->n_staged = 0;
}

int bk_signal_store_flush(struct bk_signal *s)
{
	int err = 0;

	for (size_t i = 0; !err && i < s->n_staged; i++) {
		const struct bk_signal_staged *e = &s->staged[i];

		err = e->value ? bk_kv_put(s->kv, e->key, e->key_len, e->value, e->len) :
				 bk_kv_del(s->kv, e->key, e->key_len);
	}
	bk_signal_store_drop(s);
	return err;
}

/* Staged first, then kept; skip leaves out the head of a row. BK_E_NOT_FOUND. */
static int load(struct bk_signal *s, const uint8_t *key, size_t key_len, size_t skip, signal_buffer **ret)
{
	const struct bk_signal_staged *e = staged(s, key, key_len);
	uint8_t *value = NULL;
	size_t len = 0;
	int err = 0;

	if (e) {
		if (!e->value)
			return BK_E_NOT_FOUND;
		if (e->len < skip)
			return BK_E_CORRUPT;
		*ret = signal_buffer_create(e->value + skip, e->len - skip);
		return *ret ? 0 : BK_E_NOMEM;
	}
	err = bk_kv_get(s->kv, key, key_len, &value, &len);
	if (err)
		return err;
	if (len < skip)
		err = BK_E_CORRUPT;
	else if (!(*ret = signal_buffer_create(value + skip, len - skip)))
		err = BK_E_NOMEM;
	wipe(value, len);
	return err;
}

/* ---- sessions ---- */

static int address_key(const signal_protocol_address *a, uint8_t *key, size_t *ret_len)
{
	bk_id id;

	if (bk_id_from(a->name, a->name_len, &id) != 0)
		return BK_E_INVAL;
	*ret_len = bk_signal_store_session_key(id, key);
	return 0;
}

static int session_load(signal_buffer **record, signal_buffer **user_record, const signal_protocol_address *address,
	void *user)
{
	uint8_t key[BK_KV_KEY_MAX];
	size_t len = 0;
	int err = address_key(address, key, &len);

	(void)user_record;
	if (!err)
		err = load(user, key, len, 0, record);
	if (err == BK_E_NOT_FOUND)
		return 0;
	return err ? err : 1;
}

static int session_sub_devices(signal_int_list **sessions, const char *name, size_t name_len, void *user)
{
	(void)name;
	(void)name_len;
	(void)user;
	*sessions = signal_int_list_alloc();
	return *sessions ? 0 : SG_ERR_NOMEM;
}

static int session_store(const signal_protocol_address *address, uint8_t *record, size_t len, uint8_t *user_record,
	size_t user_len, void *user)
{
	uint8_t key[BK_KV_KEY_MAX];
	size_t key_len = 0;
	int err = address_key(address, key, &key_len);

	(void)user_record;
	(void)user_len;
	return err ? err : stage(user, key, key_len, record, len);
}

static int session_contains(const signal_protocol_address *address, void *user)
{
	signal_buffer *record = NULL;
	int n = session_load(&record, NULL, address, user);

	signal_buffer_bzero_free(record);
	return n;
}

static int session_delete(const signal_protocol_address *address, void *user)
{
	uint8_t key[BK_KV_KEY_MAX];
	size_t len = 0;
	int n = session_contains(address, user);

	if (n <= 0)
		return n;
	if (address_key(address, key, &len) != 0)
		return BK_E_INVAL;
	n = stage(user, key, len, NULL, 0);
	return n ? n : 1;
}

static int session_delete_all(const char *name, size_t name_len, void *user)
{
	signal_protocol_address a = {name, name_len, DEVICE_NUMBER};

	return session_delete(&a, user);
}

/* ---- prekeys ---- */

static int number_load(struct bk_signal *s, const char *prefix, uint32_t id, signal_buffer **record)
{
	uint8_t key[BK_KV_KEY_MAX];
	int err = load(s, key, bk_signal_store_number_key(prefix, id, key), BK_SIGNAL_PREKEY_HEAD, record);

	return err == BK_E_NOT_FOUND ? SG_ERR_INVALID_KEY_ID : err;
}

static int number_contains(struct bk_signal *s, const char *prefix, uint32_t id)
{
	signal_buffer *record = NULL;
	int err = number_load(s, prefix, id, &record);

	signal_buffer_bzero_free(record);
	if (err == SG_ERR_INVALID_KEY_ID)
		return 0;
	return err ? err : 1;
}

static int prekey_load(signal_buffer **record, uint32_t id, void *user)
{
	return number_load(user, BK_SIGNAL_PREKEY, id, record);
}

static int prekey_contains(uint32_t id, void *user)
{
	return number_contains(user, BK_SIGNAL_PREKEY, id);
}

static int prekey_remove(uint32_t id, void *user)
{
	uint8_t key[BK_KV_KEY_MAX];
	size_t len = bk_signal_store_number_key(BK_SIGNAL_PREKEY, id, key);

	return stage(user, key, len, NULL, 0);
}

static int signed_load(signal_buffer **record, uint32_t id, void *user)
{
	return number_load(user, BK_SIGNAL_SIGNED, id, record);
}

static int signed_contains(uint32_t id, void *user)
{
	return number_contains(user, BK_SIGNAL_SIGNED, id);
}

/* Ours are written by signal_session.c, with their age: libsignal never stores or ends one by itself. */
static int number_store(uint32_t id, uint8_t *record, size_t len, void *user)
{
	(void)id;
	(void)record;
	(void)len;
	(void)user;
	return BK_E_UNSUPPORTED;
}

static int signed_remove(uint32_t id, void *user)
{
	(void)id;
	(void)user;
	return BK_E_UNSUPPORTED;
}

/* ---- identity ---- */

static int identity_pair(signal_buffer **public_data, signal_buffer **private_data, void *user)
{
	struct bk_signal *s = user;
	uint8_t typed[1 + BK_KEY_BYTES] = {5};

	memcpy(typed + 1, s->self.public_key, BK_KEY_BYTES);
	*public_data = signal_buffer_create(typed, sizeof typed);
	*private_data = signal_buffer_create(s->self.private_key, BK_KEY_BYTES);
	if (*public_data && *private_data)
		return 0;
	signal_buffer_free(*public_data);
	signal_buffer_bzero_free(*private_data);
	*public_data = *private_data = NULL;
	return SG_ERR_NOMEM;
}

static int identity_registration(void *user, uint32_t *registration)
{
	*registration = ((struct bk_signal *)user)->self.registration;
	return 0;
}

static int identity_save(const signal_protocol_address *address, uint8_t *key, size_t len, void *user)
{
	(void)address;
	(void)key;
	(void)len;
	(void)user;
	return 0; /* before the MAC of a first message is checked: keeping anything here would pin a forger (M2) */
}

static int identity_trusted(const signal_protocol_address *address, uint8_t *key, size_t len, void *user)
{
	struct bk_signal *s = user;
	bk_id device;

	if (bk_id_from(address->name, address->name_len, &device) != 0 || len != 1 + BK_KEY_BYTES || key[0] != 5)
		return 0;
	return s->trust(s->trust_arg, device, key + 1) ? 1 : 0;
}

int bk_signal_store_attach(struct bk_signal *s)
{
	const signal_protocol_session_store sessions = {
		.load_session_func = session_load,
		.get_sub_device_sessions_func = session_sub_devices,
		.store_session_func = session_store,
		.contains_session_func = session_contains,
		.delete_session_func = session_delete,
		.delete_all_sessions_func = session_delete_all,
		.user_data = s,
	};
	const signal_protocol_pre_key_store prekeys = {
		.load_pre_key = prekey_load,
		.store_pre_key = number_store,
		.contains_pre_key = prekey_contains,
		.remove_pre_key = prekey_remove,
		.user_data = s,
	};
	const signal_protocol_signed_pre_key_store signed_prekeys = {
		.load_signed_pre_key = signed_load,
		.store_signed_pre_key = number_store,
		.contains_signed_pre_key = signed_contains,
		.remove_signed_pre_key = signed_remove,
		.user_data = s,
	};
	const signal_protocol_identity_key_store identity = {
		.get_identity_key_pair = identity_pair,
		.get_local_registration_id = identity_registration,
		.save_identity = identity_save,
		.is_trusted_identity = identity_trusted,
		.user_data = s,
	};

	if (signal_protocol_store_context_set_session_store(s->stores, &sessions) ||
		signal_protocol_store_context_set_pre_key_store(s->stores, &prekeys) ||
		signal_protocol_store_context_set_signed_pre_key_store(s->stores, &signed_prekeys) ||
		signal_protocol_store_context_set_identity_key_store(s->stores, &identity))
		return BK_E_CRYPTO;
	return 0;
}

/* ---- own keys ---- */

int bk_signal_store_self_load(struct bk_kv *kv, struct bk_signal_self *ret_self)
{
	struct bk_signal_self self;
	uint8_t *value = NULL, version;
	size_t len = 0;
	int err = bk_kv_get(kv, SELF_KEY, strlen(SELF_KEY), &value, &len);
	struct bk_reader r;

	if (err)
		return err;
	r = bk_reader_of(value, len);
	version = bk_read_u8(&r);
	bk_read_bytes(&r, self.private_key, BK_KEY_BYTES);
	bk_read_bytes(&r, self.public_key, BK_KEY_BYTES);
	self.registration = bk_read_u32(&r);
	self.next_prekey = bk_read_u32(&r);
	self.next_signed = bk_read_u32(&r);
	self.signed_ms = bk_read_u64(&r);
	if (!bk_reader_done(&r))
		err = BK_E_CORRUPT;
	else if (version != SELF_VERSION)
		err = BK_E_VERSION;
	else
		*ret_self = self;
	wipe(value, len);
	sodium_memzero(&self, sizeof self);
	return err;
}

int bk_signal_store_self_save(struct bk_kv *kv, const struct bk_signal_self *self)
{
	uint8_t b[SELF_BYTES];
	struct bk_writer w = bk_writer_of(b, sizeof b);
	int err;

	bk_write_u8(&w, SELF_VERSION);
	bk_write_bytes(&w, self->private_key, BK_KEY_BYTES);
	bk_write_bytes(&w, self->public_key, BK_KEY_BYTES);
	bk_write_u32(&w, self->registration);
	bk_write_u32(&w, self->next_prekey);
	bk_write_u32(&w, self->next_signed);
	bk_write_u64(&w, self->signed_ms);
	err = bk_kv_put(kv, SELF_KEY, strlen(SELF_KEY), b, sizeof b);
	sodium_memzero(b, sizeof b);
	return err;
}
