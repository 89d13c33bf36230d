/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Options of bakend: one table (name, type, default, bounds, text) for file, environment and command line.
 * Order: default, then the file, then BAKEND_<NAME>, then --name=value; the last one wins. An unknown name, a
 * malformed value or an unsafe combination stops the start (fail closed) and names file and line.
 *
 * Threads: main, before any other. Memory: a plain struct.
 */
#ifndef BK_OPTIONS_H
#define BK_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define BK_OPTION_TEXT 512

struct bk_options {
	char dir[BK_OPTION_TEXT];
	char listen[BK_OPTION_TEXT];      /* host:port, TLS */
	char plain[BK_OPTION_TEXT];       /* host:port without TLS, loopback only */
	char metrics[BK_OPTION_TEXT];     /* host:port, loopback only: Prometheus text */
	char tls_cert[BK_OPTION_TEXT];
	char tls_key[BK_OPTION_TEXT];
	char server_cert[BK_OPTION_TEXT];
	char root_key[BK_OPTION_TEXT];
	char receipt_key[BK_OPTION_TEXT];
	char seal_key[BK_OPTION_TEXT];
	char user[BK_OPTION_TEXT];        /* become this user once the sockets are open */
	uint64_t connections;             /* open at once, all together */
	uint64_t connections_address;     /* from one address */
	uint64_t accepts_address;         /* new connections a second from one address */
	uint64_t logins_address;          /* login attempts a minute from one address */
	uint64_t messages_device;         /* submits a second; 0: no limit */
	uint64_t claims_device;           /* prekey claims a minute by one device */
	uint64_t queue_max;               /* deliveries waiting for one device */
	uint64_t map_gib;                 /* address space of the store */
	uint64_t session_days;
	uint64_t files_gib;               /* all uploads together */
	uint64_t production;              /* 1: start only with two custodians of everything */
	uint64_t alarms_device;           /* alarms a minute of one device; more are carried as urgent messages */
	uint64_t path_silent; /* seconds; 0: not watched */
	uint64_t alarm_t1, alarm_t2, alarm_t3; /* seconds after which an alarm that its desk has not opened goes on */
	char alarm_hook[BK_OPTION_TEXT];  /* the operator's program, run after t3 */
	uint64_t alarm_hook_seconds;      /* it is ended after so long */
	uint64_t alarm_hook_drills;       /* 1: for drills too */
	char push_hosts[BK_OPTION_TEXT];  /* host or host:port, with commas: where devices may be woken; none: off */
	char push_key[BK_OPTION_TEXT];
	char push_contact[BK_OPTION_TEXT]; /* mailto: or https: */
	char push_ca[BK_OPTION_TEXT];
	uint64_t push_near;               /* 1: push hosts may be on this machine */
	bool check;                       /* -n: look at the options and end */
};

/* 0; BK_E_USAGE after a sentence on stderr; 1 when the program should end well (help, version). */
int bk_options_read(int argc, char **argv, struct bk_options *ret_options);
/* "host:port", "[v6]:port". BK_E_INVAL. host holds 256 bytes. */
int bk_options_endpoint(const char *text, char *ret_host, uint16_t *ret_port);
/* Every name with default, bounds and text, for the manual and its test. */
void bk_options_list(FILE *out);

#endif
