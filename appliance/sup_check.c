/*
 * A configuration is tried before any of it is taken: else one half of a
 * mistake would be in force, and the next process to be started could not be.
 */
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/x509.h>

#include "appliance/spawn.h"
#include "appliance/supervisor.h"
#include "appliance/xk_tls.h"

/* In the child: what is wrong, if anything, and the end. */
static _Noreturn void
try_tls(const int fd[3], int out)
{
	struct why why = {""};
	SSL_CTX *c = NULL;

	if (xk_tls_new(fd[0], fd[1], fd[2], &c, &why) == ERR_OK)
		_exit(0);
	_exit(write(out, why.text, strlen(why.text)) > 0 ? 1 : 71);
}

/* The private key is parsed in a child, so that it stays in no memory of ours.
 */
static enum err
check_tls(const int fd[3], struct why *why)
{
	char text[WHY_MAX];
	int line[2], status = -1;
	ssize_t n;
	pid_t pid;

	if (pipe2(line, O_CLOEXEC) == -1)
		return why_errno(why, "pipe");
	if ((pid = fork()) == 0)
		try_tls(fd, line[1]);
	close(line[1]);
	if (pid == -1) {
		close(line[0]);
		return why_errno(why, "fork");
	}
	n = read(line[0], text, sizeof(text) - 1);
	close(line[0]);
	while (waitpid(pid, &status, 0) == -1 && errno == EINTR)
		;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return ERR_OK;
	text[n > 0 ? n : 0] = '\0';
	return why_set(why, ERR_MALFORMED, "%s",
	    n > 0 ? text : "the TLS files cannot be tried");
}

/* A certificate says which client it is, so it is one client's. */
static enum err
check_clients(const struct config *f, struct why *why)
{
	static uint8_t seen[MAX_CLIENTS][32];
	enum err rc = ERR_OK;

	for (unsigned i = 0; i < f->n_clients && rc == ERR_OK; i++) {
		rc = sup_fingerprint(&f->client[i], seen[i], why);
		for (unsigned k = 0; k < i && rc == ERR_OK; k++)
			if (memcmp(seen[i], seen[k], sizeof(seen[i])) == 0)
				rc = why_set(why, ERR_MALFORMED,
				    "clients \"%s\" and \"%s\" have the same "
				    "certificate",
				    f->client[k].name, f->client[i].name);
	}
	return rc;
}

enum err
sup_check(const struct config *f, struct why *why)
{
	int fd[3] = {-1, -1, -1};
	enum err rc;

	if ((rc = check_clients(f, why)) == ERR_OK &&
	    (rc = open_file(f->tls_certificate, "xk.certificate", &fd[0],
		 why)) == ERR_OK &&
	    (rc = open_secret_file(f->tls_key, "xk.key", &fd[1], why)) ==
		ERR_OK &&
	    (rc = open_file(f->client_ca, "xk.client_ca", &fd[2], why)) ==
		ERR_OK)
		rc = check_tls(fd, why);
	for (unsigned i = 0; i < 3; i++)
		if (fd[i] != -1)
			close(fd[i]);
	return rc;
}

static enum err
can_open(const struct config *f, const char *name, int how, const char *what,
    struct why *why)
{
	char *path = config_path(f, name);
	int fd;

	if (path == NULL)
		return why_set(why, ERR_NOMEM, "out of memory");
	if ((fd = open(path, how | O_CLOEXEC)) == -1)
		(void)why_errno(why, "%s %s", what, path);
	else
		close(fd);
	free(path);
	return fd == -1 ? ERR_IO : ERR_OK;
}

enum err
sup_check_state(const struct config *f, struct why *why)
{
	enum err rc = can_open(f, STATE_KMS, O_RDONLY,
	    "the KMS's state (run 'keywarden init')", why);

	return rc != ERR_OK
	    ? rc
	    : can_open(f, STATE_LOG, O_RDWR,
		  "the audit log (made by 'keywarden init')", why);
}
