/* SPDX-License-Identifier: GPL-3.0-or-later */
/* M18: what hangs on one person or one machine is found, and said by its name. */
#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "certificate.h"
#include "custodians.h"
#include "err.h"
#include "store_box.h"

#define SECOND 30u /* number of the second registrar's key, and of the second vault */

static struct bk_store_box box;
static uint8_t root[BK_KEY_BYTES];
static bk_id circle;
static uint64_t version;
static bk_hash previous;

struct wish { /* who signs what in a desk's next list */
	Baken__CircleKind kind;
	bool second_listed, second_signs, second_vault, vault_revoked;
	bk_ms second_until; /* 0: as the first's */
};

static int setup(void **state)
{
	static unsigned n;
	uint8_t secret[BK_ED25519_SECRET_BYTES];
	char name[32];
	struct bk_op op = {.kind = BK_OP_TRUST_PUT};

	(void)state;
	snprintf(name, sizeof name, "custodians-%u", n++);
	bk_store_box_open(&box, name);
	bk_sample_ed25519(BK_SAMPLE_ROOT, root, secret);
	memcpy(op.trust.root_key, root, sizeof root);
	assert_int_equal(bk_store_box_do(&box, &op), 0);
	circle = bk_sample_id(600);
	version = 0;
	memset(&previous, 0, sizeof previous);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	bk_store_box_close(&box);
	return 0;
}

static struct bk_sample_blob registrar(unsigned n, bool care, bk_ms until)
{
	struct bk_registrar_cert c = bk_sample_registrar(care ? BK_SAMPLE_CARE : BK_SAMPLE_SECURITY);
	uint8_t secret[BK_ED25519_SECRET_BYTES];

	bk_sample_ed25519(n, c.key, secret);
	if (until)
		c.not_after_ms = until;
	return bk_sample_registrar_signed(&c, BK_SAMPLE_ROOT);
}

static struct bk_sample_blob device(unsigned n, Baken__Role role, unsigned by)
{
	struct bk_device_cert c = bk_sample_device(n, role, circle);

	return bk_sample_device_signed(&c, by);
}

/* Two devices, the second by the second registrar when it signs. */
static void put(const struct wish *w)
{
	bool care = w->kind == BAKEN__CIRCLE_KIND__CIRCLE_CARE;
	unsigned by = care ? BK_SAMPLE_CARE : BK_SAMPLE_SECURITY;
	Baken__Role role = care ? BAKEN__ROLE__ROLE_CARE : BAKEN__ROLE__ROLE_VAULT;
	Baken__DeviceStatus status = care ? BAKEN__DEVICE_STATUS__DEVICE_ACTIVE : BAKEN__DEVICE_STATUS__DEVICE_VAULT;
	unsigned base = care ? 50 : 20;
	struct bk_sample_blob r[2] = {registrar(by, care, 0), registrar(SECOND + care, care, w->second_until)};
	struct bk_sample_blob d[2] = {device(base, role, by), device(base + 1, w->second_vault || care ? role :
		BAKEN__ROLE__ROLE_OFFICER, w->second_signs ? SECOND + care : by)};
	struct bk_roster_plan_entry e[2] = {{d[0].data, d[0].len, status, box.now},
		{d[1].data, d[1].len, w->vault_revoked ? BAKEN__DEVICE_STATUS__DEVICE_REVOKED :
			w->second_vault ? status : BAKEN__DEVICE_STATUS__DEVICE_ACTIVE, box.now}};
	const uint8_t *registrars[] = {r[0].data, r[1].data};
	const size_t lens[] = {r[0].len, r[1].len};
	struct bk_roster_plan plan = {.circle = circle, .kind = w->kind, .version = ++version, .previous = previous,
		.issued_ms = box.now, .expires_ms = box.now + 7 * BK_SAMPLE_DAY, .hard_expires_ms = box.now + 14 * BK_SAMPLE_DAY,
		.entries = e, .n_entries = 2, .registrars = registrars, .registrar_lens = lens,
		.n_registrars = w->second_listed ? 2 : 1};
	struct bk_op op = {.kind = BK_OP_ROSTER_PUT};
	uint8_t public[BK_KEY_BYTES], secret[BK_ED25519_SECRET_BYTES], *buf = NULL;
	size_t len = 0;
	Baken__Signed *s;

	bk_sample_ed25519(by, public, secret);
	assert_int_equal(bk_roster_sign(&plan, secret, &buf, &len), 0);
	op.roster.signed_roster = (struct bk_bytes){buf, len};
	assert_int_equal(bk_store_box_do(&box, &op), 0);
	s = baken__signed__unpack(NULL, len, buf);
	previous = bk_hash_of(s->payload.data, s->payload.len);
	baken__signed__free_unpacked(s, NULL);
	free(op.roster.revoked);
	free(buf);
	for (unsigned i = 0; i < 2; i++) {
		free(r[i].data);
		free(d[i].data);
	}
}

