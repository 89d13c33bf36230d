/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "seen.h"

#include "engine.h"

#define EXPIRE_MAX 2000u /* rows in one round */

static struct bk_key seen_at(bk_ms at, bk_id message)
{
	struct bk_key k = bk_key("seenat/");

	bk_key_add_u64(&k, at);
	bk_key_add(&k, message.b, sizeof(message.b));
	return k;
}

void bk_seen_put(struct bk_core *core, bk_id message)
{
	uint8_t at[8];

	bk_u64_write(at, core->now);
	bk_db_put(&core->db, bk_key_id("seen/", message), at, sizeof(at));
	bk_db_put(&core->db, seen_at(core->now, message), "1", 1);
}

void bk_seen_expire(struct bk_core *core)
{
	struct bk_rows rows;

	if (bk_db_keys(&core->db, bk_key("seenat/"), EXPIRE_MAX, &rows))
		return;
	for (size_t i = 0; i < rows.n; i++) {
		bk_ms at = 0;
		bk_id message = bk_row_id(&rows.v[i], 7 + 8);

		if (rows.v[i].key_len == 7 + 8 + BK_ID_BYTES)
			at = bk_u64_read(rows.v[i].key + 7);
		if (core->now < at + BK_SEEN_MS)
			break;
		bk_db_del(&core->db, bk_key_id("seen/", message));
		bk_db_del(&core->db, seen_at(at, message));
	}
	bk_rows_free(&rows);
}
