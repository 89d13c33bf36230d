/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A new desk or care team: a first roster without devices, at the server and in the registrar's book. */
#include "ctl_roster.h"

/* A circle that the server refused must not stay in the book: it would look like one that can be invited to. */
static void forget(struct bk_ctl_registrar *reg, bk_id circle)
{
	char text[BK_ID_TEXT];

	json_object_del(json_object_get(reg->book, "circles"), bk_id_text(circle, text));
}

static int create(struct bk_ctl_link *l, struct bk_ctl_registrar *reg, const char *kind, const char *label, bk_id circle)
{
	const struct bk_ctl_change none = {.add = NULL};
	struct bk_ctl_roster first = {.len = 0};
	int err = bk_ctl_roster_same_root(l, reg);

	if (!err)
		err = bk_ctl_book_take(reg);
	if (!err)
		err = bk_ctl_book_put(reg, "circles", circle, json_pack("{s:s, s:s}", "kind", kind, "label", label));
	if (!err)
		err = bk_ctl_roster_next(reg, NULL, circle, &none, &first);
	if (!err)
		err = bk_ctl_roster_put(l, reg, &first, NULL);
	if (err && reg->book)
		forget(reg, circle);
	bk_ctl_roster_done(&first);
	return err;
}

int bk_ctl_circle_create(struct bk_ctl *ctl, int argc, char **argv)
{
	const char *file = NULL, *kind = NULL, *label = NULL;
	const struct bk_ctl_option options[] = {
		{"registrar", &file, NULL, NULL, true},
		{"kind", &kind, NULL, NULL, true},
		{"label", &label, NULL, NULL, true},
	};
	struct bk_ctl_registrar reg;
	struct bk_ctl_link *l = NULL;
	bk_id circle = bk_id_random();
	char text[BK_ID_TEXT];
	int err;

	if (bk_ctl_options(ctl, argc, argv, options, 3) != 0 ||
		(strcmp(kind, "desk") != 0 && strcmp(kind, "care") != 0) || strlen(label) > BK_NAME_MAX)
		return bk_ctl_exit(BK_E_USAGE);
	err = bk_ctl_link_open(ctl, &l);
	if (err)
		return bk_ctl_fail(ctl, err, NULL);
	err = bk_ctl_registrar_open(ctl, file, &reg);
	if (!err)
		err = create(l, &reg, kind, label, circle);
	bk_ctl_registrar_close(&reg);
	bk_ctl_link_close(l);
	if (err)
		return bk_ctl_fail(ctl, err, NULL);
	bk_id_text(circle, text);
	if (bk_ctl_print(ctl, json_pack("{s:b, s:s, s:s, s:s}", "ok", 1, "circle", text, "kind", kind, "label", label)))
		return 0;
	bk_ctl_say(CT(ctl, CIRCLE_MADE), bk_ctl_shown(label), NULL);
	printf("%s\n", text);
	return 0;
}
