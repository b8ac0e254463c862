/*
 * keywarden-xk: faces the network for Xk.  Terminates TLS, parses PDUs and
 * MIKEY messages; holds no warrant and none of the KMS's keys.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/rand.h>

#include "appliance/sandbox.h"
#include "appliance/xk_proc.h"
#include "base/log.h"

#define TICK_MS 250

static void
on_file(void *ctx, enum ctl_file kind, int fd)
{
	struct xk *x = ctx;

	if (kind == CTL_FILE_LISTEN && x->n_listen < XK_MAX_LISTEN)
		x->listen_fd[x->n_listen++] = fd;
	else if (!tls_fds_keep(&x->files, kind, fd))
		fatal("a file that is not for this process");
}

static void
on_peer(void *ctx, enum ctl_peer kind, unsigned index, int fd)
{
	struct xk *x = ctx;

	if (kind == CTL_PEER_POLICY) {
		if (x->policy != NULL)
			xk_policy_left(x);
		if (peer_new(&x->loop, fd, &xk_policy_ops, x, &x->policy) !=
		    ERR_OK)
			fatal("no channel to policy");
		xk_policy_joined(x);
		return;
	}
	if (kind == CTL_PEER_SIGNER) {
		tls_asks_joined(&x->loop, fd);
		return;
	}
	if (kind != CTL_PEER_HSM)
		fatal("a peer that is not for this process");
	peer_free(&x->hsm[index]);
	if (peer_new(&x->loop, fd, &xk_hsm_ops, x, &x->hsm[index]) != ERR_OK)
		fatal("no channel to a worker");
}

static enum err
new_tls(struct xk *x, struct why *why)
{
	const struct tls_fds f = tls_fds_take(&x->files);
	SSL_CTX *c = NULL;
	enum err rc;

	rc = xk_tls_new(f.cert, f.key, f.ca, &c, why);
	if (rc != ERR_OK)
		return rc;
	tls_crl_guard(c, &x->lists);
	SSL_CTX_free(x->tls);
	x->tls = c;
	return ERR_OK;
}

static void
on_lists(void *ctx)
{
	struct xk *x = ctx;

	tls_crl_take(&x->lists, &x->files);
	if (tls_crl_tick(&x->lists))
		xk_conn_judge(x);
}

static void
on_setup(void *ctx, struct rd settings)
{
	struct xk *x = ctx;
	struct why why = {""};
	enum err rc;

	if (!tls_fds_whole(&x->files) || x->n_listen == 0 ||
	    xk_settings_get(settings, &x->settings) != ERR_OK)
		fatal("incomplete start");
	if (RAND_bytes((unsigned char *)&x->epoch, sizeof(x->epoch)) != 1)
		fatal("no randomness");
	if (admission_init(&x->admission, &x->settings.admission) != ERR_OK)
		fatal("out of memory");
	tls_crl_take(&x->lists, &x->files);
	if ((rc = new_tls(x, &why)) != ERR_OK)
		ctl_fail(ERR_MALFORMED, &why);
	sandbox_confine(SANDBOX_XK, 0);
	sandbox_enter(SANDBOX_XK);
}

/* New files came before this; connections that are open keep the old ones. */
static void
on_reload(void *ctx, struct rd settings)
{
	struct xk *x = ctx;
	struct why why = {""};

	if (xk_settings_get(settings, &x->settings) != ERR_OK)
		fatal("bad settings");
	x->admission.settings = x->settings.admission;
	on_lists(x);
	if (tls_fds_whole(&x->files) && new_tls(x, &why) != ERR_OK)
		log_error("%s: the certificate in use stays", why.text);
}

static void
on_stop(void *ctx)
{
	struct xk *x = ctx;
	struct conn *c, *next;

	x->stopping = true;
	xk_fail_all(x);
	for (c = x->conns; c != NULL; c = next) {
		next = c->next;
		xk_conn_close_after_sending(c);
	}
	_exit(0);
}

static const struct ctl_handlers handlers = {.file = on_file,
    .peer = on_peer,
    .setup = on_setup,
    .reload = on_reload,
    .lists = on_lists,
    .stop = on_stop};

static void
on_listen(uv_poll_t *h, int status, int events)
{
	struct xk *x = h->data;

	(void)status;
	(void)events;
	xk_accept(x, x->listen_fd[h - x->listen]);
}

static void
on_tick(uv_timer_t *h)
{
	struct xk *x = h->data;

	xk_request_tick(x);
	if (tls_crl_tick(&x->lists))
		xk_conn_judge(x);
	xk_conn_tick(x);
	xk_client_tick(x);
}

int
main(void)
{
	static struct xk x = {.files = TLS_FDS_NONE, .lists.section = "xk"};

	ctl_init("keywarden-xk");
	sandbox_start(SANDBOX_XK);
	if (uv_loop_init(&x.loop) != 0 ||
	    slots_new(sizeof(struct asked), XK_REQUESTS, &x.requests) !=
		ERR_OK ||
	    slots_new(sizeof(struct conn *), MAX_CONNECTIONS, &x.ids) != ERR_OK)
		fatal("out of memory");
	x.tick.data = x.again.data = &x;
	ctl_start(&handlers, &x);
	ctl_watch(&x.loop, &x.ctl, &handlers, &x);
	for (unsigned i = 0; i < x.n_listen; i++) {
		x.listen[i].data = &x;
		(void)uv_poll_init(&x.loop, &x.listen[i], x.listen_fd[i]);
		(void)uv_poll_start(&x.listen[i], UV_READABLE, on_listen);
	}
	(void)uv_timer_init(&x.loop, &x.tick);
	(void)uv_timer_start(&x.tick, on_tick, TICK_MS, TICK_MS);
	(void)uv_idle_init(&x.loop, &x.again);
	ctl_ready();
	return uv_run(&x.loop, UV_RUN_DEFAULT);
}
