/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Random ops in random batches, from a fixed seed (BAKEN_SEED: another), against a model that is a plain list: after each
 * batch every table agrees with every other, and each device waits for exactly what the list says (lessons M5 to
 * M8, M16). Some batches fail; the list then stays as it was.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "err.h"
#include "kv_fault.h"
#include "store_box.h"
#include "store_in.h"

#define BATCHES 250u
#define BATCH_MAX 8u
#define DEVICES 5u
#define WAITING_MAX 4096u
#define MESSAGES 200u
#define FIRST_MESSAGE 0xa000u

struct waiting {
	unsigned device;
	uint64_t seq;
	bk_ms stored_ms;
	unsigned nacks;
};

/* One op with room for what it points to. */
struct slot {
	struct bk_op op;
	struct bk_op_capsule capsules[4];
	bk_hash file;
	uint64_t seqs[3];
	unsigned device, message;
};

static const unsigned devices[DEVICES] = {BK_BOX_VAULT, BK_BOX_OFFICER, BK_BOX_LEAD, BK_BOX_PHONE, BK_BOX_TABLET};
static const uint8_t capsule[BK_CAPSULE_BYTES];
static const char *const bodies[] = {"first body", "second, longer body", "third"};

static struct bk_store_box box;
static struct waiting model[WAITING_MAX];
static size_t n_model;
static uint64_t highest[DEVICES]; /* M7: numbers only grow */
static uint64_t seed = 20261124;
static unsigned tried[BK_OP_KINDS], accepted[BK_OP_KINDS], dead;
/* Which messages are known, since when, and whom they were given to. */
static struct known {
	bool is;
	bk_ms stored_ms;
	bool served[DEVICES];
} known[MESSAGES];

static unsigned draw(unsigned below)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(seed >> 33) % below;
}

