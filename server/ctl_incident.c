/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The file of an incident: what a span of time left behind at the server, without content, with a manifest of hashes:
 * the audit log of that span, the server's state, how often each event stood in its log,
 * versions, and hashes of what it was configured with.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ctl_files.h"
#include "ctl_link.h"
#include "ctl_offline.h"
#include "log.h"

#define HOUR_MS 3600000ull
#define STAMP 24 /* "2026-11-23T10:42:05.123Z" */

struct incident {
	struct bk_ctl *ctl;
	bk_ms from, until;
	char tmp[BK_CTL_PATH];
	json_t *hashes; /* name -> SHA-256 of each file */
};

static int put(struct incident *x, const char *name, json_t *value)
{
	char *text = value ? json_dumps(value, JSON_INDENT(1) | JSON_SORT_KEYS) : NULL, hex[2 * BK_HASH_BYTES + 1];
	int err = text ? bk_ctl_files_put(x->tmp, name, text, strlen(text)) : BK_E_NOMEM;

	if (!err)
		json_object_set_new(x->hashes, name, json_string(bk_hex_encode(hex, bk_hash_of(text, strlen(text)).b, BK_HASH_BYTES)));
	free(text);
	json_decref(value);
	return err;
}

/* ---- the audit ---- */

struct entries {
	const struct incident *x;
	json_t *list;
};

static int add_entry(void *arg, const struct bk_audit_row *row)
{
	struct entries *e = arg;
	char hex[2 * BK_HASH_BYTES + 1];

	if (row->at_ms < e->x->from || row->at_ms >= e->x->until)
		return 0;
	return json_array_append_new(e->list, json_pack("{s:I, s:I, s:s, s:s, s:s}", "number", (json_int_t)row->number, "at_ms",
		(json_int_t)row->at_ms, "event", row->event, "detail", row->detail, "hash",
		bk_hex_encode(hex, row->hash.b, BK_HASH_BYTES))) ? BK_E_NOMEM : 0;
}

static int put_audit(struct incident *x, uint64_t *ret_bad)
{
	struct entries e = {x, json_array()};
	struct bk_store *store = NULL;
	struct bk_store_view *view = NULL;
	uint64_t count = 0;
	int err = bk_ctl_offline_open(x->ctl, &store, &view);

	if (!err)
		err = bk_store_audit_verify(view, &count, ret_bad);
	if (err == BK_E_CORRUPT) /* that is what an incident may be about */
		err = 0;
	if (!err)
		err = bk_store_audit(view, 0, add_entry, &e);
	if (store)
		bk_ctl_offline_close(store, view);
	if (!err)
		return put(x, "audit.json", e.list);
	json_decref(e.list);
	return err;
}

/* ---- the server's log ---- */

static bool in_span(const struct incident *x, const char *line)
{
	struct tm tm;
	time_t at;

	memset(&tm, 0, sizeof tm);
	if (strnlen(line, STAMP) < STAMP || !strptime(line, "%Y-%m-%dT%H:%M:%S", &tm))
		return false;
	at = timegm(&tm);
	return at > 0 && (bk_ms)at * 1000 >= x->from && (bk_ms)at * 1000 < x->until;
}

static void count_line(const char *line, json_t *counts)
{
	static const char *const names[] = {
#define X(id, level) #id,
		BK_LOG_EVENTS(X)
#undef X
	};
	char level[16], event[40];

	if (sscanf(line + STAMP, " %15s %39s", level, event) != 2)
		return;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (strcmp(names[i], event) == 0)
			json_object_set_new(counts, event, json_integer(json_integer_value(json_object_get(counts, event)) + 1));
}

static int put_log(struct incident *x, const char *path)
{
	json_t *counts = json_object();
	char line[2048];
	FILE *f = path ? fopen(path, "re") : NULL;

	if (path && !f) {
		json_decref(counts);
		return BK_E_NOT_FOUND;
	}
	while (f && fgets(line, sizeof line, f))
		if (in_span(x, line))
			count_line(line, counts);
	if (f)
		fclose(f);
	return put(x, "log-events.json", counts);
}

/* ---- the rest ---- */

static int put_config(struct incident *x)
{
	static const char *const names[] = {"bakend.conf", "server.cert", "root.pub", "tls.pem", "ca.pem"}; /* no secret key */
	json_t *o = json_object();

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		char path[BK_CTL_PATH], *text = NULL, hex[2 * BK_HASH_BYTES + 1];
		size_t len = 0;
		int err = bk_ctl_files_join(path, x->ctl->dir, names[i]);

		if (!err && bk_ctl_files_get(path, &text, &len) == 0)
			json_object_set_new(o, names[i], json_string(bk_hex_encode(hex, bk_hash_of(text, len).b, BK_HASH_BYTES)));
		free(text);
	}
	return put(x, "config-hashes.json", o);
}

static int put_status(struct incident *x)
{
	struct bk_ctl_link *l = NULL;
	json_t *status = NULL;
	int err = bk_ctl_link_open(x->ctl, &l);

	if (!err)
		err = bk_ctl_link_call(l, "status", NULL, &status);
	bk_ctl_link_close(l);
	return put(x, "status.json", err ? json_pack("{s:s}", "error", bk_err_name(err)) : status);
}

static int collect(struct incident *x, const char *log)
{
	uint64_t bad = 0;
	int err = put_audit(x, &bad);

	if (!err)
		err = put_log(x, log);
	if (!err)
		err = put_config(x);
	if (!err)
		err = put_status(x);
	if (err)
		return err;
	return put(x, "manifest.json", json_pack("{s:s, s:s, s:I, s:I, s:I, s:I, s:O}", "incident", "baken 1", "bakenctl",
		BAKEN_VERSION, "from_ms", (json_int_t)x->from, "until_ms", (json_int_t)x->until, "made_ms",
		(json_int_t)bk_ctl_now(), "audit_bad", (json_int_t)bad, "files", x->hashes));
}

int bk_ctl_incident(struct bk_ctl *ctl, int argc, char **argv)
{
	const char *to = NULL, *hours_text = NULL, *log = NULL;
	const struct bk_ctl_option options[] = {{"to", &to, NULL, NULL, true}, {"hours", &hours_text, NULL, NULL, false},
		{"log", &log, NULL, NULL, false}};
	struct incident x = {.ctl = ctl, .until = bk_ctl_now() + 1};
	char path[BK_CTL_PATH];
	uint64_t hours = 24;
	int err;

	if (bk_ctl_options(ctl, argc, argv, options, 3) != 0 || bk_ctl_number(hours_text, 1, 87600, 24, &hours))
		return bk_ctl_exit(BK_E_USAGE);
	x.from = x.until - hours * HOUR_MS;
	x.hashes = json_object();
	err = bk_ctl_files_absolute(to, path);
	if (!err)
		err = bk_ctl_files_begin(path, x.tmp);
	if (!err)
		err = collect(&x, log);
	if (!err)
		err = bk_ctl_files_finish(x.tmp, path);
	else
		bk_ctl_files_abandon(x.tmp);
	json_decref(x.hashes);
	if (err)
		return bk_ctl_fail(ctl, err, NULL);
	if (!bk_ctl_print(ctl, json_pack("{s:b, s:s}", "ok", 1, "folder", path)))
		bk_ctl_say(CT(ctl, INCIDENT_DONE), path, NULL);
	return 0;
}
