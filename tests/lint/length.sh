#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Files of at most 600 lines, headers 150, functions 60 (between their braces; tables do not count).
. "$(dirname "$0")/lib.sh"

# Longer on purpose, with the reason. name=lines
allowed='
client/core/inbox.c=700 an adapter and a row for each kind of content
client/native/texts.h=400 one row a sentence, in every language
storage/store.h=450 every table and call of the store in one contract
storage/lmdb/rows.h=180 every row of the store as a value
storage/lmdb/store_in.h=180 the inside that all parts of the store share
tests/lib/twin/twin.h=170 realm, time and devices of the twin in one contract
tests/lib/story.h=200 the cast and every step of the story
server/ctl_texts.h=400 a table of texts
'

limit_of()
{
	given=$(echo "$allowed" | sed -n "s,^$1=\([0-9]*\) .*,\1,p")
	case $1 in
	*.h) echo "${given:-150}" ;;
	*) echo "${given:-600}" ;;
	esac
}

for file in $(c_files); do
	lines=$(wc -l <"$file")
	[ "$lines" -le "$(limit_of "$file")" ] ||
		wrong "$file:$lines: longer than $(limit_of "$file") lines"
done
while IFS= read -r line; do
	[ -z "$line" ] || wrong "$line"
done <<END
$(c_files | xargs awk '
	/^[A-Za-z_].*\(/ { name = $0; sub(/\(.*/, "", name); sub(/.*[ *]/, "", name) }
	/^\{/ { start = FNR }
	/^\}/ && start {
		if (FNR - start - 1 > 60)
			printf "%s:%d: %s has %d lines\n", FILENAME, start, name, FNR - start - 1
		start = 0
	}
')
END
exit $found
