/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Keys of messages: kept, listed, given. */
#include "keyring.h"

#include <sodium.h>
#include <stdlib.h>

#include "bytes.h"
#include "cases.h"
#include "engine.h"
#include "exposure.h"

#define ROW_BYTES (BK_ID_BYTES * 2 + BK_KEY_BYTES + BK_HASH_BYTES + 8 + 1)
#define EXPIRE_MAX 2000u
#define PAGES_MAX 64u /* of one gift; a larger one is several */

bool bk_keyring_worth(enum bk_content_kind kind)
{
	switch (kind) {
	case BK_CONTENT_REPORT:
	case BK_CONTENT_TEXT:
	case BK_CONTENT_GUIDANCE:
	case BK_CONTENT_GUIDANCE_ACK:
	case BK_CONTENT_GUIDANCE_RECALL:
	case BK_CONTENT_CASE_EVENT:
	case BK_CONTENT_PROMISE:
	case BK_CONTENT_ALARM:
	case BK_CONTENT_ALARM_END:
	case BK_CONTENT_LOCATION:
	case BK_CONTENT_WATCH_PLAN:
	case BK_CONTENT_WATCH_END:
	case BK_CONTENT_DAY_PLAN:
	case BK_CONTENT_SHIFT_PLAN:
	case BK_CONTENT_DESK_POLICY:
	case BK_CONTENT_GROUP:
		return true;
	case BK_CONTENT_ANY:
	case BK_CONTENT_RECEIPT:
	case BK_CONTENT_PROFILE:
	case BK_CONTENT_ASK_AGAIN:
	case BK_CONTENT_DRILL_ALARM:
	case BK_CONTENT_SESSION_OPEN:
	case BK_CONTENT_DEVICE_HEALTH:
	case BK_CONTENT_APPROVAL:
	case BK_CONTENT_KEYRING:
	case BK_CONTENT_KEYRING_ASK:
	case BK_CONTENT_HANDOVER:
	case BK_CONTENT_HANDOVER_ANSWER:
	case BK_CONTENT_CANARY:
	case BK_CONTENT_KINDS:
	default:
		return false;
	}
}

/* ---- rows ---- */

static struct bk_key at_key(bk_ms at, bk_id message)
{
	struct bk_key k = bk_key("keyat/");

	bk_key_add_u64(&k, at);
	bk_key_add(&k, message.b, sizeof(message.b));
	return k;
}

static void row_write(const struct bk_keyring_key *k, uint8_t out[static ROW_BYTES])
{
	struct bk_writer w = bk_writer_of(out, ROW_BYTES);
	uint8_t person = k->person;

	bk_write_bytes(&w, k->sender.b, BK_ID_BYTES);
	bk_write_bytes(&w, k->case_id.b, BK_ID_BYTES);
	bk_write_bytes(&w, k->key, BK_KEY_BYTES);
	bk_write_bytes(&w, k->body.b, BK_HASH_BYTES);
	bk_write_u64(&w, k->stored_ms);
	bk_write_bytes(&w, &person, 1);
}

static int row_read(struct bk_core *core, bk_id message, struct bk_keyring_key *ret_key)
{
	uint8_t row[ROW_BYTES], person = 0;
	struct bk_reader r = bk_reader_of(row, sizeof(row));
	int err = bk_db_read(&core->db, bk_key_id("key/", message), row, sizeof(row));

	if (err)
		return err;
	ret_key->message = message;
	bk_read_bytes(&r, ret_key->sender.b, BK_ID_BYTES);
	bk_read_bytes(&r, ret_key->case_id.b, BK_ID_BYTES);
	bk_read_bytes(&r, ret_key->key, BK_KEY_BYTES);
	bk_read_bytes(&r, ret_key->body.b, BK_HASH_BYTES);
	ret_key->stored_ms = bk_read_u64(&r);
	bk_read_bytes(&r, &person, 1);
	ret_key->person = person;
	sodium_memzero(row, sizeof(row));
	return 0;
}

bool bk_keyring_has(struct bk_core *core, bk_id message)
{
	return bk_db_has(&core->db, bk_key_id("key/", message));
}

