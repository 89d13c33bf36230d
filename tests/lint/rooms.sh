#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Rooms look one way only, and a foreign library is known to as few files as can be.
. "$(dirname "$0")/lib.sh"

# room FILES ALLOWED...: an include in quotes must lie in an allowed folder (or be made by protoc-c).
room()
{
	files=$1
	shift
	[ -n "$files" ] || return
	while IFS=: read -r file line include; do
		name=$(echo "$include" | sed 's/^[^"]*"\([^"]*\)".*/\1/')
		case $name in
		*.pb-c.h) continue ;;
		*/*) wrong "$file:$line: \"$name\": includes name no folder" ;;
		esac
		for folder in "$@"; do
			[ -f "$folder/$name" ] && continue 2
		done
		wrong "$file:$line: \"$name\" is not in: $*"
	done <<-END
		$(grep -nHE '^[[:space:]]*#[[:space:]]*include[[:space:]]*"' $files)
	END
}

# at_most N HEADER FOLDERS...: so many files there include it.
at_most()
{
	limit=$1 header=$2
	shift 2
	users=$(grep -rlE "^[[:space:]]*#[[:space:]]*include[[:space:]]*<$header>" "$@" --include='*.[ch]')
	if [ "$(echo "$users" | grep -c .)" -gt "$limit" ]; then
		wrong "$(echo "$users" | sed "s,\$,:1: one of more than $limit including $(echo "$header" | cut -c1-40),")"
	fi
}

room "$(c_files protocol)" protocol
room "$(c_files storage)" protocol storage storage/lmdb
room "$(c_files server)" protocol storage server
room "$(c_files client/core)" protocol client/core
room "$(c_files client/native)" protocol storage client/core client/native
at_most 1 libwebsockets.h server
at_most 1 libwebsockets.h client/native
at_most 0 libwebsockets.h protocol storage client/core
at_most 1 lmdb.h storage/lmdb
at_most 1 lmdb.h $(find storage -maxdepth 1 -name '*.[ch]')
at_most 0 lmdb.h protocol server client
signal=$(find /usr/include/signal -name '*.h' -printf '%f|' | sed 's/|$//')
at_most 3 "($signal)" protocol storage server client
exit $found
