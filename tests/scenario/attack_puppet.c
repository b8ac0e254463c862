/* attack-puppet: see puppet.h.  It confines itself to nothing. */
#include <sys/socket.h>
#include <sys/un.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "appliance/ctl.h"
#include "base/log.h"
#include "puppet.h"
#include "puppet_journal.h"

#define WIRES 256

static char self[2048]; /* path of the program */
static int wire[WIRES], listener = -1, master = -1, heard = -1;
static bool deaf;
static struct journal journal; /* if it is in the place of hi2 */

/* ---- octets ---- */

/* Whoever does not read is waited for; false: it has gone. */
static bool
put(int fd, const void *octets, size_t len)
{
	const char *p = octets;

	while (len > 0) {
		const ssize_t n = send(fd, p, len, MSG_NOSIGNAL);
		struct pollfd w = {fd, POLLOUT, 0};

		if (n > 0) {
			p += n;
			len -= (size_t)n;
		} else if (errno == EAGAIN)
			(void)poll(&w, 1, -1);
		else if (errno != EINTR)
			return false;
	}
	return true;
}

static bool
get(int fd, void *octets, size_t len)
{
	char *p = octets;

	while (len > 0) {
		const ssize_t n = read(fd, p, len);

		if (n == 0 || (n == -1 && errno != EINTR))
			return false;
		if (n > 0) {
			p += n;
			len -= (size_t)n;
		}
	}
	return true;
}

static void
tell(uint8_t w, const void *octets, size_t len)
{
	uint8_t head[PUPPET_HEAD];
	struct wr at;

	if (master == -1)
		return;
	wr_init(&at, head, sizeof(head));
	wr_u8(&at, w);
	wr_u32(&at, (uint32_t)len);
	if (put(master, head, sizeof(head)) && put(master, octets, len))
		return;
	close(master);
	master = -1;
}

/* ---- the line to the supervisor ---- */

static void
on_file(void *ctx, enum ctl_file kind, int fd)
{
	(void)ctx;
	(void)kind;
	close(fd); /* it serves nobody */
}

static void
on_peer(void *ctx, enum ctl_peer kind, unsigned index, int fd)
{
	const uint8_t w = PUPPET_WIRE(kind, index);

	(void)ctx;
	if (index >= PUPPET_WORKERS)
		fatal("too many workers");
	if (wire[w] != -1)
		close(wire[w]);
	wire[w] = fd;
	journal = kind == CTL_PEER_X2 ? (struct journal){.have = 0} : journal;
	tell(w | PUPPET_NEW, NULL, 0);
}

static void
on_setup(void *ctx, struct rd settings)
{
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	char path[2100];

	(void)ctx;
	(void)settings;
	(void)snprintf(path, sizeof(path), "%s.heard", self);
	heard = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	(void)snprintf(path, sizeof(path), "%s.socket", self);
	(void)unlink(path);
	if (strlen(path) >= sizeof(name.sun_path))
		fatal("the folder's name is too long");
	memcpy(name.sun_path, path, strlen(path) + 1);
	listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (heard == -1 || listener == -1 ||
	    bind(listener, (const struct sockaddr *)&name, sizeof(name)) ==
		-1 ||
	    listen(listener, 1) == -1)
		fatal("%s: %s", path, strerror(errno));
}

static void
on_reload(void *ctx, struct rd settings)
{
	(void)ctx;
	(void)settings;
}

static void
on_stop(void *ctx)
{
	(void)ctx;
	_exit(0);
}

static const struct ctl_handlers handlers = {.file = on_file,
    .peer = on_peer,
    .setup = on_setup,
    .reload = on_reload,
    .stop = on_stop};

/* ---- what it does ---- */

static void
obey(void)
{
	static uint8_t body[MAX_IPC_BODY + 64];
	uint8_t head[PUPPET_HEAD], w = 0;
	uint32_t len = 0;
	struct rd r;

	if (!get(master, head, sizeof(head))) {
		close(master);
		master = -1;
		return;
	}
	rd_init(&r, head, sizeof(head));
	if (rd_u8(&r, &w) != ERR_OK || rd_u32(&r, &len) != ERR_OK ||
	    len > sizeof(body) || !get(master, body, len))
		fatal("an order that is none");
	if (w == PUPPET_DEAF)
		deaf = len > 0 && body[0] != 0;
	else if (wire[w] != -1)
		(void)put(wire[w], body, len); /* its end is seen on reading */
}

/* It does not matter who listens at the socket, nor when. */
static void
keep_journal(uint8_t w, const uint8_t *in, size_t len)
{
	static uint8_t out[PUPPET_MOST * 2];
	const char *name = strrchr(self, '/');
	struct wr say;

	if (w != PUPPET_WIRE(CTL_PEER_X2, 0) || name == NULL ||
	    strcmp(name, "/keywarden-hi2") != 0)
		return;
	wr_init(&say, out, sizeof(out));
	journal_hear(&journal, in, len, &say);
	if (say.rc == ERR_OK)
		(void)put(wire[w], out, say.len);
}

static void
listen_to(uint8_t w)
{
	static uint8_t in[PUPPET_MOST];
	const ssize_t n = read(wire[w], in, sizeof(in));

	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0 && write(heard, in, (size_t)n) != n)
		fatal("what was heard cannot be kept");
	if (n > 0)
		keep_journal(w, in, (size_t)n);
	if (n <= 0) {
		close(wire[w]);
		wire[w] = -1;
	}
	tell(w, in, n > 0 ? (size_t)n : 0);
}

static void
turn(void)
{
	enum { CTL, LISTEN, MASTER, FIRST };
	struct pollfd p[FIRST + WIRES] = {{CTL_FD, POLLIN, 0},
	    {master == -1 ? listener : -1, POLLIN, 0}, {master, POLLIN, 0}};

	for (unsigned w = 0; w < WIRES; w++)
		p[FIRST + w] = (struct pollfd){deaf ? -1 : wire[w], POLLIN, 0};
	(void)poll(p, FIRST + WIRES, -1);
	if (p[CTL].revents != 0)
		ctl_receive(&handlers, NULL);
	for (unsigned w = 0; w < WIRES; w++)
		if (p[FIRST + w].revents != 0 && p[FIRST + w].fd == wire[w])
			listen_to((uint8_t)w);
	if (p[LISTEN].revents != 0)
		master = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	if (p[MASTER].revents != 0)
		obey();
}

int
main(void)
{
	const ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	ctl_init("attack-puppet");
	for (unsigned w = 0; w < WIRES; w++)
		wire[w] = -1;
	if (n <= 0)
		fatal("it does not know its own name");
	ctl_start(&handlers, NULL);
	ctl_ready();
	for (;;)
		turn();
}
