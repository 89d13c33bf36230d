/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "backoff.h"

#include <fcntl.h>
#include <sodium.h>
#include <time.h>
#include <unistd.h>

#include "err.h"

#define CHECK_BYTES 16u
#define HEAD_BYTES (BK_BACKOFF_BYTES - CHECK_BYTES) /* magic 8, misses 4, zero 4, boot 16, boot_ms 8, wall_ms 8 */
#define BOOT_ID "/proc/sys/kernel/random/boot_id"

static const uint8_t magic[8] = {'b', 'a', 'k', 'e', 'n', 't', 'r', 'y'};

/* ---- pure ---- */

uint64_t bk_backoff_wait(uint32_t misses)
{
	uint64_t wait = BK_BACKOFF_FIRST_MS;

	if (misses < BK_BACKOFF_FREE)
		return 0;
	for (uint32_t i = BK_BACKOFF_FREE; i < misses && wait < BK_BACKOFF_MAX_MS; i++)
		wait *= 2;
	return wait < BK_BACKOFF_MAX_MS ? wait : BK_BACKOFF_MAX_MS;
}

static bool same_run(const struct bk_backoff_clock *a, const struct bk_backoff_clock *b)
{
	return memcmp(a->boot, b->boot, sizeof a->boot) == 0;
}

uint64_t bk_backoff_left(const struct bk_backoff *b, const struct bk_backoff_clock *now)
{
	uint64_t wait = bk_backoff_wait(b->misses), then = b->last.wall_ms, at = now->wall_ms, passed;

	if (same_run(&b->last, now)) {
		then = b->last.boot_ms;
		at = now->boot_ms;
	}
	passed = at > then ? at - then : 0;
	return wait > passed ? wait - passed : 0;
}

bool bk_backoff_anchor(struct bk_backoff *b, const struct bk_backoff_clock *now)
{
	if (same_run(&b->last, now) || now->wall_ms >= b->last.wall_ms)
		return false;
	b->last = *now;
	return true;
}

static void put(uint8_t *out, uint64_t v, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		out[i] = (uint8_t)(v >> (8 * i));
}

static uint64_t get(const uint8_t *p, unsigned n)
{
	uint64_t v = 0;

	for (unsigned i = n; i-- > 0;)
		v = v << 8 | p[i];
	return v;
}

void bk_backoff_encode(const struct bk_backoff *b, uint8_t out[static BK_BACKOFF_BYTES])
{
	memset(out, 0, BK_BACKOFF_BYTES);
	memcpy(out, magic, sizeof magic);
	put(out + 8, b->misses, 4);
	memcpy(out + 16, b->last.boot, sizeof b->last.boot);
	put(out + 32, b->last.boot_ms, 8);
	put(out + 40, b->last.wall_ms, 8);
	crypto_generichash(out + HEAD_BYTES, CHECK_BYTES, out, HEAD_BYTES, NULL, 0);
}

void bk_backoff_decode(const void *data, size_t len, const struct bk_backoff_clock *now, struct bk_backoff *ret_b)
{
	const uint8_t *p = data;
	uint8_t check[CHECK_BYTES];

	*ret_b = (struct bk_backoff){.misses = BK_BACKOFF_FREE, .last = *now};
	if (len != BK_BACKOFF_BYTES || memcmp(p, magic, sizeof magic) != 0)
		return;
	crypto_generichash(check, CHECK_BYTES, p, HEAD_BYTES, NULL, 0);
	if (memcmp(check, p + HEAD_BYTES, CHECK_BYTES) != 0)
		return;
	ret_b->misses = (uint32_t)get(p + 8, 4);
	memcpy(ret_b->last.boot, p + 16, sizeof ret_b->last.boot);
	ret_b->last.boot_ms = get(p + 32, 8);
	ret_b->last.wall_ms = get(p + 40, 8);
}

/* ---- the file ---- */

void bk_backoff_clock_read(struct bk_backoff_clock *ret_now)
{
	struct timespec up = {0, 0}, wall = {0, 0};
	char text[64] = "";
	int fd = open(BOOT_ID, O_RDONLY | O_CLOEXEC);

	memset(ret_now, 0, sizeof *ret_now);
	if (fd >= 0) {
		if (read(fd, text, sizeof text - 1) > 0)
			crypto_generichash(ret_now->boot, sizeof ret_now->boot, (const uint8_t *)text, sizeof text,
				NULL, 0);
		close(fd);
	}
	clock_gettime(CLOCK_BOOTTIME, &up);
	clock_gettime(CLOCK_REALTIME, &wall);
	ret_now->boot_ms = (uint64_t)up.tv_sec * 1000 + (uint64_t)up.tv_nsec / 1000000;
	ret_now->wall_ms = (bk_ms)wall.tv_sec * 1000 + (bk_ms)wall.tv_nsec / 1000000;
}

/* No file: nobody has tried yet. */
static void load(int fd, const struct bk_backoff_clock *now, struct bk_backoff *ret_b)
{
	uint8_t data[BK_BACKOFF_BYTES + 1];
	ssize_t n = fd < 0 ? 0 : pread(fd, data, sizeof data, 0);

	if (n > 0)
		bk_backoff_decode(data, (size_t)n, now, ret_b);
	else
		*ret_b = (struct bk_backoff){.misses = 0, .last = *now};
}

static void save(int fd, const struct bk_backoff *b)
{
	uint8_t data[BK_BACKOFF_BYTES];

	bk_backoff_encode(b, data);
	if (fd >= 0 && pwrite(fd, data, sizeof data, 0) == (ssize_t)sizeof data)
		fdatasync(fd);
}

static int open_file(const char *path)
{
	return open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0600);
}

int bk_backoff_begin(const char *path, const struct bk_backoff_clock *now, uint64_t *ret_left_ms)
{
	int fd = open_file(path), err = 0;
	struct bk_backoff b;
	uint64_t left;

	load(fd, now, &b);
	if (bk_backoff_anchor(&b, now))
		save(fd, &b);
	left = bk_backoff_left(&b, now);
	if (left) {
		*ret_left_ms = left;
		err = BK_E_RATE;
	} else {
		b.misses += b.misses < UINT32_MAX;
		b.last = *now;
		save(fd, &b);
	}
	if (fd >= 0)
		close(fd);
	return err;
}

void bk_backoff_forgive(const char *path, const struct bk_backoff_clock *now)
{
	int fd = open_file(path);

	save(fd, &(struct bk_backoff){.misses = 0, .last = *now});
	if (fd >= 0)
		close(fd);
}

uint64_t bk_backoff_ask(const char *path, const struct bk_backoff_clock *now)
{
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	struct bk_backoff b;

	load(fd, now, &b);
	if (fd >= 0)
		close(fd);
	return bk_backoff_left(&b, now);
}
