/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ctl.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sysexits.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define PASS_MIN 8u

/* ---- errors and printing ---- */

static const struct {
	int err, code;
} exits[] = {
	{0, 0},
	{BK_E_USAGE, EX_USAGE},
	{BK_E_INVAL, EX_DATAERR},
	{BK_E_TOO_BIG, EX_DATAERR},
	{BK_E_CORRUPT, EX_DATAERR},
	{BK_E_HASH, EX_DATAERR},
	{BK_E_VERSION, EX_DATAERR},
	{BK_E_EXPIRED, EX_DATAERR},
	{BK_E_NOT_YET, EX_DATAERR},
	{BK_E_INVITE, EX_DATAERR},
	{BK_E_NOT_FOUND, EX_DATAERR},
	{BK_E_EXISTS, EX_DATAERR},
	{BK_E_INCOMPLETE, EX_DATAERR},
	{BK_E_NET, EX_UNAVAILABLE},
	{BK_E_IO, EX_IOERR},
	{BK_E_FULL, EX_IOERR},
	{BK_E_TIMEOUT, EX_TEMPFAIL},
	{BK_E_BUSY, EX_TEMPFAIL},
	{BK_E_LOCKED, EX_TEMPFAIL},
	{BK_E_ROLE, EX_NOPERM},
	{BK_E_CHAIN, EX_NOPERM},
	{BK_E_SIGNATURE, EX_NOPERM},
	{BK_E_PASSPHRASE, EX_NOPERM},
	{BK_E_REVOKED, EX_NOPERM},
	{BK_E_OLD, EX_NOPERM},
	{BK_E_STATE, EX_NOPERM},
	{BK_E_CANCELLED, EX_NOPERM},
};

int bk_ctl_exit(int err)
{
	for (size_t i = 0; i < sizeof exits / sizeof *exits; i++)
		if (exits[i].err == err)
			return exits[i].code;
	return EX_SOFTWARE;
}

int bk_ctl_fail(const struct bk_ctl *ctl, int err, const char *detail)
{
	const char *hint = bk_ctl_text_hint(err, ctl->lang);
	const char *text = detail && *detail ? bk_ctl_shown(detail) : bk_err_text(err, ctl->lang);

	if (ctl->json)
		bk_ctl_print(ctl, json_pack("{s:s, s:s}", "error", bk_err_name(err), "text", text));
	else
		fprintf(stderr, "%s: %s (%s)\n", CT(ctl, PREFIX), text, bk_err_name(err));
	if (!ctl->json && hint)
		fprintf(stderr, "%s\n", hint);
	return bk_ctl_exit(err);
}

bool bk_ctl_print(const struct bk_ctl *ctl, json_t *object)
{
	if (ctl->json) {
		json_dumpf(object, stdout, JSON_COMPACT);
		putchar('\n');
		fflush(stdout);
	}
	json_decref(object);
	return ctl->json;
}

void bk_ctl_say(const char *text, ...)
{
	const char *hole;
	va_list ap;

	va_start(ap, text);
	while ((hole = strstr(text, "%s"))) {
		const char *value = va_arg(ap, const char *);

		printf("%.*s%s", (int)(hole - text), text, value ? value : "");
		text = hole + 2;
		if (!value)
			break;
	}
	va_end(ap);
	printf("%s\n", text);
	fflush(stdout);
}

const char *bk_ctl_shown(const char *text)
{
	static char ring[4][256];
	static unsigned next;
	char *out = ring[next++ % 4];
	size_t n = 0;

	for (; *text && n < sizeof ring[0] - 1; text++)
		out[n++] = iscntrl((unsigned char)*text) ? ' ' : *text;
	while (n && ((unsigned char)out[n - 1] & 0xc0) == 0x80 && n == sizeof ring[0] - 1)
		n--; /* do not end within a UTF-8 sequence */
	out[n] = '\0';
	return out;
}

/* ---- options ---- */

int bk_ctl_number(const char *text, uint64_t min, uint64_t max, uint64_t fallback, uint64_t *ret_number)
{
	char *end = NULL;
	unsigned long long n;

	if (!text) {
		*ret_number = fallback;
		return 0;
	}
	if (!isdigit((unsigned char)*text))
		return BK_E_USAGE;
	errno = 0;
	n = strtoull(text, &end, 10);
	if (errno || *end || n < min || n > max)
		return BK_E_USAGE;
	*ret_number = n;
	return 0;
}

static const struct bk_ctl_option *find_option(const struct bk_ctl_option *options, size_t n, const char *word,
	const char **ret_value)
{
	size_t len = strcspn(word, "=");

	for (size_t i = 0; i < n; i++)
		if (strlen(options[i].name) == len && strncmp(options[i].name, word, len) == 0) {
			*ret_value = word[len] ? word + len + 1 : NULL;
			return &options[i];
		}
	return NULL;
}

