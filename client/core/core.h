/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The client core: everything a Baken client decides, without doing any of it. Bytes, time and JSON commands
 * go in; bytes, JSON events and committed store transactions come out. It knows no socket, clock, thread or
 * file; the rim (client/native, client/web) moves the bytes.
 *
 * One call is one turn: inside it every change goes into one kv transaction, committed before the call
 * returns (M1). What a turn wants to send or tell is handed out by bk_core_next only once that transaction is
 * durable: nothing is acknowledged, and no ciphertext leaves, before what it depends on is on disk.
 * A turn whose commit fails emits one "fatal" event; the core then refuses everything until reopened.
 *
 * Threads: one owner thread. Memory: actions borrow from the core until the next call. Secrets: all in the kv.
 * Commands, events and errors: docs/client-api.md.
 */
#ifndef BK_CORE_H
#define BK_CORE_H

#include "err.h"
#include "kv.h"
#include "bounds.h"

struct bk_core;

struct bk_core_options {
	struct bk_kv *kv;       /* open, not in a transaction; outlives the core */
	struct bk_blobs *blobs; /* outlives the core */
	bool browser;           /* no TLS exporter: says so in the enrolment */
	enum bk_lang lang;
	bool unlocked; /* a person has just opened it, with a PIN or passphrase: the desk hears so */
	bool duress;   /* the store was opened with its second PIN */
	uint64_t canary_ms, canary_late_ms; /* a vault's, on this machine; 0: the desk's */
	/* Is it one of the store's two PINs, and the second? As slow as opening. BK_E_PASSPHRASE, BK_E_RATE. NULL: none. */
	int (*pin)(void *arg, const char *pin, bool *ret_second);
	void *pin_arg;
};

/* A store that has never been enrolled opens too: only enrol and what needs no place in the organisation works then. */
int bk_core_open(const struct bk_core_options *o, bk_ms now, struct bk_core **ret_core);
void bk_core_close(struct bk_core *core);
bool bk_core_is_person(const struct bk_core *core);  /* person, relative or child, enrolled */
bool bk_core_wants_link(const struct bk_core *core); /* between connect and disconnect */

/* ---- in ---- */

/* One JSON object {"cmd":"...","id":N,...}. Its answer is an event with the same id, "ok" or "error". */
int bk_core_command(struct bk_core *core, const char *json, size_t len, bk_ms now);

struct bk_core_link {
	bk_hash spki;          /* SHA-256 of the server's TLS public key as seen by the rim */
	bool tls;              /* false only for a plain loopback connection */
	bool has_exporter;
	uint8_t exporter[32];  /* BK_EXPORTER_LABEL */
};
/* The WebSocket is open (answer to a CONNECT action). The core says nothing until the server's Hello verifies. */
int bk_core_connected(struct bk_core *core, const struct bk_core_link *link, bk_ms now);
int bk_core_received(struct bk_core *core, const void *frame, size_t len, bk_ms now);
/* err: BK_E_NET, BK_E_TLS ...; also the answer to a CONNECT that failed. */
int bk_core_disconnected(struct bk_core *core, int err, bk_ms now);
/* Call when bk_core_next_tick is reached; earlier or later does no harm. UINT64_MAX: nothing is waiting. */
int bk_core_tick(struct bk_core *core, bk_ms now);
bk_ms bk_core_next_tick(const struct bk_core *core);

struct bk_core_http_result {
	uint64_t request;
	int err;         /* BK_E_NET ... when there was no answer */
	int status;      /* HTTP status */
	const char *location;        /* header, NULL when absent */
	int64_t upload_offset;       /* header, -1 when absent */
	const void *body;            /* chunk of a download, or NULL */
	size_t len;
	bool last;                   /* the request is over; a download may come in several results */
};
int bk_core_http_done(struct bk_core *core, const struct bk_core_http_result *r, bk_ms now);

/*
 * A file from the person into the core: encrypted chunk by chunk into a blob, never held whole. meta is JSON
 * {"name","type","size","facts":{...}}. One at a time. end() returns the attachment's id for "report"/"reply"
 * commands; abandon() removes it.
 */
int bk_core_file_begin(struct bk_core *core, const char *meta, size_t len, bk_ms now);
int bk_core_file_data(struct bk_core *core, const void *data, size_t len, bk_ms now);
int bk_core_file_end(struct bk_core *core, bk_ms now, bk_id *ret_attachment);
void bk_core_file_abandon(struct bk_core *core);
/*
 * A received file out of the core ("save"; after event "file-ready"): decrypted and verified chunk by chunk.
 * len 0 = end. BK_E_HASH at the end when the whole does not match: the rim must then discard what it wrote.
 */
int bk_core_save_begin(struct bk_core *core, bk_id message, unsigned index, uint64_t *ret_size);
int bk_core_save_next(struct bk_core *core, uint8_t *out, size_t max, size_t *ret_len);
void bk_core_save_end(struct bk_core *core);

/* ---- out ---- */

enum bk_core_action_kind {
	BK_CORE_NONE = 0,
	BK_CORE_EVENT,      /* json */
	BK_CORE_SEND,       /* frame: one binary WebSocket message */
	BK_CORE_CONNECT,    /* host, port; the rim answers connected or disconnected */
	BK_CORE_DISCONNECT,
	BK_CORE_HTTP        /* http */
};
struct bk_core_http {
	uint64_t request;
	const char *method;   /* POST HEAD PATCH DELETE GET */
	const char *path;     /* "/files/..." on the same host, port and TLS rules as the WebSocket */
	const char *headers;  /* "Name: value\r\n..." */
	bool has_blob;        /* body = blob[offset, offset + len) */
	bk_id blob;
	uint64_t offset;
	uint64_t len;
};
struct bk_core_action {
	enum bk_core_action_kind kind;
	const char *json; /* NUL-terminated */
	size_t json_len;
	const uint8_t *frame;
	size_t frame_len;
	const char *host;
	uint16_t port;
	struct bk_core_http http;
};
/* Next thing to do, in order; false when there is none now. The struct is valid until the next call. */
bool bk_core_next(struct bk_core *core, struct bk_core_action *ret_action);

#endif
