/*
 * Every message that a neighbour might send, to a copy of the process that is
 * alone with its neighbours' ends.  The copy has the files and settings that
 * the supervisor handed down, and confines itself as always.  What its table
 * does not permit ends it, with the status that says so, or its channel; what
 * it permits, with octets of it changed, may be believed or refused.  Nothing
 * ends it by a signal.
 */
#include <sys/socket.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "appliance/ctl.h"
#include "appliance/spawn.h"
#include "base/clock.h"
#include "relay.h"

#define PATIENCE_MS 10000
#define LINE_MS 20
#define SOFTWARE_ERROR 70 /* the exit status of fatal() */
#define FRONT 96 /* octets of a message that are changed one by one */
#define BUFFER (2 * 1024 * 1024)

enum came { GOES_ON, CLOSED, ENDED, BROKEN };

struct copy {
	struct relay *r;
	FILE *out;
	bool all;
	size_t step; /* of octets that are changed */
	pid_t pid;
	int line;
	unsigned n;
	struct {
		enum ctl_peer kind;
		unsigned index;
		int fd;
	} end[RELAY_WIRES];
};

/* Attempts of one kind. */
struct tally {
	unsigned tried, wrong, refused;
};

static void
say(struct copy *c, const struct tally *t, const char *from, const char *what)
{
	(void)fprintf(c->out, "%s %s, as %s: %s: %u",
	    t->wrong == 0 ? "ok    " : "FAILED", c->r->name, from, what,
	    t->tried);
	if (t->wrong > 0)
		(void)fprintf(c->out, ", %u of them wrong", t->wrong);
	(void)fprintf(c->out, "\n");
	(void)fflush(c->out);
}

/* ---- a copy ---- */

/* A file as if it had just been opened; a socket is the same. */
static int
anew(int fd)
{
	char path[64];
	int flags = fcntl(fd, F_GETFL), copy;

	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	copy = open(path, (flags & O_ACCMODE) | O_CLOEXEC);
	return copy != -1 ? copy : fcntl(fd, F_DUPFD_CLOEXEC, 0);
}

static void
hand(const struct copy *c, uint16_t type, uint32_t id, int fd)
{
	/* One that has ended is seen on its line. */
	(void)!ipc_ctl_send(c->line, type, id, NULL, 0, fd);
	close(fd);
}

static void
give_channel(struct copy *c, unsigned i)
{
	int pair[2];

	if (c->end[i].fd != -1)
		close(c->end[i].fd);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == -1 ||
	    fcntl(pair[0], F_SETFL, O_NONBLOCK) == -1)
		relay_stop(c->r, "socketpair");
	c->end[i].fd = pair[0];
	hand(c, MSG_CTL_PEER, CTL_PEER_ID(c->end[i].kind, c->end[i].index),
	    pair[1]);
}

static enum came
how_it_ended(struct copy *c)
{
	int status = 0;

	if (waitpid(c->pid, &status, 0) != c->pid)
		relay_stop(c->r, "a copy cannot be waited for");
	c->pid = 0;
	close(c->line);
	for (unsigned i = 0; i < c->n; i++)
		if (c->end[i].fd != -1)
			close(c->end[i].fd);
	for (unsigned i = 0; i < c->n; i++)
		c->end[i].fd = -1;
	return WIFEXITED(status) && WEXITSTATUS(status) == SOFTWARE_ERROR
	    ? ENDED
	    : BROKEN;
}

/* How it is goes on to the supervisor, which would end who does not say so. */
static uint16_t
hear_line(const struct copy *c)
{
	static uint8_t buf[IPC_CTL_MAX];
	struct ipc_frame f = {.type = 0};
	int fd = -1;

	if (ipc_ctl_recv(c->line, buf, sizeof(buf), &f, &fd) != ERR_OK)
		return 0;
	if (f.type != MSG_CTL_READY &&
	    ipc_ctl_send(CTL_FD, f.type, f.id, f.body.p, f.body.left, fd) !=
		ERR_OK)
		relay_stop(c->r, "line to the supervisor");
	return f.type;
}

