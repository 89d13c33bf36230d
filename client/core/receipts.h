/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Receipts: what we owe to senders (decrypted, files verified), collected and sent per circle; what others owe
 * us, as rungs; and the server's signed proofs of submission, verified and kept for export (R13).
 */
#ifndef BK_RECEIPTS_H
#define BK_RECEIPTS_H

#include "api.h"
#include "pack.h"

void bk_receipts_owe(struct bk_core *core, bk_id circle, Baken__Regime regime, bk_id message);
void bk_receipts_owe_file(struct bk_core *core, bk_id circle, Baken__Regime regime, bk_id message, bk_hash plain);
void bk_receipts_flush(struct bk_core *core);
void bk_receipts_on_receipt(struct bk_core *core, const struct bk_opened *o);
/* BK_E_SIGNATURE, BK_E_CHAIN, BK_E_INVAL (another message or body). */
int bk_receipts_on_stored(struct bk_core *core, const Baken__StoredReceipt *w, bk_id message, bk_hash body);
int bk_receipts_cmd(struct bk_core *core, struct bk_command *c);

#endif
