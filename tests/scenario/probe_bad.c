#include <stdbool.h>
#include <string.h>

#include "base/limits.h"
#include "probe_bad.h"

/*
 * 30 82 L L | 80 01 01 | 81 01 ID | A2 82 L L | A0 82 L L | fields
 * 0           4          7          10          14          18
 */
enum { OUTER = 0, VERSION = 4, ID = 7, BODY = 10, CHOICE = 14 };

static void
add_to_length(uint8_t *pdu, size_t at, int n)
{
	const int old = pdu[at + 2] << 8 | pdu[at + 3];

	pdu[at + 2] = (uint8_t)((old + n) >> 8);
	pdu[at + 3] = (uint8_t)(old + n);
}

static size_t
append(uint8_t *pdu, size_t len, const void *p, size_t n)
{
	memcpy(pdu + len, p, n);
	return len + n;
}

static void
insert(uint8_t *pdu, size_t len, size_t at, const void *p, size_t n)
{
	memmove(pdu + at + n, pdu + at, len - at);
	memcpy(pdu + at, p, n);
}

static size_t
cut(uint8_t *pdu, size_t len)
{
	add_to_length(pdu, OUTER, -1);
	return len - 1;
}

static size_t
trailing(uint8_t *pdu, size_t len)
{
	add_to_length(pdu, OUTER, 1);
	return append(pdu, len, "", 1);
}

static size_t
trailing_inside(uint8_t *pdu, size_t len)
{
	add_to_length(pdu, BODY, 1);
	return trailing(pdu, len);
}

static size_t
indefinite(uint8_t *pdu, size_t len)
{
	pdu[1] = 0x80;
	memmove(pdu + 2, pdu + 4, len - 4);
	return append(pdu, len - 2, "\0", 2);
}

static size_t
long_length(uint8_t *pdu, size_t len)
{
	insert(pdu, len, 2, "", 1);
	pdu[1] = 0x83;
	return len + 1;
}

static size_t
version(uint8_t *pdu, size_t len)
{
	pdu[VERSION + 2] = 2;
	return len;
}

static size_t
oversized(uint8_t *pdu, size_t len)
{
	static const uint8_t header[] = {0x30, 0x83, 0x01, 0xff, 0xfc};

	memset(pdu + len, 0, MAX_XK_PDU + 1 - len);
	memcpy(pdu, header, sizeof(header));
	return MAX_XK_PDU + 1;
}

static size_t
junk(uint8_t *pdu, size_t len)
{
	memset(pdu, 0xff, 64);
	return len < 64 ? len : 64;
}

static size_t
unknown_field(uint8_t *pdu, size_t len)
{
	add_to_length(pdu, OUTER, 3);
	add_to_length(pdu, BODY, 3);
	add_to_length(pdu, CHOICE, 3);
	return append(pdu, len, "\x8c\x01", 3);
}

static size_t
unknown_body(uint8_t *pdu, size_t len)
{
	pdu[CHOICE] = 0xab;
	return len;
}

static size_t
swapped(uint8_t *pdu, size_t len)
{
	uint8_t t[3];

	memcpy(t, pdu + VERSION, 3);
	memcpy(pdu + VERSION, pdu + ID, 3);
	memcpy(pdu + ID, t, 3);
	return len;
}

static size_t
negative_id(uint8_t *pdu, size_t len)
{
	pdu[ID + 2] = 0xff;
	return len;
}

static size_t
padded_id(uint8_t *pdu, size_t len)
{
	pdu[ID + 1] = 2;
	add_to_length(pdu, OUTER, 1);
	insert(pdu, len, ID + 2, "", 1);
	return len + 1;
}

static size_t
for_clients(uint8_t *pdu, size_t len)
{
	static const uint8_t keep_alive_response[] = {0x30, 0x0a, 0x80, 0x01,
	    0x01, 0x81, 0x01, 0x07, 0xa2, 0x02, 0x8a, 0x00};

	(void)len;
	memcpy(pdu, keep_alive_response, sizeof(keep_alive_response));
	return sizeof(keep_alive_response);
}

static size_t
ec_values(uint8_t *pdu, size_t len)
{
	pdu[CHOICE] = 0xa2;
	return len;
}

static size_t
private_key(uint8_t *pdu, size_t len)
{
	pdu[CHOICE] = 0xa4;
	return len;
}

static size_t
secret(uint8_t *pdu, size_t len)
{
	pdu[CHOICE] = 0xa6;
	return len;
}

size_t
probe_spoil(const char *kind, uint8_t *pdu, size_t len)
{
	static const struct {
		const char *name;
		size_t (*spoil)(uint8_t *, size_t);
	} kinds[] = {{"cut", cut}, {"trailing", trailing},
	    {"trailing-inside", trailing_inside}, {"indefinite", indefinite},
	    {"long-length", long_length}, {"version", version},
	    {"oversized", oversized}, {"junk", junk},
	    {"unknown-field", unknown_field}, {"unknown-body", unknown_body},
	    {"swapped", swapped}, {"negative-id", negative_id},
	    {"padded-id", padded_id}, {"for-clients", for_clients},
	    {"get-ec-values", ec_values}, {"get-private-key", private_key},
	    {"get-secret", secret}};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcmp(kinds[i].name, kind) == 0)
			return kinds[i].spoil(pdu, len);
	return 0;
}
