/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Visits every field of a message and of the messages in it, by its description: so a test that breaks each
 * field in turn cannot forget one that was added later.
 *
 * Threads: one.
 */
#ifndef BK_PB_WALK_H
#define BK_PB_WALK_H

#include <protobuf-c/protobuf-c.h>
#include <stdint.h>

struct bk_pb_field {
	const ProtobufCMessageDescriptor *message;
	const ProtobufCFieldDescriptor *field;
	void *at;       /* the member; a repeated one: the pointer to its elements */
	size_t *count;  /* of a repeated one, else NULL */
};

/* One call per field that is present (a oneof's other members are not), elements of a list once for the list. */
typedef void (*bk_pb_visit)(void *arg, const struct bk_pb_field *f);
void bk_pb_walk(ProtobufCMessage *m, bk_pb_visit visit, void *arg);
/* Is it field `name` of message `message` ("Submit")? */
int bk_pb_is(const struct bk_pb_field *f, const char *message, const char *name);
size_t bk_pb_element_size(const ProtobufCFieldDescriptor *f);

#endif
