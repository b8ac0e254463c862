/*
 * admission: who is let in by a process that faces the network.  At accept,
 * before a single octet is read, an address has its allowance of connections
 * (IPv4 /32, IPv6 /64), and there is a bound on handshakes that are under way;
 * after the handshake a client has its own, by its certificate, wherever it
 * comes from.
 */
#ifndef APPLIANCE_ADMISSION_H
#define APPLIANCE_ADMISSION_H

#include <sys/socket.h>

#include "appliance/allowance.h"
#include "appliance/proto.h"

struct admission {
	struct admission_settings settings;
	struct allowance *address; /* connections */
	struct allowance *early; /* of them those in their handshake */
	struct allowance *client; /* connections */
	struct allowance *requests;
	uint32_t n_early;
};

/* A connection, from admission_accept() to admission_left(). */
struct admitted {
	uint8_t address[ALLOWANCE_WHO], client[ALLOWANCE_WHO];
	bool early, known; /* before and after its handshake */
};

/* Why it is not let in, for the log; none is an attack by itself. */
enum admission_verdict {
	ADMISSION_YES,
	ADMISSION_ADDRESS, /* its address has or does too much */
	ADMISSION_HANDSHAKES, /* too many are under way in all */
	ADMISSION__MAX
};

/* ERR_NOMEM; ERR_CRYPTO: no randomness. */
enum err admission_init(struct admission *,
    const struct admission_settings *) MUST_CHECK;

/* A connection has come from there. */
enum admission_verdict admission_accept(struct admission *,
    const struct sockaddr *from, struct admitted *out,
    int64_t now_ms) MUST_CHECK;

/* Its handshake is done: may this client have one more? */
bool admission_known(struct admission *, struct admitted *,
    const uint8_t fingerprint[ALLOWANCE_WHO], int64_t now_ms) MUST_CHECK;

/* May this client ask for something now? */
bool admission_request(struct admission *, const struct admitted *,
    int64_t now_ms) MUST_CHECK;

/* It has ended, however far it came. */
void admission_left(struct admission *, struct admitted *);

#endif
