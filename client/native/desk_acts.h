/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What an officer can do with a case at a terminal: one row an act, for scripts and for the keys of the board.
 *
 * Threads: one. Memory: constant.
 */
#ifndef BK_DESK_ACTS_H
#define BK_DESK_ACTS_H

#include "cli.h"

struct bk_desk_act {
	const char *word, *cmd;
	const char *field; /* name of the text that goes along; NULL: none */
	bool optional;     /* the text may be left out */
	bool moment;       /* it is a time (moment.h) */
	int key;           /* on the board; 0 none */
	enum bk_text prompt, done;
};
const struct bk_desk_act *bk_desk_act_by_word(const char *word); /* NULL: none */
const struct bk_desk_act *bk_desk_act_by_key(int key);
/* {"cmd","case",field}; with BK_E_INVAL nothing. text: NULL none. */
int bk_desk_act_command(const struct bk_desk_act *a, const char *case_id, const char *text, json_t **ret_command);
/* baken desk case CASE, due, policy: what only looks or sets. */
int bk_desk_case(struct bk_cli *cli, const char *case_id);
int bk_desk_due(struct bk_cli *cli);
int bk_desk_policy(struct bk_cli *cli, int argc, char **argv);
void bk_print_log(const struct bk_cli *cli, const json_t *log);

#endif
