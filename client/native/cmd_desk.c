/* SPDX-License-Identifier: GPL-3.0-or-later */
/* desk: the duty officer's board, live in a terminal or one act at a time for scripts */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

#include "desk_acts.h"

#define WORDS_MAX 4000u /* bytes typed on the board */
#define KEY_KILL 21 /* Ctrl-U */
#define REFRESH_MS 1000u /* waiting times move on */

struct board {
	struct bk_cli *cli;
	json_t *cases; /* rows in board order */
	size_t chosen;
	bool stale, quit;
	char notice[300];
	char canary[BK_ID_TEXT]; /* to be drawn, then answered; "": none */
	bk_ms canary_ms;         /* when the last one was drawn */
	char silent[200];        /* whose screens did not show the last one */
	int tty; /* watched for keys */
	uv_poll_t keys;
	uv_timer_t clock;
	uv_signal_t signals[3];
	uv_signal_t resized;
};

static int ask_board(struct bk_cli *cli, json_t **ret_cases)
{
	json_t *reply = NULL;
	int err = bk_rim_call(cli->rim, json_pack("{s:s}", "cmd", "board"), 30000, &reply);

	if (!err) {
		*ret_cases = json_incref(json_object_get(reply, "cases"));
		json_decref(reply);
		return 0;
	}
	err = bk_cli_fail(cli, err, bk_cli_str(reply, "text"));
	json_decref(reply);
	return err;
}

/* A case is named by its first digits, as the board shows them; ambiguous or unknown is refused by the core. */
static const char *full_case(const json_t *cases, const char *prefix)
{
	const char *found = prefix;
	size_t i, hits = 0;
	json_t *row;

	json_array_foreach((json_t *)(uintptr_t)cases, i, row)
		if (strncmp(bk_cli_str(row, "case"), prefix, strlen(prefix)) == 0) {
			found = bk_cli_str(row, "case");
			hits++;
		}
	return hits == 1 ? found : prefix;
}

static void say_claim(const struct bk_cli *cli, const json_t *reply, char *out, size_t max)
{
	const char *lost = T(cli, CLAIM_LOST), *a = strstr(lost, "%s"), *b = a ? strstr(a + 2, "%s") : NULL;
	char at[BK_TERM_TIME];

	if (json_is_true(json_object_get(reply, "won")))
		snprintf(out, max, "%s", T(cli, CLAIM_WON));
	else if (b)
		snprintf(out, max, "%.*s%s%.*s%s%s", (int)(a - lost), lost, bk_term_shown(bk_cli_str(reply, "owner"), 40),
			(int)(b - a - 2), a + 2, bk_term_time(bk_cli_ms(reply, "since_ms"), cli->lang, at), b + 2);
}

/* ---- one act ---- */

/* The words after the case, as one text; owned. */
static char *words_of(int argc, char **argv)
{
	json_t *words = bk_cli_words(argc, argv);
	char *text = words ? strdup(json_string_value(words)) : NULL;

	json_decref(words);
	return text;
}

static int command_of(const struct bk_desk_act *a, const json_t *cases, int argc, char **argv, json_t **ret_command)
{
	char *text = a->field ? words_of(argc - 1, argv + 1) : NULL;
	const char *with = text;
	int err;

	if (text && strcmp(a->field, "with") == 0)
		with = full_case(cases, text);
	err = bk_desk_act_command(a, full_case(cases, argv[0]), with, ret_command);
	free(text);
	return err;
}

static int one_act(struct bk_cli *cli, const struct bk_desk_act *a, int argc, char **argv)
{
	json_t *cases = NULL, *reply = NULL, *command = NULL;
	bool claims = strcmp(a->word, "claim") == 0;
	char text[300] = "";
	int code;

	if (argc < 1 || (a->field && argc < 2))
		return bk_cli_fail(cli, BK_E_USAGE, NULL);
	code = ask_board(cli, &cases);
	if (code)
		return code;
	code = command_of(a, cases, argc, argv, &command);
	json_decref(cases);
	if (code)
		return bk_cli_fail(cli, code, a->moment ? T(cli, NO_SUCH_TIME) : NULL);
	code = bk_cli_call(cli, command, &reply);
	if (code)
		return code;
	if (!bk_cli_print(cli, reply)) {
		if (claims)
			say_claim(cli, reply, text, sizeof text);
		else
			snprintf(text, sizeof text, "%s", bk_text(a->done, cli->lang));
		printf("%s\n", text);
	}
	if (claims && !json_is_true(json_object_get(reply, "won")))
		code = EX_NOPERM;
	json_decref(reply);
	bk_cli_flush(cli);
	return code;
}

