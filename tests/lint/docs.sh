#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# README of at most 150 lines, sound man pages, every error explained, every link leading somewhere.
. "$(dirname "$0")/lib.sh"

[ -f README.md ] || wrong "README.md:1: missing"
[ ! -f README.md ] || [ "$(wc -l <README.md)" -le 150 ] || wrong "README.md:150: longer than 150 lines"

pages=$(find docs/man -name '*.[1-8]' | LC_ALL=C sort)
[ -n "$pages" ] || wrong "docs/man:1: no man page"
for page in $pages; do
	report=$(mandoc -T lint -W warning "$page" 2>&1) || wrong "$report"
done

for name in $(sed -n 's/^\tX(\(BK_E_[A-Z_]*\),.*/\1/p' protocol/err.h); do
	grep -rqw "$name" docs --include='*.md' ||
		wrong "protocol/err.h:$(grep -n "X($name," protocol/err.h | cut -d: -f1): $name is not in docs/"
done

# Nothing lies about unfound: every document is linked from the README, every decision from its index.
for file in docs/*.md; do
	grep -qF "($file)" README.md || wrong "README.md:1: no link to $file"
done
for file in docs/decisions/[0-9]*.md; do
	grep -qF "($(basename "$file"))" docs/decisions/README.md || wrong "docs/decisions/README.md:1: no link to $file"
done

# Relative links of our documents.
for file in README.md $(find docs -name '*.md'); do
	[ -f "$file" ] || continue
	for link in $(grep -oE '\]\([^)#: ]+' "$file" | sed 's/^](//'); do
		[ -e "$(dirname "$file")/$link" ] || wrong "$file:1: link to $link leads nowhere"
	done
done
exit $found
