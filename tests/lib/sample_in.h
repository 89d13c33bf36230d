/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Inside of sample_content.c: how a sample of a content is made, and the samples by area. */
#ifndef BK_SAMPLE_IN_H
#define BK_SAMPLE_IN_H

#include "err.h"
#include "sample.h"

#define NEW(type, lower) ((type *)new_message(a, &baken__##lower##__descriptor))
#define SET(c, lower, UPPER, message) ((c)->kind_case = BAKEN__CONTENT__KIND_##UPPER, (c)->lower = (message))

static inline void *make(struct bk_arena *a, size_t size)
{
	void *p = bk_arena_alloc(a, size);

	BK_ASSERT(p);
	return p;
}

static inline void *new_message(struct bk_arena *a, const ProtobufCMessageDescriptor *d)
{
	void *m = make(a, d->sizeof_message);

	protobuf_c_message_init(d, m);
	return m;
}

static inline char *text(struct bk_arena *a, const char *s)
{
	return memcpy(make(a, strlen(s) + 1), s, strlen(s) + 1);
}

static inline ProtobufCBinaryData bytes(struct bk_arena *a, size_t len, unsigned n)
{
	uint8_t *p = make(a, len);

	bk_sample_fill(p, len, 0x60000 + n);
	return bk_bytes(p, len);
}

static inline ProtobufCBinaryData id(struct bk_arena *a, unsigned n)
{
	return bytes(a, BK_ID_BYTES, n);
}

/* sample_safety.c */
void bk_sample_alarm(struct bk_arena *a, Baken__Content *c);
void bk_sample_alarm_end(struct bk_arena *a, Baken__Content *c);
void bk_sample_location(struct bk_arena *a, Baken__Content *c);
void bk_sample_watch_plan(struct bk_arena *a, Baken__Content *c);
void bk_sample_watch_end(struct bk_arena *a, Baken__Content *c);
void bk_sample_day_plan(struct bk_arena *a, Baken__Content *c);
void bk_sample_device_health(struct bk_arena *a, Baken__Content *c);
/* sample_desk.c */
void bk_sample_case_event(struct bk_arena *a, Baken__Content *c);
void bk_sample_promise(struct bk_arena *a, Baken__Content *c);
void bk_sample_guidance_recall(struct bk_arena *a, Baken__Content *c);
void bk_sample_approval(struct bk_arena *a, Baken__Content *c);
void bk_sample_keyring(struct bk_arena *a, Baken__Content *c);
void bk_sample_keyring_ask(struct bk_arena *a, Baken__Content *c);
void bk_sample_handover(struct bk_arena *a, Baken__Content *c);
void bk_sample_handover_answer(struct bk_arena *a, Baken__Content *c);
void bk_sample_shift_plan(struct bk_arena *a, Baken__Content *c);
void bk_sample_desk_policy(struct bk_arena *a, Baken__Content *c);
void bk_sample_canary(struct bk_arena *a, Baken__Content *c);
void bk_sample_group(struct bk_arena *a, Baken__Content *c);

#endif
