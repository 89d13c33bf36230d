/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The only writer: one thread that turns everything that arrived while a commit ran into the next commit
 * (natural group commit, no wait timer). Receipts of a commit are signed here, after it is durable.
 *
 * Invariant: a job's `done` runs on the loop thread, once, after its commit is durable or has failed as a whole
 * (job->err). Alarms go first. Jobs pushed as one list are committed together.
 *
 * Threads: push and stop from the loop thread; done on the loop thread. Memory: a job belongs to the writer from
 * push until done, which takes it back.
 */
#ifndef BK_WRITER_H
#define BK_WRITER_H

#include <uv.h>

#include "receipt.h"
#include "store.h"

#define BK_WRITER_BATCH 512u       /* records in one commit; a receipt's tree holds no more (receipt.h) */
#define BK_WRITER_BATCH_BYTES (8u * 1024u * 1024u)
#define BK_WRITER_GROUP_MAX 40u    /* jobs that must share a commit: 16 rosters, a decision, their audit */
#define BK_WRITER_HIGH 4096u       /* jobs waiting: connections are paused above */
#define BK_WRITER_LOW 1024u        /* and resumed below */

struct bk_server;
struct bk_job;
typedef void (*bk_job_done)(struct bk_server *s, struct bk_job *job);

struct bk_job {
	struct bk_job *next;
	bool with_next;     /* in the same commit as its successor in the pushed list */
	bool first;         /* alarms */
	int err;            /* of the commit; 0: look at op.result */
	uint64_t conn;      /* who asked; 0: nobody */
	uint64_t request;
	size_t bytes;
	bk_job_done done;   /* NULL: freed silently */
	int (*task)(struct bk_store *store, struct bk_job *job); /* instead of op: runs alone on the writer thread */
	bool idle; /* a task that writes nothing: its end says nothing of the disk */
	struct bk_op op;
	struct bk_receipt receipt; /* filled for a stored submit */
	void *more;         /* the asker's; freed with the job */
	void (*free_more)(void *more); /* NULL: free() */
	/* what op points to follows here */
};

/* Zeroed job with `extra` bytes behind it (bk_job_extra); NULL without memory. */
struct bk_job *bk_job_new(enum bk_op_kind kind, size_t extra);
void *bk_job_extra(struct bk_job *job);
void bk_job_free(struct bk_job *job);

struct bk_writer;
int bk_writer_start(struct bk_server *s, uv_loop_t *loop, struct bk_store *store, const uint8_t receipt_secret[64],
	struct bk_writer **ret_writer);
/* Takes the list. After bk_writer_stop: done at once, with BK_E_CANCELLED. */
void bk_writer_push(struct bk_writer *w, struct bk_job *list);
size_t bk_writer_waiting(const struct bk_writer *w);
/* Called on the loop thread when waiting fell below BK_WRITER_LOW after having been above BK_WRITER_HIGH. */
void bk_writer_on_low(struct bk_writer *w, void (*low)(struct bk_server *s));
/* Called on the loop thread for each finished job, before its done. */
void bk_writer_on_outcome(struct bk_writer *w, void (*outcome)(struct bk_server *s, const struct bk_job *job));
/* Called on the loop thread after each round of done calls: time to send what was gathered. */
void bk_writer_on_round(struct bk_writer *w, void (*round)(struct bk_server *s));
/* Commits what is waiting, ends the thread, runs the last done calls. Blocks. Run the loop once more, then free. */
void bk_writer_stop(struct bk_writer *w);
void bk_writer_free(struct bk_writer *w); /* NULL: nothing */

struct bk_writer_stats {
	uint64_t commits, records, failed;
	uint64_t commit_us_sum, commit_us_max;
};
void bk_writer_stats(struct bk_writer *w, struct bk_writer_stats *ret_stats);

#endif
