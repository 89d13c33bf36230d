/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Golden examples of frames and contents. */
#include <stdio.h>
#include <stdlib.h>

#include "content.h"
#include "err.h"
#include "golden.h"

static size_t frames(void)
{
	static size_t n;
	struct bk_arena *a = bk_arena_new();

	BK_ASSERT(a);
	while (!n || bk_sample_frame(a, n)) {
		n++;
		bk_arena_reset(a);
	}
	bk_arena_free(a);
	return n;
}

static size_t contents(void)
{
	size_t n = 0;

	while (bk_sample_content_name(n))
		n++;
	return n;
}

static struct bk_sample_blob encode(const Baken__Content *c, bool care)
{
	unsigned author = BK_SAMPLE_AUTHOR;
	struct bk_sample_blob b = {NULL, 0};

	BK_ASSERT(bk_content_encode(c, care ? NULL : bk_sample_sign, &author, &b.data, &b.len) == 0);
	return b;
}

/* Frames, then signed contents, then one care content without a signature. */
bool bk_golden_wire_make(size_t i, char name[static BK_GOLDEN_NAME], struct bk_sample_blob *out)
{
	const size_t n = frames(), m = contents();
	struct bk_arena *a = bk_arena_new();

	BK_ASSERT(a);
	if (i < n) {
		Baken__Frame *f = bk_sample_frame(a, i);

		snprintf(name, BK_GOLDEN_NAME, "frame-%s", bk_frame_kind_name(f->kind_case));
		BK_ASSERT(bk_frame_encode_new(f, &out->data, &out->len) == 0);
	} else if (i < n + m) {
		snprintf(name, BK_GOLDEN_NAME, "content-%s", bk_sample_content_name(i - n));
		*out = encode(bk_sample_content(a, i - n), false);
	} else if (i == n + m) {
		snprintf(name, BK_GOLDEN_NAME, "content-care");
		*out = encode(bk_sample_content(a, 1), true);
	}
	bk_arena_free(a);
	return i <= n + m;
}

static int frame_again(struct bk_arena *a, size_t i, const void *data, size_t len, struct bk_sample_blob *out)
{
	enum bk_side side = bk_sample_frame_side(bk_sample_frame(a, i));
	Baken__Frame *f = NULL;
	int err = bk_frame_decode(a, side, data, len, &f);

	return err ? err : bk_frame_encode_new(f, &out->data, &out->len);
}

static int content_again(struct bk_arena *a, bool care, const void *data, size_t len, struct bk_sample_blob *out)
{
	uint8_t public[BK_KEY_BYTES], private[BK_KEY_BYTES];
	Baken__Content *c = NULL;
	Baken__Envelope *e;
	struct bk_sample_blob content;
	int err;

	bk_sample_identity(BK_SAMPLE_AUTHOR, public, private);
	err = bk_content_decode(a, care ? BAKEN__REGIME__REGIME_CARE : BAKEN__REGIME__REGIME_SECURITY, public, data, len,
		&c);
	if (err)
		return err;
	/* A signature is random: the one that verified goes along with the content packed anew. */
	e = baken__envelope__unpack(bk_arena_allocator(a), len, data);
	BK_ASSERT(e);
	content = bk_golden_pack(&c->base);
	e->content = bk_bytes(content.data, content.len);
	*out = bk_golden_pack(&e->base);
	free(content.data);
	return 0;
}

int bk_golden_wire_again(size_t i, const void *data, size_t len, struct bk_sample_blob *out)
{
	const size_t n = frames(), m = contents();
	struct bk_arena *a = bk_arena_new();
	int err;

	BK_ASSERT(a);
	if (i < n)
		err = frame_again(a, i, data, len, out);
	else
		err = content_again(a, i == n + m, data, len, out);
	bk_arena_free(a);
	return err;
}
