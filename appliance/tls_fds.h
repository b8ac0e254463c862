/* tls_fds: PEM files of TLS as descriptors, as the supervisor hands them down.
 */
#ifndef APPLIANCE_TLS_FDS_H
#define APPLIANCE_TLS_FDS_H

#include "appliance/proto.h"

struct tls_fds {
	int cert, key; /* certificate chain and key of this end */
	int ca; /* CAs of the other end; -1: none */
	int crl; /* revocation lists; -1: none */
};
#define TLS_FDS_NONE \
	{ \
		-1, -1, -1, -1 \
	}

/*
 * One that has come is kept, in place of one before it, which is closed.
 * False: it is no file of TLS, and stays the caller's.
 */
bool tls_fds_keep(struct tls_fds *, enum ctl_file, int fd) MUST_CHECK;

/* Certificate, key and CAs are there. */
bool tls_fds_whole(const struct tls_fds *);

/* All but the lists, the caller's from then on; none is left. */
struct tls_fds tls_fds_take(struct tls_fds *);
/* The lists alone; -1: none have come. */
int tls_fds_take_crl(struct tls_fds *);
void tls_fds_close(struct tls_fds *);

#endif
