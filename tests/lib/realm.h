/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A whole server without people: root, registrars, receipt and seal key, TLS certificate, bakend.conf, and
 * circles with up to 10,240 certified devices whose keys follow from a seed; rosters lie in the store before the
 * server starts. For tests and benches that need a real server and many devices, not an enrolment.
 *
 * Order: init, circles and devices, make, then start. A dumped realm can be loaded by another program, which can
 * then log in as any of its devices; only the maker has registrars and can sign further rosters.
 *
 * Threads: one. Memory: bk_realm_done stops the server and frees; the folder stays. Calls without a result end
 * the program when they fail.
 */
#ifndef BK_REALM_H
#define BK_REALM_H

#include "proc.h"
#include "roster.h"
#include "wire.h"

#define BK_REALM_NONE UINT32_MAX

struct bk_realm_device {
	bk_id device, account;
	uint8_t identity[BK_KEY_BYTES], secret[BK_KEY_BYTES];
	uint32_t circle, next; /* indices; next device of the circle */
	uint32_t registration;
	Baken__Role role;
	Baken__DeviceStatus status;
	bool browser;
};
struct bk_realm_circle {
	bk_id circle;
	Baken__CircleKind kind;
	uint64_t version; /* of the newest roster */
	bk_hash hash;
	uint32_t desk, care;      /* indices, or BK_REALM_NONE */
	uint32_t household;       /* another person's circle, or BK_REALM_NONE */
	uint32_t fallback;        /* of a desk: another desk, or BK_REALM_NONE */
	uint32_t first, last;     /* devices */
	size_t n_devices;
};
struct bk_realm_blob {
	uint8_t *data;
	size_t len;
};

struct bk_realm {
	char dir[512], conf[540], ca[540], log[540], dump[540], control[540];
	uint64_t seed;
	bk_ms now;        /* real time at init: certificates run from a day before to a year after */
	bk_ms expires_ms, hard_expires_ms; /* of rosters, after now; may be changed before make */
	uint8_t root_key[BK_KEY_BYTES], root_secret[BK_ED25519_SECRET_BYTES];
	uint8_t receipt_key[BK_KEY_BYTES];
	uint8_t registrars[2][BK_ED25519_SECRET_BYTES]; /* security, care */
	struct bk_realm_blob registrar_certs[2];
	bk_hash spki;
	uint16_t port, plain, metrics; /* TLS, without, Prometheus: loopback */
	struct bk_realm_circle *circles;
	struct bk_realm_device *devices;
	uint32_t n_circles, n_devices, circles_room, devices_room;
	struct bk_proc server;
};

/* dir is made, and must not exist. Ports are free ones; set others before make. */
void bk_realm_init(struct bk_realm *r, const char *dir, uint64_t seed);
void bk_realm_done(struct bk_realm *r);

uint32_t bk_realm_circle(struct bk_realm *r, Baken__CircleKind kind, uint32_t desk, uint32_t care);
uint32_t bk_realm_device(struct bk_realm *r, uint32_t circle, Baken__Role role);
/* Writes folder and store. */
void bk_realm_make(struct bk_realm *r);
/* The next version of a circle's roster as its devices now stand, serialised `Signed`; malloc'd. */
struct bk_realm_blob bk_realm_roster(struct bk_realm *r, uint32_t circle);
/* The same put over the control socket of the running server. Its answer's error, or 0. */
int bk_realm_put(struct bk_realm *r, uint32_t circle);
/* Asks the control socket one line; the answer's line, malloc'd, NULL when nobody answers. */
char *bk_realm_control(const struct bk_realm *r, const char *line);

/* All circles and devices with their keys into r->dump, and back. BK_E_IO, BK_E_VERSION. */
int bk_realm_save(const struct bk_realm *r);
int bk_realm_load(struct bk_realm *r, const char *dump);

/* Starts bakend with further words ("--queue-max=100"; NULL-terminated, or NULL) and waits until it accepts. */
int bk_realm_start(struct bk_realm *r, const char *const *words);
/* SIGTERM; its exit code, or BK_E_TIMEOUT. */
int bk_realm_stop(struct bk_realm *r);
void bk_realm_kill(struct bk_realm *r); /* SIGKILL */

/* For bk_wire. */
void bk_realm_line(const struct bk_realm *r, uint32_t device, struct bk_wire_line *ret_line);
struct bk_wire_target bk_realm_target(const struct bk_realm *r, uint32_t circle);

#endif
