/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The story's acts, with what must be true after each. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>

#include "err.h"
#include "ids.h"
#include "story.h"
#include "tmp.h"

#define STEP_MS 30000u
#define FLOOD 24 /* messages in flight when the server dies */
#define UPDATE "Aanvulling op mijn melding, nummer "
#define WHAT "Er stond weer een grijze bus vóór het huis; de bestuurder keek naar binnen. Coördinator is gebeld. 🚐"

static const char *str(const json_t *o, const char *key)
{
	const char *v = json_string_value(json_object_get(o, key));

	return v ? v : "";
}

static struct bk_rpc *rpc(struct bk_story *s, enum bk_story_actor who)
{
	return &s->who[who].rpc;
}

static int call(struct bk_story *s, enum bk_story_actor who, json_t *command, json_t **ret_reply)
{
	json_t *reply = NULL;
	int err = bk_rpc_call(rpc(s, who), command, STEP_MS, &reply);

	if (err)
		bk_story_fail(s, err, "%s: %s", s->who[who].name, str(reply, "text"));
	if (ret_reply && !err)
		*ret_reply = reply;
	else
		json_decref(reply);
	return err;
}

static int wait_for(struct bk_story *s, enum bk_story_actor who, const char *event, const char *key, const char *value,
	json_t **ret_event)
{
	int err = bk_rpc_wait(rpc(s, who), event, key, value, STEP_MS, ret_event);

	return err ? bk_story_fail(s, err, "%s waits for %s %s=%s", s->who[who].name, event, key ? key : "",
			     value ? value : "")
		   : 0;
}

/* A moment as screens show it: 10:43:05. */
static const char *clock_of(const json_t *o, const char *key, char out[static 16])
{
	time_t t = (time_t)(json_integer_value(json_object_get(o, key)) / 1000);
	struct tm tm;

	if (!localtime_r(&t, &tm) || !strftime(out, 16, "%H:%M:%S", &tm))
		out[0] = '\0';
	return out;
}

/* Waits until the person's message has climbed to a rung; says so as the person's screen would (words NULL: not). */
static int rung(struct bk_story *s, const char *message, const char *name, const char *words)
{
	json_t *e = NULL;
	char at[16];
	int err;

	for (;;) {
		err = wait_for(s, BK_PERSON, "outgoing", "message", message, &e);
		if (err)
			return err;
		if (strcmp(str(e, "rung"), name) == 0)
			break;
		json_decref(e);
	}
	if (words)
		bk_story_say(s, "  Persoon ziet: %s %s%s%s", clock_of(e, "at_ms", at), words, *str(e, "by") ? ", door " : "",
			str(e, "by"));
	json_decref(e);
	return 0;
}

int bk_story_report_offline(struct bk_story *s)
{
	const char *dir = s->who[BK_PERSON].dir;
	const char *argv[] = {s->bin_client, "--dir", dir, "--passphrase-file", s->pass, "--json", "--wait", "2",
		"report", "--where", "Thuis, voorzijde", "--urgency", "today", "--certainty", "sure", "--file", s->photo,
		"--file", s->voice, WHAT, NULL};
	char *out = NULL;
	json_t *o;
	int code = bk_story_client_stop(s, BK_PERSON);

	if (!code)
		code = bk_story_server_stop(s);
	if (code)
		return code;
	bk_story_say(s, "De server staat uit. Persoon schrijft een melding met een foto en een spraakbericht.");
	code = bk_proc_run(argv, NULL, s->log, STEP_MS, &out);
	o = out ? json_loads(out, JSON_DISABLE_EOF_CHECK, NULL) : NULL;
	snprintf(s->report, sizeof s->report, "%s", str(o, "message"));
	json_decref(o);
	free(out);
	if (code != EX_TEMPFAIL || !s->report[0])
		return bk_story_fail(s, BK_E_STATE, "writing a report offline ended with %d", code);
	bk_story_say(s, "  Persoon ziet: op dit toestel. Het programma wordt gesloten.");
	return 0;
}

