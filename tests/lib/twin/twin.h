/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Client cores and the real server in one process, without sockets: the server's own sessions, handlers, files,
 * writer and store (in a private folder), the cores on kv_mem and blobs_mem, a clock wound by hand. Only the
 * server's net.c, clock.c and control.c are replaced; what leaves one end is handed to the other, frame by frame.
 *
 * Nothing happens by itself: bk_twin_settle carries out everything that is due now, bk_twin_pass lets time go by.
 * A step that must work in any test ends the program when it does not.
 *
 * Threads: one, beside the server's writer. Memory: one twin at a time; devices belong to it.
 */
#ifndef BK_TWIN_H
#define BK_TWIN_H

#include <jansson.h>

#include "core.h"
#include "login.h"
#include "roster.h"
#include "sample.h"
#include "server.h"

#define BK_TWIN_DEVICES 24u
#define BK_TWIN_PASS_STEPS 20000u
#define BK_TWIN_PIN "246810" /* of every device, and its second one */
#define BK_TWIN_SECOND_PIN "135791"

#define BK_TWIN_SPARES 12u
enum bk_twin_circle_name {
	BK_TWIN_DESK,
	BK_TWIN_CARE,
	BK_TWIN_PERSON,
	BK_TWIN_RELATIVE,
	BK_TWIN_BACKUP, /* a second desk: the first one's fall-back when `backed` */
	BK_TWIN_SPARE,  /* and those after it: people who are there only once they are signed (bk_twin_sign) */
	BK_TWIN_CIRCLES = BK_TWIN_SPARE + BK_TWIN_SPARES
};

struct bk_twin;
struct bk_question;
struct bk_wire { /* the server's end of a connection */
	struct bk_twin_device *device;
	struct bk_conn *conn;
	struct bk_twin_piece *head, **tail; /* to the device */
	bool closing;
};

struct bk_twin_device {
	struct bk_twin *twin;
	const char *name;
	Baken__Role role;
	unsigned circle;
	unsigned invite;
	bk_id id; /* once approved */
	struct bk_kv *kv;
	struct bk_blobs *blobs;
	struct bk_core *core;
	struct bk_wire *wire;
	struct bk_twin_piece *out, **out_tail; /* to the server */
	bool cut;           /* no network */
	bool canaries;      /* a vault's core sends them; off, or time that goes by would be full of them */
	bool unlocked;      /* its next opening is a person's, by PIN */
	bool duress;        /* its core opens with the second PIN */
	int err;            /* of the last input; "fatal" */
	json_t *events;     /* not yet taken */
	json_int_t next_id;
	void (*around)(bool begin); /* called before and after each frame is given to the core */
	unsigned turns;     /* inputs so far */
	unsigned die_at;    /* reboot after this input; 0: never */
	unsigned deaths;
};

struct bk_twin_circle {
	bk_id id;
	Baken__CircleKind kind;
	uint64_t version;
	bk_hash hash;
	bk_id household[2];
	size_t n_household;
	struct {
		struct bk_sample_blob cert;
		bk_id device;
		Baken__DeviceStatus status;
		bk_ms since_ms;
	} devices[BK_TWIN_DEVICES];
	size_t n;
};

/* Sits on the line: looks at a frame, loses it, or changes it (what it takes out, it frees or puts back). */
enum bk_twin_verdict { BK_TWIN_PASS, BK_TWIN_LOSE, BK_TWIN_CHANGED };
typedef enum bk_twin_verdict (*bk_twin_tap)(void *arg, struct bk_twin_device *d, bool to_server, Baken__Frame *f);

struct bk_twin {
	struct bk_server server;
	uv_loop_t loop;
	char dir[BK_OPTION_TEXT];
	bool down; /* the server is stopped */
	bool backed; /* the desk's next list names the second desk as its fall-back */
	struct bk_twin_circle circles[BK_TWIN_CIRCLES];
	struct bk_twin_device devices[BK_TWIN_DEVICES];
	size_t n_devices;
	unsigned invites;
	unsigned account; /* the next invitation is for the account of this one; 0: a new one */
	bk_twin_tap tap;
	void *tap_arg;
	uint32_t queue_max; /* of the next start; 0: the store's own */
};

