/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The audit log: shown page by page, verified from its first entry, by the server or from a folder at rest. */
#include <stdio.h>

#include "ctl_link.h"
#include "ctl_offline.h"

#define PAGE 500u

/* ---- verify ---- */

static int last_hash(void *arg, const struct bk_audit_row *row)
{
	*(bk_hash *)arg = row->hash;
	return 0;
}

static int verify_at_rest(const struct bk_ctl *ctl, json_t **ret_result)
{
	struct bk_store *store = NULL;
	struct bk_store_view *view = NULL;
	uint64_t count = 0, bad = 0;
	bk_hash hash = {{0}};
	int err = bk_ctl_offline_open(ctl, &store, &view);

	if (!err)
		err = bk_store_audit_verify(view, &count, &bad);
	if (!err && count)
		err = bk_store_audit(view, count, last_hash, &hash);
	if (store)
		bk_ctl_offline_close(store, view);
	if (err && err != BK_E_CORRUPT)
		return bk_ctl_fail(ctl, err == BK_E_NOT_FOUND ? BK_E_NET : err, NULL);
	*ret_result = json_pack("{s:b, s:I, s:I, s:o}", "ok", 1, "count", (json_int_t)count, "bad", (json_int_t)bad, "hash",
		bk_ctl_json_hex(hash.b, sizeof hash.b));
	return 0;
}

int bk_ctl_audit_verify(struct bk_ctl *ctl, int argc, char **argv)
{
	json_t *result = NULL;
	char number[24];
	uint64_t bad;
	int code;

	if (bk_ctl_options(ctl, argc, argv, NULL, 0) != 0)
		return bk_ctl_exit(BK_E_USAGE);
	if (!ctl->socket && !bk_ctl_offline_served(ctl))
		code = verify_at_rest(ctl, &result);
	else
		code = bk_ctl_link_once(ctl, "audit-verify", NULL, &result);
	if (code)
		return code;
	bad = bk_ctl_u64(result, "bad");
	snprintf(number, sizeof number, "%llu", (unsigned long long)(bad ? bad : bk_ctl_u64(result, "count")));
	if (!ctl->json)
		bk_ctl_say(bad ? CT(ctl, AUDIT_BAD) : CT(ctl, AUDIT_OK), number, bk_ctl_str(result, "hash"), NULL);
	json_object_set_new(result, "ok", json_boolean(!bad));
	bk_ctl_print(ctl, result);
	return bad ? bk_ctl_exit(BK_E_CORRUPT) : 0;
}

/* ---- list ---- */

static void show(const struct bk_ctl *ctl, const json_t *e)
{
	char at[BK_CTL_TIME_TEXT];

	if (ctl->json) {
		json_dumpf(e, stdout, JSON_COMPACT);
		putchar('\n');
		return;
	}
	printf("%7llu  %s  %-16s %s\n", (unsigned long long)bk_ctl_u64(e, "number"), bk_ctl_time(bk_ctl_u64(e, "at_ms"), at),
		bk_ctl_shown(bk_ctl_str(e, "event")), bk_ctl_shown(bk_ctl_str(e, "detail")));
}

/* With --json one entry a line. */
int bk_ctl_audit_list(struct bk_ctl *ctl, int argc, char **argv)
{
	const char *from_text = NULL, *max_text = NULL;
	const struct bk_ctl_option options[] = {{"from", &from_text, NULL, NULL, false}, {"max", &max_text, NULL, NULL, false}};
	uint64_t from = 1, max = 0;
	struct bk_ctl_link *l = NULL;
	bool more = true;
	int err;

	if (bk_ctl_options(ctl, argc, argv, options, 2) != 0 || bk_ctl_number(from_text, 1, UINT32_MAX, 1, &from) ||
		bk_ctl_number(max_text, 1, UINT32_MAX, UINT32_MAX, &max))
		return bk_ctl_exit(BK_E_USAGE);
	err = bk_ctl_link_open(ctl, &l);
	while (!err && more && max) {
		json_t *reply = NULL, *e;
		size_t i;

		err = bk_ctl_link_call(l, "audit",
			json_pack("{s:I, s:I}", "from", (json_int_t)from, "max", (json_int_t)(max < PAGE ? max : PAGE)), &reply);
		json_array_foreach(json_object_get(reply, "entries"), i, e)
			show(ctl, e);
		more = bk_ctl_is(reply, "more") && i;
		from += i;
		max -= i;
		json_decref(reply);
	}
	bk_ctl_link_close(l);
	return err ? bk_ctl_fail(ctl, err, NULL) : 0;
}
