/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What this device is: its place in the organisation, the pinned root, the server it talks to and how far its
 * enrolment has come. One row ("meta/self").
 *
 * Secrets: the invitation's secret until it is approved, the resume ticket.
 */
#ifndef BK_SELF_H
#define BK_SELF_H

#include "db.h"
#include "bounds.h"
#include "trust.pb-c.h"

enum bk_stage {
	BK_STAGE_NONE = 0,
	BK_STAGE_ASKING,   /* keys made, request not yet answered */
	BK_STAGE_WAITING,  /* the registrar must approve */
	BK_STAGE_DRILL,    /* verified; the test alarm is not yet answered */
	BK_STAGE_DONE
};

struct bk_self {
	enum bk_stage stage;
	char host[256];
	uint16_t port;
	uint8_t secret[16];
	uint8_t pin[16];
	bool root_known;
	uint8_t root[BK_KEY_BYTES];
	uint64_t server_version; /* of the newest server certificate seen */
	uint8_t receipt_key[BK_KEY_BYTES];
	bk_id device, account, circle;
	Baken__Role role;
	char name[BK_NAME_MAX + 1];
	bool has_ticket;
	uint8_t ticket[32];
	bk_ms ticket_ms;
	bool duty; /* wanted: set again at each connect */
	bk_id drill;
	bk_ms drill_ms;
	bk_ms last_contact_ms;
	bk_ms prekeys_ms;
	int64_t skew_ms; /* the server's clock minus ours, as last seen: our clock may be wrong without a connection too */
	uint64_t order; /* last number given to an outbox row */
};

int bk_self_load(struct bk_db *db, struct bk_self *ret_self);
int bk_self_save(struct bk_db *db, const struct bk_self *self);
static inline bool bk_self_enrolled(const struct bk_self *self)
{
	return self->stage >= BK_STAGE_DRILL;
}

#endif
