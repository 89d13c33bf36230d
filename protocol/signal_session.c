/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "signal_session.h"

#include <sodium.h>
#include <stdlib.h>

#include <curve.h>
#include <protocol.h>
#include <session_builder.h>
#include <session_cipher.h>
#include <session_pre_key.h>
#include <session_record.h>
#include <session_state.h>

#include "capsule.h"
#include "err.h"
#include "frame.h"
#include "signal_key.h"
#include "signal_store.h"

#define REGISTRATION_MAX 16380u     /* libsignal's range of registration ids, from 1 */
#define PREKEY_ID_MAX 0xFFFFFEu     /* libsignal's medium numbers: 24 bits */
#define DEVICE_NUMBER 1
/* A record may carry archived sessions beside the present one; beyond this they are dropped at renewal. */
#define RECORD_MAX (4u * BK_SESSION_RENEW_BYTES)

/* ---- life ---- */

int bk_signal_create(struct bk_kv *kv, uint8_t ret_identity[static BK_KEY_BYTES], uint32_t *ret_registration)
{
	struct bk_signal_self self = {.next_prekey = 1, .next_signed = 1};
	int err = bk_signal_store_self_load(kv, &self);

	if (err != BK_E_NOT_FOUND) {
		sodium_memzero(&self, sizeof self);
		return err ? err : BK_E_EXISTS;
	}
	self.registration = 1 + randombytes_uniform(REGISTRATION_MAX);
	err = bk_identity_generate(self.public_key, self.private_key);
	if (!err)
		err = bk_signal_store_self_save(kv, &self);
	if (!err) {
		memcpy(ret_identity, self.public_key, BK_KEY_BYTES);
		*ret_registration = self.registration;
	}
	sodium_memzero(&self, sizeof self);
	return err;
}

int bk_signal_open(struct bk_kv *kv, bk_signal_trust trust, void *arg, struct bk_signal **ret_signal)
{
	struct bk_signal *s = calloc(1, sizeof *s);
	int err;

	if (!s)
		return BK_E_NOMEM;
	s->kv = kv;
	s->trust = trust;
	s->trust_arg = arg;
	err = bk_signal_store_self_load(kv, &s->self);
	if (!err && signal_context_create(&s->context, s) != 0)
		err = BK_E_NOMEM;
	if (!err && signal_context_set_crypto_provider(s->context, &bk_signal_provider) != 0)
		err = BK_E_CRYPTO;
	if (!err && signal_protocol_store_context_create(&s->stores, s->context) != 0)
		err = BK_E_NOMEM;
	if (!err)
		err = bk_signal_store_attach(s);
	if (err) {
		bk_signal_close(s);
		return err;
	}
	*ret_signal = s;
	return 0;
}

void bk_signal_close(struct bk_signal *s)
{
	if (!s)
		return;
	bk_signal_store_drop(s);
	if (s->stores)
		signal_protocol_store_context_destroy(s->stores);
	if (s->context)
		signal_context_destroy(s->context);
	sodium_memzero(s, sizeof *s);
	free(s);
}

const uint8_t *bk_signal_identity(const struct bk_signal *s)
{
	return s->self.public_key;
}

uint32_t bk_signal_registration(const struct bk_signal *s)
{
	return s->self.registration;
}

int bk_signal_sign(const struct bk_signal *s, const char *context, const void *data, size_t len,
	uint8_t ret_signature[static BK_SIG_BYTES])
{
	return bk_identity_sign(s->self.private_key, context, data, len, ret_signature);
}

int bk_signal_unseal(const struct bk_signal *s, const uint8_t capsule[static BK_CAPSULE_BYTES],
	uint8_t inner[static BK_CAPSULE_INNER], void *ret_outer)
{
	return bk_capsule_unseal(capsule, s->self.public_key, s->self.private_key, inner, ret_outer);
}

