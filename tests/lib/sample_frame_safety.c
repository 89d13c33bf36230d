/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "body.h"
#include "sample_frame_in.h"
#include "sample_in.h"

void bk_sample_watch_arm(struct bk_arena *a, Baken__Frame *f)
{
	Baken__WatchArm *m = NEW(Baken__WatchArm, watch_arm);

	m->watch_id = id(a, 1);
	m->counter = 3;
	m->due_ms = BK_SAMPLE_NOW + 1800000;
	m->grace_ms = 300000;
	m->body = bytes(a, 1024 + BK_BODY_OVERHEAD, 1);
	m->body_hash = bytes(a, BK_HASH_BYTES, 21);
	m->circle_id = id(a, 3);
	f->kind_case = BAKEN__FRAME__KIND_WATCH_ARM;
	f->watch_arm = m;
}

void bk_sample_watch_disarm(struct bk_arena *a, Baken__Frame *f)
{
	Baken__WatchDisarm *m = NEW(Baken__WatchDisarm, watch_disarm);

	m->watch_id = id(a, 1);
	m->counter = 3;
	f->kind_case = BAKEN__FRAME__KIND_WATCH_DISARM;
	f->watch_disarm = m;
}

void bk_sample_watch_state(struct bk_arena *a, Baken__Frame *f)
{
	Baken__WatchState *m = NEW(Baken__WatchState, watch_state);

	m->watch_id = id(a, 1);
	m->state = BAKEN__WATCH_STATE__STATE__ARMED;
	m->counter = 3;
	m->due_ms = BK_SAMPLE_NOW + 1800000;
	f->kind_case = BAKEN__FRAME__KIND_WATCH_STATE;
	f->watch_state = m;
}

void bk_sample_push_set(struct bk_arena *a, Baken__Frame *f)
{
	static char endpoint[] = "https://push.example/v1/abcdef";
	Baken__PushSet *m = NEW(Baken__PushSet, push_set);

	m->endpoint = endpoint;
	f->kind_case = BAKEN__FRAME__KIND_PUSH_SET;
	f->push_set = m;
}

void bk_sample_push_state(struct bk_arena *a, Baken__Frame *f)
{
	Baken__PushState *m = NEW(Baken__PushState, push_state);

	m->set = true;
	m->vapid_key = bytes(a, BK_PUSH_KEY_BYTES, 3);
	f->kind_case = BAKEN__FRAME__KIND_PUSH_STATE;
	f->push_state = m;
}

void bk_sample_path_health(struct bk_arena *a, Baken__Frame *f)
{
	Baken__PathHealth *m = NEW(Baken__PathHealth, path_health);

	m->nonce = bytes(a, 16, 4);
	m->sent_ms = BK_SAMPLE_NOW;
	m->shown = 1;
	m->expected = 2;
	m->late = true;
	m->n_silent = 1;
	m->silent = make(a, sizeof *m->silent);
	m->silent[0] = id(a, 8);
	f->kind_case = BAKEN__FRAME__KIND_PATH_HEALTH;
	f->path_health = m;
}

void bk_sample_wake(struct bk_arena *a, Baken__Frame *f)
{
	Baken__Wake *m = NEW(Baken__Wake, wake);

	m->circle_id = id(a, 1);
	m->level = 2;
	m->stored_ms = BK_SAMPLE_NOW;
	m->drill = true;
	f->kind_case = BAKEN__FRAME__KIND_WAKE;
	f->wake = m;
}
