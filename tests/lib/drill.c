/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "drill.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "err.h"
#include "kv_lmdb.h"
#include "tmp.h"

#define WAIT_MS 60000u
#define AT_ONCE 20u
#define OFFICERS 2u
#define PASSPHRASE "een zin die niemand raadt"

static int fail(struct bk_drill *d, int err, const char *what)
{
	snprintf(d->why, sizeof d->why, "%s: %s", what, bk_err_name(err ? err : BK_E_INTERNAL));
	return err ? err : BK_E_INTERNAL;
}

static const char *str(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

static json_int_t number(const json_t *o, const char *key)
{
	return json_integer_value(json_object_get(o, key));
}

/* ---- the stage ---- */

static void cast(struct bk_drill *d, uint32_t people)
{
	uint32_t desk = bk_realm_circle(&d->realm, BAKEN__CIRCLE_KIND__CIRCLE_DESK, BK_REALM_NONE, BK_REALM_NONE);

	for (uint32_t i = 0; i < OFFICERS; i++)
		bk_realm_device(&d->realm, desk, BAKEN__ROLE__ROLE_OFFICER);
	for (uint32_t i = 0; i < people; i++)
		bk_realm_device(&d->realm,
			bk_realm_circle(&d->realm, BAKEN__CIRCLE_KIND__CIRCLE_PERSON, desk, BK_REALM_NONE),
			BAKEN__ROLE__ROLE_PERSON);
}

static int copy(const char *from, const char *to)
{
	uint8_t *data = NULL;
	size_t len = 0;
	int err = bk_tmp_read(from, &data, &len);

	if (!err)
		err = bk_tmp_write(to, data, len);
	free(data);
	return err;
}

static int plant_officer(struct bk_drill *d, uint32_t i)
{
	char path[700], name[40];
	struct bk_kv_lmdb_options o = {.path = path, .passphrase = PASSPHRASE, .cost = {.ops = 1, .mem_kib = 8}};
	struct bk_kv *kv = NULL;
	int err;

	snprintf(d->dirs[i], sizeof d->dirs[i], "%s/dienst-%u", bk_tmp_dir(), i + 1);
	snprintf(name, sizeof name, "Dienst %u", i + 1);
	if (mkdir(d->dirs[i], 0700) != 0)
		return BK_E_IO;
	snprintf(path, sizeof path, "%s/ca.pem", d->dirs[i]);
	err = copy(d->realm.ca, path);
	snprintf(path, sizeof path, "%s/store", d->dirs[i]);
	if (!err)
		err = bk_kv_lmdb_create(&o, &kv);
	if (err)
		return err;
	bk_crowd_plant(&d->realm, i, name, d->realm.port, kv);
	bk_kv_lmdb_close(kv);
	return 0;
}

static int start_officer(struct bk_drill *d, unsigned i, const char *crash_at)
{
	char at[80];
	const char *env[] = {at, NULL};
	int err;

	snprintf(at, sizeof at, "BAKEN_CRASH_AT=%s", crash_at ? crash_at : "nowhere:1");
	err = bk_rpc_start(&d->officers[i], d->program, d->dirs[i], d->pass, env, d->realm.log);

	d->live[i] = !err;
	if (!err)
		err = bk_rpc_call(&d->officers[i], json_pack("{s:s}", "cmd", "connect"), WAIT_MS, NULL);
	if (!err)
		err = bk_rpc_wait(&d->officers[i], "link", "state", "caught-up", WAIT_MS, NULL);
	if (!err)
		err = bk_rpc_call(&d->officers[i], json_pack("{s:s, s:b}", "cmd", "duty", "on", 1), WAIT_MS, NULL);
	return err ? fail(d, err, "an officer does not come on duty") : 0;
}

/* ---- the people ---- */

/* A core cannot be asked anything while it speaks: what is to be acknowledged is noted. */
static void on_event(struct bk_crowd_member *m, const char *name, const json_t *event)
{
	struct bk_drill *d = m->crowd->arg;

	if (strcmp(name, "message") != 0 || strcmp(str(event, "kind"), "guidance") != 0)
		return;
	m->counter++;
	json_array_append_new(d->arrived, json_pack("[i, s]", (int)m->index, str(event, "message")));
}

static void acknowledge(struct bk_drill *d)
{
	json_t *list = d->arrived, *pair;
	size_t i;

	d->arrived = json_array();
	json_array_foreach(list, i, pair) {
		uint32_t index = (uint32_t)json_integer_value(json_array_get(pair, 0));

		BK_ASSERT(bk_crowd_call(&d->people.members[index], json_pack("{s:s, s:s}", "cmd", "acknowledge", "message",
				  json_string_value(json_array_get(pair, 1))), NULL) == 0);
	}
	json_decref(list);
}

/* Caught up is not yet: what a device has asked of the server, its prekeys among it, must have been answered. */
static bool all_answered(struct bk_drill *d, uint64_t timeout_ms)
{
	uint64_t deadline = bk_proc_now_ms() + timeout_ms;

	for (uint32_t i = 0; i < d->people.n;) {
		json_t *reply = NULL;

		BK_ASSERT(bk_crowd_call(&d->people.members[i], json_pack("{s:s}", "cmd", "status"), &reply) == 0);
		if (number(reply, "unanswered") == 0)
			i++;
		else if (bk_proc_now_ms() >= deadline)
			timeout_ms = 0;
		else
			bk_crowd_turn(&d->people, 10);
		json_decref(reply);
		if (!timeout_ms)
			return false;
	}
	return true;
}

int bk_drill_init(struct bk_drill *d, uint32_t people, uint32_t absent, const char *crash_at)
{
	const char *build = getenv("BAKEN_BUILD");
	int err;

	memset(d, 0, sizeof *d);
	d->arrived = json_array();
	d->absent = absent;
	snprintf(d->program, sizeof d->program, "%s/bin/baken", build ? build : BAKEN_BUILD_DIR);
	snprintf(d->pass, sizeof d->pass, "%s", bk_tmp_path("passphrase"));
	bk_realm_init(&d->realm, bk_tmp_path("realm"), 12);
	cast(d, people);
	bk_realm_make(&d->realm);
	err = bk_tmp_write(d->pass, PASSPHRASE "\n", strlen(PASSPHRASE) + 1);
	if (!err)
		err = bk_realm_start(&d->realm, NULL);
	if (err)
		return fail(d, err, "the server does not start");
	bk_crowd_init(&d->people, &d->realm, OFFICERS, people);
	d->people.arg = d;
	d->people.on_event = on_event;
	for (unsigned i = 0; i < OFFICERS && !err; i++) {
		err = plant_officer(d, i);
		if (!err)
			err = start_officer(d, i, i ? NULL : crash_at);
	}
	if (err)
		return d->why[0] ? err : fail(d, err, "an officer's store");
	if (!bk_crowd_connect(&d->people, AT_ONCE, WAIT_MS + people * 200ull))
		return fail(d, BK_E_TIMEOUT, "not all people connect");
	if (!all_answered(d, WAIT_MS))
		return fail(d, BK_E_TIMEOUT, "not all people's prekeys are there");
	for (uint32_t i = people - absent; i < people; i++)
		BK_ASSERT(bk_crowd_call(&d->people.members[i], json_pack("{s:s}", "cmd", "disconnect"), NULL) == 0);
	return 0;
}

void bk_drill_done(struct bk_drill *d)
{
	for (unsigned i = 0; i < OFFICERS; i++)
		if (d->live[i])
			bk_rpc_kill(&d->officers[i]);
	if (d->people.members)
		bk_crowd_done(&d->people);
	bk_realm_done(&d->realm);
	json_decref(d->arrived);
}

/* ---- the drill ---- */

int bk_drill_ask(struct bk_drill *d)
{
	json_t *reply = NULL;
	int err = bk_rpc_call(&d->officers[0], json_pack("{s:s, s:s, s:s, s:b}", "cmd", "guidance", "to", "all", "template",
		"exercise", "drill", 1), WAIT_MS, &reply);

	if (!err && strcmp(str(reply, "state"), "asked") != 0)
		err = BK_E_STATE;
	if (!err && number(reply, "people") != d->people.n)
		err = BK_E_INCOMPLETE;
	snprintf(d->request, sizeof d->request, "%s", str(reply, "request"));
	json_decref(reply);
	return err ? fail(d, err, "the drill is not asked") : 0;
}

int bk_drill_consent(struct bk_drill *d)
{
	int err = bk_rpc_wait(&d->officers[1], "approval", "request", d->request, WAIT_MS, NULL);

	if (!err)
		err = bk_rpc_call(&d->officers[1], json_pack("{s:s, s:s}", "cmd", "guidance-approve", "request", d->request),
			WAIT_MS, NULL);
	return err ? fail(d, err, "the second officer does not consent") : 0;
}

/* What an officer's program has said so far; only the newest counts matter. */
static void read_progress(struct bk_drill *d, unsigned officer)
{
	struct bk_rpc *r = &d->officers[officer];
	json_t *e;
	size_t i;

	bk_rpc_count(r, "guidance-progress", NULL, NULL); /* reads what is there */
	json_array_foreach(r->events, i, e) {
		if (officer || strcmp(str(e, "event"), "guidance-progress") != 0)
			continue;
		d->seen = (struct bk_drill_counts){.people = number(e, "people"), .stored = number(e, "stored"),
			.delivered = number(e, "delivered"), .acknowledged = number(e, "acknowledged")};
		snprintf(d->group, sizeof d->group, "%s", str(e, "message"));
	}
	json_array_clear(r->events);
}

int bk_drill_until(struct bk_drill *d, json_int_t stored, json_int_t delivered, json_int_t acknowledged, uint64_t timeout_ms)
{
	uint64_t deadline = bk_proc_now_ms() + timeout_ms;

	while (d->seen.stored < stored || d->seen.delivered < delivered || d->seen.acknowledged < acknowledged) {
		if (bk_proc_now_ms() >= deadline) {
			snprintf(d->why, sizeof d->why, "only %lld stored, %lld delivered, %lld acknowledged",
				(long long)d->seen.stored, (long long)d->seen.delivered, (long long)d->seen.acknowledged);
			return BK_E_TIMEOUT;
		}
		bk_crowd_turn(&d->people, 20);
		acknowledge(d);
		for (unsigned i = 0; i < OFFICERS; i++)
			read_progress(d, i);
	}
	return 0;
}

int bk_drill_until_killed(struct bk_drill *d, uint64_t timeout_ms)
{
	uint64_t deadline = bk_proc_now_ms() + timeout_ms;
	int code = 0;

	while (bk_proc_wait(&d->officers[0].proc, 0, &code) != 0) {
		if (bk_proc_now_ms() >= deadline)
			return fail(d, BK_E_TIMEOUT, "the officer lives on");
		bk_crowd_turn(&d->people, 20);
		acknowledge(d);
		read_progress(d, 1);
	}
	bk_rpc_kill(&d->officers[0]);
	d->live[0] = false;
	if (code != 128 + SIGKILL)
		return fail(d, BK_E_STATE, "the officer ended otherwise");
	return start_officer(d, 0, NULL);
}

int bk_drill_arrive(struct bk_drill *d)
{
	for (uint32_t i = d->people.n - d->absent; i < d->people.n; i++)
		if (bk_crowd_call(&d->people.members[i], json_pack("{s:s}", "cmd", "connect"), NULL) != 0)
			return fail(d, BK_E_NET, "who was away does not connect");
	return 0;
}

int bk_drill_status(struct bk_drill *d, unsigned officer, struct bk_drill_counts *ret_counts, bool *ret_drill)
{
	json_t *reply = NULL, *n;
	int err = bk_rpc_call(&d->officers[officer], json_pack("{s:s, s:s}", "cmd", "guidance-status", "message", d->group),
		WAIT_MS, &reply);

	if (err)
		return fail(d, err, "no status");
	n = json_object_get(reply, "counts");
	*ret_counts = (struct bk_drill_counts){number(n, "people"), number(n, "stored"), number(n, "delivered"),
		number(n, "acknowledged"), number(n, "overdue")};
	*ret_drill = json_is_true(json_object_get(reply, "drill"));
	json_decref(reply);
	return 0;
}

uint32_t bk_drill_hold_once(struct bk_drill *d)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < d->people.n; i++) {
		json_t *reply = NULL, *items;

		BK_ASSERT(bk_crowd_call(&d->people.members[i], json_pack("{s:s}", "cmd", "guidance-list"), &reply) == 0);
		items = json_object_get(reply, "items");
		n += json_array_size(items) == 1 && json_is_true(json_object_get(json_array_get(items, 0), "drill")) &&
		     d->people.members[i].counter == 1;
		json_decref(reply);
	}
	return n;
}
