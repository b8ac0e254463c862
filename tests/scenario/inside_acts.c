/* What is done inside a process, beside the rows of tests/sandbox. */
#include <sys/socket.h>
#include <sys/stat.h>

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "appliance/ctl.h"
#include "base/clock.h"
#include "inside.h"
#include "sandbox_test.h"

#define LISTS_MS 1500 /* policy is told twice a second */
#define DESCRIPTORS 256
#define NO_MESSAGE 999

/* ---- rows of tests/sandbox ---- */

/* The n-th that is refused; what works shows when the appliance serves. */
static const struct act *
row(int n)
{
	for (unsigned t = 0; t < TRIED_TABLES && tried.tables[t] != NULL; t++) {
		const struct acts *a = tried.tables[t];

		for (size_t i = 0; a != &allowed_to_all && i < a->n; i++)
			if (a->act[i].expected != WORKS && n-- == 0)
				return &a->act[i];
	}
	return NULL;
}

static int
count_rows(struct inside *p)
{
	for (p->n = 0; row(p->n) != NULL;)
		p->n++;
	return 0;
}

static int
name_row(struct inside *p)
{
	const struct act *a = row(p->n);

	if (a == NULL)
		return ENOENT;
	(void)snprintf(p->text, sizeof(p->text), "%s", a->name);
	p->expected = a->expected;
	return 0;
}

static bool
is_socket(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode);
}

static bool
is_file(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
}

/* What the process has stands in for what a test would make. */
static void
hold(const char *path)
{
	(void)snprintf(held.path, sizeof(held.path), "%.127s", path);
	(void)snprintf(held.free_path, sizeof(held.free_path), "/tmp/inside-%d",
	    (int)getpid());
	held.dir = held.listen = held.epoll = -1;
	held.file = STDERR_FILENO;
	held.pair[0] = held.pair[1] = CTL_FD;
	for (int fd = CTL_FD + 1; fd < DESCRIPTORS; fd++) {
		if (is_socket(fd))
			held.pair[0] = held.pair[1] = fd;
		if (is_file(fd))
			held.file = fd;
	}
	held.pipe[0] = held.pipe[1] = held.pair[0];
}

static int
do_row(const struct inside *p)
{
	const struct act *a = row(p->n);

	hold(p->text);
	return a == NULL ? ENOENT : a->function();
}

/* ---- files, programs, addresses ---- */

static int
open_it(const char *path, int how)
{
	const int fd = open(path, how | O_CLOEXEC);

	return fd == -1 ? errno : outcome(close(fd));
}

static int
load(const char *module)
{
	return dlopen(module, RTLD_NOW) != NULL ? 0 : EACCES;
}

static int
call(int port)
{
	const struct sockaddr_in a = {.sin_family = AF_INET,
	    .sin_port = htons((uint16_t)port),
	    .sin_addr = {htonl(INADDR_LOOPBACK)}};
	const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int e;

	if (fd == -1)
		return errno;
	e = outcome(connect(fd, (const struct sockaddr *)&a, sizeof(a)));
	close(fd);
	return e;
}

/* ---- descriptors ---- */

static int
count_files(struct inside *p)
{
	char c;

	p->n = 0;
	for (int fd = 0; fd < DESCRIPTORS; fd++)
		if (is_file(fd) && lseek(fd, 0, SEEK_SET) == 0 &&
		    read(fd, &c, 1) != -1)
			p->n++;
	return 0;
}

static int
write_over(const char *text)
{
	if (lseek(STDERR_FILENO, 0, SEEK_SET) == -1)
		return errno;
	return outcome(write(STDERR_FILENO, text, strlen(text)));
}

/* 0 if one of them can be had. */
static int
privileges(void)
{
	static const struct {
		int level, name;
	} options[] = {{SOL_SOCKET, SO_MARK}, {SOL_SOCKET, SO_RCVBUFFORCE},
	    {SOL_SOCKET, SO_SNDBUFFORCE}, {IPPROTO_IP, IP_TRANSPARENT},
	    {IPPROTO_TCP, TCP_REPAIR}};
	const int one = 1;

	for (int fd = CTL_FD; fd < DESCRIPTORS; fd++)
		for (size_t i = 0; i < sizeof(options) / sizeof(options[0]);
		     i++)
			if (is_socket(fd) &&
			    setsockopt(fd, options[i].level, options[i].name,
				&one, sizeof(one)) == 0)
				return 0;
	return EPERM;
}

