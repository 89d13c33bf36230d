/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "json.h"

#include <stdlib.h>
#include <string.h>

#include "pack.h"

static _Thread_local bool broken;

void bk_json_check(bool built)
{
	broken = broken || !built;
}

bool bk_json_broken(void)
{
	bool was = broken;

	broken = false;
	return was;
}

char *bk_json_print(const json_t *value, size_t *ret_len)
{
	size_t len = value ? json_dumpb(value, NULL, 0, JSON_COMPACT) : 0;
	char *text = len ? malloc(len + 1) : NULL;

	if (text && json_dumpb(value, text, len, JSON_COMPACT) != len) {
		free(text);
		text = NULL;
	}
	if (text) {
		text[len] = '\0';
		*ret_len = len;
	}
	return text;
}

json_t *bk_json_object(void)
{
	json_t *o = json_object();

	bk_json_check(o != NULL);
	return o;
}

json_t *bk_json_array(void)
{
	json_t *array = json_array();

	bk_json_check(array != NULL);
	return array;
}

json_t *bk_json_row(const void *text, size_t len)
{
	json_t *row = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);

	bk_json_check(row != NULL);
	return row;
}

void bk_json_put(json_t *o, const char *key, json_t *value)
{
	bk_json_check(value != NULL);
	if (o)
		bk_json_check(json_object_set_new(o, key, value) == 0);
	else
		json_decref(value);
}

void bk_json_push(json_t *array, json_t *value)
{
	bk_json_check(value != NULL);
	if (array)
		bk_json_check(json_array_append_new(array, value) == 0);
	else
		json_decref(value);
}

void bk_json_text(json_t *o, const char *key, const char *text)
{
	json_t *s = text ? json_string(text) : NULL;

	/* Foreign text was checked as UTF-8 on the way in; what is not is shown as such, never dropped. */
	if (!s && text && !bk_pack_utf8(text, strlen(text)))
		s = json_string("\xef\xbf\xbd");
	bk_json_put(o, key, s);
}

void bk_json_more(json_t *o, const char *key, const char *text)
{
	if (text && *text)
		bk_json_text(o, key, text);
}

void bk_json_ms(json_t *o, const char *key, bk_ms ms)
{
	if (ms)
		bk_json_int(o, key, ms);
}

void bk_json_int(json_t *o, const char *key, uint64_t v)
{
	bk_json_put(o, key, json_integer(v > INT64_MAX ? INT64_MAX : (json_int_t)v));
}

void bk_json_bool(json_t *o, const char *key, bool v)
{
	bk_json_put(o, key, json_boolean(v));
}

void bk_json_id(json_t *o, const char *key, bk_id id)
{
	if (!bk_id_is_zero(id))
		bk_json_hex(o, key, id.b, sizeof(id.b));
}

void bk_json_hex(json_t *o, const char *key, const void *data, size_t len)
{
	char *text = malloc(len * 2 + 1);

	bk_json_check(text != NULL);
	if (!text)
		return;
	bk_json_put(o, key, json_string(bk_hex_encode(text, data, len)));
	free(text);
}

void bk_json_push_id(json_t *array, bk_id id)
{
	char text[BK_ID_TEXT];

	bk_json_push(array, json_string(bk_id_text(id, text)));
}

const char *bk_json_get_text(const json_t *o, const char *key)
{
	const char *text = json_string_value(json_object_get(o, key));

	return text ? text : "";
}

uint64_t bk_json_get_int(const json_t *o, const char *key)
{
	json_int_t v = json_integer_value(json_object_get(o, key));

	return v < 0 ? 0 : (uint64_t)v;
}

bool bk_json_get_bool(const json_t *o, const char *key)
{
	return json_is_true(json_object_get(o, key));
}

bk_id bk_json_get_id(const json_t *o, const char *key)
{
	bk_id id = { { 0 } };

	if (bk_id_parse(bk_json_get_text(o, key), &id))
		memset(&id, 0, sizeof(id));
	return id;
}

bool bk_json_get_hex(const json_t *o, const char *key, void *out, size_t len)
{
	return !bk_hex_decode(out, len, bk_json_get_text(o, key));
}

size_t bk_json_get_ids(const json_t *o, const char *key, bk_id *out, size_t max)
{
	const json_t *array = json_object_get(o, key);
	size_t n = 0;

	for (size_t i = 0; i < json_array_size(array) && n < max; i++) {
		const char *text = json_string_value(json_array_get(array, i));

		if (text && !bk_id_parse(text, &out[n]))
			n++;
	}
	return n;
}