static bool
has_ended(const struct copy *c, int ms)
{
	const int64_t until = clock_uptime_ms() + ms;
	struct pollfd p = {c->line, POLLIN, 0};
	int64_t left = ms;

	do {
		if (poll(&p, 1, left > 0 ? (int)left : 0) == 1 &&
		    hear_line(c) == 0)
			return true;
	} while ((left = until - clock_uptime_ms()) > 0);
	return false;
}

static void
await_ready(const struct copy *c)
{
	uint16_t type;

	do
		if ((type = hear_line(c)) == 0)
			relay_stop(c->r, "a copy is not READY");
	while (type != MSG_CTL_READY);
}

static void
start(struct copy *c)
{
	extern char **environ;
	char program[256];
	struct why why = {""};

	if (c->pid != 0 && !has_ended(c, 0))
		return;
	if (c->pid != 0)
		(void)how_it_ended(c);
	(void)snprintf(program, sizeof(program), "true/%s", c->r->name);
	if (spawn_process(program, environ, &c->pid, &c->line, &why) != ERR_OK)
		relay_stop(c->r, why.text);
	for (unsigned i = 0; i < c->r->n_files; i++)
		hand(c, MSG_CTL_FILE, c->r->file[i].kind,
		    anew(c->r->file[i].fd));
	for (unsigned i = 0; i < c->n; i++)
		give_channel(c, i);
	if (ipc_ctl_send(c->line, MSG_CTL_SETUP, 0, c->r->settings,
		c->r->settings_len, -1) != ERR_OK)
		relay_stop(c->r, "line to a copy");
	await_ready(c);
}

static void
stop(struct copy *c)
{
	if (c->pid == 0)
		return;
	(void)kill(c->pid, SIGKILL);
	(void)how_it_ended(c);
}

/* Reads all channels; has this one been closed, or the process ended? */
static enum came
listen_to_it(struct copy *c, unsigned at, int ms)
{
	static uint8_t in[65536];
	const int64_t until = clock_uptime_ms() + ms;

	do {
		struct pollfd p[RELAY_WIRES + 1];
		const int64_t left = until - clock_uptime_ms();

		for (unsigned i = 0; i < c->n; i++)
			p[i] = (struct pollfd){c->end[i].fd, POLLIN, 0};
		p[c->n] = (struct pollfd){c->line, POLLIN, 0};
		(void)poll(p, c->n + 1, left > 0 ? (int)left : 0);
		if (p[c->n].revents != 0 && hear_line(c) == 0)
			return how_it_ended(c);
		for (unsigned i = 0; i < c->n; i++) {
			ssize_t n = 1;

			if (p[i].revents != 0)
				n = read(c->end[i].fd, in, sizeof(in));
			if (n != 0 && (n != -1 || errno == EAGAIN))
				continue;
			close(c->end[i].fd);
			c->end[i].fd = -1;
			/* Of a process that ends, the line is closed last. */
			if (i == at)
				return has_ended(c, LINE_MS) ? how_it_ended(c)
							     : CLOSED;
		}
	} while (clock_uptime_ms() < until);
	return GOES_ON;
}

/* ---- what is said ---- */

static uint8_t frame[BUFFER];

static void
put(struct copy *c, unsigned at, uint16_t type, const void *body, size_t len)
{
	struct wr w;
	size_t sent = 0;

	start(c);
	if (c->end[at].fd == -1)
		give_channel(c, at);
	wr_init(&w, frame, sizeof(frame));
	wr_u32(&w, (uint32_t)(IPC_HEADER_LEN - 4 + len));
	wr_u16(&w, type);
	wr_u32(&w, 1);
	wr_copy(&w, body, len);
	if (w.rc != ERR_OK)
		relay_stop(c->r, "a frame that is too long");
	while (sent < w.len) {
		struct pollfd p = {c->end[at].fd, POLLOUT, 0};
		const ssize_t n = send(c->end[at].fd, frame + sent,
		    w.len - sent, MSG_NOSIGNAL);

		if (n > 0)
			sent += (size_t)n;
		else if (errno != EAGAIN)
			return; /* it has ended before all of it was read */
		else if (poll(&p, 1, PATIENCE_MS) != 1)
			return;
	}
}

