/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Where and when the server knocks: endpoints and addresses (lesson R9), classes, answers, waiting, the breaker; and
 * the signature by which a push host knows us, verified by a second formulation.
 */
#include <arpa/inet.h>
#include <jansson.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <sodium.h>
#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <cmocka.h>

#include "err.h"
#include "push_rule.h"
#include "push_url.h"
#include "push_vapid.h"
#include "tmp.h"

#define NOW 1780000000000ull

/* ---- where ---- */

static void endpoints_are_read_strictly(void **state)
{
	static const char *const good[] = {"https://push.example/", "https://push.example:8443/a/b?c=d&e=%20",
		"https://127.0.0.1:1/x", "https://a-b.c0/"};
	static const char *const bad[] = {"", "https://", "https:///x", "http://push.example/", "HTTPS://push.example/",
		"https://push.example", "https://user@push.example/", "https://push.example@evil.example/",
		"https://Push.example/", "https://push.example:/", "https://push.example:0/", "https://push.example:65536/",
		"https://push.example:999999/", "https://push.example:12a/", "https://push.example/a b",
		"https://push.example/a\r\nX: y", "https://push.example/#f", "https://push.example\\@evil.example/",
		"https://[::1]/x", "https://%31/", "https://.push.example/", "https://push.example./", "https://-a/",
		"https://push.example?x/", "https://p\xc3\xbcsh.example/", "ftp://push.example/", "https://push.example:+1/"};
	char longest[BK_PUSH_ENDPOINT_MAX + 2];
	struct bk_push_url url;

	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		assert_int_equal(bk_push_url_parse(good[i], &url), 0);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_int_equal(bk_push_url_parse(bad[i], &url), BK_E_INVAL);
	memset(longest, 'a', sizeof longest);
	memcpy(longest, "https://p/", 10);
	longest[BK_PUSH_ENDPOINT_MAX + 1] = '\0';
	assert_int_equal(bk_push_url_parse(longest, &url), BK_E_INVAL);
	longest[BK_PUSH_ENDPOINT_MAX] = '\0';
	assert_int_equal(bk_push_url_parse(longest, &url), 0);
}

static int listed(const char *endpoint, const char *hosts)
{
	struct bk_push_url url;

	assert_int_equal(bk_push_url_parse(endpoint, &url), 0);
	return bk_push_url_listed(&url, hosts);
}

static void only_listed_hosts_and_ports(void **state)
{
	static const char hosts[] = "push.example, updates.example:8443,127.0.0.1:9";

	(void)state;
	assert_int_equal(bk_push_url_check(hosts), 0);
	assert_int_equal(bk_push_url_check(""), 0);
	assert_int_equal(bk_push_url_check("a, b:0"), BK_E_INVAL);
	assert_int_equal(bk_push_url_check("https://a"), BK_E_INVAL);
	assert_int_equal(bk_push_url_check("*.a"), BK_E_INVAL);
	assert_int_equal(bk_push_url_check("a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a"), 0);
	assert_int_equal(bk_push_url_check("a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a"), BK_E_INVAL);
	assert_int_equal(listed("https://push.example/x", hosts), 0);
	assert_int_equal(listed("https://push.example:443/x", hosts), 0);
	assert_int_equal(listed("https://updates.example:8443/x", hosts), 1);
	assert_int_equal(listed("https://127.0.0.1:9/x", hosts), 2);
	assert_int_equal(listed("https://updates.example/x", hosts), -1);
	assert_int_equal(listed("https://push.example:8443/x", hosts), -1);
	assert_int_equal(listed("https://push.example.evil/x", hosts), -1);
	assert_int_equal(listed("https://evil-push.example/x", hosts), -1);
	assert_int_equal(listed("https://127.0.0.1/x", hosts), -1);
	assert_int_equal(listed("https://push.example/x", ""), -1);
}

static bool public_address(const char *text, bool near)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};

	if (inet_pton(AF_INET, text, &v4.sin_addr) == 1)
		return bk_push_url_public((const struct sockaddr *)&v4, near);
	assert_int_equal(inet_pton(AF_INET6, text, &v6.sin6_addr), 1);
	return bk_push_url_public((const struct sockaddr *)&v6, near);
}

