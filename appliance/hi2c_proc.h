/* hi2c_proc: what keywarden-hi2c is made of. */
#ifndef APPLIANCE_HI2C_PROC_H
#define APPLIANCE_HI2C_PROC_H

#include <uv.h>

#include "appliance/ctl_loop.h"
#include "appliance/peer.h"
#include "appliance/proto_hi2.h"
#include "appliance/stamp.h"
#include "appliance/tls_asks.h"
#include "appliance/tls_link.h"
#include "hi2/deliver.h"

/*
 * How long a connection waits for the LEMF to end it, before records go: in
 * TLS 1.3 a client whose certificate is refused learns that only then.  Where
 * sent is delivered, what is sent into it would be lost.
 */
#define HI2C_HOLD_MS 250
#define HI2C_HOLD_SENT_MS 1000
/* What has stood for so long is connected, even if the LEMF is silent. */
#define HI2C_PROOF_MS 1000

#define HI2C_FILES 3 /* of struct tls_fds, without lists */
#define HI2C_LISTS_MS 500 /* how often these are looked at */

struct hi2c {
	uv_loop_t loop;
	struct ctl_watch ctl;
	uv_check_t turned; /* the loop has: what has followed is told */
	uv_timer_t due, lists;
	struct tls_fds files; /* that have come and are not in use yet */
	struct stamp stamp[HI2C_FILES]; /* of those in use */
	uint8_t *settings; /* in use, as they came */
	size_t settings_len;

	char whom[MAX_NAME + 16]; /* "the LEMF lka-3" */
	char section[MAX_NAME + 8]; /* "lemf lka-3" */
	uint16_t port; /* of the LEMF */
	char name[256]; /* in its certificate */
	uint8_t pin[MAX_LEMF_PINS][DIGEST_LEN];
	enum deliver_rule rule;
	struct tls_link *link;
	struct peer *hi2; /* NULL: not there */

	struct deliver *deliver;
	bool raised; /* deliver is up, in `epoch` */
	bool silent, said_declined;
	uint32_t epoch; /* of this connection or, without one, of the last */
	int64_t raise_at, prove_at; /* INT64_MAX: neither is to come */
	enum link_state told; /* to hi2, with why */
	char why[MAX_LINK_TEXT + 1];
	/* Signatures asked for in this process's life: those of machines that
	 * have been replaced, and all. */
	uint64_t old_signs, signs;
};

/* ---- hi2c_conn.c: the machine and its connection ---- */

extern const struct tls_link_ops hi2c_link_ops;
/* With the pins of struct hi2c, which is the process's own, and its lists of
 * revoked ones. */
extern struct tls_client_kind hi2c_tls_kind;
extern struct tls_crl hi2c_lists;

/* What has followed goes to hi2, what waits to the LEMF; the timer is set. */
void hi2c_settle(struct hi2c *);
/* Another machine, of another configuration; it is taken over. */
void hi2c_replace(struct hi2c *, struct deliver *, enum deliver_rule);

/* For people: of ERR_NOMEM and ERR_CRYPTO. */
const char *hi2c_what_failed(enum err);

/* ---- hi2c_link.c: hi2 ---- */

/* A new hi2 begins with what it knows to be undelivered. */
void hi2c_hi2_joined(struct hi2c *, int fd);

/* To hi2, if it is there. */
void hi2c_tell_link(struct hi2c *, enum link_state, const char *why);
void hi2c_tell_upto(struct hi2c *, uint16_t type, uint64_t number);
/* False: it cannot be asked now. */
bool hi2c_ask_signature(struct hi2c *, uint64_t number, struct rd octets);

#endif
