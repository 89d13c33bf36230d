/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "realm.h"

#include <arpa/inet.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "ctl_tls.h"
#include "err.h"
#include "signal_key.h"
#include "store.h"
#include "tmp.h"

#define DAY_MS 86400000ull
#define BATCH 128u /* rosters in one commit */
#define START_MS 20000u
#define STOP_MS 20000u
#define DUMP_VERSION 1u

/* ---- everything follows from the seed ---- */

static void derive(const struct bk_realm *r, const char *what, uint32_t n, uint8_t out[static 32])
{
	char text[64];
	bk_hash h;

	snprintf(text, sizeof text, "%s %llu %u", what, (unsigned long long)r->seed, n);
	h = bk_hash_of(text, strlen(text));
	memcpy(out, h.b, sizeof h.b);
}

static bk_id derive_id(const struct bk_realm *r, const char *what, uint32_t n)
{
	uint8_t h[32];
	bk_id id;

	derive(r, what, n, h);
	memcpy(id.b, h, sizeof id.b);
	return id;
}

static void derive_pair(const struct bk_realm *r, const char *what, uint32_t n, uint8_t public[static 32],
	uint8_t secret[static BK_ED25519_SECRET_BYTES])
{
	uint8_t seed[32];

	derive(r, what, n, seed);
	crypto_sign_seed_keypair(public, secret, seed);
}

static void set_paths(struct bk_realm *r, const char *dir)
{
	BK_ASSERT(strlen(dir) < sizeof r->dir);
	strcpy(r->dir, dir);
	snprintf(r->conf, sizeof r->conf, "%s/bakend.conf", dir);
	snprintf(r->ca, sizeof r->ca, "%s/ca.pem", dir);
	snprintf(r->log, sizeof r->log, "%s/bakend.log", dir);
	snprintf(r->dump, sizeof r->dump, "%s/realm.bin", dir);
	snprintf(r->control, sizeof r->control, "%s/data/control.sock", dir);
}

void bk_realm_init(struct bk_realm *r, const char *dir, uint64_t seed)
{
	memset(r, 0, sizeof *r);
	BK_ASSERT(sodium_init() >= 0);
	set_paths(r, dir);
	BK_ASSERT(mkdir(dir, 0700) == 0);
	r->seed = seed;
	r->now = (bk_ms)time(NULL) * 1000;
	r->expires_ms = 7 * DAY_MS;
	r->hard_expires_ms = 14 * DAY_MS;
	r->port = bk_tmp_port();
	r->plain = bk_tmp_port();
	r->metrics = bk_tmp_port();
	r->server.in = r->server.out = -1;
	derive_pair(r, "root", 0, r->root_key, r->root_secret);
}

void bk_realm_done(struct bk_realm *r)
{
	bk_proc_free(&r->server);
	free(r->registrar_certs[0].data);
	free(r->registrar_certs[1].data);
	free(r->circles);
	free(r->devices);
	sodium_memzero(r, sizeof *r);
}

uint32_t bk_realm_circle(struct bk_realm *r, Baken__CircleKind kind, uint32_t desk, uint32_t care)
{
	struct bk_realm_circle *c;

	if (r->n_circles == r->circles_room) {
		r->circles_room = r->circles_room ? 2 * r->circles_room : 16;
		r->circles = realloc(r->circles, r->circles_room * sizeof *r->circles);
		BK_ASSERT(r->circles);
	}
	c = &r->circles[r->n_circles];
	memset(c, 0, sizeof *c);
	c->circle = derive_id(r, "circle", r->n_circles);
	c->kind = kind;
	c->desk = desk;
	c->care = care;
	c->household = c->fallback = c->first = c->last = BK_REALM_NONE;
	return r->n_circles++;
}

