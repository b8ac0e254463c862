/* x2_proc: what the files of the x2 process share. */
#ifndef APPLIANCE_X2_PROC_H
#define APPLIANCE_X2_PROC_H

#include <openssl/ssl.h>
#include <uv.h>

#include "appliance/admission.h"
#include "appliance/ctl_loop.h"
#include "appliance/peer.h"
#include "appliance/tls_crl.h"
#include "appliance/tls_asks.h"
#include "appliance/tls_fds.h"
#include "appliance/tls_server.h"
#include "appliance/tls_token.h"
#include "appliance/x2_asks.h"
#include "appliance/x2_intake.h"
#include "appliance/x2_replay.h"
#include "appliance/x2_xids.h"
#include "hi2/calls.h"
#include "hi2/x2_pdu.h"

#define X2_MAX_LISTEN 8
#define X2_XIDS 65536
#define X2_ACKS 4096 /* octets of acknowledgements that wait to be sent */
#define X2_LATE_ACKS \
	64 /* that wait for what stands before them to be stored \
	    */

enum x2_conn_state {
	X2_HANDSHAKE,
	X2_OPEN,
	X2_LINGER /* all is said; what still comes in is thrown away, so that
		   * no reset overtakes our last words */
};

/* What a connection's next PDU waits for. */
enum x2_wait {
	X2_WAIT_OCTETS, /* the rest of it */
	X2_WAIT_POLICY, /* what policy says of its XID */
	X2_WAIT_ROOM, /* tickets that end, or the journal */
	X2_WAIT_STORE, /* acknowledgements that become due */
	X2_WAIT_WRITE /* acknowledgements that leave */
};

/* Due when the journal has stored all up to an act. */
struct x2_late_ack {
	uint64_t act;
	size_t len;
	uint8_t octets[X2_ACK_LEN];
};

struct x2_conn {
	struct x2 *x;
	struct x2_conn *next, **at; /* list of all */
	uv_poll_t poll;
	int fd, events;
	struct admitted admitted;
	SSL *ssl;
	struct tls_wait tls_wait; /* during the handshake */
	enum x2_conn_state state;
	enum x2_wait wait;
	bool want_write; /* TLS itself waits for the socket */
	bool more; /* has octets that no event will announce */
	bool ended; /* nothing more comes; what has come is still taken */
	bool dead;
	uint64_t last_heard, last_sent; /* uv_now() ms */
	uint8_t *in;
	size_t in_at, in_len, in_cap; /* [in_at, in_len) is not taken yet */
	size_t scanned; /* XIDs of what stands before are asked for */
	uint8_t out[X2_ACKS];
	size_t out_len;
	uint64_t act; /* of the journal, the last that came by it */
	struct x2_late_ack late[X2_LATE_ACKS]; /* a ring */
	unsigned late_at, n_late;
	size_t lingered; /* octets thrown away */
};

struct x2 {
	uv_loop_t loop;
	struct ctl_watch ctl;
	uv_poll_t listen[X2_MAX_LISTEN];
	uv_timer_t tick;
	uv_idle_t again;
	int listen_fd[X2_MAX_LISTEN];
	unsigned n_listen;
	struct tls_fds files; /* that have come and are not in use yet */
	struct tls_crl lists;
	struct admission admission;
	SSL_CTX *tls;
	struct x2_settings settings;
	struct peer *policy, *hi2, *xkc; /* xkc: if others make the keys */
	uint64_t epoch; /* new for each process */
	struct x2_xids *xids;
	struct calls *calls;
	struct x2_asks *asks;
	struct x2_intake *intake;
	struct x2_replay *replay;
	bool replayed; /* all has come back, and is taken */
	struct x2_conn *conns;
	unsigned n_conns;
	bool resume; /* connections that wait are looked at again */
	bool starved; /* one of them waits for room */
	uint64_t count[X2_COUNT__MAX], told[X2_COUNT__MAX];
	uint64_t told_at; /* when policy was told: uv_now() ms */
};

/* ---- x2_accept.c ---- */
void x2_accept(struct x2 *, int listen_fd);
/* By the lists of now: who is revoked is closed. */
void x2_conn_judge(struct x2 *);
/* Close what has been silent, or has not read, for too long. */
void x2_conn_tick(struct x2 *);

/* ---- x2_conn.c ---- */
void x2_conn_free(struct x2_conn *);
/* Its handshake goes on: what it waited for has come. */
void x2_conn_signed(void *ctx);
/* What it waits for on its socket may have changed. */
void x2_conn_watch(struct x2_conn *);
/* What PDUs wait for may be there: look again when the loop turns. */
void x2_resume(struct x2 *);
/* More is stored: acknowledgements may be due. */
void x2_conn_stored(struct x2 *);
/* The last words, when the process stops. */
void x2_conn_stop(struct x2 *);

/* ---- x2_take.c ---- */

/*
 * One whole PDU off a connection, and its octets.  False: it waits for c->wait,
 * and is given again.
 */
bool x2_take(struct x2_conn *, const struct x2_pdu *, struct rd octets);
/* One that has come back; there must be room for tickets. */
void x2_take_back(struct x2 *, const struct msg_intake *);
/* Ask policy for the XIDs of PDUs behind the one that waits. */
void x2_ask_ahead(struct x2_conn *);
/* Tickets for what the table of calls has found, as far as there is room. */
void x2_take_events(struct x2 *);

/* A ticket for one exchange, now; there must be room. */
void x2_begin_exchange(struct x2 *, enum x2_ask_kind,
    const struct call_exchange_view *, bool again);

/* ---- x2_journal.c ---- */

/* May something new be taken in? */
bool x2_room(const struct x2 *);
/* To be kept, as x2_intake_put(). */
void x2_journal_put(struct x2 *, enum intake_kind, uint64_t call, int64_t came,
    struct rd pdu);
/* A SIP message has its ticket: it is nobody else's. */
void x2_journal_own(struct x2 *, uint64_t number, size_t stored);
/* What the table of calls needs no longer. */
void x2_journal_gone(struct x2 *);
/* What has come back is taken as there is room, and more is asked for. */
void x2_journal_turn(struct x2 *);
x2_intake_send_fn x2_journal_send;
enum err x2_on_intake_stored(void *ctx, const struct ipc_frame *);
enum err x2_on_intake_back(void *ctx, const struct ipc_frame *);
enum err x2_on_intake_end(void *ctx, const struct ipc_frame *);

/* ---- x2_link.c: policy and hi2 ---- */
extern const struct peer_ops x2_policy_ops, x2_hi2_ops, x2_xkc_ops;
extern const struct x2_asks_ops x2_ticket_ops;

void x2_policy_joined(struct x2 *);
void x2_policy_left(struct x2 *);
void x2_hi2_joined(struct x2 *);
void x2_xkc_joined(struct x2 *);
/* A ticket may have ended, and one connection may wait for that. */
void x2_look_for_room(struct x2 *);
/* False: it cannot be asked now. */
bool x2_ask_xid(struct x2 *, const uint8_t xid[XID_LEN]);
/* Every 2 s, if they have changed. */
void x2_tell_counts(struct x2 *);

#endif
