/* xkc_proc: what the files of the xkc process share. */
#ifndef APPLIANCE_XKC_PROC_H
#define APPLIANCE_XKC_PROC_H

#include <openssl/ssl.h>
#include <uv.h>

#include "appliance/ctl_loop.h"
#include "appliance/peer.h"
#include "appliance/tls_asks.h"
#include "appliance/tls_link.h"
#include "appliance/xkc_asks.h"

#define XKC_QUEUE (4 * 1024 * 1024) /* octets that wait for the server */

struct xkc;

struct xkc_worker {
	struct xkc *x;
	unsigned index;
	struct peer *peer; /* NULL: not there */
};

struct xkc {
	uv_loop_t loop;
	struct ctl_watch ctl;
	uv_timer_t tick;
	struct tls_fds files; /* that have come and are not in use yet */
	struct tls_link_to to;
	char name[256]; /* in the server's certificate */
	struct peer *x2;
	struct xkc_worker worker[MAX_WORKERS];
	struct xkc_asks *asks;
	struct tls_link *link;
	uint8_t in[MAX_XK_PDU + TLS_LINK_READ];
	size_t in_len;
	uint8_t out[XKC_QUEUE]; /* [out_at, out_len) waits */
	size_t out_at, out_len;
};

/* ---- xkc_conn.c ---- */

/* With the process's lists of revoked ones. */
extern const struct tls_client_kind xkc_tls_kind;
extern struct tls_crl xkc_lists;
extern const struct tls_link_ops xkc_link_ops;

/* Octets for the server, for struct xkc_ops. */
bool xkc_conn_send(void *ctx, const uint8_t *der, size_t len);
/* A few times a second: ends a connection on which nothing comes. */
void xkc_conn_tick(struct xkc *);

/* ---- xkc_link.c: x2 and the workers ---- */

extern const struct peer_ops xkc_x2_ops, xkc_hsm_ops;

/* For struct xkc_ops. */
void xkc_fetched(void *ctx, unsigned worker, uint32_t id,
    const struct msg_fetched *);
void xkc_worker_joined(struct xkc *, unsigned index, int fd);

#endif
