/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Endpoints that clients give (R9): one that is read names its host at the place where every other reader finds it. */
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "push_url.h"

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);
	struct bk_push_url url;
	size_t n;

	BK_ASSERT(text);
	memcpy(text, data, size);
	text[size] = '\0';
	if (bk_push_url_parse(text, &url) == 0) {
		n = strlen(url.host);
		BK_ASSERT(n && strncmp(text, "https://", 8) == 0 && strncmp(text + 8, url.host, n) == 0);
		BK_ASSERT(text[8 + n] == '/' || text[8 + n] == ':');
		BK_ASSERT(url.port && !strpbrk(text, "\\# \r\n"));
	}
	BK_FUZZ_OURS(bk_push_url_check(text));
	free(text);
	return 0;
}