int bk_signal_unseal_box(const struct bk_signal *s, const uint8_t *box, size_t len, uint8_t *out)
{
	if (len <= crypto_box_SEALBYTES)
		return BK_E_INVAL;
	return crypto_box_seal_open(out, box, len, s->self.public_key, s->self.private_key) ? BK_E_NOT_FOR_US : 0;
}

/* ---- own prekeys ---- */

struct put_block { /* one allocation behind a PrekeysPut */
	Baken__PrekeysPut put;
	Baken__SignedPrekey signed_prekey;
	uint8_t signed_public[BK_KEY_BYTES], signature[BK_SIG_BYTES];
	Baken__Prekey *list[BK_PREKEYS_BATCH];
	Baken__Prekey prekeys[BK_PREKEYS_BATCH];
	uint8_t publics[BK_PREKEYS_BATCH][BK_KEY_BYTES];
};

static int public_bytes(const ec_public_key *key, uint8_t out[static BK_KEY_BYTES])
{
	signal_buffer *b = NULL;
	int err = ec_public_key_serialize(&b, key);

	if (!err)
		memcpy(out, signal_buffer_data(b) + 1, BK_KEY_BYTES); /* after the type byte */
	signal_buffer_free(b);
	return bk_signal_error(err);
}

static int keep_record(struct bk_signal *s, const char *prefix, uint32_t id, bk_ms now, signal_buffer *record)
{
	uint8_t key[BK_KV_KEY_MAX], head[BK_SIGNAL_PREKEY_HEAD], *row;
	size_t len = sizeof head + signal_buffer_len(record);
	int err;

	row = malloc(len);
	if (!row)
		return BK_E_NOMEM;
	for (size_t i = 0; i < sizeof head; i++)
		row[i] = (uint8_t)(now >> (8 * i));
	memcpy(row + sizeof head, signal_buffer_data(record), signal_buffer_len(record));
	err = bk_kv_put(s->kv, key, bk_signal_store_number_key(prefix, id, key), row, len);
	sodium_memzero(row, len);
	free(row);
	return err;
}

static int make_prekey(struct bk_signal *s, uint32_t id, bk_ms now, uint8_t ret_public[static BK_KEY_BYTES])
{
	ec_key_pair *pair = NULL;
	session_pre_key *prekey = NULL;
	signal_buffer *record = NULL;
	int err = bk_signal_error(curve_generate_key_pair(s->context, &pair));

	if (!err)
		err = bk_signal_error(session_pre_key_create(&prekey, id, pair));
	if (!err)
		err = bk_signal_error(session_pre_key_serialize(&record, prekey));
	if (!err)
		err = public_bytes(ec_key_pair_get_public(pair), ret_public);
	if (!err)
		err = keep_record(s, BK_SIGNAL_PREKEY, id, now, record);
	signal_buffer_bzero_free(record);
	SIGNAL_UNREF(prekey);
	SIGNAL_UNREF(pair);
	return err;
}

static int make_signed(struct bk_signal *s, uint32_t id, bk_ms now)
{
	uint8_t typed[1 + BK_KEY_BYTES] = {5}, signature[BK_SIG_BYTES];
	ec_key_pair *pair = NULL;
	session_signed_pre_key *prekey = NULL;
	signal_buffer *record = NULL;
	int err = bk_signal_error(curve_generate_key_pair(s->context, &pair));

	if (!err)
		err = public_bytes(ec_key_pair_get_public(pair), typed + 1);
	if (!err)
		err = bk_signal_sign(s, "", typed, sizeof typed, signature);
	if (!err)
		err = bk_signal_error(
			session_signed_pre_key_create(&prekey, id, now, pair, signature, sizeof signature));
	if (!err)
		err = bk_signal_error(session_signed_pre_key_serialize(&record, prekey));
	if (!err)
		err = keep_record(s, BK_SIGNAL_SIGNED, id, now, record);
	signal_buffer_bzero_free(record);
	SIGNAL_UNREF(prekey);
	SIGNAL_UNREF(pair);
	return err;
}

