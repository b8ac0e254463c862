/*
 * receive: what the files of `keywarden-lemf receive` share: the loop, its
 * connections, what is done with a PDU, what is said of it.
 */
#ifndef LEMF_RECEIVE_H
#define LEMF_RECEIVE_H

#include <openssl/ssl.h>
#include <uv.h>

#include "hi2/ber_get.h"
#include "hi2/iri_profile.h"
#include "lemf/order.h"
#include "lemf/store.h"

#define RECEIVE_LINKS 64 /* connections at a time */
#define LINK_OUT 65536 /* octets of answers that a sender does not read */
#define LINK_PEER 160

enum link_state { LINK_HANDSHAKE, LINK_OPEN, LINK_LINGER };

/* A connection. */
struct link {
	struct receive *r;
	struct link *next, **at; /* in receive.links */
	uv_poll_t poll;
	int fd, events;
	SSL *ssl;
	enum link_state state;
	bool dead, want_write;
	bool acknowledges; /* pDUAcknowledgement was agreed */
	unsigned number;
	char peer[LINK_PEER]; /* its address */
	uint64_t heard, began, sent; /* ms; began: the PDU that is not whole */
	uint8_t *in;
	size_t in_len, in_cap;
	struct ber_frame frame;
	/* Answers; those behind out_free wait for the disk. */
	uint8_t out[LINK_OUT];
	size_t out_len, out_at, out_free;
};

struct receive {
	uv_loop_t loop;
	uv_poll_t listen;
	uv_timer_t tick;
	uv_check_t check; /* after each turn: sync, then answers */
	uv_signal_t sigint, sigterm;
	int listen_fd;
	SSL_CTX *tls;
	struct link *links;
	unsigned n_links, n_connections;

	struct store *store;
	struct order *order;
	struct record *record; /* it is long */
	struct iri_profile profile; /* headers of answers */

	bool acknowledge, json;
	uint64_t idle_ms; /* 0: for ever */
	uint64_t once; /* end after so many records; 0: go on */

	struct link *now; /* whose PDU is judged; NULL: what was there before */
	bool due; /* an answer waits for the disk */
	bool ending, answered_since;
	uint64_t end_ms; /* by when it has to end */
	bool wrong;
	uint64_t counts[ORDER__MAX], unreadable;
	int code;
};

/* ---- receive_link.c ---- */

void link_accept(struct receive *);
/* Queue an answer; it goes out after the next link_release(). */
void link_answer(struct link *, const uint8_t *p, size_t len);
/* All that was put is on the disk: its answers may go. */
void link_release(struct link *);
void link_close(struct link *, const char *why);
void link_tick(struct receive *);

/* ---- receive_take.c ---- */

/* One whole PDU.  Not ERR_OK: the store failed, or there is no memory. */
enum err receive_take(struct link *, struct rd pdu) MUST_CHECK;
/* The same of what is in the folder already. */
enum err receive_had(void *r, struct rd pdu,
    const struct order_place *) MUST_CHECK;
enum err receive_order(struct receive *, struct rd verify_key) MUST_CHECK;

/* ---- receive_say.c: one line each ---- */

/* About the connection `l`, which may be NULL; `more` may be NULL. */
void say_link(struct receive *, const struct link *l, const char *event,
    const char *more, bool wrong);
/* order_ops.event */
void say_event(void *r, const struct order_event *);
void say_unreadable(struct receive *, const struct link *, struct rd liid,
    const char *why);
void say_message(struct receive *, const struct link *, const struct record *);
void say_cut(void *r, const char *file, uint64_t octets);
void say_summary(struct receive *);

/* The loop ends once what asks behind is answered, or in 5 s. */
void receive_end(struct receive *);
/* The store does not hold: ends at once, without an answer. */
void receive_fail(struct receive *, const struct why *);

#endif
