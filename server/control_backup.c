/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A hot backup: store first, then files (complete ones never change, and one that a stored message names was
 * there before the message), then what is public of the configuration. Secret keys are never part of it.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control_in.h"
#include "handlers.h"

#define PATH_BYTES 1200

struct backup {
	uv_work_t work;
	struct bk_question *q;
	struct bk_server *server;
	char from[600], to[600];
	char public_files[5][600];
	uint64_t files, bytes;
	int err;
};
static bool running; /* one at a time: they read the whole store */

static int copy_file(int from_dir, const char *from, int to_dir, const char *to, struct backup *b)
{
	int in = openat(from_dir, from, O_RDONLY | O_CLOEXEC | O_NOFOLLOW), out, err = 0;
	struct stat st;
	off_t at = 0;

	if (in < 0)
		return errno == ENOENT ? BK_E_NOT_FOUND : BK_E_IO;
	out = openat(to_dir, to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (out < 0 || fstat(in, &st) != 0)
		err = BK_E_IO;
	while (!err && at < st.st_size)
		if (sendfile(out, in, &at, (size_t)(st.st_size - at)) <= 0)
			err = errno == ENOSPC ? BK_E_FULL : BK_E_IO;
	if (!err && fsync(out) != 0)
		err = BK_E_IO;
	if (out >= 0)
		close(out);
	close(in);
	if (!err) {
		b->files++;
		b->bytes += (uint64_t)st.st_size;
	}
	return err;
}

static int copy_files(struct backup *b, int to)
{
	char path[PATH_BYTES];
	struct dirent *e;
	int from, into, err = 0;
	DIR *d;

	snprintf(path, sizeof path, "%s/files", b->from);
	d = opendir(path);
	if (!d || mkdirat(to, "files", 0700) != 0) {
		if (d)
			closedir(d);
		return BK_E_IO;
	}
	from = dirfd(d);
	into = openat(to, "files", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	while (!err && into >= 0 && (e = readdir(d)))
		if (strlen(e->d_name) == 2 * BK_HASH_BYTES) { /* complete ones; uploads begin again */
			err = copy_file(from, e->d_name, into, e->d_name, b);
			if (err == BK_E_NOT_FOUND)
				err = 0; /* expired meanwhile */
		}
	if (!err && (into < 0 || fsync(into) != 0))
		err = BK_E_IO;
	if (into >= 0)
		close(into);
	closedir(d);
	return err;
}

static int copy_public(struct backup *b, int to)
{
	int err = 0;

	for (size_t i = 0; !err && i < 5; i++) {
		const char *name = strrchr(b->public_files[i], '/');

		if (!name)
			continue;
		err = copy_file(AT_FDCWD, b->public_files[i], to, name + 1, b);
		if (err == BK_E_NOT_FOUND)
			err = 0; /* ca.pem and bakend.conf exist only as `server init` made them */
	}
	return err;
}

static void work(uv_work_t *w)
{
	struct backup *b = w->data;
	char path[PATH_BYTES];
	int to;

	if (mkdir(b->to, 0700) != 0) { /* never into something that exists */
		b->err = errno == EEXIST ? BK_E_EXISTS : BK_E_IO;
		return;
	}
	snprintf(path, sizeof path, "%s/store", b->to);
	b->err = bk_store_backup(b->server->store, path, bk_now());
	to = open(b->to, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (!b->err && to < 0)
		b->err = BK_E_IO;
	if (!b->err)
		b->err = copy_files(b, to);
	if (!b->err)
		b->err = copy_public(b, to);
	if (!b->err && fsync(to) != 0)
		b->err = BK_E_IO;
	if (to >= 0)
		close(to);
}

static void worked(uv_work_t *w, int status)
{
	struct backup *b = w->data;
	int err = status ? BK_E_CANCELLED : b->err;

	running = false;
	if (err) {
		bk_control_fail(b->q, err);
	} else {
		bk_audit(b->server, "BACKUP", "files=%llu bytes=%llu", (unsigned long long)b->files, (unsigned long long)b->bytes);
		bk_control_reply(b->q, json_pack("{s:I, s:I}", "files", (json_int_t)b->files, "bytes", (json_int_t)b->bytes));
	}
	free(b);
}

void bk_control_backup(struct bk_question *q)
{
	struct bk_server *s = bk_question_server(q);
	const char *to = json_string_value(json_object_get(bk_question_args(q), "to"));
	struct backup *b;
	size_t n = 0;

	if (!to || *to != '/' || strlen(to) >= sizeof b->to || strlen(s->o.dir) >= sizeof b->from) {
		bk_control_fail(q, BK_E_INVAL);
		return;
	}
	if (running) {
		bk_control_fail(q, BK_E_BUSY);
		return;
	}
	b = calloc(1, sizeof *b);
	if (!b) {
		bk_control_fail(q, BK_E_NOMEM);
		return;
	}
	b->q = q;
	b->server = s;
	strcpy(b->from, s->o.dir);
	strcpy(b->to, to);
	snprintf(b->public_files[n++], sizeof b->public_files[0], "%s/bakend.conf", s->o.dir);
	snprintf(b->public_files[n++], sizeof b->public_files[0], "%s/ca.pem", s->o.dir);
	snprintf(b->public_files[n++], sizeof b->public_files[0], "%s", s->o.tls_cert);
	snprintf(b->public_files[n++], sizeof b->public_files[0], "%s", s->o.server_cert);
	snprintf(b->public_files[n++], sizeof b->public_files[0], "%s", s->o.root_key);
	b->work.data = b;
	running = true;
	uv_queue_work(s->loop, &b->work, work, worked);
}
