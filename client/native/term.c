/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "term.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sodium.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "text.h"

static struct termios saved;
static bool raw;

bool bk_term_is_tty(FILE *f)
{
	return isatty(fileno(f)) == 1;
}

static unsigned window(bool width, unsigned fallback)
{
	struct winsize w;
	unsigned n = 0;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) == 0)
		n = width ? w.ws_col : w.ws_row;
	return n ? n : fallback;
}

unsigned bk_term_width(void)
{
	return window(true, 80);
}

unsigned bk_term_height(void)
{
	return window(false, 24);
}

char *bk_term_time(bk_ms at, enum bk_lang lang, char out[static BK_TERM_TIME])
{
	static const char *const days[2][7] = {{"zo", "ma", "di", "wo", "do", "vr", "za"},
		{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"}};
	time_t then = (time_t)(at / 1000), now = time(NULL);
	struct tm t, n;

	if (!at || !localtime_r(&then, &t) || !localtime_r(&now, &n)) {
		snprintf(out, BK_TERM_TIME, "-");
		return out;
	}
	if (t.tm_year == n.tm_year && t.tm_yday == n.tm_yday)
		snprintf(out, BK_TERM_TIME, "%02d:%02d:%02d", t.tm_hour, t.tm_min, t.tm_sec);
	else
		snprintf(out, BK_TERM_TIME, "%s %02d-%02d %02d:%02d", days[lang == BK_LANG_EN][t.tm_wday],
			t.tm_mday, t.tm_mon + 1, t.tm_hour, t.tm_min);
	return out;
}

char *bk_term_span(bk_ms span, enum bk_lang lang, char out[static BK_TERM_TIME])
{
	unsigned long long s = span / 1000;
	const char *h = lang == BK_LANG_EN ? "h" : "u";

	if (s < 60)
		snprintf(out, BK_TERM_TIME, "%llu s", s);
	else if (s < 3600)
		snprintf(out, BK_TERM_TIME, "%llu min", s / 60);
	else if (s < 48 * 3600)
		snprintf(out, BK_TERM_TIME, "%llu %s %llu min", s / 3600, h, s / 60 % 60);
	else
		snprintf(out, BK_TERM_TIME, "%llu %s", s / 86400, lang == BK_LANG_EN ? "days" : "dagen");
	return out;
}

const char *bk_term_shown(const char *text, unsigned columns)
{
	static char buffers[8][1024];
	static unsigned turn;
	char *out = buffers[turn++ % 8];
	size_t cells = 0, i = 0;

	bk_text_shown(text ? text : "", out, sizeof buffers[0]);
	/* Cut at a character's start; one cell a character is right for the scripts we ship. */
	for (; out[i] && cells < columns; cells++) {
		i++;
		while (((unsigned char)out[i] & 0xc0) == 0x80)
			i++;
	}
	out[i] = '\0';
	return out;
}

static size_t cells_of(const char *text)
{
	size_t n = 0;

	for (; *text; text++)
		n += ((unsigned char)*text & 0xc0) != 0x80;
	return n;
}

const char *bk_term_padded(const char *text, unsigned columns)
{
	static char buffers[8][1200];
	static unsigned turn;
	char *out = buffers[turn++ % 8];
	const char *shown = bk_term_shown(text, columns);
	size_t cells = cells_of(shown);

	snprintf(out, sizeof buffers[0], "%s%*s", shown, (int)(columns - cells), "");
	return out;
}

const char *bk_term_style(const char *sgr)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	return (no && *no) || (term && strcmp(term, "dumb") == 0) || !bk_term_is_tty(stdout) ? "" : sgr;
}

void bk_term_paragraph(FILE *f, const char *text, unsigned indent)
{
	char line[1024], shown[2048];

	while (text && *text) {
		size_t n = strcspn(text, "\n"), take = n < sizeof line - 1 ? n : sizeof line - 1;

		while (take < n && take > 1 && ((unsigned char)text[take] & 0xc0) == 0x80)
			take--;
		memcpy(line, text, take);
		line[take] = '\0';
		bk_text_shown(line, shown, sizeof shown);
		fprintf(f, "%*s%s\n", (int)indent, "", shown);
		text += take;
		if (*text == '\n')
			text++;
	}
}

void bk_term_progress(const char *what, uint64_t done, uint64_t total)
{
	enum { CELLS = 32 };
	static const char full[] = "████████████████████████████████";
	static unsigned shown = 101;
	unsigned percent = total ? (unsigned)(done * 100 / total) : 100, cells = percent * CELLS / 100;

	if (!bk_term_is_tty(stderr) || percent == shown)
		return;
	shown = percent;
	fprintf(stderr, "\r\033[K%s %.*s%*s %3u %%", what, (int)(cells * 3), full, (int)(CELLS - cells), "",
		percent);
	if (done >= total) {
		fprintf(stderr, "\n");
		shown = 101;
	}
	fflush(stderr);
}

static int take_line(FILE *f, char *out, size_t max)
{
	size_t n;

	if (!fgets(out, (int)max, f))
		return BK_E_CANCELLED;
	n = strlen(out);
	if (n && out[n - 1] == '\n')
		out[--n] = '\0';
	else if (n == max - 1)
		return BK_E_TOO_BIG;
	if (n && out[n - 1] == '\r')
		out[--n] = '\0';
	return 0;
}

int bk_term_secret(const char *prompt, char out[static BK_PASSPHRASE_MAX])
{
	FILE *tty = fopen("/dev/tty", "r+e");
	struct termios t, quiet;
	int err;

	if (!tty)
		return BK_E_STATE;
	setvbuf(tty, NULL, _IONBF, 0); /* no second copy of the secret in a stdio buffer */
	if (tcgetattr(fileno(tty), &t) != 0) {
		fclose(tty);
		return BK_E_STATE;
	}
	quiet = t;
	quiet.c_lflag &= ~(tcflag_t)ECHO;
	fputs(prompt, tty);
	tcsetattr(fileno(tty), TCSAFLUSH, &quiet);
	err = take_line(tty, out, BK_PASSPHRASE_MAX);
	tcsetattr(fileno(tty), TCSAFLUSH, &t);
	fputc('\n', tty);
	fclose(tty);
	return err;
}

int bk_term_secret_file(const char *path, char out[static BK_PASSPHRASE_MAX])
{
	bool standard = strcmp(path, "-") == 0;
	FILE *f = standard ? stdin : fopen(path, "re");
	int err;

	if (!f)
		return errno == ENOENT ? BK_E_NOT_FOUND : BK_E_IO;
	if (!standard)
		setvbuf(f, NULL, _IONBF, 0);
	err = take_line(f, out, BK_PASSPHRASE_MAX);
	if (!standard)
		fclose(f);
	if (err == BK_E_CANCELLED || (!err && !out[0]))
		err = BK_E_INVAL;
	return err;
}

int bk_term_line(const char *prompt, char *out, size_t max)
{
	if (bk_term_is_tty(stdin)) {
		fputs(prompt, stdout);
		fflush(stdout);
	}
	return take_line(stdin, out, max);
}

static void restore(void)
{
	if (raw)
		tcsetattr(STDIN_FILENO, TCSAFLUSH, &saved);
	raw = false;
}

int bk_term_raw(bool on)
{
	struct termios t;
	static bool registered;

	if (!on) {
		restore();
		return 0;
	}
	if (raw)
		return 0;
	if (tcgetattr(STDIN_FILENO, &saved) != 0)
		return BK_E_STATE;
	if (!registered)
		registered = atexit(restore) == 0;
	t = saved;
	t.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	t.c_cc[VMIN] = 0;
	t.c_cc[VTIME] = 0;
	if (tcsetattr(STDIN_FILENO, TCSAFLUSH, &t) != 0)
		return BK_E_STATE;
	raw = true;
	return 0;
}

static int read_byte(void)
{
	unsigned char c;

	return read(STDIN_FILENO, &c, 1) == 1 ? c : -1;
}

int bk_term_key(void)
{
	int c = read_byte();

	if (c < 0)
		return BK_KEY_NONE;
	if (c != 27)
		return c;
	c = read_byte();
	if (c != '[')
		return c < 0 ? BK_KEY_ESCAPE : BK_KEY_OTHER;
	c = read_byte();
	return c == 'A' ? BK_KEY_UP : c == 'B' ? BK_KEY_DOWN : BK_KEY_OTHER;
}
