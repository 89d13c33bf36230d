/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The story: a whole small realm of real processes (bakend, bakenctl, baken), played step by step. The demo
 * prints it for a person; the flow tests play the same steps and check them. Each step returns 0 or the number
 * of the first thing that was not as it must be, with the reason in story.why.
 *
 * Threads: one. Memory: one struct, static strings inside.
 */
#ifndef BK_STORY_H
#define BK_STORY_H

#include "rpc.h"

enum bk_story_actor { BK_VAULT, BK_OFFICER1, BK_OFFICER2, BK_PERSON, BK_RELATIVE, BK_CARE, BK_ACTORS };

struct bk_story_who {
	const char *key, *name, *role; /* folder, shown name, role word of bakenctl */
	char dir[512], device[40], circle[40];
	struct bk_rpc rpc;
	bool live;
};

struct bk_story {
	const char *bin_server, *bin_ctl, *bin_client;
	bool talk;          /* print each step as a person would read it */
	char dir[400], log[512], pass[512], ca[512], conf[512], root[512], security[512], care_key[512];
	char photo[512], voice[512];
	char desk[40], care[40];
	uint16_t port;
	struct bk_proc server;
	struct bk_story_who who[BK_ACTORS];
	char report[40];    /* message id of the report = case id */
	char guidance[2][40];
	char why[600];
	uint64_t started_ms;
};

/* bin_dir: where the three programs are. Makes the folder, the passphrase and the evidence. */
int bk_story_init(struct bk_story *s, const char *bin_dir, bool talk);
void bk_story_done(struct bk_story *s);

int bk_story_server_start(struct bk_story *s);
int bk_story_server_stop(struct bk_story *s);  /* SIGTERM, must exit 0 */
void bk_story_server_kill(struct bk_story *s); /* SIGKILL */
int bk_story_client_start(struct bk_story *s, enum bk_story_actor who);
int bk_story_client_stop(struct bk_story *s, enum bk_story_actor who);

/* The eight steps, in order. */
int bk_story_realm(struct bk_story *s);
int bk_story_report_offline(struct bk_story *s);
int bk_story_report_arrives(struct bk_story *s);
int bk_story_server_dies(struct bk_story *s);
int bk_story_guidance(struct bk_story *s);
int bk_story_care(struct bk_story *s);
int bk_story_revocation(struct bk_story *s);
int bk_story_operator(struct bk_story *s);

/* The care provider's key in hand-made frames: 0 when the server refuses its messages to the desk. */
int bk_story_bypass(struct bk_story *s);

/* Runs bakenctl with words (NULL-terminated); standard output in *ret_out when given. Exit code or BK_E_*. */
int bk_story_ctl(struct bk_story *s, char **ret_out, ...);
/* Says a line of the story, with the time since the start. */
void bk_story_say(struct bk_story *s, const char *format, ...) __attribute__((format(printf, 2, 3)));
int bk_story_fail(struct bk_story *s, int err, const char *format, ...) __attribute__((format(printf, 3, 4)));

#endif
