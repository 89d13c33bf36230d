/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Inside of content.c: the checks of each kind, by area. A check sees a content of its own kind. Threads: pure. */
#ifndef BK_CONTENT_IN_H
#define BK_CONTENT_IN_H

#include <string.h>

#include "bounds.h"
#include "content.pb-c.h"
#include "ids.h"
#include "text.h"

static inline bool text_ok(const char *s, size_t max)
{
	return bk_text_ok(s, strlen(s), max);
}

static inline bool id_ok(const ProtobufCBinaryData *b)
{
	return b->len == BK_ID_BYTES;
}

static inline bool id_or_none(const ProtobufCBinaryData *b)
{
	return b->len == 0 || b->len == BK_ID_BYTES;
}

/* content_safety.c */
bool bk_content_alarm_ok(const Baken__Content *c);
bool bk_content_alarm_end_ok(const Baken__Content *c);
bool bk_content_location_ok(const Baken__Content *c);
bool bk_content_watch_plan_ok(const Baken__Content *c);
bool bk_content_watch_end_ok(const Baken__Content *c);
bool bk_content_day_plan_ok(const Baken__Content *c);
bool bk_content_device_health_ok(const Baken__Content *c);

/* content_desk.c */
bool bk_content_case_event_ok(const Baken__Content *c);
bool bk_content_promise_ok(const Baken__Content *c);
bool bk_content_guidance_ok(const Baken__Content *c);
bool bk_content_guidance_ack_ok(const Baken__Content *c);
bool bk_content_guidance_recall_ok(const Baken__Content *c);
bool bk_content_approval_ok(const Baken__Content *c);
bool bk_content_keyring_ok(const Baken__Content *c);
bool bk_content_keyring_ask_ok(const Baken__Content *c);
bool bk_content_handover_ok(const Baken__Content *c);
bool bk_content_handover_answer_ok(const Baken__Content *c);
bool bk_content_shift_plan_ok(const Baken__Content *c);
bool bk_content_desk_policy_ok(const Baken__Content *c);
bool bk_content_canary_ok(const Baken__Content *c);
bool bk_content_group_ok(const Baken__Content *c);

#endif
