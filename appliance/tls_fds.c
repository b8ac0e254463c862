#include <unistd.h>

#include "appliance/tls_fds.h"

static void
drop(int fd)
{
	if (fd != -1)
		close(fd);
}

bool
tls_fds_keep(struct tls_fds *f, enum ctl_file kind, int fd)
{
	int *const at = kind == CTL_FILE_TLS_CERT ? &f->cert
	    : kind == CTL_FILE_TLS_KEY		  ? &f->key
	    : kind == CTL_FILE_CLIENT_CA	  ? &f->ca
	    : kind == CTL_FILE_CRL		  ? &f->crl
						  : NULL;

	if (at == NULL)
		return false;
	drop(*at);
	*at = fd;
	return true;
}

bool
tls_fds_whole(const struct tls_fds *f)
{
	return f->cert != -1 && f->key != -1 && f->ca != -1;
}

struct tls_fds
tls_fds_take(struct tls_fds *f)
{
	const struct tls_fds taken = {f->cert, f->key, f->ca, -1};

	f->cert = f->key = f->ca = -1;
	return taken;
}

int
tls_fds_take_crl(struct tls_fds *f)
{
	const int fd = f->crl;

	f->crl = -1;
	return fd;
}

void
tls_fds_close(struct tls_fds *f)
{
	drop(f->cert);
	drop(f->key);
	drop(f->ca);
	drop(f->crl);
	*f = (struct tls_fds)TLS_FDS_NONE;
}
