/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The client's side of WebSocket (RFC 6455), sans I/O: the opening request, masked frames out, frames in from
 * whatever bytes have come. Binary messages are put together from their fragments; pings are answered by the
 * caller, who sees them.
 *
 * Threads: pure. Memory: bk_ws_in and bk_ws_buf own their buffers; what is given borrows until the next call.
 */
#ifndef BK_WS_H
#define BK_WS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { BK_WS_CONT = 0, BK_WS_TEXT = 1, BK_WS_BINARY = 2, BK_WS_CLOSE = 8, BK_WS_PING = 9, BK_WS_PONG = 10 };

struct bk_ws_buf { /* grows; zeroed is empty */
	uint8_t *data;
	size_t off, len, cap; /* live bytes: data[off..len) */
};
/* Room for n more bytes; ends the program without memory. */
uint8_t *bk_ws_room(struct bk_ws_buf *b, size_t n);
void bk_ws_add(struct bk_ws_buf *b, const void *data, size_t len);
void bk_ws_eat(struct bk_ws_buf *b, size_t n);
void bk_ws_buf_done(struct bk_ws_buf *b);

/* The request that opens path with the given sub-protocol (NULL: none). */
void bk_ws_open(struct bk_ws_buf *out, const char *host, const char *path, const char *protocol);
/* 1 accepted, 0 more bytes wanted, BK_E_NET refused; eats the head when it is whole. */
int bk_ws_opened(struct bk_ws_buf *in);

/* One whole masked frame. mask 0 is legal and keeps the payload as it is. */
void bk_ws_frame(struct bk_ws_buf *out, uint8_t opcode, bool fin, const void *data, size_t len, uint32_t mask);

struct bk_ws_in {
	struct bk_ws_buf raw;   /* received, not yet read: append here */
	struct bk_ws_buf whole; /* fragments so far */
	uint8_t opcode;
};
/*
 * The next message: 1 and its opcode and payload (valid until the next call), 0 more bytes wanted, BK_E_INVAL
 * what no server may send.
 */
int bk_ws_next(struct bk_ws_in *in, uint8_t *ret_opcode, const uint8_t **ret_data, size_t *ret_len);
void bk_ws_in_done(struct bk_ws_in *in);

#endif
