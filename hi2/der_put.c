#include <string.h>

#include "hi2/der_put.h"

void
der_put_init(struct der_put *d, uint8_t *p, size_t cap)
{
	*d = (struct der_put){.p = p, .cap = cap};
}

void
der_put_octets(struct der_put *d, const void *p, size_t len)
{
	if (d->failed || len > SIZE_MAX - d->len ||
	    (d->p != NULL && len > d->cap - d->len)) {
		d->failed = true;
		return;
	}
	d->len += len;
	if (d->p != NULL && len > 0)
		memcpy(d->p + d->cap - d->len, p, len);
}

/* The fewest octets that hold v; at least one. */
static void
put_fewest(struct der_put *d, uint64_t v)
{
	uint8_t b[8];
	size_t n = 0;

	do {
		b[sizeof(b) - ++n] = (uint8_t)v;
		v >>= 8;
	} while (v != 0);
	der_put_octets(d, b + sizeof(b) - n, n);
}

void
der_put_wrap(struct der_put *d, uint32_t tag, size_t since)
{
	const size_t len = d->len - since, before = d->len;
	uint8_t count;

	put_fewest(d, len);
	if (len >= 0x80) {
		count = (uint8_t)(0x80 | (d->len - before));
		der_put_octets(d, &count, 1);
	}
	put_fewest(d, tag);
}

void
der_put_string(struct der_put *d, uint32_t tag, const void *p, size_t len)
{
	const size_t since = d->len;

	der_put_octets(d, p, len);
	der_put_wrap(d, tag, since);
}

void
der_put_text(struct der_put *d, uint32_t tag, const char *text)
{
	der_put_string(d, tag, text, strlen(text));
}

void
der_put_number(struct der_put *d, uint32_t tag, uint64_t v)
{
	const size_t since = d->len;
	const uint8_t zero = 0;

	put_fewest(d, v);
	/* A set top bit would be a sign. */
	if (!d->failed && (v >> (8 * (d->len - since) - 1) & 1) != 0)
		der_put_octets(d, &zero, 1);
	der_put_wrap(d, tag, since);
}
