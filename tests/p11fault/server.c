/*
 * A token that stands elsewhere: before a key is used, KW_P11_SERVER is asked
 * whether it may be, over a connection of its own.
 */
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/random.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
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

static int
connect_network(void)
{
	const char *port = strrchr(where, ':');
	struct sockaddr_in a = {.sin_family = AF_INET};
	char host[sizeof(where)];
	const int one = 1;
	int fd;

	memcpy(host, where, sizeof(where));
	host[port - where] = '\0';
	a.sin_port = htons((uint16_t)strtoul(port + 1, NULL, 10));
	if (inet_pton(AF_INET, host, &a.sin_addr) != 1)
		return -1;
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd != -1) {
		(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one,
		    sizeof(one));
		(void)connect(fd, (const struct sockaddr *)&a, sizeof(a));
	}
	return fd;
}

/* As a driver is told something: one that the device knows, and has no effect.
 */
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
