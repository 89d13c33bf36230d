/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From one schema to the next. A step is written once, when the schema changes, and stays for ever. */
#include "err.h"
#include "store_in.h"

/* Schema 1 is the first. */
const struct bk_store_step bk_store_steps[] = {{0, NULL}};

static const struct bk_store_step *step_from(const struct bk_store_step *steps, uint64_t schema)
{
	for (; steps->fn; steps++)
		if (steps->from == schema)
			return steps;
	return NULL;
}

int bk_store_migrate(struct bk_store *s, struct bk_txn *t, const struct bk_store_step *steps, uint64_t to)
{
	uint64_t schema = 0;
	int err = bk_store_meta_get(t, "schema", &schema);

	while (!err && schema < to) {
		const struct bk_store_step *step = step_from(steps, schema);

		err = step ? step->fn(s, t) : BK_E_VERSION;
		schema++;
	}
	return err ? err : bk_store_meta_put(t, "schema", to);
}
