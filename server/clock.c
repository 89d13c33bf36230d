/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <time.h>

#include "server.h"

bk_ms bk_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (bk_ms)ts.tv_sec * 1000 + (bk_ms)ts.tv_nsec / 1000000;
}
