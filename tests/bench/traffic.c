/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "traffic.h"

#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>

#include "err.h"
#include "tmp.h"

#define MAGIC 0x62616b656e2d6269ull

struct stamp { /* first bytes of every body */
	uint64_t magic, number, at_ns;
};

static void copy_tree(const char *from, const char *to)
{
	const char *argv[] = {"cp", "-a", "--sparse=always", from, to, NULL};

	bk_tmp_remove_tree(to);
	BK_ASSERT(bk_proc_run(argv, NULL, NULL, 60000, NULL) == 0);
}

static const char *in_dir(const struct bk_traffic *t, const char *name)
{
	static char path[2][600];
	static unsigned turn;
	char *p = path[turn++ % 2];

	snprintf(p, sizeof path[0], "%s/%s", t->realm.dir, name);
	return p;
}

void bk_traffic_init(struct bk_traffic *t, uint32_t officers, uint32_t persons)
{
	uint32_t desk;

	memset(t, 0, sizeof *t);
	bk_realm_init(&t->realm, bk_tmp_path("realm"), 1);
	desk = bk_realm_circle(&t->realm, BAKEN__CIRCLE_KIND__CIRCLE_DESK, BK_REALM_NONE, BK_REALM_NONE);
	for (uint32_t i = 0; i < officers; i++)
		bk_realm_device(&t->realm, desk, BAKEN__ROLE__ROLE_OFFICER);
	for (uint32_t i = 0; i < persons; i++) {
		uint32_t c = bk_realm_circle(&t->realm, BAKEN__CIRCLE_KIND__CIRCLE_PERSON, desk, BK_REALM_NONE);

		bk_realm_device(&t->realm, c, BAKEN__ROLE__ROLE_PERSON);
	}
	bk_realm_make(&t->realm);
	t->officers = officers;
	t->persons = persons;
	copy_tree(in_dir(t, "data"), in_dir(t, "made"));
}

void bk_traffic_done(struct bk_traffic *t)
{
	free(t->seen);
	bk_realm_done(&t->realm);
}

void bk_traffic_start(struct bk_traffic *t)
{
	int err;

	copy_tree(in_dir(t, "made"), in_dir(t, "data"));
	t->sent = t->stored = t->received = t->acked = t->n_seen = t->duplicates = 0;
	memset(&t->ack, 0, sizeof t->ack);
	memset(&t->end_to_end, 0, sizeof t->end_to_end);
	t->measuring = false;
	err = bk_realm_start(&t->realm, NULL);
	if (err)
		fprintf(stderr, "bakend did not start: %s; see %s\n", bk_err_name(err), t->realm.log);
	BK_ASSERT(err == 0);
}

void bk_traffic_stop(struct bk_traffic *t)
{
	BK_ASSERT(bk_realm_stop(&t->realm) == 0);
}

void bk_traffic_remember(struct bk_traffic *t, uint64_t n)
{
	free(t->seen);
	t->seen = calloc(1, n);
	BK_ASSERT(t->seen);
	t->n_seen = n;
}

/* ---- out ---- */

void bk_traffic_submit(struct bk_traffic *t, struct bk_load_conn *c, uint32_t person)
{
	static uint8_t body[BK_TRAFFIC_BODY];
	struct bk_wire_target target = bk_realm_target(&t->realm, 1 + person);
	struct stamp s = {MAGIC, t->sent, bk_figures_ns()};
	struct bk_wire_message m = {.body = body, .body_len = sizeof body, .targets = &target, .n_targets = 1,
		.devices = &t->realm.devices[t->officers + person].device, .n_devices = 1};

	memcpy(body, &s, sizeof s);
	SHA256(body, sizeof body, m.body_hash.b); /* a library that uses the processor's own instructions */
	memcpy(m.id.b, m.body_hash.b, BK_ID_BYTES);
	c->sent_ns = s.at_ns;
	bk_wire_submit(&c->line, &m, &c->load->frame);
	bk_load_send(c);
	t->sent++;
}

/* ---- in ---- */

static void refused(const Baken__Frame *f)
{
	fprintf(stderr, "the server refused: %s\n", f->error->name);
	BK_ASSERT(f->kind_case != BAKEN__FRAME__KIND_ERROR);
}

size_t bk_traffic_stored(struct bk_traffic *t, const struct bk_load_conn *c, const Baken__Frame *f)
{
	if (f->kind_case == BAKEN__FRAME__KIND_ERROR)
		refused(f);
	if (f->kind_case != BAKEN__FRAME__KIND_STORED)
		return 0;
	t->stored += f->stored->n_items;
	if (t->measuring)
		bk_hist_add(&t->ack, bk_figures_ns() - c->sent_ns);
	return f->stored->n_items;
}

static void look_at(struct bk_traffic *t, const Baken__Delivery *d, uint64_t now)
{
	struct stamp s;

	BK_ASSERT(d->body.len == BK_TRAFFIC_BODY);
	memcpy(&s, d->body.data, sizeof s);
	BK_ASSERT(s.magic == MAGIC);
	t->received++;
	if (t->measuring)
		bk_hist_add(&t->end_to_end, now - s.at_ns);
	if (s.number < t->n_seen)
		t->duplicates += t->seen[s.number]++ != 0;
}

size_t bk_traffic_deliver(struct bk_traffic *t, struct bk_load_conn *c, const Baken__Frame *f)
{
	uint64_t seqs[BK_ACKS_MAX], now = bk_figures_ns();

	if (f->kind_case == BAKEN__FRAME__KIND_ERROR)
		refused(f);
	if (f->kind_case != BAKEN__FRAME__KIND_DELIVER)
		return 0;
	BK_ASSERT(f->deliver->n_items <= BK_ACKS_MAX);
	for (size_t i = 0; i < f->deliver->n_items; i++) {
		look_at(t, f->deliver->items[i], now);
		seqs[i] = f->deliver->items[i]->seq;
	}
	bk_wire_ack(seqs, f->deliver->n_items, &c->load->frame);
	bk_load_send(c);
	return f->deliver->n_items;
}