static const char *lack(bk_ms now)
{
	enum bk_custodians_lack l = BK_CUSTODIANS_ENOUGH;
	struct bk_store_view *v = bk_store_box_view(&box);

	assert_int_equal(bk_custodians_check(v, root, now, &l), 0);
	bk_store_view_end(v);
	return bk_custodians_name(l);
}

static void nothing_there(void **state)
{
	(void)state;
	assert_string_equal(lack(box.now), "security-registrars");
}

static void one_registrar(void **state)
{
	(void)state;
	put(&(struct wish){.kind = BAKEN__CIRCLE_KIND__CIRCLE_DESK, .second_vault = true});
	assert_string_equal(lack(box.now), "security-registrars");
}

/* To be named is not to have signed. */
static void a_key_that_never_signed(void **state)
{
	(void)state;
	put(&(struct wish){.kind = BAKEN__CIRCLE_KIND__CIRCLE_DESK, .second_listed = true, .second_vault = true});
	assert_string_equal(lack(box.now), "security-registrars");
}

static void one_vault(void **state)
{
	(void)state;
	put(&(struct wish){.kind = BAKEN__CIRCLE_KIND__CIRCLE_DESK, .second_listed = true, .second_signs = true});
	assert_string_equal(lack(box.now), "vaults");
}

static void two_of_everything_until_one_ends(void **state)
{
	struct wish w = {.kind = BAKEN__CIRCLE_KIND__CIRCLE_DESK, .second_listed = true, .second_signs = true,
		.second_vault = true, .second_until = box.now + 3 * BK_SAMPLE_DAY};

	(void)state;
	put(&w);
	assert_string_equal(lack(box.now), "none");
	assert_string_equal(lack(box.now + 2 * BK_SAMPLE_DAY), "none");
	assert_string_equal(lack(box.now + 3 * BK_SAMPLE_DAY), "security-registrars");
	w.vault_revoked = true;
	put(&w);
	assert_string_equal(lack(box.now), "vaults");
}

static void a_care_team_wants_its_own(void **state)
{
	(void)state;
	put(&(struct wish){.kind = BAKEN__CIRCLE_KIND__CIRCLE_DESK, .second_listed = true, .second_signs = true,
		.second_vault = true});
	circle = bk_sample_id(601);
	version = 0;
	memset(&previous, 0, sizeof previous);
	put(&(struct wish){.kind = BAKEN__CIRCLE_KIND__CIRCLE_CARE});
	assert_string_equal(lack(box.now), "care-registrars");
	put(&(struct wish){.kind = BAKEN__CIRCLE_KIND__CIRCLE_CARE, .second_listed = true, .second_signs = true});
	assert_string_equal(lack(box.now), "none");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(nothing_there, setup, teardown),
		cmocka_unit_test_setup_teardown(one_registrar, setup, teardown),
		cmocka_unit_test_setup_teardown(a_key_that_never_signed, setup, teardown),
		cmocka_unit_test_setup_teardown(one_vault, setup, teardown),
		cmocka_unit_test_setup_teardown(two_of_everything_until_one_ends, setup, teardown),
		cmocka_unit_test_setup_teardown(a_care_team_wants_its_own, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
