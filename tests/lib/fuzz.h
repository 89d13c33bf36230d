/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A fuzz target: one function that takes any bytes, looks at them as their decoder would and asserts what must
 * hold for whatever came out of it. The same file is a libFuzzer program (preset fuzz) and a replay of its seeds
 * and their mutations (run_corpus.c, every other preset).
 *
 * Threads: one. Memory: nothing is kept between two calls but what bk_fuzz_begin of the target made.
 */
#ifndef BK_FUZZ_H
#define BK_FUZZ_H

#include <sodium.h>
#include <stdlib.h>

#include "err.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

/* An error is one of ours or none at all. */
#define BK_FUZZ_OURS(err) BK_ASSERT((err) == 0 || ((err) <= -10000 && (err) >= -10999))

/* The first byte chooses what is done with the rest; 0 when there is none. */
static inline unsigned bk_fuzz_mode(const uint8_t **data, size_t *size)
{
	if (!*size)
		return 0;
	--*size;
	return *(*data)++;
}

#endif
