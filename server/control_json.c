/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <sodium.h>
#include <stdlib.h>

#include "control_in.h"

#define B64 sodium_base64_VARIANT_ORIGINAL

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

int bk_json_b64(const json_t *value, uint8_t **ret_data, size_t *ret_len)
{
	const char *text = json_string_value(value);
	size_t room = json_string_length(value) / 4 * 3 + 3, len = 0;
	uint8_t *p;

	if (!text)
		return BK_E_INVAL;
	p = malloc(room);
	if (!p)
		return BK_E_NOMEM;
	if (sodium_base642bin(p, room, text, json_string_length(value), NULL, &len, NULL, B64) != 0 || !len) {
		free(p);
		return BK_E_INVAL;
	}
	*ret_data = p;
	*ret_len = len;
	return 0;
}

json_t *bk_json_of_b64(const void *data, size_t len)
{
	size_t room = sodium_base64_ENCODED_LEN(len, B64);
	char *text = malloc(room);
	json_t *v;

	if (!text)
		return NULL;
	v = json_string(sodium_bin2base64(text, room, data, len, B64));
	free(text);
	return v;
}

json_t *bk_json_of_id(bk_id id)
{
	char text[BK_ID_TEXT];

	return json_string(bk_id_text(id, text));
}

json_t *bk_json_of_hash(const uint8_t hash[32])
{
	char text[BK_HASH_TEXT];

	return json_string(bk_hex_encode(text, hash, 32));
}

static const char *const roles[] = {"none", "person", "relative", "child", "officer", "lead", "care", "registrar",
	"supervisor", "vault"};

const char *bk_role_name(Baken__Role role)
{
	return (size_t)role < sizeof roles / sizeof *roles ? roles[role] : "none";
}

Baken__Role bk_role_of(const char *name)
{
	for (size_t i = 1; name && i < sizeof roles / sizeof *roles; i++)
		if (strcmp(roles[i], name) == 0)
			return (Baken__Role)i;
	return BAKEN__ROLE__ROLE_NONE;
}
