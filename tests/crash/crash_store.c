/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The server's store killed at every step of its writer: before, within and after each commit, while a store is
 * made, backed up and restored. Afterwards its tables agree, every batch is there whole or not at all, those that
 * were reported are there, and repeating what was not reported changes nothing twice (lessons M1, M7, M13).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "crash_env.h"
#include "err.h"
#include "fault_os.h"
#include "store_box.h"
#include "store_in.h"
#include "tmp.h"

#define BATCHES 6u
#define OPS 6u
#define SKIP 77

/* What the killed process had been told: shared memory, as a client's own disk would be. */
struct told {
	unsigned batches;
	uint64_t seqs[BATCHES + 2][2], audit[BATCHES + 2];
	uint32_t prekey[BATCHES + 2];
};

static struct bk_store_box box;
static struct told *told;
static uint8_t *template;
static size_t template_n;

static int setup_all(void **state)
{
	char file[700];

	(void)state;
	told = mmap(NULL, sizeof *told, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (told == MAP_FAILED)
		return -1;
	bk_store_box_realm(&box, "crash");
	if (bk_store_box_prekeys(&box, BK_BOX_PHONE, 1, 100, 1, false, NULL) != 0)
		return -1;
	bk_store_box_close(&box);
	snprintf(file, sizeof file, "%s/" BK_STORE_FILE, box.path);
	return bk_tmp_read(file, &template, &template_n);
}

static int teardown_all(void **state)
{
	(void)state;
	free(template);
	munmap(told, sizeof *told);
	return 0;
}

static void fresh_copy(void)
{
	char file[700];

	bk_tmp_remove_tree(box.path);
	assert_int_equal(mkdir(box.path, 0700), 0);
	snprintf(file, sizeof file, "%s/" BK_STORE_FILE, box.path);
	assert_int_equal(bk_tmp_write(file, template, template_n), 0);
	memset(told, 0, sizeof *told);
}

/* ---- a batch of everything ---- */

struct batch {
	struct bk_op ops[OPS];
	struct bk_op_capsule desk[2], phone[1];
	uint8_t capsule[BK_CAPSULE_BYTES], body[2][900];
	struct bk_bundle bundle;
	bk_id claimed;
};

static void make_submit(struct batch *b, size_t at, unsigned number, struct bk_op_capsule *capsules, size_t n)
{
	struct bk_op *op = &b->ops[at];

	op->kind = BK_OP_SUBMIT;
	op->submit.message = bk_sample_id(0x7000 + number);
	op->submit.class = BAKEN__CLASS__CLASS_NORMAL;
	bk_sample_fill(b->body[at], sizeof b->body[at], number);
	op->submit.body = (struct bk_bytes){b->body[at], sizeof b->body[at]};
	op->submit.body_hash = bk_hash_of(b->body[at], sizeof b->body[at]);
	op->submit.keep_body = n > 1;
	op->submit.sender = bk_sample_id(BK_BOX_PHONE);
	op->submit.capsules = capsules;
	op->submit.n_capsules = n;
}

static void make_batch(struct batch *b, unsigned i)
{
	memset(b, 0, sizeof *b);
	b->desk[0] = (struct bk_op_capsule){bk_sample_id(BK_BOX_VAULT), b->capsule, 0};
	b->desk[1] = (struct bk_op_capsule){bk_sample_id(BK_BOX_OFFICER), b->capsule, 0};
	b->phone[0] = (struct bk_op_capsule){bk_sample_id(BK_BOX_PHONE), b->capsule, 0};
	make_submit(b, 0, 100 + i, b->desk, 2);
	make_submit(b, 1, 200 + i, b->phone, 1);
	b->ops[2].kind = BK_OP_AUDIT;
	b->ops[2].audit.event = "CRASH-TEST";
	b->ops[2].audit.detail = "result=0";
	b->ops[3].kind = BK_OP_DRILL;
	b->claimed = bk_sample_id(BK_BOX_PHONE);
	b->ops[4].kind = BK_OP_PREKEYS_CLAIM;
	b->ops[4].claim_prekeys.claimant = bk_sample_id(BK_BOX_OFFICER);
	b->ops[4].claim_prekeys.devices = &b->claimed;
	b->ops[4].claim_prekeys.n_devices = 1;
	b->ops[4].claim_prekeys.bundles = &b->bundle;
	b->ops[5].kind = BK_OP_ACK; /* of what the batch before gave the vault */
	b->ops[5].ack.device = bk_sample_id(BK_BOX_VAULT);
	b->ops[5].ack.seqs = &told->seqs[i - 1][0];
	b->ops[5].ack.n_seqs = i > 1;
	for (size_t k = 0; k < OPS; k++)
		b->ops[k].now = BK_SAMPLE_NOW + i;
}

static int run_batch(unsigned i)
{
	static struct batch b;
	int err;

	make_batch(&b, i);
	err = bk_store_commit(box.store, b.ops, OPS);
	for (size_t k = 0; !err && k < OPS; k++)
		err = b.ops[k].result;
	if (err)
		return err;
	told->seqs[i][0] = b.desk[0].seq;
	told->seqs[i][1] = b.phone[0].seq;
	told->audit[i] = b.ops[2].audit.number;
	told->prekey[i] = b.bundle.prekey_id;
	told->batches = i;
	return 0;
}

/* ---- the one who dies ---- */

struct death {
	const char *at;          /* crash point, "name:n" */
	long number;             /* or system call; -1: none */
	int flags;               /* of the descriptor it is made on */
	unsigned after;          /* batches that pass before */
	unsigned fresh;          /* message ids after which the older half goes over; 0: as usual */
};

static int work_until_death(void *arg)
{
	const struct death *d = arg;
	int fd = -1;

	if (d->at) {
		setenv("BAKEN_CRASH_AT", d->at, 1);
		bk_crash_env_install();
	}
	BK_CHILD_CHECK(bk_store_open(&box.o, &box.store) == 0);
	if (d->fresh)
		box.store->bounds.fresh = d->fresh;
	for (unsigned i = 1; i <= BATCHES; i++) {
		char file[700];

		if (!d->at && i == d->after + 1) {
			snprintf(file, sizeof file, "%s/" BK_STORE_FILE, box.path);
			fd = d->flags ? bk_fault_os_fd(file, d->flags) : -1;
			BK_CHILD_CHECK(!d->flags || fd >= 0);
			if (!bk_fault_os_die(d->number, fd))
				return SKIP;
		}
		BK_CHILD_CHECK(run_batch(i) == 0);
	}
	return 0;
}

/* ---- what must be true afterwards ---- */

static unsigned look(void)
{
	unsigned k = (unsigned)bk_store_box_stats(&box).audit;

	assert_int_equal(bk_store_box_check(&box), 0);
	assert_true(k == told->batches || k == told->batches + 1); /* what was told is there; at most one more is */
	assert_int_equal(bk_store_box_device(&box, BK_BOX_OFFICER).queued, k);
	assert_int_equal(bk_store_box_device(&box, BK_BOX_PHONE).queued, k);
	assert_int_equal(bk_store_box_device(&box, BK_BOX_VAULT).queued, k ? 1 : 0);
	assert_int_equal(bk_store_box_stats(&box).dedupe, 2 * k);
	assert_int_equal(bk_store_box_stats(&box).prekeys, 100 - k);
	return k;
}

/* The client repeats what it was not told about: nothing is there twice, and numbers go on. */
static void go_on(unsigned k)
{
	unsigned first = told->batches + 1;
	uint64_t last = told->seqs[told->batches][1], vault = 0;
	struct batch *b = malloc(sizeof *b);

	assert_non_null(b);
	if (k == first) {
		make_batch(b, k);
		assert_int_equal(bk_store_commit(box.store, b->ops, 2), 0); /* the messages alone */
		assert_int_equal(b->ops[0].result, 0);
		assert_true(b->ops[0].submit.duplicate && b->ops[1].submit.duplicate);
		assert_int_equal(b->phone[0].seq, 0);
		assert_int_equal(bk_store_box_device(&box, BK_BOX_PHONE).queued, k);
	}
	make_batch(b, k + 1);
	b->ops[5].ack.n_seqs = 0;
	assert_int_equal(bk_store_commit(box.store, b->ops, OPS), 0);
	assert_false(b->ops[0].submit.duplicate);
	assert_true(b->phone[0].seq > last);
	assert_int_equal(b->ops[2].audit.number, k + 1);
	assert_int_equal(b->bundle.prekey_id, k + 1); /* M8: none twice, none left out */
	vault = b->desk[0].seq;
	assert_int_equal(bk_store_box_ack(&box, BK_BOX_VAULT, vault, NULL), 0);
	assert_int_equal(bk_store_box_check(&box), 0);
	free(b);
}

static void die_and_look(const struct death *d, int how)
{
	unsigned k;
	int code;

	fresh_copy();
	code = bk_fault_os_child(work_until_death, (void *)(uintptr_t)d);
	if (code == SKIP)
		skip();
	assert_int_equal(code, -how);
	assert_int_equal(bk_store_open(&box.o, &box.store), 0);
	k = look();
	go_on(k);
	bk_store_box_close(&box);
}

static void killed_at_each_commit(void **state)
{
	const char *const points[] = {"store-commit", "store-committed"};
	char at[64];

	(void)state;
	for (size_t p = 0; p < 2; p++)
		for (unsigned n = 1; n <= BATCHES; n++) {
			struct death d = {.at = at, .number = -1};

			snprintf(at, sizeof at, "%s:%u", points[p], n);
			die_and_look(&d, SIGKILL);
			assert_int_equal(told->batches, n - 1);
		}
}

/* Between a batch and the message ids that go over after it, each in a commit of its own: all stay known. */
static void killed_while_ids_go_over(void **state)
{
	const char *const points[] = {"store-commit", "store-committed"};
	char at[64];

	(void)state;
	for (size_t p = 0; p < 2; p++)
		for (unsigned n = 2; n <= BATCHES + 2; n++) {
			struct death d = {.at = at, .number = -1, .fresh = 4};

			snprintf(at, sizeof at, "%s:%u", points[p], n);
			die_and_look(&d, SIGKILL);
			assert_true(told->batches < n);
		}
}

/* Inside LMDB's commit: before its pages are written, before they are synced, before the meta page names them. */
static void killed_within_a_commit(void **state)
{
	const struct { long number; int flags; } places[] = {
		{SYS_writev, 0}, {SYS_pwrite64, 0}, {SYS_fdatasync, 0}, {SYS_pwrite64, O_DSYNC}};

	(void)state;
	for (size_t p = 0; p < 4; p++)
		for (unsigned after = 0; after < BATCHES; after += 2) {
			struct death d = {.number = places[p].number, .flags = places[p].flags, .after = after};

			die_and_look(&d, SIGSYS);
			assert_int_equal(told->batches, after);
		}
}

/* ---- making a store ---- */

static int make_until_death(void *arg)
{
	struct bk_store *s = NULL;

	setenv("BAKEN_CRASH_AT", arg, 1);
	bk_crash_env_install();
	bk_store_open(&box.o, &s);
	return 0;
}

static void killed_while_made(void **state)
{
	static const char *const points[] = {"store-commit:1", "store-committed:1", "store-made:1"};

	(void)state;
	for (size_t p = 0; p < 3; p++) {
		bk_tmp_remove_tree(box.path);
		assert_int_equal(bk_fault_os_child(make_until_death, (void *)(uintptr_t)points[p]), -SIGKILL);
		assert_int_equal(bk_store_open(&box.o, &box.store), 0);
		assert_int_equal(bk_store_box_stats(&box).schema, BK_STORE_SCHEMA);
		assert_int_equal(bk_store_box_check(&box), 0);
		bk_store_box_close(&box);
	}
}

/* ---- backup and restore ---- */

static int backup_until_death(void *arg)
{
	setenv("BAKEN_CRASH_AT", arg, 1);
	bk_crash_env_install();
	BK_CHILD_CHECK(bk_store_open(&box.o, &box.store) == 0);
	BK_CHILD_CHECK(bk_store_backup(box.store, bk_tmp_path("backup"), box.now) == 0);
	return 0;
}

static void killed_while_backed_up(void **state)
{
	static char point[] = "store-backup-copied";
	struct bk_store_stats stats;

	(void)state;
	fresh_copy();
	bk_tmp_remove_tree(bk_tmp_path("backup"));
	assert_int_equal(bk_fault_os_child(backup_until_death, point), -SIGKILL);
	assert_int_equal(bk_store_restore(bk_tmp_path("backup"), bk_tmp_path("to"), box.key, box.now, &stats),
		BK_E_INCOMPLETE); /* never taken for a whole one */
	assert_int_equal(bk_store_open(&box.o, &box.store), 0);
	assert_int_equal(look(), 0);
	bk_store_box_close(&box);
}

static int restore_until_death(void *arg)
{
	struct bk_store_stats stats;

	setenv("BAKEN_CRASH_AT", arg, 1);
	bk_crash_env_install();
	return bk_store_restore(bk_tmp_path("backup"), bk_tmp_path("to"), box.key, box.now, &stats) != 0;
}

/* A store that was copied but not marked would give numbers out again: it must not be there to be started. */
static void killed_while_restored(void **state)
{
	static const char *const points[] = {
		"store-restore-copied", "store-commit:1", "store-committed:1", "store-restore-marked"};
	struct bk_store_stats stats;

	(void)state;
	fresh_copy();
	bk_tmp_remove_tree(bk_tmp_path("backup"));
	assert_int_equal(bk_store_open(&box.o, &box.store), 0);
	assert_int_equal(run_batch(1), 0);
	assert_int_equal(bk_store_backup(box.store, bk_tmp_path("backup"), box.now), 0);
	bk_store_box_close(&box);
	for (size_t p = 0; p < 4; p++) {
		struct stat st;

		bk_tmp_remove_tree(bk_tmp_path("to"));
		assert_int_equal(bk_fault_os_child(restore_until_death, (void *)(uintptr_t)points[p]), -SIGKILL);
		assert_int_not_equal(stat(bk_tmp_path("to/" BK_STORE_FILE), &st), 0);
		assert_int_equal(bk_store_restore(bk_tmp_path("backup"), bk_tmp_path("to"), box.key, box.now, &stats), 0);
		assert_int_equal(stats.queued, 3);
		assert_int_not_equal(stat(bk_tmp_path("to/restoring"), &st), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(killed_at_each_commit),
		cmocka_unit_test(killed_while_ids_go_over),
		cmocka_unit_test(killed_within_a_commit),
		cmocka_unit_test(killed_while_made),
		cmocka_unit_test(killed_while_backed_up),
		cmocka_unit_test(killed_while_restored),
	};

	return cmocka_run_group_tests(tests, setup_all, teardown_all);
}
