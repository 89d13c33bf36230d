/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What anybody may send the server: before login, and as a logged-in person, officer or carer. It answers, refuses
 * or ends the connection; the next one is served.
 */
#include "fuzz.h"

#include "conn.h"
#include "live.h"
#include "twin_fuzz.h"

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	return bk_twin_fuzz_begin("fuzz-served");
}

static void close_code(uint16_t code)
{
	BK_ASSERT(code == 0 || (code >= 1000 && code < 5000));
}

static void stranger(const uint8_t *data, size_t size)
{
	struct bk_peer peer = {.address = "127.0.0.1", .tls = true, .has_exporter = true};
	struct bk_wire w = {.device = NULL};
	struct bk_conn *c;

	w.tail = &w.head;
	c = w.conn = bk_conn_open(&bk_twin_fuzz.server, &w, &peer);
	if (!c)
		return;
	close_code(bk_conn_message(c, data, size));
	bk_conn_closed(c);
	bk_net_drop(&w);
}

/* First byte: who; its fourth value is nobody yet. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const unsigned who = bk_fuzz_mode(&data, &size) % 4;
	struct bk_twin_device *d;
	uint16_t code;

	if (who == 3) {
		stranger(data, size);
		bk_twin_fuzz_end(false);
		return 0;
	}
	d = bk_twin_fuzz_device(who);
	code = bk_conn_message(d->wire->conn, data, size);
	close_code(code);
	if (code)
		bk_net_close(d->wire, code, "", false);
	bk_twin_fuzz_end(!code);
	return 0;
}
