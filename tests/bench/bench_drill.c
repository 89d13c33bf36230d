/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A drill to 500 people, each with a real client core on a connection of its own: from the second officer's consent
 * until every device has it, and until everybody has acknowledged, as the officer who asked is told.
 */
#include <stdio.h>
#include <stdlib.h>

#include "drill.h"
#include "err.h"
#include "figures.h"

#define PEOPLE 500
#define WAIT_MS 200000u

static struct bk_drill drill;

int main(void)
{
	uint64_t began, stored = 0, delivered = 0, acknowledged = 0, connected = bk_figures_ns();
	int err = bk_drill_init(&drill, PEOPLE, 0, NULL);

	connected = bk_figures_ns() - connected;
	if (!err)
		err = bk_drill_ask(&drill);
	began = bk_figures_ns();
	if (!err)
		err = bk_drill_consent(&drill);
	if (!err)
		err = bk_drill_until(&drill, PEOPLE, 0, 0, WAIT_MS);
	stored = bk_figures_ns() - began;
	if (!err)
		err = bk_drill_until(&drill, PEOPLE, PEOPLE, 0, WAIT_MS);
	delivered = bk_figures_ns() - began;
	if (!err)
		err = bk_drill_until(&drill, PEOPLE, PEOPLE, PEOPLE, WAIT_MS);
	acknowledged = bk_figures_ns() - began;
	if (!err && bk_drill_hold_once(&drill) != PEOPLE)
		err = BK_E_INCOMPLETE;
	if (err)
		fprintf(stderr, "drill: %s %s\n", bk_err_name(err), drill.why);
	else
		printf("{\"bench\":\"drill\",\"people\":%d,\"connected_s\":%.2f,\"stored_s\":%.2f,\"delivered_s\":%.2f,"
		       "\"acknowledged_s\":%.2f}\n",
			PEOPLE, (double)connected / 1e9, (double)stored / 1e9, (double)delivered / 1e9,
			(double)acknowledged / 1e9);
	bk_drill_done(&drill);
	return err ? 1 : 0;
}
