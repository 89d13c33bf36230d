/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Limits that both ends agree on. Each is a named number with its reason; policy lives in the server's options. */
#ifndef BK_BOUNDS_H
#define BK_BOUNDS_H

#include <stdint.h>

#define BK_WIRE_VERSION 1
#define BK_SUBPROTOCOL "baken.v1"
#define BK_WS_PATH "/v1"

/* Bodies: five sizes, so that a length tells one of five things (DESIGN: 256 B, 1, 4, 16, 64 KiB). */
#define BK_BODY_OVERHEAD 40u               /* XChaCha20-Poly1305 nonce and tag */
#define BK_BODY_PADDED_MAX (64u * 1024u)   /* padded content */
#define BK_BODY_MAX (BK_BODY_PADDED_MAX + BK_BODY_OVERHEAD)
#define BK_CONTENT_MAX (BK_BODY_PADDED_MAX - 1u) /* one byte of padding at least */

/* Capsules: one size, first contact or not (capsule.h derives it). */
#define BK_CAPSULE_BYTES 448u
#define BK_CAPSULE_INNER (BK_CAPSULE_BYTES - 48u) /* crypto_box_seal adds 48 */

/* Devices: a desk of tens of officers on several devices, in rosters that keep revoked entries. */
#define BK_ROSTER_ENTRIES_MAX 1024u
#define BK_ROSTER_BYTES_MAX (512u * 1024u)
#define BK_REGISTRARS_MAX 16u
#define BK_TARGETS_MAX 8u        /* circles of one message */
#define BK_CAPSULES_MAX 256u     /* devices of one message: person's and a big desk's */
#define BK_FILES_MAX 16u         /* attachments of one message */
#define BK_HOUSEHOLD_MAX 32u

/* Frames: the largest is a submit (64 KiB body and 256 capsules) or a roster chain. */
#define BK_FRAME_MAX (1024u * 1024u)
#define BK_PRELOGIN_FRAME_MAX 4096u /* before login nobody needs more */
#define BK_DELIVER_WINDOW 64u       /* unacked deliveries */
#define BK_ACKS_MAX 256u            /* sequence numbers in one ack frame */
#define BK_DELIVER_ATTEMPTS 5u      /* then dead letter (M16) */
#define BK_CIRCLES_PAGE 500u
#define BK_ROSTERS_CHAIN_MAX 64u    /* roster versions in one reply */

/* Prekeys: FIFO at the server; the device tops up below a third. */
#define BK_PREKEYS_BATCH 100u
#define BK_PREKEYS_MAX 200u
#define BK_PREKEYS_LOW 33u
#define BK_PREKEY_CLAIM_MAX 64u /* devices in one claim */
/* The server drops what it has not issued after 60 days; a device keeps the private part for 120 (M4). */
#define BK_PREKEY_SERVER_AGE_MS (60ull * 86400000ull)
#define BK_PREKEY_PRIVATE_AGE_MS (120ull * 86400000ull)
#define BK_SIGNED_PREKEY_AGE_MS (7ull * 86400000ull)

/* A session record larger than this is renewed (M4: 2,000 skipped messages make 182 kB). */
#define BK_SESSION_RENEW_BYTES (64u * 1024u)

/* Files: 100 MiB of evidence, padded (Padme, at most 12 %) and in 64 KiB secretstream chunks. */
#define BK_FILE_PLAIN_MAX (100ull * 1024ull * 1024ull)
#define BK_FILE_CHUNK (64u * 1024u)
#define BK_FILE_CIPHER_MAX (118ull * 1024ull * 1024ull)

/* Texts: UTF-8, counted in bytes. */
#define BK_NAME_MAX 200u
#define BK_TEXT_MAX 32768u
#define BK_FILE_NAME_MAX 255u

/* Clocks of devices may be this far off before signatures are doubted (10 minutes). */
#define BK_CLOCK_SKEW_MS (10ull * 60000ull)

#define BK_BODY_DESKS_MAX 4u /* desks that may fetch one body later: its own, a fall-back desk, after a transfer */

/* Claims lapse unless renewed. */
#define BK_LEASE_MS (10ull * 60000ull)

/* What fits into one content with room to spare (64 KiB). */
#define BK_FIXES_MAX 64u      /* places in one message: an hour offline at one a minute */
#define BK_PLAN_MAX 48u       /* entries of a day: every half hour */
#define BK_KEYRING_MAX 256u   /* keys on one page, 160 bytes each */
#define BK_HANDOVER_MAX 256u  /* items of one handover; texts are short */
#define BK_HANDOVER_TEXT 200u
#define BK_SHIFT_MAX 400u     /* a month of a desk */
#define BK_ASK_MAX 256u       /* cases asked for by name */
#define BK_APPROVAL_MAX 1500u /* circles of one guidance: 18 bytes each beside the text */

/* Timers: nobody is on the way for more than a month; the desk cannot be kept waiting for more than a day. */
#define BK_WATCH_MAX_MS (31ull * 86400000ull)
#define BK_WATCH_GRACE_MAX_MS 86400000ull
#define BK_WATCH_BODY_MAX (4096u + BK_BODY_OVERHEAD) /* a place and a short note */

#define BK_PUSH_ENDPOINT_MAX 1024u
#define BK_PUSH_KEY_BYTES 65u /* P-256, uncompressed */

#endif
