/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Locked: keys and core are gone from memory, the folder is as after closing. PINs, and the quick wipe. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "blobs_dir.h"
#include "kv_lmdb.h"
#include "pin.h"
#include "rim_in.h"

static void on_idle(uv_timer_t *t)
{
	bk_rim_lock(t->data);
}

/* Only people's devices lock by themselves: a desk's must show what comes (its screen has a lock of its own). */
void bk_rim_stir(struct bk_rim *rim)
{
	if (rim->core && rim->lock_after_ms && bk_core_is_person(rim->core)) {
		uv_update_time(&rim->loop);
		uv_timer_start(&rim->idle, on_idle, rim->lock_after_ms, 0);
	}
}

bool bk_rim_locked(const struct bk_rim *rim)
{
	return !rim->core;
}

void bk_rim_lock(struct bk_rim *rim)
{
	if (!rim->core)
		return;
	rim->resume = bk_core_wants_link(rim->core);
	rim->http_base = rim->http_last;
	uv_timer_stop(&rim->tick);
	uv_timer_stop(&rim->idle);
	bk_rim_core_close(rim);
	rim->closing = rim->linked;
	if (rim->linked)
		bk_socket_disconnect(rim->link);
	bk_rim_tell(rim, json_pack("{s:s}", "event", "locked"));
}

/* Its answer is nobody's. */
void bk_rim_resume(struct bk_rim *rim)
{
	json_int_t awaited = rim->awaited;
	json_t *reply = rim->reply;

	rim->resume = false;
	rim->reply = NULL;
	rim->awaited = ++rim->next_id;
	bk_rim_command(rim, json_pack("{s:s, s:I}", "cmd", "connect", "id", rim->awaited));
	json_decref(rim->reply);
	rim->awaited = awaited;
	rim->reply = reply;
}

int bk_rim_unlock(struct bk_rim *rim, const char *pin)
{
	int err;

	if (rim->core)
		return bk_pin_check(rim->core, pin);
	err = bk_rim_core_open(rim, pin, false);
	if (err) {
		bk_rim_core_close(rim);
		return err;
	}
	bk_rim_pump(rim);
	bk_rim_stir(rim);
	bk_rim_tell(rim, json_pack("{s:s}", "event", "unlocked"));
	if (rim->resume && !rim->closing)
		bk_rim_resume(rim);
	return 0;
}

uint64_t bk_rim_wait_ms(const struct bk_rim *rim)
{
	char path[BK_RIM_DIR_MAX + 16];

	snprintf(path, sizeof path, "%s/store", rim->dir);
	return bk_kv_lmdb_wait(path);
}

/* Checked first, whichever it is: both do the same work, and the second given here puts the session under duress. */
int bk_rim_pin_set(struct bk_rim *rim, const char *pin, const char *fresh, bool second)
{
	int err = rim->core ? bk_pin_check(rim->core, pin) : BK_E_SHUT;

	if (err)
		return err;
	if (fresh && strlen(fresh) < BK_PIN_MIN)
		return BK_E_INVAL;
	bk_rim_stir(rim);
	return second ? bk_kv_lmdb_rekey_second(rim->kv, pin, fresh) : bk_kv_lmdb_rekey(rim->kv, pin, fresh);
}

int bk_rim_passphrase(struct bk_rim *rim, const char *old, const char *fresh)
{
	return rim->core ? bk_kv_lmdb_rekey(rim->kv, old, fresh) : BK_E_SHUT;
}

int bk_rim_wipe_folder(const char *dir)
{
	char path[BK_RIM_DIR_MAX + 16];
	int err, err2;

	snprintf(path, sizeof path, "%s/store", dir);
	err = bk_kv_lmdb_destroy(path); /* keys first */
	snprintf(path, sizeof path, "%s/blobs", dir);
	err2 = bk_blobs_dir_destroy(path);
	snprintf(path, sizeof path, "%s/ca.pem", dir);
	unlink(path);
	rmdir(dir); /* stays when something else lies in it */
	return err ? err : err2;
}

void bk_rim_wipe(struct bk_rim *rim)
{
	char path[BK_RIM_DIR_MAX + 16];

	snprintf(path, sizeof path, "%s/store/keys", rim->dir);
	bk_seal_keys_destroy(path); /* before anything that could take time */
	bk_rim_lock(rim);
	rim->resume = false;
	rim->withdrawn = true; /* what is open still is removed at closing */
	bk_rim_wipe_folder(rim->dir);
	bk_rim_tell(rim, json_pack("{s:s}", "event", "wiped"));
}
