/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Every table has an end for its rows (lesson M7): one millisecond before it they stay, after it they go. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "err.h"
#include "kv_fault.h"
#include "store_box.h"
#include "store_in.h"

#define NORMAL BAKEN__CLASS__CLASS_NORMAL
#define DAY BK_SAMPLE_DAY

static struct bk_store_box box;

static int setup(void **state)
{
	(void)state;
	memset(&box, 0, sizeof box);
	bk_store_box_realm(&box, "expire");
	return 0;
}

static int teardown(void **state)
{
	int err;

	(void)state;
	bk_kv_fault_set(NULL, NULL);
	err = bk_store_box_check(&box);
	bk_store_box_close(&box);
	return err;
}

static uint64_t rows(enum bk_table table)
{
	return bk_store_box_rows(&box, (int)table);
}

/* At `age` after `from` the table still has n rows; a millisecond later it has none. */
static void expect_end(enum bk_table table, uint64_t n, bk_ms from, bk_ms age)
{
	box.now = from + age;
	bk_store_box_expire(&box);
	assert_int_equal(rows(table), n);
	box.now++;
	bk_store_box_expire(&box);
	assert_int_equal(rows(table), 0);
	assert_int_equal(bk_store_box_check(&box), 0);
}

static void dedupe_ends(void **state)
{
	uint64_t seqs[2];

	(void)state;
	box.store->bounds.fresh = 2; /* the first of two goes over */
	for (unsigned i = 0; i < 2; i++)
		seqs[i] = bk_store_box_send(&box, i + 1, NORMAL, BK_BOX_PHONE);
	assert_int_equal(rows(BK_T_FRESH), 1);
	expect_end(BK_T_DEDUPE, 1, box.now, 30 * DAY);
	assert_int_equal(rows(BK_T_FRESH), 0);
	assert_int_equal(rows(BK_T_OUTBOX), 2); /* the messages themselves wait on */
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(bk_store_box_ack(&box, BK_BOX_PHONE, seqs[i], NULL), 0);
	assert_int_equal(rows(BK_T_BODY), 0);
}

static void queue_ends_with_its_bodies(void **state)
{
	const unsigned to[] = {BK_BOX_PHONE, BK_BOX_TABLET};
	struct bk_box_message m = {.number = 1, .to = to, .n_to = 2}, late = {.number = 2, .to = to, .n_to = 1};
	bk_ms from = box.now;

	(void)state;
	assert_int_equal(bk_store_box_submit(&box, &m), 0);
	box.now += 1000;
	assert_int_equal(bk_store_box_submit(&box, &late), 0);
	box.now = from + 90 * DAY + 1;
	bk_store_box_expire(&box);
	assert_int_equal(rows(BK_T_OUTBOX), 1); /* the later one */
	assert_int_equal(bk_store_box_device(&box, BK_BOX_PHONE).queued, 1);
	assert_int_equal(bk_store_box_device(&box, BK_BOX_TABLET).queued, 0);
	assert_int_equal(bk_store_box_stats(&box).queued_bytes, 100 + BK_CAPSULE_BYTES);
	expect_end(BK_T_OUTBOX, 1, from + 1000, 90 * DAY);
	assert_int_equal(rows(BK_T_BODY), 0);
	assert_int_equal(rows(BK_T_REFS), 0);
	assert_int_equal(bk_store_box_stats(&box).queued_bytes, 0);
	assert_true(bk_store_box_send(&box, 3, NORMAL, BK_BOX_PHONE) > late.seqs[0]); /* M7 */
}

static void kept_bodies_end(void **state)
{
	const unsigned to[] = {BK_BOX_VAULT};
	struct bk_box_message m = {.number = 1, .to = to, .n_to = 1, .keep = true};
	bk_ms from = box.now;

	(void)state;
	assert_int_equal(bk_store_box_submit(&box, &m), 0);
	assert_int_equal(bk_store_box_ack(&box, BK_BOX_VAULT, m.seqs[0], NULL), 0);
	expect_end(BK_T_BODY, 1, from, 365 * DAY);
}

/* A body that is still waited for stays, whatever its age. */
static void waited_for_bodies_stay(void **state)
{
	const unsigned to[] = {BK_BOX_VAULT};
	struct bk_box_message m = {.number = 1, .to = to, .n_to = 1, .keep = true};

	(void)state;
	bk_store_box_close(&box);
	box.o.body_ms = DAY;
	box.o.outbox_ms = 30 * DAY;
	bk_store_box_realm(&box, "expire");
	assert_int_equal(bk_store_box_submit(&box, &m), 0);
	box.now += 2 * DAY;
	bk_store_box_expire(&box);
	assert_int_equal(rows(BK_T_BODY), 1);
	assert_int_equal(bk_store_box_ack(&box, BK_BOX_VAULT, m.seqs[0], NULL), 0);
	bk_store_box_expire(&box);
	assert_int_equal(rows(BK_T_BODY), 0);
}

