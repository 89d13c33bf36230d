/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a lying server may say to a client that is logged in: it stays alive and keeps what it holds. */
#include "fuzz.h"

#include "twin_fuzz.h"

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	return bk_twin_fuzz_begin("fuzz-received");
}

/* First byte: who. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bk_twin_device *d = bk_twin_fuzz_device(bk_fuzz_mode(&data, &size));
	json_t *reply = NULL;

	bk_twin_turn(d, bk_core_received(d->core, data, size, bk_twin_now()));
	BK_ASSERT(bk_twin_count(d, "fatal", NULL, NULL) == 0);
	bk_twin_settle(&bk_twin_fuzz);
	BK_ASSERT(d->core && bk_twin_call(d, json_pack("{s:s}", "cmd", "status"), &reply) == 0);
	BK_ASSERT(json_is_object(reply));
	json_decref(reply);
	bk_twin_fuzz_end(true);
	return 0;
}
