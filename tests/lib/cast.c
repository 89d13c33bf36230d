/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cast.h"

#include <jansson.h>
#include <stdarg.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <cmocka.h>

#include "err.h"
#include "tmp.h"

#define START_MS 20000u

static uint32_t person(struct bk_realm *r, uint32_t desk, uint32_t care, Baken__Role role, uint32_t *ret_device)
{
	uint32_t circle = bk_realm_circle(r, BAKEN__CIRCLE_KIND__CIRCLE_PERSON, desk, care);

	*ret_device = bk_realm_device(r, circle, role);
	return circle;
}

void bk_cast_make(struct bk_cast *c, const char *name)
{
	struct bk_realm *r = &c->realm;

	memset(c, 0, sizeof *c);
	bk_realm_init(r, bk_tmp_path(name), 7);
	c->desk = bk_realm_circle(r, BAKEN__CIRCLE_KIND__CIRCLE_DESK, BK_REALM_NONE, BK_REALM_NONE);
	c->vault = bk_realm_device(r, c->desk, BAKEN__ROLE__ROLE_VAULT);
	c->officer = bk_realm_device(r, c->desk, BAKEN__ROLE__ROLE_OFFICER);
	c->lead = bk_realm_device(r, c->desk, BAKEN__ROLE__ROLE_LEAD);
	c->care = bk_realm_circle(r, BAKEN__CIRCLE_KIND__CIRCLE_CARE, BK_REALM_NONE, BK_REALM_NONE);
	c->carer = bk_realm_device(r, c->care, BAKEN__ROLE__ROLE_CARE);
	c->person = person(r, c->desk, c->care, BAKEN__ROLE__ROLE_PERSON, &c->phone);
	c->tablet = bk_realm_device(r, c->person, BAKEN__ROLE__ROLE_PERSON);
	r->devices[c->tablet].browser = true;
	c->relative = person(r, c->desk, c->care, BAKEN__ROLE__ROLE_RELATIVE, &c->wife);
	r->circles[c->person].household = c->relative;
	r->circles[c->relative].household = c->person;
	c->other_desk = bk_realm_circle(r, BAKEN__CIRCLE_KIND__CIRCLE_DESK, BK_REALM_NONE, BK_REALM_NONE);
	c->other_officer = bk_realm_device(r, c->other_desk, BAKEN__ROLE__ROLE_OFFICER);
	c->stranger = person(r, c->other_desk, BK_REALM_NONE, BAKEN__ROLE__ROLE_PERSON, &c->foe);
	bk_realm_make(r);
}

void bk_cast_open(struct bk_cast *c, const char *name, const char *const *words)
{
	bk_cast_make(c, name);
	if (bk_realm_start(&c->realm, words) != 0) {
		bk_cast_log_has(c, NULL);
		fail_msg("bakend does not start");
	}
}

/* NULL: shows the log. */
bool bk_cast_log_has(const struct bk_cast *c, const char *text)
{
	uint8_t *data = NULL;
	size_t len = 0;
	bool has = false;

	if (bk_tmp_read(c->realm.log, &data, &len) != 0)
		return false;
	if (text)
		has = strstr((char *)data, text) != NULL;
	else
		fprintf(stderr, "%s", (char *)data);
	free(data);
	return has;
}

void bk_cast_drop(struct bk_cast *c)
{
	bk_cast_hang_up(c);
	if (bk_cast_log_has(c, "Sanitizer") || bk_cast_log_has(c, "runtime error")) {
		bk_cast_log_has(c, NULL);
		fail_msg("a sanitizer found something");
	}
	bk_realm_done(&c->realm);
}

void bk_cast_close(struct bk_cast *c)
{
	int code;

	bk_cast_hang_up(c);
	code = bk_realm_stop(&c->realm);
	if (code)
		bk_cast_log_has(c, NULL);
	assert_int_equal(code, 0);
	bk_cast_drop(c);
}

/* ---- devices ---- */

void bk_cast_login(struct bk_cast *c, struct bk_talk *t, uint32_t device)
{
	bk_talk_init(t, &c->realm, device);
	assert_int_equal(bk_talk_login(t, true), 0);
}

void bk_cast_ready(struct bk_cast *c, struct bk_talk *t, uint32_t device)
{
	Baken__Frame *f;

	bk_cast_login(c, t, device);
	assert_int_equal(bk_talk_expect(t, BAKEN__FRAME__KIND_CAUGHT_UP, 0, &f), 0);
}