static void drop(struct bk_core *core, bk_ms at, bk_id message)
{
	struct bk_keyring_key k;

	if (!row_read(core, message, &k))
		bk_db_del(&core->db, bk_key_pair("keycase/", k.case_id, message));
	sodium_memzero(&k, sizeof(k));
	bk_db_del(&core->db, bk_key_id("key/", message));
	bk_db_del(&core->db, at_key(at, message));
}

void bk_keyring_keep(struct bk_core *core, const struct bk_keyring_key *k)
{
	uint8_t row[ROW_BYTES];

	if (bk_keyring_has(core, k->message))
		return;
	row_write(k, row);
	bk_db_put(&core->db, bk_key_id("key/", k->message), row, sizeof(row));
	sodium_memzero(row, sizeof(row));
	bk_db_put(&core->db, bk_key_pair("keycase/", k->case_id, k->message), "", 0);
	bk_db_put(&core->db, at_key(k->stored_ms, k->message), "", 0);
}

/* ---- our own ---- */

void bk_keyring_posted(struct bk_core *core, const struct bk_post *p)
{
	const Baken__Content *c = p->content;
	bk_id case_id = p->id;

	if (!bk_is_desk(core) || !bk_keyring_worth(p->kind))
		return;
	if (c->conversation.len)
		bk_id_from(c->conversation.data, c->conversation.len, &case_id);
	else if (c->repeats.len)
		bk_id_from(c->repeats.data, c->repeats.len, &case_id);
	bk_db_put(&core->db, bk_key_id("keydue/", p->id), case_id.b, sizeof(case_id.b));
}

void bk_keyring_stored(struct bk_core *core, const struct bk_out *o, bk_ms stored_ms)
{
	struct bk_keyring_key k = { .message = o->id, .sender = core->self.device, .stored_ms = stored_ms };
	uint8_t *raw = NULL;
	size_t len = 0;

	if (bk_db_read(&core->db, bk_key_id("keydue/", o->id), k.case_id.b, sizeof(k.case_id.b)))
		return;
	bk_db_del(&core->db, bk_key_id("keydue/", o->id));
	if (bk_db_get(&core->db, bk_key_id("outkey/", o->id), &raw, &len))
		return;
	if (len > BK_KEY_BYTES + BK_HASH_BYTES) {
		memcpy(k.key, raw, BK_KEY_BYTES);
		memcpy(k.body.b, raw + BK_KEY_BYTES, BK_HASH_BYTES);
		bk_keyring_keep(core, &k);
	}
	sodium_memzero(raw, len);
	free(raw);
	sodium_memzero(&k, sizeof(k));
}

/* ---- listing ---- */

void bk_keyring_free(struct bk_keyring_key *keys, size_t n)
{
	if (keys)
		sodium_memzero(keys, n * sizeof(*keys));
	free(keys);
}

int bk_keyring_of(struct bk_core *core, bk_id case_id, bk_ms since, bk_ms until, struct bk_keyring_key **ret_keys,
	size_t *ret_n)
{
	struct bk_keyring_key *keys = NULL;
	struct bk_rows rows;
	size_t n = 0;
	int err = bk_db_keys(&core->db, bk_key_id("keycase/", case_id), 0, &rows);

	if (err)
		return err;
	keys = calloc(rows.n + 1, sizeof(*keys));
	for (size_t i = 0; keys && i < rows.n; i++)
		if (!row_read(core, bk_row_id(&rows.v[i], strlen("keycase/") + BK_ID_BYTES), &keys[n]) &&
			keys[n].stored_ms >= since && (!until || keys[n].stored_ms <= until))
			n++;
	bk_rows_free(&rows);
	if (!keys)
		return BK_E_NOMEM;
	*ret_keys = keys;
	*ret_n = n;
	return 0;
}

