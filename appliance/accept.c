#include <sys/socket.h>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <unistd.h>

#include "appliance/accept.h"
#include "base/log.h"

/* Connections that one event brings, at most. */
#define ACCEPTS_A_TURN 64

/* False: it is not let in, and the log may say why. */
static bool
let_in(struct admission *a, const struct sockaddr *from, struct admitted *out,
    int64_t now_ms, const struct accept_ops *ops, void *ctx)
{
	static struct log_limit limit;
	const char *const s = ops->section;
	enum admission_verdict v;

	do
		v = admission_accept(a, from, out, now_ms);
	while (v == ADMISSION_HANDSHAKES && ops->end_oldest(ctx));
	if (v == ADMISSION_ADDRESS)
		log_limited(&limit, 5,
		    "more connections from an address than "
		    "%s.address_connections or its share of %s.max_handshakes, "
		    "or more often than %s.address_rate: closed",
		    s, s, s);
	else if (v == ADMISSION_HANDSHAKES)
		log_limited(&limit, 5,
		    "more handshakes under way than %s.max_handshakes: closed",
		    s);
	if (v != ADMISSION_YES)
		return false;
	if (!ops->full(ctx))
		return true;
	admission_left(a, out);
	log_limited(&limit, 5,
	    "more connections than %s.max_connections: closed", s);
	return false;
}

static void
reset(int fd)
{
	const struct linger now = {.l_onoff = 1};

	(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	close(fd);
}

/* False: there is none more. */
static bool
accept_one(struct admission *a, int listen_fd, int64_t now_ms,
    const struct accept_ops *ops, void *ctx)
{
	struct sockaddr_storage from = {.ss_family = AF_UNSPEC};
	socklen_t len = sizeof(from);
	const int one = 1;
	const int fd = accept4(listen_fd, (struct sockaddr *)&from, &len,
	    SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct admitted is;

	if (fd == -1)
		return false;
	if (!let_in(a, (const struct sockaddr *)&from, &is, now_ms, ops, ctx)) {
		reset(fd);
		return true;
	}
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (!ops->add(ctx, fd, &is)) {
		admission_left(a, &is);
		close(fd);
	}
	return true;
}

void
accept_turn(struct admission *a, int listen_fd, int64_t now_ms,
    const struct accept_ops *ops, void *ctx)
{
	for (unsigned i = 0; i < ACCEPTS_A_TURN; i++)
		if (!accept_one(a, listen_fd, now_ms, ops, ctx))
			return;
}
