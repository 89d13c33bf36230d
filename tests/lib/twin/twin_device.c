/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "err.h"
#include "twin.h"
#include "twin_in.h"

#define NO_CANARY_MS (100ull * 365 * 86400000)
#define FILE_PIECE 50000u

/* ---- pieces ---- */

void bk_twin_piece_add(struct bk_twin_piece ***tail, struct bk_twin_piece *p)
{
	p->next = NULL;
	**tail = p;
	*tail = &p->next;
}

struct bk_twin_piece *bk_twin_piece_take(struct bk_twin_piece **head, struct bk_twin_piece ***tail)
{
	struct bk_twin_piece *p = *head;

	if (!p)
		return NULL;
	*head = p->next;
	if (!*head)
		*tail = head;
	return p;
}

void bk_twin_pieces_free(struct bk_twin_piece **head, struct bk_twin_piece ***tail)
{
	struct bk_twin_piece *p;

	while ((p = bk_twin_piece_take(head, tail)))
		free(p);
}

/* ---- turns ---- */

static void keep_event(struct bk_twin_device *d, const struct bk_core_action *a)
{
	json_t *event = json_loadb(a->json, a->json_len, JSON_REJECT_DUPLICATES, NULL);

	BK_ASSERT(event); /* every event is one JSON object */
	json_array_append_new(d->events, event);
}

static void keep_frame(struct bk_twin_device *d, const struct bk_core_action *a)
{
	struct bk_twin_piece *p = malloc(sizeof *p + a->frame_len);

	BK_ASSERT(p);
	p->len = a->frame_len;
	memcpy(p->data, a->frame, a->frame_len);
	bk_twin_piece_add(&d->out_tail, p);
}

static void act(struct bk_twin_device *d, const struct bk_core_action *a)
{
	switch (a->kind) {
	case BK_CORE_EVENT:
		keep_event(d, a);
		break;
	case BK_CORE_SEND:
		keep_frame(d, a);
		break;
	case BK_CORE_CONNECT:
		bk_twin_connect(d);
		break;
	case BK_CORE_DISCONNECT:
		if (d->wire)
			bk_twin_hang_up(d, 0);
		else
			bk_twin_turn(d, bk_core_disconnected(d->core, 0, bk_now()));
		break;
	case BK_CORE_HTTP:
		bk_twin_http(d, &a->http);
		break;
	case BK_CORE_NONE:
		break;
	}
}

void bk_twin_turn(struct bk_twin_device *d, int err)
{
	struct bk_core_action a;
	struct bk_core *core = d->core;

	if (err && !d->err)
		d->err = err;
	if (++d->turns == d->die_at) { /* before anything of this turn leaves */
		d->die_at = 0;
		d->deaths++;
		bk_twin_reboot(d);
		return;
	}
	while (d->core == core && bk_core_next(core, &a))
		act(d, &a);
}

static int check_pin(void *arg, const char *pin, bool *ret_second)
{
	(void)arg;
	*ret_second = strcmp(pin, BK_TWIN_SECOND_PIN) == 0;
	return *ret_second || strcmp(pin, BK_TWIN_PIN) == 0 ? 0 : BK_E_PASSPHRASE;
}

void bk_twin_device_open(struct bk_twin_device *d)
{
	struct bk_core_options o = {.kv = d->kv, .blobs = d->blobs, .lang = BK_LANG_EN, .unlocked = d->unlocked, .duress = d->duress,
		.canary_ms = d->canaries ? 0 : NO_CANARY_MS,
		.pin = check_pin};

	d->err = bk_core_open(&o, bk_now(), &d->core);
	if (!d->err)
		bk_twin_turn(d, 0);
}

void bk_twin_reboot(struct bk_twin_device *d)
{
	struct bk_core *core = d->core;
	int err;

	d->core = NULL;
	bk_twin_hang_up(d, BK_E_NET);
	bk_twin_pieces_free(&d->out, &d->out_tail);
	bk_core_close(core);
	bk_kv_abort(d->kv);
	bk_twin_device_open(d);
	BK_ASSERT(!d->err);
	err = bk_twin_call(d, json_pack("{s:s}", "cmd", "connect"), NULL);
	if (err) {
		fprintf(stderr, "%s: %s\n", d->name, bk_err_name(err));
		bk_twin_dump(d);
	}
	BK_ASSERT(!err);
}

struct keys {
	uint8_t key[256][BK_KV_KEY_MAX];
	size_t len[256], n;
};

