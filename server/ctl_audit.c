/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The audit log: shown page by page; verified from its first entry, by the server or from a folder at rest; exported
 * to a file that others can verify.
 */
#include <errno.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <unistd.h>

#include "audit_export.h"
#include "ctl_files.h"
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

/* ---- an exported log ---- */

static enum bk_ctl_text finding(enum bk_audit_fault fault)
{
	static const enum bk_ctl_text texts[] = {
		[BK_AUDIT_WHOLE] = BK_CTL_TEXT_EXPORT_OK,
		[BK_AUDIT_HEADER] = BK_CTL_TEXT_EXPORT_HEADER,
		[BK_AUDIT_ENTRY] = BK_CTL_TEXT_EXPORT_ENTRY,
		[BK_AUDIT_CUT] = BK_CTL_TEXT_EXPORT_CUT,
		[BK_AUDIT_HEAD] = BK_CTL_TEXT_EXPORT_HEAD,
		[BK_AUDIT_AFTER] = BK_CTL_TEXT_EXPORT_AFTER,
		[BK_AUDIT_FOREIGN] = BK_CTL_TEXT_EXPORT_FOREIGN,
	};

	return texts[fault];
}

static void show_check(const struct bk_ctl *ctl, const struct bk_audit_check *c, bool rooted)
{
	static const char *const names[] = {"whole", "header", "entry", "cut", "head", "after", "foreign"};
	char number[24], line[24], at[BK_CTL_TIME_TEXT];

	if (bk_ctl_print(ctl, json_pack("{s:b, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:s, s:b}", "ok", c->fault == BK_AUDIT_WHOLE,
			      "finding", names[c->fault], "number", (json_int_t)c->number, "line", (json_int_t)c->line, "count",
			      (json_int_t)c->count, "first_ms", (json_int_t)c->first_ms, "last_ms", (json_int_t)c->last_ms,
			      "signed_ms", (json_int_t)c->signed_ms, "signer", c->signer, "rooted", rooted)))
		return;
	snprintf(number, sizeof number, "%" PRIu64, c->number);
	snprintf(line, sizeof line, "%" PRIu64, c->line);
	bk_ctl_say(bk_ctl_text(finding(c->fault), ctl->lang), number, line, NULL);
	if (c->fault != BK_AUDIT_WHOLE && c->fault != BK_AUDIT_FOREIGN)
		return;
	bk_ctl_say(CT(ctl, EXPORT_SIGNED), bk_ctl_time(c->signed_ms, at), c->signer, NULL);
	if (!rooted)
		bk_ctl_say(CT(ctl, EXPORT_UNROOTED), NULL);
}

static int verify_file(const struct bk_ctl *ctl, const char *path, const char *root_file)
{
	struct bk_audit_check c;
	uint8_t root[BK_KEY_BYTES];
	FILE *in;
	int err = root_file ? bk_ctl_files_get_hex(root_file, root, sizeof root) : 0;

	if (err)
		return bk_ctl_fail(ctl, err, root_file);
	in = fopen(path, "re");
	if (!in)
		return bk_ctl_fail(ctl, BK_E_NOT_FOUND, path);
	err = bk_audit_export_check(in, root_file ? root : NULL, &c);
	fclose(in);
	if (err)
		return bk_ctl_fail(ctl, err, path);
	show_check(ctl, &c, root_file != NULL);
	return c.fault ? bk_ctl_exit(BK_E_CORRUPT) : 0;
}

struct exporting {
	struct bk_audit_export x;
	bk_hash newest;
	bool any;
};

static int export_entry(void *arg, const struct bk_audit_row *row)
{
	struct exporting *e = arg;

	if (!e->any) /* what aged out of the store is not in the file; entries in it follow on each other */
		e->x.number = row->number - 1;
	e->any = true;
	bk_audit_export_entry(&e->x, row);
	e->newest = row->hash;
	return e->x.failed ? BK_E_IO : 0;
}

static int first_number(void *arg, const struct bk_audit_row *row)
{
	*(uint64_t *)arg = row->number - 1;
	return 1;
}

static int export_view(struct bk_store_view *view, const uint8_t *secret, FILE *out)
{
	struct exporting e = {.any = false};
	struct bk_bytes cert = {NULL, 0};
	uint8_t root[BK_KEY_BYTES];
	uint64_t count = 0, bad = 0, after = 0;
	int err = bk_store_audit_verify(view, &count, &bad); /* an altered log gets no new signature */

	if (!err)
		err = bk_store_trust(view, root, &cert);
	if (!err)
		err = bk_store_audit(view, 0, first_number, &after);
	if (err < 0)
		return err;
	bk_audit_export_begin(&e.x, out, secret, cert, after);
	err = bk_store_audit(view, 0, export_entry, &e);
	return err ? err : bk_audit_export_end(&e.x, e.newest, bk_ctl_now());
}

/* From the store itself, beside a running server: what the server would say of its own log need not be believed. */
int bk_ctl_audit_export(struct bk_ctl *ctl, int argc, char **argv)
{
	const char *key = NULL;
	const struct bk_ctl_option options[] = {{"receipt-key", &key, NULL, NULL, false}};
	char path[BK_CTL_PATH], key_path[BK_CTL_PATH];
	uint8_t secret[BK_ED25519_SECRET_BYTES];
	struct bk_store *store = NULL;
	struct bk_store_view *view = NULL;
	FILE *out = NULL;
	int err;

	if (bk_ctl_options(ctl, argc, argv, options, 1) != 1)
		return bk_ctl_exit(BK_E_USAGE);
	err = bk_ctl_files_absolute(argv[0], path);
	if (!err)
		err = bk_ctl_files_join(key_path, ctl->dir, "receipt.key");
	if (!err)
		err = bk_ctl_files_get_hex(key ? key : key_path, secret, sizeof secret);
	if (!err)
		err = bk_ctl_offline_open(ctl, &store, &view);
	if (!err && !(out = fopen(path, "wxe"))) /* nothing that exists is written over */
		err = errno == EEXIST ? BK_E_EXISTS : BK_E_IO;
	if (!err)
		err = export_view(view, secret, out);
	sodium_memzero(secret, sizeof secret);
	if (out && fclose(out) != 0 && !err)
		err = BK_E_IO;
	if (out && err)
		unlink(path);
	if (store)
		bk_ctl_offline_close(store, view);
	if (err)
		return bk_ctl_fail(ctl, err, path);
	if (!bk_ctl_print(ctl, json_pack("{s:b, s:s}", "ok", 1, "file", path)))
		bk_ctl_say(CT(ctl, EXPORT_DONE), path, NULL);
	return 0;
}

/* ---- the log of a server or a folder ---- */

int bk_ctl_audit_verify(struct bk_ctl *ctl, int argc, char **argv)
{
	const char *root = NULL;
	const struct bk_ctl_option options[] = {{"root", &root, NULL, NULL, false}};
	json_t *result = NULL;
	char number[24];
	uint64_t bad;
	int code, words = bk_ctl_options(ctl, argc, argv, options, 1);

	if (words < 0 || words > 1 || (root && !words))
		return bk_ctl_exit(BK_E_USAGE);
	if (words)
		return verify_file(ctl, argv[0], root);
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