uint32_t bk_realm_device(struct bk_realm *r, uint32_t circle, Baken__Role role)
{
	struct bk_realm_circle *c = &r->circles[circle];
	struct bk_realm_device *d;
	uint32_t n = r->n_devices;

	if (n == r->devices_room) {
		r->devices_room = r->devices_room ? 2 * r->devices_room : 64;
		r->devices = realloc(r->devices, r->devices_room * sizeof *r->devices);
		BK_ASSERT(r->devices);
	}
	d = &r->devices[n];
	memset(d, 0, sizeof *d);
	d->device = derive_id(r, "device", n);
	d->account = derive_id(r, "account", n);
	derive(r, "identity", n, d->secret);
	d->secret[0] &= 248; /* RFC 7748 */
	d->secret[31] = (uint8_t)((d->secret[31] & 127) | 64);
	BK_ASSERT(bk_identity_public(d->secret, d->identity) == 0);
	d->circle = circle;
	d->next = BK_REALM_NONE;
	d->registration = n % 16380 + 1;
	d->role = role;
	d->status = role == BAKEN__ROLE__ROLE_VAULT ? BAKEN__DEVICE_STATUS__DEVICE_VAULT
						     : BAKEN__DEVICE_STATUS__DEVICE_ACTIVE;
	if (c->first == BK_REALM_NONE)
		c->first = n;
	else
		r->devices[c->last].next = n;
	c->last = n;
	c->n_devices++;
	return r->n_devices++;
}

/* ---- signing ---- */

static void make_registrars(struct bk_realm *r)
{
	static const char *const labels[] = {"security", "care"};

	for (uint32_t i = 0; i < 2; i++) {
		struct bk_registrar_cert c = {.not_before_ms = r->now - DAY_MS, .not_after_ms = r->now + 365 * DAY_MS};
		uint32_t care = 1u << BAKEN__ROLE__ROLE_CARE;

		derive_pair(r, "registrar", i, c.key, r->registrars[i]);
		c.roles = i ? care : 0x3feu & ~care;
		strcpy(c.label, labels[i]);
		BK_ASSERT(bk_registrar_cert_sign(&c, r->root_secret, &r->registrar_certs[i].data,
				  &r->registrar_certs[i].len) == 0);
	}
}

static struct bk_realm_blob sign_device(const struct bk_realm *r, const struct bk_realm_device *d, bk_id circle, int by)
{
	struct bk_device_cert c = {.device = d->device, .account = d->account, .circle = circle, .role = d->role,
		.registration = d->registration, .not_before_ms = r->now - DAY_MS,
		.not_after_ms = r->now + 365 * DAY_MS, .browser = d->browser};
	struct bk_realm_blob b = {NULL, 0};

	memcpy(c.identity, d->identity, BK_KEY_BYTES);
	BK_ASSERT(bk_device_cert_sign(&c, r->registrars[by], &b.data, &b.len) == 0);
	return b;
}

static bk_hash payload_hash(const struct bk_realm_blob *b)
{
	Baken__Signed *s = baken__signed__unpack(NULL, b->len, b->data);
	bk_hash h;

	BK_ASSERT(s);
	h = bk_hash_of(s->payload.data, s->payload.len);
	baken__signed__free_unpacked(s, NULL);
	return h;
}

struct bk_realm_blob bk_realm_roster(struct bk_realm *r, uint32_t circle)
{
	struct bk_realm_circle *c = &r->circles[circle];
	int by = c->kind == BAKEN__CIRCLE_KIND__CIRCLE_CARE;
	struct bk_roster_plan_entry *entries = calloc(c->n_devices + 1, sizeof *entries);
	struct bk_realm_blob *certs = calloc(c->n_devices + 1, sizeof *certs), out = {NULL, 0};
	const uint8_t *registrars[] = {r->registrar_certs[by].data};
	struct bk_roster_plan plan = {.circle = c->circle, .kind = c->kind, .version = c->version + 1,
		.previous = c->hash, .issued_ms = r->now, .expires_ms = r->now + r->expires_ms,
		.hard_expires_ms = r->now + r->hard_expires_ms, .entries = entries, .registrars = registrars,
		.registrar_lens = &r->registrar_certs[by].len, .n_registrars = 1};
	size_t n = 0;

