/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A whole cast for fuzz targets, kept over many inputs and made anew after so many that changed something, so that
 * input number 100,000 meets no larger world than input number 1.
 *
 * Threads: one, beside the server's writer. Memory: one at a time, ended at exit.
 */
#ifndef BK_TWIN_FUZZ_H
#define BK_TWIN_FUZZ_H

#include "twin.h"

extern struct bk_twin bk_twin_fuzz;
extern struct bk_twin_cast bk_twin_fuzz_cast;

int bk_twin_fuzz_begin(const char *name);
/* person, officer, carer in turn; online, with an empty list of events. */
struct bk_twin_device *bk_twin_fuzz_device(unsigned n);
/* After each input: everything comes to rest; events are forgotten. changed: it did something. */
void bk_twin_fuzz_end(bool changed);

#endif
