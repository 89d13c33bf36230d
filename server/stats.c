/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "push.h"
#include "server.h"

struct text {
	char *v;
	size_t len, room;
};

static void __attribute__((format(printf, 2, 3))) put(struct text *t, const char *format, ...)
{
	va_list ap;
	int n;

	if (!t->v)
		return;
	va_start(ap, format);
	n = vsnprintf(t->v + t->len, t->room - t->len, format, ap);
	va_end(ap);
	if (n > 0 && (size_t)n < t->room - t->len)
		t->len += (size_t)n;
}

static void row(struct text *t, const char *name, const char *type, const char *help, uint64_t v)
{
	const char *end = type[0] == 'c' ? "_total" : "";

	put(t, "# HELP bakend_%s%s %s\n# TYPE bakend_%s%s %s\nbakend_%s%s %" PRIu64 "\n", name, end, help, name, end, type,
		name, end, v);
}

static void store_rows(struct text *t, struct bk_server *s)
{
	struct bk_store_view *v = NULL;
	struct bk_store_stats st;

	if (bk_store_view_begin(s->store, &v) != 0)
		return;
	if (bk_store_stats(v, &st) == 0) {
		row(t, "accounts", "gauge", "accounts", st.accounts);
		row(t, "devices", "gauge", "devices", st.devices);
		row(t, "circles", "gauge", "circles", st.circles);
		row(t, "queued", "gauge", "deliveries waiting", st.queued);
		row(t, "queued_bytes", "gauge", "bytes of these", st.queued_bytes);
		row(t, "dead_letters_kept", "gauge", "undeliverable messages kept", st.dead_letters);
		row(t, "store_used_bytes", "gauge", "bytes of the store in use", st.used_bytes);
		row(t, "store_map_bytes", "gauge", "bytes the store may grow to", st.map_bytes);
		row(t, "alarms_waiting", "gauge", "alarms that no officer's device of their desk has acknowledged", st.ladder);
		row(t, "timers", "gauge", "timers running", st.timers);
		row(t, "audit_entries", "gauge", "entries of the audit chain", st.audit);
		row(t, "store_writable", "gauge", "1 when the store accepts writes", !st.read_only && !s->writes_failed);
	}
	bk_store_view_end(v);
}

char *bk_stats_text(struct bk_server *s)
{
	struct text t = {malloc(32768), 0, 32768};
	struct bk_writer_stats w;

	if (!t.v)
		return NULL;
#define X(field, help) row(&t, #field, "counter", help, s->stats.field);
	BK_STATS_COUNTERS(X)
#undef X
	row(&t, "sockets", "gauge", "sockets open", s->stats.sockets);
	row(&t, "path_state", "gauge", "of the whole path: 0 waiting, 1 fine, 2 late, 3 no vault heard",
		(uint64_t)bk_path_worst(&s->path, bk_now()));
	row(&t, "online", "gauge", "devices logged in", s->stats.online);
	bk_writer_stats(s->writer, &w);
	row(&t, "commits", "counter", "durable commits", w.commits);
	row(&t, "records", "counter", "records in them", w.records);
	row(&t, "commit_microseconds", "counter", "time spent in them", w.commit_us_sum);
	row(&t, "commit_microseconds_max", "gauge", "the longest", w.commit_us_max);
	row(&t, "pushes_waiting", "gauge", "wakes waiting, running or just sent", bk_push_waiting(s->push));
	row(&t, "writer_waiting", "gauge", "records waiting for the next commit", bk_writer_waiting(s->writer));
	store_rows(&t, s);
	return t.v;
}
