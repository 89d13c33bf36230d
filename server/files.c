/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "files_in.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "crashpoint.h"
#include "handlers.h"
#include "log.h"
#include "server.h"

#define READ_PIECE 65536u

struct bk_web { /* one request that changes an upload; outlives its connection until the work is over */
	struct bk_files *files;
	struct bk_http *http; /* NULL: gone */
	enum bk_web_method method;
	bk_id upload, device;
	int fd;
	uint64_t size, start, at; /* of the upload, of this request, reached */
	bool checked;             /* a checksum came along */
	uint8_t want[32];
	crypto_hash_sha256_state sum;
	bool working, failed;
	bool displaced; /* another request has the upload now */
	bool complete;
	bk_hash hash;
	uv_work_t work;
};

static char *upload_name(bk_id id, char out[static BK_UPLOAD_NAME])
{
	return bk_id_text(id, out);
}

/* ---- answers ---- */

static void add(struct bk_web_answer *a, const char *name, uint64_t value)
{
	size_t n = strlen(a->headers);

	snprintf(a->headers + n, sizeof a->headers - n, "%s: %llu\n", name, (unsigned long long)value);
}

static void add_expiry(struct bk_web_answer *a, bk_ms at)
{
	size_t n = strlen(a->headers);
	time_t t = (time_t)(at / 1000);
	struct tm tm;

	if (gmtime_r(&t, &tm))
		strftime(a->headers + n, sizeof a->headers - n, "upload-expires: %a, %d %b %Y %H:%M:%S GMT\n", &tm);
}

static enum bk_web_next status(struct bk_web_answer *a, int code)
{
	bk_web_answer_init(a, code);
	return BK_WEB_ANSWER;
}

static enum bk_web_next failed(struct bk_web_answer *a, int err)
{
	static const struct {
		int err, code;
	} map[] = {
		{BK_E_NOT_FOUND, 404}, {BK_E_QUOTA, 429}, {BK_E_TOO_BIG, 413}, {BK_E_FULL, 507}, {BK_E_BUSY, 423},
		{BK_E_STATE, 409}, {BK_E_INVAL, 400}, {BK_E_EXISTS, 409}, {BK_E_ROLE, 403},
	};

	for (size_t i = 0; i < sizeof map / sizeof *map; i++)
		if (map[i].err == err)
			return status(a, map[i].code);
	return status(a, 500);
}

/* ---- life of a request ---- */

static void web_free(struct bk_web *w)
{
	if (bk_idmap_find(&w->files->busy, w->upload) == w)
		bk_idmap_del(&w->files->busy, w->upload);
	if (w->fd >= 0)
		close(w->fd);
	free(w);
}

/* What came with a checksum that was not yet compared cannot be trusted; the rest is kept. */
static void cut_unchecked(struct bk_web *w)
{
	if (w->fd >= 0 && w->method == BK_WEB_PATCH && w->checked && !w->complete && ftruncate(w->fd, (off_t)w->start) != 0)
		bk_log(BK_LOG_FILE_FAILED, "truncate=%d", errno);
	w->checked = false;
}

/*
 * A device that lost its network comes back before its old connection is known to be dead: the new request takes
 * the upload over, and what still comes on the old one is thrown away. Not while it is being synced.
 */
static int displace(struct bk_web *old, const struct bk_conn *c)
{
	if (old->working || !bk_id_equal(old->device, c->device))
		return BK_E_BUSY;
	cut_unchecked(old);
	if (old->fd >= 0)
		close(old->fd);
	old->fd = -1;
	old->failed = true;
	old->displaced = true;
	bk_idmap_del(&old->files->busy, old->upload);
	return 0;
}

static int web_new(struct bk_files *f, struct bk_conn *c, enum bk_web_method method, bk_id upload, struct bk_http *http,
	struct bk_web **ret_web)
{
	struct bk_web *w = bk_idmap_find(&f->busy, upload);

