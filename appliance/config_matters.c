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

/* Everything that has been written so far, and one line more. */
struct lines {
	char *out;
	size_t n, cap;
};

static enum err
put(struct lines *l, const char *name, const char *kind, const char *value,
    struct why *why)
{
	if (value == NULL || value[0] == '\0' || strchr(value, '\n') != NULL)
		return why_set(why, ERR_MALFORMED,
		    "%s is not set in the configuration", name);
	if (l->n < l->cap)
		l->n += (size_t)snprintf(l->out + l->n, l->cap - l->n,
		    "%s = %s%s\n", name, kind, value);
	return ERR_OK;
}

/* Who may connect: another CA is another crowd. */
static enum err
put_ca(struct lines *l, const char *name, const char *path, struct why *why)
{
	uint8_t digest[DIGEST_LEN];
	char hex[2 * DIGEST_LEN + 1];
	enum err rc;

	if (path == NULL)
		return put(l, name, "", NULL, why);
	if ((rc = file_digest(path, name, digest, why)) != ERR_OK)
		return rc;
	hex_put(digest, sizeof(digest), hex);
	return put(l, name, "sha256:", hex, why);
}

enum err
config_matters(const struct config *f, char *out, size_t cap, struct why *why)
{
	struct lines l = {out, 0, cap};
	enum err rc;

	if ((rc = put(&l, "kms.period", "", f->kms_period, why)) != ERR_OK ||
	    (rc = put(&l, "kms.uri", "", f->kms_uri, why)) != ERR_OK ||
	    (rc = put(&l, "token.label", "", f->token_label, why)) != ERR_OK ||
	    (rc = put(&l, "token.module", "", f->token_module, why)) !=
		ERR_OK ||
	    (config_is_df2(f) &&
		(rc = put_ca(&l, "x2.client_ca", f->x2_server.client_ca,
		     why)) != ERR_OK) ||
	    (rc = put_ca(&l, "xk.client_ca", f->xk_server.client_ca, why)) !=
		ERR_OK ||
	    (config_is_remote(f) &&
		((rc = put(&l, "xk_client.connect", "", f->xkc.address, why)) !=
			ERR_OK ||
		    (rc = put_ca(&l, "xk_client.server_ca", f->xkc.server_ca,
			 why)) != ERR_OK)))
		return rc;
	return l.n < cap && l.n <= MAX_CONFIG_TEXT
	    ? ERR_OK
	    : why_set(why, ERR_TOOBIG,
		  "kms, token and the client_ca: over %d octets in all",
		  MAX_CONFIG_TEXT);
}
