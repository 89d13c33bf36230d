/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "watch.h"

#include <sodium.h>

#include "bytes.h"
#include "err.h"

#define CTX_BODY "baken-watch-body-v1"
#define CTX_ID "baken-watch-id-v1"
#define NAME_BYTES (32 + BK_ID_BYTES + 8)

/* context || watch id || counter: which arming of which timer, said apart for each use. */
static size_t name_of(const char *context, bk_id watch, uint64_t counter, uint8_t out[static NAME_BYTES])
{
	struct bk_writer w = bk_writer_of(out, NAME_BYTES);

	bk_write_bytes(&w, context, strlen(context));
	bk_write_bytes(&w, watch.b, sizeof watch.b);
	bk_write_u64(&w, counter);
	return NAME_BYTES - w.left;
}

int bk_watch_body_key(const uint8_t watch_key[static BK_KEY_BYTES], bk_id watch, uint64_t counter,
	uint8_t ret_key[static BK_KEY_BYTES])
{
	uint8_t name[NAME_BYTES];
	size_t len = name_of(CTX_BODY, watch, counter, name);

	return crypto_generichash(ret_key, BK_KEY_BYTES, name, len, watch_key, BK_KEY_BYTES) == 0 ? 0 : BK_E_CRYPTO;
}

bk_id bk_watch_message_id(bk_id watch, uint64_t counter)
{
	uint8_t name[NAME_BYTES], hash[BK_HASH_BYTES];
	size_t len = name_of(CTX_ID, watch, counter, name);
	bk_id id;

	crypto_generichash(hash, sizeof hash, name, len, NULL, 0);
	memcpy(id.b, hash, sizeof id.b);
	return id;
}

void bk_watch_fired_encode(const struct bk_watch_fired *f, uint8_t out[static BK_WATCH_FIRED_BYTES])
{
	struct bk_writer w = bk_writer_of(out, BK_WATCH_FIRED_BYTES);

	bk_write_bytes(&w, f->watch.b, sizeof f->watch.b);
	bk_write_u64(&w, f->counter);
	bk_write_u64(&w, f->due_ms);
	bk_write_u64(&w, f->fired_ms);
	bk_write_u64(&w, f->down_ms);
}

int bk_watch_fired_decode(const void *data, size_t len, struct bk_watch_fired *ret_fired)
{
	struct bk_reader r = bk_reader_of(data, len);
	struct bk_watch_fired f;

	bk_read_bytes(&r, f.watch.b, sizeof f.watch.b);
	f.counter = bk_read_u64(&r);
	f.due_ms = bk_read_u64(&r);
	f.fired_ms = bk_read_u64(&r);
	f.down_ms = bk_read_u64(&r);
	if (!bk_reader_done(&r))
		return BK_E_INVAL;
	*ret_fired = f;
	return 0;
}
