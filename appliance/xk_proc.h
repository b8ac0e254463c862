/* xk_proc: what the files of the xk process share. */
#ifndef APPLIANCE_XK_PROC_H
#define APPLIANCE_XK_PROC_H

#include <openssl/ssl.h>
#include <uv.h>

#include "appliance/admission.h"
#include "appliance/ctl_loop.h"
#include "appliance/peer.h"
#include "appliance/tls_crl.h"
#include "appliance/tls_asks.h"
#include "appliance/tls_fds.h"
#include "appliance/tls_token.h"
#include "appliance/proto.h"
#include "appliance/slots.h"
#include "appliance/xk_proof.h"
#include "appliance/xk_tls.h"

#define XK_MAX_LISTEN 8
#define XK_REQUESTS 65536

enum conn_state {
	CONN_WAITING, /* for policy's nonce; nothing is read */
	CONN_HANDSHAKE,
	CONN_OPEN,
	CONN_CLOSING, /* reads no more; what is due still goes out */
	CONN_LINGER /* all is said; what still comes in is thrown away, so that
		     * no reset overtakes our last words */
};

struct held;

/* One client, by its certificate, on all its connections. */
struct xk_client {
	struct xk_client *next;
	uint8_t fingerprint[ALLOWANCE_WHO];
	unsigned n_conns;
	uint32_t n_outstanding; /* requests not yet answered */
	uint32_t n_asked; /* of them those that policy has */
	struct held *held, **held_end; /* the others */
	size_t held_octets;
};

struct conn {
	struct xk *x;
	struct conn *next, **at; /* list of all */
	uv_poll_t poll;
	int fd, events;
	SSL *ssl;
	enum conn_state state;
	bool want_write; /* TLS itself waits for the socket */
	bool more; /* has octets that no event will announce */
	bool dead;
	uint32_t id; /* by which policy knows it */
	struct admitted admitted;
	struct xk_client *client; /* NULL: not known yet */
	struct xk_proof proof; /* during the handshake */
	struct tls_wait wait; /* the same */
	bool known; /* to the policy that is there now */
	bool proven; /* and that has been shown who it is */
	uint64_t last_heard, last_sent; /* uv_now() ms */
	uint8_t *in;
	size_t in_len, in_cap;
	uint8_t *out;
	size_t out_at, out_len, out_cap;
	uint32_t *outstanding; /* requestIds not yet answered */
	uint32_t n_outstanding, cap_outstanding;
	uint32_t overloads; /* refused since the last note */
	size_t lingered; /* octets thrown away */
};

/* A request; conn is NULL once its connection has gone. */
struct asked {
	struct conn *conn;
	struct xk_client *client;
	uint32_t request_id;
	bool sent; /* policy has it; else it is held */
	uint64_t deadline;
};

struct xk {
	uv_loop_t loop;
	struct ctl_watch ctl;
	uv_poll_t listen[XK_MAX_LISTEN];
	uv_timer_t tick;
	uv_idle_t again;
	int listen_fd[XK_MAX_LISTEN];
	unsigned n_listen;
	struct tls_fds files; /* that have come and are not in use yet */
	struct tls_crl lists;
	struct admission admission;
	SSL_CTX *tls;
	struct xk_settings settings;
	struct peer *policy, *hsm[MAX_WORKERS];
	struct slots *requests;
	struct slots *ids; /* struct conn *; NULL: gone, untold */
	uint64_t epoch;
	struct conn *conns;
	unsigned n_conns;
	struct xk_client *clients;
	size_t held_octets; /* of requests that are held */
	bool stopping;
};

/* ---- xk_accept.c ---- */
void xk_accept(struct xk *, int listen_fd);
/* By the lists of now: who is revoked is closed. */
void xk_conn_judge(struct xk *);
/* Close what has been silent, or has not read, for too long. */
void xk_conn_tick(struct xk *);

/* ---- xk_conn.c ---- */

/* Queue a PDU; the connection is closed if it has too much queued. */
void xk_conn_send(struct conn *, const uint8_t *der, size_t len);
/* Answers that are due, then the end. */
void xk_conn_close_after_sending(struct conn *);
void xk_conn_free(struct conn *);
/* The handshake goes on: what it waited for has come. */
void xk_conn_signed(void *ctx);
/* The handshake, with the nonce that it has. */
void xk_conn_begin(struct conn *);

/* ---- xk_client.c: connections, with policy ---- */

/* A new one asks for its nonce, or begins without if there is no policy. */
enum err xk_client_came(struct conn *) MUST_CHECK;
/* After the handshake: who it is.  Without policy it is nobody. */
enum err xk_client_prove(struct conn *) MUST_CHECK;
/* Its id is free again when policy has been told, now or at a tick. */
void xk_client_left(struct conn *);
void xk_client_tick(struct xk *);
enum err xk_on_nonce(void *ctx, const struct ipc_frame *);

/* Something of a client for the log; lost where policy does not know it. */
void xk_note(struct conn *, uint32_t count, const char *text);

/*
 * With a policy goes what it knew of connections: all that is under way ends
 * in unavailable, and when there is one again they end too, so that clients
 * connect anew and are known.
 */
void xk_policy_left(struct xk *);
void xk_policy_joined(struct xk *);

/* ---- xk_share.c: what is one client's ---- */

/* A connection of it; NULL: out of memory. */
struct xk_client *xk_share_join(struct xk *,
    const uint8_t fingerprint[ALLOWANCE_WHO]);
void xk_share_leave(struct xk *, struct xk_client *);

/* Is one more request within its share? */
bool xk_share_has_room(const struct xk *, const struct xk_client *);
/* A MSG_ASK goes to policy, now or when it is its turn; false: it does not. */
bool xk_share_ask(struct xk *, struct asked *, uint32_t id, struct rd ask);
/* A request has ended; it is in no slot any more. */
void xk_share_done(struct xk *, const struct asked *);

/* ---- xk_request.c ---- */

/* One whole PDU off a connection. */
void xk_on_pdu(struct conn *, struct rd pdu);
void xk_answer_refusal(struct conn *, uint32_t request_id, enum xk_reason);
void xk_forget_conn(struct conn *);
/* Everything under way ends in unavailable. */
void xk_fail_all(struct xk *);
void xk_request_tick(struct xk *);

extern const struct peer_ops xk_policy_ops, xk_hsm_ops;

#endif
