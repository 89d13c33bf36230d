/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Groups: people who are often addressed together, under a name, the same on every device of the desk. A group is a
 * message to the desk, whole each time; of two of one version the same one wins everywhere. Who is in it and no longer
 * assigned to the desk is passed over when it is used.
 *
 * Rows: "people/" group (JSON).
 */
#ifndef BK_GROUPS_H
#define BK_GROUPS_H

#include "api.h"
#include "pack.h"

void bk_groups_on_group(struct bk_core *core, const struct bk_opened *o);
/* Adds the members that are assigned to our desk to an object keyed by circle. BK_E_NOT_FOUND: no such group. */
int bk_groups_add(struct bk_core *core, bk_id group, json_t *circles);

int bk_groups_cmd_list(struct bk_core *core, struct bk_command *c);
int bk_groups_cmd_set(struct bk_core *core, struct bk_command *c);
int bk_groups_cmd_remove(struct bk_core *core, struct bk_command *c);

#endif
