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

enum err
config_matters(const struct config *f, char *out, size_t cap, struct why *why)
{
	uint8_t digest[DIGEST_LEN];
	char hex[2 * DIGEST_LEN + 1];
	const struct {
		const char *name, *value;
	} line[] = {{"kms.period", f->kms_period}, {"kms.uri", f->kms_uri},
	    {"token.label", f->token_label}, {"token.module", f->token_module},
	    {"xk.client_ca", f->client_ca}};
	const size_t n_lines = sizeof(line) / sizeof(line[0]);
	size_t n = 0;
	enum err rc;

	for (size_t i = 0; i < n_lines; i++)
		if (line[i].value == NULL || line[i].value[0] == '\0' ||
		    strchr(line[i].value, '\n') != NULL)
			return why_set(why, ERR_MALFORMED,
			    "%s is not set in the configuration", line[i].name);
	rc = file_digest(f->client_ca, "xk.client_ca", digest, why);
	if (rc != ERR_OK)
		return rc;
	hex_put(digest, sizeof(digest), hex);
	for (size_t i = 0; i < n_lines && n < cap; i++)
		n += (size_t)snprintf(out + n, cap - n, "%s = %s%s\n",
		    line[i].name,
		    line[i].value == f->client_ca ? "sha256:" : "",
		    line[i].value == f->client_ca ? hex : line[i].value);
	return n < cap && n <= MAX_CONFIG_TEXT
	    ? ERR_OK
	    : why_set(why, ERR_TOOBIG,
		  "kms, token and xk.client_ca: over %d octets in all",
		  MAX_CONFIG_TEXT);
}
