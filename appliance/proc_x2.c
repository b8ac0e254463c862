/*
 * keywarden-x2: faces the CSCFs for X2.  Terminates TLS, parses PDUs, SIP and
 * MIKEY messages, finds the exchanges of a call in them; holds no warrant and
 * no key.
 */
#include <stdlib.h>
#include <unistd.h>

#include <openssl/rand.h>

#include "appliance/sandbox.h"
#include "appliance/x2_proc.h"
#include "base/log.h"
#include "hi2/sip_event.h"

#define TICK_MS 100
#define MIB ((size_t)1048576)
#define EXCHANGES_MOST (1U << 20) /* whose legs are remembered */
#define READ_AHEAD 65536 /* TLS records that one read() brings */

/* SIP's own patience (RFC 3261, 64*T1): until then copies may come. */
#define LINGER_MS 32000

/* Octets of tickets: hi2 holds 256 MiB of contents, and one must fit. */
#define TICKETS_LEAST (16 * MIB)
#define TICKETS_MOST (256 * MIB)

static void
on_file(void *ctx, enum ctl_file kind, int fd)
{
	struct x2 *x = ctx;

	if (kind == CTL_FILE_LISTEN && x->n_listen < X2_MAX_LISTEN)
		x->listen_fd[x->n_listen++] = fd;
	else if (!tls_fds_keep(&x->files, kind, fd))
		fatal("a file that is not for this process");
}

static void
on_peer(void *ctx, enum ctl_peer kind, unsigned index, int fd)
{
	struct x2 *x = ctx;

	(void)index;
	if (kind == CTL_PEER_POLICY) {
		if (x->policy != NULL)
			x2_policy_left(x);
		if (peer_new(&x->loop, fd, &x2_policy_ops, x, &x->policy) !=
		    ERR_OK)
			fatal("no channel to policy");
		x2_policy_joined(x);
		return;
	}
	if (kind == CTL_PEER_XKC) {
		peer_free(&x->xkc);
		if (peer_new(&x->loop, fd, &x2_xkc_ops, x, &x->xkc) != ERR_OK)
			fatal("no channel to xkc");
		x2_xkc_joined(x);
		return;
	}
	if (kind == CTL_PEER_SIGNER) {
		tls_asks_joined(&x->loop, fd);
		return;
	}
	if (kind != CTL_PEER_HI2)
		fatal("a peer that is not for this process");
	peer_free(&x->hi2);
	if (peer_new(&x->loop, fd, &x2_hi2_ops, x, &x->hi2) != ERR_OK)
		fatal("no channel to hi2");
	x2_hi2_joined(x);
}

static enum err
new_tls(struct x2 *x, struct why *why)
{
	static const struct tls_server_kind kind = {.section = "x2",
	    .role = TLS_ROLE_X2};
	const struct tls_fds f = tls_fds_take(&x->files);
	SSL_CTX *c = NULL;
	enum err rc;

	rc = tls_server_new(&kind, f.cert, f.key, f.ca, &c, why);
	if (rc != ERR_OK)
		return rc;
	/* PDUs are small, and each is a record: not one read() for each. */
	SSL_CTX_set_read_ahead(c, 1);
	SSL_CTX_set_default_read_buffer_len(c, READ_AHEAD);
	/*
	 * A buffer that is released is erased as a whole, after each read();
	 * what was decrypted in it is erased when it is taken anyway.
	 */
	(void)SSL_CTX_clear_mode(c, SSL_MODE_RELEASE_BUFFERS);
	tls_crl_guard(c, &x->lists);
	SSL_CTX_free(x->tls);
	x->tls = c;
	return ERR_OK;
}

static void
on_lists(void *ctx)
{
	struct x2 *x = ctx;

	tls_crl_take(&x->lists, &x->files);
	if (tls_crl_tick(&x->lists))
		x2_conn_judge(x);
}

static void
ticket_limits(const struct x2 *x, struct x2_asks_limits *out)
{
	out->octets = x->settings.max_mib * MIB;
	if (out->octets < TICKETS_LEAST)
		out->octets = TICKETS_LEAST;
	if (out->octets > TICKETS_MOST)
		out->octets = TICKETS_MOST;
	out->retry_ms = 1000 * (int64_t)x->settings.retry_seconds;
}

