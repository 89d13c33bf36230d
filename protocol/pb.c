/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "pb.h"

#include <stdint.h>
#include <string.h>

static bool set(const uint8_t *base, const ProtobufCFieldDescriptor *f)
{
	uint32_t which;

	if (!(f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF))
		return true;
	memcpy(&which, base + f->quantifier_offset, sizeof which);
	return which == f->id;
}

static bool field_sound(const uint8_t *base, const ProtobufCFieldDescriptor *f)
{
	const ProtobufCMessage *one, *const *list;
	size_t n = 0;

	if (f->label == PROTOBUF_C_LABEL_REPEATED) {
		memcpy(&n, base + f->quantifier_offset, sizeof n);
		memcpy(&list, base + f->offset, sizeof list);
		for (size_t i = 0; i < n; i++)
			if (!bk_pb_sound(list[i]))
				return false;
		return true;
	}
	memcpy(&one, base + f->offset, sizeof one);
	return !set(base, f) || !one || bk_pb_sound(one);
}

bool bk_pb_sound(const ProtobufCMessage *m)
{
	const uint8_t *base = (const uint8_t *)m;

	for (unsigned i = 0; i < m->n_unknown_fields; i++)
		if (m->unknown_fields[i].tag == 0)
			return false;
	for (unsigned i = 0; i < m->descriptor->n_fields; i++)
		if (m->descriptor->fields[i].type == PROTOBUF_C_TYPE_MESSAGE &&
			!field_sound(base, &m->descriptor->fields[i]))
			return false;
	return true;
}

bool bk_pb_exact(const ProtobufCMessage *m, size_t len)
{
	return bk_pb_sound(m) && protobuf_c_message_get_packed_size(m) == len;
}
