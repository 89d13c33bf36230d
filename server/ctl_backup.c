/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * backup: made by the running server (control_backup.c). restore: verified into a folder of its own, complete or
 * absent; it starts as the server that was, where the secret keys that are no part of a backup are given too.
 */
#include <dirent.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "atomic_file.h"
#include "ctl_files.h"
#include "ctl_link.h"
#include "store.h"

#define FILE_BYTES_MAX (128ull * 1024u * 1024u) /* a padded attachment and its tags */

int bk_ctl_backup(struct bk_ctl *ctl, int argc, char **argv)
{
	const char *to = NULL;
	const struct bk_ctl_option options[] = {{"to", &to, NULL, NULL, true}};
	char path[BK_CTL_PATH], files[24], bytes[BK_CTL_TIME_TEXT];
	json_t *reply = NULL;
	int err, code;

	if (bk_ctl_options(ctl, argc, argv, options, 1) != 0)
		return bk_ctl_exit(BK_E_USAGE);
	err = bk_ctl_files_absolute(to, path);
	if (err)
		return bk_ctl_fail(ctl, err, NULL);
	code = bk_ctl_link_once(ctl, "backup", json_pack("{s:s}", "to", path), &reply);
	if (code)
		return code;
	snprintf(files, sizeof files, "%llu", (unsigned long long)bk_ctl_u64(reply, "files"));
	bk_ctl_bytes(bk_ctl_u64(reply, "bytes"), bytes);
	if (bk_ctl_print(ctl, reply))
		return 0;
	bk_ctl_say(CT(ctl, BACKUP_DONE), path, files, bytes, NULL);
	bk_ctl_say(CT(ctl, BACKUP_KEYS), NULL);
	return 0;
}

/* ---- restore ---- */

struct restoring {
	const char *from_text, *to_text, *seal, *receipt, *tls;
	char from[BK_CTL_PATH], to[BK_CTL_PATH], tmp[BK_CTL_PATH];
	struct bk_store_stats stats;
	uint64_t files;
};

static int restore_store(struct restoring *r)
{
	char from[BK_CTL_PATH], to[BK_CTL_PATH];
	uint8_t seal[BK_KEY_BYTES];
	int err = bk_ctl_files_get_hex(r->seal, seal, sizeof seal);

	if (!err)
		err = bk_ctl_files_join(from, r->from, "store");
	if (!err)
		err = bk_ctl_files_join(to, r->tmp, "store");
	if (!err)
		err = bk_store_restore(from, to, seal, bk_ctl_now(), &r->stats);
	if (!err)
		err = bk_ctl_files_put_hex(r->tmp, "seal.key", seal, sizeof seal);
	sodium_memzero(seal, sizeof seal);
	return err;
}

/* An attachment's name is the hash of its bytes: a damaged copy is found here, not at a desk. */
static int restore_file(const char *from, const char *to, const char *name)
{
	char path[BK_CTL_PATH];
	uint8_t *data = NULL;
	size_t len = 0;
	bk_hash want, is;
	int err = bk_hex_decode(want.b, sizeof want.b, name);

	if (!err)
		err = bk_ctl_files_join(path, from, name);
	if (!err)
		err = bk_atomic_file_read(path, FILE_BYTES_MAX, &data, &len);
	if (!err) {
		is = bk_hash_of(data, len);
		err = bk_hash_equal(want, is) ? bk_ctl_files_put(to, name, data, len) : BK_E_HASH;
	}
	free(data);
	return err;
}

static int restore_files(struct restoring *r)
{
	char from[BK_CTL_PATH], to[BK_CTL_PATH];
	struct dirent *e;
	int err = bk_ctl_files_join(from, r->from, "files");
	DIR *d;

	if (!err)
		err = bk_ctl_files_join(to, r->tmp, "files");
	if (err)
		return err;
	d = opendir(from);
	if (!d || mkdir(to, 0700) != 0)
		err = d ? BK_E_IO : BK_E_INCOMPLETE;
	while (!err && (e = readdir(d)))
		if (e->d_name[0] != '.') {
			err = restore_file(from, to, e->d_name);
			r->files++;
		}
	if (d)
		closedir(d);
	return err;
}

static int restore_public(struct restoring *r)
{
	static const char *const names[] = {"ca.pem", "tls.pem", "server.cert", "root.pub", "address"};
	char path[BK_CTL_PATH], *data = NULL;
	size_t len = 0;
	int err = 0;

	for (size_t i = 0; !err && i < sizeof names / sizeof *names; i++) {
		err = bk_ctl_files_join(path, r->from, names[i]);
		if (!err)
			err = bk_ctl_files_get(path, &data, &len);
		if (!err)
			err = bk_ctl_files_put(r->tmp, names[i], data, len);
		else if (err == BK_E_NOT_FOUND)
			err = 0; /* ca.pem only with a private CA; certificates may lie elsewhere */
		free(data);
		data = NULL;
	}
	return err;
}

static int restore_secrets(const struct restoring *r)
{
	uint8_t receipt[64];
	char *pem = NULL;
	size_t len = 0;
	int err = 0;

	if (r->receipt) {
		err = bk_ctl_files_get_hex(r->receipt, receipt, sizeof receipt);
		if (!err)
			err = bk_ctl_files_put_hex(r->tmp, "receipt.key", receipt, sizeof receipt);
		sodium_memzero(receipt, sizeof receipt);
	}
	if (!err && r->tls) {
		err = bk_ctl_files_get(r->tls, &pem, &len);
		if (!err) {
			err = bk_ctl_files_put(r->tmp, "tls.key", pem, len);
			sodium_memzero(pem, len);
		}
		free(pem);
	}
	return err;
}

