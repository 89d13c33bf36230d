#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# ./dev bench [--json FILE] [--peers [DIR]] [NAME ...]: the benches of the release preset, one JSON object a line;
# --peers: beside other servers, by an external harness. All on 127.0.0.1, each bounded in time.
set -euo pipefail
cd "$(dirname "$0")/../.."
here=$PWD/tests/bench
build=$PWD/build/release
names=()
json=
peers=

while [ $# -gt 0 ]; do
	case $1 in
	--json)
		[ $# -gt 1 ] || { echo "bench: --json needs a file" >&2; exit 2; }
		json=$2
		shift
		;;
	--peers)
		peers=${BAKEN_PEERS:-$PWD/../shared/peers}
		if [ $# -gt 1 ] && [[ $2 == */* ]]; then
			peers=$2
			shift
		fi
		;;
	-*)
		echo "bench: unknown word $1" >&2
		exit 2
		;;
	*) names+=("$1") ;;
	esac
	shift
done
if [ -n "$peers" ]; then
	exec "$here/peers/run.sh" "$peers" "$build" "$json"
fi
[ ${#names[@]} -gt 0 ] || names=(limit accept relay idle storm offline crypto alarm report_to_officer handover drill)

# Ten thousand connections need as many descriptors in each of two processes.
ulimit -n "$(ulimit -Hn)" 2>/dev/null || true
if [ -n "$json" ]; then
	: >"$json"
fi
status=0
for name in "${names[@]}"; do
	program=$build/tests/bench/bench_$name
	[ -x "$program" ] || { echo "bench: there is no $name" >&2; exit 2; }
	BAKEN_BUILD=$build timeout -k 5 300 "$program" | tee ${json:+-a "$json"} || {
		echo "bench: $name failed" >&2
		status=1
	}
done
exit $status
