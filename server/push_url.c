/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "push_url.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "err.h"

#define SCHEME "https://"
#define PORT_DEFAULT 443u

static bool host_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.';
}

/* "host" or "host:port", which ends at len. */
static int parse_authority(const char *text, size_t len, struct bk_push_url *ret_url)
{
	size_t n = 0;
	unsigned port = 0;

	while (n < len && host_char(text[n]))
		n++;
	if (!n || n >= sizeof ret_url->host || text[0] == '.' || text[0] == '-' || text[n - 1] == '.')
		return BK_E_INVAL;
	memcpy(ret_url->host, text, n);
	ret_url->host[n] = '\0';
	ret_url->port = PORT_DEFAULT;
	if (n == len)
		return 0;
	if (text[n] != ':' || n + 1 == len || len - n > 6 || text[n + 1] == '0')
		return BK_E_INVAL;
	for (n++; n < len; n++) {
		if (!isdigit((unsigned char)text[n]))
			return BK_E_INVAL;
		port = port * 10 + (unsigned)(text[n] - '0');
	}
	if (port > 65535)
		return BK_E_INVAL;
	ret_url->port = (uint16_t)port;
	return 0;
}

int bk_push_url_parse(const char *endpoint, struct bk_push_url *ret_url)
{
	struct bk_push_url url;
	size_t len = strnlen(endpoint, BK_PUSH_ENDPOINT_MAX + 1), n;

	if (len > BK_PUSH_ENDPOINT_MAX || strncmp(endpoint, SCHEME, strlen(SCHEME)) != 0)
		return BK_E_INVAL;
	for (size_t i = 0; i < len; i++)
		if (endpoint[i] <= ' ' || endpoint[i] > '~' || strchr("\\\"<>^`{|}#", endpoint[i]))
			return BK_E_INVAL;
	endpoint += strlen(SCHEME);
	n = strcspn(endpoint, "/");
	if (endpoint[n] != '/' || parse_authority(endpoint, n, &url) != 0)
		return BK_E_INVAL;
	*ret_url = url;
	return 0;
}

/* ---- the list ---- */

/* The next word of the list; NULL at its end. */
static const char *next_word(const char *list, size_t *ret_len)
{
	list += strspn(list, ", \t");
	*ret_len = strcspn(list, ", \t");
	return *ret_len ? list : NULL;
}

int bk_push_url_listed(const struct bk_push_url *url, const char *hosts)
{
	struct bk_push_url word;
	size_t len;
	int at = 0;

	for (const char *w = hosts; (w = next_word(w, &len)); w += len, at++)
		if (parse_authority(w, len, &word) == 0 && word.port == url->port && strcmp(word.host, url->host) == 0)
			return at;
	return -1;
}

int bk_push_url_check(const char *hosts)
{
	struct bk_push_url word;
	size_t len, n = 0;

	for (const char *w = hosts; (w = next_word(w, &len)); w += len)
		if (parse_authority(w, len, &word) != 0 || ++n > BK_PUSH_HOSTS_MAX)
			return BK_E_INVAL;
	return 0;
}

/* ---- addresses ---- */

static bool v4_public(uint32_t a, bool near)
{
	static const struct {
		uint32_t net;
		unsigned bits;
	} closed[] = { /* RFC 6890 */
		{0x00000000, 8},  /* this network */
		{0x0a000000, 8},  /* private */
		{0x64400000, 10}, /* behind a provider's NAT */
		{0xa9fe0000, 16}, /* link */
		{0xac100000, 12}, /* private */
		{0xc0000000, 24}, /* protocol assignments */
		{0xc0000200, 24}, /* documentation */
		{0xc0a80000, 16}, /* private */
		{0xc6120000, 15}, /* benchmarks */
		{0xc6336400, 24}, /* documentation */
		{0xcb007100, 24}, /* documentation */
		{0xe0000000, 4},  /* many */
		{0xf0000000, 4},  /* reserved, broadcast */
	};

	if (a >> 24 == 127)
		return near;
	for (size_t i = 0; i < sizeof closed / sizeof *closed; i++)
		if ((a ^ closed[i].net) >> (32 - closed[i].bits) == 0)
			return false;
	return true;
}

/* Public unicast only (2000::/3), without the ranges that carry an IPv4 address or documentation. */
static bool v6_public(const uint8_t a[static 16], bool near)
{
	static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}, one[16] = {[15] = 1};

	if (memcmp(a, one, sizeof one) == 0)
		return near;
	if (memcmp(a, mapped, sizeof mapped) == 0)
		return v4_public((uint32_t)a[12] << 24 | (uint32_t)a[13] << 16 | (uint32_t)a[14] << 8 | a[15], near);
	if (a[0] >> 5 != 1)
		return false;
	if (a[0] == 0x20 && a[1] == 0x02)
		return false; /* 6to4 */
	return !(a[0] == 0x20 && a[1] == 0x01 && (a[2] < 0x02 || (a[2] == 0x0d && a[3] == 0xb8))); /* 2001::/23, documentation */
}

bool bk_push_url_public(const struct sockaddr *address, bool near)
{
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;

	if (address->sa_family == AF_INET) {
		memcpy(&v4, address, sizeof v4);
		return v4_public(ntohl(v4.sin_addr.s_addr), near);
	}
	if (address->sa_family != AF_INET6)
		return false;
	memcpy(&v6, address, sizeof v6);
	return v6_public(v6.sin6_addr.s6_addr, near);
}
