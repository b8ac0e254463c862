#include <stdio.h>

#include "appliance/spawn.h"
#include "appliance/sup_tls.h"

struct tls_section
sup_tls_server(const struct config_server *v, enum tls_role role)
{
	return (struct tls_section){.name = v->section,
	    .path = {v->certificate, v->key, v->client_ca, v->crl},
	    .ca_name = "client_ca",
	    .role = role};
}

struct tls_section
sup_tls_client(const struct config_client *v)
{
	return (struct tls_section){.name = v->section,
	    .path = {v->certificate, v->key, v->server_ca, v->crl},
	    .ca_name = "server_ca",
	    .role = TLS_ROLE_XKC,
	    .client = true};
}

struct tls_section
sup_tls_link(const struct config_link *k)
{
	return (struct tls_section){.name = k->section,
	    .path = {k->certificate, k->key, k->server_ca, k->crl},
	    .ca_name = "server_ca",
	    .role = TLS_ROLE_HI2,
	    .client = true,
	    .tls12 = k->how.tls12};
}

bool
sup_tls_of(const struct config *f, const struct child *c,
    struct tls_section *out)
{
	const struct config_lemf *l;

	switch (c->kind) {
	case CTL_PEER_XK:
		*out = sup_tls_server(&f->xk_server, TLS_ROLE_XK);
		return true;
	case CTL_PEER_X2:
		*out = sup_tls_server(&f->x2_server, TLS_ROLE_X2);
		return true;
	case CTL_PEER_XKC:
		*out = sup_tls_client(&f->xkc);
		return true;
	case CTL_PEER_HI2C:
		if ((l = config_link_in(f, c->index)) == NULL)
			break;
		*out = sup_tls_link(&l->link);
		return true;
	case CTL_PEER_POLICY:
	case CTL_PEER_AUDIT:
	case CTL_PEER_HSM:
	case CTL_PEER_HI2:
	case CTL_PEER_SIGNER:
	case CTL_PEER__MAX:
		break;
	}
	return false;
}

enum err
sup_tls_open(const struct config *f, const struct tls_section *t,
    enum tls_file file, int *fd, struct why *why)
{
	const char *const name[TLS_FILES] = {"certificate", "key", t->ca_name,
	    "crl"};
	char what[MAX_NAME + 32];

	*fd = -1;
	if (t->path[file] == NULL &&
	    (file == TLS_CRL || (file == TLS_CA && t->client)))
		return ERR_OK;
	(void)snprintf(what, sizeof(what), "%s.%s", t->name, name[file]);
	return file == TLS_KEY
	    ? sup_open_key(f, t->path[file], t->role, what, fd, why)
	    : open_file(t->path[file], what, fd, why);
}
