/* Channels of a relay: octets go on as they are, and are kept. */
#include <sys/socket.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/ipc.h"
#include "relay.h"

#define CHUNK 65536

const char *
relay_peer_name(enum ctl_peer kind)
{
	static const char *const names[CTL_PEER__MAX] = {"xk", "policy",
	    "audit", "hsm", "x2", "hi2", "xkc", "hi2c", "signer"};

	return kind < CTL_PEER__MAX && names[kind] != NULL ? names[kind]
							   : "one without name";
}

/* A file of its own for each: it begins with a frame. */
static int
keep(const struct relay *r, const struct wire *w, const char *way)
{
	char path[2200];
	int fd = -1;

	for (unsigned n = 0; fd == -1 && n < 1000; n++) {
		(void)snprintf(path, sizeof(path), "%s.%s.%s.%u", r->self,
		    relay_peer_name(w->kind), way, n);
		fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	}
	if (fd == -1)
		relay_stop(r, path);
	return fd;
}

static void
flow_done(struct flow *f)
{
	if (f->kept != -1)
		close(f->kept);
	free(f->p);
	*f = (struct flow){.kept = -1};
}

static void
wire_done(struct wire *w)
{
	close(w->outer);
	close(w->inner);
	w->outer = w->inner = -1;
	flow_done(&w->to);
	flow_done(&w->from);
}

static struct wire *
place_of(struct relay *r, enum ctl_peer kind, unsigned index)
{
	for (unsigned i = 0; i < r->n_wires; i++)
		if (r->wire[i].kind == kind && r->wire[i].index == index) {
			if (r->wire[i].outer != -1)
				wire_done(&r->wire[i]);
			return &r->wire[i];
		}
	if (r->n_wires == RELAY_WIRES)
		relay_stop(r, "too many channels");
	return &r->wire[r->n_wires++];
}

int
relay_wire_new(struct relay *r, enum ctl_peer kind, unsigned index, int outer)
{
	struct wire *w = place_of(r, kind, index);
	int pair[2];

	if (kind >= CTL_PEER__MAX ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == -1 ||
	    fcntl(outer, F_SETFL, O_NONBLOCK) == -1 ||
	    fcntl(pair[0], F_SETFL, O_NONBLOCK) == -1)
		relay_stop(r, "no channel");
	*w = (struct wire){.kind = kind,
	    .index = index,
	    .life = ++r->lives,
	    .outer = outer,
	    .inner = pair[0]};
	w->to.kept = keep(r, w, "to");
	w->from.kept = keep(r, w, "from");
	return pair[1];
}

/* ---- octets ---- */

/* false: that end has gone. */
static bool
take_in(const struct relay *r, struct flow *f, int fd)
{
	static uint8_t in[CHUNK];
	const ssize_t n = read(fd, in, sizeof(in));

	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return true;
	if (n <= 0)
		return false;
	if (write(f->kept, in, (size_t)n) != n)
		relay_stop(r, "what was said cannot be kept");
	if ((f->p = malloc((size_t)n)) == NULL)
		relay_stop(r, "out of memory");
	memcpy(f->p, in, (size_t)n);
	f->len = (size_t)n;
	return true;
}

static bool
put_out(struct flow *f, int fd)
{
	const ssize_t n = send(fd, f->p, f->len, MSG_NOSIGNAL);

	if (n == -1)
		return errno == EAGAIN || errno == EINTR;
	f->len -= (size_t)n;
	memmove(f->p, f->p + n, f->len);
	if (f->len == 0) {
		free(f->p);
		f->p = NULL;
	}
	return true;
}

/* What comes for a process that is no more. */
static bool
forgotten(const struct relay *r, struct wire *w)
{
	const bool there = take_in(r, &w->to, w->outer);

	free(w->to.p);
	w->to.p = NULL;
	w->to.len = 0;
	return there;
}

static bool
moved(const struct relay *r, struct flow *f, int from, int to)
{
	if (f->len == 0 && !take_in(r, f, from))
		return false;
	return f->len == 0 || put_out(f, to);
}

static short
wanted(const struct flow *in, const struct flow *out)
{
	return (
	    short)((in->len == 0 ? POLLIN : 0) | (out->len > 0 ? POLLOUT : 0));
}

void
relay_pump(struct relay *r, int ms, struct pollfd *more, unsigned n)
{
	struct pollfd p[2 * RELAY_WIRES + 8];
	unsigned k = 0;

	for (; k < n; k++)
		p[k] = more[k];
	for (unsigned i = 0; i < r->n_wires; i++) {
		struct wire *w = &r->wire[i];

		p[k++] = (struct pollfd){w->outer, wanted(&w->to, &w->from), 0};
		p[k++] = (struct pollfd){r->alone ? -1 : w->inner,
		    wanted(&w->from, &w->to), 0};
	}
	if (poll(p, k, ms) == -1 && errno != EINTR)
		relay_stop(r, "poll");
	for (unsigned i = 0; i < n; i++)
		more[i].revents = p[i].revents;
	for (unsigned i = 0; i < r->n_wires; i++) {
		struct wire *w = &r->wire[i];

		if (w->outer == -1 ||
		    (p[n + 2 * i].revents | p[n + 2 * i + 1].revents) == 0)
			continue;
		if (r->alone ? !forgotten(r, w)
			     : !moved(r, &w->to, w->outer, w->inner) ||
			    !moved(r, &w->from, w->inner, w->outer))
			wire_done(w);
	}
}
