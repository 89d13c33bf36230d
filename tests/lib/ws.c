/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ws.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "err.h"

#define HEAD_MAX 4096u
#define BUF_MIN 512u

uint8_t *bk_ws_room(struct bk_ws_buf *b, size_t n)
{
	if (b->off && b->off == b->len)
		b->off = b->len = 0;
	if (b->len + n > b->cap && b->off) {
		memmove(b->data, b->data + b->off, b->len - b->off);
		b->len -= b->off;
		b->off = 0;
	}
	if (b->len + n > b->cap) {
		size_t cap = b->cap ? b->cap : BUF_MIN;

		while (cap < b->len + n)
			cap *= 2;
		b->data = realloc(b->data, cap);
		BK_ASSERT(b->data);
		b->cap = cap;
	}
	return b->data + b->len;
}

void bk_ws_add(struct bk_ws_buf *b, const void *data, size_t len)
{
	uint8_t *p = bk_ws_room(b, len);

	if (len)
		memcpy(p, data, len);
	b->len += len;
}

void bk_ws_eat(struct bk_ws_buf *b, size_t n)
{
	b->off += n;
	if (b->off == b->len)
		b->off = b->len = 0;
}

void bk_ws_buf_done(struct bk_ws_buf *b)
{
	free(b->data);
	memset(b, 0, sizeof *b);
}

void bk_ws_open(struct bk_ws_buf *out, const char *host, const char *path, const char *protocol)
{
	char text[1024];
	int n = snprintf(text, sizeof text,
		"GET %s HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n%s%s%s\r\n",
		path, host, protocol ? "Sec-WebSocket-Protocol: " : "", protocol ? protocol : "",
		protocol ? "\r\n" : "");

	BK_ASSERT(n > 0 && (size_t)n < sizeof text);
	bk_ws_add(out, text, (size_t)n);
}

int bk_ws_opened(struct bk_ws_buf *in)
{
	const char *head = (const char *)in->data + in->off, *end;
	size_t len = in->len - in->off;

	end = len ? memmem(head, len, "\r\n\r\n", 4) : NULL;
	if (!end)
		return len > HEAD_MAX ? BK_E_NET : 0;
	if (len < 12 || memcmp(head, "HTTP/1.1 101", 12) != 0)
		return BK_E_NET;
	bk_ws_eat(in, (size_t)(end - head) + 4);
	return 1;
}

static size_t head_of(uint8_t *h, uint8_t opcode, bool fin, size_t len)
{
	h[0] = (uint8_t)((fin ? 0x80 : 0) | opcode);
	if (len < 126) {
		h[1] = (uint8_t)(0x80 | len);
		return 2;
	}
	if (len < 65536) {
		h[1] = 0x80 | 126;
		h[2] = (uint8_t)(len >> 8);
		h[3] = (uint8_t)len;
		return 4;
	}
	h[1] = 0x80 | 127;
	for (unsigned i = 0; i < 8; i++)
		h[2 + i] = (uint8_t)((uint64_t)len >> (56 - 8 * i));
	return 10;
}

void bk_ws_frame(struct bk_ws_buf *out, uint8_t opcode, bool fin, const void *data, size_t len, uint32_t mask)
{
	uint8_t h[14], *p;
	size_t n = head_of(h, opcode, fin, len);

	memcpy(h + n, &mask, 4);
	bk_ws_add(out, h, n + 4);
	p = bk_ws_room(out, len);
	if (len)
		memcpy(p, data, len);
	for (size_t i = 0; mask && i < len; i++)
		p[i] ^= h[n + (i & 3)];
	out->len += len;
}

/* Bytes of head, payload length in *ret_len; 0 more wanted. */
static size_t read_head(const uint8_t *p, size_t have, uint64_t *ret_len)
{
	uint64_t len;
	size_t n = 2;

	if (have < 2)
		return 0;
	len = p[1] & 0x7f;
	if (len == 126) {
		n = 4;
		if (have < n)
			return 0;
		len = (uint64_t)p[2] << 8 | p[3];
	} else if (len == 127) {
		n = 10;
		if (have < n)
			return 0;
		len = 0;
		for (unsigned i = 0; i < 8; i++)
			len = len << 8 | p[2 + i];
	}
	*ret_len = len;
	return n;
}

/* A data frame of a message that came, or goes on, in pieces. 1 when it is whole. */
static int join(struct bk_ws_in *in, uint8_t first, const uint8_t *data, size_t len)
{
	if ((first & 0x0f) != BK_WS_CONT) {
		if (in->opcode)
			return BK_E_INVAL;
		in->opcode = first & 0x0f;
		in->whole.off = in->whole.len = 0;
	} else if (!in->opcode) {
		return BK_E_INVAL;
	}
	bk_ws_add(&in->whole, data, len);
	return first & 0x80 ? 1 : 0;
}

int bk_ws_next(struct bk_ws_in *in, uint8_t *ret_opcode, const uint8_t **ret_data, size_t *ret_len)
{
	for (;;) {
		const uint8_t *p = in->raw.data + in->raw.off;
		size_t have = in->raw.len - in->raw.off, head;
		uint64_t len = 0;
		int n;

		head = have ? read_head(p, have, &len) : 0;
		if (!head || len > have - head)
			return 0;
		if (p[1] & 0x80 || p[0] & 0x70) /* servers do not mask; no extension was agreed */
			return BK_E_INVAL;
		bk_ws_eat(&in->raw, head + (size_t)len); /* moves nothing: the bytes stay until the next append */
		*ret_data = p + head;
		*ret_len = (size_t)len;
		*ret_opcode = p[0] & 0x0f;
		if (*ret_opcode >= BK_WS_CLOSE || ((p[0] & 0x80) && *ret_opcode != BK_WS_CONT && !in->opcode))
			return 1;
		n = join(in, p[0], p + head, (size_t)len);
		if (n < 0)
			return n;
		if (n) {
			*ret_opcode = in->opcode;
			*ret_data = in->whole.data + in->whole.off;
			*ret_len = in->whole.len;
			in->opcode = 0;
			return 1;
		}
	}
}

void bk_ws_in_done(struct bk_ws_in *in)
{
	bk_ws_buf_done(&in->raw);
	bk_ws_buf_done(&in->whole);
}
