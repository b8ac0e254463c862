#include <string.h>

#include "appliance/tls_role.h"

#define SPACES 64
#define CONTEXT_LEN 33

static const struct {
	const char *name;
	char context[CONTEXT_LEN + 1];
} roles[TLS_ROLE__MAX] = {
    [TLS_ROLE_XK] = {"xk", "TLS 1.3, server CertificateVerify"},
    [TLS_ROLE_X2] = {"x2", "TLS 1.3, server CertificateVerify"},
    [TLS_ROLE_XKC] = {"xk_client", "TLS 1.3, client CertificateVerify"},
    [TLS_ROLE_HI2] = {"hi2", "TLS 1.3, client CertificateVerify"},
};

const char *
tls_role_name(enum tls_role r)
{
	return roles[r].name;
}

enum err
tls_role_by_name(const char *name, enum tls_role *out)
{
	for (enum tls_role r = 0; r < TLS_ROLE__MAX; r++)
		if (strcmp(roles[r].name, name) == 0) {
			*out = r;
			return ERR_OK;
		}
	return ERR_NOTFOUND;
}

enum err
tls_role_input(enum tls_role r, struct rd hash, uint8_t out[TLS_INPUT_MAX],
    size_t *len)
{
	uint8_t spaces[SPACES];
	struct wr w;

	if (hash.left != TLS_HASH_LEAST && hash.left != TLS_HASH_MOST)
		return ERR_MALFORMED;
	memset(spaces, ' ', sizeof(spaces));
	wr_init(&w, out, TLS_INPUT_MAX);
	wr_copy(&w, spaces, sizeof(spaces));
	/* Its NUL is the zero octet. */
	wr_copy(&w, roles[r].context, sizeof(roles[r].context));
	wr_copy(&w, hash.p, hash.left);
	return wr_finish(&w, len);
}

enum err
tls_role_hash(enum tls_role r, struct rd input, struct rd *hash)
{
	uint8_t want[TLS_INPUT_MAX];
	struct rd in = input, head;
	size_t len;

	if (rd_view(&in, SPACES + CONTEXT_LEN + 1, &head) != ERR_OK ||
	    tls_role_input(r, in, want, &len) != ERR_OK ||
	    !rd_is(&input, want, len))
		return ERR_MALFORMED;
	*hash = in;
	return ERR_OK;
}
