/*
 * A token that stands elsewhere: before a key is used, KW_P11_SERVER is asked
 * whether it may be, over a connection of its own.
 */
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/random.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "p11fault.h"

static char where[256]; /* "": nowhere */

enum err
server_set(const char *text, struct why *why)
{
	where[0] = '\0';
	if (text == NULL || text[0] == '\0')
		return ERR_OK;
	if (strlen(text) >= sizeof(where) ||
	    (text[0] != '/' && strchr(text, ':') == NULL))
		return why_set(why, ERR_MALFORMED,
		    "KW_P11_SERVER is ADDRESS:PORT, /SOCKET or /dev/DEVICE");
	memcpy(where, text, strlen(text) + 1);
	return ERR_OK;
}

static int
connect_local(void)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd == -1 || strlen(where) >= sizeof(a.sun_path))
		return fd;
	memcpy(a.sun_path, where, strlen(where) + 1);
	(void)connect(fd, (const struct sockaddr *)&a, sizeof(a));
	return fd;
}

/* Within a second. */
static bool
comes_about(int fd, const struct addrinfo *a)
{
	struct pollfd p = {fd, POLLOUT, 0};
	int error = 0;
	socklen_t n = sizeof(error);

	if (connect(fd, a->ai_addr, a->ai_addrlen) == -1 &&
	    errno != EINPROGRESS)
		return false;
	return poll(&p, 1, 1000) == 1 &&
	    getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &n) == 0 && error == 0;
}

/* As modules of network HSMs do: what getaddrinfo() says, without waiting. */
static int
connect_network(void)
{
	const struct addrinfo how = {.ai_flags =
					 AI_NUMERICHOST | AI_NUMERICSERV,
	    .ai_socktype = SOCK_STREAM};
	const char *port = strrchr(where, ':');
	struct addrinfo *a = NULL;
	char host[sizeof(where)];
	const int one = 1;
	int fd, flags;

	memcpy(host, where, sizeof(where));
	host[port - where] = '\0';
	if (getaddrinfo(host, port + 1, &how, &a) != 0)
		return -1;
	fd =
	    socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC, a->ai_protocol);
	if (fd != -1) {
		(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one,
		    sizeof(one));
		flags = fcntl(fd, F_GETFL);
		(void)fcntl(fd, F_SETFL, flags | O_NONBLOCK);
		if (!comes_about(fd, a) || fcntl(fd, F_SETFL, flags) == -1) {
			(void)close(fd);
			fd = -1;
		}
	}
	freeaddrinfo(a);
	return fd;
}

/* What the device knows, and has no effect. */
static bool
ask_device(void)
{
	const int fd = open(where, O_RDONLY | O_CLOEXEC);
	int entropy;
	bool there;

	if (fd == -1)
		return false;
	there = ioctl(fd, RNDGETENTCNT, &entropy) == 0;
	(void)close(fd);
	return there;
}

bool
server_lets(void)
{
	char octet = '?';
	bool lets;
	int fd;

	if (where[0] == '\0')
		return true;
	if (strncmp(where, "/dev/", 5) == 0)
		return ask_device();
	fd = where[0] == '/' ? connect_local() : connect_network();
	if (fd == -1)
		return false;
	lets = send(fd, &octet, 1, MSG_NOSIGNAL) == 1 &&
	    recv(fd, &octet, 1, 0) == 1 && octet == '!';
	(void)close(fd);
	return lets;
}
