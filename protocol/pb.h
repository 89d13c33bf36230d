/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What protobuf-c lets pass and we do not, and its view of bytes.
 *
 * Fields that a reader does not know are kept and packed again, so that older ends can talk with newer ones; but a
 * field of number 0 does not exist in protobuf, and protobuf-c takes one whose number is spelled in more bytes than
 * it needs, keeps it, and refuses its own spelling of it. A text with a NUL in it ends there for us and goes on for
 * ends written in other languages: what people sign must read the same everywhere, and so has one spelling.
 *
 * Threads: pure.
 */
#ifndef BK_PB_H
#define BK_PB_H

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* No field of number 0 in this message or any message in it. */
bool bk_pb_sound(const ProtobufCMessage *m);
/* Sound, and as long as when packed again: no text cut at a NUL, no field twice, no number longer than need be. */
bool bk_pb_exact(const ProtobufCMessage *m, size_t len);

/* Borrows. */
static inline ProtobufCBinaryData bk_bytes(const void *data, size_t len)
{
	ProtobufCBinaryData b;
	b.len = len;
	b.data = (uint8_t *)(uintptr_t)data; /* protobuf-c's type is not const; encoders do not write */
	return b;
}

#endif
