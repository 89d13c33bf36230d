/* SPDX-License-Identifier: GPL-3.0-or-later */
/* make_realm DIR TLS-PORT PLAIN-PORT USERS: the realm of the comparison; 50 officers, the others persons. */
#include <stdio.h>
#include <stdlib.h>

#include "err.h"
#include "realm.h"

#define OFFICERS 50u

int main(int argc, char **argv)
{
	struct bk_realm r;
	uint32_t desk, users;

	if (argc != 5) {
		fprintf(stderr, "usage: make_realm DIR TLS-PORT PLAIN-PORT USERS\n");
		return 64;
	}
	bk_realm_init(&r, argv[1], 1);
	r.port = (uint16_t)atoi(argv[2]);
	r.plain = (uint16_t)atoi(argv[3]);
	users = (uint32_t)atoi(argv[4]);
	desk = bk_realm_circle(&r, BAKEN__CIRCLE_KIND__CIRCLE_DESK, BK_REALM_NONE, BK_REALM_NONE);
	for (uint32_t i = 0; i < OFFICERS; i++)
		bk_realm_device(&r, desk, BAKEN__ROLE__ROLE_OFFICER);
	for (uint32_t i = OFFICERS; i < users; i++) {
		uint32_t c = bk_realm_circle(&r, BAKEN__CIRCLE_KIND__CIRCLE_PERSON, desk, BK_REALM_NONE);

		bk_realm_device(&r, c, BAKEN__ROLE__ROLE_PERSON);
	}
	bk_realm_make(&r);
	BK_ASSERT(bk_realm_save(&r) == 0);
	bk_realm_done(&r);
	return 0;
}
