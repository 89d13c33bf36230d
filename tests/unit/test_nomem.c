/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Memory that runs out: the n-th allocation of protocol/ fails, for n = 0, 1, 2 ... until the call succeeds. Each
 * failure is told as one, writes no result and loses no memory (LeakSanitizer looks). The linker puts the allocator
 * below in the place of malloc, calloc and realloc.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sodium.h>
#include <stdlib.h>

#include "body.h"
#include "err.h"
#include "manifest.h"
#include "sample.h"
#include "signal_key.h"
#include "signal_pair.h"
#include "text.h"

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t size);

static long left = -1; /* allocations that still succeed; < 0: all */

static bool out_of_memory(void)
{
	return left >= 0 && left-- == 0;
}

void *__wrap_malloc(size_t size)
{
	return out_of_memory() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
	return out_of_memory() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t size)
{
	return out_of_memory() ? NULL : __real_realloc(p, size);
}

/* Runs it until it succeeds; how many failures that took. */
static long in_the_end(int (*run)(void *arg), void *arg, int also)
{
	long n = 0;
	int err = -1;

	for (; err; n++) {
		assert_in_range(n, 0, 1000);
		left = n;
		err = run(arg);
		left = -1;
		if (err && err != BK_E_NOMEM && err != also)
			fail_msg("allocation %ld failed, and the answer is %s", n, bk_err_name(err));
	}
	return n - 1;
}

static long until_it_works(int (*run)(void *arg), void *arg)
{
	return in_the_end(run, arg, BK_E_NOMEM);
}

/* ---- what is made and read ---- */

struct thing {
	struct bk_sample_blob blob, registrar;
	Baken__Signed *s;
	uint8_t root[BK_KEY_BYTES], secret[BK_ED25519_SECRET_BYTES], identity[BK_KEY_BYTES], private[BK_KEY_BYTES];
	struct bk_arena *arena;
	void *message;
	unsigned author;
};

static void done(struct bk_sample_blob *b)
{
	free(b->data);
	*b = (struct bk_sample_blob){NULL, 0};
}

static int seal_body(void *arg)
{
	struct thing *t = arg;
	bk_hash hash;
	int err = bk_body_seal_with(bk_sample_id(1), t->identity, "inhoud", 6, &t->blob.data, &t->blob.len, &hash);

	assert_true(!err == (t->blob.data != NULL));
	return err;
}

static int open_body(void *arg)
{
	struct thing *t = arg;
	uint8_t *content = NULL;
	size_t len = 0;
	int err = bk_body_open(bk_sample_id(1), bk_hash_of(t->blob.data, t->blob.len), t->identity, t->blob.data,
		t->blob.len, &content, &len);

	assert_true(!err == (content != NULL));
	free(content);
	return err;
}

static int sign_certificate(void *arg)
{
	struct bk_registrar_cert c = bk_sample_registrar(BK_SAMPLE_SECURITY);
	struct thing *t = arg;

	return bk_registrar_cert_sign(&c, t->secret, &t->blob.data, &t->blob.len);
}

static int verify_certificate(void *arg)
{
	struct thing *t = arg;
	struct bk_registrar_cert c;

	return bk_registrar_cert_verify(t->s, t->root, BK_SAMPLE_NOW, &c);
}

static int verify_roster(void *arg)
{
	struct thing *t = arg;
	struct bk_roster *r = NULL;
	int err = bk_roster_verify(t->s, t->root, NULL, BK_SAMPLE_NOW, &r);

	assert_true(!err == (r != NULL));
	bk_roster_free(r);
	return err;
}

static int sign_roster(void *arg)
{
	struct thing *t = arg;
	const uint8_t *const registrars[] = {t->registrar.data};
	const struct bk_roster_plan plan = {.circle = bk_sample_id(1), .kind = BAKEN__CIRCLE_KIND__CIRCLE_DESK, .version = 1,
		.issued_ms = BK_SAMPLE_NOW, .expires_ms = BK_SAMPLE_NOW + 1, .hard_expires_ms = BK_SAMPLE_NOW + 2,
		.registrars = registrars, .registrar_lens = &t->registrar.len, .n_registrars = 1};

	return bk_roster_sign(&plan, t->secret, &t->blob.data, &t->blob.len);
}

static int encode_content(void *arg)
{
	struct thing *t = arg;

	return bk_content_encode(t->message, bk_sample_sign, &t->author, &t->blob.data, &t->blob.len);
}

