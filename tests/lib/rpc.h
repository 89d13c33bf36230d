/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A client under test, driven through `baken rpc`: JSON lines in, events out. Events that nobody waited for
 * yet are kept in order, so that a test can wait for them in the order it thinks in.
 *
 * Threads: one. Memory: returned json_t references belong to the caller.
 */
#ifndef BK_RPC_H
#define BK_RPC_H

#include <jansson.h>

#include "proc.h"

struct bk_rpc {
	struct bk_proc proc;
	json_t *events; /* not yet waited for */
	json_int_t next_id;
};

/* Starts PROGRAM --dir DIR --passphrase-file FILE rpc. */
int bk_rpc_start(struct bk_rpc *r, const char *program, const char *dir, const char *passphrase_file,
	const char *const *env, const char *log);
/* Sends (takes the reference), waits for the answer: 0 and "ok", or the named error with *ret_reply the "error". */
int bk_rpc_call(struct bk_rpc *r, json_t *command, uint64_t timeout_ms, json_t **ret_reply);
/* Waits for {"event":name, key:value}; key NULL: any. Takes it out of the kept ones. */
int bk_rpc_wait(struct bk_rpc *r, const char *name, const char *key, const char *value, uint64_t timeout_ms,
	json_t **ret_event);
/* How many kept events have this name (and key = value); reads what is there first. */
size_t bk_rpc_count(struct bk_rpc *r, const char *name, const char *key, const char *value);
void bk_rpc_kill(struct bk_rpc *r);  /* SIGKILL */
int bk_rpc_close(struct bk_rpc *r);  /* end of input, waits; the exit code */
int bk_rpc_err(const char *name);    /* "BK_E_ROLE" -> number; BK_E_INTERNAL when unknown */

#endif
