/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Keys given to us: asked for, taken in, their bodies fetched and read. */
#include <sodium.h>
#include <stdlib.h>

#include "bytes.h"
#include "engine.h"
#include "exposure.h"
#include "keyring.h"
#include "lost.h"
#include "vault.h"

#define WANT_BYTES (BK_ID_BYTES * 2 + BK_KEY_BYTES + BK_HASH_BYTES + 8)
#define WANT_MAX 100000u
#define WINDOW 16u /* bodies under way */
#define LOOK_MAX 256u
#define RETRY_MS 2000u

/* ---- rows that wait for their body ---- */

struct want {
	struct bk_keyring_key key; /* case_id unknown until it is read */
	bk_id giver;
};

static void want_put(struct bk_core *core, const struct want *x)
{
	uint8_t row[WANT_BYTES];
	struct bk_writer w = bk_writer_of(row, sizeof(row));

	bk_write_bytes(&w, x->key.sender.b, BK_ID_BYTES);
	bk_write_bytes(&w, x->giver.b, BK_ID_BYTES);
	bk_write_bytes(&w, x->key.key, BK_KEY_BYTES);
	bk_write_bytes(&w, x->key.body.b, BK_HASH_BYTES);
	bk_write_u64(&w, x->key.stored_ms);
	bk_db_put(&core->db, bk_key_id("want/", x->key.message), row, sizeof(row));
	sodium_memzero(row, sizeof(row));
}

static bool want_get(struct bk_core *core, bk_id message, struct want *ret_want)
{
	uint8_t row[WANT_BYTES];
	struct bk_reader r = bk_reader_of(row, sizeof(row));

	if (bk_db_read(&core->db, bk_key_id("want/", message), row, sizeof(row)))
		return false;
	ret_want->key.message = message;
	bk_read_bytes(&r, ret_want->key.sender.b, BK_ID_BYTES);
	bk_read_bytes(&r, ret_want->giver.b, BK_ID_BYTES);
	bk_read_bytes(&r, ret_want->key.key, BK_KEY_BYTES);
	bk_read_bytes(&r, ret_want->key.body.b, BK_HASH_BYTES);
	ret_want->key.stored_ms = bk_read_u64(&r);
	sodium_memzero(row, sizeof(row));
	return true;
}

size_t bk_keyring_waiting(struct bk_core *core)
{
	struct bk_rows rows;
	size_t n = 0;

	if (bk_db_keys(&core->db, bk_key("want/"), 0, &rows))
		return 0;
	n = rows.n;
	bk_rows_free(&rows);
	return n;
}

/* ---- pages in ---- */

static bool take_entry(struct bk_core *core, const Baken__KeyringEntry *e, bk_id giver)
{
	struct want x = { .giver = giver };

	if (bk_id_from(e->message_id.data, e->message_id.len, &x.key.message) || e->key.len != BK_KEY_BYTES ||
		bk_hash_from(e->body_hash.data, e->body_hash.len, &x.key.body) ||
		bk_id_from(e->sender_device.data, e->sender_device.len, &x.key.sender) ||
		bk_keyring_has(core, x.key.message) || bk_db_has(&core->db, bk_key_id("want/", x.key.message)))
		return false;
	memcpy(x.key.key, e->key.data, BK_KEY_BYTES);
	x.key.stored_ms = e->stored_ms;
	want_put(core, &x);
	sodium_memzero(&x, sizeof(x));
	return true;
}

static void tell(struct bk_core *core, const struct bk_opened *o, size_t new)
{
	static const char *const reasons[] = { "", "handover", "grant", "asked" };
	const Baken__Keyring *m = o->content->keyring;
	json_t *event = bk_event("keyring");
	char name[BK_NAME_MAX + 1] = "";

	bk_rosters_name(core, o->sender->cert.device, name);
	bk_json_text(event, "change", "received");
	bk_json_text(event, "reason", reasons[m->reason]);
	bk_json_text(event, "by", name);
	bk_json_int(event, "page", m->page);
	bk_json_int(event, "pages", m->pages);
	bk_json_int(event, "messages", new);
	bk_emit(core, event);
}

