/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "writer.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sodium.h>

#include "crashpoint.h"
#include "err.h"

struct list {
	struct bk_job *head, **tail;
};

struct bk_writer {
	struct bk_server *server;
	struct bk_store *store;
	uint8_t secret[BK_ED25519_SECRET_BYTES];
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	uv_async_t async;
	/* under the lock */
	struct list alarms, others, finished;
	bool stop;
	struct bk_writer_stats stats;
	/* loop thread */
	size_t waiting;
	bool was_high, stopped;
	void (*outcome)(struct bk_server *s, const struct bk_job *job);
	void (*low)(struct bk_server *s);
	void (*round)(struct bk_server *s);
	/* writer thread */
	struct bk_op ops[BK_WRITER_BATCH];
	struct bk_job *jobs[BK_WRITER_BATCH];
	struct bk_receipt_leaf leaves[BK_WRITER_BATCH];
	struct bk_receipt receipts[BK_WRITER_BATCH];
	size_t owner_of_leaf[BK_WRITER_BATCH];
};

static void list_init(struct list *l)
{
	l->head = NULL;
	l->tail = &l->head;
}

static void list_add(struct list *l, struct bk_job *j)
{
	j->next = NULL;
	*l->tail = j;
	l->tail = &j->next;
}

static struct bk_job *list_take(struct list *l)
{
	struct bk_job *j = l->head;

	if (!j)
		return NULL;
	l->head = j->next;
	if (!l->head)
		l->tail = &l->head;
	return j;
}

struct bk_job *bk_job_new(enum bk_op_kind kind, size_t extra)
{
	struct bk_job *j = calloc(1, sizeof *j + extra);

	if (!j)
		return NULL;
	j->op.kind = kind;
	j->bytes = sizeof *j + extra;
	return j;
}

void *bk_job_extra(struct bk_job *job)
{
	return job + 1;
}

/* What the store hands out in an op is malloc'd: freed with the job. */
void bk_job_free(struct bk_job *job)
{
	if (!job)
		return;
	if (job->op.kind == BK_OP_ROSTER_PUT)
		free(job->op.roster.revoked);
	else if (job->op.kind == BK_OP_SUBMIT)
		free(job->op.submit.full);
	else if (job->op.kind == BK_OP_SESSION_PUT)
		sodium_memzero(&job->op.session, sizeof job->op.session);
	if (job->free_more && job->more)
		job->free_more(job->more);
	else
		free(job->more);
	free(job);
}

/* With the lock held: alarms first; a group is never split. */
static size_t take_batch(struct bk_writer *w)
{
	size_t n = 0, bytes = 0;
	struct list *sources[] = {&w->alarms, &w->others};

	for (size_t i = 0; i < 2; i++) {
		bool group = false;

		while (n < BK_WRITER_BATCH && sources[i]->head && (group || bytes < BK_WRITER_BATCH_BYTES)) {
			struct bk_job *j = sources[i]->head;

			if (j->task && n)
				return n;
			if (!group && j->with_next && n > BK_WRITER_BATCH - BK_WRITER_GROUP_MAX)
				return n;
			list_take(sources[i]);
			group = j->with_next;
			bytes += j->bytes;
			w->jobs[n++] = j;
			if (j->task)
				return n;
		}
	}
	return n;
}

/* One signature for all messages of the commit. */
static void sign_receipts(struct bk_writer *w, size_t n)
{
	size_t leaves = 0;
	int err;

	for (size_t i = 0; i < n; i++) {
		const struct bk_op *op = &w->ops[i];

		if (op->kind != BK_OP_SUBMIT || op->result != 0)
			continue;
		w->leaves[leaves] = (struct bk_receipt_leaf){op->submit.message, op->submit.body_hash, op->submit.stored_ms};
		w->owner_of_leaf[leaves++] = i;
	}
	if (!leaves)
		return;
	err = bk_receipt_sign(w->leaves, leaves, w->secret, w->receipts);
	for (size_t k = 0; k < leaves; k++) {
		struct bk_job *j = w->jobs[w->owner_of_leaf[k]];

		if (err)
			j->err = err; /* stored but without proof: the sender repeats and gets one */
		else
			j->receipt = w->receipts[k];
	}
}

static uint64_t commit_batch(struct bk_writer *w, size_t n)
{
	uint64_t began = uv_hrtime();
	int err;

	if (w->jobs[0]->task) {
		w->jobs[0]->err = w->jobs[0]->task(w->store, w->jobs[0]);
		return (uv_hrtime() - began) / 1000;
	}
	for (size_t i = 0; i < n; i++)
		w->ops[i] = w->jobs[i]->op;
	BK_CRASH_POINT("server-before-commit");
	err = bk_store_commit(w->store, w->ops, n);
	BK_CRASH_POINT("server-after-commit");
	for (size_t i = 0; i < n; i++) {
		w->jobs[i]->err = err;
		w->jobs[i]->op = w->ops[i];
	}
	if (!err)
		sign_receipts(w, n);
	return (uv_hrtime() - began) / 1000;
}

