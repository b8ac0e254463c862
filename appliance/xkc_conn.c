/*
 * The connection to the other appliance.  It is proved when the server has
 * answered a keepAlive (docs/PROTOCOL.md, A1).
 */
#include <string.h>

#include "appliance/xkc_proc.h"

static const unsigned char alpn[] = {4, 'x', 'k', '/', '1'};
struct tls_crl xkc_lists = {.section = "xk_client"};
const struct tls_client_kind xkc_tls_kind = {.section = "xk_client",
    .role = TLS_ROLE_XKC,
    .ca_name = "server_ca",
    .alpn = alpn,
    .alpn_len = sizeof(alpn),
    .lists = &xkc_lists};

/* ---- out ---- */

bool
xkc_conn_send(void *ctx, const uint8_t *der, size_t len)
{
	struct xkc *x = ctx;

	if (!tls_link_is_up(x->link) ||
	    len > XKC_QUEUE - (x->out_len - x->out_at))
		return false;
	if (len > XKC_QUEUE - x->out_len) {
		memmove(x->out, x->out + x->out_at, x->out_len - x->out_at);
		x->out_len -= x->out_at;
		x->out_at = 0;
	}
	memcpy(x->out + x->out_len, der, len);
	x->out_len += len;
	tls_link_wake(x->link);
	return true;
}

static struct rd
on_out(void *ctx)
{
	const struct xkc *x = ctx;
	struct rd r;

	rd_init(&r, x->out + x->out_at, x->out_len - x->out_at);
	return r;
}

static void
on_wrote(void *ctx, size_t n)
{
	struct xkc *x = ctx;

	x->out_at += n;
	if (x->out_at == x->out_len)
		x->out_at = x->out_len = 0;
}

/* ---- in ---- */

static const char *
what_broke(enum err rc)
{
	switch (rc) {
	case ERR_DENIED:
		return "it calls a message of this appliance malformed";
	case ERR_MISMATCH:
		return "it answers what was not asked";
	case ERR_NOMEM:
		return "out of memory here";
	default:
		return "it does not speak Xk";
	}
}

static const char *
on_take(void *ctx, struct rd octets)
{
	struct xkc *x = ctx;
	enum err rc = ERR_TOOBIG;

	if (octets.left <= sizeof(x->in) - x->in_len) {
		memcpy(x->in + x->in_len, octets.p, octets.left);
		x->in_len += octets.left;
		rc = xkc_asks_take(x->asks, x->in, &x->in_len);
	}
	if (rc != ERR_OK)
		return what_broke(rc);
	if (xkc_asks_is_up(x->asks))
		tls_link_proved(x->link);
	return NULL;
}

/* ---- its beginning and its end ---- */

static void
on_up(void *ctx)
{
	struct xkc *x = ctx;

	xkc_asks_begin(x->asks, (int64_t)uv_now(&x->loop));
}

static void
on_down(void *ctx, const char *why)
{
	struct xkc *x = ctx;

	(void)why;
	xkc_asks_down(x->asks);
	explicit_bzero(x->in, x->in_len);
	x->in_len = x->out_at = x->out_len = 0;
}

const struct tls_link_ops xkc_link_ops = {.kind = &xkc_tls_kind,
    .up = on_up,
    .take = on_take,
    .out = on_out,
    .wrote = on_wrote,
    .down = on_down};

void
xkc_conn_tick(struct xkc *x)
{
	if (xkc_asks_tick(x->asks, (int64_t)uv_now(&x->loop)) != ERR_OK)
		tls_link_drop(x->link, "it does not answer");
}
