/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Whom a client believes and to whom it speaks: enrolment up to the pinned root, proofs that hold offline (R13),
 * care apart from security both ways, also when the client's own checks are bypassed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "receipt.h"
#include "twin.h"

#define MINUTE 60000ull

static struct bk_twin twin;
static struct bk_twin_cast cast;

static int setup(void **state)
{
	(void)state;
	bk_twin_cast(&twin, "trust", &cast);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	bk_twin_close(&twin);
	return 0;
}

static const char *str(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

static int send_to(struct bk_twin_device *d, const char *to, const char *text)
{
	int err = bk_twin_call(d, json_pack("{s:s, s:s, s:s}", "cmd", "send", "to", to, "text", text), NULL);

	bk_twin_pass(&twin, 1000);
	return err;
}

/* ---- enrolment ---- */

static const char *stage(struct bk_twin_device *d)
{
	static char out[16];
	json_t *status = NULL;

	assert_int_equal(bk_twin_call(d, json_pack("{s:s}", "cmd", "status"), &status), 0);
	snprintf(out, sizeof out, "%s", str(status, "stage"));
	json_decref(status);
	return out;
}

static void test_wrong_codes(void **state)
{
	char code[BK_INVITE_TEXT_MAX], bad[BK_INVITE_TEXT_MAX];
	struct bk_twin_device *d = bk_twin_invite(&twin, "Nieuw", BAKEN__ROLE__ROLE_PERSON, BK_TWIN_PERSON, code);
	size_t n = strlen(code);

	(void)state;
	for (size_t i = 0; i < n; i++) {
		memcpy(bad, code, n + 1);
		bad[i] = bad[i] == '7' ? '8' : '7';
		if (bad[i] == code[i])
			continue;
		assert_int_not_equal(bk_twin_call(d, json_pack("{s:s, s:s}", "cmd", "enrol", "code", bad), NULL), 0);
	}
	for (size_t len = 0; len < n; len += 5) {
		memcpy(bad, code, len);
		bad[len] = '\0';
		assert_int_not_equal(bk_twin_call(d, json_pack("{s:s, s:s}", "cmd", "enrol", "code", bad), NULL), 0);
	}
	assert_string_equal(stage(d), "none");
	assert_int_equal(bk_twin_call(d, json_pack("{s:s, s:s}", "cmd", "report", "what", "x"), NULL), BK_E_STATE);
	assert_int_equal(bk_twin_call(d, json_pack("{s:s}", "cmd", "connect"), NULL), BK_E_STATE);
}

static void test_refused(void **state)
{
	char code[BK_INVITE_TEXT_MAX];
	struct bk_twin_device *d = bk_twin_invite(&twin, "Geweigerd", BAKEN__ROLE__ROLE_PERSON, BK_TWIN_PERSON, code);

	(void)state;
	bk_twin_do(d, json_pack("{s:s, s:s}", "cmd", "enrol", "code", code));
	assert_string_equal(stage(d), "waiting");
	assert_int_equal(bk_twin_approve(d, false), 0);
	assert_int_equal(bk_twin_count(d, "enrol", "state", "refused"), 1);
	bk_twin_pass(&twin, 10 * MINUTE);
	assert_int_equal(bk_twin_count(d, "enrol", "state", "refused"), 1); /* it does not go on asking */
}

/* A code is good once: a second device that got hold of it gets nowhere. */
static void test_code_is_used_once(void **state)
{
	char code[BK_INVITE_TEXT_MAX], other[BK_INVITE_TEXT_MAX];
	struct bk_twin_device *first = bk_twin_invite(&twin, "Eerste", BAKEN__ROLE__ROLE_PERSON, BK_TWIN_PERSON, code);
	struct bk_twin_device *thief = bk_twin_invite(&twin, "Dief", BAKEN__ROLE__ROLE_PERSON, BK_TWIN_PERSON, other);

	(void)state;
	bk_twin_do(first, json_pack("{s:s, s:s}", "cmd", "enrol", "code", code));
	bk_twin_do(thief, json_pack("{s:s, s:s}", "cmd", "enrol", "code", code));
	assert_int_equal(bk_twin_count(thief, "enrol", "error", "BK_E_INVITE"), 1);
	assert_int_equal(bk_twin_approve(first, true), 0);
	bk_twin_pass(&twin, MINUTE);
	assert_string_equal(stage(first), "done");
	bk_twin_revoke(first);
}

/* The phone dies at each step of its enrolment, and goes on with the same keys. */
static void test_enrolment_dies_at_every_step(void **state)
{
	unsigned deaths = 0;

	(void)state;
	for (unsigned k = 1; k <= 9; k++) {
		char code[BK_INVITE_TEXT_MAX];
		struct bk_twin_device *d = bk_twin_invite(&twin, "Sterft", BAKEN__ROLE__ROLE_PERSON, BK_TWIN_PERSON, code);

		d->die_at = d->turns + k;
		bk_twin_call(d, json_pack("{s:s, s:s, s:s}", "cmd", "enrol", "code", code, "name", "Sterft"), NULL);
		bk_twin_pass(&twin, 10 * MINUTE);
		assert_int_equal(bk_twin_approve(d, true), 0);
		bk_twin_pass(&twin, 10 * MINUTE);
		assert_string_equal(stage(d), "done");
		deaths += d->deaths;
		bk_twin_revoke(d);
		bk_twin_device_close(d);
		twin.n_devices--;
	}
	assert_int_equal(deaths, 9);
}

/* A server with another root, or with a key that the root did not certify, hears nothing from us. */
static enum bk_twin_verdict change_hello(void *arg, struct bk_twin_device *d, bool to_server, Baken__Frame *f)
{
	const char *what = arg;

	assert_false(to_server && d == cast.person); /* not one frame before the Hello verified */
	if (to_server || d != cast.person || f->kind_case != BAKEN__FRAME__KIND_HELLO)
		return BK_TWIN_PASS;
	if (strcmp(what, "root") == 0)
		f->hello->root_key.data[3] ^= 1;
	else if (strcmp(what, "cert") == 0)
		f->hello->server_cert->payload.data[10] ^= 1;
	else if (strcmp(what, "exporter") == 0)
		f->hello->exporter = false;
	else
		f->hello->version = 2;
	return BK_TWIN_CHANGED;
}

static void test_other_server(void **state)
{
	static char what[][10] = {"root", "cert", "version", "exporter"};

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		bk_twin_forget(cast.person);
		twin.tap = change_hello;
		twin.tap_arg = what[i];
		bk_twin_reboot(cast.person);
		bk_twin_pass(&twin, 5000);
		twin.tap = NULL;
		assert_true(bk_twin_count(cast.person, "link", "state", "offline") > 0);
		assert_int_equal(bk_twin_count(cast.person, "link", "state", "online"), 0);
	}
	bk_twin_pass(&twin, 10 * MINUTE);
	assert_int_equal(bk_twin_count(cast.person, "link", "state", "online"), 1);
}

