/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "policy.h"

#include <stddef.h>
#include <string.h>

#include "engine.h"

static const struct bk_policy usual = {
#define X(name, usual, least, most) .name = usual,
	BK_POLICY_MAP(X)
#undef X
};

void bk_policy_default(struct bk_policy *ret_policy)
{
	*ret_policy = usual;
}

static bool alarm_rises(const struct bk_policy *p)
{
	return p->alarm_t1_s < p->alarm_t2_s && p->alarm_t2_s < p->alarm_t3_s;
}

void bk_policy_read(const Baken__DeskPolicy *m, struct bk_policy *ret_policy)
{
	struct bk_policy p = usual;

	p.version = m->version;
#define X(name, usual, least, most)                   \
	if (m->name >= (least) && m->name <= (most))  \
		p.name = m->name;
	BK_POLICY_MAP(X)
#undef X
	if (!alarm_rises(&p)) {
		p.alarm_t1_s = usual.alarm_t1_s;
		p.alarm_t2_s = usual.alarm_t2_s;
		p.alarm_t3_s = usual.alarm_t3_s;
	}
	*ret_policy = p;
}

bool bk_policy_newer(const struct bk_policy *a, const struct bk_policy *b)
{
	if (a->version != b->version)
		return a->version > b->version;
#define X(name, usual, least, most)          \
	if (a->name != b->name)              \
		return a->name < b->name;
	BK_POLICY_MAP(X)
#undef X
	return false;
}

/* ---- of this desk: row "policy", with the devices that our lead has told ---- */

static const struct {
	const char *name;
	size_t at;
	uint32_t least, most;
} numbers[] = {
#define X(name, usual, least, most) { #name, offsetof(struct bk_policy, name), least, most },
	BK_POLICY_MAP(X)
#undef X
};
#define NUMBERS (sizeof(numbers) / sizeof(numbers[0]))

static uint32_t *number(struct bk_policy *p, size_t i)
{
	return (uint32_t *)(void *)((char *)p + numbers[i].at);
}

void bk_policy_get(struct bk_core *core, struct bk_policy *ret_policy)
{
	json_t *row = NULL;

	if (!core->policy_read) {
		core->policy = usual;
		row = bk_db_get_json(&core->db, bk_key("policy"));
		core->policy.version = bk_json_get_int(row, "version");
		for (size_t i = 0; row && i < NUMBERS; i++)
			*number(&core->policy, i) = (uint32_t)bk_json_get_int(row, numbers[i].name);
		core->policy_read = true;
		json_decref(row);
	}
	*ret_policy = core->policy;
}

static void show(json_t *o, const struct bk_policy *p)
{
	struct bk_policy copy = *p;

	bk_json_int(o, "version", p->version);
	for (size_t i = 0; i < NUMBERS; i++)
		bk_json_int(o, numbers[i].name, *number(&copy, i));
}

/* Everything that is due may be due at another time now. */
static int keep(struct bk_core *core, const struct bk_policy *p)
{
	json_t *row = bk_json_object();
	int err = 0;

	show(row, p);
	err = bk_db_put_json(&core->db, bk_key("policy"), row);
	json_decref(row);
	core->policy = *p;
	core->policy_read = true;
	core->due_ms = 0;
	return err;
}

static void tell(struct bk_core *core, const struct bk_policy *p, const char *by)
{
	json_t *event = bk_event("policy");

	show(event, p);
	bk_json_more(event, "by", by);
	bk_emit(core, event);
}

void bk_policy_on(struct bk_core *core, const struct bk_opened *o)
{
	struct bk_policy now, p;
	char by[BK_NAME_MAX + 1];

	if (!bk_is_desk(core) || !bk_id_equal(o->circle->circle, core->self.circle) ||
		o->sender->cert.role != BAKEN__ROLE__ROLE_LEAD)
		return;
	bk_policy_get(core, &now);
	bk_policy_read(o->content->desk_policy, &p);
	if (!bk_policy_newer(&p, &now))
		return;
	bk_rosters_name(core, o->sender->cert.device, by);
	if (!keep(core, &p))
		tell(core, &p, by);
}

/* ---- the lead's ---- */

static int post(struct bk_core *core, const struct bk_policy *p)
{
	Baken__Content content = BAKEN__CONTENT__INIT;
	Baken__DeskPolicy m = BAKEN__DESK_POLICY__INIT;
	struct bk_post post = { .content = &content, .kind = BK_CONTENT_DESK_POLICY };

	m.version = p->version;
#define X(name, usual, least, most) m.name = p->name;
	BK_POLICY_MAP(X)
#undef X
	content.kind_case = BAKEN__CONTENT__KIND_DESK_POLICY;
	content.desk_policy = &m;
	post.class = BAKEN__CLASS__CLASS_NORMAL;
	post.regime = BAKEN__REGIME__REGIME_SECURITY;
	post.circles[post.n_circles++] = core->self.circle;
	return bk_outbox_post(core, &post);
}

static int change(struct bk_command *c, struct bk_policy *p, bool *ret_changed)
{
	for (size_t i = 0; i < NUMBERS; i++) {
		const json_t *v = json_object_get(c->args, numbers[i].name);
		uint64_t n = (uint64_t)json_integer_value(v);

		if (!v)
			continue;
		if (n < numbers[i].least || n > numbers[i].most)
			return BK_E_INVAL;
		*number(p, i) = (uint32_t)n;
		*ret_changed = true;
	}
	return alarm_rises(p) ? 0 : BK_E_INVAL;
}

static bool is_lead(const struct bk_core *core)
{
	return core->self.role == BAKEN__ROLE__ROLE_LEAD;
}

static const struct bk_circle *desk(struct bk_core *core)
{
	return bk_rosters_circle(core, core->self.circle);
}

static void told_all(struct bk_core *core)
{
	const struct bk_circle *c = desk(core);

	for (size_t i = 0; c && i < c->n_on_duty; i++)
		bk_db_put(&core->db, bk_key_id("policyto/", c->on_duty[i]), "1", 1);
}

int bk_policy_cmd(struct bk_core *core, struct bk_command *c)
{
	struct bk_policy p;
	bool changed = false;
	int err = 0;

	bk_policy_get(core, &p);
	err = change(c, &p, &changed);
	if (err) {
		c->say = BK_SAY_FIELD;
		return err;
	}
	if (changed && !is_lead(core)) {
		c->say = BK_SAY_LEAD;
		return BK_E_ROLE;
	}
	if (changed) {
		p.version++;
		err = keep(core, &p);
	}
	if (changed && !err) {
		err = bk_db_clear(&core->db, bk_key("policyto/"));
		told_all(core);
	}
	if (changed && !err)
		err = post(core, &p);
	show(c->answer, &p);
	return err;
}

/* Who comes on duty later was not sent it: desk messages go to those on duty. */
void bk_policy_tick(struct bk_core *core)
{
	const struct bk_circle *c = NULL;
	struct bk_policy p;
	bool missing = false;

	if (!core->signal || !is_lead(core) || !bk_link_online(core))
		return;
	c = desk(core);
	if (!c || c->n_on_duty == core->policy_on_duty)
		return;
	core->policy_on_duty = c->n_on_duty;
	bk_policy_get(core, &p);
	for (size_t i = 0; i < c->n_on_duty && p.version; i++)
		missing = missing || (!bk_id_equal(c->on_duty[i], core->self.device) &&
					     !bk_db_has(&core->db, bk_key_id("policyto/", c->on_duty[i])));
	if (missing && !post(core, &p))
		told_all(core);
}
