/* SPDX-License-Identifier: GPL-3.0-or-later */
/* bakend's configuration file: any bytes either start nothing, or give options within their bounds. */
#include "fuzz.h"

#include <string.h>

#include "options.h"
#include "tmp.h"

static char config[700], check[] = "-n", from[] = "-c", program[] = "bakend";

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	snprintf(config, sizeof config, "%s", bk_tmp_path("bakend.conf"));
	stderr = fopen("/dev/null", "w"); /* the program's sentences; a sanitizer writes past it */
	return sodium_init() < 0 || !stderr;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *words[] = {program, check, from, config, NULL}, host[256];
	struct bk_options o;
	uint16_t port = 0;
	char *text;
	int err;

	BK_ASSERT(bk_tmp_write(bk_tmp_path("bakend.conf"), data, size) == 0);
	err = bk_options_read(4, words, &o);
	BK_ASSERT(err == 0 || err == BK_E_USAGE);
	if (!err) {
		BK_ASSERT(o.check && o.connections >= 1 && o.queue_max >= 100 && o.session_days <= 365);
		BK_ASSERT(memchr(o.dir, 0, sizeof o.dir) && memchr(o.listen, 0, sizeof o.listen));
	}
	text = malloc(size + 1);
	BK_ASSERT(text);
	if (size)
		memcpy(text, data, size);
	text[size] = '\0';
	err = bk_options_endpoint(text, host, &port);
	BK_ASSERT(err == BK_E_INVAL || (err == 0 && strlen(host) < sizeof host));
	free(text);
	return 0;
}