static int collect(void *arg, const void *key, size_t key_len, const void *value, size_t len)
{
	struct keys *k = arg;

	(void)value;
	(void)len;
	BK_ASSERT(k->n < 256);
	memcpy(k->key[k->n], key, key_len);
	k->len[k->n++] = key_len;
	return 0;
}

void bk_twin_erase(struct bk_twin_device *d, const char *prefix)
{
	static struct keys k;
	uint64_t seq;

	k.n = 0;
	BK_ASSERT(bk_kv_each(d->kv, prefix, strlen(prefix), collect, &k) == 0);
	BK_ASSERT(bk_kv_begin(d->kv) == 0);
	for (size_t i = 0; i < k.n; i++)
		BK_ASSERT(bk_kv_del(d->kv, k.key[i], k.len[i]) == 0);
	BK_ASSERT(bk_kv_commit(d->kv, &seq) == 0);
	bk_twin_reboot(d);
}

void bk_twin_cut(struct bk_twin_device *d, bool cut)
{
	d->cut = cut;
	if (cut)
		bk_twin_hang_up(d, BK_E_NET);
}

void bk_twin_device_close(struct bk_twin_device *d)
{
	struct bk_core *core = d->core;

	d->core = NULL;
	bk_twin_hang_up(d, BK_E_NET);
	bk_twin_pieces_free(&d->out, &d->out_tail);
	bk_core_close(core);
	json_decref(d->events);
	bk_kv_mem_free(d->kv);
	bk_blobs_mem_free(d->blobs);
}

/* ---- commands and events ---- */

static bool fits(const json_t *event, const char *name, const char *key, const char *text)
{
	const char *n = json_string_value(json_object_get(event, "event")), *v;

	if (!n || strcmp(n, name) != 0)
		return false;
	if (!key)
		return true;
	v = json_string_value(json_object_get(event, key));
	return v && strcmp(v, text) == 0;
}

json_t *bk_twin_take(struct bk_twin_device *d, const char *name, const char *key, const char *text)
{
	json_t *event;
	size_t i;

	json_array_foreach(d->events, i, event) {
		if (!fits(event, name, key, text))
			continue;
		json_incref(event);
		json_array_remove(d->events, i);
		return event;
	}
	return NULL;
}

size_t bk_twin_count(const struct bk_twin_device *d, const char *name, const char *key, const char *text)
{
	json_t *event;
	size_t i, n = 0;

	json_array_foreach(d->events, i, event)
		n += fits(event, name, key, text);
	return n;
}

void bk_twin_forget(struct bk_twin_device *d)
{
	json_array_clear(d->events);
}

void bk_twin_dump(const struct bk_twin_device *d)
{
	json_t *event;
	size_t i;

	fprintf(stderr, "--- %s, last error %s\n", d->name, bk_err_name(d->err));
	json_array_foreach(d->events, i, event) {
		json_dumpf(event, stderr, JSON_COMPACT);
		fputc('\n', stderr);
	}
}

static json_t *take_reply(struct bk_twin_device *d, json_int_t id)
{
	json_t *event;
	size_t i;

	json_array_foreach(d->events, i, event) {
		if ((!fits(event, "ok", NULL, NULL) && !fits(event, "error", NULL, NULL)) ||
			json_integer_value(json_object_get(event, "id")) != id)
			continue;
		json_incref(event);
		json_array_remove(d->events, i);
		return event;
	}
	return NULL;
}

