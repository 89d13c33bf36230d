/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a client computes for one message: the body once, a capsule for each of 40 devices; and a first contact. */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "body.h"
#include "capsule.h"
#include "err.h"
#include "figures.h"
#include "signal_session.h"

#define DAY_MS 86400000u
#define DEVICES 40u
#define ROUNDS 200u
#define CONTENT 4000u /* padded to 4 KiB */

struct peer {
	bk_id id;
	struct bk_kv *kv;
	struct bk_signal *s;
	uint8_t identity[BK_KEY_BYTES];
	uint32_t registration;
	Baken__PrekeysPut *put;
};

static struct peer me, peers[DEVICES];
static struct bk_capsule_sealer sealer;

static bool trust(void *arg, bk_id device, const uint8_t identity[static BK_KEY_BYTES])
{
	(void)arg;
	(void)device;
	(void)identity;
	return true; /* the roster is not what is measured */
}

static void make(struct peer *p)
{
	p->id = bk_id_random();
	p->kv = bk_kv_mem_new();
	BK_ASSERT(p->kv && bk_kv_begin(p->kv) == 0);
	BK_ASSERT(bk_signal_create(p->kv, p->identity, &p->registration) == 0);
	BK_ASSERT(bk_signal_open(p->kv, trust, NULL, &p->s) == 0);
	BK_ASSERT(bk_signal_prekeys_make(p->s, 1, DAY_MS, &p->put) == 0);
	BK_ASSERT(bk_kv_commit(p->kv, NULL) == 0);
}

static void start(struct peer *to)
{
	Baken__PrekeyBundle b = BAKEN__PREKEY_BUNDLE__INIT;

	b.device_id = (ProtobufCBinaryData){BK_ID_BYTES, to->id.b};
	b.registration_id = to->registration;
	b.signed_prekey = to->put->signed_prekey;
	b.prekey = to->put->prekeys[0];
	BK_ASSERT(bk_signal_start(me.s, to->id, to->identity, &b) == 0);
}

static void seal_to(struct peer *to, const struct bk_capsule *c, uint8_t out[static BK_CAPSULE_BYTES])
{
	uint8_t plain[BK_CAPSULE_PLAIN_BYTES], cipher[BK_SIGNAL_CIPHERTEXT_MAX];
	struct bk_capsule_outer o = {.sender = me.id, .ciphertext = cipher};

	bk_capsule_encode(c, plain);
	BK_ASSERT(bk_signal_encrypt(me.s, to->id, plain, sizeof plain, &o.type, cipher, &o.len) == 0);
	BK_ASSERT(bk_capsule_seal(&sealer, &o, to->identity, out) == 0);
}

/* Opens a capsule of ours and answers, as every first message is answered (M3): then both ratchet. */
static void answer(struct peer *p, const uint8_t capsule[static BK_CAPSULE_BYTES])
{
	uint8_t inner[BK_CAPSULE_INNER], plain[BK_CAPSULE_INNER], cipher[BK_SIGNAL_CIPHERTEXT_MAX], type = 0;
	struct bk_capsule_outer o;
	size_t len = 0, n = 0;

	BK_ASSERT(bk_kv_begin(p->kv) == 0);
	BK_ASSERT(bk_signal_unseal(p->s, capsule, inner, &o) == 0);
	BK_ASSERT(bk_signal_decrypt(p->s, me.id, o.type, o.ciphertext, o.len, plain, sizeof plain, &len) == 0);
	BK_ASSERT(bk_signal_encrypt(p->s, me.id, plain, len, &type, cipher, &n) == 0);
	BK_ASSERT(bk_kv_commit(p->kv, NULL) == 0);
	BK_ASSERT(bk_signal_decrypt(me.s, p->id, type, cipher, n, plain, sizeof plain, &len) == 0);
}

/* One message to all: warmed as a client that has nothing else to do does it, or as it comes. */
static void fan(const struct bk_capsule *c, uint8_t capsules[static DEVICES][BK_CAPSULE_BYTES], struct bk_hist *hist)
{
	uint64_t at = bk_figures_ns();

	BK_ASSERT(bk_kv_begin(me.kv) == 0);
	for (size_t i = 0; i < DEVICES; i++)
		seal_to(&peers[i], c, capsules[i]);
	BK_ASSERT(bk_kv_commit(me.kv, NULL) == 0);
	bk_hist_add(hist, bk_figures_ns() - at);
}

int main(void)
{
	static struct bk_hist contact, fan_out, cold, body, open;
	static uint8_t capsules[DEVICES][BK_CAPSULE_BYTES], content[CONTENT];
	struct bk_capsule c = {.chain_seq = 1};

	BK_ASSERT(sodium_init() >= 0);
	make(&me);
	for (size_t i = 0; i < DEVICES; i++)
		make(&peers[i]);
	BK_ASSERT(bk_kv_begin(me.kv) == 0);
	for (size_t i = 0; i < DEVICES; i++) {
		uint64_t at = bk_figures_ns();

		start(&peers[i]);
		bk_capsule_sealer_init(&sealer);
		seal_to(&peers[i], &c, capsules[i]);
		bk_hist_add(&contact, bk_figures_ns() - at);
		answer(&peers[i], capsules[i]);
	}
	BK_ASSERT(bk_kv_commit(me.kv, NULL) == 0);
	for (size_t r = 0; r < ROUNDS; r++) {
		uint8_t key[BK_KEY_BYTES], *sealed = NULL, *opened = NULL;
		uint64_t at = bk_figures_ns();
		size_t len = 0;

		BK_ASSERT(bk_body_seal(c.message, content, sizeof content, key, &sealed, &len, &c.body) == 0);
		bk_hist_add(&body, bk_figures_ns() - at);
		bk_capsule_sealer_init(&sealer);
		for (size_t i = 0; i < DEVICES; i++)
			bk_capsule_sealer_warm(&sealer, peers[i].identity);
		fan(&c, capsules, &fan_out);
		at = bk_figures_ns();
		BK_ASSERT(bk_body_open(c.message, c.body, key, sealed, len, &opened, &len) == 0);
		bk_hist_add(&open, bk_figures_ns() - at);
		free(sealed);
		free(opened);
		bk_capsule_sealer_init(&sealer);
		fan(&c, capsules, &cold);
	}
	printf("{\"bench\":\"crypto\",\"devices\":%u,\"fan_out_ms\":%.3f,\"fan_out_p99_ms\":%.3f,\"fan_out_cold_ms\":%.3f,"
	       "\"first_contact_ms\":%.3f,"
	       "\"body_4k_seal_ms\":%.4f,\"body_4k_open_ms\":%.4f}\n",
		DEVICES, bk_hist_ms(&fan_out, 0.5), bk_hist_ms(&fan_out, 0.99), bk_hist_ms(&cold, 0.5), bk_hist_ms(&contact, 0.5),
		bk_hist_ms(&body, 0.5), bk_hist_ms(&open, 0.5));
	return 0;
}