	if (w && displace(w, c) != 0)
		return BK_E_BUSY;
	w = calloc(1, sizeof *w);
	if (!w || bk_idmap_put(&f->busy, upload, w) != 0) {
		free(w);
		return BK_E_NOMEM;
	}
	w->files = f;
	w->http = http;
	w->method = method;
	w->upload = upload;
	w->device = c->device;
	w->fd = -1;
	*ret_web = w;
	return 0;
}

static void set_working(struct bk_web *w, bool working)
{
	if (w->working != working)
		w->files->working += working ? 1u : -1u;
	w->working = working;
}

/* Answers, if anyone still listens, and ends. */
static void finish(struct bk_web *w, int err)
{
	struct bk_web_answer a;

	set_working(w, false);
	if (!w->http) {
		web_free(w);
		return;
	}
	if (err) {
		failed(&a, err);
	} else if (w->method == BK_WEB_POST) {
		size_t n;

		status(&a, 201);
		n = strlen(a.headers);
		snprintf(a.headers + n, sizeof a.headers - n, "location: /files/");
		n = strlen(a.headers);
		bk_id_text(w->upload, a.headers + n);
		strcat(a.headers, "\n");
		add_expiry(&a, bk_now() + BK_UPLOAD_MS);
	} else {
		status(&a, w->method == BK_WEB_HEAD ? 200 : 204);
		if (w->method != BK_WEB_DELETE)
			add(&a, "upload-offset", w->at);
		if (w->method == BK_WEB_HEAD) {
			add(&a, "upload-length", w->size);
			a.head = true;
		}
	}
	bk_net_answer(w->http, &a);
}

void bk_web_gone(struct bk_web *w)
{
	w->http = NULL;
	if (w->working)
		return; /* finish() ends it */
	cut_unchecked(w);
	web_free(w);
}

/* ---- syncing and hashing, off the loop ---- */

static int hash_file(int fd, uint64_t size, bk_hash *ret_hash)
{
	crypto_hash_sha256_state st;
	uint8_t *buf = malloc(READ_PIECE);
	uint64_t at = 0;

	if (!buf)
		return BK_E_NOMEM;
	crypto_hash_sha256_init(&st);
	while (at < size) {
		ssize_t n = pread(fd, buf, READ_PIECE, (off_t)at);

		if (n <= 0)
			break;
		crypto_hash_sha256_update(&st, buf, (unsigned long long)n);
		at += (uint64_t)n;
	}
	crypto_hash_sha256_final(&st, ret_hash->b);
	free(buf);
	return at == size ? 0 : BK_E_IO;
}

static void work(uv_work_t *req)
{
	struct bk_web *w = req->data;
	char from[BK_UPLOAD_NAME], to[BK_HASH_TEXT];

	if (fdatasync(w->fd) != 0) {
		w->failed = true;
		return;
	}
	BK_CRASH_POINT("server-file-synced");
	if (w->at < w->size)
		return;
	w->failed = hash_file(w->fd, w->size, &w->hash) != 0;
	bk_hex_encode(to, w->hash.b, BK_HASH_BYTES);
	if (!w->failed && linkat(w->files->dir, upload_name(w->upload, from), w->files->dir, to, 0) != 0 && errno != EEXIST)
		w->failed = true;
	if (!w->failed)
		w->failed = fsync(w->files->dir) != 0;
	w->complete = !w->failed;
	BK_CRASH_POINT("server-file-linked");
}

/* Promised room that is not used after all. */
static void give_back(struct bk_web *w)
{
	w->files->bytes -= w->size < w->files->bytes ? w->size : w->files->bytes;
}

static void recorded(struct bk_server *s, struct bk_job *job)
{
	struct bk_web *w = job->more;
	char name[BK_UPLOAD_NAME];
	int err = job->err ? job->err : job->op.result;
	bool created = w->method == BK_WEB_POST;

	BK_CRASH_POINT("server-file-recorded");
	(void)s;
	job->more = NULL;
	bk_job_free(job);
	if (created ? err != 0 : w->method == BK_WEB_DELETE && !err && w->fd >= 0)
		give_back(w);
	if (created ? err != 0 : !err) /* refused, DELETE, or complete: its hash is its name */
		unlinkat(w->files->dir, upload_name(w->upload, name), 0);
	finish(w, err);
}

