/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hook.h"

#include <limits.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "err.h"

#define WORD 48

struct place {
	struct bk_hooks *hooks;
	uv_process_t process;
	uv_timer_t timer;
	unsigned open; /* handles */
	bool taken, killed;
	struct bk_hook_facts facts;
	bk_hook_done done;
	void *arg;
};
struct bk_hooks {
	uv_loop_t *loop;
	const char *path;
	uint64_t ms;
	bool stopping;
	struct place places[BK_HOOKS_MAX];
};

/* ---- may it be run? ---- */

static int check_owner(const struct stat *st, uid_t uid)
{
	if (st->st_uid != 0 && st->st_uid != uid)
		return BK_E_STATE;
	return st->st_mode & (S_IWGRP | S_IWOTH) ? BK_E_STATE : 0;
}

int bk_hook_check(const char *path, uid_t uid)
{
	char folder[4096];
	const char *slash = strrchr(path, '/');
	struct stat st;
	int err;

	if (*path != '/' || (size_t)(slash - path) >= sizeof folder)
		return BK_E_INVAL;
	if (lstat(path, &st) != 0) /* a link's target can be changed by whoever owns the link's folder */
		return BK_E_NOT_FOUND;
	if (!S_ISREG(st.st_mode) || !(st.st_mode & (S_IXUSR | S_IXGRP | S_IXOTH)))
		return BK_E_STATE;
	err = check_owner(&st, uid);
	snprintf(folder, sizeof folder, "%.*s", slash == path ? 1 : (int)(slash - path), path);
	if (!err && stat(folder, &st) != 0)
		err = BK_E_NOT_FOUND;
	return err ? err : check_owner(&st, uid);
}

/* ---- running ---- */

static void on_closed(uv_handle_t *handle)
{
	struct place *p = handle->data;

	if (--p->open == 0)
		p->taken = false;
}

static void end_group(struct place *p)
{
	(void)kill(-p->process.pid, SIGKILL); /* its children too */
}

static void on_exit_of(uv_process_t *process, int64_t status, int signal_number)
{
	struct place *p = process->data;

	end_group(p); /* what it left behind in its group */
	uv_timer_stop(&p->timer);
	uv_close((uv_handle_t *)&p->timer, on_closed);
	uv_close((uv_handle_t *)process, on_closed);
	if (!p->hooks->stopping)
		p->done(p->arg, &p->facts, signal_number ? -signal_number : (int)status, p->killed);
}

static void on_time(uv_timer_t *timer)
{
	struct place *p = timer->data;

	p->killed = true;
	end_group(p);
}

static struct place *place_of(struct bk_hooks *h)
{
	for (size_t i = 0; i < BK_HOOKS_MAX; i++)
		if (!h->places[i].taken)
			return &h->places[i];
	return NULL;
}

static int spawn(struct bk_hooks *h, struct place *p)
{
	char event[WORD], path[] = "PATH=/usr/local/bin:/usr/bin:/bin";
	char level[WORD], stored[WORD], stored_ms[WORD], alarm[WORD], drill[WORD], late[WORD], stamp[32] = "";
	char *env[] = {event, path, level, stored, stored_ms, alarm, drill, late, NULL};
	char *args[] = {(char *)(uintptr_t)h->path, NULL};
	uv_stdio_container_t io[3] = {{.flags = UV_IGNORE}, {.flags = UV_IGNORE}, {.flags = UV_IGNORE}};
	uv_process_options_t o = {.exit_cb = on_exit_of, .file = h->path, .args = args, .env = env, .cwd = "/",
		.flags = UV_PROCESS_DETACHED, .stdio_count = 3, .stdio = io};
	time_t seconds = (time_t)(p->facts.stored_ms / 1000);
	struct tm tm;

	if (gmtime_r(&seconds, &tm))
		strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%SZ", &tm);
	snprintf(event, sizeof event, "BAKEN_EVENT=%s", p->facts.event ? p->facts.event : "alarm-unopened");
	snprintf(level, sizeof level, "BAKEN_LEVEL=%u", p->facts.level);
	snprintf(stored, sizeof stored, "BAKEN_STORED=%s", stamp);
	snprintf(stored_ms, sizeof stored_ms, "BAKEN_STORED_MS=%llu", (unsigned long long)p->facts.stored_ms);
	snprintf(alarm, sizeof alarm, "BAKEN_ALARM=%s", p->facts.shown);
	snprintf(drill, sizeof drill, "BAKEN_DRILL=%d", p->facts.drill);
	snprintf(late, sizeof late, "BAKEN_LATE_MS=%llu", (unsigned long long)p->facts.late_ms);
	return uv_spawn(h->loop, &p->process, &o);
}

int bk_hooks_run(struct bk_hooks *h, const struct bk_hook_facts *facts, bk_hook_done done, void *arg)
{
	struct place *p = place_of(h);

	if (h->stopping || !p)
		return BK_E_BUSY;
	*p = (struct place){.hooks = h, .taken = true, .open = 2, .facts = *facts, .done = done, .arg = arg};
	uv_timer_init(h->loop, &p->timer);
	p->timer.data = p->process.data = p;
	if (spawn(h, p) != 0) { /* libuv wants the handle closed all the same */
		uv_close((uv_handle_t *)&p->timer, on_closed);
		uv_close((uv_handle_t *)&p->process, on_closed);
		return BK_E_IO;
	}
	uv_timer_start(&p->timer, on_time, h->ms, 0);
	return 0;
}

int bk_hooks_start(uv_loop_t *loop, const char *path, uint64_t seconds, struct bk_hooks **ret_hooks)
{
	struct bk_hooks *h;

	/* What whoever started us left open is not the hook's either; what we open closes by itself. */
	if (close_range(3, UINT_MAX, CLOSE_RANGE_CLOEXEC) != 0)
		return BK_E_IO;
	h = calloc(1, sizeof *h);
	if (!h)
		return BK_E_NOMEM;
	h->loop = loop;
	h->path = path;
	h->ms = seconds * 1000;
	*ret_hooks = h;
	return 0;
}

void bk_hooks_stop(struct bk_hooks *h)
{
	h->stopping = true;
	for (size_t i = 0; i < BK_HOOKS_MAX; i++)
		if (h->places[i].taken && !uv_is_closing((uv_handle_t *)&h->places[i].process))
			end_group(&h->places[i]);
}

void bk_hooks_free(struct bk_hooks *h)
{
	free(h);
}
