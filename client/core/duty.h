/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * On and off duty. On: the vault is asked for what is open. Off: refused while something is still this device's (a
 * claimed case, an alarm that nobody has, a message that cannot leave); waits for what is not yet stored; then the
 * store keeps what is needed to log in and come back, and nothing of the desk.
 *
 * Row: "meta/signoff": asked to go off; the store is emptied when the server has said that we are.
 */
#ifndef BK_DUTY_H
#define BK_DUTY_H

#include "api.h"
#include "ids.h"

struct bk_request;
struct bk_signoff { /* a command that waits until all is stored */
	bool wanted;
	uint64_t command_id;
};

int bk_duty_cmd(struct bk_core *core, struct bk_command *c);
int bk_duty_cmd_colleagues(struct bk_core *core, struct bk_command *c);
/* The server says whether we are on duty: its answer, or at login. */
void bk_duty_on_state(struct bk_core *core, bool on, const struct bk_request *r);
void bk_duty_pump(struct bk_core *core);
void bk_duty_offline(struct bk_core *core);
/* Deletes every row but those that a device off duty needs. */
int bk_duty_wipe(struct bk_core *core);
bool bk_duty_is_on(struct bk_core *core, bk_id device);

#endif
