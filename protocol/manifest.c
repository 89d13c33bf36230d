/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "manifest.h"

#include <stdlib.h>

#include "err.h"
#include "pb.h"
#include "signal_key.h"
#include "text.h"

#define MANIFEST_MAX 2048u /* every fact at its longest fits */

static bool text_ok(const char *s, size_t max)
{
	return bk_text_ok(s, strlen(s), max);
}

static int check(const Baken__CaptureManifest *m)
{
	if (m->file_hash.len != BK_HASH_BYTES || !m->size || m->size > BK_FILE_PLAIN_MAX || !text_ok(m->type, 100) ||
		!text_ok(m->name, BK_FILE_NAME_MAX) || !text_ok(m->device_model, 100) ||
		m->device_id.len != BK_ID_BYTES || !m->signed_ms)
		return BK_E_INVAL;
	if (m->place && (m->place->latitude_e7 < -900000000 || m->place->latitude_e7 > 900000000 ||
				m->place->longitude_e7 < -1800000000 || m->place->longitude_e7 > 1800000000))
		return BK_E_INVAL;
	return 0;
}

int bk_manifest_sign(const Baken__CaptureManifest *m, const uint8_t identity[static BK_KEY_BYTES], bk_content_signer sign,
	void *arg, uint8_t **ret_buf, size_t *ret_len)
{
	Baken__Signed s = BAKEN__SIGNED__INIT;
	uint8_t payload[MANIFEST_MAX], signature[BK_SIG_BYTES], *buf;
	size_t len = baken__capture_manifest__get_packed_size(m);
	int err = check(m);

	if (!err && len > sizeof payload)
		err = BK_E_TOO_BIG;
	if (err)
		return err;
	baken__capture_manifest__pack(m, payload);
	err = sign(arg, BK_CTX_MANIFEST, payload, len, signature);
	if (err)
		return err;
	s.payload = bk_bytes(payload, len);
	s.signature = bk_bytes(signature, sizeof signature);
	s.signer = bk_bytes(identity, BK_KEY_BYTES);
	len = baken__signed__get_packed_size(&s);
	buf = malloc(len);
	if (!buf)
		return BK_E_NOMEM;
	baken__signed__pack(&s, buf);
	*ret_buf = buf;
	*ret_len = len;
	return 0;
}

int bk_manifest_verify(struct bk_arena *a, const Baken__Signed *s, const uint8_t identity[static BK_KEY_BYTES],
	bk_hash file, uint64_t size, Baken__CaptureManifest **ret_manifest)
{
	Baken__CaptureManifest *m;
	int err;

	if (!s || s->signature.len != BK_SIG_BYTES || s->signer.len != BK_KEY_BYTES || s->payload.len > MANIFEST_MAX)
		return BK_E_INVAL;
	if (memcmp(s->signer.data, identity, BK_KEY_BYTES) != 0)
		return BK_E_SIGNATURE;
	err = bk_identity_verify(identity, BK_CTX_MANIFEST, s->payload.data, s->payload.len, s->signature.data);
	if (err)
		return err == BK_E_NOMEM ? err : BK_E_SIGNATURE;
	m = baken__capture_manifest__unpack(bk_arena_allocator(a), s->payload.len, s->payload.data);
	if (!m)
		return bk_arena_starved(a) ? BK_E_NOMEM : BK_E_INVAL;
	err = bk_pb_exact(&m->base, s->payload.len) ? check(m) : BK_E_INVAL;
	if (!err && (memcmp(m->file_hash.data, file.b, BK_HASH_BYTES) != 0 || m->size != size))
		err = BK_E_HASH;
	if (!err)
		*ret_manifest = m;
	return err;
}
