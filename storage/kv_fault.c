/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "kv_fault.h"

#include <stddef.h>

static bk_kv_fault_hook the_hook;
static void *the_arg;

void bk_kv_fault_set(bk_kv_fault_hook hook, void *arg)
{
	the_hook = hook;
	the_arg = arg;
}

int bk_kv_fault_at(enum bk_kv_fault_point point)
{
	return the_hook ? the_hook(the_arg, point) : 0;
}
