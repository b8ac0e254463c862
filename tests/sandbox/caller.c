/* Processes that call one server over IP: no file at all. */
#include <sys/socket.h>

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>

#include "sandbox_test.h"

/* As it calls the other appliance; nobody listens at port 1. */
static int
call(int family, const void *to, socklen_t len)
{
	const int one = 1;
	const int fd =
	    socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	socklen_t n = sizeof(int);
	int e = 0;

	if (fd == -1)
		return errno;
	if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)) == -1)
		return errno;
	if (connect(fd, to, len) == -1 && errno != EINPROGRESS &&
	    errno != ECONNREFUSED)
		return errno;
	return outcome(getsockopt(fd, SOL_SOCKET, SO_ERROR, &e, &n));
}

int
act_call_v4(void)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
	    .sin_port = htons(1),
	    .sin_addr = {htonl(INADDR_LOOPBACK)}};

	return call(AF_INET, &a, sizeof(a));
}

/* A machine may be without it: that is no fault of the filter's. */
int
act_call_v6(void)
{
	struct sockaddr_in6 a = {.sin6_family = AF_INET6,
	    .sin6_port = htons(1),
	    .sin6_addr = in6addr_loopback};
	const int e = call(AF_INET6, &a, sizeof(a));

	return e == EAFNOSUPPORT || e == EADDRNOTAVAIL ? 0 : e;
}

/* Of those between the two: nobody probes for it. */
int
act_socket_other(void)
{
	return outcome(socket(AF_X25, SOCK_SEQPACKET, 0));
}

/* Ways out that no Landlock of ports sees. */
ACT_OF_ALL(act_socket_datagrams, SYS_socket, AF_INET, SOCK_DGRAM, 0)
ACT(act_socket_datagrams_6, SYS_socket, AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0)
ACT_OF_ALL(act_socket_ip_raw, SYS_socket, AF_INET, SOCK_RAW, IPPROTO_TCP)
ACT_OF_ALL(act_socket_mptcp, SYS_socket, AF_INET, SOCK_STREAM, IPPROTO_MPTCP)
ACT(act_socket_sctp, SYS_socket, AF_INET, SOCK_STREAM, IPPROTO_SCTP)

static const struct act acts[] = {
    {"a call over IPv4", act_call_v4, WORKS},
    {"a call over IPv6", act_call_v6, WORKS},
    {"connect to nothing", act_connect, EINVAL},
    {"socket, IP", act_socket_ip, WORKS},
    {"socket, another family", act_socket_other, DIES},
    {"datagrams over IPv4", act_socket_datagrams, DIES},
    {"datagrams over IPv6", act_socket_datagrams_6, DIES},
    {"socket, raw IP", act_socket_ip_raw, DIES},
    {"MPTCP", act_socket_mptcp, DIES},
    {"SCTP", act_socket_sctp, DIES},
    {"setsockopt", act_setsockopt, WORKS},
    {"getsockopt", act_getsockopt, WORKS},
    {"shutdown", act_shutdown, WORKS},
    {"accept4", act_accept4, DIES},
    {"openat to read", act_openat_read, EACCES},
    {"openat to write", act_openat_write, EACCES},
    {"stat of a path", act_stat_path, DIES},
    {"unlink", act_unlink, DIES},
    {"pread", act_pread, DIES},
    {"pwrite", act_pwrite, DIES},
    {"fdatasync", act_fdatasync, DIES},
    {"ftruncate", act_ftruncate, DIES},
    {"getdents64", act_getdents, DIES},
    {"poll", act_poll, DIES},
    {"alarm", act_alarm, DIES},
};

const struct acts of_caller = ACTS(acts);