/* It must not take this. */
static void
refuses(struct copy *c, struct tally *t, unsigned at, uint16_t type,
    const void *body, size_t len)
{
	enum came came;

	put(c, at, type, body, len);
	came = listen_to_it(c, at, PATIENCE_MS);
	t->tried++;
	t->refused++;
	if (came == ENDED || came == CLOSED)
		return;
	(void)fprintf(c->out, "FAILED %s, as %s: type %u, %zu octets: %s\n",
	    c->r->name, relay_peer_name(c->end[at].kind), type, len,
	    came == BROKEN ? "it ends in another way" : "it goes on");
	t->wrong++;
	stop(c);
}

/* It may. */
static void
bears(struct copy *c, struct tally *t, unsigned at, uint16_t type,
    const void *body, size_t len)
{
	enum came came;

	put(c, at, type, body, len);
	came = listen_to_it(c, at, 2);
	t->tried++;
	t->refused += came == ENDED || came == CLOSED;
	if (came != BROKEN)
		return;
	(void)fprintf(c->out,
	    "FAILED %s, as %s: type %u, %zu octets: it breaks\n", c->r->name,
	    relay_peer_name(c->end[at].kind), type, len);
	t->wrong++;
}

/* ---- the sweep ---- */

/* Is this a number that `from` may send to `to`? */
static bool
may_say(const struct copy *c, uint16_t type, enum ctl_peer from,
    enum ctl_peer to)
{
	unsigned n;
	const struct message *m = relay_table(c->r, &n);

	for (unsigned i = 0; i < n; i++)
		if (m[i].type == type && relay_may_say(&m[i], from, to))
			return true;
	return false;
}

