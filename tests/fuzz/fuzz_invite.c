/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Invitation codes as typed or read from a QR picture. What parses says the same when written out again. */
#include "fuzz.h"

#include "login.h"

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	return sodium_init() < 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1), out[BK_INVITE_TEXT_MAX];
	struct bk_invite inv, again;
	int err;

	BK_ASSERT(text);
	if (size)
		memcpy(text, data, size);
	text[size] = '\0';
	err = bk_invite_parse(text, &inv);
	BK_FUZZ_OURS(err);
	if (!err) {
		BK_ASSERT(inv.port && strlen(inv.host) < sizeof inv.host);
		BK_ASSERT(bk_invite_format(&inv, out) == 0 && bk_invite_parse(out, &again) == 0);
		BK_ASSERT(memcmp(inv.secret, again.secret, sizeof inv.secret) == 0 && inv.port == again.port);
		BK_ASSERT(memcmp(inv.pin, again.pin, sizeof inv.pin) == 0 && strcmp(inv.host, again.host) == 0);
	}
	free(text);
	return 0;
}
