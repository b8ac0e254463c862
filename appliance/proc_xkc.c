/*
 * keywarden-xkc: has keys made by another appliance, over Xk.  Holds the MIKEY
 * messages of x2's tickets, and keys in passing; asks for what a worker names,
 * and for nothing else.
 */
#include <string.h>
#include <unistd.h>

#include "appliance/sandbox.h"
#include "appliance/xkc_proc.h"
#include "base/log.h"

#define TICK_MS 100

static void
on_file(void *ctx, enum ctl_file kind, int fd)
{
	struct xkc *x = ctx;

	if (!tls_fds_keep(&x->files, kind, fd))
		fatal("a file that is not for this process");
}

static void
on_peer(void *ctx, enum ctl_peer kind, unsigned index, int fd)
{
	struct xkc *x = ctx;

	if (kind == CTL_PEER_HSM) {
		xkc_worker_joined(x, index, fd);
		return;
	}
	if (kind == CTL_PEER_SIGNER) {
		tls_asks_joined(&x->loop, fd);
		return;
	}
	if (kind != CTL_PEER_X2)
		fatal("a peer that is not for this process");
	peer_free(&x->x2);
	if (peer_new(&x->loop, fd, &xkc_x2_ops, x, &x->x2) != ERR_OK)
		fatal("no channel to x2");
}

static enum err
new_tls(struct xkc *x, struct why *why)
{
	const struct tls_fds files = tls_fds_take(&x->files);
	SSL_CTX *c = NULL;
	enum err rc;

	rc = tls_client_new(&xkc_tls_kind, &files, &c, why);
	if (rc != ERR_OK)
		return rc;
	SSL_CTX_free(x->to.tls);
	x->to.tls = c;
	return ERR_OK;
}

static void
on_lists(void *ctx)
{
	struct xkc *x = ctx;

	tls_crl_take(&xkc_lists, &x->files);
	if (tls_crl_tick(&xkc_lists))
		tls_link_judge(x->link);
}

/* ERR_MALFORMED with the reason: nothing of it is in use then. */
static enum err
take_settings(struct xkc *x, const struct xkc_settings *s, struct why *why)
{
	const struct xkc_times times = {1000 * (int64_t)s->request_seconds,
	    1000 * (int64_t)s->keep_alive_seconds};
	struct address a;
	char text[256];
	enum err rc;

	if (view_text(s->address, text, sizeof(text)) != ERR_OK)
		fatal("bad settings");
	if ((rc = address_parse("xk_client.connect", text, &a, why)) != ERR_OK)
		return rc;
	if (!sandbox_may_call(address_port(&a))) {
		log_info("another port: this process ends and is started anew");
		tls_link_bye(x->link);
		_exit(0);
	}
	if (view_text(s->name, x->name, sizeof(x->name)) != ERR_OK)
		fatal("bad settings");
	if (x->name[0] == '\0')
		memcpy(x->name, a.host, sizeof(a.host));
	x->to.address = a;
	xkc_asks_set(x->asks, &times);
	return ERR_OK;
}

static void
on_setup(void *ctx, struct rd settings)
{
	struct xkc *x = ctx;
	struct xkc_settings s;
	struct why why = {""};

	if (!tls_fds_whole(&x->files) ||
	    xkc_settings_get(settings, &s) != ERR_OK)
		fatal("incomplete start");
	tls_crl_take(&xkc_lists, &x->files);
	if (take_settings(x, &s, &why) != ERR_OK || new_tls(x, &why) != ERR_OK)
		ctl_fail(ERR_MALFORMED, &why);
	sandbox_confine(SANDBOX_XKC, address_port(&x->to.address));
	sandbox_enter(SANDBOX_XKC);
	tls_link_set(x->link, &x->to);
}

/* New files came before this. */
static void
on_reload(void *ctx, struct rd settings)
{
	struct xkc *x = ctx;
	struct xkc_settings s;
	struct why why = {""};

	if (xkc_settings_get(settings, &s) != ERR_OK)
		fatal("bad settings");
	tls_crl_take(&xkc_lists, &x->files);
	if (take_settings(x, &s, &why) != ERR_OK)
		log_error("%s: the address in use stays", why.text);
	if (tls_fds_whole(&x->files) && new_tls(x, &why) != ERR_OK)
		log_error("%s: the certificate in use stays", why.text);
	tls_link_set(x->link, &x->to);
}

static void
on_stop(void *ctx)
{
	struct xkc *x = ctx;

	tls_link_bye(x->link);
	_exit(0);
}

static const struct ctl_handlers handlers = {.file = on_file,
    .peer = on_peer,
    .setup = on_setup,
    .reload = on_reload,
    .lists = on_lists,
    .stop = on_stop};

static void
on_tick(uv_timer_t *h)
{
	struct xkc *x = h->data;

	if (tls_crl_tick(&xkc_lists))
		tls_link_judge(x->link);
	xkc_conn_tick(x);
}

int
main(void)
{
	static const struct xkc_ops ops = {xkc_conn_send, xkc_fetched};
	static const struct xkc_times none = {0, 0};
	static struct xkc x = {.files = TLS_FDS_NONE};

	ctl_init("keywarden-xkc");
	sandbox_start(SANDBOX_XKC);
	x.to.name = x.name;
	if (uv_loop_init(&x.loop) != 0 ||
	    xkc_asks_new(&none, &ops, &x, &x.asks) != ERR_OK ||
	    tls_link_new(&x.loop, &xkc_link_ops, &x,
		"the appliance that makes keys", &x.link) != ERR_OK)
		fatal("out of memory");
	x.tick.data = &x;
	ctl_start(&handlers, &x);
	ctl_watch(&x.loop, &x.ctl, &handlers, &x);
	(void)uv_timer_init(&x.loop, &x.tick);
	(void)uv_timer_start(&x.tick, on_tick, 0, TICK_MS);
	/* The other appliance may be down: that is no reason not to serve. */
	ctl_ready();
	return uv_run(&x.loop, UV_RUN_DEFAULT);
}
