/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The client's JSON commands: each is answered by one "ok" or one "error" of a known name, and nothing stops. */
#include "fuzz.h"

#include "twin_fuzz.h"

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	return bk_twin_fuzz_begin("fuzz-command");
}

static bool known(const json_t *event)
{
	const char *name = json_string_value(json_object_get(event, "error"));

	for (int err = -10000; name && err > -11000; err--)
		if (strcmp(bk_err_name(err), name) == 0)
			return strcmp(name, "BK_E_UNKNOWN") != 0;
	return false;
}

/* First byte: who. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bk_twin_device *d = bk_twin_fuzz_device(bk_fuzz_mode(&data, &size));
	size_t oks, errors;
	json_t *error;

	bk_twin_turn(d, bk_core_command(d->core, (const char *)data, size, bk_twin_now()));
	bk_twin_settle(&bk_twin_fuzz);
	oks = bk_twin_count(d, "ok", NULL, NULL);
	errors = bk_twin_count(d, "error", NULL, NULL);
	BK_ASSERT(bk_twin_count(d, "fatal", NULL, NULL) == 0);
	BK_ASSERT(oks + errors == 1);
	error = bk_twin_take(d, "error", NULL, NULL);
	BK_ASSERT(!error || known(error));
	json_decref(error);
	bk_twin_fuzz_end(oks != 0);
	return 0;
}
