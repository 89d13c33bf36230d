/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "path.h"

#include "escalate.h"
#include "handlers.h"
#include "hook.h"
#include "log.h"
#include "server.h"

void bk_path_init(struct bk_path *p, uint64_t silent_ms, bk_ms now)
{
	memset(p, 0, sizeof *p);
	p->started_ms = now;
	p->silent_ms = silent_ms;
}

enum bk_path_state bk_path_judge(const struct bk_path *p, const struct bk_path_desk *desk, bk_ms now)
{
	bk_ms since = desk ? desk->told_ms : p->started_ms;

	if (p->silent_ms && now > since && now - since > p->silent_ms)
		return BK_PATH_SILENT;
	if (!desk)
		return BK_PATH_WAITING;
	return desk->late ? BK_PATH_LATE : BK_PATH_FINE;
}

enum bk_path_state bk_path_worst(const struct bk_path *p, bk_ms now)
{
	enum bk_path_state worst = BK_PATH_WAITING;

	if (!p->n)
		return bk_path_judge(p, NULL, now);
	for (size_t i = 0; i < p->n; i++) {
		enum bk_path_state state = bk_path_judge(p, &p->desks[i], now);

		worst = state > worst ? state : worst;
	}
	return worst;
}

struct bk_path_desk *bk_path_desk(struct bk_path *p, bk_id circle)
{
	for (size_t i = 0; i < p->n; i++)
		if (bk_id_equal(p->desks[i].circle, circle))
			return &p->desks[i];
	if (p->n == BK_PATH_DESKS)
		return NULL;
	p->desks[p->n].circle = circle;
	return &p->desks[p->n++];
}

const char *bk_path_word(enum bk_path_state state)
{
	static const char *const words[] = {"waiting", "fine", "late", "silent"};

	return words[state <= BK_PATH_SILENT ? state : BK_PATH_WAITING];
}

/* ---- saying it ---- */

static bool is_bad(enum bk_path_state state)
{
	return state == BK_PATH_LATE || state == BK_PATH_SILENT;
}

static void run_hook(struct bk_server *s, const struct bk_path_desk *desk, bk_ms now)
{
	struct bk_hook_facts facts = {.event = "path-late", .stored_ms = desk ? desk->told_ms : s->path.started_ms};

	facts.late_ms = now > facts.stored_ms ? now - facts.stored_ms : 0;
	bk_escalate_hook(s, &facts);
}

/* From bad to well and back; what was never bad is not worth a line when it becomes well. */
static void say(struct bk_server *s, const struct bk_path_desk *desk, enum bk_path_state *said, bk_ms now)
{
	enum bk_path_state state = bk_path_judge(&s->path, desk, now), before = *said;
	const char *name = desk ? bk_log_device(desk->circle) : "-";
	unsigned shown = desk ? desk->shown : 0, expected = desk ? desk->expected : 0;

	if (state == before)
		return;
	*said = state;
	if (is_bad(state)) {
		s->stats.paths_late++;
		bk_log(BK_LOG_PATH_LATE, "desk=%s why=%s shown=%u expected=%u", name, bk_path_word(state), shown, expected);
		bk_audit(s, "PATH-LATE", "desk=%s why=%s shown=%u expected=%u", name, bk_path_word(state), shown, expected);
		run_hook(s, desk, now);
	} else if (is_bad(before)) {
		bk_log(BK_LOG_PATH_OK, "desk=%s shown=%u expected=%u", name, shown, expected);
		bk_audit(s, "PATH-OK", "desk=%s shown=%u expected=%u", name, shown, expected);
	}
}

void bk_path_tick(struct bk_server *s, bk_ms now)
{
	struct bk_path *p = &s->path;

	if (!p->n)
		say(s, NULL, &p->said, now);
	for (size_t i = 0; i < p->n; i++)
		say(s, &p->desks[i], &p->desks[i].said, now);
}

/* ---- the frame ---- */

void bk_handle_path(struct bk_conn *c, const Baken__Frame *f)
{
	const Baken__PathHealth *m = f->path_health;
	struct bk_path_desk *desk = bk_path_desk(&c->server->path, c->circle);
	Baken__Frame reply = BAKEN__FRAME__INIT;
	Baken__PathHealth state = BAKEN__PATH_HEALTH__INIT;

	if (!desk) {
		bk_conn_error(c, f->request, BK_E_FULL, 0);
		return;
	}
	desk->told_ms = bk_now();
	desk->sent_ms = m->sent_ms;
	desk->shown = m->shown;
	desk->expected = m->expected;
	desk->missing = (unsigned)m->n_silent;
	desk->late = m->late;
	c->server->stats.path_reports++;
	bk_path_tick(c->server, desk->told_ms);
	state.nonce = m->nonce;
	state.sent_ms = m->sent_ms;
	state.late = m->late;
	reply.request = f->request;
	reply.kind_case = BAKEN__FRAME__KIND_PATH_HEALTH;
	reply.path_health = &state;
	bk_conn_send(c, &reply);
}