static int both_see(struct bk_story *s)
{
	int err = wait_for(s, BK_OFFICER1, "case", "case", s->report, NULL);

	if (!err)
		err = wait_for(s, BK_OFFICER2, "case", "case", s->report, NULL);
	if (!err)
		bk_story_say(s, "Dienst 1 en Dienst 2 zien de melding op het bord");
	return err;
}

static int one_claims(struct bk_story *s)
{
	json_t *won = NULL, *lost = NULL;
	int err = call(s, BK_OFFICER1, json_pack("{s:s, s:s}", "cmd", "claim", "case", s->report), &won);

	if (!err)
		err = call(s, BK_OFFICER2, json_pack("{s:s, s:s}", "cmd", "claim", "case", s->report), &lost);
	if (!err && (!json_is_true(json_object_get(won, "won")) || !json_is_false(json_object_get(lost, "won"))))
		err = bk_story_fail(s, BK_E_STATE, "not exactly one winner");
	if (!err && strcmp(str(lost, "owner"), s->who[BK_OFFICER1].name) != 0)
		err = bk_story_fail(s, BK_E_STATE, "the loser is told '%s'", str(lost, "owner"));
	if (!err)
		bk_story_say(s, "Dienst 1 pakt de zaak op; Dienst 2 leest: %s was u voor", str(lost, "owner"));
	json_decref(won);
	json_decref(lost);
	return err;
}

static int same_bytes(struct bk_story *s, const char *a, const char *b)
{
	uint8_t *x = NULL, *y = NULL;
	size_t nx = 0, ny = 0;
	char hash[BK_HASH_TEXT];
	bk_hash h;
	int err = bk_tmp_read(a, &x, &nx);

	if (!err)
		err = bk_tmp_read(b, &y, &ny);
	if (!err && (nx != ny || memcmp(x, y, nx) != 0))
		err = bk_story_fail(s, BK_E_HASH, "the evidence differs: %s", b);
	if (!err) {
		h = bk_hash_of(y, ny);
		bk_story_say(s, "  bewijs geopend: %zu bytes, SHA-256 %s klopt", ny, bk_hex_encode(hash, h.b, sizeof h.b));
	}
	free(x);
	free(y);
	return err;
}

static int open_evidence(struct bk_story *s)
{
	const char *originals[2] = {s->photo, s->voice};
	int err = 0;

	for (int i = 0; !err && i < 2; i++) {
		char to[600];

		snprintf(to, sizeof to, "%s/bewijs-%d", s->dir, i);
		err = call(s, BK_OFFICER1, json_pack("{s:s, s:s, s:i}", "cmd", "fetch", "message", s->report, "index", i), NULL);
		if (!err)
			err = wait_for(s, BK_OFFICER1, "file-ready", "message", s->report, NULL);
		if (!err)
			err = call(s, BK_OFFICER1, json_pack("{s:s, s:s, s:i, s:s}", "cmd", "save", "message", s->report,
				"index", i, "path", to), NULL);
		if (!err)
			err = same_bytes(s, originals[i], to);
	}
	return err;
}

int bk_story_report_arrives(struct bk_story *s)
{
	json_t *reply = NULL;
	int err;

	bk_story_say(s, "De server start weer. Persoon opent het programma; de melding gaat vanzelf weg.");
	err = bk_story_server_start(s);
	if (!err)
		err = bk_story_client_start(s, BK_PERSON);
	if (!err)
		err = rung(s, s->report, "stored", "veilig opgeslagen bij de server (ondertekend bewijs)");
	if (!err)
		err = rung(s, s->report, "decrypted", "aangekomen bij de meldkamer");
	if (!err)
		err = both_see(s);
	if (!err)
		err = one_claims(s);
	if (!err)
		err = rung(s, s->report, "claimed", "opgepakt");
	if (!err)
		err = open_evidence(s);
	if (!err)
		err = call(s, BK_OFFICER1, json_pack("{s:s, s:s, s:s, s:b}", "cmd", "reply", "to", s->report, "text",
			"Dank u. Een auto rijdt nu langs. Blijf binnen; wij bellen om 11:30.", "answers", 1), NULL);
	if (!err)
		err = rung(s, s->report, "answered", "beantwoord");
	if (!err)
		err = wait_for(s, BK_PERSON, "message", "conversation", s->report, &reply);
	if (!err)
		bk_story_say(s, "  Persoon leest: \"%s\"", str(reply, "text"));
	json_decref(reply);
	return err;
}