static int show_case(struct bk_cli *cli, const char *prefix)
{
	json_t *cases = NULL;
	int code = ask_board(cli, &cases);

	if (!code)
		code = bk_desk_case(cli, full_case(cases, prefix));
	json_decref(cases);
	return code;
}

static int print_board(struct bk_cli *cli)
{
	json_t *cases = NULL, *row;
	size_t i;
	int code = ask_board(cli, &cases);

	if (code)
		return code;
	if (cli->json) {
		json_t *o = json_pack("{s:s, s:O}", "event", "ok", "cases", cases);

		bk_cli_print(cli, o);
		json_decref(o);
	} else {
		printf("%s\n", json_array_size(cases) ? T(cli, BOARD_HEAD) : T(cli, BOARD_EMPTY));
		json_array_foreach(cases, i, row)
			bk_print_case(cli, row, false);
	}
	json_decref(cases);
	return 0;
}

static int set_duty(struct bk_cli *cli, bool on)
{
	json_t *reply = NULL;
	int code = bk_cli_call(cli, json_pack("{s:s, s:b}", "cmd", "duty", "on", on), &reply);

	if (code)
		return code;
	if (!bk_cli_print(cli, reply))
		printf("%s\n", on ? T(cli, DUTY_ON) : T(cli, DUTY_OFF));
	json_decref(reply);
	return 0;
}

/* ---- live board ---- */

#define CLEAR "\033[H\033[2J"
#define LINE_END "\033[K\n" /* the rest of an older, longer line goes */
#define BOARD_LINES 8u      /* title, heading, notice, keys and the air between them */

static size_t open_cases(const struct board *b)
{
	json_t *row;
	size_t i, n = 0;

	json_array_foreach(b->cases, i, row)
		n += strcmp(bk_cli_str(row, "state"), "closed") != 0;
	return n;
}

/* ---- the canary: a screen proves that it draws ---- */

static void draw_bar(const struct board *b, char *out, size_t max)
{
	char at[BK_TERM_TIME];
	int n;

	out[0] = '\0';
	if (!b->canary_ms)
		return;
	n = snprintf(out, max, "%s %s", T(b->cli, BAR_CANARY), bk_term_time(b->canary_ms, b->cli->lang, at));
	if (b->silent[0] && n > 0 && (size_t)n < max)
		snprintf(out + n, max - (size_t)n, "  ! %s %s", T(b->cli, BAR_SILENT), b->silent);
}

/* Called by whatever draws the screen, after it has: only what reached the terminal is answered. */
static void answer_canary(struct board *b)
{
	if (!b->canary[0] || fflush(stdout) != 0 || ferror(stdout))
		return;
	bk_rim_command(b->cli->rim, json_pack("{s:s, s:s, s:i}", "cmd", "canary-shown", "nonce", b->canary, "id", 0));
	b->canary[0] = '\0';
}

/* Over another screen than the board: the time in the corner, where it hides nothing that is typed. */
static void draw_corner(struct board *b)
{
	char at[BK_TERM_TIME];
	unsigned width = bk_term_width();

	if (!b->canary[0])
		return;
	bk_term_time(b->canary_ms, b->cli->lang, at);
	printf("\0337\033[1;%uH%s\0338", width > 20 ? width - 18 : 1, at);
	answer_canary(b);
}

static void take_canary(struct board *b, const json_t *event)
{
	snprintf(b->canary, sizeof b->canary, "%s", bk_cli_str(event, "nonce"));
	b->canary_ms = bk_cli_ms(event, "sent_ms");
	b->stale = true;
}

static void take_result(struct board *b, const json_t *event)
{
	json_t *name;
	size_t i, n = 0;

	b->silent[0] = '\0';
	json_array_foreach(json_object_get(event, "silent"), i, name)
		if (n < sizeof b->silent)
			n += (size_t)snprintf(b->silent + n, sizeof b->silent - n, "%s%s", i ? ", " : "",
				bk_term_shown(json_string_value(name), 40));
	b->stale = true;
}