static void
call_limits(const struct x2 *x, struct calls_limits *out)
{
	const struct x2_settings *s = &x->settings;

	*out = (struct calls_limits){.most_calls = s->max_calls,
	    .most_octets = s->max_mib * MIB,
	    .most_stored = x2_stored_most(s),
	    .idle_ms = 1000 * (int64_t)s->call_idle_seconds,
	    .linger_ms = s->wait_ms > LINGER_MS ? s->wait_ms : LINGER_MS,
	    .wait_ms = s->wait_ms};
}

static void
make_tables(struct x2 *x)
{
	struct x2_asks_limits tickets;
	struct calls_limits calls;
	uint32_t exchanges = 2 * x->settings.max_calls;
	uint8_t key[CALLS_KEY];
	struct why why;
	enum err rc;

	if (RAND_bytes(key, sizeof(key)) != 1 ||
	    RAND_bytes((unsigned char *)&x->epoch, sizeof(x->epoch)) != 1)
		fatal("no randomness");
	if (exchanges > EXCHANGES_MOST)
		exchanges = EXCHANGES_MOST;
	ticket_limits(x, &tickets);
	call_limits(x, &calls);
	if ((rc = calls_new(&calls, key, &x->calls)) == ERR_TOOBIG)
		ctl_fail(why_set(&why, ERR_MALFORMED,
			     "x2.max_mib: not enough for x2.max_calls"),
		    &why);
	if (rc != ERR_OK || sip_event_start() != ERR_OK ||
	    x2_xids_new(X2_XIDS, &x->xids) != ERR_OK ||
	    x2_intake_new(X2_TICKETS, x2_journal_send, x, &x->intake) !=
		ERR_OK ||
	    x2_replay_new(&x->replay) != ERR_OK ||
	    x2_asks_new(&tickets, exchanges, x->epoch, &x2_ticket_ops, x,
		&x->asks) != ERR_OK)
		fatal("out of memory");
	x2_intake_limit(x->intake, tickets.octets);
	if (x->hi2 != NULL)
		x2_hi2_joined(x);
}

static void
on_setup(void *ctx, struct rd settings)
{
	struct x2 *x = ctx;
	struct why why = {""};
	enum err rc;

	if (!tls_fds_whole(&x->files) || x->n_listen == 0 ||
	    x2_settings_get(settings, &x->settings) != ERR_OK)
		fatal("incomplete start");
	make_tables(x);
	if (admission_init(&x->admission, &x->settings.admission) != ERR_OK)
		fatal("out of memory");
	tls_crl_take(&x->lists, &x->files);
	if ((rc = new_tls(x, &why)) != ERR_OK)
		ctl_fail(ERR_MALFORMED, &why);
	sandbox_confine(SANDBOX_X2, 0);
	sandbox_enter(SANDBOX_X2);
}

/*
 * New files came before this; connections that are open keep the old ones, and
 * the table of calls keeps its limits in memory.
 */
static void
on_reload(void *ctx, struct rd settings)
{
	struct x2 *x = ctx;
	struct x2_asks_limits tickets;
	struct why why = {""};

	if (x2_settings_get(settings, &x->settings) != ERR_OK)
		fatal("bad settings");
	ticket_limits(x, &tickets);
	x2_asks_limit(x->asks, &tickets);
	x2_intake_limit(x->intake, tickets.octets);
	calls_limit_stored(x->calls, x2_stored_most(&x->settings));
	x->admission.settings = x->settings.admission;
	on_lists(x);
	if (tls_fds_whole(&x->files) && new_tls(x, &why) != ERR_OK)
		log_error("%s: the certificate in use stays", why.text);
}

static void
on_stop(void *ctx)
{
	x2_conn_stop(ctx);
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
	struct x2 *x = h->data;

	(void)status;
	(void)events;
	x2_accept(x, x->listen_fd[h - x->listen]);
}

static void
on_tick(uv_timer_t *h)
{
	struct x2 *x = h->data;
	const int64_t now = (int64_t)uv_now(&x->loop);

	calls_tick(x->calls, now);
	x2_take_events(x);
	x2_asks_tick(x->asks, now);
	x2_intake_tick(x->intake);
	x2_journal_turn(x);
	if (tls_crl_tick(&x->lists))
		x2_conn_judge(x);
	x2_conn_tick(x);
	x2_tell_counts(x);
	/* A question that could not be sent is asked again. */
	x2_resume(x);
}

int
main(void)
{
	static struct x2 x = {.files = TLS_FDS_NONE, .lists.section = "x2"};

	ctl_init("keywarden-x2");
	sandbox_start(SANDBOX_X2);
	if (uv_loop_init(&x.loop) != 0)
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