static void files_end(void **state)
{
	const unsigned to[] = {BK_BOX_VAULT};
	const bk_hash file = bk_sample_hash(1);
	struct bk_box_message m = {.number = 1, .to = to, .n_to = 1, .files = &file, .n_files = 1};
	bk_ms from = box.now;

	(void)state;
	for (unsigned i = 1; i <= 3; i++)
		assert_int_equal(bk_store_box_upload(&box, BK_BOX_PHONE, i, 5000), 0);
	for (unsigned i = 1; i <= 2; i++) /* the third is never finished */
		assert_int_equal(bk_store_box_complete(&box, BK_BOX_PHONE, i, i), 0);
	assert_int_equal(bk_store_box_submit(&box, &m), 0); /* names the first */
	box.now = from + 7 * DAY;
	assert_int_equal(bk_store_box_expire(&box), 0);
	assert_int_equal(rows(BK_T_UPLOAD), 3);
	box.now++;
	assert_int_equal(bk_store_box_expire(&box), 1); /* the second: to be unlinked */
	assert_int_equal(rows(BK_T_UPLOAD), 1);
	assert_int_equal(rows(BK_T_FILE), 1);
	/* Named again: its year begins again. */
	m.number = 2;
	box.now = from + 300 * DAY;
	assert_int_equal(bk_store_box_submit(&box, &m), 0);
	expect_end(BK_T_FILE, 1, from + 300 * DAY, 365 * DAY);
	assert_int_equal(rows(BK_T_UPLOAD), 0);
	assert_int_equal(rows(BK_T_OPEN), 0);
}

static void sessions_and_tickets_end(void **state)
{
	(void)state;
	assert_int_equal(bk_store_box_login(&box, BK_BOX_PHONE, 1, 0), 0);
	assert_int_equal(rows(BK_T_TICKET), 1);
	expect_end(BK_T_SESSION, 1, box.now, DAY - 1);
	assert_int_equal(rows(BK_T_TICKET), 0);
	assert_int_equal(bk_store_box_login(&box, BK_BOX_PHONE, 2, 0), 0);
}

static int enrol(unsigned number)
{
	struct bk_op op = {.kind = BK_OP_INVITE_ENROL};

	op.enrol.invite = bk_sample_id(9000 + number);
	op.enrol.enrol = (struct bk_bytes){(const uint8_t *)"keys", 4};
	return bk_store_box_do(&box, &op);
}

/* Open ones at their end; used ones a month after, so that the device can fetch what was decided. */
static void invitations_end(void **state)
{
	bk_ms from = box.now;

	(void)state;
	assert_int_equal(bk_store_box_invite(&box, 1), 0);
	assert_int_equal(bk_store_box_invite(&box, 2), 0);
	box.now += 1000;
	assert_int_equal(enrol(2), 0);
	box.now = from + DAY / 24 - 1;
	bk_store_box_expire(&box);
	assert_int_equal(rows(BK_T_INVITE), 2);
	box.now++;
	bk_store_box_expire(&box);
	assert_int_equal(rows(BK_T_INVITE), 1);
	expect_end(BK_T_INVITE, 1, from + 1000, 30 * DAY);
}

static void claims_end(void **state)
{
	(void)state;
	assert_int_equal(bk_store_box_claim(&box, BK_BOX_OFFICER, 1, BAKEN__CLAIM__VERB__TAKE, NULL), 0);
	expect_end(BK_T_CLAIM, 1, box.now, BK_LEASE_MS - 1);
}

/* M4, M8: the server issues no key that its device may have thrown away (120 days). */
static void prekeys_end(void **state)
{
	struct bk_bundle b;

	(void)state;
	assert_int_equal(bk_store_box_prekeys(&box, BK_BOX_PHONE, 1, 5, 1, false, NULL), 0);
	expect_end(BK_T_PREKEY, 5, box.now, BK_PREKEY_SERVER_AGE_MS);
	assert_int_equal(rows(BK_T_PREKEYS), 1);
	assert_int_equal(bk_store_box_claim_prekey(&box, BK_BOX_OFFICER, BK_BOX_PHONE, &b), 0);
	assert_true(b.present && !b.one_time);
	assert_int_equal(bk_store_box_prekeys(&box, BK_BOX_PHONE, 5, 1, 0, false, NULL), BK_E_DUPLICATE);
}

static int bury(unsigned number)
{
	struct bk_op op = {.kind = BK_OP_NACK};
	int err = 0;

	op.nack.device = bk_sample_id(BK_BOX_PHONE);
	op.nack.seq = bk_store_box_send(&box, number, NORMAL, BK_BOX_PHONE);
	for (unsigned i = 0; !err && i < BK_DELIVER_ATTEMPTS; i++)
		err = bk_store_box_do(&box, &op);
	assert_true(op.nack.dead);
	assert_true(bk_id_equal(op.nack.sender, bk_sample_id(BK_BOX_PHONE)));
	return err;
}