/* Drawn over itself from the top, so that nothing flickers. */
static void draw(struct board *b)
{
	struct bk_cli *cli = b->cli;
	const char *bold = bk_term_style("\033[1m"), *dim = bk_term_style("\033[2m"), *off = bk_term_style("\033[0m");
	unsigned width = bk_term_width(), height = bk_term_height();
	size_t i, room = height > BOARD_LINES + 2 ? (height - BOARD_LINES) / 2 : 1, first;
	char at[BK_TERM_TIME], bar[300];
	json_t *row;

	draw_bar(b, bar, sizeof bar);
	first = b->chosen >= room ? b->chosen - room + 1 : 0;
	printf("\033[H%s%s%s  %s  %s  (%zu)" LINE_END "%s" LINE_END, bold, T(cli, BOARD_TITLE), off,
		bk_term_time(bk_rim_now(), cli->lang, at),
		cli->online ? T(cli, STATUS_ONLINE) : bk_err_text(BK_E_NET, cli->lang), open_cases(b), bk_term_shown(bar, width - 1));
	printf("%s%s%s" LINE_END, dim, bk_term_shown(json_array_size(b->cases) ? T(cli, BOARD_HEAD) : T(cli, BOARD_EMPTY),
		width - 1), off);
	printf("\033[J");
	json_array_foreach(b->cases, i, row)
		if (i >= first && i < first + room)
			bk_print_case(cli, row, i == b->chosen);
	printf("\n%s\n%s%s\n", bk_term_shown(b->notice, width - 1), dim, bk_term_shown(T(cli, BOARD_KEYS), width - 1));
	printf("%s%s", bk_term_shown(T(cli, BOARD_KEYS_MORE), width - 1), off);
	fflush(stdout);
}

static void refresh(struct board *b)
{
	json_t *fresh = NULL;

	b->stale = false;
	if (ask_board(b->cli, &fresh) != 0)
		return;
	json_decref(b->cases);
	b->cases = fresh;
	if (b->chosen >= json_array_size(fresh))
		b->chosen = json_array_size(fresh) ? json_array_size(fresh) - 1 : 0;
}

static const json_t *chosen_case(const struct board *b)
{
	return json_array_get(b->cases, b->chosen);
}

static void open_case(struct board *b)
{
	struct bk_cli *cli = b->cli;
	json_t *reply = NULL, *item;
	size_t i;
	int key = BK_KEY_NONE;

	printf(CLEAR);
	if (bk_rim_call(cli->rim, json_pack("{s:s, s:s}", "cmd", "messages", "conversation",
			bk_cli_str(chosen_case(b), "case")), 30000, &reply) == 0)
		json_array_foreach(json_object_get(reply, "items"), i, item)
			bk_print_item(cli, item);
	json_decref(reply);
	reply = NULL;
	if (bk_rim_call(cli->rim, json_pack("{s:s, s:s}", "cmd", "case", "case", bk_cli_str(chosen_case(b), "case")), 30000,
			&reply) == 0)
		bk_print_log(cli, json_object_get(reply, "log"));
	json_decref(reply);
	printf("%s%s%s", bk_term_style("\033[2m"), T(cli, ANY_KEY), bk_term_style("\033[0m"));
	fflush(stdout);
	while (key == BK_KEY_NONE) {
		uv_run(bk_rim_loop(cli->rim), UV_RUN_ONCE);
		draw_corner(b);
		key = bk_term_key();
	}
}

/* ---- a line, while the world goes on ---- */

static void erase_last(char *line)
{
	size_t n = strlen(line);

	while (n && ((unsigned char)line[n - 1] & 0xc0) == 0x80)
		n--;
	line[n ? n - 1 : 0] = '\0';
}

/* What fits of its end: a character that stands at the edge is left out whole. */
static const char *tail_of(const char *line, unsigned columns)
{
	size_t cells = 0;

	for (const char *p = line; *p; p++)
		cells += ((unsigned char)*p & 0xc0) != 0x80;
	while (cells > columns) {
		line++;
		cells -= ((unsigned char)*line & 0xc0) != 0x80;
	}
	return line;
}

static void take_byte(char *line, int key)
{
	size_t n = strlen(line);

	if (key == 127 || key == '\b') {
		erase_last(line);
	} else if (key == KEY_KILL) {
		line[0] = '\0';
	} else if (key >= ' ' && key < 0x100 && n < WORDS_MAX - 1) {
		line[n] = (char)key;
		line[n + 1] = '\0';
	}
}

