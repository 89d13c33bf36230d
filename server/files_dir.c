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

#define SWEEP_STEP 256    /* files looked at between two turns of the loop */
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

/* A walk through the folder, some at a time, so that messages are not kept waiting by a full one. */
struct sweep {
	DIR *folder; /* NULL: over */
	uint64_t counted, before, removed;
};

static int sweep_begin(struct bk_files *f, struct sweep *w)
{
	w->folder = opendir(f->path);
	w->counted = 0;
	w->before = f->bytes;
	return w->folder ? 0 : BK_E_IO;
}

/* Sums what is there; unlinks what nothing names and is older than a day (a commit may be on its way). */
static void sweep_one(struct bk_files *f, struct bk_store_view *v, struct sweep *w, const char *name)
{
	uint64_t promised;
	struct stat st;

	if (*name == '.' || fstatat(f->dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(st.st_mode))
		return;
	if (named(f, v, name, (uint64_t)st.st_size, &promised) || (bk_ms)st.st_mtime * 1000 + 86400000ull > bk_now())
		w->counted += promised;
	else
		w->removed += unlinkat(f->dir, name, 0) == 0;
}

/* What changed since the walk began is put on its sum: too much rather than too little, until the next one. */
static void sweep_end(struct bk_files *f, struct sweep *w)
{
	uint64_t since = f->bytes - w->before;

	closedir(w->folder);
	w->folder = NULL;
	f->bytes = f->bytes < w->before && w->counted < w->before - f->bytes ? 0 : w->counted + since;
}

static int sweep_some(struct bk_files *f, struct sweep *w)
{
	struct bk_store_view *v = NULL;
	const struct dirent *e = NULL;
	int err = bk_store_view_begin(f->server->store, &v);

	if (err) {
		closedir(w->folder);
		w->folder = NULL;
		return err;
	}
	for (size_t i = 0; i < SWEEP_STEP && (e = readdir(w->folder)); i++)
		sweep_one(f, v, w, e->d_name);
	bk_store_view_end(v);
	if (!e)
		sweep_end(f, w);
	return 0;
}

int bk_files_start(struct bk_server *s, struct bk_files **ret_files)
{
	struct bk_files *f = calloc(1, sizeof *f);
	struct sweep w = {.folder = NULL};
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
		err = sweep_begin(f, &w);
	while (!err && w.folder)
		err = sweep_some(f, &w);
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
	struct sweep sweep;
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
	int err = e->rounds++ == 0 && e->done ? bk_store_thaw(store) : 0; /* asked for by hand */

	return err ? err : bk_store_expire(store, e->now, gone, e, &e->more);
}

/* Through the writer and back: the loop has turned in between. */
static int turn_task(struct bk_store *store, struct bk_job *job)
{
	(void)store;
	(void)job;
	return 0;
}

static void again(struct bk_server *s, struct bk_job *job)
{
	job->next = NULL;
	bk_writer_push(s->writer, job);
}

static void expire_over(struct bk_server *s, struct bk_job *job, int err)
{
	struct expiry *e = job->more;

	if (e->sweep.folder)
		closedir(e->sweep.folder);
	s->files->expiring = false;
	if (err && err != BK_E_CANCELLED)
		bk_log(BK_LOG_STORE_FAILED, "expire=%s", bk_err_name(err));
	if (e->done)
		e->done(e->arg, e->removed + e->sweep.removed, err);
	bk_job_free(job);
}

static void sweep_done(struct bk_server *s, struct bk_job *job)
{
	struct expiry *e = job->more;
	int err = job->err ? job->err : sweep_some(s->files, &e->sweep);

	if (!err && e->sweep.folder && !s->stopping)
		again(s, job);
	else
		expire_over(s, job, err);
}

static void expire_done(struct bk_server *s, struct bk_job *job)
{
	struct expiry *e = job->more;
	int err = job->err;

	if (!err && e->more && e->rounds < EXPIRE_ROUNDS && !s->stopping) {
		again(s, job);
		return;
	}
	if (!err)
		err = sweep_begin(s->files, &e->sweep);
	if (err || s->stopping) {
		expire_over(s, job, err);
		return;
	}
	job->task = turn_task;
	job->idle = true;
	job->done = sweep_done;
	again(s, job);
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
