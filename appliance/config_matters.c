/* What of the configuration two security officers must have approved. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "appliance/config.h"
#include "policy/digest.h"

#define MAX_CA ((size_t)1 << 20)

static enum err
file_digest(const char *path, const char *name, uint8_t out[DIGEST_LEN],
    struct why *why)
{
	const int fd = open(path, O_RDONLY | O_CLOEXEC);
	uint8_t *p = fd == -1 ? NULL : malloc(MAX_CA + 1);
	size_t n = 0;
	ssize_t got = 0;
	struct rd r;
	enum err rc;

	if (fd == -1)
		return why_errno(why, "%s %s", name, path);
	while (p != NULL && n <= MAX_CA &&
	    (got = read(fd, p + n, MAX_CA + 1 - n)) > 0)
		n += (size_t)got;
	close(fd);
	if (p == NULL)
		rc = why_set(why, ERR_NOMEM, "out of memory");
	else if (got == -1)
		rc = why_errno(why, "%s %s", name, path);
	else if (n == 0 || n > MAX_CA)
		rc = why_set(why, ERR_MALFORMED,
		    "%s %s: empty or over %zu octets", name, path, MAX_CA);
	else {
		rd_init(&r, p, n);
		if ((rc = digest_of(r, out)) != ERR_OK)
			rc = why_set(why, rc, "SHA-256 failed");
	}
	free(p);
	return rc;
}

/* Lines, each on the heap; the first failure ends them. */
#define MAX_LINES (17 + REACH_MOST + MAX_LEMFS * (4 + MAX_LEMF_PINS))
struct lines {
	char *line[MAX_LINES];
	unsigned n;
};

static enum err
put(struct lines *l, const char *section, const char *name, const char *kind,
    const char *value, struct why *why)
{
	if (value == NULL || value[0] == '\0' || strchr(value, '\n') != NULL)
		return why_set(why, ERR_MALFORMED,
		    "%s.%s is not set in the configuration", section, name);
	if (asprintf(&l->line[l->n], "%s%s%s = %s%s\n", section,
		section[0] == '\0' ? "" : ".", name, kind, value) == -1)
		return why_set(why, ERR_NOMEM, "out of memory");
	l->n++;
	return ERR_OK;
}

static enum err
put_digest(struct lines *l, const char *section, const char *name,
    const uint8_t digest[DIGEST_LEN], struct why *why)
{
	char hex[2 * DIGEST_LEN + 1];

	hex_put(digest, DIGEST_LEN, hex);
	return put(l, section, name, "sha256:", hex, why);
}

/* Who is on the other side: another CA is another crowd. */
static enum err
put_ca(struct lines *l, const char *section, const char *name, const char *path,
    struct why *why)
{
	uint8_t digest[DIGEST_LEN];
	char what[MAX_NAME + 32];
	enum err rc;

	if (path == NULL)
		return put(l, section, name, "", NULL, why);
	(void)snprintf(what, sizeof(what), "%s.%s", section, name);
	rc = file_digest(path, what, digest, why);
	return rc == ERR_OK ? put_digest(l, section, name, digest, why) : rc;
}

/* That lists are asked for; what they say changes from day to day. */
static enum err
put_crl(struct lines *l, const char *section, const char *crl, struct why *why)
{
	return crl == NULL ? ERR_OK
			   : put(l, section, "crl", "", "checked", why);
}

static enum err
put_servers(struct lines *l, const struct config *f, struct why *why)
{
	enum err rc;

	if ((rc = put_ca(l, "xk", "client_ca", f->xk_server.client_ca, why)) !=
		ERR_OK ||
	    (rc = put_crl(l, "xk", f->xk_server.crl, why)) != ERR_OK ||
	    !config_is_df2(f))
		return rc;
	rc = put_ca(l, "x2", "client_ca", f->x2_server.client_ca, why);
	return rc == ERR_OK ? put_crl(l, "x2", f->x2_server.crl, why) : rc;
}

