/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stddef.h>

#include "crashpoint.h"

bk_crash_fn bk_crash_hook = NULL;
