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
}

/* Of those that come with nothing but a body. */
typedef void on_body(void *ctx, struct rd body);

static on_body *
of_body(const struct ctl_handlers *h, uint16_t type)
{
	switch (type) {
	case MSG_CTL_SETUP:
		return h->setup;
	case MSG_CTL_RELOAD:
		return h->reload;
	case MSG_CTL_CRLS:
		return h->crls;
	case MSG_CTL_WORKERS:
		return h->workers;
	case MSG_CTL_INIT:
		return h->init;
	case MSG_CTL_PROBE:
		return h->probe;
	default:
		return NULL;
	}
}

/* Of those that say all by their type. */
static void (*of_type(const struct ctl_handlers *h, uint16_t type))(void *)
{
	return type == MSG_CTL_CRL ? h->lists
	    : type == MSG_CTL_STOP ? h->stop
				   : NULL;
}

static void
handle(const struct ctl_handlers *h, void *ctx, const struct ipc_frame *f,
    int fd)
{
	const unsigned kind = f->id >> 8, index = f->id & 0xff;

	if (fd == -1 && of_body(h, f->type) != NULL)
		of_body(h, f->type)(ctx, f->body);
	else if (fd == -1 && of_type(h, f->type) != NULL)
		of_type(h, f->type)(ctx);
	else if (fd != -1 && f->type == MSG_CTL_FILE && h->file != NULL &&
	    f->id < CTL_FILE__MAX)
		h->file(ctx, (enum ctl_file)f->id, fd);
	else if (fd != -1 && f->type == MSG_CTL_PEER && h->peer != NULL &&
	    kind < CTL_PEER__MAX && index < MAX_WORKERS)
		h->peer(ctx, (enum ctl_peer)kind, index, fd);
	else
		fatal("supervisor sent message %u, which is not for this "
		      "process",
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
