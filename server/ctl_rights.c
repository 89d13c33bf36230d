/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Who may do what out of the ordinary: registrars by what they signed, and devices of a desk, a care team or a vault,
 * with when they were last used. From the store itself, beside a running server or at rest.
 */
#include <inttypes.h>
#include <stdio.h>

#include "ctl_keys.h"
#include "ctl_offline.h"
#include "custodians.h"

struct rights {
	const struct bk_ctl *ctl;
	struct bk_store_view *view;
	json_t *registrars, *devices;
	bk_ms now;
};

static int add_registrar(void *arg, const struct bk_registrar_cert *cert, unsigned lists)
{
	struct rights *r = arg;
	char print[BK_CTL_FINGERPRINT];
	json_t *roles = json_array();
	json_t *o = json_pack("{s:s, s:s, s:o, s:I, s:I, s:b, s:I}", "label", cert->label, "fingerprint",
		bk_ctl_fingerprint(cert->key, print), "roles", roles, "not_before_ms", (json_int_t)cert->not_before_ms,
		"not_after_ms", (json_int_t)cert->not_after_ms, "valid",
		r->now >= cert->not_before_ms && r->now < cert->not_after_ms, "lists", (json_int_t)lists);

	for (unsigned i = 1; o && i <= BAKEN__ROLE__ROLE_VAULT; i++)
		if (cert->roles >> i & 1)
			json_array_append_new(roles, json_string(bk_role_name((Baken__Role)i)));
	return json_array_append_new(r->registrars, o) ? BK_E_NOMEM : 0;
}

static int add_device(void *arg, const struct bk_device_row *d)
{
	struct rights *r = arg;
	json_t *o;

	if (d->circle_kind == BAKEN__CIRCLE_KIND__CIRCLE_PERSON)
		return 0;
	o = json_pack("{s:o, s:o, s:s, s:s, s:b, s:I, s:I, s:b}", "device", bk_json_of_id(d->device), "circle",
		bk_json_of_id(d->circle), "role", bk_role_name(d->role), "status", bk_status_name(d->status), "on_duty",
		d->on_duty, "seen_ms", (json_int_t)d->seen_ms, "not_after_ms", (json_int_t)d->not_after_ms, "valid",
		d->status != BAKEN__DEVICE_STATUS__DEVICE_REVOKED && r->now >= d->not_before_ms && r->now < d->not_after_ms);
	return json_array_append_new(r->devices, o) ? BK_E_NOMEM : 0;
}

static int add_circle(void *arg, const struct bk_circle_row *row)
{
	struct rights *r = arg;

	return bk_store_devices(r->view, row->circle, add_device, r);
}

static void show(const struct rights *r)
{
	char until[BK_CTL_TIME_TEXT], seen[BK_CTL_TIME_TEXT];
	const struct bk_ctl *ctl = r->ctl;
	json_t *o, *role;
	size_t i, k;

	bk_ctl_say(CT(ctl, RIGHTS_REGISTRARS), NULL);
	json_array_foreach(r->registrars, i, o) {
		printf("%-20s %s  %-4s %s  %4" PRIu64 " ", bk_ctl_shown(bk_ctl_str(o, "label")), bk_ctl_str(o, "fingerprint"),
			bk_ctl_is(o, "valid") ? CT(ctl, YES) : CT(ctl, NO), bk_ctl_time(bk_ctl_u64(o, "not_after_ms"), until),
			bk_ctl_u64(o, "lists"));
		json_array_foreach(json_object_get(o, "roles"), k, role)
			printf(" %s", json_string_value(role));
		putchar('\n');
	}
	bk_ctl_say(CT(ctl, RIGHTS_DEVICES), NULL);
	json_array_foreach(r->devices, i, o)
		printf("%-32s  %-9s %-9s %-4s %-4s %s\n", bk_ctl_str(o, "device"), bk_ctl_str(o, "role"), bk_ctl_str(o, "status"),
			bk_ctl_is(o, "valid") ? CT(ctl, YES) : CT(ctl, NO), bk_ctl_is(o, "on_duty") ? CT(ctl, YES) : CT(ctl, NO),
			bk_ctl_u64(o, "seen_ms") ? bk_ctl_time(bk_ctl_u64(o, "seen_ms"), seen) : CT(ctl, NEVER));
}

int bk_ctl_rights(struct bk_ctl *ctl, int argc, char **argv)
{
	struct rights r = {.ctl = ctl, .registrars = json_array(), .devices = json_array(), .now = bk_ctl_now()};
	struct bk_store *store = NULL;
	struct bk_bytes cert;
	uint8_t root[BK_KEY_BYTES];
	int err;

	if (bk_ctl_options(ctl, argc, argv, NULL, 0) != 0) {
		json_decref(r.registrars);
		json_decref(r.devices);
		return bk_ctl_exit(BK_E_USAGE);
	}
	err = bk_ctl_offline_open(ctl, &store, &r.view);
	if (!err)
		err = bk_store_trust(r.view, root, &cert);
	if (!err)
		err = bk_custodians_each(r.view, root, add_registrar, &r);
	if (!err)
		err = bk_store_circles(r.view, add_circle, &r);
	if (store)
		bk_ctl_offline_close(store, r.view);
	if (!err && !ctl->json)
		show(&r);
	if (!err)
		bk_ctl_print(ctl, json_pack("{s:b, s:O, s:O}", "ok", 1, "registrars", r.registrars, "devices", r.devices));
	json_decref(r.registrars);
	json_decref(r.devices);
	return err ? bk_ctl_fail(ctl, err, NULL) : 0;
}