static void
not_its_own(struct copy *c, unsigned at, enum ctl_peer self)
{
	static const uint16_t others[] = {0, MSG_CTL_STOP, MSG_CLI_SUBMIT, 255,
	    UINT16_MAX};
	static const uint8_t zeros[64];
	const enum ctl_peer from = c->end[at].kind;
	struct tally t = {0};
	unsigned n;
	const struct message *m = relay_table(c->r, &n);

	for (unsigned i = 0; i < n; i++)
		if (!may_say(c, m[i].type, from, self) &&
		    (c->all || (m[i].from & 1U << from) != 0 ||
			(m[i].to & 1U << self) != 0))
			refuses(c, &t, at, m[i].type, zeros,
			    i % 2 == 0 ? 0 : sizeof(zeros));
	for (unsigned i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		refuses(c, &t, at, others[i], zeros, sizeof(zeros));
	say(c, &t, relay_peer_name(from),
	    "messages that are not its own are refused");
}

/* One octet less than the least, one more than the most. */
static void
lengths(struct copy *c, unsigned at, const struct message *m)
{
	static const uint8_t zeros[BUFFER];
	struct tally t = {0};
	char what[80];

	if (m->min > 0)
		refuses(c, &t, at, m->type, zeros, m->min - 1);
	refuses(c, &t, at, m->type, zeros, m->max + 1);
	(void)snprintf(what, sizeof(what),
	    "%s too short or too long is refused", m->name);
	say(c, &t, relay_peer_name(c->end[at].kind), what);
}

static void
octets(struct copy *c, unsigned at, const struct message *m)
{
	static const uint8_t values[] = {0xff, 0x00, 0x80, 0x01, 0x7f};
	const size_t n_values = c->all ? sizeof(values) : 2;
	/* One that did not pass has the least that it may have, of zeros. */
	const size_t len = m->example == NULL ? m->min : m->example_len;
	struct tally t = {0};
	uint8_t *p = calloc(1, len + 1), was;
	char what[120];

	if (p == NULL)
		relay_stop(c->r, "out of memory");
	if (m->example != NULL)
		memcpy(p, m->example, len);
	bears(c, &t, at, m->type, p, len); /* a replay */
	bears(c, &t, at, m->type, p, len + 1);
	for (size_t n = 0; n < len; n += n < FRONT ? c->step : 1 + n / 4)
		bears(c, &t, at, m->type, p, n);
	for (size_t i = 0; i < len && i < FRONT; i += c->step) {
		was = p[i];
		for (unsigned k = 0; k < n_values; k++) {
			p[i] = values[k];
			bears(c, &t, at, m->type, p, len);
		}
		p[i] = was;
	}
	free(p);
	(void)snprintf(what, sizeof(what),
	    "%s of %zu octets, cut or one of them another: none breaks it, "
	    "%u are refused",
	    m->name, len, t.refused);
	say(c, &t, relay_peer_name(c->end[at].kind), what);
}

static void
its_own(struct copy *c, unsigned at, enum ctl_peer self)
{
	unsigned n;
	const struct message *m = relay_table(c->r, &n);

	for (unsigned i = 0; i < n; i++) {
		if (!relay_may_say(&m[i], c->end[at].kind, self))
			continue;
		lengths(c, at, &m[i]);
		octets(c, at, &m[i]);
	}
}

/* A length that no frame may have. */
static void
no_frames(struct copy *c, unsigned at)
{
	static const uint8_t bad[][4] = {{0, 0, 0, 0}, {0, 0, 0, 5},
	    {0xff, 0xff, 0xff, 0xff}, {0x7f, 0xff, 0xff, 0xff}};
	struct tally t = {0};

	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		enum came came;

		start(c);
		if (c->end[at].fd == -1)
			give_channel(c, at);
		(void)send(c->end[at].fd, bad[i], sizeof(bad[i]), MSG_NOSIGNAL);
		came = listen_to_it(c, at, PATIENCE_MS);
		t.tried++;
		t.wrong += came != ENDED && came != CLOSED;
	}
	say(c, &t, relay_peer_name(c->end[at].kind),
	    "lengths that no frame has are refused");
}

static enum ctl_peer
self_of(const struct relay *r)
{
	for (unsigned k = 0; k < CTL_PEER__MAX; k++)
		if (strcmp(r->name + strlen("keywarden-"),
			relay_peer_name((enum ctl_peer)k)) == 0)
			return (enum ctl_peer)k;
	relay_stop(r, "a process that is none");
}

void
relay_sweep(struct relay *r, bool all, FILE *out)
{
	static struct copy c;
	const enum ctl_peer self = self_of(r);

	c = (struct copy){.r = r,
	    .out = out,
	    .all = all,
	    .step = all ? 1 : 5, /* of no two fields the same octet */
	    .line = -1};
	if (self == CTL_PEER_HSM && !all)
		c.step = 24; /* its start takes the token's time */

	(void)kill(r->pid, SIGKILL); /* what it holds is free for the copies */
	(void)waitpid(r->pid, NULL, 0);
	(void)relay_table(r, &(unsigned){0});
	relay_examples(r, self);
	for (unsigned i = 0; i < r->n_wires; i++)
		if (r->wire[i].index == 0 || r->wire[i].kind == CTL_PEER_HI2C) {
			c.end[c.n].kind = r->wire[i].kind;
			c.end[c.n].index = r->wire[i].index;
			c.end[c.n++].fd = -1;
		}
	for (unsigned at = 0; at < c.n; at++) {
		no_frames(&c, at);
		not_its_own(&c, at, self);
		its_own(&c, at, self);
	}
	stop(&c);
	(void)fprintf(out, "done\n");
	(void)fflush(out);
	_exit(0);
}
