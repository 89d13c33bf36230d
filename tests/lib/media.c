/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "media.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>
#include <ogg/ogg.h>
#include <opus/opus.h>

#include "err.h"

#define RATE 48000
#define FRAME 960 /* 20 ms */
#define SERIAL 0x62616b6e
#define TAU 6.28318530717958647692

static uint32_t noise(uint32_t *state)
{
	*state = *state * 1664525u + 1013904223u;
	return *state >> 24;
}

static void paint_row(uint8_t *row, unsigned y, unsigned width, unsigned height, uint32_t *state)
{
	for (unsigned x = 0; x < width; x++) {
		double sky = (double)y / height, lamp = exp(-(pow((double)x / width - 0.7, 2) + pow(sky - 0.4, 2)) * 40);
		double grain = (double)noise(state) / 255.0 * 44.0;
		double base[3] = {30 + 90 * sky + 130 * lamp, 36 + 60 * sky + 110 * lamp, 70 + 20 * sky + 40 * lamp};

		for (int c = 0; c < 3; c++) {
			double v = base[c] + grain;

			row[x * 3 + (unsigned)c] = (uint8_t)(v > 255 ? 255 : v);
		}
	}
}

int bk_media_photo(const char *path, unsigned width, unsigned height)
{
	struct jpeg_compress_struct jpeg;
	struct jpeg_error_mgr errors;
	uint32_t state = 7;
	uint8_t *row = malloc((size_t)width * 3);
	FILE *f = fopen(path, "wbe");

	if (!row || !f) {
		free(row);
		if (f)
			fclose(f);
		return BK_E_IO;
	}
	jpeg.err = jpeg_std_error(&errors);
	jpeg_create_compress(&jpeg);
	jpeg_stdio_dest(&jpeg, f);
	jpeg.image_width = width;
	jpeg.image_height = height;
	jpeg.input_components = 3;
	jpeg.in_color_space = JCS_RGB;
	jpeg_set_defaults(&jpeg);
	jpeg_set_quality(&jpeg, 95, TRUE);
	jpeg_start_compress(&jpeg, TRUE);
	while (jpeg.next_scanline < height) {
		paint_row(row, jpeg.next_scanline, width, height, &state);
		jpeg_write_scanlines(&jpeg, &row, 1);
	}
	jpeg_finish_compress(&jpeg);
	jpeg_destroy_compress(&jpeg);
	free(row);
	return fclose(f) == 0 ? 0 : BK_E_IO;
}

static void speak(float *out, uint64_t at)
{
	for (int i = 0; i < FRAME; i++) {
		double t = (double)(at + (uint64_t)i) / RATE, syllable = 0.5 + 0.5 * sin(TAU * 3.1 * t);
		double pitch = 118 + 14 * sin(TAU * 0.7 * t), v = 0;

		for (int h = 1; h < 12; h++)
			v += sin(TAU * pitch * h * t) / h * exp(-pow((pitch * h - 600) / 900, 2));
		out[i] = (float)(0.25 * syllable * v);
	}
}

static int write_pages(ogg_stream_state *s, FILE *f, bool flush)
{
	ogg_page page;

	while (flush ? ogg_stream_flush(s, &page) : ogg_stream_pageout(s, &page))
		if (fwrite(page.header, 1, (size_t)page.header_len, f) != (size_t)page.header_len ||
			fwrite(page.body, 1, (size_t)page.body_len, f) != (size_t)page.body_len)
			return BK_E_IO;
	return 0;
}

static int write_headers(ogg_stream_state *s, FILE *f)
{
	/* OpusHead: version 1, one channel, pre-skip 312, 48 kHz; OpusTags: vendor and no comments. */
	unsigned char head[19] = {'O', 'p', 'u', 's', 'H', 'e', 'a', 'd', 1, 1, 0x38, 1, 0x80, 0xbb, 0, 0, 0, 0, 0};
	unsigned char tags[21] = {'O', 'p', 'u', 's', 'T', 'a', 'g', 's', 5, 0, 0, 0, 'b', 'a', 'k', 'e', 'n'};
	ogg_packet p = {.packet = head, .bytes = sizeof head, .b_o_s = 1};

	ogg_stream_packetin(s, &p);
	if (write_pages(s, f, true))
		return BK_E_IO;
	p = (ogg_packet){.packet = tags, .bytes = sizeof tags, .packetno = 1};
	ogg_stream_packetin(s, &p);
	return write_pages(s, f, true);
}

int bk_media_voice(const char *path, unsigned seconds)
{
	int code = 0, err = 0;
	OpusEncoder *e = opus_encoder_create(RATE, 1, OPUS_APPLICATION_VOIP, &code);
	unsigned frames = seconds * (RATE / FRAME);
	ogg_stream_state s;
	FILE *f = fopen(path, "wbe");

	if (!e || !f || ogg_stream_init(&s, SERIAL) != 0)
		return BK_E_IO;
	opus_encoder_ctl(e, OPUS_SET_BITRATE(24000));
	err = write_headers(&s, f);
	for (unsigned i = 0; !err && i < frames; i++) {
		unsigned char packet[1500];
		float pcm[FRAME];
		ogg_packet p = {.packet = packet, .packetno = i + 2, .granulepos = (ogg_int64_t)(i + 1) * FRAME};

		speak(pcm, (uint64_t)i * FRAME);
		p.bytes = opus_encode_float(e, pcm, FRAME, packet, sizeof packet);
		p.e_o_s = i + 1 == frames;
		if (p.bytes < 0)
			err = BK_E_IO;
		else
			ogg_stream_packetin(&s, &p);
		if (!err)
			err = write_pages(&s, f, i + 1 == frames);
	}
	ogg_stream_clear(&s);
	opus_encoder_destroy(e);
	return fclose(f) == 0 && !err ? 0 : BK_E_IO;
}
