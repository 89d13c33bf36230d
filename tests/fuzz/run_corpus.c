/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Replays a fuzz target without a fuzzer: every seed of a folder as it is, cut off at every length (long
 * ones at some), and mutated some thousands of times by a generator with a fixed start. Ends after about
 * three seconds; the same inputs in the same order on every machine, as far as it gets.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SEEDS_MAX 512
#define SEED_BYTES_MAX (256u * 1024u)
#define GROWTH 64 /* a mutation makes an input at most so much longer */
#define ROUNDS 4000
#define CUTS 512
#define LIMIT_MS 3000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);
#pragma weak LLVMFuzzerInitialize

struct seed {
	uint8_t *data;
	size_t len;
};

static struct seed seeds[SEEDS_MAX];
static size_t seed_count;
static unsigned long runs;
static uint64_t state = 0x9e3779b97f4a7c15u;

/* xorshift64*: Vigna, "An experimental exploration of Marsaglia's xorshift generators", 2016. */
static uint64_t draw(uint64_t below)
{
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return (state * 0x2545f4914f6cdd1du >> 11) % below;
}

static long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (long)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* A copy of exactly that length, so that AddressSanitizer sees a read one byte too far. */
static void run(const uint8_t *data, size_t len)
{
	uint8_t *exact = malloc(len ? len : 1);

	if (!exact)
		abort();
	if (len)
		memcpy(exact, data, len);
	LLVMFuzzerTestOneInput(exact, len);
	free(exact);
	runs++;
}

static int load(const char *folder, const char *name)
{
	char path[4096];
	struct seed *s = &seeds[seed_count];
	FILE *f;

	snprintf(path, sizeof path, "%s/%s", folder, name);
	f = fopen(path, "rb");
	if (!f)
		return -1;
	s->data = malloc(SEED_BYTES_MAX);
	if (!s->data)
		abort();
	s->len = fread(s->data, 1, SEED_BYTES_MAX, f);
	fclose(f);
	seed_count++;
	return 0;
}

static int load_folder(const char *folder)
{
	struct dirent **names = NULL;
	int n = scandir(folder, &names, NULL, alphasort), err = n < 0 ? -1 : 0;

	for (int i = 0; i < n; i++) {
		if (names[i]->d_name[0] != '.' && seed_count < SEEDS_MAX)
			err |= load(folder, names[i]->d_name);
		free(names[i]);
	}
	free(names);
	return err;
}

static void mutate_once(uint8_t *data, size_t *len)
{
	static const uint8_t edges[] = {0x00, 0x01, 0x7f, 0x80, 0xff};
	size_t at = *len ? draw(*len) : 0, n;

	switch (draw(6)) {
	case 0: /* one bit */
		if (*len)
			data[at] ^= (uint8_t)(1u << draw(8));
		break;
	case 1: /* a value at the edge of something */
		if (*len)
			data[at] = edges[draw(sizeof edges)];
		break;
	case 2: /* any value */
		if (*len)
			data[at] = (uint8_t)draw(256);
		break;
	case 3: /* cut the end off */
		*len = at;
		break;
	case 4: /* take a piece out */
		n = *len ? draw(*len - at) : 0;
		memmove(data + at, data + at + n, *len - at - n);
		*len -= n;
		break;
	default: /* say a piece twice */
		n = *len ? draw(*len - at) % 8 + 1 : 0;
		n = n > *len - at ? *len - at : n;
		memmove(data + at + n, data + at, *len - at);
		*len += n;
	}
}

static void mutate(const struct seed *s, uint8_t *room)
{
	size_t len = s->len;

	memcpy(room, s->data, len);
	for (uint64_t i = draw(6) + 1; i > 0; i--)
		mutate_once(room, &len);
	run(room, len);
}

static void cut(const struct seed *s)
{
	size_t step = s->len / CUTS + 1;

	for (size_t len = 0; len <= s->len; len += step)
		run(s->data, len);
	run(s->data, s->len);
}

int main(int argc, char **argv)
{
	const long until = now_ms() + LIMIT_MS;
	uint8_t *room = malloc(SEED_BYTES_MAX + GROWTH);

	if (!room)
		abort();
	if (&LLVMFuzzerInitialize)
		LLVMFuzzerInitialize(&argc, &argv);
	for (int i = 1; i < argc; i++) {
		if (load_folder(argv[i])) {
			fprintf(stderr, "%s: no such folder of seeds, or unreadable\n", argv[i]);
			return 1;
		}
	}
	if (seed_count == 0) {
		fprintf(stderr, "no seeds\n");
		return 1;
	}
	for (size_t i = 0; i < seed_count && now_ms() < until; i++)
		cut(&seeds[i]);
	for (unsigned round = 0; round < ROUNDS && now_ms() < until; round++) {
		for (size_t i = 0; i < seed_count; i++)
			mutate(&seeds[i], room);
	}
	printf("%zu seeds, %lu runs\n", seed_count, runs);
	for (size_t i = 0; i < seed_count; i++)
		free(seeds[i].data);
	free(room);
	return 0;
}
