/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "talk.h"

#include <stdlib.h>

#include "err.h"

#define WAIT_MS 10000u

void bk_talk_init(struct bk_talk *t, const struct bk_realm *r, uint32_t device)
{
	memset(t, 0, sizeof *t);
	t->realm = r;
	t->index = device;
	bk_realm_line(r, device, &t->line);
}

void bk_talk_hang_up(struct bk_talk *t)
{
	bk_sock_close(t->sock);
	t->sock = NULL;
	bk_wire_again(&t->line);
}

void bk_talk_done(struct bk_talk *t)
{
	bk_sock_close(t->sock);
	bk_wire_done(&t->line);
	bk_ws_buf_done(&t->out);
	memset(t, 0, sizeof *t);
}

int bk_talk_recv(struct bk_talk *t, uint64_t timeout_ms, Baken__Frame **ret_frame)
{
	const uint8_t *data = NULL;
	size_t len = 0;
	int err = bk_sock_recv(t->sock, timeout_ms, &data, &len);

	return err ? err : bk_wire_read(&t->line, data, len, ret_frame);
}

int bk_talk_expect(struct bk_talk *t, Baken__Frame__KindCase kind, uint64_t timeout_ms, Baken__Frame **ret_frame)
{
	uint64_t until = bk_proc_now_ms() + (timeout_ms ? timeout_ms : WAIT_MS);

	for (;;) {
		uint64_t now = bk_proc_now_ms();
		int err = now < until ? bk_talk_recv(t, until - now, ret_frame) : BK_E_TIMEOUT;

		if (err || (*ret_frame)->kind_case == kind)
			return err;
	}
}

int bk_talk_dial(struct bk_talk *t, bool tls)
{
	struct bk_sock_options o = {.port = tls ? t->realm->port : t->realm->plain, .tls = tls, .ca = t->realm->ca};
	Baken__Frame *f = NULL;
	int err;

	bk_talk_hang_up(t);
	err = bk_sock_open(&o, &t->sock);
	if (!err && tls && !t->realm->devices[t->index].browser)
		err = bk_sock_exporter(t->sock, t->line.exporter);
	return err ? err : bk_talk_expect(t, BAKEN__FRAME__KIND_HELLO, 0, &f);
}

int bk_talk_send(struct bk_talk *t)
{
	return bk_sock_send(t->sock, t->out.data + t->out.off, t->out.len - t->out.off);
}

static bool answers(const Baken__Frame *f, uint64_t request)
{
	if (f->kind_case != BAKEN__FRAME__KIND_STORED)
		return f->request == request;
	for (size_t i = 0; i < f->stored->n_items; i++)
		if (f->stored->items[i]->request == request)
			return true;
	return false;
}

int bk_talk_ask(struct bk_talk *t, uint64_t request, Baken__Frame **ret_frame)
{
	uint64_t until = bk_proc_now_ms() + WAIT_MS;
	int err = bk_talk_send(t);

	while (!err) {
		uint64_t now = bk_proc_now_ms();

		err = now < until ? bk_talk_recv(t, until - now, ret_frame) : BK_E_TIMEOUT;
		if (!err && answers(*ret_frame, request))
			return 0;
	}
	return err;
}

static int enter(struct bk_talk *t, uint64_t request)
{
	Baken__Frame *f = NULL;
	int err = bk_talk_ask(t, request, &f);

	return err ? err : bk_wire_error(f);
}

int bk_talk_login(struct bk_talk *t, bool tls)
{
	int err = bk_talk_dial(t, tls);

	return err ? err : enter(t, bk_wire_login(&t->line, &t->out));
}

int bk_talk_resume(struct bk_talk *t, bool tls)
{
	int err = bk_talk_dial(t, tls);

	return err ? err : enter(t, bk_wire_resume(&t->line, &t->out));
}

int bk_talk_submit(struct bk_talk *t, uint32_t circle, bk_id id, Baken__Class class, size_t content,
	Baken__Frame **ret_frame)
{
	const struct bk_realm *r = t->realm;
	struct bk_wire_target target = bk_realm_target(r, circle);
	bk_id *devices = calloc(r->circles[circle].n_devices + 1, sizeof *devices);
	struct bk_wire_message m = {.id = id, .class = class, .targets = &target, .n_targets = 1, .devices = devices,
		.body_len = bk_wire_body_bytes(content)};
	uint8_t *body = calloc(1, m.body_len);
	uint64_t request;

	BK_ASSERT(devices && body);
	memcpy(body, id.b, BK_ID_BYTES);
	m.body = body;
	for (uint32_t i = r->circles[circle].first; i != BK_REALM_NONE; i = r->devices[i].next)
		if (i != t->index && r->devices[i].status != BAKEN__DEVICE_STATUS__DEVICE_REVOKED)
			devices[m.n_devices++] = r->devices[i].device;
	request = bk_wire_submit(&t->line, &m, &t->out);
	free(devices);
	free(body);
	return bk_talk_ask(t, request, ret_frame);
}
