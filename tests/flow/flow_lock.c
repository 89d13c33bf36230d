/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A person's device locked, guessed at, withdrawn while locked, and wiped: real programs, real stores. Nothing is
 * erased by guessing (R6), what is withdrawn is erased at the next contact, which a locked device has not.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "err.h"
#include "seal.h"
#include "story.h"
#include "tmp.h"

#define WAIT_MS 20000u
#define PIN "135791"

static struct bk_story story;
static char first[200];

static struct bk_rpc *person(void)
{
	return &story.who[BK_PERSON].rpc;
}

static int call(json_t *command)
{
	return bk_rpc_call(person(), command, WAIT_MS, NULL);
}

static int plain(const char *cmd)
{
	return call(json_pack("{s:s}", "cmd", cmd));
}

static int unlock(const char *pin)
{
	return call(json_pack("{s:s, s:s}", "cmd", "unlock", "pin", pin));
}

static const char *in_store(const char *name)
{
	static char path[700];

	snprintf(path, sizeof path, "%s/store/%s", story.who[BK_PERSON].dir, name);
	return path;
}

static void locked_device_does_nothing_and_comes_back(void **state)
{
	json_t *refused = NULL;

	(void)state;
	assert_int_equal(plain("lock"), 0);
	assert_int_equal(bk_rpc_wait(person(), "locked", NULL, NULL, WAIT_MS, NULL), 0);
	assert_int_equal(plain("reports"), BK_E_SHUT);
	assert_int_equal(plain("connect"), BK_E_SHUT);
	assert_int_equal(bk_rpc_call(person(), json_pack("{s:s, s:s}", "cmd", "report", "what", "x"), WAIT_MS, &refused),
		BK_E_SHUT);
	assert_string_not_equal(json_string_value(json_object_get(refused, "text")), "");
	json_decref(refused);
	assert_int_equal(unlock("fout"), BK_E_PASSPHRASE);
	assert_int_equal(plain("reports"), BK_E_SHUT);
	assert_int_equal(unlock(first), 0);
	assert_int_equal(bk_rpc_wait(person(), "unlocked", NULL, NULL, WAIT_MS, NULL), 0);
	assert_int_equal(bk_rpc_wait(person(), "link", "state", "caught-up", WAIT_MS, NULL), 0); /* as before */
	assert_int_equal(plain("reports"), 0);
}

/* The key file has the same length whatever is set, and what is set works at once, in a locked device too. */
static void second_pin_is_set_and_taken_away(void **state)
{
	struct stat before, after;

	(void)state;
	assert_int_equal(stat(in_store("keys"), &before), 0);
	assert_int_equal(before.st_size, BK_SEAL_KEYS_BYTES);
	assert_int_equal(call(json_pack("{s:s, s:s, s:s, s:b}", "cmd", "pin-set", "pin", "fout", "new", PIN, "second", 1)),
		BK_E_PASSPHRASE);
	assert_int_equal(call(json_pack("{s:s, s:s, s:s, s:b}", "cmd", "pin-set", "pin", first, "new", "1234", "second", 1)),
		BK_E_INVAL);
	assert_int_equal(call(json_pack("{s:s, s:s, s:s, s:b}", "cmd", "pin-set", "pin", first, "new", first, "second", 1)),
		BK_E_EXISTS);
	assert_int_equal(call(json_pack("{s:s, s:s, s:s, s:b}", "cmd", "pin-set", "pin", first, "new", PIN, "second", 1)),
		0);
	assert_int_equal(stat(in_store("keys"), &after), 0);
	assert_int_equal(after.st_size, before.st_size);
	assert_int_equal(plain("lock"), 0);
	assert_int_equal(unlock(PIN), 0);
	assert_int_equal(plain("lock"), 0);
	assert_int_equal(unlock(first), 0);
	assert_int_equal(call(json_pack("{s:s, s:s, s:b}", "cmd", "pin-set", "pin", first, "second", 1)), 0);
	assert_int_equal(plain("lock"), 0);
	assert_int_equal(unlock(PIN), BK_E_PASSPHRASE);
	assert_int_equal(unlock(first), 0);
}

/* R6: guessing costs time and nothing else; killing the program and starting it anew gives no try for free. */
static void guessing_waits_and_wipes_nothing(void **state)
{
	struct bk_story_who *w = &story.who[BK_PERSON];
	json_t *refused = NULL;

	(void)state;
	assert_int_equal(plain("lock"), 0);
	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(unlock("000000"), BK_E_PASSPHRASE);
	assert_int_equal(bk_rpc_call(person(), json_pack("{s:s, s:s}", "cmd", "unlock", "pin", first), WAIT_MS, &refused),
		BK_E_RATE);
	assert_in_range(json_integer_value(json_object_get(refused, "retry_ms")), 1, 5000);
	json_decref(refused);
	bk_rpc_kill(&w->rpc);
	assert_int_equal(bk_rpc_start(&w->rpc, story.bin_client, w->dir, story.pass, NULL, story.log), 0);
	assert_int_equal(bk_rpc_wait(&w->rpc, "error", "error", "BK_E_RATE", WAIT_MS, NULL), 0);
	bk_rpc_close(&w->rpc);
	assert_int_equal(access(in_store("data.mdb"), F_OK), 0);
	assert_int_equal(unlink(in_store("tries")), 0); /* the wait itself is wound by hand in test_backoff */
	assert_int_equal(bk_story_client_start(&story, BK_PERSON), 0);
}

