/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The native rim: gives the core a sealed store, files, a clock, a socket and a loop, and carries out what it
 * says. Sub-commands, the board, the vault and `baken rpc` all stand on this.
 *
 * Invariant: one process owns a client folder (BK_E_LOCKED for a second one, M9).
 * Threads: the loop's. Memory: events are borrowed for the callback; replies belong to the caller.
 * Secrets: the passphrase is the caller's to wipe.
 *
 * Folder: store (sealed key-value store), blobs (encrypted files), ca.pem (the authority given at enrolment).
 * Closing after the event "revoked" removes them.
 *
 * Locked, a rim has neither core nor keys: commands are refused (BK_E_SHUT), the connection is closed, nothing is
 * received, so a withdrawal takes effect only after the next unlocking.
 */
#ifndef BK_RIM_H
#define BK_RIM_H

#include <jansson.h>
#include <uv.h>

#include "core.h"

struct bk_rim;

typedef void (*bk_rim_event)(void *arg, const json_t *event);

struct bk_rim_options {
	const char *dir;
	const char *passphrase; /* UTF-8, as typed */
	const char *ca_file;    /* given at enrolment; copied into the folder. NULL: the folder's, else the system's */
	enum bk_lang lang;
	bool create;            /* make a new folder; BK_E_EXISTS when there is one */
	uint64_t canary_ms, canary_late_ms; /* core.h */
	uint64_t lock_after_ms; /* a person's device locks after so long without a command; 0: never */
	bk_rim_event event;     /* everything that is not a reply to bk_rim_call */
	void *arg;
};

int bk_rim_open(const struct bk_rim_options *o, struct bk_rim **ret_rim);
void bk_rim_close(struct bk_rim *rim);
uv_loop_t *bk_rim_loop(struct bk_rim *rim);
bk_ms bk_rim_now(void);

/* Hands a command on; its answer comes as an event. Takes the reference. */
int bk_rim_command(struct bk_rim *rim, json_t *command);
/*
 * Sends a command and runs the loop until its answer. Takes the reference. 0 and the "ok" object, or the
 * error's number (and the "error" object when ret_reply is given); BK_E_TIMEOUT.
 */
int bk_rim_call(struct bk_rim *rim, json_t *command, uint64_t timeout_ms, json_t **ret_reply);
/* Runs the loop until done(arg) or the time is over (BK_E_TIMEOUT) or bk_rim_interrupt (BK_E_CANCELLED). */
int bk_rim_wait(struct bk_rim *rim, bool (*done)(void *arg), void *arg, uint64_t timeout_ms);
void bk_rim_interrupt(struct bk_rim *rim);

typedef void (*bk_rim_progress)(void *arg, uint64_t done, uint64_t total);
/* Encrypts a file into the store. facts: object or NULL (borrowed). The original is only read. */
int bk_rim_attach(struct bk_rim *rim, const char *path, const char *type, const json_t *facts,
	bk_rim_progress progress, void *arg, bk_id *ret_attachment);
/* Decrypts a fetched file to a new file at path (never over an existing one: BK_E_EXISTS). */
int bk_rim_save(struct bk_rim *rim, bk_id message, unsigned index, const char *path, bk_rim_progress progress,
	void *arg);
/* Changes the passphrase of the open store. BK_E_PASSPHRASE. */
int bk_rim_passphrase(struct bk_rim *rim, const char *old, const char *fresh);


/* rim_lock.c. Events "locked", "unlocked", "wiped". */
#define BK_PIN_MIN 6u /* bytes */
void bk_rim_lock(struct bk_rim *rim);
bool bk_rim_locked(const struct bk_rim *rim);
/* With either PIN. Connects again when it was connected. BK_E_PASSPHRASE, BK_E_RATE (bk_rim_wait_ms). */
int bk_rim_unlock(struct bk_rim *rim, const char *pin);
uint64_t bk_rim_wait_ms(const struct bk_rim *rim); /* until the next try */
/* A new one in place of `pin`, or (second) beside it; fresh NULL takes the one beside it away. seal.h. */
int bk_rim_pin_set(struct bk_rim *rim, const char *pin, const char *fresh, bool second);
/* Destroys the keys, then the rest; works locked too. The rim is then only to be closed. */
void bk_rim_wipe(struct bk_rim *rim);
int bk_rim_wipe_folder(const char *dir); /* the same for a folder that is not open here */

#endif
