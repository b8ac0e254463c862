/*
 * keywarden-hsm: the one process that opens the token.  A loop, and threads
 * for its jobs (hsm_run.h); no network, no libuv.  Takes work from audit alone
 * and gives keys to xk, for who asked, and to hi2, for LEMFs, alone.
 */
#include <sys/stat.h>

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "appliance/ctl.h"
#include "appliance/hsm_proc.h"
#include "appliance/hsm_watch.h"
#include "appliance/proto_hi2.h"
#include "appliance/sandbox.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/secret.h"

/* ---- start ---- */

static enum err
check_state(struct hsm_proc *p, struct why *why)
{
	struct sealed_head head;
	enum err rc;

	if ((rc = hsm_load_state(p, why)) != ERR_OK)
		return rc;
	hsm_forget_state(p);
	hsm_self_test(p);
	/* That there is one is to be known before anything is served. */
	if ((rc = hsm_head_read(p, &head, why)) != ERR_OK)
		return rc;
	return hsm_run_ready(p->run, p->token, &p->state, why);
}

/* Open the token, be sure it is ours; after this no file is opened by us. */
static void
open_all(struct hsm_proc *p)
{
	struct why why = {""};
	enum err rc;

	rc = hsm_log_in(&p->at, p->pin_fd, &p->token, &why);
	if (rc == ERR_OK)
		rc = hsm_find_keys(p->token, &why);
	if (rc != ERR_OK)
		hsm_end(p, rc, &why);
	/* The module has loaded what it loads; threads come after this. */
	sandbox_confine(SANDBOX_HSM, 0);
	(void)alarm(0);
	hsm_watch_start(p->at.settings.call_seconds,
	    p->at.settings.job_seconds);
	hsm_watch_work();
	if ((rc = hsm_run_new(p->at.settings.threads, &p->run, &why)) != ERR_OK)
		hsm_end(p, rc, &why);
	sandbox_enter(SANDBOX_HSM);
	if ((rc = check_state(p, &why)) != ERR_OK)
		hsm_end(p, rc, &why);
	hsm_watch_done();
}

/* ---- the line to the supervisor ---- */

static void
on_file(void *ctx, enum ctl_file kind, int fd)
{
	struct hsm_proc *p = ctx;

	if (kind == CTL_FILE_KMS_STATE)
		p->state_fd = fd;
	else if (kind == CTL_FILE_PIN)
		p->pin_fd = fd;
	else if (kind == CTL_FILE_SO_PIN)
		p->so_pin_fd = fd;
	else if (kind == CTL_FILE_NEW_STATE)
		p->new_state_fd = fd;
	else if (kind == CTL_FILE_HEAD)
		p->head_fd = fd;
	else
		fatal("a file that is not for this process");
}

static void
tell_ready(struct hsm_proc *p)
{
	const struct hsm_info *i = hsm_info(p->token);
	char text[200];
	struct wr w;

	(void)snprintf(text, sizeof(text),
	    "hsm worker %u ready, token \"%s\" (%s%s)", p->at.settings.index,
	    i->label, i->model, i->test_token ? ", TEST TOKEN" : "");
	if (ipc_begin(p->audit, MSG_WORKER_READY, 0, sizeof(text), &w) !=
	    ERR_OK)
		fatal("audit does not take what it is sent");
	wr_bool(&w, i->test_token);
	wr_copy(&w, text, strlen(text));
	if (ipc_commit(p->audit, &w) != ERR_OK)
		fatal("audit does not take what it is sent");
}

