/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Inside of sample_frame.c: the samples of frames beside messages. */
#ifndef BK_SAMPLE_FRAME_IN_H
#define BK_SAMPLE_FRAME_IN_H

#include "sample.h"

/* sample_frame_safety.c */
void bk_sample_watch_arm(struct bk_arena *a, Baken__Frame *f);
void bk_sample_watch_disarm(struct bk_arena *a, Baken__Frame *f);
void bk_sample_watch_state(struct bk_arena *a, Baken__Frame *f);
void bk_sample_push_set(struct bk_arena *a, Baken__Frame *f);
void bk_sample_push_state(struct bk_arena *a, Baken__Frame *f);
void bk_sample_path_health(struct bk_arena *a, Baken__Frame *f);
void bk_sample_wake(struct bk_arena *a, Baken__Frame *f);

#endif
