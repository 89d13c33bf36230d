/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Texts of other people: checked, and made harmless for a terminal at every size of the room for them. */
#include "fuzz.h"

#include <string.h>

#include "text.h"

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	return sodium_init() < 0;
}

/* One line, valid, without a control character, and no path when it is a name. */
static void harmless(const char *out, bool name)
{
	BK_ASSERT(bk_text_ok(out, strlen(out), 1u << 20));
	BK_ASSERT(!strpbrk(out, "\n\t\r\x1b\x7f"));
	BK_ASSERT(!name || !strpbrk(out, "/\\"));
	BK_ASSERT(!strstr(out, "\xe2\x80\xae")); /* right-to-left override */
}

static void show(const char *text, size_t size)
{
	char *out = malloc(size), *again = malloc(size);

	BK_ASSERT(out && again);
	bk_text_shown(text, out, size);
	BK_ASSERT(strlen(out) < size);
	harmless(out, false);
	bk_text_shown(out, again, size);
	BK_ASSERT(strcmp(out, again) == 0);
	bk_text_name_shown(text, out, size);
	BK_ASSERT(strlen(out) < size);
	harmless(out, true);
	free(out);
	free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1), *copy;

	BK_ASSERT(text);
	if (size)
		memcpy(text, data, size);
	text[size] = '\0';
	if (bk_text_ok((const char *)data, size, size))
		BK_ASSERT(!memchr(data, 0, size) && (!size || !bk_text_ok((const char *)data, size, size - 1)));
	for (size_t room = 1; room < 3 * size + 8; room += 1 + room / 5)
		show(text, room);
	copy = bk_text_dup(text);
	BK_ASSERT(copy && strcmp(copy, text) == 0);
	free(copy);
	free(text);
	return 0;
}
