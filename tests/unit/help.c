#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "help.h"

struct rd
view(const void *p, size_t len)
{
	struct rd r;

	rd_init(&r, p, len);
	return r;
}

struct rd
str(const char *s)
{
	return view(s, strlen(s));
}

json_t *
vectors(const char *file)
{
	char path[512];
	json_error_t e;
	json_t *j;

	(void)snprintf(path, sizeof(path), "%s/%s", KW_VECTORS, file);
	if ((j = json_load_file(path, 0, &e)) == NULL)
		fail_msg("%s: %s", path, e.text);
	return j;
}

json_t *
member(const json_t *o, const char *name)
{
	json_t *m = json_object_get(o, name);

	if (m == NULL)
		fail_msg("no member %s", name);
	return m;
}

const char *
text(const json_t *o, const char *name)
{
	const char *s = json_string_value(member(o, name));

	assert_non_null(s);
	return s;
}

long long
number(const json_t *o, const char *name)
{
	json_t *m = member(o, name);

	assert_true(json_is_integer(m));
	return json_integer_value(m);
}

uint8_t *
unhex(const char *hex, size_t *len)
{
	const size_t n = strlen(hex) / 2;
	uint8_t *p = malloc(n > 0 ? n : 1);

	assert_non_null(p);
	assert_int_equal(hex_get(hex, p, n), ERR_OK);
	*len = n;
	return p;
}

uint8_t *
octets(const json_t *o, const char *name, size_t *len)
{
	return unhex(text(o, name), len);
}

void
number_be(const char *hex, uint8_t *out, size_t len)
{
	char padded[512];
	const char *digits = strncmp(hex, "0x", 2) == 0 ? hex + 2 : hex;
	size_t n = strlen(digits);

	while (n > 2 * len && *digits == '0') {
		digits++;
		n--;
	}
	assert_true(n <= 2 * len && 2 * len < sizeof(padded));
	memset(padded, '0', 2 * len - n);
	memcpy(padded + 2 * len - n, digits, n + 1);
	assert_int_equal(hex_get(padded, out, len), ERR_OK);
}

uint8_t *
slurp(const char *path, size_t *len)
{
	FILE *f = fopen(path, "rb");
	uint8_t *p;
	long n;

	if (f == NULL)
		fail_msg("cannot open %s", path);
	assert_int_equal(fseek(f, 0, SEEK_END), 0);
	n = ftell(f);
	assert_true(n >= 0);
	rewind(f);
	p = malloc((size_t)n + 1);
	assert_non_null(p);
	assert_int_equal(fread(p, 1, (size_t)n, f), (size_t)n);
	fclose(f);
	*len = (size_t)n;
	return p;
}

void
each_prefix(const uint8_t *p, size_t len, void (*bad)(const uint8_t *, size_t))
{
	for (size_t n = 0; n < len; n++) {
		uint8_t *part = malloc(n > 0 ? n : 1);

		assert_non_null(part);
		memcpy(part, p, n);
		bad(part, n);
		free(part);
	}
}

static int
remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

void
folder_remove(const char *path)
{
	(void)nftw(path, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}
