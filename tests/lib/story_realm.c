/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The story's stage: folders, keys, server, enrolments. */
#include <jansson.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "err.h"
#include "media.h"
#include "story.h"
#include "tmp.h"

#define START_MS 20000u
#define ENROL_MS 60000u
#define CTL_WORDS 40
#define PASSPHRASE "een zin die niemand raadt\n"

void bk_story_say(struct bk_story *s, const char *format, ...)
{
	uint64_t t = bk_proc_now_ms() - s->started_ms;
	va_list ap;

	if (!s->talk)
		return;
	printf("%4llu.%03llu  ", (unsigned long long)(t / 1000), (unsigned long long)(t % 1000));
	va_start(ap, format);
	vprintf(format, ap);
	va_end(ap);
	putchar('\n');
	fflush(stdout);
}

int bk_story_fail(struct bk_story *s, int err, const char *format, ...)
{
	va_list ap;
	size_t n;

	va_start(ap, format);
	vsnprintf(s->why, sizeof s->why, format, ap);
	va_end(ap);
	n = strlen(s->why);
	snprintf(s->why + n, sizeof s->why - n, " (%s; log: %s)", bk_err_name(err), s->log);
	return err ? err : BK_E_INTERNAL;
}

int bk_story_ctl(struct bk_story *s, char **ret_out, ...)
{
	const char *argv[CTL_WORDS] = {s->bin_ctl, "--passphrase-file", s->pass};
	size_t n = 3;
	va_list ap;

	va_start(ap, ret_out);
	while (n < CTL_WORDS - 1 && (argv[n] = va_arg(ap, const char *)))
		n++;
	va_end(ap);
	argv[n] = NULL;
	return bk_proc_run(argv, NULL, s->log, ENROL_MS, ret_out);
}

/* The word after "key": in a line of JSON that bakenctl printed. */
static int take_word(const char *out, const char *key, char *word, size_t max)
{
	json_t *o = out ? json_loads(out, JSON_DISABLE_EOF_CHECK, NULL) : NULL;
	const char *v = json_string_value(json_object_get(o, key));
	int err = v && strlen(v) < max ? 0 : BK_E_NOT_FOUND;

	if (!err)
		strcpy(word, v);
	json_decref(o);
	return err;
}

static void path_in(const struct bk_story *s, char *out, size_t max, const char *name)
{
	snprintf(out, max, "%s/%s", s->dir, name);
}

static void cast(struct bk_story *s)
{
	static const struct {
		const char *key, *name, *role;
	} parts[BK_ACTORS] = {
		[BK_VAULT] = {"kluis", "Kluis", "vault"},
		[BK_OFFICER1] = {"meldkamer-1", "Dienst 1", "officer"},
		[BK_OFFICER2] = {"meldkamer-2", "Dienst 2", "officer"},
		[BK_PERSON] = {"persoon", "Persoon", "person"},
		[BK_RELATIVE] = {"naaste", "Naaste", "relative"},
		[BK_CARE] = {"zorg", "Zorgverlener", "care"},
	};

	for (size_t i = 0; i < BK_ACTORS; i++) {
		struct bk_story_who *w = &s->who[i];

		w->key = parts[i].key;
		w->name = parts[i].name;
		w->role = parts[i].role;
		snprintf(w->dir, sizeof w->dir, "%s/%s", s->dir, w->key);
	}
}

int bk_story_init(struct bk_story *s, const char *bin_dir, bool talk)
{
	static char server[600], ctl[600], client[600];

	memset(s, 0, sizeof *s);
	s->talk = talk;
	s->started_ms = bk_proc_now_ms();
	snprintf(server, sizeof server, "%s/bakend", bin_dir);
	snprintf(ctl, sizeof ctl, "%s/bakenctl", bin_dir);
	snprintf(client, sizeof client, "%s/baken", bin_dir);
	s->bin_server = server;
	s->bin_ctl = ctl;
	s->bin_client = client;
	snprintf(s->dir, sizeof s->dir, "%s", bk_tmp_path("realm"));
	if (mkdir(s->dir, 0700) != 0)
		return bk_story_fail(s, BK_E_IO, "no folder %s", s->dir);
	path_in(s, s->log, sizeof s->log, "log");
	path_in(s, s->pass, sizeof s->pass, "passphrase");
	path_in(s, s->ca, sizeof s->ca, "server/ca.pem");
	path_in(s, s->conf, sizeof s->conf, "server/bakend.conf");
	path_in(s, s->root, sizeof s->root, "root.key");
	path_in(s, s->security, sizeof s->security, "security.key");
	path_in(s, s->care_key, sizeof s->care_key, "care.key");
	path_in(s, s->photo, sizeof s->photo, "foto.jpg");
	path_in(s, s->voice, sizeof s->voice, "stem.ogg");
	cast(s);
	if (bk_tmp_write(s->pass, PASSPHRASE, strlen(PASSPHRASE)) || bk_media_photo(s->photo, 2800, 1900) ||
		bk_media_voice(s->voice, 8))
		return bk_story_fail(s, BK_E_IO, "cannot make the evidence");
	s->port = bk_tmp_port();
	return 0;
}