/* R9: a listed name may resolve to an address inside; nothing is asked of it. */
static void addresses_inside_are_refused(void **state)
{
	static const char *const closed[] = {"0.0.0.0", "10.0.0.1", "10.255.255.255", "100.64.0.1", "100.127.255.255",
		"169.254.169.254", "172.16.0.1", "172.31.255.255", "192.168.0.1", "192.0.0.1", "198.18.0.1", "224.0.0.1",
		"255.255.255.255", "::", "fe80::1", "fc00::1", "fd12::1", "ff02::1", "::ffff:10.0.0.1", "::ffff:169.254.1.1",
		"64:ff9b::a00:1", "2002:a00:1::", "2001::1", "2001:db8::1", "::7f00:1"};
	static const char *const open[] = {"1.1.1.1", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0",
		"172.15.255.255", "172.32.0.0", "192.167.255.255", "192.169.0.0", "223.255.255.255", "2a00:1450::1",
		"2001:4860::1", "::ffff:1.1.1.1"};
	static const char *const here[] = {"127.0.0.1", "127.255.255.255", "::1", "::ffff:127.0.0.1"};
	struct sockaddr_storage other = {.ss_family = AF_UNIX};

	(void)state;
	for (size_t i = 0; i < sizeof closed / sizeof *closed; i++)
		assert_false(public_address(closed[i], true));
	for (size_t i = 0; i < sizeof open / sizeof *open; i++)
		assert_true(public_address(open[i], false));
	for (size_t i = 0; i < sizeof here / sizeof *here; i++) {
		assert_false(public_address(here[i], false));
		assert_true(public_address(here[i], true));
	}
	assert_false(bk_push_url_public((const struct sockaddr *)&other, true));
}

/* ---- when ---- */

static void classes(void **state)
{
	(void)state;
	assert_int_equal(bk_push_rule_class(BAKEN__CLASS__CLASS_ALARM)->delay_ms, 0);
	assert_int_equal(bk_push_rule_class(BAKEN__CLASS__CLASS_URGENT)->delay_ms, 0);
	assert_string_equal(bk_push_rule_class(BAKEN__CLASS__CLASS_ALARM)->urgency, "high");
	assert_true(bk_push_rule_class(BAKEN__CLASS__CLASS_NORMAL)->delay_ms > 0);
	assert_string_equal(bk_push_rule_class(BAKEN__CLASS__CLASS_NORMAL)->urgency, "normal");
	assert_null(bk_push_rule_class(BAKEN__CLASS__CLASS_BULK));
	assert_null(bk_push_rule_class(BAKEN__CLASS__CLASS_NONE));
	assert_null(bk_push_rule_class((Baken__Class)77));
	assert_int_equal(bk_push_rule_stronger(BAKEN__CLASS__CLASS_NORMAL, BAKEN__CLASS__CLASS_ALARM),
		BAKEN__CLASS__CLASS_ALARM);
}

static void answers(void **state)
{
	static const struct {
		long status;
		enum bk_push_verdict verdict;
	} rows[] = {{200, BK_PUSH_DONE}, {201, BK_PUSH_DONE}, {202, BK_PUSH_DONE}, {301, BK_PUSH_REFUSED},
		{307, BK_PUSH_REFUSED}, {400, BK_PUSH_REFUSED}, {401, BK_PUSH_REFUSED}, {403, BK_PUSH_REFUSED},
		{404, BK_PUSH_GONE}, {408, BK_PUSH_LATER}, {410, BK_PUSH_GONE}, {413, BK_PUSH_REFUSED},
		{429, BK_PUSH_LATER}, {500, BK_PUSH_LATER}, {503, BK_PUSH_LATER}, {0, BK_PUSH_REFUSED}};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		assert_int_equal(bk_push_rule_verdict(0, rows[i].status), rows[i].verdict);
	assert_int_equal(bk_push_rule_verdict(BK_E_TLS, 201), BK_PUSH_LATER);
}

