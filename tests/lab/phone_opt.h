/* phone_opt: what lab-phone is told on its command line. */
#ifndef TESTS_LAB_PHONE_OPT_H
#define TESTS_LAB_PHONE_OPT_H

#include <netinet/in.h>

#include "lab_store.h"

/* How lab-phone ends. */
enum phone_exit {
	PHONE_OK = 0, /* the call was made and ended as it should */
	PHONE_SETUP = 1, /* files, addresses, sockets */
	PHONE_USAGE = 2,
	PHONE_REFUSED = 3, /* by the peer, or by one of our checks */
	PHONE_TIMEOUT = 4
};

struct phone_addr {
	struct sockaddr_storage ss;
	socklen_t len;
	char text[80]; /* address:port, IPv6 in [] */
	char host[64]; /* address alone */
};

struct phone_opt {
	char role; /* 'a' or 'b' */
	const char *identity, *peer_identity;
	struct phone_addr sip, peer_sip, rtp;
	const char *params, *peer_params;
	enum lab_period period, peer_period;
	const char *device_key, *device_cert;
	const char *seed, *seed_hex;
	const char *key[LAB_USER_KEYS_MAX];
	size_t n_keys;
	const char *wav, *out, *dump_keys;
	unsigned seconds, timeout_s;
	const char *curve;
	uint8_t prf;
	/* To misbehave. */
	bool own_secret, bad_inner_id;
	const char *retarget;
	unsigned lose; /* every n-th SIP datagram, 0 for none */
	int first_seq; /* -1: random */
};

/* 0 to go on, or the status to exit with plus 1 (help: PHONE_OK + 1). */
int phone_opt_parse(struct phone_opt *, int argc, char **argv);

/* "ADDRESS:PORT", numeric, IPv6 in []. */
enum err phone_addr_parse(const char *text, struct phone_addr *) MUST_CHECK;

#endif
