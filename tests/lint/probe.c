/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Compiled with the release flags only to be looked at by harden.sh: a buffer to guard, a copy to check. */
#include <stdio.h>
#include <string.h>

int main(int argc, char **argv)
{
	char copy[32];

	if (argc < 2)
		return 1;
	strcpy(copy, argv[1]);
	return puts(copy) < 0;
}