static void record(struct bk_web *w, enum bk_op_kind kind)
{
	struct bk_job *job = bk_job_new(kind, 0);

	if (!job) {
		finish(w, BK_E_NOMEM);
		return;
	}
	job->op.now = bk_now();
	job->more = w;
	job->done = recorded;
	if (kind == BK_OP_FILE_NEW) {
		job->op.file_new.upload = w->upload;
		job->op.file_new.device = w->device;
		job->op.file_new.size = w->size;
	} else if (kind == BK_OP_FILE_DONE) {
		job->op.file_done.upload = w->upload;
		job->op.file_done.device = w->device;
		job->op.file_done.hash = w->hash;
	} else {
		job->op.file_del.upload = w->upload;
		job->op.file_del.device = w->device;
	}
	set_working(w, true);
	bk_writer_push(w->files->server->writer, job);
}

static void worked(uv_work_t *req, int code)
{
	struct bk_web *w = req->data;

	if (code || w->failed) {
		bk_log(BK_LOG_FILE_FAILED, "step=sync");
		finish(w, BK_E_IO);
	} else if (w->complete) {
		record(w, BK_OP_FILE_DONE);
	} else {
		finish(w, 0);
	}
}

static enum bk_web_next start_work(struct bk_web *w)
{
	set_working(w, true);
	w->work.data = w;
	uv_queue_work(w->files->server->loop, &w->work, work, worked);
	return BK_WEB_LATER;
}

/* ---- the methods ---- */

static enum bk_web_next options(struct bk_web_answer *a)
{
	status(a, 204);
	strcat(a->headers, "tus-version: 1.0.0\ntus-extension: creation,expiration,checksum,termination\n"
			   "tus-checksum-algorithm: sha256\n");
	add(a, "tus-max-size", BK_FILE_CIPHER_MAX);
	return BK_WEB_ANSWER;
}

static enum bk_web_next create(struct bk_files *f, struct bk_conn *c, const struct bk_web_head *head, struct bk_http *http,
	struct bk_web **ret_web, struct bk_web_answer *a)
{
	char name[BK_UPLOAD_NAME];
	struct bk_web *w = NULL;
	int err;

	if (head->upload_length <= 0)
		return status(a, 400);
	if ((uint64_t)head->upload_length > BK_FILE_CIPHER_MAX)
		return status(a, 413);
	if (f->bytes + (uint64_t)head->upload_length > f->max)
		return status(a, 507);
	err = web_new(f, c, BK_WEB_POST, bk_id_random(), http, &w);
	if (err)
		return failed(a, err);
	w->fd = openat(f->dir, upload_name(w->upload, name), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (w->fd < 0) {
		web_free(w);
		return failed(a, errno == ENOSPC ? BK_E_FULL : BK_E_IO);
	}
	w->size = (uint64_t)head->upload_length;
	f->bytes += w->size;
	*ret_web = w;
	record(w, BK_OP_FILE_NEW);
	return BK_WEB_LATER;
}

/* The upload, if it is this device's (R9), and its file with the bytes that are there. */
static int open_upload(struct bk_files *f, struct bk_conn *c, const struct bk_web_head *head, bk_id id, struct bk_http *http,
	struct bk_web **ret_web, struct bk_file_row *row)
{
	struct bk_store_view *v = NULL;
	char name[BK_UPLOAD_NAME];
	struct bk_web *w = NULL;
	struct stat st;
	int err = bk_store_view_begin(f->server->store, &v);