static void take_page(struct bk_core *core, const struct bk_opened *o)
{
	const Baken__Keyring *m = o->content->keyring;
	size_t len = m->box.len - crypto_box_SEALBYTES, new = 0, waiting = bk_keyring_waiting(core);
	uint8_t *plain = malloc(len);
	Baken__KeyringPage *page = NULL;

	if (!plain) {
		bk_db_fail(&core->db, BK_E_NOMEM);
		return;
	}
	if (!bk_signal_unseal_box(core->signal, m->box.data, m->box.len, plain))
		page = baken__keyring_page__unpack(NULL, len, plain);
	sodium_memzero(plain, len);
	free(plain);
	for (size_t i = 0; page && i < page->n_entries && i < BK_KEYRING_MAX && waiting + new < WANT_MAX; i++) {
		new += take_entry(core, page->entries[i], o->sender->cert.device);
		sodium_memzero(page->entries[i]->key.data, page->entries[i]->key.len);
	}
	core->keyring_idle = false;
	tell(core, o, new);
	if (page)
		baken__keyring_page__free_unpacked(page, NULL);
}

void bk_keyring_on_keyring(struct bk_core *core, const struct bk_opened *o)
{
	const Baken__Keyring *m = o->content->keyring;
	bk_id to = { { 0 } }, case_id = { { 0 } };

	if (!bk_id_equal(o->circle->circle, core->self.circle) || bk_id_from(m->to_device.data, m->to_device.len, &to))
		return;
	for (size_t i = 0; i < m->n_case_ids; i++)
		if (!bk_id_from(m->case_ids[i].data, m->case_ids[i].len, &case_id))
			bk_exposure_gave(core, to, case_id);
	if (bk_id_equal(to, core->self.device))
		take_page(core, o);
}

/* ---- bodies ---- */

static bool ask_body(struct bk_core *core, bk_id message, bk_hash hash)
{
	Baken__Frame f = BAKEN__FRAME__INIT;
	Baken__BodyGet m = BAKEN__BODY_GET__INIT;
	struct bk_request *r = NULL;

	m.body_hash = bk_bytes(hash.b, BK_HASH_BYTES);
	f.kind_case = BAKEN__FRAME__KIND_BODY_GET;
	f.body_get = &m;
	r = bk_link_request(core, BK_REQ_BODY, &f);
	if (r)
		r->id = message;
	return r != NULL;
}

static size_t under_way(const struct bk_core *core)
{
	size_t n = 0;

	for (size_t i = 0; i < core->link.n_requests; i++)
		n += core->link.requests[i].kind == BK_REQ_BODY;
	return n;
}

/* A sender whose roster we do not have is looked up first. */
static bool sender_known(struct bk_core *core, bk_id sender)
{
	if (bk_rosters_device(core, sender, NULL))
		return true;
	bk_rosters_fetch_device(core, sender);
	return false;
}

void bk_keyring_pump(struct bk_core *core)
{
	size_t room = under_way(core);
	struct bk_rows rows;

	if (core->keyring_idle || !bk_link_online(core) || core->now < core->keyring_retry_ms || room >= WINDOW ||
		bk_db_keys(&core->db, bk_key("want/"), LOOK_MAX, &rows))
		return;
	core->keyring_idle = !rows.n;
	for (size_t i = 0; i < rows.n && room < WINDOW && !bk_link_busy(core); i++) {
		bk_id message = bk_row_id(&rows.v[i], strlen("want/"));
		struct want x;

		if (bk_link_pending(core, BK_REQ_BODY, message) || !want_get(core, message, &x))
			continue;
		if (sender_known(core, x.key.sender))
			room += ask_body(core, message, x.key.body);
		sodium_memzero(&x, sizeof(x));
	}
	bk_rows_free(&rows);
}

static void done(struct bk_core *core, bk_id message)
{
	json_t *event = NULL;

	bk_db_del(&core->db, bk_key_id("want/", message));
	if (bk_keyring_waiting(core))
		return;
	core->keyring_idle = true;
	event = bk_event("keyring");
	bk_json_text(event, "change", "fetched");
	bk_emit(core, event);
}

