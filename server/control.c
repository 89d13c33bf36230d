/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "control_in.h"

#include <fcntl.h>
#include <sodium.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "log.h"

struct client {
	uv_pipe_t pipe;
	struct bk_control *control;
	char *line;
	size_t len, room;
	bool closing;
	unsigned asked; /* questions not yet answered */
	struct client *next, **prev;
};
struct bk_control {
	struct bk_server *server;
	uv_pipe_t pipe;
	struct client *clients;
	unsigned n_clients;
	char path[600];
};
struct bk_question {
	struct client *client;
	json_t *args;
	json_int_t id;
};

static const struct {
	const char *name;
	bk_control_verb run;
} verbs[] = {
	{"status", bk_control_status},
	{"metrics", bk_control_metrics},
	{"trust", bk_control_trust},
	{"circles", bk_control_circles},
	{"roster-get", bk_control_roster_get},
	{"roster-put", bk_control_roster_put},
	{"devices", bk_control_devices},
	{"invite-put", bk_control_invite_put},
	{"invites", bk_control_invites},
	{"invite-done", bk_control_invite_done},
	{"audit", bk_control_audit},
	{"audit-verify", bk_control_audit_verify},
	{"backup", bk_control_backup},
	{"cut", bk_control_cut},
	{"expire", bk_control_expire},
};

/* ---- clients ---- */

static void client_free(struct client *c)
{
	if (!c->closing || c->asked)
		return;
	free(c->line);
	free(c);
}

static void on_client_closed(uv_handle_t *h)
{
	struct client *c = h->data;

	c->closing = true;
	client_free(c);
}

static void client_close(struct client *c)
{
	if (uv_is_closing((uv_handle_t *)&c->pipe))
		return;
	*c->prev = c->next;
	if (c->next)
		c->next->prev = c->prev;
	c->control->n_clients--;
	uv_close((uv_handle_t *)&c->pipe, on_client_closed);
}

/* ---- answers ---- */

struct reply {
	uv_write_t write;
	char *text; /* len bytes, the last a newline in the place of the NUL */
	size_t len;
};

static void on_written(uv_write_t *w, int status)
{
	struct reply *r = w->data;

	(void)status;
	sodium_memzero(r->text, r->len);
	free(r->text);
	free(r);
}

static void send_object(struct client *c, json_t *object)
{
	char *text = object ? json_dumps(object, JSON_COMPACT) : NULL;
	struct reply *r = text ? calloc(1, sizeof *r) : NULL;
	size_t len = text ? strlen(text) : 0;
	uv_buf_t buf;

	json_decref(object);
	if (!r || uv_is_closing((uv_handle_t *)&c->pipe)) {
		free(r);
		free(text);
		return;
	}
	text[len] = '\n'; /* in the place of the NUL; the length is kept apart */
	r->text = text;
	r->len = len + 1;
	buf = uv_buf_init(text, (unsigned)len + 1);
	r->write.data = r;
	if (uv_write(&r->write, (uv_stream_t *)&c->pipe, &buf, 1, on_written) != 0) {
		on_written(&r->write, -1);
		client_close(c);
	}
}

static void question_end(struct bk_question *q)
{
	struct client *c = q->client;

	json_decref(q->args);
	free(q);
	c->asked--;
	client_free(c);
}

void bk_control_reply(struct bk_question *q, json_t *answer)
{
	if (!answer) {
		bk_control_fail(q, BK_E_NOMEM);
		return;
	}
	json_object_set_new(answer, "id", json_integer(q->id));
	json_object_set_new(answer, "ok", json_true());
	send_object(q->client, answer);
	question_end(q);
}

void bk_control_fail(struct bk_question *q, int err)
{
	send_object(q->client, json_pack("{s:I, s:b, s:s, s:s}", "id", q->id, "ok", 0, "error", bk_err_name(err), "text",
		bk_err_text(err, BK_LANG_EN)));
	question_end(q);
}

struct bk_server *bk_question_server(const struct bk_question *q)
{
	return q->client->control->server;
}

const json_t *bk_question_args(const struct bk_question *q)
{
	return q->args;
}

/* ---- questions ---- */