static int take_option(const struct bk_ctl_option *o, const char *value)
{
	if (o->flag) {
		*o->flag = true;
	} else if (o->list) {
		if (!*o->list)
			*o->list = json_array();
		if (json_array_append_new(*o->list, json_string(value)) != 0)
			return BK_E_INVAL;
	} else {
		*o->value = value;
	}
	return 0;
}

static bool given(const struct bk_ctl_option *o)
{
	return o->flag ? *o->flag : o->list ? *o->list != NULL : *o->value != NULL;
}

static int parse(struct bk_ctl *ctl, int argc, char **argv, const struct bk_ctl_option *all, size_t n)
{
	int words = 0;

	for (int i = 0; i < argc; i++) {
		const struct bk_ctl_option *o;
		const char *value = NULL;

		if (strcmp(argv[i], "--") == 0) {
			while (++i < argc)
				argv[words++] = argv[i];
			break;
		}
		if (strncmp(argv[i], "--", 2) != 0) {
			argv[words++] = argv[i];
			continue;
		}
		o = find_option(all, n, argv[i] + 2, &value);
		if (o && !o->flag && !value && i + 1 < argc)
			value = argv[++i];
		if (!o || (o->flag ? value != NULL : value == NULL) || take_option(o, value)) {
			fprintf(stderr, "bakenctl: %s: %s\n", bk_ctl_shown(argv[i]),
				!o ? CT(ctl, OPT_UNKNOWN) : CT(ctl, OPT_VALUE));
			return BK_E_USAGE;
		}
	}
	return words;
}

int bk_ctl_options(struct bk_ctl *ctl, int argc, char **argv, const struct bk_ctl_option *options, size_t n)
{
	const char *lang = NULL;
	const struct bk_ctl_option global[] = {
		{"dir", &ctl->dir, NULL, NULL, false},
		{"socket", &ctl->socket, NULL, NULL, false},
		{"passphrase-file", &ctl->passphrase_file, NULL, NULL, false},
		{"new-passphrase-file", &ctl->new_passphrase_file, NULL, NULL, false},
		{"lang", &lang, NULL, NULL, false},
		{"json", NULL, NULL, &ctl->json, false},
	};
	struct bk_ctl_option all[BK_CTL_OPTIONS_MAX];
	size_t n_global = sizeof global / sizeof *global;
	int words;

	BK_ASSERT(n + n_global <= BK_CTL_OPTIONS_MAX);
	if (n)
		memcpy(all, options, n * sizeof *all); /* a command's own meaning of a word comes first */
	memcpy(all + n, global, sizeof global);
	words = parse(ctl, argc, argv, all, n + n_global);
	if (words < 0)
		return words;
	if (lang && strcmp(lang, "nl") != 0 && strcmp(lang, "en") != 0)
		return BK_E_USAGE;
	if (lang)
		ctl->lang = strcmp(lang, "en") == 0 ? BK_LANG_EN : BK_LANG_NL;
	for (size_t i = 0; i < n; i++)
		if (options[i].required && !given(&options[i])) {
			fprintf(stderr, "bakenctl: --%s\n", options[i].name);
			return BK_E_USAGE;
		}
	return words;
}

/* ---- passphrases ---- */

static int read_line(int fd, char *out, size_t max)
{
	size_t n = 0;
	char c = 0;
	ssize_t got;

	while ((got = read(fd, &c, 1)) == 1 && c != '\n') {
		if (n + 1 >= max || c == '\0')
			return BK_E_TOO_BIG;
		out[n++] = c;
	}
	if (got < 0)
		return BK_E_IO;
	if (n && out[n - 1] == '\r')
		n--;
	out[n] = '\0';
	return n ? 0 : BK_E_PASSPHRASE;
}

static int from_file(const char *path, char out[static BK_CTL_PASS_MAX])
{
	int fd = strcmp(path, "-") == 0 ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	int err;

	if (fd < 0)
		return errno == ENOENT ? BK_E_NOT_FOUND : BK_E_IO;
	err = read_line(fd, out, BK_CTL_PASS_MAX);
	if (fd != STDIN_FILENO)
		close(fd);
	return err;
}

static void prompt(int tty, const char *text, const char *what)
{
	const char *hole = strstr(text, "%s");

	if (hole)
		dprintf(tty, "%.*s%s%s", (int)(hole - text), text, what, hole + 2);
	else
		dprintf(tty, "%s", text);
}

