/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * TLS as the guideline has it: 1.3 only, two suites, three groups, nothing early, nothing compressed, no tickets.
 * Each offer is made by a client that offers nothing else.
 */
#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdarg.h>
#include <setjmp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>
#include <cmocka.h>

#include "cast.h"

static struct bk_cast cast;

static int open_cast(void **state)
{
	(void)state;
	bk_cast_open(&cast, "tls", NULL);
	return 0;
}

static int close_cast(void **state)
{
	(void)state;
	bk_cast_close(&cast);
	return 0;
}

struct offer {
	int min, max; /* versions; 0: any */
	const char *suites, *old_suites, *groups;
	const uint8_t *alpn;
	unsigned alpn_len;
};
struct line {
	int fd;
	SSL_CTX *ctx;
	SSL *ssl;
};

/* True when the server takes the offer. */
static bool shake(const struct offer *o, struct line *l)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(cast.realm.port)};
	struct timeval wait = {.tv_sec = 5};

	ERR_clear_error();
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	l->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(l->fd, (const struct sockaddr *)&a, sizeof a), 0);
	setsockopt(l->fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
	l->ctx = SSL_CTX_new(TLS_client_method());
	assert_non_null(l->ctx);
	SSL_CTX_set_security_level(l->ctx, 0); /* the refusal must be the server's */
	assert_int_equal(SSL_CTX_set_min_proto_version(l->ctx, o->min), 1);
	assert_int_equal(SSL_CTX_set_max_proto_version(l->ctx, o->max), 1);
	if (o->suites)
		assert_int_equal(SSL_CTX_set_ciphersuites(l->ctx, o->suites), 1);
	if (o->old_suites)
		assert_int_equal(SSL_CTX_set_cipher_list(l->ctx, o->old_suites), 1);
	if (o->groups)
		assert_int_equal(SSL_CTX_set1_groups_list(l->ctx, o->groups), 1);
	if (o->alpn)
		assert_int_equal(SSL_CTX_set_alpn_protos(l->ctx, o->alpn, o->alpn_len), 0);
	l->ssl = SSL_new(l->ctx);
	assert_int_equal(SSL_set_fd(l->ssl, l->fd), 1);
	return SSL_connect(l->ssl) == 1;
}

static void hang_up(struct line *l)
{
	SSL_free(l->ssl);
	SSL_CTX_free(l->ctx);
	close(l->fd);
}

static bool taken(const struct offer *o)
{
	struct line l;
	bool ok = shake(o, &l);

	hang_up(&l);
	return ok;
}

static void only_version_1_3(void **state)
{
	static const int old[] = {TLS1_VERSION, TLS1_1_VERSION, TLS1_2_VERSION};

	(void)state;
	for (size_t i = 0; i < 3; i++)
		assert_false(taken(&(struct offer){.min = old[i], .max = old[i], .old_suites = "ALL:@SECLEVEL=0"}));
	assert_true(taken(&(struct offer){.min = TLS1_3_VERSION, .max = TLS1_3_VERSION}));
	assert_true(taken(&(struct offer){.min = TLS1_VERSION}));
}

static void only_two_suites(void **state)
{
	static const struct {
		const char *name;
		bool ok;
	} rows[] = {
		{"TLS_AES_256_GCM_SHA384", true},
		{"TLS_CHACHA20_POLY1305_SHA256", true},
		{"TLS_AES_128_GCM_SHA256", false},
		{"TLS_AES_128_CCM_SHA256", false},
		{"TLS_AES_128_CCM_8_SHA256", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (taken(&(struct offer){.suites = rows[i].name}) != rows[i].ok)
			fail_msg("%s", rows[i].name);
}

static void only_three_groups(void **state)
{
	static const struct {
		const char *name;
		bool ok;
	} rows[] = {
		{"X25519", true}, {"P-256", true}, {"P-384", true}, {"P-521", false}, {"X448", false}, {"ffdhe2048", false},
		{"ffdhe3072", false}, {"brainpoolP256r1", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		SSL_CTX *probe = SSL_CTX_new(TLS_client_method());
		bool known = SSL_CTX_set1_groups_list(probe, rows[i].name) == 1;

		SSL_CTX_free(probe);
		if (known && taken(&(struct offer){.groups = rows[i].name}) != rows[i].ok)
			fail_msg("%s", rows[i].name);
	}
}

static const char healthz[] = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";

/* No ticket comes, so nothing can be sent early; nothing is compressed; no renegotiation exists in 1.3. */
static void nothing_early_nothing_compressed(void **state)
{
	struct line l;
	char answer[2000];
	size_t written = 0;

	(void)state;
	assert_true(shake(&(struct offer){0}, &l));
	assert_int_equal(SSL_write(l.ssl, healthz, sizeof healthz - 1), sizeof healthz - 1);
	assert_true(SSL_read(l.ssl, answer, sizeof answer) > 0); /* tickets would have come before it */
	assert_null(SSL_get_current_compression(l.ssl));
	assert_false(SSL_SESSION_has_ticket(SSL_get0_session(l.ssl)));
	assert_int_equal(SSL_SESSION_get_max_early_data(SSL_get0_session(l.ssl)), 0);
	assert_int_equal(SSL_write_early_data(l.ssl, "x", 1, &written), 0);
	hang_up(&l);
}

static const char *alpn_of(const uint8_t *offer, unsigned len, char out[static 32])
{
	struct line l;
	const uint8_t *name = NULL;
	unsigned n = 0;

	out[0] = '\0';
	if (shake(&(struct offer){.alpn = offer, .alpn_len = len}, &l))
		SSL_get0_alpn_selected(l.ssl, &name, &n);
	if (n && n < 32) {
		memcpy(out, name, n);
		out[n] = '\0';
	}
	hang_up(&l);
	return out;
}

static void only_http_1_1(void **state)
{
	static const uint8_t both[] = "\x02h2\x08http/1.1", h2[] = "\x02h2", http[] = "\x08http/1.1";
	char name[32];

	(void)state;
	assert_string_equal(alpn_of(http, sizeof http - 1, name), "http/1.1");
	assert_string_equal(alpn_of(both, sizeof both - 1, name), "http/1.1");
	assert_string_not_equal(alpn_of(h2, sizeof h2 - 1, name), "h2");
}

/* A certificate by our own CA, for this name; a client that checks is content, one with another CA is not. */
static void the_certificate_checks_out(void **state)
{
	struct line l;

	(void)state;
	assert_true(shake(&(struct offer){0}, &l));
	assert_int_not_equal(SSL_get_verify_result(l.ssl), X509_V_OK); /* nobody knows this CA */
	hang_up(&l);
	{
		struct bk_sock_options o = {.port = cast.realm.port, .tls = true, .ca = cast.realm.ca, .raw = true};
		struct bk_sock *s = NULL;

		assert_int_equal(bk_sock_open(&o, &s), 0);
		bk_sock_close(s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_version_1_3),
		cmocka_unit_test(only_two_suites),
		cmocka_unit_test(only_three_groups),
		cmocka_unit_test(nothing_early_nothing_compressed),
		cmocka_unit_test(only_http_1_1),
		cmocka_unit_test(the_certificate_checks_out),
	};

	return cmocka_run_group_tests(tests, open_cast, close_cast);
}
