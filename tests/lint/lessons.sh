#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Every lesson that docs/testing.md lists is named in the source of a test, in each one that the row names; and the
# rows that a release must have are listed.
. "$(dirname "$0")/lib.sh"

page=docs/testing.md
for row in M1 M2 M3 M4 M5 M7 M8 M9 M10 M11 M12 M13 M15 M16 M17 R2 R9 R10 R12 R13; do
	grep -q "^| $row |" $page || wrong "$page:1: no row $row"
	grep -rqw "$row" tests --include='*.c' || wrong "$page:1: no test names $row"
done
while IFS='|' read -r _ row _ tests _; do
	row=$(echo "$row" | tr -d ' ')
	for name in $(echo "$tests" | grep -o '`[a-z0-9_]*`' | tr -d '`'); do
		file=$(find tests -name "$name.c")
		[ -n "$file" ] && grep -qw "$row" "$file" || wrong "$page:1: $name does not name $row"
	done
done <<END
$(grep -E '^\| [MR][0-9]+ \|' $page)
END
exit $found
