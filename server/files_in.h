/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What files.c (requests) and files_dir.c (the folder) share. Threads: loop. */
#ifndef BK_FILES_IN_H
#define BK_FILES_IN_H

#include "files.h"
#include "idmap.h"

#define BK_UPLOAD_MS (7ull * 86400000ull) /* as the store's expiry job */
#define BK_UPLOAD_NAME 80

struct bk_files {
	struct bk_server *server;
	int dir;
	struct bk_idmap busy; /* uploads that a request or a worker holds */
	unsigned working;     /* requests with a worker or the writer */
	uint64_t bytes, max;  /* promised to uploads and used by files */
	bool expiring;
	char path[600];
};

#endif