/* Locks by itself, and a desk's does not. */
static void idle_person_locks_idle_desk_does_not(void **state)
{
	static const enum bk_story_actor who[2] = {BK_PERSON, BK_OFFICER2};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct bk_story_who *w = &story.who[who[i]];
		const char *argv[] = {story.bin_client, "--dir", w->dir, "--passphrase-file", story.pass, "rpc",
			"--lock-after", "0.005", NULL};

		assert_int_equal(bk_story_client_stop(&story, who[i]), 0);
		memset(&w->rpc, 0, sizeof w->rpc);
		w->rpc.events = json_array();
		assert_int_equal(bk_proc_start(&w->rpc.proc, argv, NULL, story.log), 0);
		w->live = true;
		if (who[i] == BK_PERSON) {
			assert_int_equal(bk_rpc_wait(&w->rpc, "locked", NULL, NULL, WAIT_MS, NULL), 0);
		} else {
			assert_int_equal(bk_rpc_wait(&w->rpc, "locked", NULL, NULL, 1000, NULL), BK_E_TIMEOUT);
			assert_int_equal(bk_rpc_call(&w->rpc, json_pack("{s:s}", "cmd", "status"), WAIT_MS, NULL), 0);
		}
		assert_int_equal(bk_story_client_stop(&story, who[i]), 0);
		assert_int_equal(bk_story_client_start(&story, who[i]), 0);
	}
}

/* A locked device hears nothing; the next unlocking brings the news, and then nothing is left of it. */
static void withdrawn_while_locked_is_erased_at_the_next_contact(void **state)
{
	struct bk_story_who *w = &story.who[BK_RELATIVE];

	(void)state;
	assert_int_equal(bk_rpc_call(&w->rpc, json_pack("{s:s}", "cmd", "lock"), WAIT_MS, NULL), 0);
	assert_int_equal(bk_story_ctl(&story, NULL, "revoke", "--dir", bk_tmp_path("realm/server"), "--registrar",
		story.security, "--device", w->device, NULL), 0);
	assert_int_equal(access(w->dir, F_OK), 0); /* what a lock cannot do, said in the threat model */
	assert_int_equal(bk_rpc_call(&w->rpc, json_pack("{s:s, s:s}", "cmd", "unlock", "pin", first), WAIT_MS, NULL), 0);
	assert_int_equal(bk_rpc_wait(&w->rpc, "revoked", NULL, NULL, WAIT_MS, NULL), 0);
	bk_rpc_close(&w->rpc);
	w->live = false;
	assert_int_not_equal(access(w->dir, F_OK), 0);
}

static void wipe_leaves_nothing_locked_or_not(void **state)
{
	(void)state;
	assert_int_equal(plain("lock"), 0);
	assert_int_equal(plain("wipe"), BK_E_INVAL); /* without the word */
	assert_int_equal(access(in_store("keys"), F_OK), 0);
	assert_int_equal(call(json_pack("{s:s, s:s}", "cmd", "wipe", "confirm", "wipe")), 0);
	assert_int_equal(bk_rpc_wait(person(), "wiped", NULL, NULL, WAIT_MS, NULL), 0);
	assert_int_not_equal(access(in_store("keys"), F_OK), 0);
	assert_int_not_equal(access(in_store("data.mdb"), F_OK), 0);
	assert_int_equal(unlock(first), BK_E_NOT_FOUND);
	assert_int_equal(bk_story_client_stop(&story, BK_PERSON), 0);
	assert_int_not_equal(access(story.who[BK_PERSON].dir, F_OK), 0);
}

/* The sub-command asks for a word; a word is not enough by accident. */
static void wipe_by_sub_command(void **state)
{
	const char *dir = story.who[BK_CARE].dir;
	const char *no[] = {story.bin_client, "--dir", dir, "wipe", NULL};
	const char *yes[] = {story.bin_client, "--dir", dir, "wipe", "--yes", NULL};

	(void)state;
	assert_int_equal(bk_story_client_stop(&story, BK_CARE), 0);
	assert_int_not_equal(bk_proc_run(no, NULL, story.log, WAIT_MS, NULL), 0);
	assert_int_equal(access(dir, F_OK), 0);
	assert_int_equal(bk_proc_run(yes, NULL, story.log, WAIT_MS, NULL), 0);
	assert_int_not_equal(access(dir, F_OK), 0);
	assert_int_not_equal(bk_proc_run(yes, NULL, story.log, WAIT_MS, NULL), 0);
}

static int begin(void **state)
{
	uint8_t *data = NULL;
	size_t n = 0;

	(void)state;
	if (bk_story_init(&story, BAKEN_BUILD_DIR "/bin", false) || bk_story_realm(&story) ||
		bk_tmp_read(story.pass, &data, &n))
		return -1;
	snprintf(first, sizeof first, "%.*s", (int)strcspn((const char *)data, "\n"), (const char *)data);
	free(data);
	return 0;
}

static int end(void **state)
{
	(void)state;
	bk_story_done(&story);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(locked_device_does_nothing_and_comes_back),
		cmocka_unit_test(second_pin_is_set_and_taken_away),
		cmocka_unit_test(guessing_waits_and_wipes_nothing),
		cmocka_unit_test(idle_person_locks_idle_desk_does_not),
		cmocka_unit_test(withdrawn_while_locked_is_erased_at_the_next_contact),
		cmocka_unit_test(wipe_leaves_nothing_locked_or_not),
		cmocka_unit_test(wipe_by_sub_command),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