/* M16: and when their table is full the sender is still told. */
static void dead_letters_end_and_are_bounded(void **state)
{
	(void)state;
	box.store->bounds.dead = 2;
	for (unsigned i = 1; i <= 3; i++)
		assert_int_equal(bury(i), 0);
	assert_int_equal(rows(BK_T_DEAD), 2);
	assert_int_equal(rows(BK_T_OUTBOX), 0);
	expect_end(BK_T_DEAD, 2, box.now, BK_STORE_DEAD_KEPT_MS);
}

/* ---- the walk ---- */

static size_t steps(void)
{
	bool more = true;
	size_t n = 0;

	for (; more; n++)
		assert_int_equal(bk_store_expire(box.store, box.now, NULL, NULL, &more), 0);
	return n;
}

/* One step takes at most 256 rows: the writer is never held up for long. */
static void steps_are_bounded(void **state)
{
	bool more = true;

	(void)state;
	for (unsigned i = 0; i < 600; i++)
		assert_int_not_equal(bk_store_box_send(&box, i, NORMAL, BK_BOX_PHONE), 0);
	box.now += 91 * DAY;
	for (unsigned left = 600; left > 0;) {
		uint64_t before = rows(BK_T_FRESH);

		assert_int_equal(bk_store_expire(box.store, box.now, NULL, NULL, &more), 0);
		assert_true(more);
		assert_true(before - rows(BK_T_FRESH) <= 256);
		left = (unsigned)rows(BK_T_FRESH);
	}
	steps();
	assert_int_equal(rows(BK_T_OUTBOX), 0);
	assert_true(steps() < 20); /* nothing left to do: one look at each table */
}

static int fail_commit(void *arg, enum bk_kv_fault_point point)
{
	(void)arg;
	return point == BK_KV_FAULT_COMMIT ? BK_E_FULL : 0;
}

/* A step that cannot be committed changes nothing and tells nobody to unlink; the next round does it. */
static void failing_step_is_repeated(void **state)
{
	bool more = true;
	unsigned failed = 0;

	(void)state;
	assert_int_not_equal(bk_store_box_send(&box, 1, NORMAL, BK_BOX_PHONE), 0);
	box.now += 91 * DAY;
	bk_kv_fault_set(fail_commit, NULL);
	for (unsigned i = 0; i < 30; i++)
		failed += bk_store_expire(box.store, box.now, NULL, NULL, &more) == BK_E_FULL;
	assert_true(failed >= 2);
	assert_int_equal(rows(BK_T_OUTBOX), 1);
	assert_int_equal(bk_store_box_stats(&box).queued_bytes, 100 + BK_CAPSULE_BYTES);
	bk_kv_fault_set(NULL, NULL);
	bk_store_box_expire(&box);
	bk_store_box_expire(&box);
	assert_int_equal(rows(BK_T_OUTBOX), 0);
	assert_int_equal(rows(BK_T_FRESH), 0);
}

/* A clock that stands before what is stored (set back, or wrong at boot) ends nothing. */
static void clock_set_back_ends_nothing(void **state)
{
	(void)state;
	assert_int_not_equal(bk_store_box_send(&box, 1, NORMAL, BK_BOX_PHONE), 0);
	assert_int_equal(bk_store_box_prekeys(&box, BK_BOX_PHONE, 1, 5, 1, false, NULL), 0);
	box.now = 1;
	bk_store_box_expire(&box);
	assert_int_equal(rows(BK_T_OUTBOX), 1);
	assert_int_equal(rows(BK_T_FRESH), 1);
	assert_int_equal(rows(BK_T_PREKEY), 5);
	box.now = BK_SAMPLE_NOW;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(dedupe_ends, setup, teardown),
		cmocka_unit_test_setup_teardown(queue_ends_with_its_bodies, setup, teardown),
		cmocka_unit_test_setup_teardown(kept_bodies_end, setup, teardown),
		cmocka_unit_test_setup_teardown(waited_for_bodies_stay, setup, teardown),
		cmocka_unit_test_setup_teardown(files_end, setup, teardown),
		cmocka_unit_test_setup_teardown(sessions_and_tickets_end, setup, teardown),
		cmocka_unit_test_setup_teardown(invitations_end, setup, teardown),
		cmocka_unit_test_setup_teardown(claims_end, setup, teardown),
		cmocka_unit_test_setup_teardown(prekeys_end, setup, teardown),
		cmocka_unit_test_setup_teardown(dead_letters_end_and_are_bounded, setup, teardown),
		cmocka_unit_test_setup_teardown(steps_are_bounded, setup, teardown),
		cmocka_unit_test_setup_teardown(failing_step_is_repeated, setup, teardown),
		cmocka_unit_test_setup_teardown(clock_set_back_ends_nothing, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