bk_id bk_cast_id(unsigned n)
{
	bk_id id = {{0xba}};

	memcpy(id.b + 4, &n, sizeof n);
	return id;
}

void bk_cast_send(struct bk_talk *t, uint32_t circle, unsigned n, Baken__Class class)
{
	Baken__Frame *f = NULL;

	assert_int_equal(bk_talk_submit(t, circle, bk_cast_id(n), class, 100, &f), 0);
	assert_int_equal(bk_wire_error(f), 0);
	assert_int_equal(f->kind_case, BAKEN__FRAME__KIND_STORED);
}

Baken__Frame *bk_cast_submit(struct bk_talk *t, const struct bk_cast_message *m)
{
	static uint8_t body[BK_BODY_MAX];
	struct bk_wire_target target = bk_realm_target(t->realm, m->circle);
	bk_id devices[8];
	struct bk_wire_message w = {.id = bk_cast_id(m->n), .class = m->class, .regime = m->regime, .body = body,
		.body_len = bk_wire_body_bytes(m->content ? m->content : 100), .targets = &target, .n_targets = 1,
		.devices = devices, .n_devices = m->n_devices, .files = m->file, .n_files = m->file != NULL};
	Baken__Frame *f = NULL;

	if (m->version)
		target.version = m->version;
	memset(body, 0, sizeof body);
	memcpy(body, &m->n, sizeof m->n);
	memcpy(body + 8, &m->body, sizeof m->body);
	for (size_t i = 0; i < m->n_devices; i++)
		devices[i] = t->realm->devices[m->devices[i]].device;
	assert_int_equal(bk_talk_ask(t, bk_wire_submit(&t->line, &w, &t->out), &f), 0);
	return f;
}

Baken__Delivery *bk_cast_take(struct bk_talk *t, bool ack)
{
	Baken__Frame *f = NULL;

	assert_int_equal(bk_talk_expect(t, BAKEN__FRAME__KIND_DELIVER, 0, &f), 0);
	if (ack) {
		uint64_t seqs[BK_ACKS_MAX];
		size_t n = f->deliver->n_items;

		for (size_t i = 0; i < n; i++)
			seqs[i] = f->deliver->items[i]->seq;
		bk_wire_ack(seqs, n, &t->out);
		assert_int_equal(bk_talk_send(t), 0);
	}
	return f->deliver->items[0];
}

bool bk_cast_silent(struct bk_talk *t, Baken__Frame__KindCase kind)
{
	uint64_t request = bk_wire_drill(&t->line, &t->out);
	Baken__Frame *f = NULL;

	assert_int_equal(bk_talk_send(t), 0);
	for (;;) {
		assert_int_equal(bk_talk_recv(t, 0, &f), 0);
		if (f->kind_case == kind)
			return false;
		if (f->kind_case == BAKEN__FRAME__KIND_DRILL && f->request == request)
			return true;
	}
}

/* ---- numbers ---- */

static char *metrics_text(const struct bk_cast *c)
{
	struct bk_sock_options o = {.port = c->realm.metrics, .raw = true};
	static const char get[] = "GET /metrics HTTP/1.0\r\n\r\n";
	struct bk_ws_buf all = {0};
	struct bk_sock *s = NULL;
	const uint8_t *data;
	size_t len;

	assert_int_equal(bk_sock_open(&o, &s), 0);
	assert_int_equal(bk_sock_send_raw(s, get, sizeof get - 1), 0);
	while (bk_sock_recv_raw(s, 0, &data, &len) == 0)
		bk_ws_add(&all, data, len);
	bk_sock_close(s);
	bk_ws_add(&all, "", 1);
	return (char *)all.data;
}

uint64_t bk_cast_metric(const struct bk_cast *c, const char *name)
{
	char line[128], *text = metrics_text(c), *at;
	uint64_t v;

	snprintf(line, sizeof line, "\n%s ", name);
	at = strstr(text, line);
	if (!at)
		fail_msg("no metric %s", name);
	v = strtoull(at + strlen(line), NULL, 10);
	free(text);
	return v;
}

int64_t bk_cast_status(const struct bk_cast *c, const char *name)
{
	char *text = bk_realm_control(&c->realm, "{\"id\":1,\"verb\":\"status\"}");
	json_t *o = text ? json_loads(text, 0, NULL) : NULL, *v = json_object_get(o, name);
	int64_t n = json_is_boolean(v) ? json_is_true(v) : json_integer_value(v);

	assert_non_null(v);
	json_decref(o);
	free(text);
	return n;
}

