#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Nothing unfinished, no path of one machine, a licence line in every source, flags only in baken_build.
. "$(dirname "$0")/lib.sh"

# Spelled so that this file does not find itself.
words='TO[D]O|FIX[M]E|X[X]X|HA[C]K'
paths='/wor[k]/|/tmp/bas[h]|/tmp/pla[n]|/roo[t]/|/home/[a-z]'

report=$(
	all_files | grep -v '^LICENSE$' | tr '\n' '\0' | xargs -0 grep -nIHwE "$words" |
		sed 's/$/  <- unfinished/'
	all_files | grep -v '^LICENSE$' | tr '\n' '\0' | xargs -0 grep -nIHE "$paths" |
		sed 's/$/  <- path of one machine/'
	all_files | grep -E '(^|/)CMake(Lists\.txt|Presets\.json)$|\.cmake$' | xargs grep -nH 'CMAKE_C_FLAG[S]' |
		sed 's/$/  <- flags belong to baken_build/'
	all_files | grep -E '\.([ch]|proto|sh)$|CMakeLists\.txt$|^dev$|^\.ci/run$' | while IFS= read -r file; do
		head -n 2 "$file" | grep -q 'SPDX-License-Identifier: GPL-3.0-or-later' ||
			echo "$file:1: no SPDX line"
	done
)
[ -z "$report" ] || wrong "$report"
exit $found
