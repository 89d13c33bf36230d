/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Padding. Content goes to 256 B, 1, 4, 16 or 64 KiB (ISO/IEC 7816-4: 0x80 then zeros). Files follow Padme
 * (Nikitin et al., "Reducing Metadata Leakage from Encrypted Files and Communication with PURBs", 2019),
 * which leaks O(log log n) bits of the length for at most 12 % more bytes.
 *
 * Threads: pure.
 */
#ifndef BK_PADDING_H
#define BK_PADDING_H

#include <stddef.h>
#include <stdint.h>

/* The bucket that holds len bytes and one byte of padding; 0 when len > BK_CONTENT_MAX. */
size_t bk_padding_bucket(size_t len);
/* Pads in place; buf holds bk_padding_bucket(len) bytes. Returns the padded length. */
size_t bk_padding_add(uint8_t *buf, size_t len);
/* Constant time in the content. BK_E_INVAL when len is no bucket or the padding is malformed. */
int bk_padding_remove(const uint8_t *buf, size_t len, size_t *ret_len);
uint64_t bk_padding_padme(uint64_t len);

#endif
