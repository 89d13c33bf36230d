/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "options.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "err.h"
#include "push_url.h"

#define LINE_MAX_BYTES 2048
#define WHERE_BYTES 600

enum type { TEXT, NUMBER };
struct row {
	const char *name;
	enum type type;
	size_t offset;
	const char *fallback;
	uint64_t min, max;
	const char *help;
};

#define T(name, field, fallback, help) {name, TEXT, offsetof(struct bk_options, field), fallback, 0, 0, help}
#define N(name, field, fallback, min, max, help) \
	{name, NUMBER, offsetof(struct bk_options, field), fallback, min, max, help}
static const struct row rows[] = {
	T("dir", dir, "/var/lib/baken", "folder of store, files and control socket"),
	T("listen", listen, "0.0.0.0:8443", "host:port for TLS"),
	T("plain", plain, "", "host:port without TLS, loopback only: behind a TLS proxy"),
	T("metrics", metrics, "", "host:port for Prometheus, loopback only"),
	T("tls-cert", tls_cert, "", "certificate chain, PEM"),
	T("tls-key", tls_key, "", "its private key, PEM"),
	T("server-cert", server_cert, "", "certificate by the root: receipt key and TLS keys"),
	T("root-key", root_key, "", "public root key, 64 hexadecimal digits"),
	T("receipt-key", receipt_key, "", "secret key that signs receipts"),
	T("seal-key", seal_key, "", "key that seals values in the store"),
	T("user", user, "", "user to become once the sockets are open"),
	N("connections", connections, "18000", 1, 1000000, "open at once"),
	N("connections-address", connections_address, "256", 1, 1000000, "open at once from one address"),
	N("accepts-address", accepts_address, "100", 1, 1000000, "new a second from one address"),
	N("logins-address", logins_address, "600", 1, 100000000, "login attempts a minute from one address"),
	N("messages-device", messages_device, "50", 0, 1000000, "messages a second of one device, 0 no limit"),
	N("claims-device", claims_device, "120", 1, 1000000, "prekey claims a minute of one device"),
	N("queue-max", queue_max, "20000", 100, 10000000, "messages waiting for one device"),
	N("map-gib", map_gib, "64", 1, 16384, "address space of the store"),
	N("session-days", session_days, "30", 1, 365, "life of a resume ticket"),
	N("alarms-device", alarms_device, "6", 1, 10000, "alarms a minute of one device, more are only urgent"),
	N("alarm-t1", alarm_t1, "30", 1, 86400, "seconds until an unopened alarm wakes its whole desk"),
	N("alarm-t2", alarm_t2, "90", 1, 86400, "seconds until it wakes the fall-back desk"),
	N("alarm-t3", alarm_t3, "180", 1, 86400, "seconds until it runs the alarm-hook"),
	T("alarm-hook", alarm_hook, "", "program that is run then, absolute path"),
	N("alarm-hook-seconds", alarm_hook_seconds, "30", 1, 600, "after so long it is ended"),
	N("alarm-hook-drills", alarm_hook_drills, "0", 0, 1, "1: drills run it too"),
	T("push-hosts", push_hosts, "", "push hosts that devices may be woken through: host or host:port, with commas"),
	T("push-key", push_key, "", "key that names this server to push hosts, PEM: bakenctl push key"),
	T("push-contact", push_contact, "", "mailto: or https: address of the operator, for push hosts"),
	T("push-ca", push_ca, "", "certificates that push hosts are checked by, PEM; the system's when empty"),
	N("push-near", push_near, "0", 0, 1, "1: a push host may be on this machine, for tests"),
	N("path-silent", path_silent, "900", 0, 604800, "seconds without a vault's canary until it is an alarm, 0 never"),
	N("production", production, "0", 0, 1, "1: start only when two registrars and two vaults stand behind everything"),
	N("files-gib", files_gib, "100", 1, 1000000, "room for all attachments together"),
};
#define ROWS (sizeof rows / sizeof *rows)

static const struct row *find(const char *name, size_t len)
{
	for (size_t i = 0; i < ROWS; i++)
		if (strlen(rows[i].name) == len && strncmp(rows[i].name, name, len) == 0)
			return &rows[i];
	return NULL;
}