	if (!err)
		err = bk_store_upload(v, id, row);
	if (v)
		bk_store_view_end(v);
	if (!err && !bk_id_equal(row->device, c->device))
		err = BK_E_NOT_FOUND;
	if (!err)
		err = web_new(f, c, head->method, id, http, &w);
	if (err)
		return err;
	w->size = row->size;
	if (row->complete) {
		w->at = row->size;
		*ret_web = w;
		return 0;
	}
	w->fd = openat(f->dir, upload_name(id, name), O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (w->fd < 0 || fstat(w->fd, &st) != 0 || (uint64_t)st.st_size > row->size) {
		web_free(w);
		return BK_E_NOT_FOUND;
	}
	w->start = w->at = (uint64_t)st.st_size;
	*ret_web = w;
	return 0;
}

static enum bk_web_next head_upload(struct bk_web *w, const struct bk_file_row *row, struct bk_web_answer *a)
{
	if (!row->complete && w->at == w->size)
		return start_work(w); /* a crash came between the last byte and its record */
	status(a, 200);
	add(a, "upload-offset", w->at);
	add(a, "upload-length", w->size);
	add_expiry(a, row->created_ms + BK_UPLOAD_MS);
	a->head = true;
	return BK_WEB_ANSWER;
}

/* "sha256 <base64>" */
static int read_checksum(struct bk_web *w, const char *text)
{
	size_t len = 0;

	if (!*text)
		return 0;
	if (strncmp(text, "sha256 ", 7) != 0 ||
		sodium_base642bin(w->want, sizeof w->want, text + 7, strlen(text + 7), NULL, &len, NULL,
			sodium_base64_VARIANT_ORIGINAL) != 0 ||
		len != sizeof w->want)
		return BK_E_INVAL;
	w->checked = true;
	crypto_hash_sha256_init(&w->sum);
	return 0;
}

static enum bk_web_next patch_upload(struct bk_web *w, const struct bk_web_head *head, const struct bk_file_row *row,
	struct bk_web_answer *a)
{
	if (strcmp(head->content_type, "application/offset+octet-stream") != 0)
		return status(a, 415);
	if (head->content_length < 0)
		return status(a, 411);
	if (row->complete || head->upload_offset < 0 || (uint64_t)head->upload_offset != w->at) {
		status(a, 409);
		add(a, "upload-offset", w->at);
		return BK_WEB_ANSWER;
	}
	if ((uint64_t)head->content_length > w->size - w->at || (uint64_t)head->content_length > BK_WEB_CHUNK_MAX)
		return status(a, 413);
	if (read_checksum(w, head->checksum) != 0)
		return status(a, 400);
	return head->content_length == 0 ? start_work(w) : BK_WEB_WANT_BODY;
}

bool bk_web_body(struct bk_web *w, const void *data, size_t len)
{
	const uint8_t *p = data;

	if (w->failed || w->method != BK_WEB_PATCH || len > w->size - w->at)
		return false;
	if (w->checked)
		crypto_hash_sha256_update(&w->sum, p, len);
	while (len) {
		ssize_t n = pwrite(w->fd, p, len, (off_t)w->at);

		if (n <= 0) {
			w->failed = true;
			return false;
		}
		p += n;
		len -= (size_t)n;
		w->at += (uint64_t)n;
		w->files->server->stats.file_bytes_in += (uint64_t)n;
	}
	return true;
}

enum bk_web_next bk_web_end(struct bk_web *w, struct bk_web_answer *a)
{
	uint8_t got[32];

	if (w->method != BK_WEB_PATCH || w->working)
		return BK_WEB_LATER;
	if (w->checked)
		crypto_hash_sha256_final(&w->sum, got);
	if (w->displaced)
		return status(a, 409);
	if (w->failed || (w->checked && sodium_memcmp(got, w->want, sizeof got) != 0)) {
		int code = w->failed ? 507 : 460; /* 460: tus' "checksum mismatch" */

		if (ftruncate(w->fd, (off_t)w->start) != 0)
			bk_log(BK_LOG_FILE_FAILED, "truncate=%d", errno);
		w->checked = false;
		return status(a, code);
	}
	w->checked = false; /* verified: a connection that ends now loses nothing */
	return start_work(w);
}

static enum bk_web_next get_file(struct bk_files *f, const char *hex, const struct bk_web_head *head, struct bk_web_answer *a)
{
	struct bk_store_view *v = NULL;
	struct bk_file_row row;
	bk_hash hash;
	char name[BK_HASH_TEXT];
	unsigned long long from = 0, to = 0;
	int n, err = bk_hex_decode(hash.b, BK_HASH_BYTES, hex);

