#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# What the source has and what docs/operations.md lists are the same: options, metrics, log events, audit entries,
# commands of bakenctl. Both ways.
. "$(dirname "$0")/lib.sh"

page=docs/operations.md
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT

# The first column of the tables under a heading: every `word` in it.
listed()
{
	awk -v heading="## $1" '
		/^## / { inside = $0 == heading }
		inside && /^\| `/ { split($0, column, "|"); print column[2] }
	' $page | grep -o '`[^`]*`' | tr -d '`' | LC_ALL=C sort
}

# compare HEADING: names of the source on standard input.
compare()
{
	LC_ALL=C sort -u >"$tmp/source"
	listed "$1" >"$tmp/page"
	[ -s "$tmp/source" ] || wrong "$page:1: nothing found in the source for \"$1\""
	for name in $(LC_ALL=C comm -23 "$tmp/source" "$tmp/page" | tr ' ' '~'); do
		wrong "$page:1: \"$1\" misses $(echo "$name" | tr '~' ' ')"
	done
	for name in $(LC_ALL=C comm -13 "$tmp/source" "$tmp/page" | tr ' ' '~'); do
		wrong "$page:1: \"$1\" has $(echo "$name" | tr '~' ' '), which is not in the source (or twice)"
	done
}

sed -n 's/^\t[TN]("\([a-z0-9-]*\)",.*/\1/p' server/options.c | compare Options

for row in $(sed -n 's/^\t[TN]("\([a-z0-9-]*\)", [a-z0-9_]*, "\([^"]*\)".*/\1=\2/p' server/options.c); do
	given=$(sed -n "s/^| \`${row%%=*}\` | \([^|]*\) |.*/\1/p" "$page" | head -1 | tr -d '\`')
	[ "$given" = "${row#*=}" ] || [ "$given${row#*=}" = none ] ||
		wrong "$page:1: default of ${row%%=*} is ${row#*=}, not $given"
done

{
	sed -n 's/^\tX(\([a-z_]*\), ".*/bakend_\1_total/p' server/stats.h
	sed -n 's/^\t*row(&*t, "\([a-z_]*\)", "gauge".*/bakend_\1/p' server/stats.c
	sed -n 's/^\t*row(&*t, "\([a-z_]*\)", "counter".*/bakend_\1_total/p' server/stats.c
} | compare "What to watch"

sed -n 's/^\tX(\([A-Z_]*\), ".*/\1/p' server/log.h | compare "The program's log"

grep -hE 'bk_audit(_job)?\(' server/*.c | grep -oE '"[A-Z]+(-[A-Z]+)*"' | tr -d '"' | compare "The audit log"

sed -n '/^static const struct command commands/,/^};/s/^\t{"\([a-z ]*\)",.*/\1/p' server/bakenctl.c | compare bakenctl

exit $found
