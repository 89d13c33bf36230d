/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the files of cases share: rows as values, and the state that is kept folded. Threads: one. */
#ifndef BK_CASES_IN_H
#define BK_CASES_IN_H

#include "cases.h"

/* "opened", "claimed" ...; "" for what is none. */
const char *bk_cases_change(enum bk_case_kind kind);
json_t *bk_cases_meta(struct bk_core *core, bk_id case_id); /* NULL when absent */

/* ---- cases_state.c ---- */

json_t *bk_cases_event_row(const struct bk_case_event *e, const char *text);
struct bk_case_event bk_cases_event_read(bk_id id, const json_t *row);
/* Folds all that is here; log, when given, gets every event as it is stored. */
int bk_cases_fold_all(struct bk_core *core, bk_id case_id, struct bk_case_state *ret_state, json_t *log);
/* The state after one more event, which is in the store already; kept in the board's row. */
int bk_cases_advance(struct bk_core *core, bk_id case_id, const struct bk_case_event *e,
	struct bk_case_state *ret_state);
/* As kept, or folded when it is not. */
int bk_cases_folded(struct bk_core *core, bk_id case_id, struct bk_case_state *ret_state);

/* ---- board.c ---- */

/* What the board shows of a case. */
json_t *bk_cases_row(struct bk_core *core, bk_id case_id, const struct bk_case_state *s);
bool bk_cases_on_board(struct bk_core *core, bk_id case_id, const struct bk_case_state *s);

/* ---- alerts.c ---- */

void bk_alerts_changed(struct bk_core *core, bk_id case_id, const struct bk_case_state *s);

#endif