static void retry_after(void **state)
{
	(void)state;
	assert_int_equal(bk_push_rule_retry_after("", NOW), 0);
	assert_int_equal(bk_push_rule_retry_after("7", NOW), 7000);
	assert_int_equal(bk_push_rule_retry_after("0", NOW), 0);
	assert_int_equal(bk_push_rule_retry_after("99999999999999999999999", NOW), BK_PUSH_WAIT_MAX_MS);
	assert_int_equal(bk_push_rule_retry_after("soon", NOW), 0);
	assert_int_equal(bk_push_rule_retry_after("-5", NOW), 0);
	assert_int_equal(bk_push_rule_retry_after("Thu, 28 May 2026 20:27:00 GMT", NOW), 20000); /* NOW is 20:26:40 */
	assert_int_equal(bk_push_rule_retry_after("Thu, 28 May 2026 20:00:00 GMT", NOW), 0);
	assert_int_equal(bk_push_rule_retry_after("Fri, 29 May 2026 20:00:00 GMT", NOW), BK_PUSH_WAIT_MAX_MS);
}

static void waiting_doubles_and_ends(void **state)
{
	(void)state;
	for (unsigned a = 1; a < 40; a++) {
		bk_ms most = 2000;

		for (unsigned i = 1; i < a && most < 600000; i++)
			most *= 2;
		most = most > 600000 ? 600000 : most;
		for (uint32_t chance = 0; chance < 5; chance++)
			assert_in_range(bk_push_rule_wait(a, chance * 0x3fffffffu), most - most / 4, most);
	}
}

static void the_breaker(void **state)
{
	struct bk_push_breaker b = {0};
	bk_ms now = NOW;

	(void)state;
	for (unsigned i = 1; i < 5; i++) {
		assert_true(bk_push_breaker_lets(&b, now));
		assert_false(bk_push_breaker_failed(&b, now, 0));
	}
	assert_true(bk_push_breaker_failed(&b, now, 0));
	assert_false(bk_push_breaker_lets(&b, now + 29999));
	assert_true(bk_push_breaker_lets(&b, now + 30000));
	assert_false(bk_push_breaker_lets(&b, now + 30000)); /* one tries, the others wait */
	assert_false(bk_push_breaker_failed(&b, now + 30000, 0));
	assert_false(bk_push_breaker_lets(&b, now + 89999));
	assert_true(bk_push_breaker_lets(&b, now + 90000));
	assert_true(bk_push_breaker_worked(&b));
	assert_true(bk_push_breaker_lets(&b, now + 90000));
	assert_false(bk_push_breaker_worked(&b));
	for (unsigned i = 0; i < 50; i++)
		bk_push_breaker_failed(&b, now, 0);
	assert_true(bk_push_breaker_lets(&b, now + 600000));
	bk_push_breaker_failed(&b, now, 3600000); /* it asked for more */
	assert_false(bk_push_breaker_lets(&b, now + 3599999));
}

/* ---- who ---- */

static size_t from64(const char *text, size_t len, uint8_t *out, size_t room)
{
	size_t n = 0;

	assert_int_equal(sodium_base642bin(out, room, text, len, NULL, &n, NULL, sodium_base64_VARIANT_URLSAFE_NO_PADDING), 0);
	return n;
}

static EVP_PKEY *public_key(const uint8_t point[static 65])
{
	OSSL_PARAM_BLD *b = OSSL_PARAM_BLD_new();
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	EVP_PKEY *key = NULL;
	OSSL_PARAM *params;

	OSSL_PARAM_BLD_push_utf8_string(b, OSSL_PKEY_PARAM_GROUP_NAME, "P-256", 0);
	OSSL_PARAM_BLD_push_octet_string(b, OSSL_PKEY_PARAM_PUB_KEY, point, 65);
	params = OSSL_PARAM_BLD_to_param(b);
	assert_int_equal(EVP_PKEY_fromdata_init(ctx), 1);
	assert_int_equal(EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params), 1);
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(b);
	EVP_PKEY_CTX_free(ctx);
	return key;
}

