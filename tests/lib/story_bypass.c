/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What if somebody bypasses the client? The care provider's own identity key, taken out of its store, logs in with
 * frames made by hand and sends a message to the desk. The server must refuse it.
 */
#include <jansson.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "ctl_tls.h"
#include "err.h"
#include "kv_lmdb.h"
#include "signal_store.h"
#include "sock.h"
#include "story.h"
#include "tmp.h"
#include "wire.h"

#define DEVICES_MAX 16
#define PASS_MAX 128

static int steal_key(const struct bk_story *s, const char *dir, uint8_t secret[static BK_KEY_BYTES])
{
	struct bk_signal_self self;
	struct bk_kv *kv = NULL;
	uint8_t *pass = NULL;
	size_t len = 0;
	char path[700];
	int err = bk_tmp_read(s->pass, &pass, &len);

	snprintf(path, sizeof path, "%s/store", dir);
	if (!err && len)
		pass[len - 1] = '\0'; /* its newline */
	if (!err)
		err = bk_kv_lmdb_open(&(struct bk_kv_lmdb_options){.path = path, .passphrase = (char *)pass}, &kv);
	if (!err)
		err = bk_signal_store_self_load(kv, &self);
	if (!err)
		memcpy(secret, self.private_key, BK_KEY_BYTES);
	sodium_memzero(&self, sizeof self);
	bk_kv_lmdb_close(kv);
	free(pass);
	return err;
}

static int server_key(bk_hash *ret_spki)
{
	uint8_t *pem = NULL;
	size_t len = 0;
	int err = bk_tmp_read(bk_tmp_path("realm/server/tls.pem"), &pem, &len);

	if (!err)
		err = bk_ctl_tls_spki((const char *)pem, ret_spki);
	free(pem);
	return err;
}

/* Everything that a correct message to the desk would name. */
static int read_desk(struct bk_story *s, struct bk_wire_target *target, bk_id devices[static DEVICES_MAX], size_t *ret_n)
{
	char *out = NULL;
	json_t *o, *e;
	size_t i;
	int err = bk_story_ctl(s, &out, "roster", "show", "--dir", bk_tmp_path("realm/server"), "--circle", s->desk, "--json",
		NULL);

	o = out ? json_loads(out, JSON_DISABLE_EOF_CHECK, NULL) : NULL;
	free(out);
	if (err || !o)
		return BK_E_STATE;
	*ret_n = 0;
	target->version = (uint64_t)json_integer_value(json_object_get(o, "version"));
	err = bk_hex_decode(target->hash.b, BK_HASH_BYTES, json_string_value(json_object_get(o, "hash")));
	if (!err)
		err = bk_id_parse(s->desk, &target->circle);
	json_array_foreach(json_object_get(o, "entries"), i, e)
		if (!err && *ret_n < DEVICES_MAX)
			err = bk_id_parse(json_string_value(json_object_get(e, "device")), &devices[(*ret_n)++]);
	json_decref(o);
	return err;
}

/* The answer to request number `ask`: its error, or 0. */
static int answer(struct bk_sock *sock, struct bk_wire_line *line, uint64_t ask)
{
	for (;;) {
		const uint8_t *data;
		Baken__Frame *f;
		size_t len;
		int err = bk_sock_recv(sock, 0, &data, &len);

		if (!err)
			err = bk_wire_read(line, data, len, &f);
		if (err)
			return err;
		if (f->request == ask)
			return bk_wire_error(f);
	}
}

static int greet(struct bk_sock *sock, struct bk_wire_line *line)
{
	const uint8_t *data;
	Baken__Frame *f;
	size_t len;
	int err = 0;

	while (!err && !line->greeted) {
		err = bk_sock_recv(sock, 0, &data, &len);
		if (!err)
			err = bk_wire_read(line, data, len, &f);
	}
	return err;
}

static int send_by_hand(struct bk_story *s, struct bk_sock *sock, struct bk_wire_line *line, Baken__Regime regime,
	int *ret_refusal)
{
	static uint8_t body[64 * 1024 + 64];
	bk_id devices[DEVICES_MAX];
	struct bk_wire_target target;
	struct bk_ws_buf out = {NULL, 0, 0, 0};
	struct bk_wire_message m = {.id = bk_id_random(), .regime = regime, .body = body,
		.body_len = bk_wire_body_bytes(100), .targets = &target, .n_targets = 1, .devices = devices};
	uint64_t ask;
	int err = read_desk(s, &target, devices, &m.n_devices);

	if (err)
		return err;
	randombytes_buf(body, m.body_len);
	ask = bk_wire_submit(line, &m, &out);
	err = bk_sock_send(sock, out.data + out.off, out.len - out.off);
	if (!err)
		*ret_refusal = answer(sock, line, ask);
	bk_ws_buf_done(&out);
	return err;
}

static int play(struct bk_story *s, struct bk_sock *sock, struct bk_wire_line *line)
{
	static const Baken__Regime regimes[] = {BAKEN__REGIME__REGIME_CARE, BAKEN__REGIME__REGIME_SECURITY};
	struct bk_ws_buf out = {NULL, 0, 0, 0};
	uint64_t ask;
	int err = bk_sock_exporter(sock, line->exporter);

	if (!err)
		err = greet(sock, line);
	if (err)
		return err;
	ask = bk_wire_login(line, &out);
	err = bk_sock_send(sock, out.data + out.off, out.len - out.off);
	if (!err)
		err = answer(sock, line, ask);
	bk_ws_buf_done(&out);
	for (size_t i = 0; !err && i < 2; i++) {
		int refusal = 0;

		err = send_by_hand(s, sock, line, regimes[i], &refusal);
		if (!err && refusal != BK_E_ROLE)
			err = bk_story_fail(s, BK_E_STATE, "the server answered %s to care at the desk", bk_err_name(refusal));
	}
	return err;
}

int bk_story_bypass(struct bk_story *s)
{
	const struct bk_sock_options o = {.port = s->port, .tls = true, .ca = s->ca};
	uint8_t secret[BK_KEY_BYTES];
	struct bk_wire_line line;
	struct bk_sock *sock = NULL;
	bk_id device;
	bk_hash spki;
	int err = bk_story_client_stop(s, BK_CARE);

	if (!err)
		err = steal_key(s, s->who[BK_CARE].dir, secret);
	if (!err)
		err = server_key(&spki);
	if (!err)
		err = bk_id_parse(s->who[BK_CARE].device, &device);
	if (!err)
		err = bk_sock_open(&o, &sock);
	if (!err) {
		bk_wire_init(&line, device, secret, spki);
		err = play(s, sock, &line);
		bk_wire_done(&line);
		bk_sock_close(sock);
	}
	sodium_memzero(secret, sizeof secret);
	if (err)
		return s->why[0] ? err : bk_story_fail(s, err, "the bypassed client");
	return bk_story_client_start(s, BK_CARE);
}