/* Read again: an earlier transaction may have been undone, and with it the numbers it took. */
static int numbers_load(struct bk_signal *s)
{
	return bk_signal_store_self_load(s->kv, &s->self);
}

/* The newest signed prekey's public half. */
static int newest_signed(struct bk_signal *s, uint32_t *ret_id, uint8_t ret_public[static BK_KEY_BYTES],
	uint8_t ret_signature[static BK_SIG_BYTES])
{
	session_signed_pre_key *prekey = NULL;
	uint32_t id = s->self.next_signed - 1;
	int err;

	if (!id)
		return BK_E_NOT_FOUND;
	err = bk_signal_error(signal_protocol_signed_pre_key_load_key(s->stores, &prekey, id));
	if (!err && session_signed_pre_key_get_signature_len(prekey) != BK_SIG_BYTES)
		err = BK_E_CORRUPT;
	if (!err)
		err = public_bytes(ec_key_pair_get_public(session_signed_pre_key_get_key_pair(prekey)), ret_public);
	if (!err) {
		memcpy(ret_signature, session_signed_pre_key_get_signature(prekey), BK_SIG_BYTES);
		*ret_id = id;
	}
	SIGNAL_UNREF(prekey);
	return err;
}

static struct put_block *block_new(void)
{
	struct put_block *b = calloc(1, sizeof *b);

	if (!b)
		return NULL;
	baken__prekeys_put__init(&b->put);
	baken__signed_prekey__init(&b->signed_prekey);
	b->put.prekeys = b->list;
	return b;
}

static int fill_signed(struct bk_signal *s, bk_ms now, struct put_block *b)
{
	int err = 0;

	if (!s->self.signed_ms || now - s->self.signed_ms > BK_SIGNED_PREKEY_AGE_MS || now < s->self.signed_ms) {
		err = make_signed(s, s->self.next_signed, now);
		if (err)
			return err;
		s->self.next_signed++;
		s->self.signed_ms = now;
	}
	err = newest_signed(s, &b->signed_prekey.id, b->signed_public, b->signature);
	b->signed_prekey.public_key = bk_bytes(b->signed_public, BK_KEY_BYTES);
	b->signed_prekey.signature = bk_bytes(b->signature, BK_SIG_BYTES);
	b->put.signed_prekey = &b->signed_prekey;
	return err;
}

int bk_signal_prekeys_make(struct bk_signal *s, uint32_t count, bk_ms now, Baken__PrekeysPut **ret_put)
{
	struct put_block *b;
	int err;

	if (count > BK_PREKEYS_BATCH)
		return BK_E_TOO_BIG;
	err = numbers_load(s);
	if (err)
		return err;
	if (s->self.next_prekey > PREKEY_ID_MAX - count || s->self.next_signed >= PREKEY_ID_MAX)
		return BK_E_FULL;
	b = block_new();
	if (!b)
		return BK_E_NOMEM;
	err = fill_signed(s, now, b);
	for (uint32_t i = 0; !err && i < count; i++) {
		err = make_prekey(s, s->self.next_prekey, now, b->publics[i]);
		baken__prekey__init(&b->prekeys[i]);
		b->prekeys[i].id = s->self.next_prekey++;
		b->prekeys[i].public_key = bk_bytes(b->publics[i], BK_KEY_BYTES);
		b->list[i] = &b->prekeys[i];
	}
	b->put.n_prekeys = count;
	if (!err)
		err = bk_signal_store_self_save(s->kv, &s->self);
	if (err) {
		free(b);
		return err;
	}
	*ret_put = &b->put;
	return 0;
}

void bk_signal_prekeys_free(Baken__PrekeysPut *put)
{
	free(put); /* the first member of its block */
}

bk_hash bk_signal_prekey_digest(uint32_t id, const uint8_t public_key[static BK_KEY_BYTES])
{
	uint8_t b[4 + BK_KEY_BYTES];

	for (size_t i = 0; i < 4; i++)
		b[i] = (uint8_t)(id >> (8 * i));
	memcpy(b + 4, public_key, BK_KEY_BYTES);
	return bk_hash_of(b, sizeof b);
}

