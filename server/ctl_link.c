/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ctl_link.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "ctl_files.h"

#define REPLY_MAX (64u * 1024u * 1024u) /* a long device list */
#define REPLY_WAIT_S 600                /* a backup of a large store */

struct bk_ctl_link {
	int fd;
	json_int_t next_id;
	char *buf;
	size_t len, cap;
	char text[256];
};

/* A socket's name holds 108 bytes; a folder's may be longer, so it is reached through its descriptor. */
static int connect_in(const char *dir, const char *name)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	int at = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC), fd, err = 0;

	if (at < 0)
		return BK_E_NET;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 ||
		(size_t)snprintf(sa.sun_path, sizeof sa.sun_path, "/proc/self/fd/%d/%s", at, name) >=
			sizeof sa.sun_path ||
		connect(fd, (const struct sockaddr *)&sa, sizeof sa) != 0)
		err = BK_E_NET;
	close(at);
	if (err && fd >= 0)
		close(fd);
	return err ? err : fd;
}

static int connect_to(const struct bk_ctl *ctl)
{
	char dir[BK_CTL_PATH], name[BK_CTL_PATH];

	if (!ctl->socket)
		return connect_in(ctl->dir, "control.sock");
	if ((size_t)snprintf(dir, sizeof dir, "%s", ctl->socket) >= sizeof dir)
		return BK_E_NET;
	memcpy(name, dir, sizeof name);
	return connect_in(dirname(dir), basename(name));
}

int bk_ctl_link_open(const struct bk_ctl *ctl, struct bk_ctl_link **ret_link)
{
	const struct timeval wait = {.tv_sec = REPLY_WAIT_S};
	struct bk_ctl_link *l = calloc(1, sizeof *l);

	if (!l)
		return BK_E_NOMEM;
	l->fd = connect_to(ctl);
	if (l->fd < 0) {
		free(l);
		return BK_E_NET;
	}
	setsockopt(l->fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
	*ret_link = l;
	return 0;
}

void bk_ctl_link_close(struct bk_ctl_link *l)
{
	if (!l)
		return;
	close(l->fd);
	free(l->buf);
	free(l);
}

static int send_all(int fd, const char *data, size_t len)
{
	while (len) {
		ssize_t n = send(fd, data, len, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return BK_E_NET;
		data += n;
		len -= (size_t)n;
	}
	return 0;
}

static int grow(struct bk_ctl_link *l)
{
	size_t cap = l->cap ? l->cap * 2 : 65536;
	char *buf;

	if (cap > REPLY_MAX)
		return BK_E_TOO_BIG;
	buf = realloc(l->buf, cap);
	if (!buf)
		return BK_E_NOMEM;
	l->buf = buf;
	l->cap = cap;
	return 0;
}

/* One whole line into buf, without the newline. The protocol is strictly ask and answer. */
static int receive(struct bk_ctl_link *l)
{
	l->len = 0;
	for (;;) {
		ssize_t n;

		if (l->len + 1 >= l->cap && grow(l))
			return BK_E_TOO_BIG;
		n = recv(l->fd, l->buf + l->len, l->cap - l->len - 1, 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN || errno == EWOULDBLOCK ? BK_E_TIMEOUT : BK_E_NET;
		if (n == 0)
			return BK_E_NET;
		l->len += (size_t)n;
		if (l->buf[l->len - 1] == '\n') {
			l->len--;
			return 0;
		}
	}
}

static int err_number(const char *name)
{
	static const int all[] = {
#define X(name, number, en, nl) number,
		BK_ERR_MAP(X)
#undef X
	};

	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		if (strcmp(bk_err_name(all[i]), name) == 0)
			return all[i];
	return BK_E_INTERNAL;
}

static int understand(struct bk_ctl_link *l, json_int_t id, json_t **ret_reply)
{
	json_t *reply = json_loadb(l->buf, l->len, JSON_REJECT_DUPLICATES, NULL);
	int err = 0;

	if (!json_is_object(reply) || json_integer_value(json_object_get(reply, "id")) != id)
		err = BK_E_INVAL;
	else if (!bk_ctl_is(reply, "ok"))
		err = err_number(bk_ctl_str(reply, "error"));
	if (err) {
		snprintf(l->text, sizeof l->text, "%s", bk_ctl_str(reply, "text"));
		json_decref(reply);
		return err;
	}
	json_object_del(reply, "id");
	if (ret_reply)
		*ret_reply = reply;
	else
		json_decref(reply);
	return 0;
}

int bk_ctl_link_call(struct bk_ctl_link *l, const char *verb, json_t *fields, json_t **ret_reply)
{
	json_t *request = fields ? fields : json_object();
	json_int_t id = ++l->next_id;
	char *line = NULL;
	int err = BK_E_NOMEM;

	l->text[0] = '\0';
	if (json_object_set_new(request, "id", json_integer(id)) == 0 &&
		json_object_set_new(request, "verb", json_string(verb)) == 0)
		line = json_dumps(request, JSON_COMPACT);
	json_decref(request);
	if (!line)
		return err;
	err = send_all(l->fd, line, strlen(line));
	if (!err)
		err = send_all(l->fd, "\n", 1);
	free(line);
	if (!err)
		err = receive(l);
	return err ? err : understand(l, id, ret_reply);
}

const char *bk_ctl_link_text(const struct bk_ctl_link *l)
{
	return l->text;
}

int bk_ctl_link_once(const struct bk_ctl *ctl, const char *verb, json_t *fields, json_t **ret_reply)
{
	struct bk_ctl_link *l = NULL;
	int err = bk_ctl_link_open(ctl, &l), code;

	if (err) {
		json_decref(fields);
		return bk_ctl_fail(ctl, err, NULL);
	}
	err = bk_ctl_link_call(l, verb, fields, ret_reply);
	/* The server's sentence is kept only where it says more than the error's own, in the chosen language. */
	code = err ? bk_ctl_fail(ctl, err, NULL) : 0;
	bk_ctl_link_close(l);
	return code;
}
