/*
 * keywarden-signer: the other process that opens the token.  Signs handshakes
 * of TLS for the processes that face the network, and nothing else; finds no
 * other keys.
 *
 * A loop that serves one frame of each channel in turn, so that a flood on one
 * leaves the others their share of the token.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "appliance/ctl.h"
#include "appliance/hsm_watch.h"
#include "appliance/sandbox.h"
#include "appliance/signer_proc.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/secret.h"

/* Whoever does not take its answers is not read either. */
#define QUEUE_MOST (2 * (IPC_HEADER_LEN + TLS_SIGNATURE_MAX))

static void
self_test(struct signer *s)
{
	struct why why = {""};
	enum err rc;

	hsm_watch_work();
	if ((rc = hsm_try_tls_keys(s->token, &why)) != ERR_OK)
		ctl_fail(rc, &why);
	if ((rc = hsm_look_at_pin(s->token)) != ERR_OK)
		signer_token_failed("the self-test");
	hsm_watch_done();
	hsm_watch_tested(hsm_info(s->token)->pin);
	s->test_at = clock_uptime_ms() + HSM_SELF_TEST_MS;
}

/* ---- the line to the supervisor ---- */

static void
on_file(void *ctx, enum ctl_file kind, int fd)
{
	struct signer *s = ctx;

	if (kind != CTL_FILE_PIN)
		fatal("a file that is not for this process");
	s->pin_fd = fd;
}

static void
on_peer(void *ctx, enum ctl_peer kind, unsigned index, int fd)
{
	struct signer *s = ctx;
	const int at = kind == CTL_PEER_XK ? SIGNER_XK
	    : kind == CTL_PEER_X2	   ? SIGNER_X2
	    : kind == CTL_PEER_XKC	   ? SIGNER_XKC
	    : kind == CTL_PEER_HI2C	   ? SIGNER_HI2C + (int)index
					   : SIGNER__MAX;
	struct signer_link *k;

	if (at >= SIGNER__MAX)
		fatal("a peer that is not for this process");
	k = &s->link[at];
	ipc_chan_free(&k->chan);
	k->signer = s;
	k->role = at == SIGNER_XK ? TLS_ROLE_XK
	    : at == SIGNER_X2	  ? TLS_ROLE_X2
	    : at == SIGNER_XKC	  ? TLS_ROLE_XKC
				  : TLS_ROLE_HI2;
	if (ipc_chan_new(fd, TLS_HASH_MOST, QUEUE_MOST, &k->chan) != ERR_OK)
		fatal("no channel");
}

static void
on_setup(void *ctx, struct rd settings)
{
	struct signer *s = ctx;

	if (hsm_place_get(settings, &s->at) != ERR_OK)
		fatal("bad settings");
}

static void
on_stop(void *ctx)
{
	struct signer *s = ctx;

	hsm_close(&s->token);
	_exit(0);
}

static const struct ctl_handlers handlers = {.file = on_file,
    .peer = on_peer,
    .setup = on_setup,
    .stop = on_stop};

/* ---- the loop ---- */

static void
open_token(struct signer *s)
{
	struct why why = {""};
	enum err rc;

	rc = hsm_log_in(&s->at, s->pin_fd, &s->token, &why);
	if (rc == ERR_OK)
		rc = hsm_find_tls_keys(s->token, &why);
	if (rc != ERR_OK)
		ctl_fail(rc, &why);
	sandbox_confine(SANDBOX_SIGNER, 0);
	(void)alarm(0);
	hsm_watch_start(s->at.settings.call_seconds,
	    s->at.settings.job_seconds);
	sandbox_enter(SANDBOX_SIGNER);
	self_test(s);
}

static int
until_test(const struct signer *s)
{
	const int64_t left = s->test_at - clock_uptime_ms();

	return left > 0 ? (int)left : 0;
}

static void
turn(struct signer *s)
{
	struct pollfd fds[1 + SIGNER__MAX] = {{CTL_FD, POLLIN, 0}};

	for (unsigned i = 0; i < SIGNER__MAX; i++) {
		const struct ipc_chan *c = s->link[i].chan;

		fds[1 + i] = (struct pollfd){c == NULL ? -1 : ipc_chan_fd(c),
		    c != NULL && ipc_queued(c) > 0 ? POLLOUT : POLLIN, 0};
	}
	if (poll(fds, 1 + SIGNER__MAX, until_test(s)) == -1) {
		if (errno != EINTR)
			fatal("poll: %s", strerror(errno));
		return;
	}
	/* A new channel first: what the old one says is of no use then. */
	if (fds[0].revents != 0) {
		ctl_receive(&handlers, s);
		return;
	}
	for (unsigned i = 0; i < SIGNER__MAX; i++) {
		struct signer_link *k = &s->link[i];

		if (fds[1 + i].revents == 0)
			continue;
		if (ipc_queued(k->chan) == 0)
			signer_serve(k);
		else if (ipc_flush(k->chan) != ERR_OK)
			ipc_chan_free(&k->chan);
	}
	if (until_test(s) == 0)
		self_test(s);
}

int
main(void)
{
	static struct signer s = {.pin_fd = -1};

	ctl_init("keywarden-signer");
	sandbox_start(SANDBOX_SIGNER);
	ctl_start(&handlers, &s);
	if (s.pin_fd == -1)
		fatal("incomplete start");
	open_token(&s);
	ctl_ready();
	hsm_watch_ready();
	for (;;) {
		secret_wipe_stack();
		turn(&s);
	}
}