/* The other appliance. */
static enum err
put_remote(struct lines *l, const struct config_client *x, struct why *why)
{
	enum err rc;

	if ((rc = put(l, "xk_client", "connect", "", x->address, why)) !=
		ERR_OK ||
	    (rc = put_ca(l, "xk_client", "server_ca", x->server_ca, why)) !=
		ERR_OK)
		return rc;
	return put_crl(l, "xk_client", x->crl, why);
}

/* What goes to the token, PIN and all, goes there. */
static enum err
put_calls(struct lines *l, const struct config *f, struct why *why)
{
	enum err rc = ERR_OK;

	for (unsigned i = 0; i < f->n_token_calls && rc == ERR_OK; i++)
		rc = put(l, "token", "calls", "", f->token_call[i], why);
	return rc;
}

static enum err
put_roles(struct lines *l, const struct config *f, struct why *why)
{
	enum err rc = ERR_OK;

	/* Turning it on is approved, and so is turning it off. */
	if (f->production)
		rc = put(l, "", "production", "", "true", why);
	if (rc != ERR_OK ||
	    (rc = put(l, "kms", "period", "", f->kms_period, why)) != ERR_OK ||
	    (rc = put(l, "kms", "uri", "", f->kms_uri, why)) != ERR_OK ||
	    (rc = put(l, "token", "label", "", f->token_label, why)) !=
		ERR_OK ||
	    (rc = put(l, "token", "module", "", f->token_module, why)) !=
		ERR_OK ||
	    (rc = put_calls(l, f, why)) != ERR_OK ||
	    (rc = put_servers(l, f, why)) != ERR_OK)
		return rc;
	return config_is_remote(f) ? put_remote(l, &f->xkc, why) : ERR_OK;
}

/* Whoever is taken for a LEMF gets its keys. */
static enum err
put_link(struct lines *l, const struct config_lemf *of, struct why *why)
{
	const struct config_link *k = &of->link;
	char section[MAX_NAME + 8];
	enum err rc;

	(void)snprintf(section, sizeof(section), "lemf.%s", of->name);
	rc = put(l, section, "address", "", k->address, why);
	if (rc == ERR_OK && k->server_ca != NULL)
		rc = put_ca(l, section, "server_ca", k->server_ca, why);
	if (rc == ERR_OK && k->server_ca != NULL && k->name != NULL)
		rc = put(l, section, "name", "", k->name, why);
	if (rc == ERR_OK)
		rc = put_crl(l, section, k->crl, why);
	for (unsigned i = 0; i < k->n_pins && rc == ERR_OK; i++)
		rc = put_digest(l, section, "pin", k->pin[i], why);
	return rc;
}

static int
by_octets(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static enum err
join(struct lines *l, char *out, size_t cap, struct why *why)
{
	size_t n = 0;

	qsort(l->line, l->n, sizeof(l->line[0]), by_octets);
	for (unsigned i = 0; i < l->n; i++) {
		const size_t len = strlen(l->line[i]);

		if (len >= cap - n || n + len > MAX_CONFIG_TEXT)
			return why_set(why, ERR_TOOBIG,
			    "kms, token, the client_ca and who the LEMFs are: "
			    "over %d octets in all",
			    MAX_CONFIG_TEXT);
		memcpy(out + n, l->line[i], len + 1);
		n += len;
	}
	return ERR_OK;
}

enum err
config_matters(const struct config *f, char *out, size_t cap, struct why *why)
{
	struct lines l = {.n = 0};
	enum err rc = put_roles(&l, f, why);

	for (unsigned i = 0; i < f->n_lemfs && rc == ERR_OK; i++)
		if (config_is_linked(f, &f->lemf[i]))
			rc = put_link(&l, &f->lemf[i], why);
	if (rc == ERR_OK)
		rc = join(&l, out, cap, why);
	for (unsigned i = 0; i < l.n; i++)
		free(l.line[i]);
	return rc;
}