	BK_ASSERT(entries && certs);
	if (c->desk != BK_REALM_NONE)
		plan.desk = r->circles[c->desk].circle;
	if (c->care != BK_REALM_NONE)
		plan.care = r->circles[c->care].circle;
	if (c->fallback != BK_REALM_NONE)
		plan.fallback = r->circles[c->fallback].circle;
	if (c->household != BK_REALM_NONE) {
		plan.household = &r->circles[c->household].circle;
		plan.n_household = 1;
	}
	for (uint32_t i = c->first; i != BK_REALM_NONE; i = r->devices[i].next, n++) {
		certs[n] = sign_device(r, &r->devices[i], c->circle, by);
		entries[n] = (struct bk_roster_plan_entry){certs[n].data, certs[n].len, r->devices[i].status, r->now};
	}
	plan.n_entries = n;
	BK_ASSERT(bk_roster_sign(&plan, r->registrars[by], &out.data, &out.len) == 0);
	c->version++;
	c->hash = payload_hash(&out);
	for (size_t i = 0; i < n; i++)
		free(certs[i].data);
	free(certs);
	free(entries);
	return out;
}

/* ---- the folder ---- */

static void put_file(const struct bk_realm *r, const char *name, const void *data, size_t len)
{
	char path[600];

	snprintf(path, sizeof path, "%s/%s", r->dir, name);
	BK_ASSERT(bk_tmp_write(path, data, len) == 0);
}

static void put_hex(const struct bk_realm *r, const char *name, const uint8_t *data, size_t len)
{
	char text[2 * BK_ED25519_SECRET_BYTES + 2];

	bk_hex_encode(text, data, len);
	strcat(text, "\n");
	put_file(r, name, text, strlen(text));
}

static void make_tls(struct bk_realm *r)
{
	json_t *hosts = json_pack("[s,s]", "127.0.0.1", "localhost");
	char *ca_key = NULL, *ca = NULL, *key = NULL, *chain = NULL;

	BK_ASSERT(bk_ctl_tls_ca_new(&ca_key, &ca) == 0);
	BK_ASSERT(bk_ctl_tls_leaf_new(ca_key, ca, hosts, &key, &chain) == 0);
	BK_ASSERT(bk_ctl_tls_spki(chain, &r->spki) == 0);
	put_file(r, "ca.pem", ca, strlen(ca));
	put_file(r, "tls.pem", chain, strlen(chain));
	put_file(r, "tls.key", key, strlen(key));
	free(ca_key);
	free(ca);
	free(key);
	free(chain);
	json_decref(hosts);
}

/* Nothing here limits a bench; tests of limits give their own words, which win. */
static void make_conf(const struct bk_realm *r)
{
	char text[8192];
	const char *d = r->dir;
	int n = snprintf(text, sizeof text,
		"dir = %s/data\nlisten = 127.0.0.1:%u\nplain = 127.0.0.1:%u\nmetrics = 127.0.0.1:%u\n"
		"tls-cert = %s/tls.pem\ntls-key = %s/tls.key\nserver-cert = %s/server.cert\nroot-key = %s/root.pub\n"
		"receipt-key = %s/receipt.key\nseal-key = %s/seal.key\nconnections-address = 1000000\n"
		"accepts-address = 1000000\nlogins-address = 100000000\nmessages-device = 0\nqueue-max = 10000000\n",
		d, r->port, r->plain, r->metrics, d, d, d, d, d, d);

	BK_ASSERT(n > 0 && (size_t)n < sizeof text);
	put_file(r, "bakend.conf", text, (size_t)n);
}

static struct bk_realm_blob make_keys(struct bk_realm *r)
{
	uint8_t secret[BK_ED25519_SECRET_BYTES], seal[32];
	struct bk_server_cert c = {.n_tls_spki = 1, .version = 1, .not_before_ms = r->now - DAY_MS,
		.not_after_ms = r->now + 365 * DAY_MS};
	struct bk_realm_blob b = {NULL, 0};

