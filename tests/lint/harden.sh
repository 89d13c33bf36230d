#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# What is shipped is hardened: a probe built with the release preset's flags, and the release programs
# themselves where they have been built.
. "$(dirname "$0")/lib.sh"

# has WHAT PATTERN READELF-OPTIONS: the program shows it.
has()
{
	readelf -W $3 "$program" 2>/dev/null | grep -qE "$2" || wrong "$program:1: $1 is missing"
}

check()
{
	program=$1
	has "position independence" 'Type: +DYN' -h
	has "PIE" 'FLAGS_1.* PIE' -d
	has "RELRO" 'GNU_RELRO' -l
	has "immediate binding" 'FLAGS_1.* NOW' -d
	has "a stack that is not executable" 'GNU_STACK.* RW ' -l
	has "the stack protector" '__stack_chk_fail' --dyn-syms
	if readelf -Wd "$program" | grep -qE 'RPATH|RUNPATH'; then
		wrong "$program:1: looks for libraries in a folder of the build machine"
	fi
	if grep -q 'BAKEN_CRASH_A[T]' "$program"; then
		wrong "$program:1: has crash points"
	fi
}

probe=$build/harden
if cmake --preset release -B "$probe" >"$build/harden.log" 2>&1 &&
	cmake --build "$probe" --target baken_harden_probe >>"$build/harden.log" 2>&1; then
	check "$probe/tests/lint/baken_harden_probe"
	has "_FORTIFY_SOURCE" '__strcpy_chk' --dyn-syms
else
	cat "$build/harden.log"
	wrong "tests/lint/probe.c:1: does not build with the release preset"
fi
for program in build/release/bin/bakend build/release/bin/bakenctl build/release/bin/baken; do
	[ ! -x "$program" ] || check "$program"
done
exit $found