	if (err)
		return status(a, 404);
	err = bk_store_view_begin(f->server->store, &v);
	if (!err)
		err = bk_store_file(v, hash, &row);
	if (v)
		bk_store_view_end(v);
	if (err)
		return failed(a, err);
	status(a, 200);
	strcat(a->headers, "content-type: application/octet-stream\naccept-ranges: bytes\n");
	a->len = row.size;
	n = sscanf(head->range, "bytes=%llu-%llu", &from, &to);
	if (n >= 1) {
		size_t at = strlen(a->headers);

		if (from >= row.size || (n == 2 && to < from)) {
			status(a, 416);
			return BK_WEB_ANSWER;
		}
		if (n == 1 || to >= row.size)
			to = row.size - 1;
		a->status = 206;
		a->offset = from;
		a->len = to - from + 1;
		snprintf(a->headers + at, sizeof a->headers - at, "content-range: bytes %llu-%llu/%llu\n", from, to,
			(unsigned long long)row.size);
	}
	a->head = head->method == BK_WEB_HEAD;
	if (!a->head) {
		a->fd = openat(f->dir, bk_hex_encode(name, hash.b, BK_HASH_BYTES), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
		if (a->fd < 0)
			return status(a, 404);
	}
	return BK_WEB_ANSWER;
}

/* What changes something names the version; looking may do without, but not name another one. */
static bool version_ok(const struct bk_web_head *head)
{
	bool looks = head->method == BK_WEB_GET || head->method == BK_WEB_HEAD;

	return looks && !*head->tus_resumable ? true : strcmp(head->tus_resumable, "1.0.0") == 0;
}

enum bk_web_next bk_files_request(struct bk_server *s, struct bk_conn *c, const struct bk_web_head *head, const char *path,
	struct bk_http *http, struct bk_web **ret_web, struct bk_web_answer *a)
{
	struct bk_files *f = s->files;
	enum bk_web_next next = BK_WEB_ANSWER;
	struct bk_file_row row;
	struct bk_web *w = NULL;
	bk_id id;
	int err;

	if (head->method == BK_WEB_OPTIONS)
		return options(a);
	if (!version_ok(head)) {
		status(a, 412);
		strcat(a->headers, "tus-version: 1.0.0\n");
		return BK_WEB_ANSWER;
	}
	if (!*path || strcmp(path, "/") == 0)
		return head->method == BK_WEB_POST ? create(f, c, head, http, ret_web, a) : status(a, 405);
	path++;
	if (strlen(path) == 2 * BK_HASH_BYTES && (head->method == BK_WEB_GET || head->method == BK_WEB_HEAD))
		return get_file(f, path, head, a);
	if (bk_id_parse(path, &id) != 0)
		return status(a, 404);
	if (head->method != BK_WEB_HEAD && head->method != BK_WEB_PATCH && head->method != BK_WEB_DELETE)
		return status(a, 405);
	err = open_upload(f, c, head, id, http, &w, &row);
	if (err)
		return failed(a, err);
	if (head->method == BK_WEB_HEAD) {
		next = head_upload(w, &row, a);
	} else if (head->method == BK_WEB_PATCH) {
		next = patch_upload(w, head, &row, a);
	} else {
		record(w, BK_OP_FILE_DEL);
		next = BK_WEB_LATER;
	}
	if (next == BK_WEB_ANSWER)
		web_free(w);
	else
		*ret_web = w;
	return next;
}
