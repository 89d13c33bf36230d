/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "golden.h"

#include <stdlib.h>

#include "err.h"
#include "fixed_random.h"

/* ---- the parts ---- */

static const struct {
	bk_golden_maker make;
	bk_golden_reader again;
} parts[] = {
	{bk_golden_wire_make, bk_golden_wire_again},
	{bk_golden_trust_make, bk_golden_trust_again},
	{bk_golden_seal_make, bk_golden_seal_again},
	{bk_golden_row_make, bk_golden_row_again},
	{bk_golden_session_make, bk_golden_session_again},
};
#define PARTS (sizeof parts / sizeof *parts)

static bool make_at(size_t part, size_t i, char *name, struct bk_sample_blob *out)
{
	bool made;

	bk_fixed_random(true);
	made = parts[part].make(i, name, out);
	bk_fixed_random(false);
	return made;
}

/* Which part the i-th of all belongs to; counted once. */
static bool place_of(size_t i, size_t *ret_part, size_t *ret_number)
{
	static size_t counts[PARTS];
	static bool counted;
	char name[BK_GOLDEN_NAME];

	for (size_t part = 0; part < PARTS; part++) {
		struct bk_sample_blob b = {NULL, 0};

		for (; !counted && make_at(part, counts[part], name, &b); counts[part]++)
			free(b.data);
	}
	counted = true;
	for (size_t part = 0; part < PARTS; part++) {
		if (i < counts[part]) {
			*ret_part = part;
			*ret_number = i;
			return true;
		}
		i -= counts[part];
	}
	return false;
}

bool bk_golden_make(size_t i, char ret_name[static BK_GOLDEN_NAME], struct bk_sample_blob *ret_blob)
{
	size_t part = 0, number = 0;

	return place_of(i, &part, &number) && make_at(part, number, ret_name, ret_blob);
}

int bk_golden_again(size_t i, const void *data, size_t len, struct bk_sample_blob *ret_blob)
{
	size_t part = 0, number = 0;
	int err;

	if (!place_of(i, &part, &number))
		return BK_E_NOT_FOUND;
	bk_fixed_random(true);
	err = parts[part].again(number, data, len, ret_blob);
	bk_fixed_random(false);
	return err;
}

/* ---- shared ---- */

struct bk_sample_blob bk_golden_copy(const void *data, size_t len)
{
	struct bk_sample_blob b = {malloc(len ? len : 1), len};

	BK_ASSERT(b.data);
	if (len)
		memcpy(b.data, data, len);
	return b;
}

struct bk_sample_blob bk_golden_pack(const ProtobufCMessage *m)
{
	struct bk_sample_blob b = {NULL, protobuf_c_message_get_packed_size(m)};

	b.data = malloc(b.len ? b.len : 1);
	BK_ASSERT(b.data);
	protobuf_c_message_pack(m, b.data);
	return b;
}
