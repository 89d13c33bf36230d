# SPDX-License-Identifier: GPL-3.0-or-later
# Shared by the lint scripts. They run from the root of the tree with the build folder as first word,
# print file:line: what is wrong, and fail when they printed anything.
cd "$(dirname "$0")/../.." || exit 1
build=${1:-build/dev}
found=0

wrong()
{
	echo "$*"
	found=1
}

# wrong_lines WHY: every line of standard input is one violation.
wrong_lines()
{
	while IFS= read -r line; do
		wrong "$line${1:+: $1}"
	done
}

# Our C sources in the given folders (all rooms and tests without).
c_files()
{
	[ $# -gt 0 ] || set -- protocol storage server client tests
	find "$@" -name '*.[ch]' | LC_ALL=C sort
}

# Every text file of ours, those not committed yet included.
all_files()
{
	if git rev-parse --git-dir >/dev/null 2>&1; then
		git ls-files -co --exclude-standard | while IFS= read -r f; do
			[ -f "$f" ] && echo "$f"
		done
	else
		find . -type f -not -path './build/*' -not -path './.git/*' | sed 's,^\./,,'
	fi
}
