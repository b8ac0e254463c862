/*
 * bench_df2_relay: stands in the place of keywarden-hi2, starts the true one
 * (true/keywarden-hi2, below this program's folder) and hands on all that the
 * supervisor says; but x2 and hi2 get each other's channel through here.  So
 * the moment is seen at which hi2 tells x2 that a record is on disk, in an
 * appliance of which no other octet is changed.  It is noted after the commit
 * and a hop to this process: never too early, too late by that hop.
 *
 * What is noted goes to the file `stored` in this program's folder.
 */
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "appliance/ctl.h"
#include "appliance/proto_df2.h"
#include "df2_stored.h"

#define QUEUE (256U << 20)
#define TICKETS (1U << 16) /* x2's ids differ in these bits */

struct relay {
	char folder[2048];
	int hi2; /* line to the true one */
	struct ipc_chan *x2, *to_hi2;
	struct df2_stored *stored;
	uint64_t correlation[TICKETS]; /* by ticket */
};

static _Noreturn void
stop(const char *what)
{
	(void)fprintf(stderr, "bench_df2_relay: %s: %s\n", what,
	    strerror(errno));
	exit(71);
}

static uint64_t
now_ns(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* ---- start ---- */

static void
find_folder(struct relay *r)
{
	const ssize_t n =
	    readlink("/proc/self/exe", r->folder, sizeof(r->folder) - 1);
	char *slash;

	if (n <= 0)
		stop("/proc/self/exe");
	r->folder[n] = '\0';
	if ((slash = strrchr(r->folder, '/')) != NULL)
		*slash = '\0';
}

static void
open_stored(struct relay *r)
{
	char path[4096];
	void *p;
	int fd;

	(void)snprintf(path, sizeof(path), "%s/stored", r->folder);
	if ((fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600)) == -1 ||
	    ftruncate(fd, sizeof(*r->stored)) == -1)
		stop(path);
	p = mmap(NULL, sizeof(*r->stored), PROT_READ | PROT_WRITE, MAP_SHARED,
	    fd, 0);
	if (p == MAP_FAILED)
		stop(path);
	close(fd);
	r->stored = p;
}

static void
start_hi2(struct relay *r)
{
	char path[4096], name[] = "keywarden-hi2";
	char *argv[] = {name, NULL};
	int pair[2];
	pid_t pid;

	(void)snprintf(path, sizeof(path), "%s/true/keywarden-hi2", r->folder);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == -1 ||
	    (pid = fork()) == -1)
		stop("start");
	if (pid == 0) {
		if (dup2(pair[1], CTL_FD) == -1 ||
		    close_range(CTL_FD + 1, ~0U, 0) == -1)
			_exit(71);
		execve(path, argv, environ);
		_exit(71);
	}
	close(pair[1]);
	r->hi2 = pair[0];
}

/* ---- the line ---- */

/* As the supervisor does it: a new channel, one half for hi2. */
static void
put_between(struct relay *r, uint32_t id, int fd)
{
	int pair[2];

	ipc_chan_free(&r->x2);
	ipc_chan_free(&r->to_hi2);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == -1 ||
	    ipc_chan_new(fd, MAX_IPC_BODY, QUEUE, &r->x2) != ERR_OK ||
	    ipc_chan_new(pair[0], MAX_IPC_BODY, QUEUE, &r->to_hi2) != ERR_OK ||
	    ipc_ctl_send(r->hi2, MSG_CTL_PEER, id, NULL, 0, pair[1]) != ERR_OK)
		stop("a channel");
	close(pair[1]);
}

