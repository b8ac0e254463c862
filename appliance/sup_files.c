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

#include "appliance/ctl.h"
#include "appliance/spawn.h"
#include "appliance/supervisor.h"
#include "base/log.h"

/* ---- sockets ---- */

/* "1.2.3.4:7300" or "[::1]:7300": numbers only, so no name is looked up. */
static enum err
split_address(const char *text, char *host, size_t cap, const char **port,
    struct why *why)
{
	const char *colon = strrchr(text, ':');
	size_t n;

	if (colon == NULL || colon == text)
		return why_set(why, ERR_MALFORMED,
		    "xk.listen: %s is not ADDRESS:PORT", text);
	n = (size_t)(colon - text);
	if (text[0] == '[' && text[n - 1] == ']') {
		text++;
		n -= 2;
	}
	if (n >= cap)
		return why_set(why, ERR_MALFORMED, "xk.listen: too long");
	memcpy(host, text, n);
	host[n] = '\0';
	*port = colon + 1;
	return ERR_OK;
}

static enum err
listen_on(const char *text, int *out, struct why *why)
{
	const struct addrinfo hints = {.ai_flags = AI_NUMERICHOST |
		AI_NUMERICSERV | AI_PASSIVE,
	    .ai_socktype = SOCK_STREAM};
	const int one = 1;
	struct addrinfo *a = NULL;
	char host[128];
	const char *port = NULL;
	enum err rc;
	int fd, code;

	if ((rc = split_address(text, host, sizeof(host), &port, why)) !=
	    ERR_OK)
		return rc;
	if ((code = getaddrinfo(host, port, &hints, &a)) != 0)
		return why_set(why, ERR_MALFORMED, "xk.listen %s: %s", text,
		    gai_strerror(code));
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
control_socket(const char *path, int *out, struct why *why)
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
	    chmod(path, S_IRUSR | S_IWUSR) == -1 || listen(fd, 16) == -1) {
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

enum err
sup_open(struct supervisor *s, struct why *why)
{
	enum err rc;

	if ((rc = take_lock(s, why)) != ERR_OK)
		return rc;
	for (unsigned i = 0; i < s->config->n_listen; i++)
		if ((rc = listen_on(s->config->listen[i], &s->listen_fd[i],
			 why)) != ERR_OK)
			return rc;
	return control_socket(s->config->control_socket, &s->control_fd, why);
}

void
sup_close(struct supervisor *s)
{
	(void)unlink(s->config->control_socket);
}

/* ---- to the children ---- */

static enum err
send_file(const struct child *c, enum ctl_file kind, int fd, struct why *why)
{
	enum err rc =
	    ipc_ctl_send(c->ctl, MSG_CTL_FILE, (uint32_t)kind, NULL, 0, fd);

	return rc == ERR_OK ? ERR_OK
			    : why_set(why, rc, "%s: line lost", child_name(c));
}

/* Open, hand over, close. */
static enum err
send_path(const struct child *c, enum ctl_file kind, const char *path,
    const char *what, bool secret, struct why *why)
{
	int fd;
	enum err rc = secret ? open_secret_file(path, what, &fd, why)
			     : open_file(path, what, &fd, why);

	if (rc != ERR_OK)
		return rc;
	rc = send_file(c, kind, fd, why);
	close(fd);
	return rc;
}

static enum err
send_state(struct supervisor *s, const struct child *c, struct why *why)
{
	char *path = config_path(s->config, STATE_KMS);
	enum err rc;

	if (path == NULL)
		return why_set(why, ERR_NOMEM, "out of memory");
	rc = send_path(c, CTL_FILE_KMS_STATE, path,
	    "the KMS's state (run 'keywarden init')", false, why);
	free(path);
	return rc;
}

/* Out of our memory through a pipe, so that no process has to keep it. */
static enum err
send_pin(struct supervisor *s, const struct child *c, struct why *why)
{
	int p[2];
	enum err rc;

	if (s->pin == NULL)
		return send_path(c, CTL_FILE_PIN, s->config->pin_file,
		    "token.pin_file", true, why);
	if (pipe2(p, O_CLOEXEC) == -1)
		return why_errno(why, "pipe");
	if (write(p[1], secret_data(s->pin), secret_len(s->pin)) !=
	    (ssize_t)secret_len(s->pin))
		rc = why_errno(why, "pipe");
	else
		rc = send_file(c, CTL_FILE_PIN, p[0], why);
	close(p[0]);
	close(p[1]);
	return rc;
}

/* A file of the state that the child writes. */
static enum err
send_writable(struct supervisor *s, const struct child *c, enum ctl_file kind,
    const char *name, const char *what, struct why *why)
{
	char *path = config_path(s->config, name);
	enum err rc;
	int fd;

	if (path == NULL)
		return why_set(why, ERR_NOMEM, "out of memory");
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd == -1)
		rc = why_errno(why, "%s %s", what, path);
	else
		rc = send_file(c, kind, fd, why);
	if (fd != -1)
		close(fd);
	free(path);
	return rc;
}

static enum err
send_tls(struct supervisor *s, const struct child *c, struct why *why)
{
	const struct config *f = s->config;
	enum err rc;

	if ((rc = send_path(c, CTL_FILE_TLS_CERT, f->tls_certificate,
		 "xk.certificate", false, why)) != ERR_OK ||
	    (rc = send_path(c, CTL_FILE_TLS_KEY, f->tls_key, "xk.key", true,
		 why)) != ERR_OK)
		return rc;
	return send_path(c, CTL_FILE_CLIENT_CA, f->client_ca, "xk.client_ca",
	    false, why);
}