/* Missing or damaged: kept and shown, with the way to ask its sender (never skipped in silence). */
static void missing(struct bk_core *core, const struct want *x, int err)
{
	bk_lost_note_known(core, x->key.message, x->key.stored_ms, x->key.sender, err);
	done(core, x->key.message);
}

void bk_keyring_on_body(struct bk_core *core, const Baken__BodyData *m, const struct bk_request *r)
{
	struct want x;
	int err = 0;

	if (r->kind != BK_REQ_BODY || !want_get(core, r->id, &x))
		return;
	if (!bk_hash_equal(bk_hash_of(m->body.data, m->body.len), x.key.body))
		err = BK_E_HASH;
	if (!err)
		err = bk_inbox_take_known(core, &x.key, &m->body, m->stored_ms);
	if (err == BK_E_NOMEM)
		bk_db_fail(&core->db, err);
	else if (err)
		missing(core, &x, err);
	else
		done(core, x.key.message);
	sodium_memzero(&x, sizeof(x));
}

void bk_keyring_on_error(struct bk_core *core, const struct bk_request *r, int err)
{
	struct want x;

	if (err != BK_E_NOT_FOUND && err != BK_E_CORRUPT && err != BK_E_ROLE) {
		core->keyring_retry_ms = core->now + RETRY_MS; /* later: too fast, or the server is busy */
		return;
	}
	if (!want_get(core, r->id, &x))
		return;
	missing(core, &x, err);
	sodium_memzero(&x, sizeof(x));
}

void bk_keyring_retry(struct bk_core *core, int err, bk_id device)
{
	struct bk_rows rows;

	if (core->keyring_idle || (err && err != BK_E_NOT_FOUND) || bk_rosters_device(core, device, NULL) ||
		bk_db_keys(&core->db, bk_key("want/"), 0, &rows))
		return;
	for (size_t i = 0; i < rows.n; i++) {
		struct want x;

		if (!want_get(core, bk_row_id(&rows.v[i], strlen("want/")), &x))
			continue;
		if (bk_id_equal(x.key.sender, device))
			missing(core, &x, err ? err : BK_E_UNTRUSTED);
		sodium_memzero(&x, sizeof(x));
	}
	bk_rows_free(&rows);
}

/* ---- asking ---- */

static bool has_vault(struct bk_core *core)
{
	const struct bk_roster *r = bk_rosters_get(core, core->self.circle);

	for (size_t i = 0; r && i < r->n_entries; i++)
		if (r->entries[i].status == BAKEN__DEVICE_STATUS__DEVICE_VAULT && bk_roster_usable(&r->entries[i], core->now))
			return true;
	return false;
}

int bk_keyring_ask(struct bk_core *core, const bk_id *cases, size_t n, bk_ms since)
{
	Baken__Content content = BAKEN__CONTENT__INIT;
	Baken__KeyringAsk m = BAKEN__KEYRING_ASK__INIT;
	ProtobufCBinaryData list[BK_ASK_MAX];
	struct bk_post p = { .content = &content, .kind = BK_CONTENT_KEYRING_ASK };

	if (n > BK_ASK_MAX)
		return BK_E_INVAL;
	if (!has_vault(core))
		return BK_E_NOT_FOUND;
	for (size_t i = 0; i < n; i++)
		list[i] = bk_bytes(cases[i].b, BK_ID_BYTES);
	m.case_ids = list;
	m.n_case_ids = n;
	m.since_ms = since;
	content.kind_case = BAKEN__CONTENT__KIND_KEYRING_ASK;
	content.keyring_ask = &m;
	p.class = BAKEN__CLASS__CLASS_URGENT;
	p.regime = BAKEN__REGIME__REGIME_SECURITY;
	p.circles[p.n_circles++] = core->self.circle;
	return bk_outbox_post(core, &p);
}

int bk_keyring_cmd_ask(struct bk_core *core, struct bk_command *c)
{
	bk_id cases[BK_ASK_MAX];
	size_t n = bk_json_get_ids(c->args, "cases", cases, BK_ASK_MAX);
	int err = bk_keyring_ask(core, cases, n, bk_json_get_int(c->args, "since_ms"));

	if (err == BK_E_NOT_FOUND)
		c->say = BK_SAY_NO_VAULT;
	return err;
}
