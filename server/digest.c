/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "digest.h"

#include <openssl/sha.h>

bk_hash bk_digest_of(const void *data, size_t len)
{
	bk_hash h;

	SHA256(data, len, h.b);
	return h;
}
