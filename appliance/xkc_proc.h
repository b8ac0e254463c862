/* xkc_proc: what the files of the xkc process share. */
#ifndef APPLIANCE_XKC_PROC_H
#define APPLIANCE_XKC_PROC_H

#include <openssl/ssl.h>
#include <uv.h>

#include "appliance/address.h"
#include "appliance/ctl_loop.h"
#include "appliance/peer.h"
#include "appliance/tls_client.h"
#include "appliance/xkc_asks.h"

#define XKC_READ 16384 /* at once */
#define XKC_QUEUE (4 * 1024 * 1024) /* octets that wait for the server */
#define XKC_BACKOFF_FIRST_MS 500
#define XKC_BACKOFF_MOST_MS 30000
#define XKC_STEADY_MS 1000 /* up for so long: the next is tried at once */

struct xkc;

enum xkc_state { XKC_CONNECTING, XKC_HANDSHAKE, XKC_OPEN };

struct xkc_conn {
	struct xkc *x;
	uv_poll_t poll;
	int fd, events;
	SSL *ssl;
	enum xkc_state state;
	bool want_write; /* TLS itself waits for the socket */
	bool dead;
	int64_t since, up_at; /* ms; up_at 0: the server has not answered */
	uint8_t in[MAX_XK_PDU + XKC_READ];
	size_t in_len;
	uint8_t *out; /* of XKC_QUEUE; [out_at, out_len) waits */
	size_t out_at, out_len;
};

struct xkc_worker {
	struct xkc *x;
	unsigned index;
	struct peer *peer; /* NULL: not there */
};

struct xkc {
	uv_loop_t loop;
	struct ctl_watch ctl;
	uv_timer_t tick;
	int cert_fd, key_fd, ca_fd;
	SSL_CTX *tls;
	struct address address;
	char name[256]; /* in the server's certificate */
	struct peer *x2;
	struct xkc_worker worker[MAX_WORKERS];
	struct xkc_asks *asks;
	struct xkc_conn *conn; /* NULL: none, the next is due at retry_at */
	int64_t retry_at, backoff;
	char said[WHY_MAX]; /* what the log was told last of its absence */
};

/* ---- xkc_conn.c ---- */

extern const struct tls_client_kind xkc_tls_kind;

/* Octets for the server, for struct xkc_ops. */
bool xkc_conn_send(void *ctx, const uint8_t *der, size_t len);
/* A few times a second: connects when that is due, ends what is silent. */
void xkc_conn_tick(struct xkc *);
/* Another server or certificate: the connection ends, the next is due now. */
void xkc_conn_renew(struct xkc *);
/* The last words, when the process stops. */
void xkc_conn_stop(struct xkc *);

/* ---- xkc_link.c: x2 and the workers ---- */

extern const struct peer_ops xkc_x2_ops, xkc_hsm_ops;

/* For struct xkc_ops. */
void xkc_fetched(void *ctx, unsigned worker, uint32_t id,
    const struct msg_fetched *);
void xkc_worker_joined(struct xkc *, unsigned index, int fd);

#endif
