/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Circles as this device knows them: verified rosters, kept whole as signed, never older, each a successor of
 * the one before; who of a desk is on duty (this session only, never stored); names.
 *
 * Invariant: every answer about a device comes from a roster verified up to the pinned root (M2, M17).
 * Memory: rosters are borrowed until the end of the turn.
 */
#ifndef BK_ROSTERS_H
#define BK_ROSTERS_H

#include <jansson.h>
#include "link.h"
#include "roster.h"

struct bk_circle {
	struct bk_circle *next;
	struct bk_roster *roster;
	bool asked;   /* this session has the newest, and hears of changes */
	bool stale;   /* something newer is known to exist */
	bk_id *on_duty;
	size_t n_on_duty;
	bk_ms failed_ms; /* do not ask again before this */
};
struct bk_rosters {
	struct bk_circle *list;
	size_t n;
};

void bk_rosters_drop(struct bk_core *core); /* cache only */
/* NULL when not known. */
struct bk_circle *bk_rosters_circle(struct bk_core *core, bk_id circle);
const struct bk_roster *bk_rosters_get(struct bk_core *core, bk_id circle);
/* Entry of a device in the roster of whichever circle holds it; NULL when not known. */
const struct bk_roster_entry *bk_rosters_device(struct bk_core *core, bk_id device,
	const struct bk_roster **ret_roster);
bool bk_rosters_trust(void *core, bk_id device, const uint8_t identity[static BK_KEY_BYTES]);
bk_id bk_rosters_desk(struct bk_core *core); /* own or assigned; zero when none */
bk_id bk_rosters_care(struct bk_core *core);
Baken__CircleKind bk_rosters_kind(struct bk_core *core, bk_id circle);

/* Is the circle known as of this session (desks: with who is on duty)? Asks when not; false meanwhile. */
bool bk_rosters_ready(struct bk_core *core, bk_id circle);
void bk_rosters_fetch(struct bk_core *core, bk_id circle);
void bk_rosters_fetch_device(struct bk_core *core, bk_id device);
void bk_rosters_stale(struct bk_core *core, bk_id circle);
/* Verify and keep; emits "roster" when something changed. */
int bk_rosters_put(struct bk_core *core, const Baken__Signed *s, bk_id *ret_circle);
/* What a peer says about a circle (M17). */
void bk_rosters_peer_says(struct bk_core *core, bk_id circle, uint64_t version, bk_hash hash);

void bk_rosters_login(struct bk_core *core, Baken__CircleState *const *states, size_t n);
void bk_rosters_offline(struct bk_core *core);
void bk_rosters_on_rosters(struct bk_core *core, const Baken__Rosters *m, const struct bk_request *r);
void bk_rosters_on_changed(struct bk_core *core, const Baken__RosterChanged *m);
void bk_rosters_on_circles(struct bk_core *core, const Baken__Circles *m);
void bk_rosters_on_error(struct bk_core *core, const struct bk_request *r, int err);
void bk_rosters_on_duty(struct bk_core *core, bk_id circle, const ProtobufCBinaryData *ids, size_t n);
void bk_rosters_tick(struct bk_core *core);

void bk_rosters_name_set(struct bk_core *core, bk_id of, const char *name); /* circle or device */
void bk_rosters_name(struct bk_core *core, bk_id of, char out[static BK_NAME_MAX + 1]);

#endif
