/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The control socket: DIR/control.sock, mode 0600, one JSON object a line, strictly ask and answer.
 * Asked: {"id":N,"verb":V,...}; answered: {"id":N,"ok":true,...} or {"id":N,"ok":false,"error":"BK_E_X","text":T}.
 * Ids are 32 hexadecimal digits, "b64" is standard base 64 with padding, signed artefacts are serialised `Signed`.
 *
 *   status                                     counters, see docs/operations.md
 *   metrics                                    -> text (Prometheus)
 *   trust                                      -> root (64 hex), server_cert (b64)
 *   circles                                    -> circles [{circle, kind, version, desk, care, expires_ms}]
 *   roster-get   circle, version?              -> roster (b64), version
 *   roster-put   rosters [b64]                 -> revoked [id]; all in one commit, or none
 *   devices      circle?                       -> devices [{device, account, circle, kind, role, status, online,
 *                                                 on_duty, queued, queued_bytes, seen_ms}]
 *   invite-put   invite, account, circle, role, expires_ms
 *   invites                                    -> invites [{invite, account, circle, role, state, expires_ms, enrol b64}]
 *                                                 state: open, pending, approved, refused
 *   invite-done  invite, approved, certificate? b64, rosters? [b64]  -> revoked [id]; one commit
 *   audit        from, max                     -> entries [{number, at_ms, event, detail, hash}], more
 *   audit-verify                               -> count, bad (0: none), hash (of the last entry)
 *   backup       to                            -> files, bytes
 *   cut          device                        -> cut (bool)
 *   expire                                     -> removed (files)
 *
 * Reading verbs answer in the same turn; writing ones after the durable commit. Who can open the socket is the
 * operator: the folder's mode is the access control. Every writing verb leaves an audit entry.
 *
 * Threads: loop. Memory: a connection holds at most BK_CONTROL_LINE_MAX of input.
 */
#ifndef BK_CONTROL_H
#define BK_CONTROL_H

#define BK_CONTROL_LINE_MAX (4u * 1024u * 1024u) /* a big desk's roster, base 64 */
#define BK_CONTROL_CLIENTS_MAX 16u

struct bk_server;

/* BK_E_IO. A socket left by a killed process is replaced; the store's lock proves that nobody else runs. */
int bk_control_start(struct bk_server *s);
void bk_control_stop(struct bk_server *s);

#endif