static void ask(struct client *c, const char *line, size_t len)
{
	struct bk_question *q = calloc(1, sizeof *q);
	const char *verb;

	if (!q) {
		client_close(c);
		return;
	}
	q->client = c;
	q->args = json_loadb(line, len, JSON_REJECT_DUPLICATES, NULL);
	q->id = json_integer_value(json_object_get(q->args, "id"));
	c->asked++;
	verb = json_string_value(json_object_get(q->args, "verb"));
	for (size_t i = 0; verb && i < sizeof verbs / sizeof *verbs; i++)
		if (strcmp(verbs[i].name, verb) == 0) {
			verbs[i].run(q);
			return;
		}
	bk_control_fail(q, verb ? BK_E_UNSUPPORTED : BK_E_INVAL);
}

static void on_alloc(uv_handle_t *h, size_t hint, uv_buf_t *buf)
{
	struct client *c = h->data;

	(void)hint;
	if (c->len == c->room && c->room < BK_CONTROL_LINE_MAX) {
		size_t room = c->room ? 2 * c->room : 4096;
		char *p = realloc(c->line, room);

		if (p) {
			c->line = p;
			c->room = room;
		}
	}
	*buf = uv_buf_init(c->line + c->len, (unsigned)(c->room - c->len)); /* 0: libuv reports ENOBUFS */
}

static void on_read(uv_stream_t *s, ssize_t n, const uv_buf_t *buf)
{
	struct client *c = s->data;
	char *nl;

	(void)buf;
	if (n < 0) {
		client_close(c);
		return;
	}
	c->len += (size_t)n;
	while (!uv_is_closing((uv_handle_t *)&c->pipe) && (nl = memchr(c->line, '\n', c->len))) {
		size_t used = (size_t)(nl - c->line) + 1;

		ask(c, c->line, used - 1);
		memmove(c->line, c->line + used, c->len - used);
		c->len -= used;
	}
}

static void on_connection(uv_stream_t *s, int status)
{
	struct bk_control *k = s->data;
	struct client *c = status ? NULL : calloc(1, sizeof *c);

	if (!c)
		return;
	c->control = k;
	uv_pipe_init(k->server->loop, &c->pipe, 0);
	c->pipe.data = c;
	c->next = k->clients;
	if (c->next)
		c->next->prev = &c->next;
	c->prev = &k->clients;
	k->clients = c;
	k->n_clients++;
	if (uv_accept(s, (uv_stream_t *)&c->pipe) != 0 || k->n_clients > BK_CONTROL_CLIENTS_MAX ||
		uv_read_start((uv_stream_t *)&c->pipe, on_alloc, on_read) != 0)
		client_close(c);
}

/* ---- life ---- */

static void on_closed(uv_handle_t *h)
{
	free(h->data);
}

/* A socket's name holds 108 bytes and a folder's may be longer: bound from within the folder. */
static int bind_in(struct bk_control *k, const char *dir)
{
	int here = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC), err = BK_E_IO;

	if (chdir(dir) == 0) {
		unlink("control.sock");
		if (uv_pipe_bind(&k->pipe, "control.sock") == 0 && chmod("control.sock", 0600) == 0)
			err = 0;
	}
	/* Where we were started may be closed to the user that we are now: then it is nobody's loss. */
	if ((here < 0 || fchdir(here) != 0) && (*dir != '/' || chdir("/") != 0))
		err = BK_E_IO;
	if (here >= 0)
		close(here);
	return err;
}

int bk_control_start(struct bk_server *s)
{
	struct bk_control *k = calloc(1, sizeof *k);
	mode_t old;
	int err;

	if (!k)
		return BK_E_NOMEM;
	k->server = s;
	snprintf(k->path, sizeof k->path, "%s/control.sock", s->o.dir);
	uv_pipe_init(s->loop, &k->pipe, 0);
	k->pipe.data = k;
	old = umask(0177);
	err = bind_in(k, s->o.dir);
	umask(old);
	if (!err && uv_listen((uv_stream_t *)&k->pipe, 8, on_connection) != 0)
		err = BK_E_IO;
	if (err) {
		uv_close((uv_handle_t *)&k->pipe, on_closed);
		return err;
	}
	s->control = k;
	return 0;
}

void bk_control_stop(struct bk_server *s)
{
	struct bk_control *k = s->control;

	if (!k)
		return;
	while (k->clients)
		client_close(k->clients);
	unlink(k->path);
	uv_close((uv_handle_t *)&k->pipe, on_closed);
	s->control = NULL;
}