/* Bounded in time and number (M7): the oldest go first. */
void bk_keyring_expire(struct bk_core *core)
{
	struct bk_rows rows;
	size_t over = 0;

	if (bk_db_keys(&core->db, bk_key("keyat/"), 0, &rows))
		return;
	over = rows.n > BK_KEYRING_ROWS_MAX ? rows.n - BK_KEYRING_ROWS_MAX : 0;
	for (size_t i = 0; i < rows.n && i < EXPIRE_MAX; i++) {
		bk_ms at = rows.v[i].key_len == 6 + 8 + BK_ID_BYTES ? bk_u64_read(rows.v[i].key + 6) : 0;

		if (i >= over && core->now < at + BK_KEYRING_KEEP_MS)
			break;
		drop(core, at, bk_row_id(&rows.v[i], 6 + 8));
	}
	bk_rows_free(&rows);
}

/* ---- giving ---- */

/* All that a gift is made of: keys in order of their cases. */
struct parcel {
	struct bk_keyring_key *keys;
	size_t n, room;
};

static int parcel_add(struct bk_core *core, struct parcel *p, bk_id case_id, const struct bk_keyring_gift *g)
{
	struct bk_keyring_key *keys = NULL, *more = NULL;
	size_t n = 0;
	int err = bk_keyring_of(core, case_id, g->since_ms, g->until_ms, &keys, &n);

	if (!err && p->n + n > p->room) {
		size_t room = (p->n + n) * 2;

		more = calloc(room, sizeof(*more));
		if (more && p->n)
			memcpy(more, p->keys, p->n * sizeof(*more));
		if (more) {
			bk_keyring_free(p->keys, p->n);
			p->keys = more;
			p->room = room;
		} else {
			err = BK_E_NOMEM;
		}
	}
	if (!err && n)
		memcpy(p->keys + p->n, keys, n * sizeof(*keys));
	if (!err)
		p->n += n;
	bk_keyring_free(keys, n);
	return err;
}

static int seal_page(const struct bk_keyring_key *keys, size_t n, const uint8_t *identity, uint8_t **ret_box, size_t *ret_len)
{
	Baken__KeyringPage page = BAKEN__KEYRING_PAGE__INIT;
	Baken__KeyringEntry entries[BK_KEYRING_MAX], *list[BK_KEYRING_MAX];
	uint8_t *plain = NULL, *box = NULL;
	size_t len = 0;
	int err = BK_E_NOMEM;

	for (size_t i = 0; i < n; i++) {
		baken__keyring_entry__init(&entries[i]);
		entries[i].message_id = bk_bytes(keys[i].message.b, BK_ID_BYTES);
		entries[i].key = bk_bytes(keys[i].key, BK_KEY_BYTES);
		entries[i].body_hash = bk_bytes(keys[i].body.b, BK_HASH_BYTES);
		entries[i].sender_device = bk_bytes(keys[i].sender.b, BK_ID_BYTES);
		entries[i].stored_ms = keys[i].stored_ms;
		list[i] = &entries[i];
	}
	page.entries = list;
	page.n_entries = n;
	if (bk_id_equal(keys[0].case_id, keys[n - 1].case_id))
		page.case_id = bk_bytes(keys[0].case_id.b, BK_ID_BYTES);
	len = baken__keyring_page__get_packed_size(&page);
	plain = malloc(len);
	box = malloc(len + crypto_box_SEALBYTES);
	if (plain && box) {
		baken__keyring_page__pack(&page, plain);
		err = crypto_box_seal(box, plain, len, identity) ? BK_E_CRYPTO : 0;
	}
	if (plain)
		sodium_memzero(plain, len);
	free(plain);
	if (err) {
		free(box);
		return err;
	}
	*ret_box = box;
	*ret_len = len + crypto_box_SEALBYTES;
	return 0;
}

/* Which cases are inside is said to the whole desk: who could have read what must be known without the box. */
static size_t cases_of(const struct bk_keyring_key *keys, size_t n, ProtobufCBinaryData *out)
{
	size_t k = 0;

	for (size_t i = 0; i < n; i++)
		if (!i || !bk_id_equal(keys[i].case_id, keys[i - 1].case_id))
			out[k++] = bk_bytes(keys[i].case_id.b, BK_ID_BYTES);
	return k;
}

