/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "control_in.h"

int bk_question_id(const struct bk_question *q, const char *name, bk_id *ret_id)
{
	const char *hex = json_string_value(json_object_get(bk_question_args(q), name));

	return hex ? bk_id_parse(hex, ret_id) : BK_E_INVAL;
}

int bk_question_u64(const struct bk_question *q, const char *name, uint64_t *ret_value)
{
	const json_t *v = json_object_get(bk_question_args(q), name);

	if (!json_is_integer(v) || json_integer_value(v) < 0)
		return BK_E_INVAL;
	*ret_value = (uint64_t)json_integer_value(v);
	return 0;
}
