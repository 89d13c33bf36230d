# SPDX-License-Identifier: GPL-3.0-or-later
# Target of the comparison of servers: baken (WebSocket on the plain loopback listener), baken-tls.
DRIVER=baken; WS=1; TLS=0; PORT=18882; EXTRA=$WORK/$TARGET.$WL/realm/realm.bin
case $TARGET in *-tls*) TLS=1; PORT=18881;; esac
[ "$WL" = B-cut ] && EXTRA=$WORK/cutfs/d/realm/realm.bin

t_init()
{
	if [ ! -d "$CACHE/baken-realm" ]; then
		rm -rf "$CACHE/baken-realm.part"
		"$BAKEN_BENCH/make_realm" "$CACHE/baken-realm.part" 18881 18882 "$NUSERS" || return 1
		mv "$CACHE/baken-realm.part" "$CACHE/baken-realm"
	fi
	cp -a --sparse=always "$CACHE/baken-realm" "$DIR/realm" &&
		sed -i "s|$CACHE/baken-realm.part|$DIR/realm|" "$DIR/realm/bakend.conf"
}
t_start() { spawn "$BAKEN_BIN/bakend" -c "$DIR/realm/bakend.conf"; wait_port $PORT; }
t_prepare() { :; }
t_version() { "$BAKEN_BIN/bakend" --version; }
