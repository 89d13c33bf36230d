/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "pin.h"

#include "engine.h"

int bk_pin_check(struct bk_core *core, const char *pin)
{
	bool second = false;
	int err = core->o.pin ? core->o.pin(core->o.pin_arg, pin, &second) : BK_E_UNSUPPORTED;

	if (!err)
		core->o.duress = core->o.duress || second;
	return err;
}

bool bk_pin_ok(struct bk_core *core, const char *pin)
{
	return bk_pin_check(core, pin) == 0;
}

bool bk_pin_duress(const struct bk_core *core)
{
	return core->o.duress;
}
