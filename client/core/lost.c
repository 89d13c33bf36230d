/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lost.h"

#include "engine.h"

#define LOST_KEEP_MS (60ull * 86400000ull)
#define ASK_PAUSE_MS 60000u

static void count_not_for_us(struct bk_core *core)
{
	uint8_t n[8] = { 0 };

	bk_db_read(&core->db, bk_key("meta/not_for_us"), n, sizeof(n));
	bk_u64_write(n, bk_u64_read(n) + 1);
	bk_db_put(&core->db, bk_key("meta/not_for_us"), n, sizeof(n));
}

static bool full(struct bk_core *core)
{
	struct bk_rows rows;
	bool yes = false;

	if (bk_db_keys(&core->db, bk_key("lost/"), BK_LOST_MAX, &rows))
		return true;
	yes = rows.n == BK_LOST_MAX;
	bk_rows_free(&rows);
	return yes;
}

static void tell(struct bk_core *core, const json_t *row, bk_id message, int err)
{
	json_t *event = bk_event("undecryptable");

	bk_json_id(event, "message", message);
	bk_json_int(event, "stored_ms", bk_json_get_int(row, "stored_ms"));
	bk_event_error(core, event, err);
	bk_json_id(event, "sender", bk_json_get_id(row, "sender"));
	bk_emit(core, event);
}

void bk_lost_note(struct bk_core *core, const Baken__Delivery *d, bk_id sender, int err)
{
	bk_id message = { { 0 } };

	if (err == BK_E_NOT_FOR_US)
		count_not_for_us(core);
	else if (!bk_id_from(d->message_id.data, d->message_id.len, &message))
		bk_lost_note_known(core, message, d->stored_ms, sender, err);
}

void bk_lost_note_known(struct bk_core *core, bk_id message, bk_ms stored_ms, bk_id sender, int err)
{
	const struct bk_roster *circle = NULL;
	json_t *row = NULL;

	if (bk_db_has(&core->db, bk_key_id("lost/", message)) || full(core))
		return;
	row = bk_json_object();
	bk_json_int(row, "stored_ms", stored_ms);
	bk_json_int(row, "at_ms", core->now);
	bk_json_text(row, "error", bk_err_name(err));
	if (!bk_id_is_zero(sender) && bk_rosters_device(core, sender, &circle)) {
		bk_json_id(row, "sender", sender);
		bk_json_id(row, "circle", circle->circle);
	}
	bk_db_put_json(&core->db, bk_key_id("lost/", message), row);
	tell(core, row, message, err);
	json_decref(row);
	/* A vault has nobody who would press the button. */
	if (core->self.role == BAKEN__ROLE__ROLE_VAULT)
		bk_lost_ask_again(core, message);
}

void bk_lost_found(struct bk_core *core, bk_id message)
{
	if (bk_db_has(&core->db, bk_key_id("lost/", message)))
		bk_db_del(&core->db, bk_key_id("lost/", message));
}

/* The question itself goes by a new session: the old one may be what is broken (M15). */
static int post(struct bk_core *core, bk_id message, bk_id sender, bk_id circle)
{
	Baken__Content content = BAKEN__CONTENT__INIT;
	Baken__AskAgain ask = BAKEN__ASK_AGAIN__INIT;
	struct bk_post p = { .content = &content, .kind = BK_CONTENT_ASK_AGAIN };
	const struct bk_roster_entry *e = bk_rosters_device(core, sender, NULL);

	if (!e)
		return BK_E_NOT_FOUND;
	ask.message_id = bk_bytes(message.b, BK_ID_BYTES);
	content.kind_case = BAKEN__CONTENT__KIND_ASK_AGAIN;
	content.ask_again = &ask;
	p.class = BAKEN__CLASS__CLASS_NORMAL;
	p.regime = bk_is_care(core) || e->cert.role == BAKEN__ROLE__ROLE_CARE ? BAKEN__REGIME__REGIME_CARE :
										BAKEN__REGIME__REGIME_SECURITY;
	p.circles[p.n_circles++] = circle;
	bk_sessions_renew(core, sender);
	return bk_outbox_post(core, &p);
}

int bk_lost_ask_again(struct bk_core *core, bk_id message)
{
	struct bk_key key = bk_key_id("lost/", message);
	json_t *row = bk_db_get_json(&core->db, key);
	bk_id sender = bk_json_get_id(row, "sender"), circle = bk_json_get_id(row, "circle");
	bk_ms asked = bk_json_get_int(row, "asked_ms");
	int err = BK_E_NOT_FOUND;

	if (row && !bk_id_is_zero(sender) && !bk_id_is_zero(circle)) {
		err = asked && core->now - asked < ASK_PAUSE_MS ? BK_E_RATE : post(core, message, sender, circle);
		if (!err) {
			bk_json_int(row, "asked_ms", core->now);
			err = bk_db_put_json(&core->db, key, row);
		}
	}
	json_decref(row);
	return err;
}

static json_t *shown(struct bk_core *core, bk_id message, const json_t *row)
{
	bk_id sender = bk_json_get_id(row, "sender");
	char name[BK_NAME_MAX + 1] = "";
	json_t *o = bk_json_object();

	if (!bk_id_is_zero(sender))
		bk_rosters_name(core, sender, name);
	bk_json_id(o, "message", message);
	bk_json_int(o, "stored_ms", bk_json_get_int(row, "stored_ms"));
	bk_json_text(o, "error", bk_json_get_text(row, "error"));
	bk_json_id(o, "sender", sender);
	bk_json_more(o, "name", name);
	bk_json_ms(o, "asked_ms", bk_json_get_int(row, "asked_ms"));
	return o;
}

int bk_lost_cmd(struct bk_core *core, struct bk_command *c)
{
	json_t *items = bk_json_array();
	struct bk_rows rows;
	int err = bk_db_rows(&core->db, bk_key("lost/"), 0, &rows);

	bk_json_put(c->answer, "items", items);
	if (err)
		return err;
	for (size_t i = 0; i < rows.n; i++) {
		json_t *row = bk_json_row(rows.v[i].value, rows.v[i].len);

		if (row)
			bk_json_push(items, shown(core, bk_row_id(&rows.v[i], strlen("lost/")), row));
		json_decref(row);
	}
	bk_rows_free(&rows);
	return 0;
}

void bk_lost_expire(struct bk_core *core)
{
	struct bk_rows rows;

	if (bk_db_rows(&core->db, bk_key("lost/"), 0, &rows))
		return;
	for (size_t i = 0; i < rows.n; i++) {
		json_t *row = bk_json_row(rows.v[i].value, rows.v[i].len);

		if (!row || core->now > bk_json_get_int(row, "at_ms") + LOST_KEEP_MS)
			bk_db_del(&core->db, bk_key_id("lost/", bk_row_id(&rows.v[i], 5)));
		json_decref(row);
	}
	bk_rows_free(&rows);
}
