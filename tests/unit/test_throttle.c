/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Token buckets against a second, naive formulation; full tables: addresses fail closed, devices fail open. */
#include <sodium.h>
#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "err.h"
#include "throttle.h"

#define NOW 1780000000000ull

static struct bk_throttle t;

static int start(void **state)
{
	static const struct bk_options o = {.connections_address = 3, .accepts_address = 10, .logins_address = 6,
		.messages_device = 5, .claims_device = 4};

	(void)state;
	return sodium_init() < 0 ? -1 : bk_throttle_init(&t, &o);
}

static int stop(void **state)
{
	(void)state;
	bk_throttle_done(&t);
	return 0;
}

static bk_id id(unsigned n)
{
	bk_id v = {{1}};

	memcpy(v.b + 8, &n, sizeof n);
	return v;
}

static void a_burst_and_then_the_rate(void **state)
{
	uint64_t now = NOW;
	unsigned n = 0;

	(void)state;
	while (!bk_throttle_device(&t, id(1), BK_RATE_MESSAGE, now))
		n++;
	assert_int_equal(n, 25); /* five seconds' worth */
	assert_in_range(bk_throttle_device(&t, id(1), BK_RATE_MESSAGE, now), 1, 201);
	assert_int_equal(bk_throttle_device(&t, id(2), BK_RATE_MESSAGE, now), 0); /* another's is another's */
	assert_int_equal(bk_throttle_device(&t, id(1), BK_RATE_CLAIM, now), 0);   /* and another rate too */
	for (n = 0; now < NOW + 10000; now += 10)
		n += bk_throttle_device(&t, id(1), BK_RATE_MESSAGE, now) == 0;
	assert_in_range(n, 48, 52); /* five a second */
}

/* Said to wait w ms: refused before, taken then. */
static void the_wait_that_is_told_is_true(void **state)
{
	uint64_t now = NOW;

	(void)state;
	for (int i = 0; i < 50; i++) {
		uint64_t wait;

		while (!(wait = bk_throttle_device(&t, id(3), BK_RATE_CLAIM, now)))
			;
		if (wait > 2)
			assert_int_not_equal(bk_throttle_device(&t, id(3), BK_RATE_CLAIM, now + wait - 2), 0);
		now += wait + 1;
		assert_int_equal(bk_throttle_device(&t, id(3), BK_RATE_CLAIM, now), 0);
	}
}

static void a_long_rest_is_one_burst(void **state)
{
	unsigned n = 0;

	(void)state;
	while (!bk_throttle_device(&t, id(4), BK_RATE_MESSAGE, NOW))
		;
	while (!bk_throttle_device(&t, id(4), BK_RATE_MESSAGE, NOW + 86400000))
		n++;
	assert_int_equal(n, 25);
}

static void no_limit_is_no_limit(void **state)
{
	struct bk_throttle u;
	struct bk_options o = {.connections_address = 1, .accepts_address = 1, .logins_address = 1, .claims_device = 1};

	(void)state;
	assert_int_equal(bk_throttle_init(&u, &o), 0);
	for (int i = 0; i < 10000; i++)
		assert_int_equal(bk_throttle_device(&u, id(1), BK_RATE_MESSAGE, NOW), 0);
	bk_throttle_done(&u);
}

static void open_sockets_of_an_address(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++)
		assert_true(bk_throttle_accept(&t, "192.0.2.1", NOW));
	assert_false(bk_throttle_accept(&t, "192.0.2.1", NOW));
	assert_true(bk_throttle_accept(&t, "192.0.2.2", NOW));
	bk_throttle_closed(&t, "192.0.2.1");
	assert_true(bk_throttle_accept(&t, "192.0.2.1", NOW));
	bk_throttle_closed(&t, "192.0.2.9"); /* never opened */
	for (int i = 0; i < 100; i++) {
		bk_throttle_closed(&t, "192.0.2.1");
		bk_throttle_closed(&t, "192.0.2.2");
	}
}

static void new_sockets_of_an_address(void **state)
{
	unsigned n = 0;

	(void)state;
	while (n < 1000 && bk_throttle_accept(&t, "192.0.2.3", NOW)) {
		bk_throttle_closed(&t, "192.0.2.3");
		n++;
	}
	assert_int_equal(n, 40); /* four seconds' worth */
	assert_true(bk_throttle_accept(&t, "192.0.2.3", NOW + 101));
	bk_throttle_closed(&t, "192.0.2.3");
}

/* M8: ten one-time prekeys of one device for another, then ten an hour; each pair has its own. */
static void pairs(void **state)
{
	uint64_t now = NOW;
	unsigned n = 0;

	(void)state;
	while (!bk_throttle_pair(&t, id(5), id(6), BK_RATE_PAIR, now))
		n++;
	assert_int_equal(n, 10);
	assert_int_equal(bk_throttle_pair(&t, id(6), id(5), BK_RATE_PAIR, now), 0);
	assert_int_equal(bk_throttle_pair(&t, id(5), id(7), BK_RATE_PAIR, now), 0);
	for (n = 0; now < NOW + 3600000; now += 1000)
		n += bk_throttle_pair(&t, id(5), id(6), BK_RATE_PAIR, now) == 0;
	assert_in_range(n, 9, 10);
}

static void a_full_table_is_closed_to_addresses_and_open_to_devices(void **state)
{
	struct bk_throttle u;
	struct bk_options o = {.connections_address = 1, .accepts_address = 1, .logins_address = 1, .claims_device = 1,
		.messages_device = 1};
	unsigned taken = 0, refused = 0;

	(void)state;
	assert_int_equal(bk_throttle_init(&u, &o), 0);
	for (unsigned i = 0; i < 4 * BK_THROTTLE_SLOTS; i++) {
		char address[48];

		snprintf(address, sizeof address, "10.%u.%u.%u", i >> 16 & 255, i >> 8 & 255, i & 255);
		if (bk_throttle_address(&u, address, BK_RATE_LOGIN, NOW))
			refused++;
		else
			taken++;
		assert_int_equal(bk_throttle_device(&u, id(i), BK_RATE_CLAIM, NOW), 0);
	}
	assert_in_range(taken, BK_THROTTLE_SLOTS * 9 / 10, BK_THROTTLE_SLOTS);
	assert_true(refused > 2 * BK_THROTTLE_SLOTS);
	assert_int_equal(bk_throttle_address(&u, "192.0.2.200", BK_RATE_LOGIN, NOW + 130000), 0); /* forgotten by then */
	bk_throttle_done(&u);
}

/* The clock steps back: nobody is locked out for longer than the rate says. */
static void a_clock_that_steps_back(void **state)
{
	(void)state;
	while (!bk_throttle_device(&t, id(8), BK_RATE_MESSAGE, NOW))
		;
	(void)bk_throttle_device(&t, id(8), BK_RATE_MESSAGE, NOW - 3600000);
	assert_int_equal(bk_throttle_device(&t, id(8), BK_RATE_MESSAGE, NOW - 3600000 + 300), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_burst_and_then_the_rate),
		cmocka_unit_test(the_wait_that_is_told_is_true),
		cmocka_unit_test(a_long_rest_is_one_burst),
		cmocka_unit_test(no_limit_is_no_limit),
		cmocka_unit_test(open_sockets_of_an_address),
		cmocka_unit_test(new_sockets_of_an_address),
		cmocka_unit_test(pairs),
		cmocka_unit_test(a_full_table_is_closed_to_addresses_and_open_to_devices),
		cmocka_unit_test(a_clock_that_steps_back),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
