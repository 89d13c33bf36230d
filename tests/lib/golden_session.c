/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Golden example of what a device keeps of libsignal: own keys, prekeys and a running session, with the next letter
 * for it. Its reader must be able to open that letter, so that a new library or a new build cannot lose sessions.
 * Layout: u16 length, key, u32 length, value, for each row; the letter is the row "letter", type first.
 */
#include <stdio.h>
#include <stdlib.h>

#include "bytes.h"
#include "err.h"
#include "golden.h"
#include "signal_pair.h"

#define LETTER "letter"
#define ROOM 32768u

struct dump {
	uint8_t bytes[ROOM];
	struct bk_writer w;
};

static int write_row(void *arg, const void *key, size_t key_len, const void *value, size_t len)
{
	struct dump *d = arg;

	bk_write_u16(&d->w, (uint16_t)key_len);
	bk_write_bytes(&d->w, key, key_len);
	bk_write_u32(&d->w, (uint32_t)len);
	bk_write_bytes(&d->w, value, len);
	return 0;
}

static struct bk_sample_blob dump_of(struct bk_kv *kv)
{
	struct dump *d = malloc(sizeof *d);
	struct bk_sample_blob b;

	BK_ASSERT(d);
	d->w = bk_writer_of(d->bytes, ROOM);
	BK_ASSERT(bk_kv_each(kv, "", 0, write_row, d) == 0 && !d->w.failed);
	b = bk_golden_copy(d->bytes, ROOM - d->w.left);
	free(d);
	return b;
}

static int load(struct bk_kv *kv, const void *data, size_t len)
{
	struct bk_reader r = bk_reader_of(data, len);
	int err = bk_kv_begin(kv);

	while (!err && r.left) {
		size_t key_len = bk_read_u16(&r), value_len;
		const uint8_t *key = bk_read_view(&r, key_len), *value;

		value_len = bk_read_u32(&r);
		value = bk_read_view(&r, value_len);
		err = r.failed ? BK_E_CORRUPT : bk_kv_put(kv, key, key_len, value, value_len);
	}
	return err ? err : bk_kv_commit(kv, NULL);
}

bool bk_golden_session_make(size_t i, char name[static BK_GOLDEN_NAME], struct bk_sample_blob *out)
{
	struct bk_pair *p;
	struct bk_letter l;
	uint8_t row[1 + BK_ID_BYTES + BK_SIGNAL_CIPHERTEXT_MAX];
	void *state = NULL;

	if (i)
		return false;
	BK_ASSERT(bk_pair_setup(&state) == 0);
	p = state;
	BK_ASSERT(bk_pair_start(&p->a, &p->b, 0) == 0);
	bk_pair_exchange(&p->a, &p->b);
	BK_ASSERT(bk_pair_encrypt(&p->a, &p->b, "bewaard", &l) == 0);
	row[0] = l.type;
	memcpy(row + 1, p->a.id.b, BK_ID_BYTES);
	memcpy(row + 1 + BK_ID_BYTES, l.data, l.len);
	BK_ASSERT(bk_kv_begin(p->b.kv) == 0);
	BK_ASSERT(bk_kv_put(p->b.kv, LETTER, strlen(LETTER), row, 1 + BK_ID_BYTES + l.len) == 0);
	BK_ASSERT(bk_kv_commit(p->b.kv, NULL) == 0);
	*out = dump_of(p->b.kv);
	bk_pair_teardown(&state);
	snprintf(name, BK_GOLDEN_NAME, "signal-store");
	return true;
}

static bool anybody(void *arg, bk_id device, const uint8_t identity[static BK_KEY_BYTES])
{
	(void)arg;
	(void)device;
	(void)identity;
	return true;
}

/* Opens the letter in a turn that is undone. */
static int read_letter(struct bk_kv *kv)
{
	struct bk_signal *s = NULL;
	uint8_t *row = NULL, plain[BK_CAPSULE_INNER];
	size_t len = 0, n = 0;
	bk_id from;
	int err = bk_kv_get(kv, LETTER, strlen(LETTER), &row, &len);

	if (!err && len <= 1 + BK_ID_BYTES)
		err = BK_E_CORRUPT;
	if (!err)
		err = bk_signal_open(kv, anybody, NULL, &s);
	if (!err)
		err = bk_kv_begin(kv);
	if (!err) {
		memcpy(from.b, row + 1, BK_ID_BYTES);
		err = bk_signal_decrypt(s, from, row[0], row + 1 + BK_ID_BYTES, len - 1 - BK_ID_BYTES, plain, sizeof plain, &n);
		bk_kv_abort(kv);
	}
	if (!err && strcmp((const char *)plain, "bewaard") != 0)
		err = BK_E_CORRUPT;
	bk_signal_close(s);
	free(row);
	return err;
}

int bk_golden_session_again(size_t i, const void *data, size_t len, struct bk_sample_blob *out)
{
	struct bk_kv *kv = bk_kv_mem_new();
	int err;

	(void)i;
	BK_ASSERT(kv);
	err = load(kv, data, len);
	if (!err)
		err = read_letter(kv);
	if (!err)
		*out = dump_of(kv);
	bk_kv_mem_free(kv);
	return err;
}