static int decode_content(void *arg)
{
	struct thing *t = arg;
	struct bk_arena *a = bk_arena_new();
	Baken__Content *c = NULL;
	int err = a ? bk_content_decode(a, BAKEN__REGIME__REGIME_SECURITY, t->identity, t->blob.data, t->blob.len, &c) :
		      BK_E_NOMEM;

	bk_arena_free(a);
	return err;
}

static int sign_manifest(void *arg)
{
	struct thing *t = arg;

	return bk_manifest_sign(t->message, t->identity, bk_sample_sign, &t->author, &t->blob.data, &t->blob.len);
}

static int verify_manifest(void *arg)
{
	struct thing *t = arg;
	const Baken__CaptureManifest *want = t->message;
	struct bk_arena *a = bk_arena_new();
	Baken__CaptureManifest *m = NULL;
	bk_hash file;
	int err;

	assert_int_equal(bk_hash_from(want->file_hash.data, want->file_hash.len, &file), 0);
	err = a ? bk_manifest_verify(a, t->s, t->identity, file, want->size, &m) : BK_E_NOMEM;
	bk_arena_free(a);
	return err;
}

static int decode_frame(void *arg)
{
	struct thing *t = arg;
	struct bk_arena *a = bk_arena_new();
	Baken__Frame *f = NULL;
	int err = a ? bk_frame_decode(a, BK_FROM_SERVER, t->blob.data, t->blob.len, &f) : BK_E_NOMEM;

	bk_arena_free(a);
	return err;
}

static int encode_frame(void *arg)
{
	struct thing *t = arg;

	return bk_frame_encode_new(t->message, &t->blob.data, &t->blob.len);
}

static int sign_identity(void *arg)
{
	struct thing *t = arg;
	uint8_t signature[BK_SIG_BYTES];
	int err = bk_identity_sign(t->private, "c", "d", 1, signature);

	if (!err)
		err = bk_identity_verify(t->identity, "c", "d", 1, signature);
	return err;
}

static int copy_text(void *arg)
{
	char *text = bk_text_dup("tekst");

	(void)arg;
	free(text);
	return text ? 0 : BK_E_NOMEM;
}

static struct thing begin(void)
{
	struct thing t = {.author = BK_SAMPLE_AUTHOR};

	assert_true(sodium_init() >= 0);
	bk_sample_ed25519(BK_SAMPLE_ROOT, t.root, t.secret);
	bk_sample_identity(BK_SAMPLE_AUTHOR, t.identity, t.private);
	t.arena = bk_arena_new();
	return t;
}

static void made_and_read(void **state)
{
	struct thing t = begin();

	(void)state;
	assert_int_equal(until_it_works(seal_body, &t), 1);
	assert_int_equal(until_it_works(open_body, &t), 1);
	done(&t.blob);
	assert_int_equal(until_it_works(sign_certificate, &t), 3);
	t.s = bk_sample_unpack(t.blob);
	t.registrar = t.blob;
	assert_int_equal(until_it_works(verify_certificate, &t), 1);
	baken__signed__free_unpacked(t.s, NULL);
	bk_sample_ed25519(BK_SAMPLE_SECURITY, t.identity, t.secret);
	assert_in_range(until_it_works(sign_roster, &t), 5, 20);
	done(&t.blob);
	done(&t.registrar);
	t.blob = bk_sample_roster_signed();
	t.s = bk_sample_unpack(t.blob);
	assert_in_range(until_it_works(verify_roster, &t), 3, 20);
	baken__signed__free_unpacked(t.s, NULL);
	done(&t.blob);
	bk_arena_free(t.arena);
}

static void said_and_heard(void **state)
{
	struct thing t = begin();

	(void)state;
	t.message = bk_sample_content(t.arena, 0);
	assert_in_range(until_it_works(encode_content, &t), 2, 20);
	assert_in_range(until_it_works(decode_content, &t), 2, 20);
	done(&t.blob);
	t.message = bk_sample_manifest(t.arena);
	assert_in_range(until_it_works(sign_manifest, &t), 2, 10);
	t.s = bk_sample_unpack(t.blob);
	assert_in_range(until_it_works(verify_manifest, &t), 3, 10);
	baken__signed__free_unpacked(t.s, NULL);
	done(&t.blob);
	t.message = bk_sample_frame(t.arena, 0); /* hello */
	assert_int_equal(until_it_works(encode_frame, &t), 1);
	assert_in_range(until_it_works(decode_frame, &t), 2, 10);
	done(&t.blob);
	assert_in_range(until_it_works(sign_identity, &t), 2, 10);
	assert_int_equal(until_it_works(copy_text, &t), 1);
	bk_arena_free(t.arena);
}

