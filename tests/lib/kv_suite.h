/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What every bk_kv and bk_blobs must do (protocol/kv.h), as cmocka cases that each get an empty store. A test
 * of an implementation runs them all with BK_KV_SUITE and its own setup and teardown.
 *
 * Threads: one. Memory: the setup puts a struct bk_kv * (or struct bk_blobs *) in *state.
 */
#ifndef BK_KV_SUITE_H
#define BK_KV_SUITE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "kv.h"

void bk_kv_suite_absent(void **state);
void bk_kv_suite_round_trip(void **state);
void bk_kv_suite_own_writes(void **state);
void bk_kv_suite_abort(void **state);
void bk_kv_suite_overwrite(void **state);
void bk_kv_suite_delete(void **state);
void bk_kv_suite_delete_and_add(void **state);
void bk_kv_suite_states(void **state);
void bk_kv_suite_bounds(void **state);
void bk_kv_suite_order(void **state);
void bk_kv_suite_prefixes(void **state);
void bk_kv_suite_stop(void **state);
void bk_kv_suite_nested_reads(void **state);
void bk_kv_suite_sequence(void **state);
void bk_kv_suite_model(void **state);

#define BK_KV_SUITE(setup, teardown)                                                               \
	cmocka_unit_test_setup_teardown(bk_kv_suite_absent, setup, teardown),                      \
	cmocka_unit_test_setup_teardown(bk_kv_suite_round_trip, setup, teardown),                  \
	cmocka_unit_test_setup_teardown(bk_kv_suite_own_writes, setup, teardown),                  \
	cmocka_unit_test_setup_teardown(bk_kv_suite_abort, setup, teardown),                       \
	cmocka_unit_test_setup_teardown(bk_kv_suite_overwrite, setup, teardown),                   \
	cmocka_unit_test_setup_teardown(bk_kv_suite_delete, setup, teardown),                      \
	cmocka_unit_test_setup_teardown(bk_kv_suite_delete_and_add, setup, teardown),              \
	cmocka_unit_test_setup_teardown(bk_kv_suite_states, setup, teardown),                      \
	cmocka_unit_test_setup_teardown(bk_kv_suite_bounds, setup, teardown),                      \
	cmocka_unit_test_setup_teardown(bk_kv_suite_order, setup, teardown),                       \
	cmocka_unit_test_setup_teardown(bk_kv_suite_prefixes, setup, teardown),                    \
	cmocka_unit_test_setup_teardown(bk_kv_suite_stop, setup, teardown),                        \
	cmocka_unit_test_setup_teardown(bk_kv_suite_nested_reads, setup, teardown),                \
	cmocka_unit_test_setup_teardown(bk_kv_suite_sequence, setup, teardown),                    \
	cmocka_unit_test_setup_teardown(bk_kv_suite_model, setup, teardown)

void bk_blobs_suite_append(void **state);
void bk_blobs_suite_read(void **state);
void bk_blobs_suite_absent(void **state);
void bk_blobs_suite_remove_in_each(void **state);

#define BK_BLOBS_SUITE(setup, teardown)                                                            \
	cmocka_unit_test_setup_teardown(bk_blobs_suite_append, setup, teardown),                   \
	cmocka_unit_test_setup_teardown(bk_blobs_suite_read, setup, teardown),                     \
	cmocka_unit_test_setup_teardown(bk_blobs_suite_absent, setup, teardown),                   \
	cmocka_unit_test_setup_teardown(bk_blobs_suite_remove_in_each, setup, teardown)

/* Shorthand: a transaction of one put; the value as text; what is there now (absent: NULL means so). */
void bk_kv_suite_put(struct bk_kv *kv, const char *key, const char *value);
void bk_kv_suite_expect(struct bk_kv *kv, const char *key, const char *value);
size_t bk_kv_suite_count(struct bk_kv *kv, const char *prefix);

#endif
