/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Who could have read what: since when each device of our desk has been on duty (so that messages were encrypted to
 * it), and which cases' keys it was given. After a withdrawal it names every case and message that device could read.
 * Where we were away ourselves, it says rather too much than too little.
 *
 * Rows: "duty/" device + from -> until (0: still); "gave/" device + case -> newest time.
 */
#ifndef BK_EXPOSURE_H
#define BK_EXPOSURE_H

#include "api.h"

void bk_exposure_gave(struct bk_core *core, bk_id device, bk_id case_id);
/* Who of the desk is on duty, as the server now says. */
void bk_exposure_duty(struct bk_core *core, const bk_id *on_duty, size_t n);
int bk_exposure_cmd(struct bk_core *core, struct bk_command *c);
void bk_exposure_expire(struct bk_core *core);

#endif
