/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Rows of the server's store: what decodes is written back as the same bytes. */
#include "fuzz.h"

#include "rows.h"
#include "tmp.h"

union row {
#define X(table, name) struct bk_row_##name name;
	BK_ROWS_MAP(X)
#undef X
};

static const enum bk_table tables[] = {
#define X(table, name) BK_T_##table,
	BK_ROWS_MAP(X)
#undef X
};

static struct bk_env *env;
static struct bk_txn *txn; /* never committed */

static void end(void)
{
	bk_env_abort(txn);
	bk_env_close(env);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	if (sodium_init() < 0 || bk_env_open(bk_tmp_path("rows"), 64u << 20, false, &env) ||
		bk_env_begin(env, true, &txn))
		return 1;
	return atexit(end);
}

/* First byte: the table. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const enum bk_table table = tables[bk_fuzz_mode(&data, &size) % (sizeof tables / sizeof *tables)];
	struct bk_bytes value;
	union row row;
	int err;

	memset(&row, 0, sizeof row);
	err = bk_rows_decode(table, (struct bk_bytes){data, size}, &row);
	BK_ASSERT(err == 0 || err == BK_E_CORRUPT);
	if (err)
		return 0;
	err = bk_rows_put(txn, table, "key", 3, &row);
	BK_ASSERT(err == 0 || err == BK_E_TOO_BIG);
	if (err)
		return 0;
	BK_ASSERT(bk_env_get(txn, table, "key", 3, &value) == 0);
	BK_ASSERT(value.len == size && (!size || memcmp(value.data, data, size) == 0));
	return 0;
}