/* ---- realm (twin_realm.c): folder, server, empty circles ---- */

void bk_twin_open(struct bk_twin *t, const char *name);
void bk_twin_close(struct bk_twin *t);
/* An invitation, the request, approval, verification and drill: the whole enrolment. */
struct bk_twin_device *bk_twin_enrol(struct bk_twin *t, const char *name, Baken__Role role, unsigned circle);
/* The same in steps: a device with a code in hand; what the registrar does with a request that came in. */
struct bk_twin_device *bk_twin_invite(struct bk_twin *t, const char *name, Baken__Role role, unsigned circle,
	char code[static BK_INVITE_TEXT_MAX]);
int bk_twin_approve(struct bk_twin_device *d, bool yes);
/* vault, two officers on duty, a carer, a person, a relative. */
struct bk_twin_cast {
	struct bk_twin_device *vault, *officer, *second, *carer, *person, *relative;
};
void bk_twin_cast(struct bk_twin *t, const char *name, struct bk_twin_cast *ret_cast);
/* A new version of a circle's list, as it now stands. */
int bk_twin_sign(struct bk_twin *t, unsigned circle);
void bk_twin_revoke(struct bk_twin_device *d);
struct bk_sample_blob bk_twin_roster(struct bk_twin *t, unsigned circle); /* signs without putting; moves version on */

/* ---- time and motion (twin_net.c) ---- */

bk_ms bk_twin_now(void);
void bk_twin_wind(bk_ms now); /* sets the clock; nothing happens by it */
void bk_twin_settle(struct bk_twin *t);
void bk_twin_pass(struct bk_twin *t, uint64_t ms);
void bk_twin_stop(struct bk_twin *t);  /* the server, as by SIGKILL */
void bk_twin_start(struct bk_twin *t);
/* The control socket's verb; the reply's reference is the caller's. */
int bk_twin_control(struct bk_twin *t, void (*verb)(struct bk_question *q), json_t *args, json_t **ret_reply);

/* ---- devices (twin_device.c) ---- */

void bk_twin_device_open(struct bk_twin_device *d); /* a core on what its kv holds */
void bk_twin_reboot(struct bk_twin_device *d);      /* as after SIGKILL */
void bk_twin_cut(struct bk_twin_device *d, bool cut);
void bk_twin_device_close(struct bk_twin_device *d);
void bk_twin_turn(struct bk_twin_device *d, int err); /* after each input */
/* Takes the reference. 0 and the "ok" object, else the named error. */
int bk_twin_call(struct bk_twin_device *d, json_t *command, json_t **ret_reply);
/* The same for a command that must work; the reply's "message" (or zero). Then everything settles. */
bk_id bk_twin_do(struct bk_twin_device *d, json_t *command);
/* Takes the first kept event with this name and key = text; NULL. */
json_t *bk_twin_take(struct bk_twin_device *d, const char *name, const char *key, const char *text);
size_t bk_twin_count(const struct bk_twin_device *d, const char *name, const char *key, const char *text);
void bk_twin_forget(struct bk_twin_device *d); /* all kept events */
/* Deletes every row under a prefix behind the core's back, and opens it anew. */
void bk_twin_erase(struct bk_twin_device *d, const char *prefix);
void bk_twin_dump(const struct bk_twin_device *d);  /* for a test that fails: what is kept, on stderr */
/* A file of `size` bytes that differ by n; its attachment id. */
bk_id bk_twin_attach(struct bk_twin_device *d, const char *name, size_t size, unsigned n);
/* Reads a fetched file back; its SHA-256. */
int bk_twin_saved(struct bk_twin_device *d, bk_id message, unsigned index, bk_hash *ret_hash);
json_t *bk_twin_item(struct bk_twin_device *d, bk_id message); /* "show"; NULL */
size_t bk_twin_kept(struct bk_twin_device *d, bk_id message); /* how often "messages" names it; a vault: has its key */
bk_ms bk_twin_rung(struct bk_twin_device *d, bk_id message, const char *rung); /* 0: not yet */

#endif
