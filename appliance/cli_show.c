#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "appliance/cli_show.h"
#include "policy/digest.h"
#include "policy/json_read.h"
#include "base/limits.h"

/* C0, DEL, C1, and what turns the direction of writing. */
static bool
is_plain(const char *s)
{
	const unsigned char *u = (const unsigned char *)s;

	for (; *u != '\0'; u++) {
		if (*u < 0x20 || *u == 0x7f)
			return false;
		if (u[0] == 0xc2 && u[1] >= 0x80 && u[1] < 0xa0)
			return false;
		if (u[0] == 0xe2 &&
		    ((u[1] == 0x80 && u[2] >= 0xa8 && u[2] <= 0xae) ||
			(u[1] == 0x81 && u[2] >= 0xa6 && u[2] <= 0xa9)))
			return false;
	}
	return true;
}

void
cli_put_text(const char *s)
{
	json_t *j;
	char *t;

	if (is_plain(s)) {
		(void)fputs(s, stdout);
		return;
	}
	j = json_string(s);
	t = j == NULL ? NULL
		      : json_dumps(j, JSON_ENCODE_ANY | JSON_ENSURE_ASCII);
	(void)fputs(t == NULL ? "?" : t, stdout);
	free(t);
	json_decref(j);
}

const char *
cli_str(const json_t *o, const char *name)
{
	const char *s = json_string_value(json_object_get(o, name));

	return s == NULL ? "?" : s;
}

long long
cli_count(const json_t *o, const char *name)
{
	return (long long)json_integer_value(json_object_get(o, name));
}

bool
cli_is(const json_t *o, const char *name)
{
	return json_is_true(json_object_get(o, name));
}

/* "CN = x, until Jan 31 12:00:00 2027 GMT, SHA-256 ab..." */
static bool
put_certificate(json_t *holder, const char *name)
{
	struct octets der = {NULL, 0};
	uint8_t digest[DIGEST_LEN];
	char hex[2 * DIGEST_LEN + 1], *text = NULL;
	const unsigned char *p;
	struct why why;
	struct rd view;
	X509 *x;
	BIO *b;

	if (jr_base64(holder, name, MAX_CERT, &der, &why) != ERR_OK)
		return false;
	p = der.p;
	x = d2i_X509(NULL, &p, (long)der.len);
	b = BIO_new(BIO_s_mem());
	rd_init(&view, der.p, der.len);
	if (x != NULL && b != NULL && digest_of(view, digest) == ERR_OK) {
		(void)X509_NAME_print_ex(b, X509_get_subject_name(x), 0,
		    XN_FLAG_ONELINE);
		(void)BIO_puts(b, ", until ");
		(void)ASN1_TIME_print(b, X509_get0_notAfter(x));
		(void)BIO_write(b, "", 1);
		(void)BIO_get_mem_data(b, &text);
		hex_put(digest, sizeof(digest), hex);
		cli_put_text(text);
		(void)printf(", SHA-256 %s\n", hex);
	}
	BIO_free(b);
	X509_free(x);
	free(der.p);
	if (text == NULL)
		(void)printf("not a certificate\n");
	return true;
}

static void
put_scalar(const json_t *v)
{
	if (json_is_string(v))
		cli_put_text(json_string_value(v));
	else if (json_is_integer(v))
		(void)printf("%lld", (long long)json_integer_value(v));
	else
		(void)fputs(json_is_true(v) ? "yes"
			: json_is_false(v)  ? "no"
					    : "-",
		    stdout);
}

static bool
named(const char *const *list, const char *name)
{
	for (; list != NULL && *list != NULL; list++)
		if (strcmp(*list, name) == 0)
			return true;
	return false;
}

/* Lines of a text under each other. */
static void
put_lines(const char *s, unsigned indent)
{
	char *copy = strdup(s), *at = copy, *line;

	while ((line = strsep(&at, "\n")) != NULL && copy != NULL) {
		if (*line == '\0')
			continue;
		(void)printf("%*s", (int)indent, "");
		cli_put_text(line);
		(void)printf("\n");
	}
	free(copy);
}

/* Deep enough for all that we write; what is deeper is not ours. */
#define INDENT_MOST 12

/* An object, or several with a blank line between. */
static void
show_objects(json_t *v, unsigned indent)
{
	json_t *e;
	size_t i;

	if (json_is_object(v))
		cli_show_members(v, indent, NULL);
	json_array_foreach (v, i, e) {
		if (i > 0)
			(void)printf("\n");
		cli_show_members(e, indent, NULL);
	}
}

static void
show_member(json_t *holder, const char *name, json_t *v, unsigned indent)
{
	const bool of_objects =
	    json_is_array(v) && json_is_object(json_array_get(v, 0));
	json_t *e;
	size_t i;

	if (json_is_array(v) && json_array_size(v) == 0)
		return;
	if (json_is_object(v) || of_objects) {
		(void)printf("%*s%s\n", (int)indent, "", name);
		show_objects(v, indent + 2);
		return;
	}
	(void)printf("%*s%-14s ", (int)indent, "", name);
	if (strcmp(name, "certificate") == 0 && put_certificate(holder, name))
		return;
	if (json_is_array(v)) {
		json_array_foreach (v, i, e) {
			(void)printf("%s", i == 0 ? "" : " ");
			put_scalar(e);
		}
		(void)printf("\n");
	} else if (json_is_string(v) &&
	    strchr(json_string_value(v), '\n') != NULL) {
		(void)printf("\n");
		put_lines(json_string_value(v), indent + 2);
	} else {
		put_scalar(v);
		(void)printf("\n");
	}
}

void
cli_show_members(json_t *o, unsigned indent, const char *const *but)
{
	const char *name;
	json_t *v;

	if (indent > INDENT_MOST)
		return;
	json_object_foreach (o, name, v)
		if (!named(but, name))
			show_member(o, name, v, indent);
}

bool
cli_show_request(struct rd octets)
{
	/* In an order for people; nonce and version tell them nothing. */
	static const char *const names[] = {"kind", "requester", "issued",
	    "expires", "kms", "policyVersion", "request", "person", "reason",
	    "body"};
	struct why why = {""};
	json_t *j = jr_load(octets, &why), *v;

	if (j == NULL)
		return false;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if ((v = json_object_get(j, names[i])) != NULL)
			show_member(j, names[i], v, 2);
	json_decref(j);
	return true;
}
