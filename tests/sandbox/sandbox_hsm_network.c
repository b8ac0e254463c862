/* keywarden-hsm whose token is a network HSM: TCP, and nothing of this machine.
 */
#include <sys/socket.h>

#include <errno.h>
#include <netinet/in.h>

#include "sandbox_test.h"
#include "stated.h"

static void
calls_a_port(void)
{
	const struct reach r = {.n_ports = 1, .port = {1}};

	sandbox_with_reach(&r);
}

/* As getaddrinfo() says it. */
ACT(act_socket_tcp, SYS_socket, AF_INET, SOCK_STREAM, IPPROTO_TCP)
ACT(act_socket_tcp_6, SYS_socket, AF_INET6, SOCK_STREAM, IPPROTO_TCP)
ACT(act_socket_sctp, SYS_socket, AF_INET, SOCK_STREAM, IPPROTO_SCTP)

static const struct act own[] = {
    {"a call over IPv4", act_call_v4, WORKS},
    {"a call over IPv6", act_call_v6, WORKS},
    {"socket, TCP by its number", act_socket_tcp, WORKS},
    {"the same over IPv6", act_socket_tcp_6, WORKS},
    {"SCTP", act_socket_sctp, DIES},
    {"fcntl F_SETFL, a socket", act_does_not_wait, WORKS},
    {"fcntl F_SETFL, disguised", act_disguised_mode, DIES},
    {"an answer", act_recv, WORKS},
    {"socket, another family", act_socket_other, DIES},
    {"datagrams", act_socket_datagrams, DIES},
    {"socket, raw IP", act_socket_ip_raw, DIES},
    {"MPTCP", act_socket_mptcp, DIES},
    {"accept4", act_accept4, DIES},
    {"pread", act_pread, WORKS},
    {"fsync", act_fsync, DIES},
    {"unlink", act_unlink, DIES},
};

static const long stated[] = {STATED_TOKEN, STATED_HEAD, STATED_REACH};

static const struct acts own_acts = ACTS(own);
const struct tried tried = {.which = SANDBOX_HSM,
    .prepare = calls_a_port,
    .tables = {&allowed_to_all, &own_acts, &forbidden_to_all},
    .calls = stated,
    .n_calls = sizeof(stated) / sizeof(stated[0])};
