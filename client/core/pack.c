/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "pack.h"

#include "content.h"
#include "engine.h"
#include "text.h"

static int sign(void *arg, const char *context, const void *data, size_t len,
	uint8_t ret_signature[static BK_SIG_BYTES])
{
	return bk_signal_sign(arg, context, data, len, ret_signature);
}

int bk_pack_seal(struct bk_core *core, const Baken__Content *c, Baken__Regime regime, uint8_t **ret_buf,
	size_t *ret_len)
{
	switch (regime) {
	case BAKEN__REGIME__REGIME_SECURITY:
		return bk_content_encode(c, sign, core->signal, ret_buf, ret_len);
	case BAKEN__REGIME__REGIME_CARE:
		return bk_content_encode(c, NULL, NULL, ret_buf, ret_len);
	case BAKEN__REGIME__REGIME_NONE:
	default:
		return BK_E_INVAL;
	}
}

/* An envelope says itself what it is: security content is signed, care content is not. */
static int regime_of(const void *envelope, size_t len, Baken__Regime *ret_regime)
{
	Baken__Envelope *e = baken__envelope__unpack(NULL, len, envelope);

	if (!e)
		return BK_E_INVAL;
	*ret_regime = e->signature.len ? BAKEN__REGIME__REGIME_SECURITY : BAKEN__REGIME__REGIME_CARE;
	baken__envelope__free_unpacked(e, NULL);
	return 0;
}

static bool names(const ProtobufCBinaryData *b, bk_id id)
{
	return b->len == BK_ID_BYTES && !memcmp(b->data, id.b, BK_ID_BYTES);
}

/* Does one of these circles hear from the other only as, or through, a fall-back desk? */
static bool stands_in(struct bk_core *core, const struct bk_roster *theirs)
{
	const struct bk_roster *own = bk_rosters_get(core, core->self.circle), *first = NULL;
	bk_id desk = bk_rosters_desk(core);

	if (!own || bk_id_equal(theirs->circle, own->circle))
		return false;
	if (theirs->kind == BAKEN__CIRCLE_KIND__CIRCLE_DESK)
		return !bk_id_equal(theirs->circle, desk);
	if (own->kind != BAKEN__CIRCLE_KIND__CIRCLE_DESK || bk_id_equal(theirs->desk, own->circle))
		return false;
	/* Whom we were assigned once may still say what was written then. */
	if (bk_db_has(&core->db, bk_key_id("circle/", theirs->circle)))
		return false;
	first = bk_rosters_get(core, theirs->desk);
	return !first || bk_id_equal(first->fallback, own->circle);
}

/* People share with their own devices only: another person's circle is of the same kind, and not theirs. */
static bool may_write_to_us(struct bk_core *core, const struct bk_opened *o)
{
	Baken__CircleKind kind = bk_rosters_kind(core, core->self.circle);

	if (!bk_roles_may_send(o->sender->cert.role, kind, o->regime, o->kind))
		return false;
	if (stands_in(core, o->circle) && !bk_roles_stand_in(o->sender->cert.role, kind, o->kind))
		return false;
	return kind != BAKEN__CIRCLE_KIND__CIRCLE_PERSON || o->circle->kind != kind ||
	       bk_id_equal(o->circle->circle, core->self.circle);
}

static int check(struct bk_core *core, struct bk_opened *o, bk_id message, bk_id sender)
{
	const Baken__Content *c = o->content;

	if (!names(&c->message_id, message) || !names(&c->sender_device, sender) ||
		!names(&c->sender_circle, o->circle->circle))
		return BK_E_INVAL;
	o->kind = bk_pack_kind(c);
	o->message = message;
	o->logical = message;
	if (c->repeats.len)
		bk_id_from(c->repeats.data, c->repeats.len, &o->logical);
	o->conversation = o->logical;
	if (c->conversation.len)
		bk_id_from(c->conversation.data, c->conversation.len, &o->conversation);
	if (bk_id_is_zero(o->logical) || bk_id_is_zero(o->conversation))
		return BK_E_INVAL;
	return may_write_to_us(core, o) ? 0 : BK_E_ROLE;
}

/* A withdrawn sender's word counts if it was stored before the withdrawal. */
static bool was_usable(const struct bk_roster_entry *e, bk_ms vouched, bk_ms now)
{
	if (!vouched)
		return bk_roster_usable(e, now);
	if (e->status == BAKEN__DEVICE_STATUS__DEVICE_REVOKED && vouched >= e->changed_ms)
		return false;
	return vouched >= e->cert.not_before_ms && vouched < e->cert.not_after_ms;
}

int bk_pack_open(struct bk_core *core, const void *envelope, size_t len, bk_id message, bk_id sender,
	struct bk_opened *ret_opened)
{
	struct bk_opened o = { .kind = BK_CONTENT_ANY, .vouched_ms = ret_opened->vouched_ms };
	int err = 0;

	o.sender = bk_rosters_device(core, sender, &o.circle);
	if (!o.sender || !was_usable(o.sender, o.vouched_ms, core->now))
		return BK_E_UNTRUSTED;
	err = regime_of(envelope, len, &o.regime);
	if (err)
		return err;
	o.arena = bk_arena_new();
	if (!o.arena) {
		bk_db_fail(&core->db, BK_E_NOMEM);
		return BK_E_NOMEM;
	}
	err = bk_content_decode(o.arena, o.regime, o.sender->cert.identity, envelope, len, &o.content);
	if (!err)
		err = check(core, &o, message, sender);
	if (err)
		bk_pack_free(&o);
	else
		*ret_opened = o;
	return err;
}

void bk_pack_free(struct bk_opened *o)
{
	bk_arena_free(o->arena);
	o->arena = NULL;
	o->content = NULL;
}

enum bk_content_kind bk_pack_kind(const Baken__Content *c)
{
	return bk_content_kind_of(c);
}

bool bk_pack_utf8(const char *text, size_t max)
{
	size_t len = strlen(text);

	return len <= max && bk_text_ok(text, len, max);
}
