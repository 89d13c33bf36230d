/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What protobuf-c lets pass and we do not. Fields that a reader does not know are kept and packed again, so that
 * older ends can talk with newer ones; but a field of number 0 does not exist in protobuf, and protobuf-c takes one
 * whose number is spelled in more bytes than it needs, keeps it, and refuses its own spelling of it.
 *
 * Threads: pure.
 */
#ifndef BK_PB_H
#define BK_PB_H

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>

/* No field of number 0 in this message or any message in it. */
bool bk_pb_sound(const ProtobufCMessage *m);

#endif