static int ask(const char *text, const char *what, char out[static BK_CTL_PASS_MAX])
{
	int tty = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY), err;
	struct termios old, quiet;

	if (tty < 0)
		return BK_E_PASSPHRASE;
	if (tcgetattr(tty, &old)) {
		close(tty);
		return BK_E_PASSPHRASE;
	}
	quiet = old;
	quiet.c_lflag &= ~(tcflag_t)ECHO;
	tcsetattr(tty, TCSAFLUSH, &quiet);
	prompt(tty, text, what);
	err = read_line(tty, out, BK_CTL_PASS_MAX);
	tcsetattr(tty, TCSAFLUSH, &old);
	dprintf(tty, "\n");
	close(tty);
	return err;
}

int bk_ctl_passphrase(const struct bk_ctl *ctl, const char *what, char out[static BK_CTL_PASS_MAX])
{
	if (ctl->passphrase_file)
		return from_file(ctl->passphrase_file, out);
	return ask(CT(ctl, ASK_PASS), what, out);
}

int bk_ctl_new_passphrase(const struct bk_ctl *ctl, const char *what, char out[static BK_CTL_PASS_MAX])
{
	const char *file = ctl->new_passphrase_file ? ctl->new_passphrase_file : ctl->passphrase_file;
	char again[BK_CTL_PASS_MAX] = "";
	int err;

	if (file) {
		err = from_file(file, out);
	} else {
		err = ask(CT(ctl, NEW_PASS), what, out);
		if (!err)
			err = ask(CT(ctl, NEW_PASS_AGAIN), what, again);
		if (!err && strcmp(out, again) != 0) {
			fprintf(stderr, "%s\n", CT(ctl, PASS_DIFFER));
			err = BK_E_PASSPHRASE;
		}
		sodium_memzero(again, sizeof again);
	}
	if (!err && strlen(out) < PASS_MIN) {
		fprintf(stderr, "%s\n", CT(ctl, PASS_SHORT));
		err = BK_E_PASSPHRASE;
	}
	return err;
}

bool bk_ctl_confirm(const struct bk_ctl *ctl, const char *question)
{
	char answer[BK_CTL_PASS_MAX] = "";
	int tty = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
	bool yes;

	if (tty < 0)
		return false;
	dprintf(tty, "%s", question);
	yes = !read_line(tty, answer, sizeof answer) && strcmp(answer, CT(ctl, APPROVE_YES)) == 0;
	close(tty);
	return yes;
}

/* ---- values ---- */

bk_ms bk_ctl_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (bk_ms)ts.tv_sec * 1000u + (bk_ms)ts.tv_nsec / 1000000u;
}

char *bk_ctl_time(bk_ms at, char out[static BK_CTL_TIME_TEXT])
{
	time_t t = (time_t)(at / 1000u);
	struct tm tm;

	if (!at || !localtime_r(&t, &tm) || !strftime(out, BK_CTL_TIME_TEXT, "%Y-%m-%d %H:%M:%S", &tm))
		snprintf(out, BK_CTL_TIME_TEXT, "-");
	return out;
}

char *bk_ctl_bytes(uint64_t bytes, char out[static BK_CTL_TIME_TEXT])
{
	static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
	double v = (double)bytes;
	size_t u = 0;

	while (v >= 1024.0 && u + 1 < sizeof units / sizeof *units) {
		v /= 1024.0;
		u++;
	}
	snprintf(out, BK_CTL_TIME_TEXT, u ? "%.1f %s" : "%.0f %s", v, units[u]);
	return out;
}

const char *bk_ctl_str(const json_t *object, const char *key)
{
	const char *s = json_string_value(json_object_get(object, key));

	return s ? s : "";
}

uint64_t bk_ctl_u64(const json_t *object, const char *key)
{
	json_int_t v = json_integer_value(json_object_get(object, key));

	return v > 0 ? (uint64_t)v : 0;
}

bool bk_ctl_is(const json_t *object, const char *key)
{
	return json_is_true(json_object_get(object, key));
}

int bk_ctl_id(const json_t *object, const char *key, bk_id *ret_id)
{
	return bk_id_parse(bk_ctl_str(object, key), ret_id);
}

json_t *bk_ctl_json_hex(const void *data, size_t len)
{
	char text[2 * 64 + 1];
	json_t *j;

	BK_ASSERT(len <= 64);
	j = json_string(bk_hex_encode(text, data, len));
	sodium_memzero(text, sizeof text);
	return j;
}

int bk_ctl_b64(const json_t *object, const char *key, uint8_t **ret_data, size_t *ret_len)
{
	return bk_json_b64(json_object_get(object, key), ret_data, ret_len);
}
