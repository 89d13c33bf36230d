/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Exported audit logs: whatever the bytes, a finding and no more; whole only what is as it was made. */
#include "fuzz.h"

#include <stdio.h>

#include "audit_export.h"

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	return sodium_init() < 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	FILE *f = size ? fmemopen((void *)(uintptr_t)data, size, "r") : NULL;
	struct bk_audit_check c;

	if (!f)
		return 0;
	BK_ASSERT(bk_audit_export_check(f, NULL, &c) == 0);
	BK_ASSERT(c.fault <= BK_AUDIT_FOREIGN && c.count <= size && c.line <= size);
	fclose(f);
	return 0;
}