static void
hand_on(struct relay *r, int from, int to)
{
	static uint8_t buf[IPC_CTL_MAX];
	struct ipc_frame f;
	int fd = -1;
	const enum err rc = ipc_ctl_recv(from, buf, sizeof(buf), &f, &fd);

	if (rc == ERR_CLOSED)
		exit(0); /* hi2 is ended with this process */
	if (rc != ERR_OK)
		stop("the line");
	if (from == CTL_FD && f.type == MSG_CTL_PEER &&
	    f.id == CTL_PEER_ID(CTL_PEER_X2, 0)) {
		put_between(r, f.id, fd);
		return;
	}
	if (ipc_ctl_send(to, f.type, f.id, f.body.p, f.body.left, fd) != ERR_OK)
		exit(0);
	if (fd != -1)
		close(fd);
}

/* ---- x2's channel ---- */

static void
note(struct relay *r, uint32_t ticket, uint64_t ns)
{
	const uint64_t n = atomic_load(&r->stored->n);

	if (n < DF2_STORED_MAX) {
		r->stored->entry[n].correlation =
		    r->correlation[ticket % TICKETS];
		r->stored->entry[n].ns = ns;
	}
	atomic_store(&r->stored->n, n + 1);
}

static void
look_at(struct relay *r, const struct ipc_frame *f, uint64_t ns)
{
	struct msg_content m;
	struct rd c;

	if (f->type == MSG_STORED)
		note(r, f->id, ns);
	if (f->type != MSG_CONTENT || msg_content_get(f->body, &m) != ERR_OK)
		return;
	rd_init(&c, m.correlation, sizeof(m.correlation));
	if (rd_u64(&c, &r->correlation[f->id % TICKETS]) != ERR_OK)
		stop("a correlation id");
}

static bool
pass(struct relay *r, struct ipc_chan *from, struct ipc_chan *to)
{
	const enum err fill = ipc_fill(from);
	const uint64_t ns = now_ns();
	struct ipc_frame f;

	if (fill != ERR_OK && fill != ERR_CLOSED)
		return false;
	while (ipc_next(from, &f) == ERR_OK) {
		look_at(r, &f, ns);
		if (ipc_send(to, f.type, f.id, f.body.p, f.body.left) != ERR_OK)
			stop("a channel is full");
	}
	return ipc_flush(to) == ERR_OK && fill == ERR_OK;
}

static short
wanted(const struct ipc_chan *c)
{
	return (short)(POLLIN | (ipc_queued(c) > 0 ? POLLOUT : 0));
}

/* One of the two has gone: so has the channel. */
static void
drop_channel(struct relay *r)
{
	ipc_chan_free(&r->x2);
	ipc_chan_free(&r->to_hi2);
}

static void
turn(struct relay *r)
{
	struct pollfd p[4] = {{CTL_FD, POLLIN, 0}, {r->hi2, POLLIN, 0}};
	nfds_t n = 2;
	bool ok = true;

	if (r->x2 != NULL) {
		p[2] = (struct pollfd){ipc_chan_fd(r->x2), wanted(r->x2), 0};
		p[3] = (struct pollfd){ipc_chan_fd(r->to_hi2),
		    wanted(r->to_hi2), 0};
		n = 4;
	}
	if (poll(p, n, -1) == -1 && errno != EINTR)
		stop("poll");
	/* First what is timed. */
	if (p[3].revents != 0)
		ok =
		    pass(r, r->to_hi2, r->x2) && ipc_flush(r->to_hi2) == ERR_OK;
	if (ok && p[2].revents != 0)
		ok = pass(r, r->x2, r->to_hi2) && ipc_flush(r->x2) == ERR_OK;
	if (!ok)
		drop_channel(r);
	if (p[0].revents != 0)
		hand_on(r, CTL_FD, r->hi2);
	if (p[1].revents != 0)
		hand_on(r, r->hi2, CTL_FD);
}

int
main(void)
{
	static struct relay r;

	(void)prctl(PR_SET_NAME, "bench-relay");
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGTERM, SIG_IGN);
	(void)signal(SIGHUP, SIG_IGN);
	(void)signal(SIGINT, SIG_IGN);
	find_folder(&r);
	open_stored(&r);
	start_hi2(&r);
	for (;;)
		turn(&r);
}
