#include <sys/prctl.h>
#include <sys/resource.h>

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "appliance/ctl.h"
#include "base/log.h"

void
ctl_init(const char *name)
{
	const struct rlimit none = {0, 0};

	log_init(name, log_level_of(getenv("KEYWARDEN_LOG")));
	(void)signal(SIGPIPE, SIG_IGN);
	/* The supervisor decides when; others may signal the whole group. */
	(void)signal(SIGINT, SIG_IGN);
	(void)signal(SIGTERM, SIG_IGN);
	(void)signal(SIGHUP, SIG_IGN);
	/* A file that may not grow is a full disk: write() says EFBIG. */
	(void)signal(SIGXFSZ, SIG_IGN);
	if (prctl(PR_SET_DUMPABLE, 0) == -1 ||
	    setrlimit(RLIMIT_CORE, &none) == -1)
		fatal("cannot forbid core dumps");
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	/*
	 * A ring that libuv (1.45 on) would make before the filter could ask
	 * the kernel for what the filter refuses.
	 */
	if (setenv("UV_USE_IO_URING", "0", 1) == -1)
		fatal("out of memory");
}

static void
handle(const struct ctl_handlers *h, void *ctx, const struct ipc_frame *f,
    int fd)
{
	const unsigned kind = f->id >> 8, index = f->id & 0xff;

	switch (f->type) {
	case MSG_CTL_FILE:
		if (h->file == NULL || fd == -1 || f->id >= CTL_FILE__MAX)
			break;
		h->file(ctx, (enum ctl_file)f->id, fd);
		return;
	case MSG_CTL_PEER:
		if (h->peer == NULL || fd == -1 || kind >= CTL_PEER__MAX ||
		    index >= MAX_WORKERS)
			break;
		h->peer(ctx, (enum ctl_peer)kind, index, fd);
		return;
	case MSG_CTL_SETUP:
		if (h->setup == NULL || fd != -1)
			break;
		h->setup(ctx, f->body);
		return;
	case MSG_CTL_RELOAD:
		if (h->reload == NULL || fd != -1)
			break;
		h->reload(ctx, f->body);
		return;
	case MSG_CTL_CRL:
		if (h->lists == NULL || fd != -1)
			break;
		h->lists(ctx);
		return;
	case MSG_CTL_CRLS:
		if (h->crls == NULL || fd != -1)
			break;
		h->crls(ctx, f->body);
		return;
	case MSG_CTL_STOP:
		if (h->stop == NULL || fd != -1)
			break;
		h->stop(ctx);
		return;
	case MSG_CTL_INIT:
		if (h->init == NULL || fd != -1)
			break;
		h->init(ctx, f->body);
		return;
	case MSG_CTL_PROBE:
		if (h->probe == NULL || fd != -1)
			break;
		h->probe(ctx, f->body);
		return;
	case MSG_CTL_WORKERS:
		if (h->workers == NULL || fd != -1)
			break;
		h->workers(ctx, f->body);
		return;
	default:
		break;
	}
	fatal("supervisor sent message %u, which is not for this process",
	    f->type);
}

static uint16_t
receive(const struct ctl_handlers *h, void *ctx)
{
	static uint8_t buf[IPC_CTL_MAX];
	struct ipc_frame f;
	int fd = -1;
	enum err rc = ipc_ctl_recv(CTL_FD, buf, sizeof(buf), &f, &fd);

	if (rc == ERR_AGAIN)
		return 0;
	if (rc == ERR_CLOSED)
		_exit(0); /* the supervisor has gone, and so do we */
	if (rc != ERR_OK)
		fatal("line to the supervisor: %s", err_str(rc));
	handle(h, ctx, &f, fd);
	return f.type;
}

void
ctl_start(const struct ctl_handlers *h, void *ctx)
{
	while (receive(h, ctx) != MSG_CTL_SETUP)
		;
}

void
ctl_receive(const struct ctl_handlers *h, void *ctx)
{
	(void)receive(h, ctx);
}

void
ctl_ready(void)
{
	if (ipc_ctl_send(CTL_FD, MSG_CTL_READY, 0, NULL, 0, -1) != ERR_OK)
		fatal("cannot report to the supervisor");
}

void
ctl_lists(enum crl_state state, int64_t ends)
{
	const struct msg_crl m = {state, ends};
	uint8_t body[MSG_CRL_LEN];
	struct wr w;
	size_t len;

	wr_init(&w, body, sizeof(body));
	msg_crl_put(&w, &m);
	if (wr_finish(&w, &len) != ERR_OK ||
	    ipc_ctl_send(CTL_FD, MSG_CTL_CRL_STATE, 0, body, len, -1) != ERR_OK)
		log_error("the supervisor cannot be told of the lists");
}

void
ctl_fail(enum err rc, const struct why *why)
{
	uint8_t body[WHY_MAX + 8];
	struct wr w;
	size_t len;

	wr_init(&w, body, sizeof(body));
	msg_error_put(&w, rc, why->text);
	if (wr_finish(&w, &len) == ERR_OK &&
	    ipc_ctl_send(CTL_FD, MSG_CTL_FAILED, 0, body, len, -1) != ERR_OK)
		log_error("%s", why->text);
	_exit(71); /* EX_OSERR: the supervisor has the reason */
}