/* ---- the server dies ---- */

static int count_texts(struct bk_story *s, enum bk_story_actor who, const char *prefix, int seen[FLOOD])
{
	json_t *reply = NULL, *item;
	size_t i;
	int err = call(s, who, json_pack("{s:s, s:i}", "cmd", "messages", "limit", 1000), &reply);

	json_array_foreach(json_object_get(reply, "items"), i, item) {
		const char *text = str(item, "text");
		int n = strncmp(text, prefix, strlen(prefix)) == 0 ? atoi(text + strlen(prefix)) : -1;

		if (n >= 0 && n < FLOOD)
			seen[n]++;
	}
	json_decref(reply);
	return err;
}

static int each_once(struct bk_story *s, enum bk_story_actor who)
{
	int seen[FLOOD] = {0}, err = count_texts(s, who, UPDATE, seen);

	for (int i = 0; !err && i < FLOOD; i++)
		if (seen[i] != 1)
			err = bk_story_fail(s, BK_E_STATE, "%s holds message %d %d times", s->who[who].name, i, seen[i]);
	return err;
}

int bk_story_server_dies(struct bk_story *s)
{
	char ids[FLOOD][40], text[80];
	json_t *reply;
	int err = 0;

	bk_story_say(s, "%d berichten zijn onderweg; de server wordt gedood (SIGKILL) en start opnieuw", FLOOD);
	for (int i = 0; !err && i < FLOOD; i++) {
		reply = NULL;
		snprintf(text, sizeof text, UPDATE "%d", i);
		err = call(s, BK_PERSON, json_pack("{s:s, s:s, s:s}", "cmd", "reply", "to", s->report, "text", text), &reply);
		snprintf(ids[i], sizeof ids[i], "%s", str(reply, "message"));
		json_decref(reply);
		if (!err && i == FLOOD / 2) {
			bk_story_server_kill(s);
			err = bk_story_server_start(s);
		}
	}
	for (int i = 0; !err && i < FLOOD; i++)
		err = rung(s, ids[i], "decrypted", NULL);
	/* The last to arrive at each officer ends the wait; what has arrived twice shows in the count. */
	for (int i = 0; !err && i < FLOOD; i++)
		err = wait_for(s, BK_OFFICER1, "message", "message", ids[i], NULL);
	for (int i = 0; !err && i < FLOOD; i++)
		err = wait_for(s, BK_OFFICER2, "message", "message", ids[i], NULL);
	if (!err)
		err = each_once(s, BK_OFFICER1);
	if (!err)
		err = each_once(s, BK_OFFICER2);
	if (!err)
		bk_story_say(s, "  alle %d berichten zijn er, elk precies één keer", FLOOD);
	return err;
}

/* ---- the operator's numbers ---- */

static int status_of(struct bk_story *s, const char *dir, json_t **ret_status)
{
	char *out = NULL;
	int err = bk_story_ctl(s, &out, "status", "--json", "--dir", dir, NULL);

	*ret_status = !err && out ? json_loads(out, JSON_DISABLE_EOF_CHECK, NULL) : NULL;
	free(out);
	return *ret_status ? 0 : bk_story_fail(s, BK_E_STATE, "no status of %s", dir);
}

/* ---- guidance ---- */

static int acknowledge(struct bk_story *s, enum bk_story_actor who)
{
	json_t *e = NULL;
	int err = wait_for(s, who, "message", "kind", "guidance", &e);

	if (!err) {
		bk_story_say(s, "  %s leest: %s", s->who[who].name, str(e, "title"));
		err = call(s, who, json_pack("{s:s, s:s}", "cmd", "acknowledge", "message", str(e, "message")), NULL);
	}
	json_decref(e);
	if (!err)
		err = wait_for(s, BK_OFFICER1, "guidance-ack", "circle", s->who[who].circle, &e);
	if (!err) {
		bk_story_say(s, "  Dienst 1 ziet: %s heeft bevestigd", str(e, "name"));
		json_decref(e);
	}
	return err;
}

