/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fixed_random.h"

#include <sodium.h>

#include "sample.h"

static unsigned drawn;

static const char *name(void)
{
	return "fixed";
}

static void bytes(void *const out, const size_t len)
{
	bk_sample_fill(out, len, 0x70000 + drawn++);
}

static uint32_t number(void)
{
	uint32_t v;

	bytes(&v, sizeof v);
	return v;
}

static randombytes_implementation fixed = {
	.implementation_name = name,
	.random = number,
	.buf = bytes,
};

void bk_fixed_random(bool on)
{
	drawn = 0;
	randombytes_set_implementation(on ? &fixed : &randombytes_sysrandom_implementation);
}
