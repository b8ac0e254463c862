#include <stdlib.h>
#include <string.h>

#include "wire.h"

uint8_t buf[1 << 20];

struct wr
writer(void)
{
	struct wr w;

	wr_init(&w, buf, sizeof(buf));
	return w;
}

size_t
written(const struct wr *w)
{
	size_t len = 0;

	assert_int_equal(wr_finish(w, &len), ERR_OK);
	return len;
}

enum err
get_alone(get_fn *get, const uint8_t *p, size_t len)
{
	uint8_t *copy = malloc(len > 0 ? len : 1);
	enum err rc;

	assert_non_null(copy);
	if (len > 0)
		memcpy(copy, p, len);
	rc = get(view(copy, len));
	free(copy);
	return rc;
}

void
only_whole(get_fn *get, size_t len)
{
	assert_int_equal(get_alone(get, buf, len), ERR_OK);
	for (size_t n = 0; n < len; n++)
		if (get_alone(get, buf, n) != ERR_MALFORMED)
			fail_msg("%zu of %zu octets", n, len);
	buf[len] = 0;
	assert_int_equal(get_alone(get, buf, len + 1), ERR_MALFORMED);
}

void
only_between(get_fn *get, size_t len, size_t at, unsigned least, unsigned most)
{
	const uint8_t was = buf[at];

	for (unsigned v = 0; v < 256; v++) {
		const enum err rc =
		    v >= least && v < most ? ERR_OK : ERR_MALFORMED;

		buf[at] = (uint8_t)v;
		if (get(view(buf, len)) != rc)
			fail_msg("%u at octet %zu", v, at);
	}
	buf[at] = was;
}

void
only_below(get_fn *get, size_t len, size_t at, unsigned most)
{
	only_between(get, len, at, 0, most);
}
