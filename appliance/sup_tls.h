/*
 * sup_tls: the files of TLS that each section of the configuration names: for
 * their trial, for those who are handed them, and for the watch of lists.
 */
#ifndef APPLIANCE_SUP_TLS_H
#define APPLIANCE_SUP_TLS_H

#include "appliance/supervisor.h"

enum tls_file { TLS_CERTIFICATE, TLS_KEY, TLS_CA, TLS_CRL, TLS_FILES };

/* Views into the configuration. */
struct tls_section {
	const char *name; /* as messages call it */
	const char *path[TLS_FILES]; /* NULL: not set */
	const char *ca_name; /* what the CAs of the other side are called */
	enum tls_role role; /* where the key is the token's */
	bool client; /* it calls a server, and may be without CAs */
	bool tls12;
};

struct tls_section sup_tls_server(const struct config_server *, enum tls_role);
struct tls_section sup_tls_client(const struct config_client *);
struct tls_section sup_tls_link(const struct config_link *);

/* That of a process; false: it has nothing to do with TLS. */
bool sup_tls_of(const struct config *, const struct child *,
    struct tls_section *out) MUST_CHECK;

/*
 * Open one of its files; *fd is the caller's to close.  -1, and ERR_OK, for one
 * that is not set and need not be.
 */
enum err sup_tls_open(const struct config *, const struct tls_section *,
    enum tls_file, int *fd, struct why *why) MUST_CHECK;

#endif
