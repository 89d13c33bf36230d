#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# protocol/ and client/core/ compile for wasm32-wasi, so that a browser can use them unchanged. The
# libraries' headers stand in a folder of links: glibc's, which lie beside them, must not be seen.
. "$(dirname "$0")/lib.sh"

dir=$build/wasm
mkdir -p "$dir/include" "$dir/generated"
for header in sodium sodium.h bearssl.h protobuf-c google jansson.h jansson_config.h utf8proc.h; do
	ln -sfn "/usr/include/$header" "$dir/include/$header"
done
for header in /usr/include/bearssl/*.h; do
	ln -sfn "$header" "$dir/include/$(basename "$header")"
done
protoc-c --proto_path=protocol --c_out="$dir/generated" trust.proto wire.proto safety.proto desk.proto content.proto ||
	wrong "protocol/wire.proto:1: protoc-c refuses it"

{ find protocol client/core -name '*.c'; find "$dir/generated" -name '*.c'; } >"$dir/files"
xargs -P "$(nproc)" -n 4 clang-14 --target=wasm32-wasi -std=c17 -fsyntax-only -DNDEBUG \
	-Wall -Werror=implicit-function-declaration -Werror=int-conversion -Wno-unused-command-line-argument \
	-iquote protocol -iquote client/core -isystem "$dir/generated" -isystem "$dir/include" \
	-isystem /usr/include/signal -isystem /usr/include/wasm32-wasi <"$dir/files" >"$dir/report" 2>&1 ||
	wrong "$(grep -E 'error|note' "$dir/report")"
exit $found
