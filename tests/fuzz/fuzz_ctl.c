/*
 * Packets on the line between supervisor and process, with descriptors: first
 * through ipc_ctl_recv(), then through a process's table of handlers.
 *
 * Input: u8 which handlers there are, then packets: u8 how many descriptors,
 * u16 and octets.
 */
#include <sys/socket.h>

#include <setjmp.h>
#include <string.h>
#include <unistd.h>

#include "appliance/ctl.h"
#include "fuzz.h"

/* --wrap=fatal: a process would end here. */
_Noreturn void __wrap_fatal(const char *fmt, ...) PRINTF_LIKE(1, 2);
static jmp_buf ended;

_Noreturn void
__wrap_fatal(const char *fmt, ...)
{
	(void)fmt;
	longjmp(ended, 1);
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	/* Hold the place of the line, so that nothing else gets it. */
	(void)argc;
	(void)argv;
	MUST(dup2(STDERR_FILENO, CTL_FD) == CTL_FD);
	return 0;
}

static void
send_packet(int sock, struct rd body, unsigned n_fds)
{
	union {
		char buf[CMSG_SPACE(3 * sizeof(int))];
		struct cmsghdr align;
	} control = {0};
	const int fds[3] = {STDERR_FILENO, STDERR_FILENO, STDERR_FILENO};
	struct iovec iov = {NULL, body.left};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};
	struct cmsghdr *c;

	memcpy(&iov.iov_base, &body.p, sizeof(body.p));
	if (n_fds > 0) {
		m.msg_control = control.buf;
		m.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
		c = CMSG_FIRSTHDR(&m);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(n_fds * sizeof(int));
		memcpy(CMSG_DATA(c), fds, n_fds * sizeof(int));
	}
	MUST(sendmsg(sock, &m, MSG_NOSIGNAL) == (ssize_t)body.left);
}

static void
bare(const int s[2], struct rd packet, unsigned n_fds)
{
	static uint8_t buf[IPC_CTL_MAX];
	const int lowest = lowest_free_fd();
	struct ipc_frame f;
	struct rd whole;
	int fd = -1;
	enum err rc;

	send_packet(s[1], packet, n_fds);
	rc = ipc_ctl_recv(s[0], buf, sizeof(buf), &f, &fd);
	MUST(rc == ERR_OK || rc == ERR_MALFORMED);
	if (rc == ERR_OK) {
		rd_init(&whole, buf, packet.left);
		must_be_within(whole, f.body);
		MUST(f.body.left == packet.left - IPC_HEADER_LEN);
		MUST((fd != -1) == (n_fds == 1) && n_fds <= 1);
	}
	if (fd != -1)
		close(fd);
	/* Refused descriptors must not stay open. */
	MUST(lowest_free_fd() == lowest);
}

/* ---- a process's handlers ---- */

static void
on_file(void *ctx, enum ctl_file f, int fd)
{
	(void)ctx;
	MUST(f < CTL_FILE__MAX && fd > CTL_FD && close(fd) == 0);
}

static void
on_peer(void *ctx, enum ctl_peer p, unsigned index, int fd)
{
	(void)ctx;
	MUST(p < CTL_PEER__MAX && index < MAX_WORKERS);
	MUST(fd > CTL_FD && close(fd) == 0);
}

static void
on_body(void *ctx, struct rd body)
{
	static struct policy_settings s;

	(void)ctx;
	(void)policy_settings_get(body, &s);
}

static void
on_stop(void *ctx)
{
	(void)ctx;
}

static void
handled(const int s[2], uint8_t which, struct rd packet, unsigned n_fds)
{
	const struct ctl_handlers h = {.file = which & 1 ? on_file : NULL,
	    .peer = which & 2 ? on_peer : NULL,
	    .setup = which & 4 ? on_body : NULL,
	    .reload = which & 8 ? on_body : NULL,
	    .stop = which & 16 ? on_stop : NULL,
	    .init = which & 32 ? on_body : NULL,
	    .workers = which & 64 ? on_body : NULL,
	    .lists = which & 128 ? on_stop : NULL,
	    .crls = which & 128 ? on_body : NULL,
	    .probe = which & 128 ? on_body : NULL};
	const int lowest = lowest_free_fd();

	send_packet(s[1], packet, n_fds);
	if (setjmp(ended) == 0)
		ctl_receive(&h, NULL);
	/* A process that ends closes nothing by itself. */
	for (int fd = lowest; fd < lowest + 3; fd++)
		(void)close(fd);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rd in, packet;
	uint8_t which;
	int s[2];

	MUST(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, s) == 0);
	MUST(dup2(s[0], CTL_FD) == CTL_FD);
	rd_init(&in, data, size);
	which = take_u8(&in);
	while (in.left > 0) {
		const unsigned n_fds = take_u8(&in) % 4;

		packet = take_view16(&in);
		if (packet.left == 0) /* the same as a closed line */
			continue;
		bare(s, packet, n_fds);
		handled(s, which, packet, n_fds);
	}
	close(s[0]);
	close(s[1]);
	return 0;
}