/* ---- sessions: whatever fails, the store is as it was ---- */

struct turn {
	struct bk_pair *p;
	struct bk_letter l;
	bk_hash before;
};

static int end_turn(struct bk_pair_device *d, const bk_hash *before, int err)
{
	if (!err)
		err = bk_kv_commit(d->kv, NULL);
	if (err) {
		bk_kv_abort(d->kv);
		left = -1;
		assert_true(bk_hash_equal(*before, bk_pair_all_of(d->kv)));
	}
	return err;
}

static int make_prekeys(void *arg)
{
	struct turn *t = arg;
	Baken__PrekeysPut *put = NULL;
	int err = bk_kv_begin(t->p->a.kv);

	if (!err)
		err = bk_signal_prekeys_make(t->p->a.s, 2, BK_PAIR_DAY + BK_SIGNED_PREKEY_AGE_MS + 1, &put);
	if (!err)
		bk_signal_prekeys_free(put);
	return end_turn(&t->p->a, &t->before, err);
}

static int start_session(void *arg)
{
	struct turn *t = arg;
	Baken__PrekeyBundle b = BAKEN__PREKEY_BUNDLE__INIT;
	int err = bk_kv_begin(t->p->a.kv);

	b.registration_id = t->p->b.registration;
	b.signed_prekey = t->p->b.put->signed_prekey;
	b.prekey = t->p->b.put->prekeys[0];
	if (!err)
		err = bk_signal_start(t->p->a.s, t->p->b.id, t->p->b.identity, &b);
	return end_turn(&t->p->a, &t->before, err);
}

static int encrypt(void *arg)
{
	struct turn *t = arg;
	uint8_t plain[BK_CAPSULE_PLAIN_BYTES] = "brief";
	int err = bk_kv_begin(t->p->a.kv);

	if (!err)
		err = bk_signal_encrypt(t->p->a.s, t->p->b.id, plain, sizeof plain, &t->l.type, t->l.data, &t->l.len);
	return end_turn(&t->p->a, &t->before, err);
}

static int decrypt(void *arg)
{
	struct turn *t = arg;
	uint8_t plain[BK_CAPSULE_INNER];
	size_t len = 0;
	int err = bk_kv_begin(t->p->b.kv);

	if (!err)
		err = bk_signal_decrypt(t->p->b.s, t->p->a.id, t->l.type, t->l.data, t->l.len, plain, sizeof plain, &len);
	return end_turn(&t->p->b, &t->before, err);
}

static int reopen(void *arg)
{
	struct turn *t = arg;
	struct bk_signal *s = NULL;
	int err = bk_signal_open(t->p->a.kv, NULL, NULL, &s);

	assert_true(!err == (s != NULL));
	bk_signal_close(s);
	return err;
}

static void m1_sessions(void **state)
{
	struct turn t = {.p = *state}; /* libsignal forgets the reason of a primitive that failed: BK_E_CRYPTO */

	assert_in_range(in_the_end(reopen, &t, BK_E_CRYPTO), 2, 10);
	t.before = bk_pair_all_of(t.p->a.kv);
	assert_in_range(in_the_end(make_prekeys, &t, BK_E_CRYPTO), 5, 100);
	t.before = bk_pair_all_of(t.p->a.kv);
	assert_in_range(in_the_end(start_session, &t, BK_E_CRYPTO), 5, 100);
	t.before = bk_pair_all_of(t.p->a.kv);
	assert_in_range(in_the_end(encrypt, &t, BK_E_CRYPTO), 5, 100);
	t.before = bk_pair_all_of(t.p->b.kv);
	assert_in_range(in_the_end(decrypt, &t, BK_E_CRYPTO), 5, 100);
	bk_pair_exchange(&t.p->b, &t.p->a);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(made_and_read),
		cmocka_unit_test(said_and_heard),
		cmocka_unit_test_setup_teardown(m1_sessions, bk_pair_setup, bk_pair_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
