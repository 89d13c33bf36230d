/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a turn wants to tell and send: staged here, released by core.c. */
#include "engine.h"

#include <stdlib.h>

#include "text.h"

static struct bk_output *stage(struct bk_core *core, enum bk_core_action_kind kind)
{
	struct bk_output *o = calloc(1, sizeof(*o));

	if (!o) {
		bk_db_fail(&core->db, BK_E_NOMEM);
		return NULL;
	}
	o->action.kind = kind;
	*core->staged.tail = o;
	core->staged.tail = &o->next;
	return o;
}

json_t *bk_event(const char *name)
{
	json_t *event = bk_json_object();

	bk_json_text(event, "event", name);
	return event;
}

void bk_event_error(const struct bk_core *core, json_t *event, int err)
{
	bk_json_text(event, "error", bk_err_name(err));
	bk_json_text(event, "text", bk_err_text(err, core->o.lang));
}

void bk_emit(struct bk_core *core, json_t *event)
{
	size_t len = 0;
	char *text = bk_json_print(event, &len);
	struct bk_output *o = NULL;

	json_decref(event);
	if (!text) {
		bk_db_fail(&core->db, BK_E_NOMEM);
		return;
	}
	o = stage(core, BK_CORE_EVENT);
	if (!o) {
		free(text);
		return;
	}
	o->action.json = text;
	o->action.json_len = len;
	o->owned[0] = text;
}

void bk_stage_frame(struct bk_core *core, uint8_t *frame, size_t len, enum bk_sent what)
{
	struct bk_output *o = stage(core, BK_CORE_SEND);

	if (!o) {
		free(frame);
		return;
	}
	o->action.frame = frame;
	o->action.frame_len = len;
	o->owned[0] = frame;
	o->what = what;
}

void bk_stage_connect(struct bk_core *core)
{
	struct bk_output *o = stage(core, BK_CORE_CONNECT);
	char *host = bk_text_dup(core->self.host);

	if (!o || !host) {
		bk_db_fail(&core->db, BK_E_NOMEM);
		free(host);
		return;
	}
	o->action.host = host;
	o->action.port = core->self.port;
	o->owned[0] = host;
}

void bk_stage_disconnect(struct bk_core *core)
{
	stage(core, BK_CORE_DISCONNECT);
}

uint64_t bk_stage_http(struct bk_core *core, const char *method, char *path, char *headers, const bk_id *blob,
	uint64_t offset, uint64_t len)
{
	struct bk_output *o = path && headers ? stage(core, BK_CORE_HTTP) : NULL;
	struct bk_core_http *h = NULL;

	if (!o) {
		bk_db_fail(&core->db, BK_E_NOMEM);
		free(path);
		free(headers);
		return 0;
	}
	h = &o->action.http;
	h->request = ++core->transfers.last_request;
	h->method = method;
	h->path = path;
	h->headers = headers;
	h->has_blob = blob != NULL;
	if (blob)
		h->blob = *blob;
	h->offset = offset;
	h->len = len;
	o->owned[0] = path;
	o->owned[1] = headers;
	return h->request;
}

void bk_stage_remove(struct bk_core *core, bk_id blob)
{
	struct bk_output *o = stage(core, BK_CORE_NONE);

	if (o)
		o->remove = blob;
}

void bk_mark(struct bk_core *core, enum bk_content_kind kind, enum bk_mark mark)
{
	if (kind != BK_CONTENT_DEVICE_HEALTH)
		core->marks |= mark;
}

void bk_stage_drop(struct bk_core *core)
{
	while (core->staged.head) {
		struct bk_output *o = core->staged.head;

		core->staged.head = o->next;
		for (size_t i = 0; i < sizeof(o->owned) / sizeof(o->owned[0]); i++)
			free(o->owned[i]);
		free(o);
	}
	core->staged.tail = &core->staged.head;
}