static int check_people(struct bk_story *s, const char *message)
{
	json_t *reply = NULL, *p;
	size_t i, acked = 0;
	int err = call(s, BK_OFFICER1, json_pack("{s:s, s:s}", "cmd", "guidance-status", "message", message), &reply);

	json_array_foreach(json_object_get(reply, "people"), i, p)
		acked += json_integer_value(json_object_get(p, "acknowledged_ms")) > 0;
	if (!err && acked != 2)
		err = bk_story_fail(s, BK_E_STATE, "%zu acknowledged, not 2", acked);
	json_decref(reply);
	return err;
}

int bk_story_guidance(struct bk_story *s)
{
	json_t *reply = NULL;
	char message[40];
	int err;

	bk_story_say(s, "Dienst 1 stuurt een advies aan Persoon en Naaste");
	err = call(s, BK_OFFICER1, json_pack("{s:s, s:[s, s], s:s, s:s}", "cmd", "guidance", "to",
		s->who[BK_PERSON].circle, s->who[BK_RELATIVE].circle, "title", "Andere route vandaag", "text",
		"Neem vandaag niet de voordeur. De auto staat achter klaar."), &reply);
	if (err)
		return err;
	snprintf(message, sizeof message, "%s", str(reply, "message"));
	json_decref(reply);
	err = acknowledge(s, BK_PERSON);
	if (!err)
		err = acknowledge(s, BK_RELATIVE);
	return err ? err : check_people(s, message);
}

/* ---- care ---- */

int bk_story_care(struct bk_story *s)
{
	json_t *reply = NULL, *e = NULL;
	int err;

	bk_story_say(s, "Zorgverlener stuurt Persoon een steunend bericht");
	err = call(s, BK_CARE, json_pack("{s:s, s:s, s:s}", "cmd", "send", "to", s->who[BK_PERSON].circle, "text",
		"Goed dat u het meldde. Donderdag 14:00 heb ik tijd voor u."), NULL);
	if (!err)
		err = wait_for(s, BK_PERSON, "message", "kind", "text", &e);
	if (!err)
		bk_story_say(s, "  Persoon leest: \"%s\"", str(e, "text"));
	json_decref(e);
	if (err)
		return err;
	err = bk_rpc_call(rpc(s, BK_CARE), json_pack("{s:s, s:s, s:s}", "cmd", "send", "to", s->desk, "text", "x"), STEP_MS,
		&reply);
	if (err != BK_E_ROLE)
		return bk_story_fail(s, err, "care to desk was not refused by the client");
	bk_story_say(s, "  een zorgbericht aan de meldkamer weigert het toestel: %s", str(reply, "text"));
	json_decref(reply);
	err = bk_story_bypass(s);
	if (!err)
		bk_story_say(s, "  met een nagemaakt programma geprobeerd: de server weigert het ook (BK_E_ROLE)");
	return err;
}

/* ---- revocation ---- */

/* A device as the operator sees it: its state, and nothing left waiting for it. */
static int check_withdrawn(struct bk_story *s, const char *device)
{
	char *out = NULL;
	json_t *o, *d;
	size_t i;
	bool ok = false;
	int code = bk_story_ctl(s, &out, "devices", "--dir", bk_tmp_path("realm/server"), "--json", NULL);

	o = out ? json_loads(out, JSON_DISABLE_EOF_CHECK, NULL) : NULL;
	free(out);
	json_array_foreach(json_object_get(o, "devices"), i, d)
		if (strcmp(str(d, "device"), device) == 0)
			ok = strcmp(str(d, "status"), "revoked") == 0 && !json_integer_value(json_object_get(d, "queued")) &&
			     json_is_false(json_object_get(d, "online"));
	json_decref(o);
	return code || !ok ? bk_story_fail(s, BK_E_STATE, "the withdrawn device is not as it must be at the server") : 0;
}