/* Typed in raw mode, so that leases are renewed and reports arrive meanwhile. False: given up (Escape). */
static bool read_line(struct board *b, const char *prompt, char line[static WORDS_MAX])
{
	int key = BK_KEY_NONE;

	line[0] = '\0';
	printf(CLEAR "\033[?25h%s  %s%s%s\n", prompt, bk_term_style("\033[2m"), T(b->cli, LINE_KEYS), bk_term_style("\033[0m"));
	while (key != '\n' && key != '\r' && key != BK_KEY_ESCAPE && !b->quit && !b->cli->revoked) {
		printf("\r\033[K> %s", tail_of(line, bk_term_width() - 3));
		fflush(stdout);
		draw_corner(b);
		if (key == BK_KEY_NONE)
			uv_run(bk_rim_loop(b->cli->rim), UV_RUN_ONCE);
		key = bk_term_key();
		take_byte(line, key);
	}
	printf("\033[?25l" CLEAR);
	return (key == '\n' || key == '\r') && *line;
}

static void say_done(struct board *b, int err, const json_t *reply, const char *cmd, enum bk_text done)
{
	if (err)
		snprintf(b->notice, sizeof b->notice, "%s", bk_cli_str(reply, "text"));
	else if (strcmp(cmd, "claim") == 0)
		say_claim(b->cli, reply, b->notice, sizeof b->notice);
	else
		snprintf(b->notice, sizeof b->notice, "%s", bk_text(done, b->cli->lang));
	b->stale = true;
}

/* Asks for a line where one is needed, then calls the core; what it says becomes the notice. */
static void act_on(struct board *b, const struct bk_desk_act *a)
{
	json_t *command = NULL, *reply = NULL;
	char line[WORDS_MAX] = "", id[BK_ID_TEXT];
	int err;

	snprintf(id, sizeof id, "%s", bk_cli_str(chosen_case(b), "case"));
	if (a->field && !read_line(b, bk_text(a->prompt, b->cli->lang), line))
		return;
	if (bk_desk_act_command(a, id, line, &command)) {
		snprintf(b->notice, sizeof b->notice, "%s", T(b->cli, NO_SUCH_TIME));
		return;
	}
	err = bk_rim_call(b->cli->rim, command, 30000, &reply);
	say_done(b, err, reply, a->cmd, a->done);
	json_decref(reply);
}

/* A reply from the board is the answer that was waited for. */
static void answer_to(struct board *b)
{
	json_t *reply = NULL;
	char line[WORDS_MAX] = "", id[BK_ID_TEXT];
	int err;

	snprintf(id, sizeof id, "%s", bk_cli_str(chosen_case(b), "case"));
	if (!read_line(b, T(b->cli, ASK_TEXT), line))
		return;
	err = bk_rim_call(b->cli->rim, json_pack("{s:s, s:s, s:s, s:b}", "cmd", "reply", "to", id, "text", line, "answers", 1),
		30000, &reply);
	say_done(b, err, reply, "reply", BK_TEXT_ANSWERED);
	json_decref(reply);
}

static void on_key(struct board *b, int key)
{
	size_t n = json_array_size(b->cases);

	if (key == 'q')
		b->quit = true;
	else if ((key == BK_KEY_UP || key == 'k') && b->chosen)
		b->chosen--;
	else if ((key == BK_KEY_DOWN || key == 'j') && b->chosen + 1 < n)
		b->chosen++;
	else if (!n)
		return;
	else if (key == 'o' || key == '\n')
		open_case(b);
	else if (key == 'a')
		answer_to(b);
	else if (bk_desk_act_by_key(key))
		act_on(b, bk_desk_act_by_key(key));
}

static void watch_board(struct bk_cli *cli, const json_t *event)
{
	struct board *b = cli->watch_arg;
	const char *name = bk_cli_str(event, "event");

	if (strcmp(name, "canary") == 0)
		take_canary(b, event);
	else if (strcmp(name, "canary-result") == 0)
		take_result(b, event);
	if (strcmp(name, "case") == 0 || strcmp(name, "message") == 0 || strcmp(name, "link") == 0 ||
		strcmp(name, "due") == 0)
		b->stale = true;
	if (strcmp(name, "shift-gap") == 0) {
		char at[BK_TERM_TIME];

		snprintf(b->notice, sizeof b->notice, "%s  %s", T(cli, SHIFT_GAP),
			bk_term_time(bk_cli_ms(event, "from_ms"), cli->lang, at));
		b->stale = true;
	}
	if (strcmp(name, "case-refused") == 0)
		snprintf(b->notice, sizeof b->notice, "%.100s: %.150s", bk_cli_str(event, "by"), bk_cli_str(event, "text"));
	if (bk_cli_rings(event))
		putchar('\a');
}

/* Only wakes the loop: the turn of live_board reads the key or redraws. */
static void on_readable(uv_poll_t *p, int status, int events)
{
	(void)p;
	(void)status;
	(void)events;
}

static void on_second(uv_timer_t *t)
{
	((struct board *)t->data)->stale = true;
}

