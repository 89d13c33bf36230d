/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "rpc.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "err.h"

int bk_rpc_err(const char *name)
{
#define X(id, number, en, nl)                                                                      \
	if (strcmp(name, #id) == 0)                                                                \
		return number;
	BK_ERR_MAP(X)
#undef X
	return BK_E_INTERNAL;
}

int bk_rpc_start(struct bk_rpc *r, const char *program, const char *dir, const char *passphrase_file,
	const char *const *env, const char *log)
{
	const char *argv[] = {program, "--dir", dir, "--passphrase-file", passphrase_file, "rpc", NULL};

	memset(r, 0, sizeof *r);
	r->events = json_array();
	return bk_proc_start(&r->proc, argv, env, log);
}

static const char *str(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

static bool matches(const json_t *e, const char *name, const char *key, const char *value)
{
	return strcmp(str(e, "event"), name) == 0 && (!key || strcmp(str(e, key), value) == 0);
}

static int read_event(struct bk_rpc *r, uint64_t timeout_ms, json_t **ret_event)
{
	const char *line;
	int err = bk_proc_line(&r->proc, timeout_ms, &line);

	if (err)
		return err;
	*ret_event = json_loads(line, 0, NULL);
	return *ret_event ? 0 : BK_E_INVAL;
}

int bk_rpc_call(struct bk_rpc *r, json_t *command, uint64_t timeout_ms, json_t **ret_reply)
{
	uint64_t deadline = bk_proc_now_ms() + timeout_ms;
	json_int_t id = ++r->next_id;
	char *text;
	int err;

	json_object_set_new(command, "id", json_integer(id));
	text = json_dumps(command, JSON_COMPACT);
	json_decref(command);
	err = text ? bk_proc_write(&r->proc, text, strlen(text)) : BK_E_NOMEM;
	free(text);
	if (!err)
		err = bk_proc_write(&r->proc, "\n", 1);
	while (!err) {
		uint64_t now = bk_proc_now_ms();
		json_t *e = NULL;

		err = read_event(r, deadline > now ? deadline - now : 0, &e);
		if (err)
			break;
		if (json_integer_value(json_object_get(e, "id")) != id) {
			json_array_append_new(r->events, e);
			continue;
		}
		err = strcmp(str(e, "event"), "error") == 0 ? bk_rpc_err(str(e, "error")) : 0;
		if (ret_reply)
			*ret_reply = e;
		else
			json_decref(e);
		return err;
	}
	return err;
}

int bk_rpc_wait(struct bk_rpc *r, const char *name, const char *key, const char *value, uint64_t timeout_ms,
	json_t **ret_event)
{
	uint64_t deadline = bk_proc_now_ms() + timeout_ms;
	size_t i = 0;

	for (;;) {
		uint64_t now = bk_proc_now_ms();
		json_t *e = NULL;
		int err;

		for (; i < json_array_size(r->events); i++) {
			e = json_array_get(r->events, i);
			if (!matches(e, name, key, value))
				continue;
			if (ret_event)
				*ret_event = json_incref(e);
			json_array_remove(r->events, i);
			return 0;
		}
		err = read_event(r, deadline > now ? deadline - now : 0, &e);
		if (err)
			return err;
		json_array_append_new(r->events, e);
	}
}

size_t bk_rpc_count(struct bk_rpc *r, const char *name, const char *key, const char *value)
{
	json_t *e = NULL;
	size_t i, n = 0;

	while (read_event(r, 1, &e) == 0)
		json_array_append_new(r->events, e);
	json_array_foreach(r->events, i, e)
		n += matches(e, name, key, value);
	return n;
}

void bk_rpc_kill(struct bk_rpc *r)
{
	bk_proc_free(&r->proc);
	json_decref(r->events);
	r->events = NULL;
}

int bk_rpc_close(struct bk_rpc *r)
{
	int code = -1;

	bk_proc_close_input(&r->proc);
	if (bk_proc_wait(&r->proc, 20000, &code))
		code = -1;
	bk_rpc_kill(r);
	return code;
}