static void
on_peer(void *ctx, enum ctl_peer kind, unsigned index, int fd)
{
	struct hsm_proc *p = ctx;
	struct ipc_chan **to = kind == CTL_PEER_AUDIT ? &p->audit
	    : kind == CTL_PEER_XK		      ? &p->taker[ROUTE_XK]
	    : kind == CTL_PEER_HI2		      ? &p->taker[ROUTE_HI2]
						      : NULL;
	struct ipc_chan *xkc;

	(void)index;
	if (kind == CTL_PEER_XKC) {
		if (ipc_chan_new(fd, MAX_IPC_BODY, MAX_IPC_QUEUE, &xkc) !=
		    ERR_OK)
			fatal("no channel");
		hsm_fetch_via(p, xkc);
		return;
	}
	if (to == NULL)
		fatal("a peer that is not for this process");
	if (kind == CTL_PEER_AUDIT)
		(void)hsm_drop_pending(p); /* no word of them will come */
	else
		p->taker_generation[to - p->taker]++;
	ipc_chan_free(to);
	if (ipc_chan_new(fd, MAX_IPC_BODY, MAX_IPC_QUEUE, to) != ERR_OK)
		fatal("no channel");
	if (kind == CTL_PEER_AUDIT && p->serving)
		tell_ready(p);
}

static void
on_setup(void *ctx, struct rd settings)
{
	struct hsm_proc *p = ctx;

	if (hsm_place_get(settings, &p->at) != ERR_OK)
		fatal("bad settings");
}

static void
on_stop(void *ctx)
{
	struct hsm_proc *p = ctx;

	/* The token is not closed under a thread that is in it. */
	if (p->token != NULL && hsm_run_deadline(p->run) == -1)
		hsm_close(&p->token);
	hsm_end(p, ERR_OK, &(struct why){"by request"});
}

static const struct ctl_handlers handlers = {.file = on_file,
    .peer = on_peer,
    .setup = on_setup,
    .stop = on_stop,
    .init = hsm_ceremony,
    .probe = hsm_probe};

/* ---- the loop ---- */

static const struct ipc_rule audit_rules[] = {
    {MSG_WORK, 32, MAX_IPC_BODY, 1, hsm_on_work},
    {MSG_DURABLE, 0, 0, 1, hsm_on_durable},
    {MSG_LEARN, 9, MAX_IPC_BODY, 1, hsm_on_learn},
    {MSG_DO_TASK, 8, MAX_IPC_BODY, 1, hsm_on_task},
    {MSG_DO_HI2_TASK, 18, 17 + MAX_SIGN_DATA, 1, hsm_on_hi2_task},
};

static const char *const taker_names[ROUTE__MAX] = {"xk", "hi2"};

static void
flush(struct ipc_chan *c, const char *name)
{
	if (c != NULL && ipc_flush(c) != ERR_OK)
		log_debug("%s does not take what it is sent", name);
}

/* All whole frames that are there; results leave after each. */
static void
serve_audit(struct hsm_proc *p)
{
	struct ipc_frame f;
	enum err rc = ipc_fill(p->audit);

	if (rc != ERR_OK) {
		log_warning("audit has gone: %u results are dropped",
		    hsm_drop_pending(p));
		ipc_chan_free(&p->audit);
		return;
	}
	while ((rc = ipc_next(p->audit, &f)) == ERR_OK) {
		rc = ipc_dispatch(audit_rules,
		    sizeof(audit_rules) / sizeof(audit_rules[0]), 1, p, &f);
		if (rc != ERR_OK)
			fatal("audit sent a message that is not permitted "
			      "(type %u): %s",
			    f.type, err_str(rc));
		for (unsigned r = 0; r < ROUTE__MAX; r++)
			flush(p->taker[r], taker_names[r]);
		flush(p->xkc, "xkc");
		flush(p->audit, "audit");
	}
	if (rc != ERR_AGAIN)
		fatal("audit's channel: %s", err_str(rc));
}

static void
report(struct hsm_proc *p)
{
	const enum err rc = hsm_take_results(p);

	if (rc != ERR_OK)
		fatal("a job's end cannot be told to audit: %s", err_str(rc));
	flush(p->audit, "audit");
}

/* Who gets keys sends nothing here: readable means gone. */
static void
taker_readable(struct hsm_proc *p, enum route r)
{
	log_debug("%s has gone", taker_names[r]);
	p->taker_generation[r]++; /* what was meant for it is nobody's */
	ipc_chan_free(&p->taker[r]);
}

static short
wanted(const struct ipc_chan *c)
{
	return (short)(POLLIN | (c != NULL && ipc_queued(c) > 0 ? POLLOUT : 0));
}

