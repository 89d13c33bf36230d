/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What an officer does with a case beside having it: note, urgency, working along, escalation, links. */
#include "cases_in.h"

#include "engine.h"

int bk_cases_check_owner(struct bk_core *core, struct bk_command *c, bk_id case_id)
{
	struct bk_case_state s;

	if (!bk_cases_state(core, case_id, &s))
		return BK_E_NOT_FOUND;
	if (bk_id_equal(s.owner, core->self.device))
		return 0;
	c->say = BK_SAY_NOT_OWNER;
	return BK_E_STATE;
}

int bk_cases_check_mine(struct bk_core *core, struct bk_command *c, bk_id case_id)
{
	struct bk_case_state s;

	if (bk_cases_state(core, case_id, &s) && bk_fold_joined(&s, core->self.device))
		return 0;
	return bk_cases_check_owner(core, c, case_id);
}

static int act(struct bk_core *core, const struct bk_command *c, struct bk_case_event *e, const char *text)
{
	bk_id case_id = bk_json_get_id(c->args, "case");

	return bk_cases_known(core, case_id) ? bk_cases_act(core, case_id, e, text) : BK_E_NOT_FOUND;
}

int bk_cases_cmd_note(struct bk_core *core, struct bk_command *c)
{
	struct bk_case_event e = { .kind = BK_CASE_NOTE };

	return act(core, c, &e, bk_json_get_text(c->args, "text"));
}

int bk_cases_cmd_urgency(struct bk_core *core, struct bk_command *c)
{
	static const char *const words[] = { "as-said", "can-wait", "today", "now" };
	struct bk_case_event e = { .kind = BK_CASE_URGENCY };

	for (unsigned i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		e.urgency = i;
		if (!strcmp(bk_json_get_text(c->args, "urgency"), words[i]))
			return act(core, c, &e, bk_json_get_text(c->args, "reason"));
	}
	c->say = BK_SAY_FIELD;
	return BK_E_INVAL;
}

/* Twice is once. */
static int work_along(struct bk_core *core, const struct bk_command *c, enum bk_case_kind kind)
{
	bk_id case_id = bk_json_get_id(c->args, "case");
	struct bk_case_event e = { .kind = kind };
	struct bk_case_state s;

	if (!bk_cases_state(core, case_id, &s))
		return BK_E_NOT_FOUND;
	if (s.closed)
		return BK_E_STATE;
	if (bk_fold_joined(&s, core->self.device) == (kind == BK_CASE_JOINED))
		return 0;
	return bk_cases_act(core, case_id, &e, NULL);
}

int bk_cases_cmd_join(struct bk_core *core, struct bk_command *c)
{
	return work_along(core, c, BK_CASE_JOINED);
}

int bk_cases_cmd_leave(struct bk_core *core, struct bk_command *c)
{
	return work_along(core, c, BK_CASE_LEFT);
}

/* One level up, or to the level that is named. */
int bk_cases_cmd_escalate(struct bk_core *core, struct bk_command *c)
{
	struct bk_case_event e = { .kind = BK_CASE_ESCALATED, .by_hand = true };
	uint64_t level = bk_json_get_int(c->args, "level");
	struct bk_case_state s;
	int err = 0;

	if (!bk_cases_state(core, bk_json_get_id(c->args, "case"), &s))
		return BK_E_NOT_FOUND;
	if (s.closed || bk_fold_level(&s) == 3)
		return BK_E_STATE;
	e.level = level ? (unsigned)level : bk_fold_level(&s) + 1;
	err = act(core, c, &e, bk_json_get_text(c->args, "reason"));
	bk_json_int(c->answer, "level", e.level);
	return err;
}

static int link_one(struct bk_core *core, bk_id case_id, bk_id other)
{
	struct bk_case_event e = { .kind = BK_CASE_LINKED, .other = other };

	return bk_cases_act(core, case_id, &e, NULL);
}

/* Of one household, as the registrar signed it; both cases say so, and neither person reads the other's. */
int bk_cases_cmd_link(struct bk_core *core, struct bk_command *c)
{
	bk_id a = bk_json_get_id(c->args, "case"), b = bk_json_get_id(c->args, "with");
	int err = 0;

	if (!bk_cases_known(core, a) || !bk_cases_known(core, b))
		return BK_E_NOT_FOUND;
	if (!bk_cases_same_household(core, bk_cases_person(core, a), bk_cases_person(core, b))) {
		c->say = BK_SAY_HOUSEHOLD;
		return BK_E_ROLE;
	}
	err = link_one(core, a, b);
	return err ? err : link_one(core, b, a);
}
