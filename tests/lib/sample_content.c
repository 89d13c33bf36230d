/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>

#include "err.h"
#include "manifest.h"
#include "sample_in.h"

Baken__CaptureManifest *bk_sample_manifest(struct bk_arena *a)
{
	Baken__CaptureManifest *m = NEW(Baken__CaptureManifest, capture_manifest);

	m->file_hash = bytes(a, BK_HASH_BYTES, 3);
	m->size = 3000000;
	m->type = text(a, "image/jpeg");
	m->name = text(a, "IMG_0001.jpg");
	m->captured_ms = BK_SAMPLE_NOW - 60000;
	m->place = NEW(Baken__Place, place);
	m->place->latitude_e7 = 520907000;
	m->place->longitude_e7 = -51214000;
	m->place->accuracy_m = 12;
	m->device_model = text(a, "a phone");
	m->device_id = id(a, 2);
	m->signed_ms = BK_SAMPLE_NOW;
	return m;
}

static Baken__Attachment **attachment(struct bk_arena *a)
{
	Baken__Attachment **l = make(a, sizeof *l), *m = NEW(Baken__Attachment, attachment);
	uint8_t public[BK_KEY_BYTES], private[BK_KEY_BYTES], *buf = NULL;
	unsigned author = BK_SAMPLE_AUTHOR;
	size_t len = 0;

	bk_sample_identity(BK_SAMPLE_AUTHOR, public, private);
	m->file_hash = bytes(a, BK_HASH_BYTES, 1);
	m->key = bytes(a, BK_KEY_BYTES, 2);
	m->plain_hash = bytes(a, BK_HASH_BYTES, 3);
	m->size = 3000000;
	m->padded_size = 3014656;
	m->type = text(a, "image/jpeg");
	m->name = text(a, "IMG_0001.jpg");
	BK_ASSERT(bk_manifest_sign(bk_sample_manifest(a), public, bk_sample_sign, &author, &buf, &len) == 0);
	m->manifest = baken__signed__unpack(bk_arena_allocator(a), len, buf);
	BK_ASSERT(m->manifest);
	free(buf);
	l[0] = m;
	return l;
}

static void report(struct bk_arena *a, Baken__Content *c)
{
	Baken__Report *m = NEW(Baken__Report, report);

	m->what = text(a, "He stands before the door again.\nSecond time today.");
	m->where = text(a, "at home");
	m->when_ms = BK_SAMPLE_NOW - 300000;
	m->when_text = text(a, "just now");
	m->urgency = BAKEN__URGENCY__URGENCY_TODAY;
	m->certainty = BAKEN__CERTAINTY__CERTAINTY_SURE;
	m->n_attachments = 1;
	m->attachments = attachment(a);
	SET(c, report, REPORT, m);
}

static void message(struct bk_arena *a, Baken__Content *c)
{
	Baken__Text *m = NEW(Baken__Text, text);

	m->text = text(a, "We send somebody \xe2\x80\x94 stay inside.");
	m->reply_to = id(a, 9);
	m->n_attachments = 1;
	m->attachments = attachment(a);
	m->answers = true;
	SET(c, text, TEXT, m);
}

static void guidance(struct bk_arena *a, Baken__Content *c)
{
	Baken__Guidance *m = NEW(Baken__Guidance, guidance);

	m->title = text(a, "Avoid the station");
	m->text = text(a, "Until tomorrow morning.");
	m->valid_until_ms = BK_SAMPLE_NOW + BK_SAMPLE_DAY;
	m->acknowledge = true;
	m->template_ = text(a, "avoid-place");
	SET(c, guidance, GUIDANCE, m);
}

static void guidance_ack(struct bk_arena *a, Baken__Content *c)
{
	Baken__GuidanceAck *m = NEW(Baken__GuidanceAck, guidance_ack);

	m->guidance_id = id(a, 9);
	m->read_ms = BK_SAMPLE_NOW;
	SET(c, guidance_ack, GUIDANCE_ACK, m);
}