	derive_pair(r, "receipt", 0, r->receipt_key, secret);
	memcpy(c.receipt_key, r->receipt_key, BK_KEY_BYTES);
	c.tls_spki[0] = r->spki;
	BK_ASSERT(bk_server_cert_sign(&c, r->root_secret, &b.data, &b.len) == 0);
	derive(r, "seal", 0, seal);
	put_hex(r, "receipt.key", secret, sizeof secret);
	put_hex(r, "seal.key", seal, sizeof seal);
	put_hex(r, "root.pub", r->root_key, sizeof r->root_key);
	put_file(r, "server.cert", b.data, b.len);
	return b;
}

static void commit(struct bk_store *s, struct bk_op *ops, size_t n)
{
	BK_ASSERT(bk_store_commit(s, ops, n) == 0);
	for (size_t i = 0; i < n; i++)
		BK_ASSERT(ops[i].result == 0);
}

static void put_rosters(struct bk_realm *r, struct bk_store *s)
{
	struct bk_op *ops = calloc(BATCH, sizeof *ops);
	struct bk_realm_blob blobs[BATCH];

	BK_ASSERT(ops);
	for (uint32_t at = 0; at < r->n_circles;) {
		size_t n = 0;

		memset(ops, 0, BATCH * sizeof *ops);
		for (; n < BATCH && at < r->n_circles; n++, at++) {
			blobs[n] = bk_realm_roster(r, at);
			ops[n].kind = BK_OP_ROSTER_PUT;
			ops[n].now = r->now;
			ops[n].roster.signed_roster = (struct bk_bytes){blobs[n].data, blobs[n].len};
		}
		commit(s, ops, n);
		for (size_t i = 0; i < n; i++) {
			free(blobs[i].data);
			free(ops[i].roster.revoked);
		}
	}
	free(ops);
}

static void make_store(struct bk_realm *r, const struct bk_realm_blob *server_cert)
{
	char path[600];
	uint8_t seal[32];
	struct bk_store_options o = {.path = path, .seal_key = seal};
	struct bk_store *s = NULL;
	struct bk_op op = {.kind = BK_OP_TRUST_PUT};

	derive(r, "seal", 0, seal);
	snprintf(path, sizeof path, "%s/data", r->dir);
	BK_ASSERT(mkdir(path, 0700) == 0);
	snprintf(path, sizeof path, "%s/data/store", r->dir);
	BK_ASSERT(bk_store_open(&o, &s) == 0);
	memcpy(op.trust.root_key, r->root_key, BK_KEY_BYTES);
	op.trust.server_cert = (struct bk_bytes){server_cert->data, server_cert->len};
	op.now = r->now;
	commit(s, &op, 1);
	put_rosters(r, s);
	bk_store_close(s);
}

void bk_realm_make(struct bk_realm *r)
{
	struct bk_realm_blob cert;

	make_registrars(r);
	make_tls(r);
	cert = make_keys(r);
	make_conf(r);
	make_store(r, &cert);
	free(cert.data);
}

/* ---- dump ---- */

struct head {
	uint32_t version, n_circles, n_devices, sizes;
	uint16_t port, plain;
	bk_hash spki;
	uint8_t root_key[BK_KEY_BYTES], receipt_key[BK_KEY_BYTES];
};

static const uint32_t sizes = sizeof(struct bk_realm_circle) << 16 | sizeof(struct bk_realm_device);

int bk_realm_save(const struct bk_realm *r)
{
	struct head h = {DUMP_VERSION, r->n_circles, r->n_devices, sizes, r->port, r->plain, r->spki, {0}, {0}};
	FILE *f = fopen(r->dump, "wbe");
	bool ok;

	if (!f)
		return BK_E_IO;
	memcpy(h.root_key, r->root_key, BK_KEY_BYTES);
	memcpy(h.receipt_key, r->receipt_key, BK_KEY_BYTES);
	ok = fwrite(&h, sizeof h, 1, f) == 1 && fwrite(r->circles, sizeof *r->circles, r->n_circles, f) == r->n_circles &&
	     fwrite(r->devices, sizeof *r->devices, r->n_devices, f) == r->n_devices;
	return fclose(f) == 0 && ok ? 0 : BK_E_IO;
}

