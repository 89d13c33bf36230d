/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Real evidence for tests and the demo: a JPEG photo of some megabytes and an Ogg Opus voice recording, made
 * by the real encoders from the same numbers every time.
 *
 * Threads: one. Memory: none kept. Errors: BK_E_IO.
 */
#ifndef BK_MEDIA_H
#define BK_MEDIA_H

/* A dusk scene with film grain, width x height; 2400 x 1600 makes about 3 MB. */
int bk_media_photo(const char *path, unsigned width, unsigned height);
/* RFC 7845: `seconds` of a voice-like sound at 24 kbit/s. */
int bk_media_voice(const char *path, unsigned seconds);

#endif