void bk_story_done(struct bk_story *s)
{
	for (size_t i = 0; i < BK_ACTORS; i++)
		if (s->who[i].live)
			bk_rpc_kill(&s->who[i].rpc);
	bk_proc_free(&s->server);
}

int bk_story_server_start(struct bk_story *s)
{
	const char *argv[] = {s->bin_server, "-c", s->conf, NULL};
	uint64_t deadline = bk_proc_now_ms() + START_MS;
	int err = bk_proc_start(&s->server, argv, NULL, s->log), code;

	/* Started when its control socket answers; each try is a process of its own, so this does not spin. */
	while (!err && bk_proc_now_ms() < deadline) {
		if (bk_proc_wait(&s->server, 0, &code) == 0)
			return bk_story_fail(s, BK_E_STATE, "bakend ended with %d", code);
		if (bk_story_ctl(s, NULL, "metrics", "--dir", bk_tmp_path("realm/server"), NULL) == 0)
			return 0;
	}
	return bk_story_fail(s, err ? err : BK_E_TIMEOUT, "bakend does not answer");
}

int bk_story_server_stop(struct bk_story *s)
{
	int err, code = -1;

	bk_proc_signal(&s->server, SIGTERM);
	err = bk_proc_wait(&s->server, START_MS, &code);
	bk_proc_free(&s->server);
	return err || code ? bk_story_fail(s, err, "bakend did not stop cleanly: %d", code) : 0;
}

void bk_story_server_kill(struct bk_story *s)
{
	bk_proc_free(&s->server);
}

int bk_story_client_start(struct bk_story *s, enum bk_story_actor who)
{
	struct bk_story_who *w = &s->who[who];
	json_t *status = NULL;
	int err = bk_rpc_start(&w->rpc, s->bin_client, w->dir, s->pass, NULL, s->log);

	w->live = !err;
	if (!err)
		err = bk_rpc_call(&w->rpc, json_pack("{s:s}", "cmd", "connect"), START_MS, NULL);
	if (!err)
		err = bk_rpc_wait(&w->rpc, "link", "state", "caught-up", START_MS, NULL);
	if (!err)
		err = bk_rpc_call(&w->rpc, json_pack("{s:s}", "cmd", "status"), START_MS, &status);
	if (!err) {
		snprintf(w->device, sizeof w->device, "%s", json_string_value(json_object_get(status, "device")));
		snprintf(w->circle, sizeof w->circle, "%s", json_string_value(json_object_get(status, "circle")));
	}
	json_decref(status);
	return err ? bk_story_fail(s, err, "%s does not come online", w->name) : 0;
}

int bk_story_client_stop(struct bk_story *s, enum bk_story_actor who)
{
	int code = bk_rpc_close(&s->who[who].rpc);

	s->who[who].live = false;
	return code ? bk_story_fail(s, BK_E_STATE, "%s ended with %d", s->who[who].name, code) : 0;
}

static int make_invite(struct bk_story *s, enum bk_story_actor who, char **ret_out)
{
	struct bk_story_who *w = &s->who[who];
	const char *registrar = who == BK_CARE ? s->care_key : s->security;
	const char *dir = bk_tmp_path("realm/server");

	if (who == BK_PERSON)
		return bk_story_ctl(s, ret_out, "invite", "--dir", dir, "--registrar", registrar, "--role", w->role,
			"--desk", s->desk, "--care", s->care, "--name", w->name, "--json", NULL);
	if (who == BK_RELATIVE)
		return bk_story_ctl(s, ret_out, "invite", "--dir", dir, "--registrar", registrar, "--role", w->role,
			"--desk", s->desk, "--care", s->care, "--household", s->who[BK_PERSON].circle, "--name",
			w->name, "--json", NULL);
	return bk_story_ctl(s, ret_out, "invite", "--dir", dir, "--registrar", registrar, "--role", w->role, "--circle",
		who == BK_CARE ? s->care : s->desk, "--name", w->name, "--json", NULL);
}

