#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# docs/architecture.md lists every file of the rooms and none else; functions and tests that documents name exist.
. "$(dirname "$0")/lib.sh"

page=docs/architecture.md
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT

awk '
	/^### / { folder = $2 }
	folder && /^\| `/ {
		split($0, part, "`")
		name = part[2]
		if (sub(/\.\[ch\]$/, "", name)) {
			print folder name ".c"
			print folder name ".h"
		} else
			print folder name
	}
' $page | LC_ALL=C sort >"$tmp/page"
find protocol storage server client \( -name '*.[ch]' -o -name '*.proto' \) | LC_ALL=C sort >"$tmp/tree"
for file in $(LC_ALL=C comm -23 "$tmp/tree" "$tmp/page"); do
	wrong "$page:1: misses $file"
done
for file in $(LC_ALL=C comm -13 "$tmp/tree" "$tmp/page"); do
	wrong "$page:1: has $file, which is not in the tree (or twice)"
done

for name in $(grep -ohE '`bk_[a-z0-9_]+`' docs/*.md | tr -d '`' | LC_ALL=C sort -u); do
	grep -rqwF "$name" protocol storage server client --include='*.[ch]' || wrong "docs: no function $name"
done
for name in $(grep -ohE '`(test|flow|crash|bench|fuzz)_[a-z0-9_]+`' docs/*.md | tr -d '`' | LC_ALL=C sort -u); do
	[ -n "$(find tests -name "$name.c")" ] || wrong "docs: no test $name"
done
exit $found
