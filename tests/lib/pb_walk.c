/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "pb_walk.h"

#include <string.h>

size_t bk_pb_element_size(const ProtobufCFieldDescriptor *f)
{
	switch ((int)f->type) {
	case PROTOBUF_C_TYPE_BYTES:
		return sizeof(ProtobufCBinaryData);
	case PROTOBUF_C_TYPE_STRING:
	case PROTOBUF_C_TYPE_MESSAGE:
		return sizeof(void *);
	case PROTOBUF_C_TYPE_UINT64:
	case PROTOBUF_C_TYPE_INT64:
		return sizeof(uint64_t);
	case PROTOBUF_C_TYPE_BOOL:
		return sizeof(protobuf_c_boolean);
	default: /* 32-bit numbers and enums */
		return sizeof(uint32_t);
	}
}

static void walk_children(const struct bk_pb_field *f, bk_pb_visit visit, void *arg)
{
	ProtobufCMessage **list = f->count ? *(ProtobufCMessage ***)f->at : (ProtobufCMessage **)f->at;
	size_t n = f->count ? *f->count : 1;

	for (size_t i = 0; i < n; i++)
		if (list[i])
			bk_pb_walk(list[i], visit, arg);
}

void bk_pb_walk(ProtobufCMessage *m, bk_pb_visit visit, void *arg)
{
	uint8_t *base = (uint8_t *)m;

	for (unsigned i = 0; i < m->descriptor->n_fields; i++) {
		const ProtobufCFieldDescriptor *d = &m->descriptor->fields[i];
		struct bk_pb_field f = {m->descriptor, d, base + d->offset, NULL};
		uint32_t which;

		if (d->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) {
			memcpy(&which, base + d->quantifier_offset, sizeof which);
			if (which != d->id)
				continue;
		} else if (d->label == PROTOBUF_C_LABEL_REPEATED) {
			f.count = (size_t *)(void *)(base + d->quantifier_offset);
		}
		visit(arg, &f);
		if (d->type == PROTOBUF_C_TYPE_MESSAGE)
			walk_children(&f, visit, arg);
	}
}

int bk_pb_is(const struct bk_pb_field *f, const char *message, const char *name)
{
	return strcmp(f->message->short_name, message) == 0 && strcmp(f->field->name, name) == 0;
}
