/*
 * keywarden-signer: the other process that opens the token.  Signs handshakes
 * of TLS for the processes that face the network, and nothing else; finds no
 * other keys.  Of them it reads frames of a fixed length; who has sent one says
 * which key signs, and as which end.
 *
 * A loop that serves one frame of each channel in turn, so that a flood on one
 * leaves the others their share of the token.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "appliance/ctl.h"
#include "appliance/hsm_pin.h"
#include "appliance/proto_df2.h"
#include "appliance/sandbox.h"
#include "appliance/tls_role.h"
#include "base/clock.h"
#include "base/log.h"
#include "hsm/hsm.h"

#define SELF_TEST_MS 60000
/* Whoever does not take its answers is not read either. */
#define QUEUE_MOST (2 * (IPC_HEADER_LEN + TLS_SIGNATURE_MAX))

enum { LINK_XK, LINK_X2, LINK_XKC, LINK_HI2C, LINK__MAX = 3 + MAX_LEMFS };

/* A process that has handshakes signed. */
struct link {
	struct signer *signer;
	struct ipc_chan *chan; /* NULL: it is not there */
	enum tls_role role;
};

struct signer {
	struct hsm_settings settings;
	char module[4096], label[33];
	int pin_fd;
	struct hsm *token;
	int64_t test_at; /* CLOCK_MONOTONIC, ms */
	struct link link[LINK__MAX];
};

static _Noreturn void
token_failed(struct signer *s, const char *doing)
{
	struct why why;

	(void)why_set(&why, ERR_HSM, "token failed in %s: %s", doing,
	    hsm_why(s->token));
	ctl_fail(ERR_HSM, &why);
}

/* ---- signing ---- */

/* Whatever comes, it signs a CertificateVerify of that channel's role. */
static enum err
on_sign(void *ctx, const struct ipc_frame *f)
{
	static const enum hsm_key keys[TLS_ROLE__MAX] = {[TLS_ROLE_XK] =
							     HSM_KEY_TLS_XK,
	    [TLS_ROLE_X2] = HSM_KEY_TLS_X2,
	    [TLS_ROLE_XKC] = HSM_KEY_TLS_XKC,
	    [TLS_ROLE_HI2] = HSM_KEY_TLS_HI2};
	struct link *k = ctx;
	struct signer *s = k->signer;
	uint8_t input[TLS_INPUT_MAX], sig[HSM_SIGNATURE_MAX];
	size_t len, sig_len;
	enum err rc;

	if ((rc = tls_role_input(k->role, f->body, input, &len)) != ERR_OK)
		return rc;
	/* A token that hangs ends this process; a fresh one opens it again. */
	(void)alarm(s->settings.job_seconds);
	rc = hsm_sign(s->token, keys[k->role], input, len, sig, &sig_len);
	(void)alarm(0);
	if (rc != ERR_OK)
		token_failed(s, "signing a handshake");
	return ipc_send(k->chan, MSG_TLS_SIGNED, f->id, sig, sig_len);
}

static const struct ipc_rule rules[] = {
    {MSG_TLS_SIGN, TLS_HASH_LEAST, TLS_HASH_MOST, 1, on_sign},
};

/* The others go on: one that is taken over cannot end their signing. */
static void
serve(struct link *k)
{
	struct ipc_frame f;
	enum err rc;

	if (ipc_fill(k->chan) != ERR_OK) {
		log_debug("who signs as %s has gone", tls_role_name(k->role));
		ipc_chan_free(&k->chan);
		return;
	}
	if ((rc = ipc_next(k->chan, &f)) == ERR_AGAIN)
		return;
	if (rc == ERR_OK)
		rc = ipc_dispatch(rules, sizeof(rules) / sizeof(rules[0]), 1, k,
		    &f);
	if (rc == ERR_OK)
		rc = ipc_flush(k->chan);
	if (rc == ERR_OK)
		return;
	log_error("who signs as %s sent what is not permitted, or has gone: "
		  "%s: its channel is closed",
	    tls_role_name(k->role), err_str(rc));
	ipc_chan_free(&k->chan);
}

static void
self_test(struct signer *s)
{
	struct why why = {""};

	(void)alarm(s->settings.job_seconds);
	if (hsm_try_tls_keys(s->token, &why) != ERR_OK)
		ctl_fail(ERR_HSM, &why);
	(void)alarm(0);
	s->test_at = clock_uptime_ms() + SELF_TEST_MS;
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
	const int at = kind == CTL_PEER_XK ? LINK_XK
	    : kind == CTL_PEER_X2	   ? LINK_X2
	    : kind == CTL_PEER_XKC	   ? LINK_XKC
	    : kind == CTL_PEER_HI2C	   ? LINK_HI2C + (int)index
					   : LINK__MAX;
	struct link *k;

	if (at >= LINK__MAX)
		fatal("a peer that is not for this process");
	k = &s->link[at];
	ipc_chan_free(&k->chan);
	k->signer = s;
	k->role = at == LINK_XK ? TLS_ROLE_XK
	    : at == LINK_X2	? TLS_ROLE_X2
	    : at == LINK_XKC	? TLS_ROLE_XKC
				: TLS_ROLE_HI2;
	if (ipc_chan_new(fd, TLS_HASH_MOST, QUEUE_MOST, &k->chan) != ERR_OK)
		fatal("no channel");
}

static void
on_setup(void *ctx, struct rd settings)
{
	struct signer *s = ctx;

	if (hsm_settings_get(settings, &s->settings) != ERR_OK ||
	    view_text(s->settings.module, s->module, sizeof(s->module)) !=
		ERR_OK ||
	    view_text(s->settings.label, s->label, sizeof(s->label)) != ERR_OK)
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
	struct secret *pin = NULL;
	struct why why = {""};
	enum err rc;

	(void)alarm(s->settings.job_seconds);
	if ((rc = hsm_read_pin(s->pin_fd, &pin, &why)) != ERR_OK)
		ctl_fail(rc, &why);
	rc = hsm_open(s->module, s->label, pin, &s->token, &why);
	secret_free(&pin);
	if (rc == ERR_OK)
		rc = hsm_find_tls_keys(s->token, &why);
	if (rc != ERR_OK)
		ctl_fail(rc, &why);
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
	struct pollfd fds[1 + LINK__MAX] = {{CTL_FD, POLLIN, 0}};

	for (unsigned i = 0; i < LINK__MAX; i++) {
		const struct ipc_chan *c = s->link[i].chan;

		fds[1 + i] = (struct pollfd){c == NULL ? -1 : ipc_chan_fd(c),
		    c != NULL && ipc_queued(c) > 0 ? POLLOUT : POLLIN, 0};
	}
	if (poll(fds, 1 + LINK__MAX, until_test(s)) == -1) {
		if (errno != EINTR)
			fatal("poll: %s", strerror(errno));
		return;
	}
	/* A new channel first: what the old one says is of no use then. */
	if (fds[0].revents != 0) {
		ctl_receive(&handlers, s);
		return;
	}
	for (unsigned i = 0; i < LINK__MAX; i++) {
		struct link *k = &s->link[i];

		if (fds[1 + i].revents == 0)
			continue;
		if (ipc_queued(k->chan) == 0)
			serve(k);
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
	ctl_start(&handlers, &s);
	if (s.pin_fd == -1)
		fatal("incomplete start");
	open_token(&s);
	ctl_ready();
	for (;;)
		turn(&s);
}