bool bk_signal_prekeys_match(struct bk_signal *s, const Baken__PrekeysState *state)
{
	uint8_t public_key[BK_KEY_BYTES], signature[BK_SIG_BYTES];
	uint32_t id = 0;
	bk_hash digest;

	if (numbers_load(s) != 0 || newest_signed(s, &id, public_key, signature) != 0 ||
		state->signed_prekey_id != id || state->digest.len != BK_HASH_BYTES)
		return false;
	digest = bk_signal_prekey_digest(id, public_key);
	return memcmp(digest.b, state->digest.data, BK_HASH_BYTES) == 0;
}

struct expiry {
	bk_ms now;
	uint32_t keep; /* the newest signed prekey stays, whatever its age */
	uint8_t keys[64][BK_KV_KEY_MAX];
	size_t lens[64], n;
};

static int collect_old(void *arg, const void *key, size_t key_len, const void *value, size_t len)
{
	struct expiry *e = arg;
	const uint8_t *k = key, *v = value;
	uint32_t id = 0;
	bk_ms made = 0;

	if (len < BK_SIGNAL_PREKEY_HEAD || key_len < 4)
		return BK_E_CORRUPT;
	for (size_t i = 0; i < 4; i++)
		id = id << 8 | k[key_len - 4 + i];
	for (size_t i = 0; i < BK_SIGNAL_PREKEY_HEAD; i++)
		made |= (bk_ms)v[i] << (8 * i);
	if (id == e->keep || e->now < made || e->now - made <= BK_PREKEY_PRIVATE_AGE_MS)
		return 0;
	memcpy(e->keys[e->n], key, key_len);
	e->lens[e->n++] = key_len;
	return e->n == 64; /* the rest follows in another round */
}

int bk_signal_prekeys_expire(struct bk_signal *s, bk_ms now)
{
	static const char *const prefixes[] = {BK_SIGNAL_PREKEY, BK_SIGNAL_SIGNED};
	struct expiry e = {.now = now};
	int err = numbers_load(s);

	for (size_t p = 0; !err && p < 2; p++) {
		e.keep = p ? s->self.next_signed - 1 : 0;
		do {
			e.n = 0;
			err = bk_kv_each(s->kv, prefixes[p], strlen(prefixes[p]), collect_old, &e);
			if (err < 0)
				return err;
			err = 0;
			for (size_t i = 0; !err && i < e.n; i++)
				err = bk_kv_del(s->kv, e.keys[i], e.lens[i]);
			if (err)
				return err;
		} while (e.n == 64);
	}
	return err;
}

/* ---- sessions ---- */

/* The record as kept; BK_E_NO_SESSION. */
static int record_load(struct bk_signal *s, bk_id device, session_record **ret_record, size_t *ret_len)
{
	uint8_t key[BK_KV_KEY_MAX], *value = NULL;
	size_t len = 0;
	int err = bk_kv_get(s->kv, key, bk_signal_store_session_key(device, key), &value, &len);

	if (err)
		return err == BK_E_NOT_FOUND ? BK_E_NO_SESSION : err;
	err = bk_signal_error(session_record_deserialize(ret_record, value, len, s->context));
	if (!err && ret_len)
		*ret_len = len;
	sodium_memzero(value, len);
	free(value);
	return err;
}

bool bk_signal_has_session(struct bk_signal *s, bk_id device)
{
	uint8_t key[BK_KV_KEY_MAX], *value = NULL;
	size_t len = 0;

	if (bk_kv_get(s->kv, key, bk_signal_store_session_key(device, key), &value, &len) != 0)
		return false;
	sodium_memzero(value, len);
	free(value);
	return true;
}

