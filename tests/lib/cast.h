/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A small realm with a running server, for flow and crash tests: a desk, a care team, a person with two devices,
 * (the tablet is a browser), a relative of that person, and a stranger of another desk. What goes wrong on the way ends the test.
 *
 * Threads: one. Memory: one struct; bk_cast_close stops the server by SIGTERM and fails unless it ends with 0 and
 * its log shows no finding of a sanitizer.
 */
#ifndef BK_CAST_H
#define BK_CAST_H

#include "talk.h"

struct bk_cast {
	struct bk_realm realm;
	uint32_t desk, care, person, relative, other_desk, stranger;                 /* circles */
	uint32_t vault, officer, lead, carer, phone, tablet, wife, foe, other_officer; /* devices */
	struct bk_sock *http; /* kept alive between requests */
};

/* A fresh folder; words as of bk_realm_start. */
void bk_cast_open(struct bk_cast *c, const char *name, const char *const *words);
/* The same without starting. */
void bk_cast_make(struct bk_cast *c, const char *name);
void bk_cast_close(struct bk_cast *c);
/* Not by us: the server must have ended. No look at its exit. */
void bk_cast_drop(struct bk_cast *c);
/* True when the log holds this text. */
bool bk_cast_log_has(const struct bk_cast *c, const char *text);

/* Logged in over TLS; fails otherwise. */
void bk_cast_login(struct bk_cast *c, struct bk_talk *t, uint32_t device);
/* Logged in and caught up. */
void bk_cast_ready(struct bk_cast *c, struct bk_talk *t, uint32_t device);
/* One counter of the metrics port, by its full name. */
uint64_t bk_cast_metric(const struct bk_cast *c, const char *name);
/* One number of `status`. */
int64_t bk_cast_status(const struct bk_cast *c, const char *name);
/* An id that differs for every n. */
bk_id bk_cast_id(unsigned n);
/* Submits from t and checks that it was stored. */
void bk_cast_send(struct bk_talk *t, uint32_t circle, unsigned n, Baken__Class class);
/* Any message; its answer. */
struct bk_cast_message {
	uint32_t circle;
	uint32_t devices[8];
	size_t n_devices;
	unsigned n;           /* number of message id and body */
	Baken__Class class;
	Baken__Regime regime;
	size_t content;       /* 0: 100 bytes */
	uint64_t version;     /* of the roster; 0: the newest */
	unsigned body;        /* another body under the same id */
	const bk_hash *file;
};
Baken__Frame *bk_cast_submit(struct bk_talk *t, const struct bk_cast_message *m);
/* The next delivery's first item, acked when ack. Fails when there is none. */
Baken__Delivery *bk_cast_take(struct bk_talk *t, bool ack);
/* No frame of that kind comes while the server answers a drill. */
bool bk_cast_silent(struct bk_talk *t, Baken__Frame__KindCase kind);

struct bk_cast_answer {
	int status;
	char head[4096];
	uint8_t *body; /* malloc'd */
	size_t len;
	bool closed;   /* the server hung up after it */
};
struct bk_cast_request {
	const char *method, *path;
	const char *headers; /* "Name: value\r\n" lines, or NULL */
	const void *body;
	size_t len;
	bool no_length;      /* content-length is left out */
	const uint8_t *token; /* 32 bytes: "Authorization: Bearer", or NULL */
};
/* On a kept connection (made when there is none). BK_E_NET when no answer came. */
int bk_cast_http(struct bk_cast *c, const struct bk_cast_request *q, struct bk_cast_answer *ret_answer);
/* Value of a header of the answer; "" when absent. Static. */
const char *bk_cast_header(const struct bk_cast_answer *a, const char *name);
void bk_cast_hang_up(struct bk_cast *c);

#endif
