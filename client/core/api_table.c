/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Every command of the API, by area. */
#include "api_table.h"

#include "alarm.h"
#include "approvals.h"
#include "cases.h"
#include "engine.h"
#include "groups.h"
#include "exposure.h"
#include "handover.h"
#include "lost.h"
#include "shift.h"
#include "waking.h"
#include "policy.h"

static int connect_cmd(struct bk_core *core, struct bk_command *c)
{
	if (core->self.stage == BK_STAGE_NONE) {
		c->say = BK_SAY_NOT_ENROLLED;
		return BK_E_STATE;
	}
	bk_link_want(core, true);
	return 0;
}

static int disconnect_cmd(struct bk_core *core, struct bk_command *c)
{
	(void)c;
	bk_link_want(core, false);
	return 0;
}

static int ask_again_cmd(struct bk_core *core, struct bk_command *c)
{
	return bk_inbox_ask_again(core, bk_json_get_id(c->args, "message"));
}

/* Files that the server refused or has lost are looked at again too. */
static int resend_cmd(struct bk_core *core, struct bk_command *c)
{
	bk_id message = bk_json_get_id(c->args, "message");
	json_t *item = bk_items_get(core, message);
	json_t *files = json_object_get(bk_items_private(item), "files");
	int err = bk_outbox_repeat(core, message, (bk_id){ { 0 } });

	for (size_t i = 0; !err && i < json_array_size(files); i++) {
		bk_id id = bk_json_get_id(json_array_get(files, i), "attachment");

		if (!bk_id_is_zero(id) && !bk_upload_complete(core, id))
			bk_upload_recheck(core, id);
	}
	json_decref(item);
	return err;
}

#define ROLE(name) (1u << BAKEN__ROLE__ROLE_##name)
#define PEOPLE (ROLE(PERSON) | ROLE(RELATIVE) | ROLE(CHILD))
#define OFFICERS (ROLE(OFFICER) | ROLE(LEAD))
#define WRITERS (PEOPLE | OFFICERS | ROLE(CARE))
#define ALL UINT32_MAX
#define GROWN (ALL & ~ROLE(CHILD)) /* a child's device does less: what asks for judgement is not there */
#define NEW BK_API_NEW