/* The configuration that was, with its own folder's name changed to the new one. */
static int restore_conf(const struct restoring *r)
{
	char path[BK_CTL_PATH], old[BK_CTL_PATH] = "", *text = NULL, *line, *save = NULL, *out = NULL;
	size_t len = 0, room;
	FILE *f = NULL;
	int err = bk_ctl_files_join(path, r->from, "bakend.conf");

	if (!err)
		err = bk_ctl_files_get(path, &text, NULL);
	if (err)
		return err == BK_E_NOT_FOUND ? 0 : err;
	f = open_memstream(&out, &room);
	if (!f)
		err = BK_E_NOMEM;
	for (line = strtok_r(text, "\n", &save); f && line; line = strtok_r(NULL, "\n", &save)) {
		const char *at;

		if (sscanf(line, "dir = %4095[^\n]", old) == 1)
			fprintf(f, "dir = %s\n", r->to);
		else if (*old && (at = strstr(line, old)) && at[strlen(old)] == '/')
			fprintf(f, "%.*s%s%s\n", (int)(at - line), line, r->to, at + strlen(old));
		else
			fprintf(f, "%s\n", line);
	}
	if (f && fclose(f) != 0)
		err = BK_E_NOMEM;
	len = out ? strlen(out) : 0;
	if (!err)
		err = bk_ctl_files_put(r->tmp, "bakend.conf", out, len);
	free(out);
	free(text);
	return err;
}

static int restore(struct restoring *r)
{
	int err = bk_ctl_files_absolute(r->from_text, r->from);

	if (!err)
		err = access(r->from, F_OK) == 0 ? bk_ctl_files_absolute(r->to_text, r->to) : BK_E_NOT_FOUND;
	if (!err)
		err = bk_ctl_files_begin(r->to, r->tmp);
	if (!err)
		err = restore_store(r);
	if (!err)
		err = restore_files(r);
	if (!err)
		err = restore_public(r);
	if (!err)
		err = restore_secrets(r);
	if (!err)
		err = restore_conf(r);
	if (!err)
		err = bk_ctl_files_finish(r->tmp, r->to);
	if (err)
		bk_ctl_files_abandon(r->tmp);
	return err;
}

static void said(const struct bk_ctl *ctl, const struct restoring *r)
{
	const struct {
		enum bk_ctl_text label;
		uint64_t v;
	} rows[] = {
		{BK_CTL_TEXT_ST_ACCOUNTS, r->stats.accounts}, {BK_CTL_TEXT_ST_DEVICES, r->stats.devices},
		{BK_CTL_TEXT_ST_CIRCLES, r->stats.circles},   {BK_CTL_TEXT_ST_QUEUED, r->stats.queued},
		{BK_CTL_TEXT_ST_BODIES, r->stats.bodies},     {BK_CTL_TEXT_ST_FILES, r->files},
		{BK_CTL_TEXT_ST_AUDIT, r->stats.audit},
	};
	char conf[BK_CTL_PATH], due[24], held[24];

	bk_ctl_say(CT(ctl, RESTORE_DONE), r->to, NULL);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		printf("  %-24s %llu\n", bk_ctl_text(rows[i].label, ctl->lang), (unsigned long long)rows[i].v);
	bk_ctl_say(CT(ctl, RESTORE_NEXT), NULL);
	snprintf(due, sizeof due, "%llu", (unsigned long long)r->stats.due);
	bk_ctl_say(CT(ctl, RESTORE_DUE), due, NULL);
	snprintf(held, sizeof held, "%llu", (unsigned long long)r->stats.timers_held);
	snprintf(due, sizeof due, "%llu", (unsigned long long)r->stats.timers_due);
	if (r->stats.timers_held)
		bk_ctl_say(CT(ctl, RESTORE_TIMERS), held, due, NULL);
	if (!bk_ctl_files_join(conf, r->to, "bakend.conf"))
		bk_ctl_say(CT(ctl, RESTORE_CONF), conf, NULL);
	if (!r->receipt || !r->tls)
		bk_ctl_say(CT(ctl, RESTORE_KEYS), r->to, NULL);
}

int bk_ctl_restore(struct bk_ctl *ctl, int argc, char **argv)
{
	struct restoring r = {.from_text = NULL};
	const struct bk_ctl_option options[] = {
		{"from", &r.from_text, NULL, NULL, true},      {"to", &r.to_text, NULL, NULL, true},
		{"seal-key", &r.seal, NULL, NULL, true},       {"receipt-key", &r.receipt, NULL, NULL, false},
		{"tls-key", &r.tls, NULL, NULL, false},
	};
	int err;

	if (bk_ctl_options(ctl, argc, argv, options, 5) != 0)
		return bk_ctl_exit(BK_E_USAGE);
	err = restore(&r);
	if (err)
		return bk_ctl_fail(ctl, err, NULL);
	if (ctl->json)
		bk_ctl_print(ctl, json_pack("{s:b, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "ok", 1, "dir", r.to, "accounts",
			(json_int_t)r.stats.accounts, "devices", (json_int_t)r.stats.devices, "circles",
			(json_int_t)r.stats.circles, "queued", (json_int_t)r.stats.queued, "bodies",
			(json_int_t)r.stats.bodies, "files", (json_int_t)r.files, "audit", (json_int_t)r.stats.audit,
			"due", (json_int_t)r.stats.due, "timers_held", (json_int_t)r.stats.timers_held, "timers_due",
			(json_int_t)r.stats.timers_due));
	else
		said(ctl, &r);
	return 0;
}