static int set(struct bk_options *o, const struct row *r, const char *value, const char *where)
{
	char *end = NULL;
	unsigned long long v;

	if (r->type == TEXT) {
		if (strlen(value) >= BK_OPTION_TEXT) {
			fprintf(stderr, "bakend: %s: %s is longer than %d bytes\n", where, r->name, BK_OPTION_TEXT - 1);
			return BK_E_USAGE;
		}
		strcpy((char *)o + r->offset, value);
		return 0;
	}
	errno = 0;
	v = strtoull(value, &end, 10);
	if (!isdigit((unsigned char)*value) || *end || errno || v < r->min || v > r->max) {
		fprintf(stderr, "bakend: %s: %s must be a number from %llu to %llu\n", where, r->name,
			(unsigned long long)r->min, (unsigned long long)r->max);
		return BK_E_USAGE;
	}
	memcpy((char *)o + r->offset, &(uint64_t){v}, sizeof(uint64_t));
	return 0;
}

static char *trim(char *s)
{
	char *end;

	while (isspace((unsigned char)*s))
		s++;
	end = s + strlen(s);
	while (end > s && isspace((unsigned char)end[-1]))
		*--end = '\0';
	return s;
}

static int file_line(struct bk_options *o, char *line, const char *where)
{
	char *eq, *name = trim(line);
	const struct row *r;

	if (!*name || *name == '#')
		return 0;
	eq = strchr(name, '=');
	if (!eq) {
		fprintf(stderr, "bakend: %s: expected \"name = value\"\n", where);
		return BK_E_USAGE;
	}
	*eq = '\0';
	name = trim(name);
	r = find(name, strlen(name));
	if (!r) {
		fprintf(stderr, "bakend: %s: unknown option \"%s\"\n", where, name);
		return BK_E_USAGE;
	}
	return set(o, r, trim(eq + 1), where);
}

static int from_file(struct bk_options *o, const char *path)
{
	char line[LINE_MAX_BYTES], where[WHERE_BYTES];
	unsigned number = 0;
	FILE *f = fopen(path, "re");
	int err = 0;

	if (!f) {
		fprintf(stderr, "bakend: %s: %s\n", path, strerror(errno));
		return BK_E_USAGE;
	}
	while (!err && fgets(line, sizeof line, f)) {
		snprintf(where, sizeof where, "%s:%u", path, ++number);
		if (!strchr(line, '\n') && !feof(f)) {
			fprintf(stderr, "bakend: %s: line too long, or with a NUL in it\n", where);
			err = BK_E_USAGE;
		} else {
			err = file_line(o, line, where);
		}
	}
	if (ferror(f)) {
		fprintf(stderr, "bakend: %s: %s\n", path, strerror(errno));
		err = BK_E_USAGE;
	}
	fclose(f);
	return err;
}

/* BAKEND_QUEUE_MAX=... */
static int from_environment(struct bk_options *o)
{
	char name[64];
	int err = 0;

	for (size_t i = 0; !err && i < ROWS; i++) {
		const char *v;
		size_t n = (size_t)snprintf(name, sizeof name, "BAKEND_%s", rows[i].name);

		for (size_t k = 0; k < n; k++)
			name[k] = name[k] == '-' ? '_' : (char)toupper((unsigned char)name[k]);
		v = getenv(name);
		if (v)
			err = set(o, &rows[i], v, name);
	}
	return err;
}

static int from_words(struct bk_options *o, int argc, char **argv)
{
	int err = 0;

	for (int i = 1; !err && i < argc; i++) {
		const char *w = argv[i], *eq = strchr(w, '=');
		const struct row *r;

		if (strcmp(w, "-c") == 0) {
			i++; /* read before */
		} else if (strcmp(w, "-n") == 0) {
			o->check = true;
		} else if (strncmp(w, "--", 2) == 0 && eq && (r = find(w + 2, (size_t)(eq - w - 2)))) {
			err = set(o, r, eq + 1, "command line");
		} else {
			fprintf(stderr, "bakend: unknown word \"%s\"; see bakend --help\n", w);
			err = BK_E_USAGE;
		}
	}
	return err;
}

int bk_options_endpoint(const char *text, char *ret_host, uint16_t *ret_port)
{
	const char *colon = strrchr(text, ':'), *host = text;
	size_t len;
	char *end;
	unsigned long port;

	if (!colon || !isdigit((unsigned char)colon[1]))
		return BK_E_INVAL;
	len = (size_t)(colon - text);
	if (*text == '[') {
		if (len < 2 || text[len - 1] != ']')
			return BK_E_INVAL;
		host = text + 1;
		len -= 2;
	} else if (memchr(text, ':', len)) {
		return BK_E_INVAL; /* an IPv6 address without its brackets */
	}
	port = strtoul(colon + 1, &end, 10);
	if (*end || port > 65535 || len == 0 || len > 255)
		return BK_E_INVAL;
	memcpy(ret_host, host, len);
	ret_host[len] = '\0';
	*ret_port = (uint16_t)port;
	return 0;
}

