/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <sysexits.h>

#include "crash_env.h"
#include "err.h"
#include "log.h"
#include "run.h"

static int exit_of(int err)
{
	switch (err) {
	case 0:
		return EX_OK;
	case BK_E_NET:
		return EX_UNAVAILABLE;
	case BK_E_LOCKED:
		return EX_TEMPFAIL;
	case BK_E_IO:
	case BK_E_FULL:
		return EX_IOERR;
	case BK_E_NOMEM:
	case BK_E_INTERNAL:
		return EX_SOFTWARE;
	default:
		return EX_CONFIG;
	}
}

int main(int argc, char **argv)
{
	struct bk_options o;
	int err;

	if (sodium_init() < 0) {
		fputs("bakend: no random numbers\n", stderr);
		return EX_SOFTWARE;
	}
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN); /* a limit on files is an error like a full disk, not an end */
	bk_log_init();
	bk_crash_env_install();
	err = bk_options_read(argc, argv, &o);
	if (err)
		return err > 0 ? EX_OK : EX_USAGE;
	return o.check ? EX_OK : exit_of(bk_run(&o));
}
