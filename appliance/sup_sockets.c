/* The sockets that the supervisor opens, and the lock on the state. */
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "appliance/address.h"
#include "appliance/supervisor.h"

static enum err
listen_on(const char *section, const char *text, int *out, struct why *why)
{
	const struct addrinfo hints = {.ai_flags = AI_NUMERICHOST |
		AI_NUMERICSERV | AI_PASSIVE,
	    .ai_socktype = SOCK_STREAM};
	const int one = 1;
	struct addrinfo *a = NULL;
	char host[MAX_HOST], what[32];
	const char *port = NULL;
	enum err rc;
	int fd, code;

	(void)snprintf(what, sizeof(what), "%s.listen", section);
	if ((rc = address_split(what, text, host, &port, why)) != ERR_OK)
		return rc;
	if ((code = getaddrinfo(host, port, &hints, &a)) != 0)
		return why_set(why, ERR_MALFORMED, "%s.listen %s: %s", section,
		    text, gai_strerror(code));
	fd =
	    socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd == -1 ||
	    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) == -1 ||
	    bind(fd, a->ai_addr, a->ai_addrlen) == -1 ||
	    listen(fd, 128) == -1) {
		rc = why_errno(why, "cannot listen on %s", text);
		if (fd != -1)
			close(fd);
	} else
		*out = fd;
	freeaddrinfo(a);
	return rc;
}

static enum err
control_socket(const char *path, uid_t owner, int *out, struct why *why)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	struct stat st;
	int fd;

	if (strlen(path) >= sizeof(a.sun_path))
		return why_set(why, ERR_MALFORMED,
		    "control_socket: path over %zu characters",
		    sizeof(a.sun_path) - 1);
	memcpy(a.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd == -1)
		return why_errno(why, "control socket");
	/* We hold the lock, so a socket that is there is a dead one's. */
	if (lstat(path, &st) == 0 && S_ISSOCK(st.st_mode))
		(void)unlink(path);
	if (bind(fd, (struct sockaddr *)&a, sizeof(a)) == -1 ||
	    chmod(path, S_IRUSR | S_IWUSR) == -1 ||
	    (owner != geteuid() && chown(path, owner, (gid_t)-1) == -1) ||
	    listen(fd, 16) == -1) {
		(void)why_errno(why, "control socket %s", path);
		close(fd);
		return ERR_IO;
	}
	*out = fd;
	return ERR_OK;
}

static enum err
take_lock(struct supervisor *s, struct why *why)
{
	char *path = config_path(s->config, "lock");
	enum err rc = ERR_OK;

	if (path == NULL)
		return why_set(why, ERR_NOMEM, "out of memory");
	s->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (s->lock_fd == -1)
		rc = why_errno(why, "%s", path);
	else if (flock(s->lock_fd, LOCK_EX | LOCK_NB) == -1)
		rc = why_set(why, ERR_EXISTS,
		    "another keywardend or keywarden init works on %s",
		    s->config->state_dir);
	free(path);
	return rc;
}

static enum err
listen_all(const struct config_server *v, int *fd, struct why *why)
{
	enum err rc = ERR_OK;

	for (unsigned i = 0; i < v->n_listen && rc == ERR_OK; i++)
		rc = listen_on(v->section, v->listen[i], &fd[i], why);
	return rc;
}

enum err
sup_open(struct supervisor *s, struct why *why)
{
	enum err rc;

	if ((rc = take_lock(s, why)) != ERR_OK ||
	    (rc = sup_home(s, why)) != ERR_OK ||
	    (rc = listen_all(&s->config->xk_server, s->xk_fd, why)) != ERR_OK ||
	    (rc = listen_all(&s->config->x2_server, s->x2_fd, why)) != ERR_OK)
		return rc;
	return control_socket(s->config->control_socket, s->owner,
	    &s->control_fd, why);
}

void
sup_close(struct supervisor *s)
{
	(void)unlink(s->config->control_socket);
}