/* An address, not a name that only looks like one: 127.example.org is anywhere. */
static bool loopback(const char *host)
{
	struct in_addr v4;

	if (inet_pton(AF_INET, host, &v4) == 1)
		return ntohl(v4.s_addr) >> 24 == 127;
	return strcmp(host, "::1") == 0 || strcmp(host, "localhost") == 0;
}

/* What goes into a signed token must not need escaping. */
static int check_push(const struct bk_options *o)
{
	const char *contact = o->push_contact;

	if (bk_push_url_check(o->push_hosts) != 0) {
		fprintf(stderr, "bakend: push-hosts: \"%s\" is not a list of host or host:port\n", o->push_hosts);
		return BK_E_USAGE;
	}
	if (!*o->push_hosts)
		return 0;
	if (!*o->push_key) {
		fprintf(stderr, "bakend: push-hosts needs push-key; `bakenctl push key` makes one\n");
		return BK_E_USAGE;
	}
	if ((strncmp(contact, "mailto:", 7) != 0 && strncmp(contact, "https:", 6) != 0) || strlen(contact) > 200 ||
		strpbrk(contact, "\"\\ ")) {
		fprintf(stderr, "bakend: push-contact: push hosts want a mailto: or https: address\n");
		return BK_E_USAGE;
	}
	return 0;
}

static int check(const struct bk_options *o)
{
	const struct {
		const char *name, *value;
		bool near;
	} ends[] = {{"listen", o->listen, false}, {"plain", o->plain, true}, {"metrics", o->metrics, true}};
	const struct {
		const char *name, *value;
	} need[] = {
		{"tls-cert", o->tls_cert},
		{"tls-key", o->tls_key},
		{"server-cert", o->server_cert},
		{"root-key", o->root_key},
		{"receipt-key", o->receipt_key},
		{"seal-key", o->seal_key},
	};
	char host[256];
	uint16_t port;

	for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
		if (!*ends[i].value)
			continue;
		if (bk_options_endpoint(ends[i].value, host, &port) != 0) {
			fprintf(stderr, "bakend: %s: \"%s\" is not host:port\n", ends[i].name, ends[i].value);
			return BK_E_USAGE;
		}
		if (ends[i].near && !loopback(host)) {
			fprintf(stderr, "bakend: %s: only on loopback, not %s\n", ends[i].name, host);
			return BK_E_USAGE;
		}
	}
	if (o->alarm_t1 > o->alarm_t2 || o->alarm_t2 > o->alarm_t3) {
		fprintf(stderr, "bakend: alarm-t1, alarm-t2 and alarm-t3 must follow each other\n");
		return BK_E_USAGE;
	}
	if (*o->alarm_hook && *o->alarm_hook != '/') {
		fprintf(stderr, "bakend: alarm-hook: \"%s\" is not an absolute path\n", o->alarm_hook);
		return BK_E_USAGE;
	}
	for (size_t i = 0; i < sizeof need / sizeof *need; i++)
		if (!*need[i].value) {
			fprintf(stderr, "bakend: %s is not set; `bakenctl server init` writes a bakend.conf\n", need[i].name);
			return BK_E_USAGE;
		}
	return check_push(o);
}

void bk_options_list(FILE *out)
{
	for (size_t i = 0; i < ROWS; i++)
		fprintf(out, "  --%s=%s\n\t%s\n", rows[i].name, *rows[i].fallback ? rows[i].fallback : "...", rows[i].help);
}

static void usage(void)
{
	puts("bakend [-c FILE] [-n] [--name=value ...]\n"
	     "Carries end-to-end encrypted messages. -n: check the options and end.");
	bk_options_list(stdout);
}

int bk_options_read(int argc, char **argv, struct bk_options *ret_options)
{
	struct bk_options o;
	int err = 0;

	memset(&o, 0, sizeof o);
	for (size_t i = 0; !err && i < ROWS; i++)
		err = set(&o, &rows[i], rows[i].fallback, "default");
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
			usage();
			return 1;
		}
		if (strcmp(argv[i], "--version") == 0) {
			puts("bakend " BAKEN_VERSION);
			return 1;
		}
	}
	for (int i = 1; !err && i < argc; i++) {
		if (strcmp(argv[i], "-c") != 0)
			continue;
		if (++i == argc) {
			fprintf(stderr, "bakend: -c needs a file\n");
			return BK_E_USAGE;
		}
		err = from_file(&o, argv[i]);
	}
	if (!err)
		err = from_environment(&o);
	if (!err)
		err = from_words(&o, argc, argv);
	if (!err)
		err = check(&o);
	if (!err)
		*ret_options = o;
	return err;
}
