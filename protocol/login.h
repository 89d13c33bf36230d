/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Login and enrolment transcripts: what is signed or authenticated, byte for byte.
 * login  = "baken-login-v1" || SHA-256(TLS SubjectPublicKeyInfo) || exporter[32] || nonce[32] || device id
 *          (exporter: RFC 9266 tls-exporter, "EXPORTER-Channel-Binding", 32 zero bytes when there is none)
 * enrol  = "baken-enrol-v1" || invite id || identity key || u32le registration id || u8 browser
 * invite id = HKDF-SHA256(S, "baken-invite-id-v1")[16], mac key = HKDF-SHA256(S, "baken-invite-mac-v1")[32]
 *
 * Invitation code: one text for the QR and for typing, Crockford base 32 in groups of four:
 *   "BAKEN:" HOST ":" PORT "/" base32(u8 version 1 || S[16] || SHA-256(root key)[16] || check[2])
 * check = first two bytes of SHA-256 over everything before it, host and port included. Case, spaces and '-'
 * do not matter; O is 0, I and L are 1. An IPv6 host stands in [].
 *
 * Threads: pure. Secrets: S.
 */
#ifndef BK_LOGIN_H
#define BK_LOGIN_H

#include "ids.h"

#define BK_NONCE_BYTES 32
#define BK_EXPORTER_LABEL "EXPORTER-Channel-Binding"
#define BK_LOGIN_TRANSCRIPT_BYTES (14 + 32 + 32 + 32 + 16)
#define BK_INVITE_SECRET_BYTES 16
#define BK_INVITE_PIN_BYTES 16
#define BK_INVITE_TEXT_MAX 384

void bk_login_transcript(bk_hash spki, const uint8_t exporter[static 32], const uint8_t nonce[static BK_NONCE_BYTES],
	bk_id device, uint8_t out[static BK_LOGIN_TRANSCRIPT_BYTES]);

struct bk_invite {
	uint8_t secret[BK_INVITE_SECRET_BYTES];
	uint8_t pin[BK_INVITE_PIN_BYTES]; /* SHA-256(root key), first 16 bytes */
	char host[256];
	uint16_t port;
};

int bk_invite_format(const struct bk_invite *inv, char out[static BK_INVITE_TEXT_MAX]);
/* BK_E_INVAL with nothing written; a mistyped sign is caught by the check. */
int bk_invite_parse(const char *text, struct bk_invite *ret_invite);
bool bk_invite_pins(const struct bk_invite *inv, const uint8_t root_key[static BK_KEY_BYTES]);
bk_id bk_invite_id(const uint8_t secret[static BK_INVITE_SECRET_BYTES]);
void bk_enrol_mac(const uint8_t secret[static BK_INVITE_SECRET_BYTES], const uint8_t identity[static BK_KEY_BYTES],
	uint32_t registration, bool browser, uint8_t out[static 32]);

#endif