/* ---- R13 ---- */

static void read_receipt(const json_t *row, struct bk_receipt *r)
{
	const json_t *path = json_object_get(row, "path");

	memset(r, 0, sizeof *r);
	assert_int_equal(bk_id_parse(str(row, "message"), &r->leaf.message), 0);
	assert_int_equal(bk_hex_decode(r->leaf.body.b, BK_HASH_BYTES, str(row, "body_hash")), 0);
	r->leaf.stored_ms = (bk_ms)json_integer_value(json_object_get(row, "stored_ms"));
	r->index = (uint32_t)json_integer_value(json_object_get(row, "index"));
	r->size = (uint32_t)json_integer_value(json_object_get(row, "size"));
	r->n_path = json_array_size(path);
	assert_true(r->n_path <= BK_RECEIPT_DEPTH);
	for (size_t i = 0; i < r->n_path; i++)
		assert_int_equal(bk_hex_decode(r->path[i].b, BK_HASH_BYTES, json_string_value(json_array_get(path, i))), 0);
	assert_int_equal(bk_hex_decode(r->signature, BK_SIG_BYTES, str(row, "signature")), 0);
	assert_int_equal(bk_hex_decode(r->key, BK_KEY_BYTES, str(row, "receipt_key")), 0);
}

/* With the exported JSON and the root key alone: this message, these bytes, this time. */
static void test_receipts_offline_r13(void **state)
{
	json_t *reply = NULL, *row;
	struct bk_server_cert cert;
	size_t i, seen = 0;
	bk_id m = bk_twin_do(cast.person, json_pack("{s:s, s:s}", "cmd", "report", "what", "Ik heb het wel gestuurd."));

	(void)state;
	assert_int_equal(bk_server_cert_verify(twin.server.server_signed, twin.server.root_key, bk_twin_now(), &cert), 0);
	assert_int_equal(bk_twin_call(cast.person, json_pack("{s:s}", "cmd", "receipts"), &reply), 0);
	json_array_foreach(json_object_get(reply, "items"), i, row) {
		struct bk_receipt r;

		read_receipt(row, &r);
		assert_int_equal(bk_receipt_verify(&r, cert.receipt_key), 0);
		seen += bk_id_equal(r.leaf.message, m);
		r.leaf.stored_ms++;
		assert_int_not_equal(bk_receipt_verify(&r, cert.receipt_key), 0);
		r.leaf.stored_ms--;
		r.leaf.body.b[0] ^= 1;
		assert_int_not_equal(bk_receipt_verify(&r, cert.receipt_key), 0);
	}
	assert_int_equal(seen, 1);
	json_decref(reply);
}