static int setup(void **state)
{
	const char *other = getenv("BAKEN_SEED");

	(void)state;
	seed = other ? strtoull(other, NULL, 10) : seed;
	memset(&box, 0, sizeof box);
	box.o.queue_max = 12;
	box.o.outbox_ms = 20 * BK_SAMPLE_DAY;
	box.o.dedupe_ms = 12 * BK_SAMPLE_DAY;
	bk_store_box_realm(&box, "random");
	box.store->bounds.fresh = 16;
	for (unsigned i = 0; i < DEVICES; i++)
		assert_int_equal(bk_store_box_prekeys(&box, devices[i], 1, 100, 1, false, NULL), 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	bk_kv_fault_set(NULL, NULL);
	bk_store_box_close(&box);
	return 0;
}

/* ---- making ops ---- */

static void make_submit(struct slot *s)
{
	const char *body = bodies[draw(3)];

	s->op.kind = BK_OP_SUBMIT;
	s->message = draw(MESSAGES);
	s->op.submit.message = bk_sample_id(FIRST_MESSAGE + s->message);
	s->op.submit.class = (Baken__Class)(BAKEN__CLASS__CLASS_ALARM + draw(4));
	s->op.submit.body = (struct bk_bytes){(const uint8_t *)body, strlen(body)};
	s->op.submit.body_hash = bk_hash_of(body, strlen(body));
	s->op.submit.keep_body = draw(2);
	s->op.submit.sender = bk_sample_id(BK_BOX_PHONE);
	s->op.submit.capsules = s->capsules;
	s->op.submit.n_capsules = 1 + draw(4);
	for (size_t i = 0; i < s->op.submit.n_capsules; i++)
		s->capsules[i] = (struct bk_op_capsule){
			bk_sample_id(draw(40) ? devices[draw(DEVICES)] : 900), capsule, 0};
	if (draw(4) == 0) {
		s->file = bk_sample_hash(draw(6));
		s->op.submit.files = &s->file;
		s->op.submit.n_files = 1;
	}
}

/* Numbers of its own, of others, and of nobody. */
static void make_ack(struct slot *s)
{
	s->op.kind = BK_OP_ACK;
	s->op.ack.device = bk_sample_id(s->device);
	s->op.ack.seqs = s->seqs;
	s->op.ack.n_seqs = draw(4);
	for (size_t i = 0; i < s->op.ack.n_seqs; i++)
		s->seqs[i] = n_model && draw(8) ? model[draw((unsigned)n_model)].seq : draw(100);
}

static void make_nack(struct slot *s)
{
	const struct waiting *w = n_model ? &model[draw(n_model < 3 ? (unsigned)n_model : 3)] : NULL;

	s->op.kind = BK_OP_NACK;
	if (w && draw(4))
		s->device = w->device;
	s->op.nack.device = bk_sample_id(s->device);
	s->op.nack.seq = w ? w->seq : 9;
}

static void make_file(struct slot *s)
{
	bk_id upload = bk_sample_id(0xb000 + draw(12)), device = bk_sample_id(s->device);

	switch (draw(3)) {
	case 0:
		s->op.kind = BK_OP_FILE_NEW;
		s->op.file_new.upload = upload;
		s->op.file_new.device = device;
		s->op.file_new.size = 1 + draw(100000);
		break;
	case 1:
		s->op.kind = BK_OP_FILE_DONE;
		s->op.file_done.upload = upload;
		s->op.file_done.device = device;
		s->op.file_done.hash = bk_sample_hash(draw(6));
		break;
	default:
		s->op.kind = BK_OP_FILE_DEL;
		s->op.file_del.upload = upload;
		s->op.file_del.device = device;
	}
}

static void make_other(struct slot *s)
{
	static struct bk_bundle bundle;
	static bk_id target;

	switch (draw(4)) {
	case 0:
		s->op.kind = BK_OP_PREKEYS_CLAIM;
		target = bk_sample_id(devices[draw(DEVICES)]);
		s->op.claim_prekeys.claimant = bk_sample_id(s->device);
		s->op.claim_prekeys.devices = &target;
		s->op.claim_prekeys.n_devices = 1;
		s->op.claim_prekeys.bundles = &bundle;
		break;
	case 1:
		s->op.kind = BK_OP_SESSION_PUT;
		s->op.session.session = bk_sample_id(0xc000 + draw(1000));
		s->op.session.device = bk_sample_id(s->device);
		bk_sample_fill(s->op.session.ticket, 32, draw(1u << 30));
		s->op.session.expires_ms = box.now + draw(5) * BK_SAMPLE_DAY;
		break;
	case 2:
		s->op.kind = BK_OP_CLAIM;
		bk_sample_fill(s->op.claim.tag, 32, draw(5));
		s->op.claim.device = bk_sample_id(s->device);
		s->op.claim.verb = (Baken__Claim__Verb)draw(4);
		s->op.claim.until_ms = box.now + BK_LEASE_MS;
		break;
	default:
		s->op.kind = BK_OP_AUDIT;
		s->op.audit.event = "RANDOM";
		s->op.audit.detail = "result=0";
	}
}

static void make(struct slot *s)
{
	unsigned r = draw(16);

	memset(s, 0, sizeof *s);
	s->device = devices[draw(DEVICES)];
	if (r < 7)
		make_submit(s);
	else if (r < 10)
		make_ack(s);
	else if (r < 12)
		make_nack(s);
	else if (r < 14)
		make_file(s);
	else
		make_other(s);
	s->op.now = box.now;
}

/* ---- the model ---- */

static int number_of(bk_id id)
{
	for (unsigned i = 0; i < DEVICES; i++)
		if (bk_id_equal(id, bk_sample_id(devices[i])))
			return (int)i;
	return -1;
}

static struct waiting *find(unsigned device, uint64_t seq)
{
	for (size_t i = 0; i < n_model; i++)
		if (model[i].device == device && model[i].seq == seq)
			return &model[i];
	return NULL;
}

static void forget(struct waiting *w)
{
	if (w)
		*w = model[--n_model];
}

/* Nobody gets a message twice while its id is remembered; an ordinary one reaches all it names. */
static void follow_submit(const struct slot *s, const struct bk_op *op)
{
	struct known *m = &known[s->message];

	assert_int_equal(op->submit.duplicate, m->is);
	if (m->is)
		assert_int_equal(op->submit.stored_ms, m->stored_ms);
	m->stored_ms = op->submit.stored_ms;
	m->is = true;
	for (size_t i = 0; i < op->submit.n_capsules; i++) {
		uint64_t seq = s->capsules[i].seq;
		int n = number_of(s->capsules[i].device);

		if (seq)
			assert_true(n >= 0 && !m->served[n]);
		else
			assert_true(op->submit.class == BAKEN__CLASS__CLASS_ALARM || m->served[n]);
		if (!seq)
			continue;
		assert_true(n_model < WAITING_MAX && seq >> 3 > highest[n] >> 3);
		m->served[n] = true;
		highest[n] = seq;
		model[n_model++] = (struct waiting){devices[n], seq, op->submit.stored_ms, 0};
	}
}

static void follow(const struct slot *s, const struct bk_op *op)
{
	tried[op->kind]++;
	if (op->result)
		return;
	accepted[op->kind]++;
	if (op->kind == BK_OP_SUBMIT) {
		follow_submit(s, op);
	} else if (op->kind == BK_OP_ACK) {
		for (size_t i = 0; i < op->ack.n_seqs; i++)
			forget(find(s->device, s->seqs[i]));
	} else if (op->kind == BK_OP_NACK) {
		struct waiting *w = find(s->device, op->nack.seq);

		assert_non_null(w);
		assert_int_equal(op->nack.dead, ++w->nacks == BK_DELIVER_ATTEMPTS);
		if (op->nack.dead) {
			forget(w);
			dead++;
		}
	}
}

static int see(void *arg, const struct bk_delivery_row *row)
{
	unsigned device = *(unsigned *)arg;
	const struct waiting *w = find(device, row->seq);

	assert_non_null(w);
	assert_int_equal(w->nacks, row->attempts);
	assert_true(bk_hash_equal(bk_hash_of(row->body.data, row->body.len), row->body_hash));
	return 0;
}

static void compare(void)
{
	struct bk_store_view *v = bk_store_box_view(&box);

	assert_int_equal(bk_store_check(v), 0);
	for (unsigned i = 0; i < DEVICES; i++) {
		struct bk_delivery_pos pos = {0};
		struct bk_device_row row;
		unsigned device = devices[i];
		size_t n = 0;

		for (size_t k = 0; k < n_model; k++)
			n += model[k].device == device;
		assert_int_equal(bk_store_deliveries(v, bk_sample_id(device), &pos, 1000, see, &device), 0);
		assert_int_equal(bk_store_device(v, bk_sample_id(device), &row), 0);
		assert_int_equal(row.queued, n);
	}
	bk_store_view_end(v);
}

/* ---- playing ---- */

static int fail_commit(void *arg, enum bk_kv_fault_point point)
{
	(void)arg;
	return point == BK_KV_FAULT_COMMIT ? BK_E_FULL : 0;
}

static void play_batch(void)
{
	static struct slot slots[BATCH_MAX];
	struct bk_op ops[BATCH_MAX];
	size_t n = 1 + draw(BATCH_MAX);
	bool fails = draw(12) == 0;
	int err;

	for (size_t i = 0; i < n; i++) {
		make(&slots[i]);
		ops[i] = slots[i].op;
	}
	bk_kv_fault_set(fails ? fail_commit : NULL, NULL);
	err = bk_store_commit(box.store, ops, n);
	bk_kv_fault_set(NULL, NULL);
	assert_int_equal(err, fails ? BK_E_FULL : 0);
	for (size_t i = 0; i < n; i++) {
		if (!fails)
			follow(&slots[i], &ops[i]);
		assert_int_not_equal(ops[i].result, BK_E_CORRUPT);
		if (ops[i].kind == BK_OP_SUBMIT)
			free(ops[i].submit.full);
	}
}

static void let_time_pass(void)
{
	box.now += draw(9) * BK_SAMPLE_DAY;
	bk_store_box_expire(&box);
	for (size_t i = 0; i < n_model;) {
		if (box.now - model[i].stored_ms > box.o.outbox_ms)
			forget(&model[i]);
		else
			i++;
	}
	for (size_t i = 0; i < MESSAGES; i++)
		if (known[i].is && box.now - known[i].stored_ms > box.o.dedupe_ms)
			memset(&known[i], 0, sizeof known[i]);
}

static void random_ops(void **state)
{
	(void)state;
	for (unsigned i = 0; i < BATCHES; i++) {
		play_batch();
		if (draw(20) == 0)
			let_time_pass();
		if (draw(40) == 0) {
			assert_int_equal(bk_store_box_reopen(&box), 0);
			box.store->bounds.fresh = 16;
		}
		compare();
	}
	if (getenv("BAKEN_SEED")) /* of which nobody knows what it tries */
		return;
	assert_true(dead > 0);
	for (int kind = 0; kind < (int)BK_OP_KINDS; kind++) /* what is played at all was also accepted */
		assert_true(tried[kind] == 0 || accepted[kind] > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test_setup_teardown(random_ops, setup, teardown)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
