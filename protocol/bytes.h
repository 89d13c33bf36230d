/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Cursors over hand-packed formats: little-endian numbers and byte strings. A reader that ran over its end
 * stays failed and gives zeros, so that one check at the end (bk_reader_done) covers every read.
 *
 * Threads: pure. Memory: both borrow their buffer.
 */
#ifndef BK_BYTES_H
#define BK_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct bk_reader {
	const uint8_t *at;
	size_t left;
	bool failed;
};

struct bk_writer {
	uint8_t *at;
	size_t left;
	bool failed;
};

static inline struct bk_reader bk_reader_of(const void *data, size_t len)
{
	struct bk_reader r = {data, len, false};

	return r;
}

/* Borrows n bytes; NULL (and failed) when there are fewer. */
static inline const uint8_t *bk_read_view(struct bk_reader *r, size_t n)
{
	const uint8_t *p = r->at;

	if (r->failed || n > r->left) {
		r->failed = true;
		return NULL;
	}
	r->at += n;
	r->left -= n;
	return p;
}

static inline void bk_read_bytes(struct bk_reader *r, void *out, size_t n)
{
	const uint8_t *p = bk_read_view(r, n);

	if (p && n)
		memcpy(out, p, n);
	else if (!p)
		memset(out, 0, n);
}

static inline uint64_t bk_read_le(struct bk_reader *r, size_t n)
{
	const uint8_t *p = bk_read_view(r, n);
	uint64_t v = 0;

	for (size_t i = 0; p && i < n; i++)
		v |= (uint64_t)p[i] << (8 * i);
	return v;
}

static inline uint8_t bk_read_u8(struct bk_reader *r)
{
	return (uint8_t)bk_read_le(r, 1);
}
static inline uint16_t bk_read_u16(struct bk_reader *r)
{
	return (uint16_t)bk_read_le(r, 2);
}
static inline uint32_t bk_read_u32(struct bk_reader *r)
{
	return (uint32_t)bk_read_le(r, 4);
}
static inline uint64_t bk_read_u64(struct bk_reader *r)
{
	return bk_read_le(r, 8);
}

/* Nothing failed and nothing is left over. */
static inline bool bk_reader_done(const struct bk_reader *r)
{
	return !r->failed && r->left == 0;
}

static inline struct bk_writer bk_writer_of(void *data, size_t len)
{
	struct bk_writer w = {data, len, false};

	return w;
}

static inline void bk_write_bytes(struct bk_writer *w, const void *data, size_t n)
{
	if (w->failed || n > w->left) {
		w->failed = true;
		return;
	}
	if (n)
		memcpy(w->at, data, n);
	w->at += n;
	w->left -= n;
}

static inline void bk_write_le(struct bk_writer *w, uint64_t v, size_t n)
{
	uint8_t b[8];

	for (size_t i = 0; i < n; i++)
		b[i] = (uint8_t)(v >> (8 * i));
	bk_write_bytes(w, b, n);
}

static inline void bk_write_u8(struct bk_writer *w, uint8_t v)
{
	bk_write_le(w, v, 1);
}
static inline void bk_write_u16(struct bk_writer *w, uint16_t v)
{
	bk_write_le(w, v, 2);
}
static inline void bk_write_u32(struct bk_writer *w, uint32_t v)
{
	bk_write_le(w, v, 4);
}
static inline void bk_write_u64(struct bk_writer *w, uint64_t v)
{
	bk_write_le(w, v, 8);
}

#endif