static void on_resize(uv_signal_t *s, int number)
{
	(void)number;
	printf(CLEAR);
	((struct board *)s->data)->stale = true;
}

/* The screen and the echo of the terminal come back whoever ends the board. */
static void on_signal(uv_signal_t *sig, int number)
{
	(void)number;
	((struct board *)sig->data)->quit = true;
}

static void watch_signals(struct board *b)
{
	static const int numbers[3] = {SIGINT, SIGTERM, SIGHUP};

	uv_signal_init(bk_rim_loop(b->cli->rim), &b->resized);
	b->resized.data = b;
	uv_signal_start(&b->resized, on_resize, SIGWINCH);
	for (size_t i = 0; i < 3; i++) {
		uv_signal_init(bk_rim_loop(b->cli->rim), &b->signals[i]);
		b->signals[i].data = b;
		uv_signal_start(&b->signals[i], on_signal, numbers[i]);
	}
}

static void board_turns(struct board *b)
{
	int key;

	while (!b->quit && !b->cli->revoked) {
		if (b->stale)
			refresh(b);
		draw(b);
		answer_canary(b);
		uv_run(bk_rim_loop(b->cli->rim), UV_RUN_ONCE);
		while (!b->quit && (key = bk_term_key()) != BK_KEY_NONE)
			on_key(b, key);
	}
}

static int live_board(struct bk_cli *cli)
{
	struct board b = {.cli = cli, .stale = true};

	/* libuv makes what it polls non-blocking: an opening of our own, or output to the same terminal would be cut. */
	b.tty = open("/dev/tty", O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (b.tty < 0 || bk_term_raw(true)) {
		if (b.tty >= 0)
			close(b.tty);
		return print_board(cli);
	}
	cli->watch = watch_board;
	cli->watch_arg = &b;
	uv_poll_init(bk_rim_loop(cli->rim), &b.keys, b.tty);
	uv_timer_init(bk_rim_loop(cli->rim), &b.clock);
	b.clock.data = &b;
	uv_poll_start(&b.keys, UV_READABLE, on_readable);
	uv_timer_start(&b.clock, on_second, REFRESH_MS, REFRESH_MS);
	watch_signals(&b);
	printf("\033[?1049h\033[?25l" CLEAR);
	board_turns(&b);
	printf("\033[?25h\033[?1049l");
	bk_term_raw(false);
	uv_close((uv_handle_t *)&b.keys, NULL);
	uv_close((uv_handle_t *)&b.clock, NULL);
	for (size_t i = 0; i < 3; i++)
		uv_close((uv_handle_t *)&b.signals[i], NULL);
	uv_close((uv_handle_t *)&b.resized, NULL);
	cli->watch = NULL;
	uv_run(bk_rim_loop(cli->rim), UV_RUN_NOWAIT); /* lets the handles go before the frame does */
	close(b.tty);
	json_decref(b.cases);
	return cli->revoked ? bk_cli_fail(cli, BK_E_REVOKED, NULL) : 0;
}

static int run_word(struct bk_cli *cli, int n, char **argv)
{
	if (n == 0)
		return bk_term_is_tty(stdin) && bk_term_is_tty(stdout) && !cli->json ? live_board(cli)
										     : print_board(cli);
	if (strcmp(argv[0], "list") == 0 && n == 1)
		return print_board(cli);
	if ((strcmp(argv[0], "on") == 0 || strcmp(argv[0], "off") == 0) && n == 1)
		return set_duty(cli, argv[0][1] == 'n');
	if (strcmp(argv[0], "case") == 0 && n == 2)
		return show_case(cli, argv[1]);
	if (strcmp(argv[0], "due") == 0 && n == 1)
		return bk_desk_due(cli);
	if (strcmp(argv[0], "policy") == 0)
		return bk_desk_policy(cli, n - 1, argv + 1);
	if (bk_desk_act_by_word(argv[0]))
		return one_act(cli, bk_desk_act_by_word(argv[0]), n - 1, argv + 1);
	return bk_cli_fail(cli, BK_E_USAGE, argv[0]);
}

int bk_cmd_desk(struct bk_cli *cli, int argc, char **argv)
{
	int n = bk_cli_options(cli, argc, argv, NULL, 0), err;

	if (n < 0)
		return EX_USAGE;
	err = bk_cli_open(cli);
	if (!err)
		err = bk_cli_sync(cli);
	if (err && err != BK_E_NET && err != BK_E_TIMEOUT)
		return bk_cli_fail(cli, err, NULL);
	return run_word(cli, n, argv);
}
