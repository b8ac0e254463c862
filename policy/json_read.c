#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "base/log.h"
#include "policy/json_read.h"
#include "policy/rfc3339.h"

json_t *
jr_load(struct rd json, struct why *why)
{
	json_error_t e;
	json_t *root;

	/* jansson skips a NUL behind a number. */
	if (json.left > 0 && memchr(json.p, '\0', json.left) != NULL) {
		(void)why_set(why, ERR_MALFORMED, "not JSON (a NUL in it)");
		return NULL;
	}
	root = json_loadb((const char *)json.p, json.left,
	    JSON_REJECT_DUPLICATES, &e);
	if (root == NULL)
		(void)why_set(why, ERR_MALFORMED, "%s (line %d, column %d)",
		    json_error_code(&e) == json_error_duplicate_key
			? "a member stands there twice"
			: "not JSON",
		    e.line, e.column);
	return root;
}

static bool
known(const char *key, const char *const *names)
{
	for (; *names != NULL; names++)
		if (strcmp(key, *names) == 0)
			return true;
	return false;
}

enum err
jr_only(json_t *o, const char *what, const char *const *names, struct why *why)
{
	const char *key;
	json_t *value;
	char text[64];

	if (!json_is_object(o))
		return why_set(why, ERR_MALFORMED, "%s: not an object", what);
	json_object_foreach (o, key, value)
		if (!known(key, names))
			return why_set(why, ERR_MALFORMED,
			    "%s: unknown member \"%s\"", what,
			    log_escape(key, strlen(key), text, sizeof(text)));
	return ERR_OK;
}

enum err
jr_time(json_t *o, const char *name, int64_t *out, struct why *why)
{
	const char *s = json_string_value(json_object_get(o, name));

	if (s == NULL || rfc3339_parse(s, out) != ERR_OK)
		return why_set(why, ERR_MALFORMED,
		    "%s: not a time like 2026-01-31T12:00:00Z", name);
	return ERR_OK;
}

enum err
jr_number(json_t *o, const char *name, uint64_t most, uint64_t *out,
    struct why *why)
{
	const json_t *v = json_object_get(o, name);

	if (!json_is_integer(v) || json_integer_value(v) < 0 ||
	    (uint64_t)json_integer_value(v) > most)
		return why_set(why, ERR_MALFORMED,
		    "%s: must be a number of 0 to %llu", name,
		    (unsigned long long)most);
	*out = (uint64_t)json_integer_value(v);
	return ERR_OK;
}

enum err
jr_bool(json_t *o, const char *name, bool *out, struct why *why)
{
	const json_t *v = json_object_get(o, name);

	if (!json_is_boolean(v))
		return why_set(why, ERR_MALFORMED, "%s: must be true or false",
		    name);
	*out = json_is_true(v);
	return ERR_OK;
}

/* Printable ASCII, so that it can stand in any record and on any screen. */
static enum err
word(const json_t *v, const char *name, size_t most, char **out,
    struct why *why)
{
	const char *s = json_string_value(v);
	const size_t n = s == NULL ? 0 : json_string_length(v);

	if (n == 0 || n > most)
		return why_set(why, ERR_MALFORMED,
		    "%s: must be a string of 1 to %zu characters", name, most);
	for (size_t i = 0; i < n; i++)
		if (s[i] <= 0x20 || s[i] >= 0x7f)
			return why_set(why, ERR_MALFORMED,
			    "%s: must be printable ASCII without blanks", name);
	if ((*out = strdup(s)) == NULL)
		return why_set(why, ERR_NOMEM, "out of memory");
	return ERR_OK;
}

enum err
jr_word(json_t *o, const char *name, size_t most, char **out, struct why *why)
{
	return word(json_object_get(o, name), name, most, out, why);
}

enum err
jr_hex(json_t *o, const char *name, void *out, size_t len, struct why *why)
{
	const char *s = json_string_value(json_object_get(o, name));
	const char *c = s;

	while (c != NULL && *c != '\0' && !(*c >= 'A' && *c <= 'F'))
		c++;
	if (s == NULL || *c != '\0' || hex_get(s, out, len) != ERR_OK)
		return why_set(why, ERR_MALFORMED,
		    "%s: must be %zu hex digits in lower case", name, 2 * len);
	return ERR_OK;
}

/*
 * Octets of base64 text, if it is the one way to write them: EVP_DecodeBlock()
 * takes any padding for zeros and drops bits that are left over.
 */
static enum err
base64_get(const char *s, size_t n, struct octets *out)
{
	unsigned char *p = malloc(n / 4 * 3 + 1), *again = malloc(n + 1);
	enum err rc = ERR_MALFORMED;
	int len = -1;

	if (p == NULL || again == NULL)
		rc = ERR_NOMEM;
	else
		len = EVP_DecodeBlock(p, (const unsigned char *)s, (int)n);
	if (len > 0)
		len -= (s[n - 1] == '=') + (s[n - 2] == '=');
	if (len > 0 && EVP_EncodeBlock(again, p, len) == (int)n &&
	    memcmp(again, s, n) == 0) {
		*out = (struct octets){p, (size_t)len};
		p = NULL;
		rc = ERR_OK;
	}
	free(again);
	free(p);
	return rc;
}

enum err
jr_base64(json_t *o, const char *name, size_t most, struct octets *out,
    struct why *why)
{
	const char *s = json_string_value(json_object_get(o, name));
	const size_t n = s == NULL ? 0 : strlen(s);
	struct octets got = {NULL, 0};
	enum err rc = ERR_MALFORMED;

	if (n > 0 && n % 4 == 0 && n / 4 * 3 <= most + 2)
		rc = base64_get(s, n, &got);
	if (rc == ERR_NOMEM)
		return why_set(why, rc, "out of memory");
	if (rc != ERR_OK || got.len > most) {
		free(got.p);
		return why_set(why, ERR_MALFORMED,
		    "%s: must be base64 of 1 to %zu octets", name, most);
	}
	*out = got;
	return ERR_OK;
}

enum err
jr_words(json_t *o, const char *name, unsigned most, size_t longest,
    struct words *out, struct why *why)
{
	const json_t *a = json_object_get(o, name);
	const size_t len = json_array_size(a);
	enum err rc;

	if (!json_is_array(a) || len < 1 || len > most)
		return why_set(why, ERR_MALFORMED,
		    "%s: must be a list of 1 to %u strings", name, most);
	if ((out->w = calloc(len, sizeof(*out->w))) == NULL)
		return why_set(why, ERR_NOMEM, "out of memory");
	for (size_t i = 0; i < len; i++) {
		rc = word(json_array_get(a, i), name, longest, &out->w[i], why);
		if (rc != ERR_OK)
			return rc;
		out->n++;
		for (size_t k = 0; k < i; k++)
			if (strcmp(out->w[i], out->w[k]) == 0)
				return why_set(why, ERR_MALFORMED,
				    "%s: names one twice", name);
	}
	return ERR_OK;
}

void
words_done(struct words *l)
{
	for (unsigned i = 0; i < l->n; i++)
		free(l->w[i]);
	free(l->w);
	*l = (struct words){NULL, 0};
}
