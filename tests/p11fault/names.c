#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "p11fault.h"

struct name {
	const char *text;
	unsigned long value;
};

static const char *const fn_names[FN__MAX] = {
    [FN__ANY] = "*",
#define CALL(name, ...) [FN_##name] = #name,
#define HOOK(name, ...) [FN_##name] = #name,
#include "calls.def"
};

/* ck_names.def is made from pkcs11.h by CMakeLists.txt. */
static const struct name rv_names[] = {
#define CKR(name) {#name, name},
#define CKM(name)
#define CKA(name)
#include "ck_names.def"
#undef CKR
#undef CKM
#undef CKA
};

static const struct name mech_names[] = {
#define CKR(name)
#define CKM(name) {#name, name},
#define CKA(name)
#include "ck_names.def"
#undef CKR
#undef CKM
#undef CKA
};

static const struct name attr_names[] = {
#define CKR(name)
#define CKM(name)
#define CKA(name) {#name, name},
#include "ck_names.def"
#undef CKR
#undef CKM
#undef CKA
};

#define N(table) (sizeof(table) / sizeof((table)[0]))

enum fn
names_fn(const char *text)
{
	for (size_t i = 0; i < FN__MAX; i++)
		if (strcmp(fn_names[i], text) == 0)
			return (enum fn)i;
	return FN__MAX;
}

const char *
names_of_fn(enum fn fn)
{
	return fn_names[fn];
}

/* A name of the table, or any value as 0x... */
static bool
lookup(const struct name *table, size_t n, const char *text, unsigned long *out)
{
	char *end;

	for (size_t i = 0; i < n; i++)
		if (strcmp(table[i].text, text) == 0) {
			*out = table[i].value;
			return true;
		}
	if (strncmp(text, "0x", 2) != 0 || text[2] == '\0')
		return false;
	*out = strtoul(text + 2, &end, 16);
	return *end == '\0';
}

bool
names_rv(const char *text, unsigned long *out)
{
	return lookup(rv_names, N(rv_names), text, out);
}

bool
names_mech(const char *text, unsigned long *out)
{
	return lookup(mech_names, N(mech_names), text, out);
}

bool
names_attr(const char *text, unsigned long *out)
{
	return lookup(attr_names, N(attr_names), text, out);
}

const char *
names_of_rv(CK_RV rv, char buf[NAMES_BUF])
{
	for (size_t i = 0; i < N(rv_names); i++)
		if (rv_names[i].value == rv)
			return rv_names[i].text;
	(void)snprintf(buf, NAMES_BUF, "0x%08lx", rv);
	return buf;
}