static bool verifies(const uint8_t point[static 65], const char *text, size_t len, const uint8_t raw[static 64])
{
	ECDSA_SIG *sig = ECDSA_SIG_new();
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	EVP_PKEY *key = public_key(point);
	unsigned char *der = NULL;
	int n;
	bool ok;

	ECDSA_SIG_set0(sig, BN_bin2bn(raw, 32, NULL), BN_bin2bn(raw + 32, 32, NULL));
	n = i2d_ECDSA_SIG(sig, &der);
	EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL, key);
	ok = n > 0 && EVP_DigestVerify(ctx, der, (size_t)n, (const uint8_t *)text, len) == 1;
	OPENSSL_free(der);
	ECDSA_SIG_free(sig);
	EVP_PKEY_free(key);
	EVP_MD_CTX_free(ctx);
	return ok;
}

static void tokens_verify(void **state)
{
	const char *file = bk_tmp_path("push.key");
	char *pem = NULL, out[BK_PUSH_VAPID_TEXT], *dot, *second, *key;
	uint8_t claims[700], sig[80], point[80], head[80];
	struct bk_push_vapid *v = NULL;
	json_t *o;
	size_t n;

	(void)state;
	assert_int_equal(bk_push_vapid_open(file, &v), BK_E_NOT_FOUND);
	assert_int_equal(bk_push_vapid_make(&pem), 0);
	assert_int_equal(bk_tmp_write(file, pem, strlen(pem)), 0);
	free(pem);
	assert_int_equal(bk_push_vapid_open(file, &v), 0);
	for (unsigned i = 0; i < 40; i++) { /* halves that begin with zeros, too */
		assert_int_equal(bk_push_vapid_sign(v, "https://push.example", "mailto:a@b.example", NOW + i * 1000, out), 0);
		assert_memory_equal(out, "vapid t=", 8);
		dot = strchr(out + 8, '.');
		second = strchr(dot + 1, '.');
		key = strstr(second, ", k=");
		assert_int_equal(from64(second + 1, (size_t)(key - second - 1), sig, sizeof sig), 64);
		assert_int_equal(from64(key + 4, strlen(key + 4), point, sizeof point), 65);
		assert_memory_equal(point, bk_push_vapid_public(v), 65);
		assert_true(verifies(point, out + 8, (size_t)(second - out - 8), sig));
		sig[5] ^= 1;
		assert_false(verifies(point, out + 8, (size_t)(second - out - 8), sig));
	}
	n = from64(out + 8, (size_t)(dot - out - 8), head, sizeof head);
	assert_memory_equal(head, "{\"typ\":\"JWT\",\"alg\":\"ES256\"}", n);
	n = from64(dot + 1, (size_t)(second - dot - 1), claims, sizeof claims);
	o = json_loadb((const char *)claims, n, 0, NULL);
	assert_string_equal(json_string_value(json_object_get(o, "aud")), "https://push.example");
	assert_string_equal(json_string_value(json_object_get(o, "sub")), "mailto:a@b.example");
	assert_int_equal(json_integer_value(json_object_get(o, "exp")), (NOW + 39000 + BK_PUSH_VAPID_MS) / 1000);
	json_decref(o);
	bk_push_vapid_close(v);
	assert_int_equal(chmod(file, 0644), 0);
	assert_int_equal(bk_push_vapid_open(file, &v), BK_E_STATE);
	assert_int_equal(bk_tmp_write(bk_tmp_path("other.key"), "nonsense", 8), 0);
	assert_int_equal(bk_push_vapid_open(bk_tmp_path("other.key"), &v), BK_E_INVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(endpoints_are_read_strictly),
		cmocka_unit_test(only_listed_hosts_and_ports),
		cmocka_unit_test(addresses_inside_are_refused),
		cmocka_unit_test(classes),
		cmocka_unit_test(answers),
		cmocka_unit_test(retry_after),
		cmocka_unit_test(waiting_doubles_and_ends),
		cmocka_unit_test(the_breaker),
		cmocka_unit_test(tokens_verify),
	};

	return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