bool bk_signal_needs_renewal(struct bk_signal *s, bk_id device)
{
	session_record *record = NULL;
	signal_buffer *state = NULL;
	size_t len = 0;
	bool renew = false;

	if (record_load(s, device, &record, &len) == 0 && len > BK_SESSION_RENEW_BYTES &&
		session_state_serialize(&state, session_record_get_state(record)) == 0)
		renew = len > RECORD_MAX || signal_buffer_len(state) > BK_SESSION_RENEW_BYTES;
	signal_buffer_bzero_free(state);
	SIGNAL_UNREF(record);
	return renew;
}

int bk_signal_forget(struct bk_signal *s, bk_id device)
{
	uint8_t key[BK_KV_KEY_MAX];

	return bk_kv_del(s->kv, key, bk_signal_store_session_key(device, key));
}

/* libsignal asks for trust only when a session begins; a key that left the roster must also stop a running one. */
static int check_trust(struct bk_signal *s, bk_id device)
{
	session_record *record = NULL;
	uint8_t identity[BK_KEY_BYTES];
	const ec_public_key *key;
	int err = record_load(s, device, &record, NULL);

	if (!err) {
		key = session_state_get_remote_identity_key(session_record_get_state(record));
		err = key ? public_bytes(key, identity) : BK_E_NO_SESSION;
	}
	if (!err && !s->trust(s->trust_arg, device, identity))
		err = BK_E_UNTRUSTED;
	SIGNAL_UNREF(record);
	return err;
}

static int point(struct bk_signal *s, const ProtobufCBinaryData *data, ec_public_key **ret_key)
{
	uint8_t typed[1 + BK_KEY_BYTES] = {5};

	if (data->len != BK_KEY_BYTES)
		return BK_E_INVAL;
	memcpy(typed + 1, data->data, BK_KEY_BYTES);
	return curve_decode_point(ret_key, typed, sizeof typed, s->context) == 0 ? 0 : BK_E_INVAL;
}

static int make_bundle(struct bk_signal *s, const uint8_t identity[static BK_KEY_BYTES], const Baken__PrekeyBundle *b,
	session_pre_key_bundle **ret_bundle)
{
	ProtobufCBinaryData id = bk_bytes(identity, BK_KEY_BYTES);
	ec_public_key *identity_key = NULL, *signed_key = NULL, *one_time = NULL;
	int err;

	if (!b->signed_prekey || b->signed_prekey->signature.len != BK_SIG_BYTES)
		return BK_E_INVAL;
	err = point(s, &id, &identity_key);
	if (!err)
		err = point(s, &b->signed_prekey->public_key, &signed_key);
	if (!err && b->prekey)
		err = point(s, &b->prekey->public_key, &one_time);
	if (!err)
		err = bk_signal_error(session_pre_key_bundle_create(ret_bundle, b->registration_id, DEVICE_NUMBER,
			b->prekey ? b->prekey->id : 0, one_time, b->signed_prekey->id, signed_key,
			b->signed_prekey->signature.data, BK_SIG_BYTES, identity_key));
	SIGNAL_UNREF(one_time);
	SIGNAL_UNREF(signed_key);
	SIGNAL_UNREF(identity_key);
	return err;
}

/* Ends an operation: what was staged is kept on success, dropped on failure. */
static int finish(struct bk_signal *s, int err)
{
	if (err)
		bk_signal_store_drop(s);
	else
		err = bk_signal_store_flush(s);
	return err;
}

int bk_signal_start(struct bk_signal *s, bk_id device, const uint8_t identity[static BK_KEY_BYTES],
	const Baken__PrekeyBundle *bundle)
{
	signal_protocol_address address = bk_signal_store_address(&device);
	session_pre_key_bundle *b = NULL;
	session_builder *builder = NULL;
	session_record *old = NULL;
	size_t old_len = 0;
	int err = make_bundle(s, identity, bundle, &b);

	if (!err && record_load(s, device, &old, &old_len) == 0 && old_len > RECORD_MAX)
		err = signal_protocol_session_delete_session(s->stores, &address) < 0 ? BK_E_IO : 0;
	SIGNAL_UNREF(old);
	if (!err)
		err = bk_signal_error(session_builder_create(&builder, s->stores, &address, s->context));
	if (!err)
		err = bk_signal_error(session_builder_process_pre_key_bundle(builder, b));
	if (builder)
		session_builder_free(builder);
	SIGNAL_UNREF(b);
	return finish(s, err);
}

