/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Counters of this process, and their Prometheus text. Names are in docs/operations.md.
 *
 * Threads: loop.
 */
#ifndef BK_STATS_H
#define BK_STATS_H

#include <stddef.h>
#include <stdint.h>

/* X(field, help) : every one is a counter but sockets and online, which are gauges. */
#define BK_STATS_COUNTERS(X)                                             \
	X(accepts, "sockets accepted")                                   \
	X(accepts_refused, "sockets refused by number or rate")          \
	X(frames_in, "frames received")                                  \
	X(frames_out, "frames sent")                                     \
	X(frames_bad, "frames malformed or not allowed")                 \
	X(logins, "logins with a signature")                             \
	X(resumes, "logins with a ticket")                               \
	X(logins_refused, "logins refused")                              \
	X(enrolments, "enrolment requests")                              \
	X(submits, "messages stored")                                    \
	X(submits_refused, "messages refused")                           \
	X(duplicates, "messages stored before")                          \
	X(deliveries, "deliveries sent")                                 \
	X(redeliveries, "of these again")                                \
	X(acks, "deliveries acknowledged")                               \
	X(nacks, "deliveries refused by the device")                     \
	X(dead_letters, "messages refused five times")                   \
	X(alarms, "alarms stored")                                       \
	X(alarm_drills, "drills of alarms stored")                       \
	X(alarms_over_rate, "alarms carried as urgent messages for their rate") \
	X(alarms_unwatched, "alarms stored without a ladder: too many wait") \
	X(alarms_answered, "alarms acknowledged by an officer's device of their desk") \
	X(alarms_unseen, "alarms not acknowledged after t1")             \
	X(alarms_fallback, "of these not after t2 either")               \
	X(wakes, "devices woken")                                        \
	X(hooks, "runs of the operator's program")                       \
	X(hooks_failed, "of these ended badly or were ended")            \
	X(timers_armed, "timers started or moved on")                    \
	X(timers_fired, "timers that were not confirmed")                \
	X(rate_refused, "requests refused by rate")                      \
	X(quota_refused, "messages refused because a queue is full")     \
	X(displaced, "connections displaced by a newer one")             \
	X(silent, "connections ended because they were silent")          \
	X(slow, "connections cut because they did not read")             \
	X(revoked, "devices cut off")                                    \
	X(commit_errors, "commits that failed")                          \
	X(pushes, "wakes that a push host took")                         \
	X(pushes_retried, "wakes tried again")                           \
	X(pushes_gone, "endpoints that were no more")                    \
	X(pushes_refused, "wakes that a push host refused")              \
	X(pushes_dropped, "wakes given up")                              \
	X(http_requests, "HTTP requests")                                \
	X(http_errors, "HTTP requests refused")                          \
	X(file_bytes_in, "bytes of files received")                      \
	X(path_reports, "canaries that vaults told of")                  \
	X(paths_late, "times the path to a desk became late or silent")  \
	X(file_bytes_out, "bytes of files sent")

struct bk_stats {
#define X(field, help) uint64_t field;
	BK_STATS_COUNTERS(X)
#undef X
	uint64_t sockets, online;
};

struct bk_server;
/* Prometheus text format 0.0.4, malloc'd; NULL without memory. */
char *bk_stats_text(struct bk_server *s);

/* metrics.c: the same text over HTTP/1.0 on a loopback port. BK_E_NET. */
struct bk_metrics;
int bk_metrics_start(struct bk_server *s, const char *endpoint, struct bk_metrics **ret_metrics);
void bk_metrics_stop(struct bk_metrics *m);

#endif