/* ---- settings ---- */

static enum err
policy_settings(struct supervisor *s, struct wr *w, struct why *why)
{
	struct policy_settings p;
	char *db = config_path(s->config, STATE_DB);
	enum err rc;

	if (db == NULL)
		return why_set(why, ERR_NOMEM, "out of memory");
	rc = config_matters(s->config, s->told, sizeof(s->told), why);
	if (rc == ERR_OK) {
		rd_init(&p.database, db, strlen(db));
		rd_init(&p.config, s->told, strlen(s->told));
		policy_settings_put(w, &p);
	}
	free(db);
	return rc;
}

/*
 * While one job of a worker is in the token, its other threads compute.  That
 * pays where processors would be idle; with a worker for each it only costs.
 */
static uint32_t
threads(const struct config *f)
{
	const long cpus = sysconf(_SC_NPROCESSORS_ONLN);

	return cpus > (long)f->workers ? (uint32_t)(cpus / f->workers + 1) : 1;
}

static enum err
settings(struct supervisor *s, const struct child *c, struct wr *w,
    struct why *why)
{
	const struct config *f = s->config;
	struct hsm_settings h = {.index = c->index,
	    .job_seconds = f->job_seconds,
	    .threads = threads(f)};

	switch (c->kind) {
	case CTL_PEER_XK:
		xk_settings_put(w, &f->xk);
		break;
	case CTL_PEER_POLICY:
		return policy_settings(s, w, why);
	case CTL_PEER_AUDIT:
		audit_settings_put(w, &f->audit);
		break;
	case CTL_PEER_HSM:
		rd_init(&h.module, f->token_module, strlen(f->token_module));
		rd_init(&h.label, f->token_label, strlen(f->token_label));
		hsm_settings_put(w, &h);
		break;
	case CTL_PEER__MAX:
		return ERR_INTERNAL;
	}
	return ERR_OK;
}

static enum err
send_settings(struct supervisor *s, const struct child *c, uint16_t type,
    struct why *why)
{
	static uint8_t body[IPC_CTL_MAX];
	struct wr w;
	size_t len;
	enum err rc;

	wr_init(&w, body, sizeof(body) - IPC_HEADER_LEN);
	if ((rc = settings(s, c, &w, why)) != ERR_OK)
		return rc;
	if ((rc = wr_finish(&w, &len)) == ERR_OK)
		rc = ipc_ctl_send(c->ctl, type, 0, body, len, -1);
	return rc == ERR_OK
	    ? ERR_OK
	    : why_set(why, rc, "%s: settings not sent", child_name(c));
}

static enum err
send_files(struct supervisor *s, struct child *c, struct why *why)
{
	enum err rc = ERR_OK;

	switch (c->kind) {
	case CTL_PEER_XK:
		for (unsigned i = 0; i < s->config->n_listen && rc == ERR_OK;
		     i++)
			rc =
			    send_file(c, CTL_FILE_LISTEN, s->listen_fd[i], why);
		return rc == ERR_OK ? send_tls(s, c, why) : rc;
	case CTL_PEER_POLICY:
		rc = send_file(c, CTL_FILE_CONTROL, s->control_fd, why);
		return rc == ERR_OK ? send_state(s, c, why) : rc;
	case CTL_PEER_AUDIT:
		return send_writable(s, c, CTL_FILE_LOG, STATE_LOG,
		    "the audit log (made by 'keywarden init')", why);
	case CTL_PEER_HSM:
		if ((rc = send_state(s, c, why)) == ERR_OK)
			rc = send_writable(s, c, CTL_FILE_HEAD, STATE_HEAD,
			    HEAD_WHAT, why);
		return rc == ERR_OK ? send_pin(s, c, why) : rc;
	case CTL_PEER__MAX:
		break;
	}
	return ERR_INTERNAL;
}

/*
 * A process that starts again reads its files anew: what they say now is then
 * in use, and policy must know.
 */
static void
tell_policy(struct supervisor *s)
{
	char now[MAX_CONFIG_TEXT + 1];
	struct why why = {""};

	if (config_matters(s->config, now, sizeof(now), &why) != ERR_OK ||
	    strcmp(now, s->told) == 0)
		return;
	for (unsigned i = 0; i < s->n_children; i++) {
		const struct child *c = &s->child[i];

		if (c->kind != CTL_PEER_POLICY || c->pid == 0)
			continue;
		log_warning("xk.client_ca has changed since it was read");
		if (send_settings(s, c, MSG_CTL_RELOAD, &why) != ERR_OK)
			log_error("%s", why.text);
	}
}

enum err
sup_hand_over(struct supervisor *s, struct child *c, struct why *why)
{
	enum err rc;

	if (c->kind == CTL_PEER_XK)
		tell_policy(s);
	if ((rc = send_files(s, c, why)) != ERR_OK)
		return rc;
	return send_settings(s, c, MSG_CTL_SETUP, why);
}

enum err
sup_reload_child(struct supervisor *s, struct child *c, struct why *why)
{
	enum err rc;

	if (c->kind == CTL_PEER_HSM)
		return ERR_OK; /* nothing of it may change while it runs */
	if (c->kind == CTL_PEER_XK && (rc = send_tls(s, c, why)) != ERR_OK)
		return rc;
	return send_settings(s, c, MSG_CTL_RELOAD, why);
}
