/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "log.h"

#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

static const char *const names[] = {
#define X(id, level) #id,
	BK_LOG_EVENTS(X)
#undef X
};
static const char *const levels[] = {
#define X(id, level) level,
	BK_LOG_EVENTS(X)
#undef X
};
static uint8_t key[crypto_shorthash_KEYBYTES];

void bk_log_init(void)
{
	randombytes_buf(key, sizeof key);
}

void bk_log(enum bk_log_event event, const char *format, ...)
{
	char line[1024], stamp[32] = "";
	struct timespec ts;
	struct tm tm;
	va_list ap;
	int n, m;

	clock_gettime(CLOCK_REALTIME, &ts);
	if (gmtime_r(&ts.tv_sec, &tm))
		strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%S", &tm);
	n = snprintf(line, sizeof line, "%s.%03ldZ %s %s%s", stamp, ts.tv_nsec / 1000000, levels[event],
		names[event], *format ? " " : "");
	va_start(ap, format);
	m = vsnprintf(line + n, sizeof line - (size_t)n - 1, format, ap);
	va_end(ap);
	n += m > 0 ? m : 0;
	if ((size_t)n > sizeof line - 2)
		n = sizeof line - 2;
	for (int i = 0; i < n; i++) /* a library's text may not fake a line of ours */
		if ((unsigned char)line[i] < ' ')
			line[i] = ' ';
	line[n++] = '\n';
	/* One write: lines of two threads do not mix. */
	if (write(STDERR_FILENO, line, (size_t)n) < 0)
		return;
}

const char *bk_log_device(bk_id device)
{
	static _Thread_local char texts[4][9];
	static _Thread_local unsigned next;
	uint8_t h[crypto_shorthash_BYTES];
	char *out = texts[next++ % 4];

	crypto_shorthash(h, device.b, sizeof device.b, key);
	return bk_hex_encode(out, h, 4);
}