int bk_realm_load(struct bk_realm *r, const char *dump)
{
	struct head h = {0};
	FILE *f = fopen(dump, "rbe");
	char dir[512];
	bool ok;

	memset(r, 0, sizeof *r);
	if (!f || fread(&h, sizeof h, 1, f) != 1 || h.version != DUMP_VERSION || h.sizes != sizes) {
		if (f)
			fclose(f);
		return f ? BK_E_VERSION : BK_E_IO;
	}
	snprintf(dir, sizeof dir, "%.*s", (int)(strrchr(dump, '/') ? strrchr(dump, '/') - dump : 1),
		strrchr(dump, '/') ? dump : ".");
	set_paths(r, dir);
	r->circles = calloc(h.n_circles + 1, sizeof *r->circles);
	r->devices = calloc(h.n_devices + 1, sizeof *r->devices);
	BK_ASSERT(r->circles && r->devices);
	r->server.in = r->server.out = -1;
	ok = fread(r->circles, sizeof *r->circles, h.n_circles, f) == h.n_circles &&
	     fread(r->devices, sizeof *r->devices, h.n_devices, f) == h.n_devices;
	fclose(f);
	r->n_circles = r->circles_room = h.n_circles;
	r->n_devices = r->devices_room = h.n_devices;
	r->port = h.port;
	r->plain = h.plain;
	r->spki = h.spki;
	memcpy(r->root_key, h.root_key, BK_KEY_BYTES);
	memcpy(r->receipt_key, h.receipt_key, BK_KEY_BYTES);
	return ok ? 0 : BK_E_IO;
}

/* ---- the process ---- */

static bool answers(uint16_t port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool ok = fd >= 0 && connect(fd, (const struct sockaddr *)&a, sizeof a) == 0;

	if (fd >= 0)
		close(fd);
	return ok;
}

int bk_realm_start(struct bk_realm *r, const char *const *words)
{
	const char *build = getenv("BAKEN_BUILD"), *argv[32];
	char program[600];
	uint64_t until = bk_proc_now_ms() + START_MS;
	size_t n = 3;
	int err, code;

	snprintf(program, sizeof program, "%s/bin/bakend", build ? build : BAKEN_BUILD_DIR);
	argv[0] = program;
	argv[1] = "-c";
	argv[2] = r->conf;
	for (; words && *words && n < 31; words++)
		argv[n++] = *words;
	argv[n] = NULL;
	bk_proc_free(&r->server);
	err = bk_proc_start(&r->server, argv, NULL, r->log);
	while (!err && !answers(r->port)) {
		if (bk_proc_wait(&r->server, 20, &code) == 0)
			return BK_E_STATE; /* ended: the log says why */
		if (bk_proc_now_ms() > until)
			err = BK_E_TIMEOUT;
	}
	return err;
}

int bk_realm_stop(struct bk_realm *r)
{
	int code = 0, err;

	bk_proc_signal(&r->server, SIGTERM);
	err = bk_proc_wait(&r->server, STOP_MS, &code);
	bk_proc_free(&r->server);
	return err ? err : code;
}

void bk_realm_kill(struct bk_realm *r)
{
	bk_proc_signal(&r->server, SIGKILL);
	bk_proc_free(&r->server);
}

void bk_realm_line(const struct bk_realm *r, uint32_t device, struct bk_wire_line *ret_line)
{
	bk_wire_init(ret_line, r->devices[device].device, r->devices[device].secret, r->spki);
}

struct bk_wire_target bk_realm_target(const struct bk_realm *r, uint32_t circle)
{
	const struct bk_realm_circle *c = &r->circles[circle];

	return (struct bk_wire_target){c->circle, c->version, c->hash};
}
