/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What this disk and LMDB can do, one record at a time: what the other figures are compared with. */
#include <stdio.h>

#include "figures.h"
#include "tmp.h"

#define SECONDS 2.0

int main(void)
{
	double p50 = 0, p99 = 0, appends = bk_figures_appends(bk_tmp_dir(), SECONDS);
	double commits = bk_figures_commits(bk_tmp_dir(), SECONDS, &p50, &p99);

	printf("{\"bench\":\"limit\",\"appends_per_s\":%.0f,\"lmdb_commits_per_s\":%.0f,\"lmdb_p50_ms\":%.3f,"
	       "\"lmdb_p99_ms\":%.3f}\n",
		appends, commits, p50, p99);
	return 0;
}
