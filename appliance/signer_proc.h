/* signer_proc: what the files of keywarden-signer share. */
#ifndef APPLIANCE_SIGNER_PROC_H
#define APPLIANCE_SIGNER_PROC_H

#include "appliance/hsm_login.h"
#include "appliance/tls_role.h"
#include "base/ipc.h"

enum {
	SIGNER_XK,
	SIGNER_X2,
	SIGNER_XKC,
	SIGNER_HI2C, /* the first of a LEMF */
	SIGNER__MAX = SIGNER_HI2C + MAX_LEMFS
};

/* A process that has handshakes signed. */
struct signer_link {
	struct signer *signer;
	struct ipc_chan *chan; /* NULL: it is not there */
	enum tls_role role;
};

struct signer {
	struct hsm_place at;
	int pin_fd;
	struct hsm *token;
	int64_t test_at; /* CLOCK_MONOTONIC, ms */
	struct signer_link link[SIGNER__MAX];
};

/* Ends the process: the token is not to be trusted any longer. */
_Noreturn void signer_token_failed(const char *doing);

/*
 * One frame of it, if there is one.  The channel is closed when the other end
 * has gone or sends what is not permitted; the process ends when the token
 * fails.
 */
void signer_serve(struct signer_link *);

#endif
