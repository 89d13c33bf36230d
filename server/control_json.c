/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <sodium.h>
#include <stdlib.h>

#include "control_json.h"
#include "err.h"

#define B64 sodium_base64_VARIANT_ORIGINAL

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

/* ---- names ---- */

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

const char *bk_kind_name(Baken__CircleKind kind)
{
	static const char *const kinds[] = {"none", "desk", "care", "person"};

	return (size_t)kind < sizeof kinds / sizeof *kinds ? kinds[kind] : "none";
}

const char *bk_status_name(Baken__DeviceStatus status)
{
	static const char *const states[] = {"none", "active", "vault", "revoked"};

	return (size_t)status < sizeof states / sizeof *states ? states[status] : "none";
}
