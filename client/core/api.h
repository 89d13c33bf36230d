/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The JSON commands: one table (name, fields, who may, handler). Fields are checked before the handler runs;
 * an unknown one is refused.
 */
#ifndef BK_API_H
#define BK_API_H

#include <jansson.h>
#include "json.h"
#include "lang.h"

struct bk_core;
struct bk_command {
	uint64_t id;
	const json_t *args;
	json_t *answer;      /* members of the "ok" event */
	bool later;          /* answered by a reply from the server */
	enum bk_say say;     /* a better sentence for the error, when set */
};

int bk_api_command(struct bk_core *core, const char *json, size_t len);
/* Late answers. answer is stolen. */
void bk_api_ok(struct bk_core *core, uint64_t id, json_t *answer);
void bk_api_error(struct bk_core *core, uint64_t id, int err, enum bk_say say);

/* compose.c */
int bk_compose_report(struct bk_core *core, struct bk_command *c);
int bk_compose_send(struct bk_core *core, struct bk_command *c);
int bk_compose_reply(struct bk_core *core, struct bk_command *c);
int bk_compose_acknowledge(struct bk_core *core, struct bk_command *c);
/* query.c */
int bk_query_status(struct bk_core *core, struct bk_command *c);
int bk_query_reports(struct bk_core *core, struct bk_command *c);
int bk_query_messages(struct bk_core *core, struct bk_command *c);
int bk_query_show(struct bk_core *core, struct bk_command *c);
int bk_query_people(struct bk_core *core, struct bk_command *c);
/* monitor_cmd.c */
int bk_monitor_cmd(struct bk_core *core, struct bk_command *c);
/* api.c's own small ones: connect, disconnect, duty, ask-again, resend; enrol.c: enrol */

#endif