static int post_page(struct bk_core *core, const struct bk_keyring_gift *g, const struct bk_keyring_key *keys, size_t n,
	Baken__Keyring *m)
{
	const struct bk_roster_entry *e = bk_rosters_device(core, g->to, NULL);
	Baken__Content content = BAKEN__CONTENT__INIT;
	struct bk_post p = { .content = &content, .kind = BK_CONTENT_KEYRING };
	ProtobufCBinaryData cases[BK_KEYRING_MAX];
	uint8_t *box = NULL;
	size_t len = 0;
	int err = e ? seal_page(keys, n, e->cert.identity, &box, &len) : BK_E_NOT_FOUND;

	if (err)
		return err;
	m->reason = g->reason;
	m->to_device = bk_bytes(g->to.b, BK_ID_BYTES);
	m->box = bk_bytes(box, len);
	if (!bk_id_is_zero(g->about))
		m->about_id = bk_bytes(g->about.b, BK_ID_BYTES);
	m->case_ids = cases;
	m->n_case_ids = cases_of(keys, n, cases);
	content.kind_case = BAKEN__CONTENT__KIND_KEYRING;
	content.keyring = m;
	p.class = BAKEN__CLASS__CLASS_URGENT;
	p.regime = BAKEN__REGIME__REGIME_SECURITY;
	p.circles[p.n_circles++] = core->self.circle;
	err = bk_outbox_post(core, &p);
	for (size_t i = 0; !err && i < m->n_case_ids; i++) {
		bk_id case_id = { { 0 } };

		bk_id_from(cases[i].data, cases[i].len, &case_id);
		bk_exposure_gave(core, g->to, case_id);
	}
	free(box);
	return err;
}

/* Of our own desk, certified, and not a vault: a vault asks nobody. */
static bool may_have(struct bk_core *core, bk_id device)
{
	const struct bk_roster *r = NULL;
	const struct bk_roster_entry *e = bk_rosters_device(core, device, &r);

	return e && bk_roster_usable(e, core->now) && bk_id_equal(r->circle, core->self.circle) &&
		bk_roles_is_desk(e->cert.role) && !bk_id_equal(device, core->self.device);
}

int bk_keyring_give(struct bk_core *core, struct bk_keyring_gift *g)
{
	struct parcel p = { .n = 0 };
	size_t pages = 0;
	int err = may_have(core, g->to) ? 0 : BK_E_NOT_FOUND;

	for (size_t i = 0; i < g->n_cases && !err; i++)
		err = parcel_add(core, &p, g->cases[i], g);
	pages = (p.n + BK_KEYRING_MAX - 1) / BK_KEYRING_MAX;
	for (size_t i = 0; i < pages && !err; i++) {
		Baken__Keyring m = BAKEN__KEYRING__INIT;
		size_t first = i * BK_KEYRING_MAX, n = p.n - first < BK_KEYRING_MAX ? p.n - first : BK_KEYRING_MAX;
		size_t series = i - i % PAGES_MAX;

		m.page = (uint32_t)(i - series);
		m.pages = (uint32_t)(pages - series < PAGES_MAX ? pages - series : PAGES_MAX);
		err = post_page(core, g, p.keys + first, n, &m);
	}
	g->messages = p.n;
	bk_keyring_free(p.keys, p.n);
	return err;
}

/* ---- the command ---- */

/* By the owner of the case or the lead; one case, or a span of it. What was given cannot be taken back. */
int bk_keyring_cmd_grant(struct bk_core *core, struct bk_command *c)
{
	bk_id case_id = bk_json_get_id(c->args, "case");
	struct bk_keyring_gift g = { .reason = BAKEN__KEYRING__REASON__GRANT, .cases = &case_id, .n_cases = 1 };
	struct bk_case_state s;
	int err = 0;

	if (!bk_cases_state(core, case_id, &s))
		return BK_E_NOT_FOUND;
	if (core->self.role != BAKEN__ROLE__ROLE_LEAD && !bk_id_equal(s.owner, core->self.device)) {
		c->say = BK_SAY_NOT_OWNER;
		return BK_E_STATE;
	}
	g.to = bk_json_get_id(c->args, "to");
	g.since_ms = bk_json_get_int(c->args, "since_ms");
	g.until_ms = bk_json_get_int(c->args, "until_ms");
	err = bk_keyring_give(core, &g);
	bk_json_int(c->answer, "keys", g.messages);
	return err;
}