/* Until something is due: a thread's job, a fetch, the self-test. */
static int
patience(struct hsm_proc *p)
{
	const int64_t due[] = {hsm_run_deadline(p->run), hsm_fetch_tick(p),
	    hsm_self_test_due(p)};
	const int64_t now = clock_uptime_ms();
	int64_t first = due[2];
	struct why why;

	if (due[0] != -1 && due[0] <= now) {
		(void)why_set(&why, ERR_HSM,
		    "the token has not answered for %u s (token.job_seconds)",
		    p->at.settings.job_seconds);
		hsm_end(p, ERR_HSM, &why);
	}
	for (unsigned i = 0; i < 2; i++)
		if (due[i] != -1 && due[i] < first)
			first = due[i];
	return first > now ? (int)(first - now) : 0;
}

static struct pollfd
watched(const struct ipc_chan *c)
{
	return (struct pollfd){c == NULL ? -1 : ipc_chan_fd(c), wanted(c), 0};
}

static void
turn(struct hsm_proc *p)
{
	enum { CTL, AUDIT, RUN, XKC, TAKER };
	struct pollfd fds[TAKER + ROUTE__MAX] = {[CTL] = {CTL_FD, POLLIN, 0},
	    [AUDIT] = watched(p->audit),
	    [RUN] = {hsm_run_fd(p->run), POLLIN, 0},
	    [XKC] = watched(p->xkc)};

	for (unsigned r = 0; r < ROUTE__MAX; r++)
		fds[TAKER + r] = watched(p->taker[r]);
	if (poll(fds, TAKER + ROUTE__MAX, patience(p)) == -1) {
		if (errno != EINTR)
			fatal("poll: %s", strerror(errno));
		return;
	}
	/* A new channel first: what the old one says is of no use then. */
	if (fds[CTL].revents != 0) {
		ctl_receive(&handlers, p);
		return;
	}
	if (fds[RUN].revents != 0)
		report(p);
	for (unsigned r = 0; r < ROUTE__MAX; r++) {
		const short events = fds[TAKER + r].revents;

		if ((events & (POLLIN | POLLHUP | POLLERR)) != 0)
			taker_readable(p, (enum route)r);
		else if ((events & POLLOUT) != 0)
			flush(p->taker[r], taker_names[r]);
	}
	if ((fds[XKC].revents & (POLLIN | POLLHUP | POLLERR)) != 0)
		hsm_fetch_serve(p);
	else if ((fds[XKC].revents & POLLOUT) != 0)
		flush(p->xkc, "xkc");
	if ((fds[AUDIT].revents & (POLLIN | POLLHUP | POLLERR)) != 0)
		serve_audit(p);
	else if ((fds[AUDIT].revents & POLLOUT) != 0)
		flush(p->audit, "audit");
	/* Between jobs: what has come in meanwhile waits for one of these. */
	if (hsm_self_test_due(p) <= clock_uptime_ms())
		hsm_self_test(p);
}

#define SECURE_HEAP ((size_t)256 * 1024)
#define SECURE_HEAP_LEAST 32

int
main(void)
{
	static struct hsm_proc p = {.state_fd = -1,
	    .pin_fd = -1,
	    .so_pin_fd = -1,
	    .new_state_fd = -1,
	    .head_fd = -1};

	ctl_init("keywarden-hsm");
	sandbox_start(SANDBOX_HSM);
	/* Where OpenSSL keeps the numbers of the curves' secrets. */
	if (CRYPTO_secure_malloc_init(SECURE_HEAP, SECURE_HEAP_LEAST) != 1)
		fatal("no locked memory: is LimitMEMLOCK too low?");
	ctl_start(&handlers, &p);
	if (p.state_fd == -1 || p.pin_fd == -1 || p.head_fd == -1)
		fatal("incomplete start");
	open_all(&p);
	p.serving = true;
	if (hsm_info(p.token)->test_token)
		log_warning("TEST TOKEN: the keys are files of this machine");
	if (p.audit != NULL)
		tell_ready(&p);
	flush(p.audit, "audit");
	ctl_ready();
	hsm_watch_ready();
	for (;;) {
		secret_wipe_stack();
		turn(&p);
	}
}
