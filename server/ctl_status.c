/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How the server is doing: of a running server by its socket, of a folder at rest from its store. */
#include <stdio.h>
#include <string.h>

#include "ctl_link.h"
#include "ctl_offline.h"

enum unit { COUNT, BYTES, MOMENT, WRITES, FROZEN, PATH, TEXT };

static const struct {
	const char *key;
	enum bk_ctl_text label;
	enum unit unit;
} rows[] = {
	{"version", BK_CTL_TEXT_ST_SERVER, TEXT},
	{"started_ms", BK_CTL_TEXT_ST_SINCE, MOMENT},
	{"online", BK_CTL_TEXT_ST_ONLINE, COUNT},
	{"accounts", BK_CTL_TEXT_ST_ACCOUNTS, COUNT},
	{"devices", BK_CTL_TEXT_ST_DEVICES, COUNT},
	{"circles", BK_CTL_TEXT_ST_CIRCLES, COUNT},
	{"queued", BK_CTL_TEXT_ST_QUEUED, COUNT},
	{"dead_letters", BK_CTL_TEXT_ST_DEAD, COUNT},
	{"bodies", BK_CTL_TEXT_ST_BODIES, COUNT},
	{"files", BK_CTL_TEXT_ST_FILES, COUNT},
	{"invites", BK_CTL_TEXT_ST_INVITES, COUNT},
	{"timers", BK_CTL_TEXT_ST_TIMERS, COUNT},
	{"audit", BK_CTL_TEXT_ST_AUDIT, COUNT},
	{"commits", BK_CTL_TEXT_ST_COMMITS, COUNT},
	{"store_used", BK_CTL_TEXT_ST_STORE, BYTES},
	{"disk_free", BK_CTL_TEXT_ST_DISK, BYTES},
	{"path", BK_CTL_TEXT_ST_PATH, PATH},
	{"writes_ok", BK_CTL_TEXT_ST_WRITES, WRITES},
	{"frozen", BK_CTL_TEXT_ST_FROZEN, FROZEN},
};

static const char *path_words(const struct bk_ctl *ctl, const char *state)
{
	if (strcmp(state, "fine") == 0)
		return CT(ctl, PATH_FINE);
	if (strcmp(state, "late") == 0)
		return CT(ctl, PATH_LATE);
	return strcmp(state, "silent") == 0 ? CT(ctl, PATH_SILENT) : CT(ctl, PATH_WAITING);
}

static const char *shown(const struct bk_ctl *ctl, const json_t *status, size_t i, char out[static BK_CTL_TIME_TEXT])
{
	uint64_t v = bk_ctl_u64(status, rows[i].key);

	switch (rows[i].unit) {
	case BYTES:
		return bk_ctl_bytes(v, out);
	case MOMENT:
		return bk_ctl_time(v, out);
	case WRITES:
		return bk_ctl_is(status, "writes_ok") ? CT(ctl, WRITES_OK) : CT(ctl, WRITES_STOPPED);
	case PATH:
		return path_words(ctl, bk_ctl_str(status, "path"));
	case FROZEN:
		return bk_ctl_is(status, "frozen") ? CT(ctl, FROZEN_YES) : CT(ctl, FROZEN_NO);
	case TEXT:
		return bk_ctl_shown(bk_ctl_str(status, rows[i].key));
	case COUNT:
	default:
		snprintf(out, BK_CTL_TIME_TEXT, "%llu", (unsigned long long)v);
		return out;
	}
}

static void say(const struct bk_ctl *ctl, const json_t *status)
{
	char out[BK_CTL_TIME_TEXT];

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (json_object_get(status, rows[i].key))
			printf("%-24s %s\n", bk_ctl_text(rows[i].label, ctl->lang), shown(ctl, status, i, out));
}

static json_t *of_store(const struct bk_store_stats *st)
{
	return json_pack("{s:b, s:b, s:b, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "ok", 1, "running", 0,
		"frozen", (int)st->frozen,
		"accounts", (json_int_t)st->accounts, "devices", (json_int_t)st->devices, "circles",
		(json_int_t)st->circles, "queued", (json_int_t)st->queued, "dead_letters", (json_int_t)st->dead_letters,
		"bodies", (json_int_t)st->bodies, "files", (json_int_t)st->files, "invites", (json_int_t)st->invites,
		"prekeys", (json_int_t)st->prekeys, "audit", (json_int_t)st->audit, "store_used",
		(json_int_t)st->used_bytes, "schema", (json_int_t)st->schema);
}

static int at_rest(const struct bk_ctl *ctl)
{
	struct bk_store *store = NULL;
	struct bk_store_view *view = NULL;
	struct bk_store_stats st;
	json_t *status;
	int err = bk_ctl_offline_open(ctl, &store, &view);

	if (!err)
		err = bk_store_stats(view, &st);
	if (store)
		bk_ctl_offline_close(store, view);
	if (err)
		return bk_ctl_fail(ctl, err == BK_E_NOT_FOUND ? BK_E_NET : err, NULL);
	status = of_store(&st);
	if (!ctl->json) {
		bk_ctl_say(CT(ctl, ST_AT_REST), NULL);
		say(ctl, status);
	}
	bk_ctl_print(ctl, status);
	return 0;
}

int bk_ctl_status(struct bk_ctl *ctl, int argc, char **argv)
{
	json_t *status = NULL;
	int code;

	if (bk_ctl_options(ctl, argc, argv, NULL, 0) != 0)
		return bk_ctl_exit(BK_E_USAGE);
	if (!ctl->socket && !bk_ctl_offline_served(ctl))
		return at_rest(ctl);
	code = bk_ctl_link_once(ctl, "status", NULL, &status);
	if (code)
		return code;
	json_object_set_new(status, "running", json_true());
	if (!ctl->json)
		say(ctl, status);
	bk_ctl_print(ctl, status);
	return 0;
}

int bk_ctl_metrics(struct bk_ctl *ctl, int argc, char **argv)
{
	json_t *reply = NULL;
	int code;

	if (bk_ctl_options(ctl, argc, argv, NULL, 0) != 0)
		return bk_ctl_exit(BK_E_USAGE);
	code = bk_ctl_link_once(ctl, "metrics", NULL, &reply);
	if (code)
		return code;
	if (!ctl->json)
		fputs(bk_ctl_str(reply, "text"), stdout);
	bk_ctl_print(ctl, reply);
	return 0;
}

int bk_ctl_expire(struct bk_ctl *ctl, int argc, char **argv)
{
	char number[24];
	json_t *reply = NULL;
	int code;

	if (bk_ctl_options(ctl, argc, argv, NULL, 0) != 0)
		return bk_ctl_exit(BK_E_USAGE);
	code = bk_ctl_link_once(ctl, "expire", NULL, &reply);
	if (code)
		return code;
	snprintf(number, sizeof number, "%llu", (unsigned long long)bk_ctl_u64(reply, "removed"));
	if (!bk_ctl_print(ctl, reply))
		bk_ctl_say(CT(ctl, EXPIRED), number, NULL);
	return 0;
}