static void *run(void *arg)
{
	struct bk_writer *w = arg;

	pthread_mutex_lock(&w->lock);
	for (;;) {
		size_t n = take_batch(w);
		uint64_t us;

		if (!n) {
			if (w->stop)
				break;
			pthread_cond_wait(&w->wake, &w->lock);
			continue;
		}
		pthread_mutex_unlock(&w->lock);
		us = commit_batch(w, n);
		pthread_mutex_lock(&w->lock);
		for (size_t i = 0; i < n; i++)
			list_add(&w->finished, w->jobs[i]);
		w->stats.commits++;
		w->stats.records += n;
		w->stats.failed += w->jobs[0]->err != 0;
		w->stats.commit_us_sum += us;
		if (us > w->stats.commit_us_max)
			w->stats.commit_us_max = us;
		uv_async_send(&w->async);
	}
	pthread_mutex_unlock(&w->lock);
	return NULL;
}

static void end_job(struct bk_writer *w, struct bk_job *j)
{
	if (w->outcome)
		w->outcome(w->server, j);
	if (j->done)
		j->done(w->server, j);
	else
		bk_job_free(j);
}

static void finish(struct bk_writer *w)
{
	struct list mine;
	struct bk_job *j;

	pthread_mutex_lock(&w->lock);
	mine = w->finished;
	if (!mine.head)
		list_init(&mine);
	list_init(&w->finished);
	pthread_mutex_unlock(&w->lock);
	if (!mine.head)
		return;
	while ((j = list_take(&mine))) {
		w->waiting--;
		end_job(w, j);
	}
	if (w->round)
		w->round(w->server);
	if (w->was_high && w->waiting < BK_WRITER_LOW) {
		w->was_high = false;
		if (w->low)
			w->low(w->server);
	}
}

static void on_async(uv_async_t *a)
{
	finish(a->data);
}

/* The thread takes no signals: they are the loop's. */
static int start_thread(struct bk_writer *w)
{
	sigset_t all, old;
	int err;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	err = pthread_create(&w->thread, NULL, run, w);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return err ? BK_E_NOMEM : 0;
}

int bk_writer_start(struct bk_server *s, uv_loop_t *loop, struct bk_store *store, const uint8_t receipt_secret[64],
	struct bk_writer **ret_writer)
{
	struct bk_writer *w = calloc(1, sizeof *w);
	int err;

	if (!w)
		return BK_E_NOMEM;
	w->server = s;
	w->store = store;
	memcpy(w->secret, receipt_secret, sizeof w->secret);
	list_init(&w->alarms);
	list_init(&w->others);
	list_init(&w->finished);
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->wake, NULL);
	w->async.data = w;
	err = uv_async_init(loop, &w->async, on_async);
	if (!err)
		err = start_thread(w);
	if (err) {
		free(w);
		return err < 0 && err > -10000 ? BK_E_IO : err;
	}
	*ret_writer = w;
	return 0;
}

static void cancel(struct bk_writer *w, struct bk_job *list)
{
	while (list) {
		struct bk_job *next = list->next;

		list->err = BK_E_CANCELLED;
		end_job(w, list);
		list = next;
	}
}

void bk_writer_push(struct bk_writer *w, struct bk_job *list)
{
	bool idle;

	if (w->stopped) {
		cancel(w, list);
		return;
	}
	pthread_mutex_lock(&w->lock);
	idle = !w->alarms.head && !w->others.head;
	while (list) {
		struct bk_job *next = list->next;

		list_add(list->first ? &w->alarms : &w->others, list);
		w->waiting++;
		list = next;
	}
	if (idle)
		pthread_cond_signal(&w->wake);
	pthread_mutex_unlock(&w->lock);
	if (w->waiting > BK_WRITER_HIGH)
		w->was_high = true;
}

size_t bk_writer_waiting(const struct bk_writer *w)
{
	return w->waiting;
}

void bk_writer_on_low(struct bk_writer *w, void (*low)(struct bk_server *s))
{
	w->low = low;
}

void bk_writer_on_outcome(struct bk_writer *w, void (*outcome)(struct bk_server *s, const struct bk_job *job))
{
	w->outcome = outcome;
}

void bk_writer_on_round(struct bk_writer *w, void (*round)(struct bk_server *s))
{
	w->round = round;
}

void bk_writer_free(struct bk_writer *w)
{
	if (!w)
		return;
	pthread_mutex_destroy(&w->lock);
	pthread_cond_destroy(&w->wake);
	sodium_memzero(w->secret, sizeof w->secret);
	free(w);
}

void bk_writer_stop(struct bk_writer *w)
{
	pthread_mutex_lock(&w->lock);
	w->stop = true;
	pthread_cond_signal(&w->wake);
	pthread_mutex_unlock(&w->lock);
	pthread_join(w->thread, NULL);
	w->stopped = true;
	finish(w);
	uv_close((uv_handle_t *)&w->async, NULL);
}

void bk_writer_stats(struct bk_writer *w, struct bk_writer_stats *ret_stats)
{
	pthread_mutex_lock(&w->lock);
	*ret_stats = w->stats;
	pthread_mutex_unlock(&w->lock);
}
