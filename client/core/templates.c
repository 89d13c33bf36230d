/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "templates.h"

#include <string.h>

#include "json.h"

static json_t *in_language(const json_t *t, enum bk_lang lang)
{
	const json_t *words = json_object_get(t, lang == BK_LANG_EN ? "en" : "nl");
	json_t *o = bk_json_object();

	bk_json_text(o, "name", bk_json_get_text(t, "name"));
	bk_json_more(o, "title", bk_json_get_text(words, "title"));
	bk_json_text(o, "text", bk_json_get_text(words, "text"));
	return o;
}

static json_t *pick(const char *kind, const char *name, enum bk_lang lang)
{
	json_t *all = json_loadb((const char *)bk_templates_data, bk_templates_bytes, 0, NULL);
	json_t *list = all ? bk_json_array() : NULL;

	for (size_t i = 0; i < json_array_size(all); i++) {
		const json_t *t = json_array_get(all, i);

		if (strcmp(bk_json_get_text(t, "kind"), kind) == 0 &&
			(!name || strcmp(bk_json_get_text(t, "name"), name) == 0))
			bk_json_push(list, in_language(t, lang));
	}
	json_decref(all);
	return list;
}

json_t *bk_templates_list(const char *kind, enum bk_lang lang)
{
	return pick(kind, NULL, lang);
}

json_t *bk_templates_find(const char *kind, const char *name, enum bk_lang lang)
{
	json_t *list = pick(kind, name, lang), *found = json_incref(json_array_get(list, 0));

	json_decref(list);
	return found;
}

bool bk_templates_gap(const char *text)
{
	const char *open = strstr(text, "{{");

	return open && strstr(open, "}}");
}
