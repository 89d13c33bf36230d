/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What may come before login: login, resume and enrolment frames, and the proofs in them. A proof made for one
 * device, connection or invitation is none for another.
 */
#include "fuzz.h"

#include "frame.h"
#include "login.h"
#include "sample.h"
#include "signal_key.h"

static struct bk_arena *arena;
static uint8_t identity[BK_KEY_BYTES], secret[BK_INVITE_SECRET_BYTES], exporter[32], nonce[BK_NONCE_BYTES];

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	uint8_t private[BK_KEY_BYTES];

	(void)argc;
	(void)argv;
	if (sodium_init() < 0)
		return 1;
	bk_sample_identity(BK_SAMPLE_AUTHOR, identity, private);
	bk_sample_fill(secret, sizeof secret, 803); /* as in the golden files */
	bk_sample_fill(exporter, sizeof exporter, 801);
	bk_sample_fill(nonce, sizeof nonce, 802);
	arena = bk_arena_new();
	return arena == NULL;
}

static void check_login(const Baken__Login *m)
{
	uint8_t transcript[BK_LOGIN_TRANSCRIPT_BYTES];
	bk_id device;

	BK_ASSERT(bk_id_from(m->device_id.data, m->device_id.len, &device) == 0);
	bk_login_transcript(bk_sample_hash(1), exporter, nonce, device, transcript);
	if (bk_identity_verify(identity, "", transcript, sizeof transcript, m->signature.data) == 0)
		BK_ASSERT(bk_id_equal(device, bk_sample_id(BK_SAMPLE_AUTHOR)));
}

static void check_enrol(const Baken__Enrol *m)
{
	uint8_t mac[32];
	bk_id id = bk_invite_id(secret);

	bk_enrol_mac(secret, m->identity_key.data, m->registration_id, m->browser, mac);
	if (sodium_memcmp(mac, m->mac.data, sizeof mac) == 0 && memcmp(id.b, m->invite_id.data, BK_ID_BYTES) == 0)
		BK_ASSERT(memcmp(m->identity_key.data, identity, BK_KEY_BYTES) == 0 &&
			  m->registration_id == 100 + BK_SAMPLE_AUTHOR && !m->browser);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	Baken__Frame *f = NULL;

	if (size > BK_PRELOGIN_FRAME_MAX)
		return 0;
	bk_arena_reset(arena);
	if (bk_frame_decode(arena, BK_FROM_CLIENT, data, size, &f))
		return 0;
	if (f->kind_case == BAKEN__FRAME__KIND_LOGIN)
		check_login(f->login);
	if (f->kind_case == BAKEN__FRAME__KIND_ENROL)
		check_enrol(f->enrol);
	return 0;
}