static int error_of(const json_t *reply)
{
	const char *name = json_string_value(json_object_get(reply, "error"));

#define X(id, number, en, nl)                                                                      \
	if (name && strcmp(name, #id) == 0)                                                        \
		return number;
	BK_ERR_MAP(X)
#undef X
	return name ? BK_E_INTERNAL : 0;
}

int bk_twin_call(struct bk_twin_device *d, json_t *command, json_t **ret_reply)
{
	json_int_t id = ++d->next_id;
	json_t *reply;
	char *text;
	int err;

	BK_ASSERT(command);
	json_object_set_new(command, "id", json_integer(id));
	text = json_dumps(command, JSON_COMPACT);
	json_decref(command);
	bk_twin_turn(d, bk_core_command(d->core, text, strlen(text), bk_now()));
	free(text);
	reply = take_reply(d, id);
	if (!reply) { /* answered by the server */
		bk_twin_settle(d->twin);
		reply = take_reply(d, id);
	}
	err = reply ? error_of(reply) : BK_E_TIMEOUT;
	if (ret_reply)
		*ret_reply = reply;
	else
		json_decref(reply);
	return err;
}

bk_id bk_twin_do(struct bk_twin_device *d, json_t *command)
{
	json_t *reply = NULL;
	bk_id id = {{0}};
	int err = bk_twin_call(d, command, &reply);
	const char *text = json_string_value(json_object_get(reply, "message"));

	if (err) {
		fprintf(stderr, "%s: %s\n", d->name, bk_err_name(err));
		json_dumpf(reply, stderr, 0);
		BK_ASSERT(!err);
	}
	if (text)
		BK_ASSERT(bk_id_parse(text, &id) == 0);
	json_decref(reply);
	bk_twin_settle(d->twin);
	return id;
}

json_t *bk_twin_item(struct bk_twin_device *d, bk_id message)
{
	char text[BK_ID_TEXT];
	json_t *reply = NULL;

	if (bk_twin_call(d, json_pack("{s:s, s:s}", "cmd", "show", "message", bk_id_text(message, text)), &reply)) {
		json_decref(reply);
		return NULL;
	}
	return reply;
}

/* A vault keeps no message, but its key. */
static size_t has_key(struct bk_twin_device *d, bk_id message)
{
	uint8_t key[4 + BK_ID_BYTES] = "key/", *value = NULL;
	size_t len = 0;
	int err;

	memcpy(key + 4, message.b, BK_ID_BYTES);
	err = bk_kv_get(d->kv, key, sizeof key, &value, &len);
	free(value);
	return err == 0;
}

size_t bk_twin_kept(struct bk_twin_device *d, bk_id message)
{
	json_t *reply = NULL, *item;
	char text[BK_ID_TEXT];
	size_t i, n = 0;

	if (d->role == BAKEN__ROLE__ROLE_VAULT)
		return has_key(d, message);

	BK_ASSERT(bk_twin_call(d, json_pack("{s:s, s:i}", "cmd", "messages", "limit", 100), &reply) == 0);
	bk_id_text(message, text);
	json_array_foreach(json_object_get(reply, "items"), i, item)
		n += strcmp(json_string_value(json_object_get(item, "message")), text) == 0;
	json_decref(reply);
	return n;
}

bk_ms bk_twin_rung(struct bk_twin_device *d, bk_id message, const char *rung)
{
	json_t *item = bk_twin_item(d, message), *r;
	bk_ms at = 0;
	size_t i;

	json_array_foreach(json_object_get(item, "rungs"), i, r)
		if (strcmp(json_string_value(json_object_get(r, "rung")), rung) == 0)
			at = (bk_ms)json_integer_value(json_object_get(r, "at_ms"));
	json_decref(item);
	return at;
}

/* ---- files ---- */

bk_id bk_twin_attach(struct bk_twin_device *d, const char *name, size_t size, unsigned n)
{
	json_t *meta = json_pack("{s:s, s:s, s:I}", "name", name, "type", "image/jpeg", "size", (json_int_t)size);
	char *text = json_dumps(meta, 0);
	uint8_t *data = malloc(size);
	bk_id id = {{0}};

	BK_ASSERT(text && data);
	bk_sample_fill(data, size, n);
	BK_ASSERT(bk_core_file_begin(d->core, text, strlen(text), bk_now()) == 0);
	for (size_t at = 0; at < size; at += FILE_PIECE)
		BK_ASSERT(bk_core_file_data(d->core, data + at, size - at < FILE_PIECE ? size - at : FILE_PIECE,
				  bk_now()) == 0);
	BK_ASSERT(bk_core_file_end(d->core, bk_now(), &id) == 0);
	bk_twin_turn(d, 0);
	free(data);
	free(text);
	json_decref(meta);
	return id;
}

int bk_twin_saved(struct bk_twin_device *d, bk_id message, unsigned index, bk_hash *ret_hash)
{
	crypto_hash_sha256_state st;
	uint8_t buf[FILE_PIECE];
	uint64_t size = 0;
	size_t n = 0;
	int err = bk_core_save_begin(d->core, message, index, &size);

	crypto_hash_sha256_init(&st);
	while (!err) {
		err = bk_core_save_next(d->core, buf, sizeof buf, &n);
		if (err || !n)
			break;
		crypto_hash_sha256_update(&st, buf, n);
	}
	bk_core_save_end(d->core);
	crypto_hash_sha256_final(&st, ret_hash->b);
	return err;
}
