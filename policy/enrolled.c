#include <stdlib.h>
#include <string.h>

#include "policy/enrolled.h"

void
enrolled_done(struct enrolled *e)
{
	while (e->n > 0)
		free(e->one[--e->n].cert);
}

const struct enrolled_one *
enrolled_find(const struct enrolled *e, struct rd name)
{
	for (unsigned i = 0; i < e->n; i++)
		if (rd_is(&name, e->one[i].name, strlen(e->one[i].name)))
			return &e->one[i];
	return NULL;
}

static struct rd
word(const char *s)
{
	struct rd r;

	rd_init(&r, s, strlen(s));
	return r;
}

enum err
enrolled_may_put(const struct enrolled *e, const char *name, struct rd cert,
    struct why *why)
{
	uint8_t fingerprint[DIGEST_LEN];

	if (name[0] == '\0' || strlen(name) > MAX_NAME)
		return why_set(why, ERR_MALFORMED,
		    "a %s's name has 1 to %d characters", e->what, MAX_NAME);
	if (enrolled_find(e, word(name)) == NULL && e->n == MAX_ENROLLED)
		return why_set(why, ERR_FULL, "more than %d %ss", MAX_ENROLLED,
		    e->what);
	if (digest_of(cert, fingerprint) != ERR_OK)
		return why_set(why, ERR_CRYPTO, "SHA-256 failed");
	for (unsigned i = 0; i < e->n && e->apart; i++)
		if (strcmp(e->one[i].name, name) != 0 &&
		    memcmp(e->one[i].fingerprint, fingerprint, DIGEST_LEN) == 0)
			return why_set(why, ERR_EXISTS,
			    "another %s has this certificate", e->what);
	return ERR_OK;
}

enum err
enrolled_put(struct enrolled *e, const char *name, struct rd cert,
    struct why *why)
{
	struct enrolled_one made = {.cert_len = cert.left};
	unsigned i = 0;
	enum err rc;

	if ((rc = enrolled_may_put(e, name, cert, why)) != ERR_OK)
		return rc;
	if ((rc = digest_of(cert, made.fingerprint)) != ERR_OK)
		return why_set(why, rc, "SHA-256 failed");
	if ((made.cert = malloc(cert.left > 0 ? cert.left : 1)) == NULL)
		return why_set(why, ERR_NOMEM, "out of memory");
	memcpy(made.cert, cert.p, cert.left);
	memcpy(made.name, name, strlen(name) + 1);
	while (i < e->n && strcmp(e->one[i].name, name) != 0)
		i++;
	if (i < e->n)
		free(e->one[i].cert);
	else
		e->n++;
	e->one[i] = made;
	return ERR_OK;
}

enum err
enrolled_drop(struct enrolled *e, const char *name, struct why *why)
{
	for (unsigned i = 0; i < e->n; i++)
		if (strcmp(e->one[i].name, name) == 0) {
			free(e->one[i].cert);
			e->one[i] = e->one[--e->n];
			return ERR_OK;
		}
	return why_set(why, ERR_NOTFOUND, "no such %s", e->what);
}