const struct bk_api_entry bk_api_table[] = {
	/* ---- this device ---- */
	{ "enrol", NEW, bk_enrol_cmd, { { "code", F_TEXT, true, 512 }, { "name", F_TEXT, false, BK_NAME_MAX } } },
	{ "status", NEW, bk_query_status, { { NULL, F_NONE, false, 0 } } },
	{ "health", PEOPLE, bk_condition_cmd_health,
	  { { "storage_free_bytes", F_INT, false, 0 }, { "battery_percent", F_INT, false, 100 },
	    { "allowed", F_INT, false, 31 }, { "asked", F_INT, false, 31 }, { "version", F_TEXT, false, BK_NAME_MAX },
	    { "platform", F_TEXT, false, BK_NAME_MAX } } },
	{ "drill", PEOPLE, bk_condition_cmd_drill, { { NULL, F_NONE, false, 0 } } },
	{ "canary-shown", OFFICERS, bk_canaries_cmd_shown, { { "nonce", F_ID, true, 0 } } },
	{ "devices", OFFICERS, bk_condition_cmd_devices, { { NULL, F_NONE, false, 0 } } },
	{ "connect", NEW, connect_cmd, { { NULL, F_NONE, false, 0 } } },
	{ "disconnect", NEW, disconnect_cmd, { { NULL, F_NONE, false, 0 } } },
	/* ---- writing ---- */
	{ "report", PEOPLE, bk_compose_report,
	  { { "what", F_TEXT, true, BK_TEXT_MAX }, { "where", F_TEXT, false, BK_NAME_MAX * 4 },
	    { "when_ms", F_INT, false, 0 }, { "when_text", F_TEXT, false, BK_NAME_MAX },
	    { "urgency", F_TEXT, false, 20 }, { "certainty", F_TEXT, false, 20 },
	    { "attachments", F_IDS, false, BK_FILES_MAX }, { "drill", F_BOOL, false, 0 } } },
	{ "send", WRITERS, bk_compose_send,
	  { { "to", F_TO, true, 0 }, { "text", F_TEXT, true, BK_TEXT_MAX },
	    { "attachments", F_IDS, false, BK_FILES_MAX } } },
	{ "reply", WRITERS, bk_compose_reply,
	  { { "to", F_ID, true, 0 }, { "text", F_TEXT, true, BK_TEXT_MAX }, { "answers", F_BOOL, false, 0 },
	    { "attachments", F_IDS, false, BK_FILES_MAX } } },
	{ "acknowledge", PEOPLE, bk_compose_acknowledge, { { "message", F_ID, true, 0 } } },
	{ "resend", GROWN, resend_cmd, { { "message", F_ID, true, 0 } } },
	{ "forget-file", GROWN, bk_attach_cmd_forget, { { "attachment", F_ID, true, 0 } } },
	{ "push-set", ALL, bk_waking_cmd_set, { { "endpoint", F_TEXT, true, BK_PUSH_ENDPOINT_MAX } } },
	{ "push-clear", ALL, bk_waking_cmd_clear, { { NULL, F_NONE, false, 0 } } },
	/* ---- alarm ---- */
	{ "alarm-arm", PEOPLE, bk_alarm_cmd_arm,
	  { { "silent", F_BOOL, false, 0 }, { "text", F_TEXT, false, BK_TEXT_MAX }, { "drill", F_BOOL, false, 0 },
	    { "full", F_BOOL, false, 0 } } },
	{ "alarm-now", PEOPLE, bk_alarm_cmd_now,
	  { { "silent", F_BOOL, false, 0 }, { "text", F_TEXT, false, BK_TEXT_MAX }, { "drill", F_BOOL, false, 0 },
	    { "full", F_BOOL, false, 0 } } },
	{ "alarm-cancel", PEOPLE, bk_alarm_cmd_cancel, { { "pin", F_TEXT, true, BK_NAME_MAX } } },
	{ "alarm-end", PEOPLE, bk_alarm_cmd_end,
	  { { "reason", F_TEXT, true, 20 }, { "pin", F_TEXT, true, BK_NAME_MAX },
	    { "text", F_TEXT, false, BK_TEXT_MAX } } },
	{ "alarm", PEOPLE, bk_alarm_cmd_look, { { NULL, F_NONE, false, 0 } } },
	{ "fix", PEOPLE, bk_locate_cmd_fix,
	  { { "latitude", F_NUMBER, true, 0 }, { "longitude", F_NUMBER, true, 0 }, { "accuracy_m", F_INT, false, 100000 },
	    { "battery_percent", F_INT, false, 100 }, { "at_ms", F_INT, false, 0 } } },
	{ "share-location", PEOPLE, bk_locate_cmd_share,
	  { { "minutes", F_INT, true, BK_SHARE_MAX_MS / 60000u }, { "drill", F_BOOL, false, 0 } } },
	{ "share-stop", PEOPLE, bk_locate_cmd_stop, { { NULL, F_NONE, false, 0 } } },
	/* ---- reading ---- */
	{ "reports", PEOPLE, bk_query_reports, { { NULL, F_NONE, false, 0 } } },
	{ "messages", ALL, bk_query_messages,
	  { { "conversation", F_ID, false, 0 }, { "after_ms", F_INT, false, 0 }, { "limit", F_INT, false, 1000 } } },
	{ "show", ALL, bk_query_show, { { "message", F_ID, true, 0 } } },
	{ "fetch", ALL, bk_download_cmd,
	  { { "message", F_ID, true, 0 }, { "index", F_INT, true, BK_FILES_MAX - 1 } } },
	{ "receipts", GROWN, bk_receipts_cmd, { { NULL, F_NONE, false, 0 } } },
	{ "unreadable", ALL, bk_lost_cmd, { { NULL, F_NONE, false, 0 } } },
	{ "ask-again", ALL, ask_again_cmd, { { "message", F_ID, true, 0 } } },
	{ "people", OFFICERS | ROLE(CARE), bk_query_people, { { NULL, F_NONE, false, 0 } } },
	/* ---- timers ---- */
	{ "watch-start", PEOPLE, bk_timers_cmd_start,
	  { { "kind", F_TEXT, true, 20 }, { "what", F_TEXT, false, 2000 }, { "where", F_TEXT, false, BK_NAME_MAX },
	    { "minutes", F_INT, false, 44640 }, { "due_ms", F_INT, false, 0 }, { "grace_minutes", F_INT, false, 1440 },
	    { "interval_minutes", F_INT, false, 44640 }, { "drill", F_BOOL, false, 0 }, { "note", F_TEXT, false, 1000 },
	    { "latitude", F_NUMBER, false, 0 }, { "longitude", F_NUMBER, false, 0 },
	    { "accuracy_m", F_INT, false, 100000 }, { "battery", F_INT, false, 100 } } },
	{ "watch-extend", PEOPLE, bk_timers_cmd_extend,
	  { { "watch", F_ID, true, 0 }, { "minutes", F_INT, false, 44640 }, { "due_ms", F_INT, false, 0 },
	    { "note", F_TEXT, false, 1000 },
	    { "latitude", F_NUMBER, false, 0 }, { "longitude", F_NUMBER, false, 0 },
	    { "accuracy_m", F_INT, false, 100000 }, { "battery", F_INT, false, 100 } } },
	{ "watch-safe", PEOPLE, bk_timers_cmd_safe,
	  { { "watch", F_ID, true, 0 }, { "note", F_TEXT, false, 1000 },
	    { "latitude", F_NUMBER, false, 0 }, { "longitude", F_NUMBER, false, 0 },
	    { "accuracy_m", F_INT, false, 100000 }, { "battery", F_INT, false, 100 } } },
	{ "watch-cancel", PEOPLE, bk_timers_cmd_cancel,
	  { { "watch", F_ID, true, 0 }, { "pin", F_TEXT, true, 200 } } },
	{ "watches", PEOPLE | OFFICERS | ROLE(VAULT), bk_timers_cmd_list, { { NULL, F_NONE, false, 0 } } },
	/* ---- the desk: cases ---- */
	{ "board", OFFICERS, bk_cases_cmd_board, { { NULL, F_NONE, false, 0 } } },
	{ "case", OFFICERS, bk_cases_cmd_case, { { "case", F_ID, true, 0 } } },
	{ "claim", OFFICERS, bk_cases_cmd_claim, { { "case", F_ID, true, 0 } } },
	{ "release", OFFICERS, bk_cases_cmd_release,
	  { { "case", F_ID, true, 0 }, { "reason", F_TEXT, true, BK_TEXT_MAX } } },
	{ "close", OFFICERS, bk_cases_cmd_close,
	  { { "case", F_ID, true, 0 }, { "feedback", F_TEXT, true, BK_TEXT_MAX } } },
	{ "note", OFFICERS, bk_cases_cmd_note,
	  { { "case", F_ID, true, 0 }, { "text", F_TEXT, true, BK_TEXT_MAX } } },
	{ "urgency", OFFICERS, bk_cases_cmd_urgency,
	  { { "case", F_ID, true, 0 }, { "urgency", F_TEXT, true, 20 }, { "reason", F_TEXT, false, BK_TEXT_MAX } } },
	{ "promise", OFFICERS, bk_promise_cmd, { { "case", F_ID, true, 0 }, { "next_contact_ms", F_INT, true, 0 } } },
	{ "join", OFFICERS, bk_cases_cmd_join, { { "case", F_ID, true, 0 } } },
	{ "leave", OFFICERS, bk_cases_cmd_leave, { { "case", F_ID, true, 0 } } },
	{ "escalate", OFFICERS, bk_cases_cmd_escalate,
	  { { "case", F_ID, true, 0 }, { "reason", F_TEXT, true, BK_TEXT_MAX }, { "level", F_INT, false, 3 } } },
	{ "link", OFFICERS, bk_cases_cmd_link, { { "case", F_ID, true, 0 }, { "with", F_ID, true, 0 } } },
	{ "due", OFFICERS, bk_alerts_cmd, { { NULL, F_NONE, false, 0 } } },
	{ "policy", OFFICERS, bk_policy_cmd,
	  { { "alarm_t1_s", F_INT, false, 0 }, { "alarm_t2_s", F_INT, false, 0 }, { "alarm_t3_s", F_INT, false, 0 },
	    { "sla_now_s", F_INT, false, 0 }, { "sla_today_s", F_INT, false, 0 },
	    { "sla_can_wait_s", F_INT, false, 0 }, { "remind_s", F_INT, false, 0 },
	    { "four_eyes_above", F_INT, false, 0 }, { "canary_s", F_INT, false, 0 },
	    { "canary_late_s", F_INT, false, 0 }, { "health_days", F_INT, false, 0 },
	    { "drill_days", F_INT, false, 0 } } },
	{ "monitor", OFFICERS, bk_monitor_cmd, { { "from_ms", F_INT, false, 0 }, { "until_ms", F_INT, false, 0 } } },
	{ "places", OFFICERS, bk_alarm_desk_cmd_places, { { "circle", F_ID, true, 0 }, { "limit", F_INT, false, 500 } } },
	/* ---- the desk: shift ---- */
	{ "duty", OFFICERS, bk_duty_cmd, { { "on", F_BOOL, true, 0 }, { "force", F_TEXT, false, BK_TEXT_MAX } } },
	{ "handover", OFFICERS, bk_handover_cmd, { { NULL, F_NONE, false, 0 } } },
	{ "handover-offer", OFFICERS, bk_handover_cmd_offer,
	  { { "to", F_ID, true, 0 }, { "text", F_TEXT, false, BK_TEXT_MAX }, { "risks", F_TEXTS, false, BK_HANDOVER_MAX } } },
	{ "handover-answer", OFFICERS, bk_handover_cmd_answer,
	  { { "handover", F_ID, true, 0 }, { "accept", F_INTS, false, BK_HANDOVER_MAX },
	    { "refuse", F_INTS, false, BK_HANDOVER_MAX }, { "reason", F_TEXT, false, BK_TEXT_MAX } } },
	{ "handover-take-back", OFFICERS, bk_handover_cmd_take_back, { { "handover", F_ID, true, 0 } } },
	{ "grant", OFFICERS, bk_keyring_cmd_grant,
	  { { "case", F_ID, true, 0 }, { "to", F_ID, true, 0 }, { "since_ms", F_INT, false, 0 },
	    { "until_ms", F_INT, false, 0 } } },
	{ "keyring-ask", OFFICERS, bk_keyring_cmd_ask,
	  { { "cases", F_IDS, false, BK_ASK_MAX }, { "since_ms", F_INT, false, 0 } } },
	{ "could-have-read", OFFICERS | ROLE(VAULT), bk_exposure_cmd, { { "device", F_ID, true, 0 } } },
	{ "colleagues", OFFICERS, bk_duty_cmd_colleagues, { { NULL, F_NONE, false, 0 } } },
	{ "shift-plan", OFFICERS, bk_shift_cmd, { { "least", F_INT, false, BK_SHIFT_MAX }, { "entries", F_LIST, false, BK_SHIFT_MAX } } },
	/* ---- the desk: guidance ---- */
	{ "guidance", OFFICERS, bk_guidance_cmd_send,
	  { { "to", F_TOS, false, BK_APPROVAL_MAX }, { "groups", F_IDS, false, 50 }, { "household", F_BOOL, false, 0 },
	    { "template", F_TEXT, false, 64 }, { "title", F_TEXT, false, BK_NAME_MAX },
	    { "text", F_TEXT, false, BK_TEXT_MAX }, { "valid_until_ms", F_INT, false, 0 },
	    { "acknowledge", F_BOOL, false, 0 }, { "drill", F_BOOL, false, 0 } } },
	{ "guidance-status", OFFICERS, bk_guidance_cmd_status, { { "message", F_ID, true, 0 } } },
	{ "guidance-list", PEOPLE | OFFICERS, bk_guidance_cmd_list, { { "limit", F_INT, false, 1000 } } },
	{ "guidance-recall", OFFICERS, bk_recall_cmd,
	  { { "message", F_ID, true, 0 }, { "reason", F_TEXT, true, BK_TEXT_MAX } } },
	{ "guidance-requests", OFFICERS, bk_approvals_cmd_list, { { NULL, F_NONE, false, 0 } } },
	{ "guidance-approve", OFFICERS, bk_approvals_cmd_approve, { { "request", F_ID, true, 0 } } },
	{ "guidance-refuse", OFFICERS, bk_approvals_cmd_refuse,
	  { { "request", F_ID, true, 0 }, { "reason", F_TEXT, true, BK_TEXT_MAX } } },
	{ "guidance-take-back", OFFICERS, bk_approvals_cmd_take_back, { { "request", F_ID, true, 0 } } },
	{ "groups", OFFICERS, bk_groups_cmd_list, { { NULL, F_NONE, false, 0 } } },
	{ "group-set", OFFICERS, bk_groups_cmd_set,
	  { { "group", F_ID, false, 0 }, { "name", F_TEXT, true, BK_NAME_MAX },
	    { "circles", F_IDS, true, BK_APPROVAL_MAX } } },
	{ "group-remove", OFFICERS, bk_groups_cmd_remove, { { "group", F_ID, true, 0 } } },
	{ "templates", OFFICERS, bk_guidance_cmd_templates, { { "kind", F_TEXT, false, 20 } } },
	{ NULL, 0, NULL, { { NULL, F_NONE, false, 0 } } },
};
