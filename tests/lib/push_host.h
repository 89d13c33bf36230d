/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A push host of our own on loopback: TLS with a certificate of a small CA, answers as told, and what it was asked
 * in full. It hangs when told to.
 *
 * Threads: its own one beside the caller's. Memory: bk_push_host_stop frees.
 */
#ifndef BK_PUSH_HOST_H
#define BK_PUSH_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bk_push_host;
struct bk_push_request {
	char line[1200]; /* "POST /path HTTP/1.1" */
	char head[6000]; /* header lines */
	size_t body;     /* bytes after the head */
	uint64_t at_ms;  /* monotonic */
};

/* Writes its CA to ca_file. Ends the program when it cannot. */
struct bk_push_host *bk_push_host_start(const char *ca_file);
void bk_push_host_stop(struct bk_push_host *h);
uint16_t bk_push_host_port(const struct bk_push_host *h);
/* The status and further header lines ("Retry-After: 1\r\n") of all answers from now on; 0: none comes. */
void bk_push_host_answer(struct bk_push_host *h, int status, const char *headers);
/* The next request, in order. False when none came in that time. */
bool bk_push_host_take(struct bk_push_host *h, uint64_t timeout_ms, struct bk_push_request *ret_request);
/* A header's value, "" when absent. Static. */
const char *bk_push_host_header(const struct bk_push_request *r, const char *name);

#endif