/* ---- HTTP ---- */

void bk_cast_hang_up(struct bk_cast *c)
{
	bk_sock_close(c->http);
	c->http = NULL;
}

static int send_request(struct bk_cast *c, const struct bk_cast_request *q)
{
	char head[4096], bearer[100] = "", length[64] = "", hex[65];
	int n, err;

	if (q->token)
		snprintf(bearer, sizeof bearer, "Authorization: Bearer %s\r\n", bk_hex_encode(hex, q->token, 32));
	if (!q->no_length && (q->len || strcmp(q->method, "POST") == 0 || strcmp(q->method, "PATCH") == 0))
		snprintf(length, sizeof length, "Content-Length: %zu\r\n", q->len);
	n = snprintf(head, sizeof head, "%s %s HTTP/1.1\r\nHost: localhost\r\n%s%s%s\r\n", q->method, q->path, bearer, length,
		q->headers ? q->headers : "");
	err = bk_sock_send_raw(c->http, head, (size_t)n);
	return err || !q->len ? err : bk_sock_send_raw(c->http, q->body, q->len);
}

const char *bk_cast_header(const struct bk_cast_answer *a, const char *name)
{
	static char value[512];
	size_t n = strlen(name);

	value[0] = '\0';
	for (const char *line = strstr(a->head, "\r\n"); line && line[2]; line = strstr(line + 2, "\r\n"))
		if (strncasecmp(line + 2, name, n) == 0 && line[2 + n] == ':') {
			const char *from = line + 3 + n, *to = strstr(from, "\r\n");

			from += strspn(from, " ");
			snprintf(value, sizeof value, "%.*s", (int)(to - from), from);
			return value;
		}
	return value;
}

/* The body: as long as told; none for HEAD. */
static int read_body(struct bk_cast *c, const struct bk_cast_request *q, struct bk_ws_buf *all, size_t head,
	struct bk_cast_answer *a)
{
	size_t want = strcmp(q->method, "HEAD") == 0 ? 0 : strtoull(bk_cast_header(a, "content-length"), NULL, 10);
	const uint8_t *data;
	size_t len;
	int err = 0;

	while (!err && all->len - head < want) {
		err = bk_sock_recv_raw(c->http, 0, &data, &len);
		if (!err)
			bk_ws_add(all, data, len);
	}
	a->len = all->len - head;
	a->body = malloc(a->len + 1);
	assert_non_null(a->body);
	memcpy(a->body, all->data + head, a->len);
	a->body[a->len] = '\0';
	return err;
}

static int read_answer(struct bk_cast *c, const struct bk_cast_request *q, struct bk_cast_answer *a)
{
	struct bk_ws_buf all = {0};
	char *end = NULL;
	size_t head;
	int err = 0;

	while (!err && !end) {
		const uint8_t *data;
		size_t len;

		err = bk_sock_recv_raw(c->http, 0, &data, &len);
		if (!err) {
			bk_ws_add(&all, data, len);
			end = memmem(all.data, all.len, "\r\n\r\n", 4);
		}
	}
	if (!err) {
		head = (size_t)(end - (char *)all.data) + 4;
		snprintf(a->head, sizeof a->head, "%.*s", (int)head, (char *)all.data);
		if (sscanf(a->head, "HTTP/1.%*d %d", &a->status) != 1)
			err = BK_E_INVAL;
		if (!err)
			err = read_body(c, q, &all, head, a);
	}
	bk_ws_buf_done(&all);
	return err;
}

int bk_cast_http(struct bk_cast *c, const struct bk_cast_request *q, struct bk_cast_answer *ret_answer)
{
	struct bk_sock_options o = {.port = c->realm.port, .tls = true, .ca = c->realm.ca, .raw = true};
	int err = c->http ? 0 : bk_sock_open(&o, &c->http);

	memset(ret_answer, 0, sizeof *ret_answer);
	if (!err)
		(void)send_request(c, q); /* refused in the middle of the body: the answer says why */
	if (!err)
		err = read_answer(c, q, ret_answer);
	ret_answer->closed = err || strcasecmp(bk_cast_header(ret_answer, "connection"), "close") == 0;
	if (ret_answer->closed)
		bk_cast_hang_up(c);
	return err;
}
