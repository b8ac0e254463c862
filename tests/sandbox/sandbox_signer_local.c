/*
 * keywarden-signer whose token is behind a daemon of this machine and a device:
 * local sockets, any ioctl(), and no network.
 */
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <errno.h>

#include "sandbox_test.h"
#include "stated.h"

static void
calls_a_daemon(void)
{
	const struct reach r = {.local = true, .device = true};

	sandbox_with_reach(&r);
}

ACT(act_local_datagrams, SYS_socket, AF_UNIX, SOCK_DGRAM, 0)
ACT(act_local_packets, SYS_socket, AF_UNIX, SOCK_SEQPACKET, 0)

/* A terminal, of which a shell reads what is pushed into it. */
ACT(act_ioctl_stdin, SYS_ioctl, STDIN_FILENO, FIONREAD, NULL)
ACT(act_ioctl_disguised, SYS_ioctl, DISGUISED_STDERR, FIONREAD, NULL)

static const struct act own[] = {
    {"socket, local", act_socket_unix, WORKS},
    {"connect to nothing", act_connect, EINVAL},
    {"an answer", act_recv, WORKS},
    {"local datagrams", act_local_datagrams, DIES},
    {"local packets", act_local_packets, DIES},
    {"socket, IP", act_socket_ip, EACCES},
    {"socket, netlink", act_socket_netlink, EACCES},
    {"bind", act_bind, DIES},
    {"listen", act_listen, DIES},
    {"accept4", act_accept4, DIES},
    {"fcntl F_SETFL, a socket", act_does_not_wait, WORKS},
    {"fcntl F_SETFL, disguised", act_disguised_mode, DIES},
    {"ioctl FIONREAD", act_ioctl_other, EFAULT},
    {"ioctl FIONREAD, standard input", act_ioctl_stdin, DIES},
    {"ioctl FIONREAD, disguised", act_ioctl_disguised, DIES},
    {"pread", act_pread, DIES},
    {"fsync", act_fsync, DIES},
};

static const long stated[] = {STATED_TOKEN, STATED_REACH};

static const struct acts own_acts = ACTS(own);
const struct tried tried = {.which = SANDBOX_SIGNER,
    .prepare = calls_a_daemon,
    .tables = {&allowed_to_all, &own_acts},
    .calls = stated,
    .n_calls = sizeof(stated) / sizeof(stated[0])};
