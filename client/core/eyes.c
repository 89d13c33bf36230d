/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "eyes.h"

bool bk_eyes_may_answer(const struct bk_eyes_request *r, bk_id account)
{
	return !bk_id_equal(r->account, account);
}

static bool counts(const struct bk_eyes_request *r, const struct bk_eyes_word *w)
{
	bool own = !bk_eyes_may_answer(r, w->account);

	switch ((int)w->verb) {
	case BAKEN__APPROVAL__VERB__SENT: /* what went out went out, whatever became of its sender */
		return own;
	case BAKEN__APPROVAL__VERB__TAKEN_BACK:
		return own && w->certified;
	case BAKEN__APPROVAL__VERB__REFUSED:
		return !own && w->certified;
	case BAKEN__APPROVAL__VERB__GIVEN:
		return !own && w->certified && bk_hash_equal(w->draft, r->draft);
	default:
		return false;
	}
}

/* A clock that runs ahead of ours makes no request old. */
static bool is_old(const struct bk_eyes_request *r, bk_ms now)
{
	return now > r->asked_ms && now - r->asked_ms >= BK_EYES_MS;
}

enum bk_eyes bk_eyes_fold(const struct bk_eyes_request *r, const struct bk_eyes_word *words, size_t n, bk_ms now,
	size_t *ret_by)
{
	static const struct {
		Baken__Approval__Verb verb;
		enum bk_eyes state;
	} order[] = { /* the first that somebody said decides */
		{ BAKEN__APPROVAL__VERB__SENT, BK_EYES_SENT },
		{ BAKEN__APPROVAL__VERB__TAKEN_BACK, BK_EYES_TAKEN_BACK },
		{ BAKEN__APPROVAL__VERB__REFUSED, BK_EYES_REFUSED },
		{ BAKEN__APPROVAL__VERB__GIVEN, BK_EYES_GIVEN },
	};
	enum bk_eyes state = is_old(r, now) ? BK_EYES_EXPIRED : BK_EYES_ASKED;
	size_t by = n;

	for (size_t k = 0; k < sizeof(order) / sizeof(order[0]) && by == n; k++)
		for (size_t i = 0; i < n && by == n; i++)
			if (words[i].verb == order[k].verb && counts(r, &words[i])) {
				by = i;
				state = order[k].state;
			}
	if (state == BK_EYES_GIVEN && is_old(r, now)) { /* nobody acted on it in time */
		state = BK_EYES_EXPIRED;
		by = n;
	}
	if (ret_by)
		*ret_by = by;
	return state;
}

const char *bk_eyes_name(enum bk_eyes e)
{
	static const char *const names[] = { "asked", "given", "refused", "taken-back", "expired", "sent" };

	return names[e];
}