static void show_code(struct bk_story *s, const char *json)
{
	json_t *o = json_loads(json, JSON_DISABLE_EOF_CHECK, NULL);
	const char *qr = json_string_value(json_object_get(o, "qr"));

	if (s->talk && qr)
		printf("%s\n", qr);
	json_decref(o);
}

static int enrol(struct bk_story *s, enum bk_story_actor who)
{
	struct bk_story_who *w = &s->who[who];
	const char *registrar = who == BK_CARE ? s->care_key : s->security;
	char *out = NULL, code[400];
	struct bk_proc p;
	const char *argv[] = {s->bin_client, "--dir", w->dir, "--passphrase-file", s->pass, "enrol", "--name",
		w->name, "--ca", s->ca, code, NULL};
	const char *line;
	int err = make_invite(s, who, &out), exit_code = -1;

	if (err || take_word(out, "code", code, sizeof code)) {
		free(out);
		return bk_story_fail(s, err, "no invitation for %s", w->name);
	}
	bk_story_say(s, "%s (%s): uitnodiging %s", w->name, w->role, code);
	if (who == BK_PERSON)
		show_code(s, out);
	free(out);
	err = bk_proc_start(&p, argv, NULL, s->log);
	if (!err)
		err = bk_story_ctl(s, NULL, "approve", "--dir", bk_tmp_path("realm/server"), "--registrar", registrar,
			"--wait", "30", NULL);
	while (!err && bk_proc_line(&p, ENROL_MS, &line) == 0)
		bk_story_say(s, "  %s: %s", w->name, line);
	if (!err)
		err = bk_proc_wait(&p, ENROL_MS, &exit_code);
	bk_proc_free(&p);
	return err || exit_code ? bk_story_fail(s, err, "enrolment of %s ended with %d", w->name, exit_code) : 0;
}

static int make_keys(struct bk_story *s)
{
	char port[8];
	int err;

	snprintf(port, sizeof port, "%u", s->port);
	bk_story_say(s, "bakenctl maakt de hoofdsleutel, twee registratoren en de server");
	err = bk_story_ctl(s, NULL, "root", "create", "--out", s->root, NULL);
	if (!err)
		err = bk_story_ctl(s, NULL, "registrar", "create", "--root", s->root, "--label", "security", "--roles",
			"person,relative,child,officer,lead,vault", "--out", s->security, NULL);
	if (!err)
		err = bk_story_ctl(s, NULL, "registrar", "create", "--root", s->root, "--label", "care", "--roles", "care",
			"--out", s->care_key, NULL);
	if (!err)
		err = bk_story_ctl(s, NULL, "server", "init", "--root", s->root, "--dir", bk_tmp_path("realm/server"),
			"--host", "127.0.0.1", "--port", port, "--private-ca", NULL);
	return err ? bk_story_fail(s, err, "the realm's keys") : 0;
}

static int make_circle(struct bk_story *s, const char *registrar, const char *kind, char id[static 40])
{
	char *out = NULL;
	int err = bk_story_ctl(s, &out, "circle", "create", "--dir", bk_tmp_path("realm/server"), "--registrar", registrar,
		"--kind", kind, "--label", kind, "--json", NULL);

	if (!err)
		err = take_word(out, "circle", id, 40);
	free(out);
	return err ? bk_story_fail(s, err, "circle %s", kind) : 0;
}

int bk_story_realm(struct bk_story *s)
{
	static const enum bk_story_actor order[] = {BK_VAULT, BK_OFFICER1, BK_OFFICER2, BK_PERSON, BK_RELATIVE, BK_CARE};
	int err = make_keys(s);

	if (!err)
		err = bk_story_server_start(s);
	if (!err)
		err = make_circle(s, s->security, "desk", s->desk);
	if (!err)
		err = make_circle(s, s->care_key, "care", s->care);
	for (size_t i = 0; !err && i < BK_ACTORS; i++) {
		err = enrol(s, order[i]);
		/* Everyone stays online from here: the vault answers the others' drills. */
		if (!err)
			err = bk_story_client_start(s, order[i]);
		if (!err && strcmp(s->who[order[i]].role, "officer") == 0)
			err = bk_rpc_call(&s->who[order[i]].rpc, json_pack("{s:s, s:b}", "cmd", "duty", "on", 1), 10000, NULL);
	}
	return err && !s->why[0] ? bk_story_fail(s, err, "the realm") : err;
}