static json_int_t count_of(struct bk_story *s, const char *what)
{
	json_t *status = NULL;
	json_int_t n = -1;

	if (!status_of(s, bk_tmp_path("realm/server"), &status))
		n = json_integer_value(json_object_get(status, what));
	json_decref(status);
	return n;
}

int bk_story_revocation(struct bk_story *s)
{
	struct bk_story_who *w = &s->who[BK_RELATIVE];
	json_int_t prekeys = count_of(s, "prekeys");
	int err;

	bk_story_say(s, "Het toestel van Naaste is kwijt; het wordt ingetrokken terwijl het verbonden is");
	err = bk_story_ctl(s, NULL, "revoke", "--dir", bk_tmp_path("realm/server"), "--registrar", s->security, "--device",
		w->device, NULL);
	if (err)
		return bk_story_fail(s, BK_E_STATE, "revoke ended with %d", err);
	err = wait_for(s, BK_RELATIVE, "revoked", NULL, NULL, NULL);
	if (!err)
		bk_story_say(s, "  de verbinding is meteen verbroken; het toestel heeft zijn sleutels gewist");
	if (!err)
		err = call(s, BK_OFFICER1, json_pack("{s:s, s:s, s:s, s:s}", "cmd", "guidance", "to", "all", "title",
			"Alleen voor wie nog meedoet", "text", "-"), NULL);
	if (!err)
		err = wait_for(s, BK_PERSON, "message", "title", "Alleen voor wie nog meedoet", NULL);
	if (!err && bk_rpc_count(&w->rpc, "message", "title", "Alleen voor wie nog meedoet"))
		err = bk_story_fail(s, BK_E_REVOKED, "the revoked device still received");
	bk_rpc_kill(&w->rpc);
	w->live = false;
	if (err)
		return err;
	err = check_withdrawn(s, w->device);
	if (!err && count_of(s, "prekeys") >= prekeys)
		err = bk_story_fail(s, BK_E_STATE, "the withdrawn device's prekeys are still there");
	if (!err)
		bk_story_say(s, "  wachtrij en sleutels bij de server zijn weg; latere berichten bereiken het niet");
	return err;
}

/* ---- operator ---- */

static int same_state(struct bk_story *s, const json_t *a, const json_t *b)
{
	static const char *const keys[] = {"accounts", "devices", "circles", "audit", "bodies"};

	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
		if (!json_equal(json_object_get(a, keys[i]), json_object_get(b, keys[i])))
			return bk_story_fail(s, BK_E_STATE, "the restored '%s' differs", keys[i]);
	return 0;
}

int bk_story_operator(struct bk_story *s)
{
	char dir[600], backup[600], restored[600];
	json_t *before = NULL, *after = NULL;
	char *out = NULL;
	int err;

	snprintf(dir, sizeof dir, "%s/server", s->dir);
	snprintf(backup, sizeof backup, "%s/backup", s->dir);
	snprintf(restored, sizeof restored, "%s/restored", s->dir);
	if (s->talk && bk_story_ctl(s, &out, "status", "--dir", dir, NULL) == 0)
		printf("%s", out);
	free(out);
	err = status_of(s, dir, &before);
	if (!err && bk_story_ctl(s, NULL, "audit", "verify", "--dir", dir, NULL) != 0)
		err = bk_story_fail(s, BK_E_CORRUPT, "the audit chain does not verify");
	if (!err)
		bk_story_say(s, "Het logboek klopt van begin tot eind");
	if (!err && bk_story_ctl(s, NULL, "backup", "--dir", dir, "--to", backup, NULL) != 0)
		err = bk_story_fail(s, BK_E_IO, "no backup");
	if (!err && bk_story_ctl(s, NULL, "restore", "--from", backup, "--to", restored, "--seal-key",
			bk_tmp_path("realm/server/seal.key"), NULL) != 0)
		err = bk_story_fail(s, BK_E_IO, "no restore");
	if (!err)
		err = status_of(s, restored, &after);
	if (!err)
		err = same_state(s, before, after);
	if (!err)
		bk_story_say(s, "Reservekopie gemaakt terwijl de server draait, en teruggezet in een lege map: dezelfde toestand");
	json_decref(before);
	json_decref(after);
	return err;
}