/* A "stored" that proves nothing does not count: the message stays ours to deliver. */
static enum bk_twin_verdict forge_receipt(void *arg, struct bk_twin_device *d, bool to_server, Baken__Frame *f)
{
	unsigned *left = arg;

	if (to_server || d != cast.person || f->kind_case != BAKEN__FRAME__KIND_STORED || !*left)
		return BK_TWIN_PASS;
	--*left;
	f->stored->items[0]->receipt->signature.data[5] ^= 1;
	return BK_TWIN_CHANGED;
}

static void test_forged_receipt(void **state)
{
	unsigned left = 2;
	bk_id m;

	(void)state;
	twin.tap = forge_receipt;
	twin.tap_arg = &left;
	m = bk_twin_do(cast.person, json_pack("{s:s, s:s}", "cmd", "report", "what", "vals bewijs"));
	assert_int_equal(bk_twin_rung(cast.person, m, "stored"), 0);
	bk_twin_pass(&twin, 10 * MINUTE);
	twin.tap = NULL;
	assert_int_equal(left, 0);
	assert_int_not_equal(bk_twin_rung(cast.person, m, "stored"), 0);
	assert_int_equal(bk_twin_kept(cast.officer, m), 1);
}

/* ---- care ---- */

static void test_care_message(void **state)
{
	char circle[BK_ID_TEXT];
	json_t *e;

	(void)state;
	for (size_t i = 0; i < twin.n_devices; i++)
		bk_twin_forget(&twin.devices[i]);
	assert_int_equal(send_to(cast.carer, bk_id_text(twin.circles[BK_TWIN_PERSON].id, circle), "Hoe gaat het?"), 0);
	e = bk_twin_take(cast.person, "message", "kind", "text");
	assert_string_equal(str(e, "text"), "Hoe gaat het?");
	assert_string_equal(str(json_object_get(e, "from"), "role"), "care");
	assert_int_equal(bk_twin_call(cast.person, json_pack("{s:s, s:s, s:s}", "cmd", "reply", "to", str(e, "message"), "text",
		"Niet zo goed."), NULL), 0);
	json_decref(e);
	bk_twin_pass(&twin, 1000);
	assert_int_equal(bk_twin_count(cast.carer, "message", "text", "Niet zo goed."), 1);
	assert_int_equal(bk_twin_count(cast.officer, "message", NULL, NULL), 0); /* the desk hears nothing of it */
	assert_int_equal(bk_twin_count(cast.vault, "message", NULL, NULL), 0);
	assert_int_equal(send_to(cast.person, "care", "Dank u."), 0);
	assert_int_equal(bk_twin_count(cast.carer, "message", "text", "Dank u."), 1);
	assert_int_equal(bk_twin_count(cast.officer, "message", NULL, NULL), 0);
}

