/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <jansson.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "err.h"
#include "realm.h"

#define ANSWER_MAX (8u * 1024u * 1024u)
#define WAIT_S 20

static int dial(const char *path)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	struct timeval t = {.tv_sec = WAIT_S};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (strlen(path) >= sizeof a.sun_path)
		return -1;
	strcpy(a.sun_path, path);
	if (fd >= 0 && connect(fd, (const struct sockaddr *)&a, sizeof a) != 0) {
		close(fd);
		return -1;
	}
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t);
	return fd;
}

static bool send_all(int fd, const char *text)
{
	size_t len = strlen(text);

	while (len) {
		ssize_t n = send(fd, text, len, MSG_NOSIGNAL);

		if (n <= 0)
			return false;
		text += n;
		len -= (size_t)n;
	}
	return true;
}

char *bk_realm_control(const struct bk_realm *r, const char *line)
{
	int fd = dial(r->control);
	char *out = calloc(1, ANSWER_MAX + 1);
	size_t len = 0;
	ssize_t n = 1;

	BK_ASSERT(out);
	if (fd >= 0 && send_all(fd, line) && send_all(fd, "\n"))
		while (n > 0 && len < ANSWER_MAX && !memchr(out, '\n', len)) {
			n = read(fd, out + len, ANSWER_MAX - len);
			len += n > 0 ? (size_t)n : 0;
		}
	if (fd >= 0)
		close(fd);
	if (len && memchr(out, '\n', len))
		return out;
	free(out);
	return NULL;
}

/* "error" of an answer as a number. */
static int error_of(const char *answer)
{
	json_t *a = answer ? json_loads(answer, JSON_DISABLE_EOF_CHECK, NULL) : NULL;
	const char *name = json_string_value(json_object_get(a, "error"));
	int err = a && json_is_true(json_object_get(a, "ok")) ? 0 : BK_E_NET;

	for (int e = -10000; name && e > -11000; e--)
		if (strcmp(bk_err_name(e), name) == 0)
			err = e;
	json_decref(a);
	return err;
}

int bk_realm_put(struct bk_realm *r, uint32_t circle)
{
	struct bk_realm_blob b = bk_realm_roster(r, circle);
	size_t room = sodium_base64_ENCODED_LEN(b.len, sodium_base64_VARIANT_ORIGINAL);
	char *b64 = malloc(room), *line = malloc(room + 128), *answer;
	int err;

	BK_ASSERT(b64 && line);
	sodium_bin2base64(b64, room, b.data, b.len, sodium_base64_VARIANT_ORIGINAL);
	snprintf(line, room + 128, "{\"id\":1,\"verb\":\"roster-put\",\"rosters\":[\"%s\"]}", b64);
	answer = bk_realm_control(r, line);
	err = error_of(answer);
	free(answer);
	free(line);
	free(b64);
	free(b.data);
	return err;
}
