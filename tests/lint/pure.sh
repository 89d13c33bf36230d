#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# protocol/ and client/core/ know no file, socket, clock, thread or log. protocol/err.c alone may say why
# it stops the program.
. "$(dirname "$0")/lib.sh"

headers='time|unistd|pthread|threads|fcntl|signal|poll|netdb|syslog|dirent|(sys|arpa|netinet)/[a-z_]+|uv|lmdb|libwebsockets'
calls='v?f?printf|puts|perror|fopen|fread|fwrite|open|read|write|close|time|clock|clock_gettime|gettimeofday|localtime|gmtime|sleep|usleep|getenv|system|popen|fork|socket|pthread_[a-z_]+|syslog'
files=$(c_files protocol client/core | grep -v '^protocol/err\.c$')

# Comments may speak of them; strings do not hold calls in these two folders.
for file in $files; do
	sed 's,/\*.*\*/,,; s,//.*,,; s,^ \*.*,,' "$file" |
		grep -nE "^[[:space:]]*#[[:space:]]*include[[:space:]]*<($headers)\.h>|(^|[^A-Za-z0-9_.>])($calls)\(" |
		grep -vE '^[0-9]+:(/\*| \*)' | sed "s,^,$file:,"
done >"${TMPDIR:-/tmp}/baken-pure.$$"
wrong_lines "not in a room without I/O, clock, thread and log" <"${TMPDIR:-/tmp}/baken-pure.$$"
rm -f "${TMPDIR:-/tmp}/baken-pure.$$"
exit $found