static void test_care_and_security_apart(void **state)
{
	char desk[BK_ID_TEXT], care[BK_ID_TEXT];

	(void)state;
	bk_id_text(twin.circles[BK_TWIN_DESK].id, desk);
	bk_id_text(twin.circles[BK_TWIN_CARE].id, care);
	assert_int_not_equal(send_to(cast.carer, "desk", "mag niet"), 0);
	assert_int_not_equal(send_to(cast.carer, desk, "mag niet"), 0);
	assert_int_not_equal(send_to(cast.officer, "care", "mag niet"), 0);
	assert_int_not_equal(send_to(cast.officer, care, "mag niet"), 0);
	assert_int_equal(bk_twin_count(cast.officer, "message", NULL, NULL), 0);
}

/* The client bypassed: its frame says another regime, or another circle. The server refuses it by name. */
struct bypass {
	bool regime;
	unsigned refused, changed;
};

static enum bk_twin_verdict bypass(void *arg, struct bk_twin_device *d, bool to_server, Baken__Frame *f)
{
	struct bypass *b = arg;

	if (!to_server && d == cast.carer && f->kind_case == BAKEN__FRAME__KIND_ERROR) {
		b->refused += f->error->code == BK_E_ROLE;
		return BK_TWIN_PASS;
	}
	if (!to_server || d != cast.carer || f->kind_case != BAKEN__FRAME__KIND_SUBMIT)
		return BK_TWIN_PASS;
	if (b->regime)
		f->submit->regime = BAKEN__REGIME__REGIME_SECURITY;
	else
		memcpy(f->submit->targets[0]->circle_id.data, twin.circles[BK_TWIN_DESK].id.b, BK_ID_BYTES);
	b->changed++;
	return BK_TWIN_CHANGED;
}

static void test_client_bypassed(void **state)
{
	char circle[BK_ID_TEXT];

	(void)state;
	for (int regime = 0; regime < 2; regime++) {
		struct bypass b = {.regime = regime};

		twin.tap = bypass;
		twin.tap_arg = &b;
		bk_twin_forget(cast.carer);
		assert_int_equal(send_to(cast.carer, bk_id_text(twin.circles[BK_TWIN_PERSON].id, circle), "omweg"), 0);
		twin.tap = NULL;
		assert_true(b.changed > 0);
		assert_int_equal(b.refused, b.changed);
		assert_int_equal(bk_twin_count(cast.carer, "refused", "error", "BK_E_ROLE"), 1);
	}
	assert_int_equal(bk_twin_count(cast.officer, "message", NULL, NULL), 0);
	assert_int_equal(bk_twin_count(cast.person, "message", "text", "omweg"), 0);
}

/* A stranger to the household and somebody else's case cannot be written to. */
static void test_only_ones_own(void **state)
{
	char id[BK_ID_TEXT];
	bk_id m = bk_twin_do(cast.person, json_pack("{s:s, s:s}", "cmd", "report", "what", "van mij"));

	(void)state;
	assert_int_not_equal(bk_twin_call(cast.relative, json_pack("{s:s, s:s, s:s}", "cmd", "reply", "to", bk_id_text(m, id),
		"text", "erbij"), NULL), 0);
	assert_null(bk_twin_item(cast.relative, m));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_care_message),
		cmocka_unit_test(test_care_and_security_apart),
		cmocka_unit_test(test_client_bypassed),
		cmocka_unit_test(test_only_ones_own),
		cmocka_unit_test(test_receipts_offline_r13),
		cmocka_unit_test(test_forged_receipt),
		cmocka_unit_test(test_other_server),
		cmocka_unit_test(test_wrong_codes),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_code_is_used_once),
		cmocka_unit_test(test_enrolment_dies_at_every_step),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
