#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# run.sh HARNESS BUILD [JSON]: Baken beside other store-and-forward servers, by a harness that lies elsewhere
# (its README says what it measures). Environment: PEER_TARGETS and PEER_WORKLOADS to run
# fewer, REPS (3).
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../../.." && pwd)
harness=$1
build=$2
json=${3:-}
targets=${PEER_TARGETS:-ref-sync mosquitto mosquitto-strong nats ejabberd baken baken-tls}
workloads=${PEER_WORKLOADS:-A B-keep B-kill9 B-cut C D}
reps=${REPS:-3}

die()
{
	echo "bench: $*" >&2
	exit 1
}

[ -x "$harness/run.sh" ] && [ -d "$harness/gen" ] ||
	die "no comparison harness at $harness: give its folder after --peers or in BAKEN_PEERS"
harness=$(cd "$harness" && pwd)
[ "$(id -u)" -eq 0 ] || die "the comparison mounts a file system for its power cuts: run it as root"

# Packages only; no service of theirs may run (policy-rc.d says no while they are installed).
need_peers()
{
	local missing=() package policy=/usr/sbin/policy-rc.d made=0

	for package in mosquitto nats-server ejabberd; do
		dpkg-query -W -f='${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed || missing+=("$package")
	done
	[ ${#missing[@]} -gt 0 ] || return 0
	echo "Installing from Debian: ${missing[*]}"
	if [ ! -e $policy ]; then
		printf '#!/bin/sh\nexit 101\n' >$policy
		chmod 755 $policy
		made=1
	fi
	apt-get update -qq
	DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null || {
		[ $made = 0 ] || rm -f $policy
		die "apt-get could not install: ${missing[*]}"
	}
	[ $made = 0 ] || rm -f $policy
}

need_peers
base=$(mktemp -d "${TMPDIR:-/tmp}/baken-peers.XXXXXX")
export BASE=$base BIN=$base/bin RES=$base/results WORK=$base/run CACHE=$base/cache LOCK=$base/lock
export LG=$base/bin/lg TARGETS=$base/targets NUSERS=${NUSERS:-10240} QUIET_MAX=${QUIET_MAX:-6}
export BAKEN_BIN=$build/bin BAKEN_BENCH=$build/tests/bench
trap 'umount "$WORK/cutfs" 2>/dev/null || true; rm -rf "$base"' EXIT
mkdir -p "$BIN" "$RES" "$WORK" "$CACHE" "$base/targets"
chmod 755 "$base" # some of the peers become another user
cp "$here/baken.sh" "$base/targets/"

libraries="$build/tests/lib/libbaken_testlib.a $build/storage/libbaken_store.a"
libraries+=" $build/storage/libbaken_storage_common.a $build/protocol/libbaken_protocol.a"
# libprotobuf-c first: libsignal carries an older one with the same names inside.
libraries+=" -llmdb -lprotobuf-c -lsodium -lsignal-protocol-c -lutf8proc -lbearssl -ljansson -lpthread"
includes="-iquote $root/tests/lib -iquote $root/protocol -iquote $root/storage -isystem $build/generated"
make -s -C "$harness/gen" BIN="$BIN" MORE_DRIVER=drv_baken MORE_SRC="$here/drv_baken.c" \
	MORE_FLAGS="$includes $libraries" || die "the load generator could not be built"

for rep in $(seq "$reps"); do
	for workload in $workloads; do
		for target in $targets; do
			echo "# $rep/$reps $target $workload" >&2
			(cd "$harness" && SECS=${SECS:-5} HOLD=6 N=$([ "$workload" = C ] && echo 5000 || true) \
				timeout -k 5 150 bash -c '[ -n "$N" ] || unset N; exec ./run.sh "$0" "$1"' "$target" "$workload" \
				>>"$base/log" 2>&1) || echo "# $target $workload failed: $(tail -1 "$base/log" | cut -c1-120)" >&2
		done
	done
done
[ -z "$json" ] || cat "$RES"/*.jsonl >"$json"
awk -f "$here/table.awk" "$RES"/*.jsonl
