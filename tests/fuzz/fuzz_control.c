/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Lines of the control socket: JSON with a verb, each answered once, whatever it holds. */
#include "fuzz.h"

#include "control_in.h"
#include "twin_fuzz.h"

static const struct {
	const char *name;
	bk_control_verb run;
} verbs[] = {
	{"status", bk_control_status},
	{"trust", bk_control_trust},
	{"circles", bk_control_circles},
	{"roster-get", bk_control_roster_get},
	{"devices", bk_control_devices},
	{"invites", bk_control_invites},
	{"audit", bk_control_audit},
	{"audit-verify", bk_control_audit_verify},
	{"roster-put", bk_control_roster_put},
	{"invite-put", bk_control_invite_put},
	{"invite-done", bk_control_invite_done},
	{"cut", bk_control_cut},
	{"expire", bk_control_expire},
};

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	return bk_twin_fuzz_begin("fuzz-control");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	json_t *args = json_loadb((const char *)data, size, JSON_REJECT_DUPLICATES, NULL), *reply = NULL;
	const char *verb = json_string_value(json_object_get(args, "verb"));
	int err = BK_E_INVAL;
	size_t i = 0;

	while (verb && i < sizeof verbs / sizeof *verbs && strcmp(verbs[i].name, verb) != 0)
		i++;
	if (!verb || i == sizeof verbs / sizeof *verbs) {
		json_decref(args);
		return 0;
	}
	err = bk_twin_control(&bk_twin_fuzz, verbs[i].run, args, &reply);
	BK_FUZZ_OURS(err);
	BK_ASSERT(err || json_is_object(reply));
	json_decref(reply);
	bk_twin_fuzz_end(!err);
	return 0;
}