int bk_signal_encrypt(struct bk_signal *s, bk_id device, const void *plain, size_t len, uint8_t *ret_type,
	uint8_t out[static BK_SIGNAL_CIPHERTEXT_MAX], size_t *ret_len)
{
	signal_protocol_address address = bk_signal_store_address(&device);
	session_cipher *cipher = NULL;
	ciphertext_message *message = NULL;
	const signal_buffer *bytes = NULL;
	int err = check_trust(s, device);

	if (!err)
		err = bk_signal_error(session_cipher_create(&cipher, s->stores, &address, s->context));
	if (!err)
		err = bk_signal_error(session_cipher_encrypt(cipher, plain, len, &message));
	if (!err) {
		bytes = ciphertext_message_get_serialized(message);
		if (signal_buffer_len(bytes) > BK_SIGNAL_CIPHERTEXT_MAX)
			err = BK_E_TOO_BIG;
	}
	if (!err) {
		memcpy(out, signal_buffer_const_data(bytes), signal_buffer_len(bytes));
		*ret_len = signal_buffer_len(bytes);
		*ret_type = (uint8_t)ciphertext_message_get_type(message);
	}
	SIGNAL_UNREF(message);
	if (cipher)
		session_cipher_free(cipher);
	return finish(s, err);
}

static int decrypt_first(struct bk_signal *s, session_cipher *cipher, const void *data, size_t len, signal_buffer **plain)
{
	pre_key_signal_message *m = NULL;
	int err = pre_key_signal_message_deserialize(&m, data, len, s->context);

	if (!err)
		err = session_cipher_decrypt_pre_key_signal_message(cipher, m, NULL, plain);
	SIGNAL_UNREF(m);
	return err;
}

static int decrypt_next(struct bk_signal *s, session_cipher *cipher, const void *data, size_t len, signal_buffer **plain)
{
	signal_message *m = NULL;
	int err = signal_message_deserialize(&m, data, len, s->context);

	if (!err)
		err = session_cipher_decrypt_signal_message(cipher, m, NULL, plain);
	SIGNAL_UNREF(m);
	return err;
}

int bk_signal_decrypt(struct bk_signal *s, bk_id device, uint8_t type, const void *cipher_text, size_t cipher_len,
	uint8_t *out, size_t out_max, size_t *ret_len)
{
	signal_protocol_address address = bk_signal_store_address(&device);
	session_cipher *cipher = NULL;
	signal_buffer *plain = NULL;
	int err = 0;

	if (type != CIPHERTEXT_SIGNAL_TYPE && type != CIPHERTEXT_PREKEY_TYPE)
		return BK_E_INVAL;
	if (type == CIPHERTEXT_SIGNAL_TYPE)
		err = check_trust(s, device); /* a first message is checked by libsignal, against its own key */
	if (!err)
		err = bk_signal_error(session_cipher_create(&cipher, s->stores, &address, s->context));
	if (!err)
		err = bk_signal_error(type == CIPHERTEXT_PREKEY_TYPE ?
					      decrypt_first(s, cipher, cipher_text, cipher_len, &plain) :
					      decrypt_next(s, cipher, cipher_text, cipher_len, &plain));
	if (!err && signal_buffer_len(plain) > out_max)
		err = BK_E_TOO_BIG;
	if (!err) {
		memcpy(out, signal_buffer_data(plain), signal_buffer_len(plain));
		*ret_len = signal_buffer_len(plain);
	}
	signal_buffer_bzero_free(plain);
	if (cipher)
		session_cipher_free(cipher);
	return finish(s, err);
}
