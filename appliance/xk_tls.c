#include "appliance/tls_server.h"
#include "appliance/xk_proof.h"
#include "appliance/xk_tls.h"

static const unsigned char alpn[] = {4, 'x', 'k', '/', '1'};

static const struct tls_server_kind kind = {.section = "xk",
    .role = TLS_ROLE_XK,
    .alpn = alpn,
    .alpn_len = sizeof(alpn),
    .extend = xk_proof_profile};

enum err
xk_tls_new(int cert_fd, int key_fd, int ca_fd, SSL_CTX **out, struct why *why)
{
	return tls_server_new(&kind, cert_fd, key_fd, ca_fd, out, why);
}
