/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The folder of files: made, counted, and cleared of what no record names any more. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "files_in.h"
#include "handlers.h"
#include "log.h"
#include "server.h"

#define EXPIRE_ROUNDS 1000 /* bounded steps of the store's jobs in one go; the next go continues */

/* Known to the store? An upload by its id, a complete file by its hash. *ret_promised: bytes it may grow to. */
static bool named(struct bk_files *f, struct bk_store_view *v, const char *name, uint64_t size, uint64_t *ret_promised)
{
	struct bk_file_row row;
	bk_hash hash;
	bk_id id;

	*ret_promised = size;
	if (strlen(name) == 2 * BK_HASH_BYTES && bk_hex_decode(hash.b, BK_HASH_BYTES, name) == 0)
		return bk_store_file(v, hash, &row) == 0;
	if (bk_id_parse(name, &id) != 0)
		return true; /* not ours: left alone */
	if (bk_store_upload(v, id, &row) == 0) {
		*ret_promised = row.size;
		return !row.complete;
	}
	return bk_idmap_find(&f->busy, id) != NULL; /* being created */
}

/* Sums what is there; unlinks what nothing names and is older than a day (a commit may be on its way). */
static int sweep(struct bk_files *f, uint64_t *ret_removed)
{
	struct bk_store_view *v = NULL;
	bk_ms now = bk_now();
	uint64_t bytes = 0;
	struct dirent *e;
	DIR *d = opendir(f->path);
	int err = d ? bk_store_view_begin(f->server->store, &v) : BK_E_IO;

	while (!err && (e = readdir(d))) {
		struct stat st;
		uint64_t promised;

		if (e->d_name[0] == '.' || fstatat(f->dir, e->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(st.st_mode))
			continue;
		if (named(f, v, e->d_name, (uint64_t)st.st_size, &promised) ||
			(bk_ms)st.st_mtime * 1000 + 86400000ull > now) {
			bytes += promised;
		} else if (unlinkat(f->dir, e->d_name, 0) == 0) {
			(*ret_removed)++;
		}
	}
	if (v)
		bk_store_view_end(v);
	if (d)
		closedir(d);
	if (!err)
		f->bytes = bytes;
	return err;
}

int bk_files_start(struct bk_server *s, struct bk_files **ret_files)
{
	struct bk_files *f = calloc(1, sizeof *f);
	uint64_t removed = 0;
	int err = BK_E_IO;

	if (!f)
		return BK_E_NOMEM;
	f->server = s;
	f->dir = -1;
	f->max = s->o.files_gib << 30;
	snprintf(f->path, sizeof f->path, "%s/files", s->o.dir);
	if (mkdir(f->path, 0700) == 0 || errno == EEXIST)
		f->dir = open(f->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (f->dir >= 0)
		err = sweep(f, &removed);
	if (err) {
		bk_files_stop(f);
		return err;
	}
	*ret_files = f;
	return 0;
}

bool bk_files_busy(const struct bk_files *f)
{
	return f->working != 0;
}

void bk_files_stop(struct bk_files *f)
{
	if (!f)
		return;
	if (f->dir >= 0)
		close(f->dir);
	bk_idmap_done(&f->busy);
	free(f);
}

/* ---- expiry ---- */

struct expiry { /* both ends of the job */
	int dir;
	bk_ms now;
	uint64_t removed;
	int rounds;
	bool more;
	void (*done)(void *arg, uint64_t removed, int err);
	void *arg;
};

static void gone(void *arg, bk_hash file)
{
	struct expiry *e = arg;
	char name[BK_HASH_TEXT];

	e->removed += unlinkat(e->dir, bk_hex_encode(name, file.b, BK_HASH_BYTES), 0) == 0;
}

/* One bounded step at a time: what people send meanwhile gets its turn between two of them. */
static int expire_task(struct bk_store *store, struct bk_job *job)
{
	struct expiry *e = job->more;

	e->rounds++;
	return bk_store_expire(store, e->now, gone, e, &e->more);
}

static void expire_done(struct bk_server *s, struct bk_job *job)
{
	struct expiry *e = job->more;

	if (!job->err && e->more && e->rounds < EXPIRE_ROUNDS && !s->stopping) {
		job->next = NULL;
		bk_writer_push(s->writer, job);
		return;
	}
	s->files->expiring = false;
	if (!job->err)
		job->err = sweep(s->files, &e->removed);
	if (job->err)
		bk_log(BK_LOG_STORE_FAILED, "expire=%s", bk_err_name(job->err));
	if (e->done)
		e->done(e->arg, e->removed, job->err);
	bk_job_free(job);
}

void bk_files_expire(struct bk_server *s, void (*done)(void *arg, uint64_t removed, int err), void *arg)
{
	struct bk_job *job = s->files->expiring ? NULL : bk_job_new(BK_OP_KINDS, 0);
	struct expiry *e = job ? calloc(1, sizeof *e) : NULL;

	if (!e) {
		bk_job_free(job);
		if (done)
			done(arg, 0, BK_E_BUSY);
		return;
	}
	s->files->expiring = true;
	*e = (struct expiry){.dir = s->files->dir, .now = bk_now(), .done = done, .arg = arg};
	job->more = e;
	job->task = expire_task;
	job->done = expire_done;
	bk_writer_push(s->writer, job);
}
