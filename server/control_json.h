/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The words of the control socket, the same for bakend and bakenctl: ids and bytes in JSON, names of roles, kinds
 * and states.
 *
 * Threads: pure. Memory: a json_t is a new reference, NULL without memory.
 */
#ifndef BK_CONTROL_JSON_H
#define BK_CONTROL_JSON_H

#include <jansson.h>

#include "ids.h"
#include "trust.pb-c.h"

/* Decoded base 64, malloc'd. BK_E_INVAL when absent, empty or malformed. */
int bk_json_b64(const json_t *value, uint8_t **ret_data, size_t *ret_len);
json_t *bk_json_of_b64(const void *data, size_t len);
json_t *bk_json_of_id(bk_id id);
json_t *bk_json_of_hash(const uint8_t hash[32]);

/* "person" <-> BAKEN__ROLE__ROLE_PERSON; ROLE_NONE, "none" when unknown. */
Baken__Role bk_role_of(const char *name);
const char *bk_role_name(Baken__Role role);
const char *bk_kind_name(Baken__CircleKind kind);
const char *bk_status_name(Baken__DeviceStatus status);

#endif