static void receipt(struct bk_arena *a, Baken__Content *c)
{
	Baken__Receipt *m = NEW(Baken__Receipt, receipt);

	m->n_message_ids = 2;
	m->message_ids = make(a, 2 * sizeof *m->message_ids);
	m->message_ids[0] = id(a, 9);
	m->message_ids[1] = id(a, 10);
	m->rung = BAKEN__RUNG__RUNG_DECRYPTED;
	m->at_ms = BK_SAMPLE_NOW;
	m->n_plain_hashes = 1;
	m->plain_hashes = make(a, sizeof *m->plain_hashes);
	m->plain_hashes[0] = bytes(a, BK_HASH_BYTES, 3);
	SET(c, receipt, RECEIPT, m);
}

static void profile(struct bk_arena *a, Baken__Content *c)
{
	Baken__Profile *m = NEW(Baken__Profile, profile);

	m->name = text(a, "A. Example");
	m->phone = text(a, "+31 10 000 0000");
	SET(c, profile, PROFILE, m);
}

static void ask_again(struct bk_arena *a, Baken__Content *c)
{
	Baken__AskAgain *m = NEW(Baken__AskAgain, ask_again);

	m->message_id = id(a, 9);
	SET(c, ask_again, ASK_AGAIN, m);
}

static void drill_alarm(struct bk_arena *a, Baken__Content *c)
{
	Baken__DrillAlarm *m = NEW(Baken__DrillAlarm, drill_alarm);

	m->nonce = bytes(a, 16, 4);
	c->drill = true;
	SET(c, drill_alarm, DRILL_ALARM, m);
}

static void session_open(struct bk_arena *a, Baken__Content *c)
{
	SET(c, session_open, SESSION_OPEN, NEW(Baken__SessionOpen, session_open));
}

static const struct {
	const char *name;
	void (*make)(struct bk_arena *a, Baken__Content *c);
} kinds[] = {{"report", report}, {"text", message}, {"guidance", guidance}, {"guidance_ack", guidance_ack},
	{"receipt", receipt}, {"case_event", bk_sample_case_event}, {"profile", profile}, {"ask_again", ask_again},
	{"drill_alarm", drill_alarm}, {"session_open", session_open},
	{"alarm", bk_sample_alarm}, {"alarm_end", bk_sample_alarm_end}, {"location", bk_sample_location},
	{"watch_plan", bk_sample_watch_plan}, {"watch_end", bk_sample_watch_end}, {"day_plan",
	bk_sample_day_plan}, {"device_health", bk_sample_device_health}, {"promise", bk_sample_promise},
	{"guidance_recall", bk_sample_guidance_recall}, {"approval", bk_sample_approval}, {"keyring",
	bk_sample_keyring}, {"keyring_ask", bk_sample_keyring_ask}, {"handover", bk_sample_handover},
	{"handover_answer", bk_sample_handover_answer}, {"shift_plan", bk_sample_shift_plan},
	{"desk_policy", bk_sample_desk_policy}, {"canary", bk_sample_canary}, {"group", bk_sample_group}};

Baken__Content *bk_sample_content(struct bk_arena *a, size_t i)
{
	Baken__Content *c;

	if (i >= sizeof kinds / sizeof *kinds)
		return NULL;
	c = NEW(Baken__Content, content);
	c->message_id = id(a, 1);
	c->sender_device = id(a, 2);
	c->sender_circle = id(a, 3);
	c->written_ms = BK_SAMPLE_NOW;
	c->conversation = id(a, 4);
	c->sender_name = text(a, "An officer");
	c->repeats = id(a, 5);
	c->state = bk_bytes(memset(make(a, 1), 1, 1), 1);
	kinds[i].make(a, c);
	return c;
}

const char *bk_sample_content_name(size_t i)
{
	return i < sizeof kinds / sizeof *kinds ? kinds[i].name : NULL;
}