/* Packets with standard error in them; a length that no frame has. */
static int
pass(int fd, const void *octets, size_t len)
{
	union {
		struct cmsghdr h;
		char b[CMSG_SPACE(sizeof(int))];
	} u = {{0}};
	struct iovec v = {NULL, len};
	struct msghdr m = {.msg_iov = &v,
	    .msg_iovlen = 1,
	    .msg_control = u.b,
	    .msg_controllen = sizeof(u.b)};
	struct cmsghdr *h = CMSG_FIRSTHDR(&m);
	const int one = STDERR_FILENO;

	memcpy(&v.iov_base, &octets, sizeof(octets));
	h->cmsg_level = SOL_SOCKET;
	h->cmsg_type = SCM_RIGHTS;
	h->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(h), &one, sizeof(one));
	return outcome(sendmsg(fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT));
}

static int
noise(struct inside *p)
{
	static const uint8_t octets[16] = {0xff, 0xff, 0xff, 0xff};

	p->n = 0;
	for (int fd = CTL_FD + 1; fd < DESCRIPTORS; fd++)
		if (is_socket(fd) && pass(fd, octets, sizeof(octets)) == 0)
			p->n++;
	return p->n > 0 ? 0 : ENOTCONN;
}

/* ---- the line to the supervisor ---- */

static int
say_failed(enum err why, const char *text)
{
	uint8_t body[64];
	struct wr w;
	size_t len;

	wr_init(&w, body, sizeof(body));
	msg_error_put(&w, why, text);
	if (wr_finish(&w, &len) != ERR_OK ||
	    ipc_ctl_send(CTL_FD, MSG_CTL_FAILED, 0, body, len, -1) != ERR_OK)
		return EPIPE;
	return 0;
}

static int
say_bare(uint16_t type, int fd)
{
	return ipc_ctl_send(CTL_FD, type, 0, NULL, 0, fd) == ERR_OK ? 0 : EPIPE;
}

/* As ctl_lists(), but until the line takes it. */
static enum err
say_list(enum crl_state state)
{
	const struct msg_crl m = {state, 1};
	uint8_t body[MSG_CRL_LEN];
	struct wr w;
	size_t len;
	enum err rc;

	wr_init(&w, body, sizeof(body));
	msg_crl_put(&w, &m);
	if ((rc = wr_finish(&w, &len)) != ERR_OK)
		return rc;
	do
		rc = ipc_ctl_send(CTL_FD, MSG_CTL_CRL_STATE, 0, body, len, -1);
	while (rc == ERR_AGAIN);
	return rc;
}

/* The last end stays until it has been told; nothing else is done meanwhile. */
static int
say_lists(int times)
{
	int64_t until;

	for (int i = 0; i < times; i++)
		if (say_list(CRL_ENDED) != ERR_OK ||
		    say_list(CRL_GOOD) != ERR_OK)
			return EPIPE;
	if (say_list(CRL_ENDED) != ERR_OK)
		return EPIPE;
	until = clock_uptime_ms() + LISTS_MS;
	while (clock_uptime_ms() < until)
		;
	return 0;
}

int
inside_do(struct inside *p)
{
	switch (p->order) {
	case INSIDE_ROWS:
		return count_rows(p);
	case INSIDE_NAME:
		return name_row(p);
	case INSIDE_ROW:
		return do_row(p);
	case INSIDE_READ:
		return open_it(p->text, O_RDONLY);
	case INSIDE_WRITE:
		return open_it(p->text, O_WRONLY);
	case INSIDE_LOAD:
		return load(p->text);
	case INSIDE_CALL:
		return call(p->n);
	case INSIDE_FILES:
		return count_files(p);
	case INSIDE_OVER:
		return write_over(p->text);
	case INSIDE_PRIVILEGES:
		return privileges();
	case INSIDE_NOISE:
		return noise(p);
	case INSIDE_UNKNOWN:
		return say_bare(NO_MESSAGE, STDERR_FILENO);
	case INSIDE_PIN:
		return say_failed(ERR_PIN, "the PIN is wrong");
	case INSIDE_READY:
		return say_bare(MSG_CTL_READY, -1);
	case INSIDE_LISTS:
		return say_lists(p->n);
	case INSIDE_LAST:
		return say_failed(ERR_IO, "it ends");
	case INSIDE_EMPTY:
		return outcome(send(CTL_FD, "", 0, MSG_NOSIGNAL));
	case INSIDE_DEAF:
		return outcome(close(CTL_FD));
	case INSIDE__MAX:
		break;
	}
	return ENOSYS;
}

void
inside_begin(void)
{
	held.other = getppid();
}
