/* The files that the children are handed. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "appliance/ctl.h"
#include "appliance/spawn.h"
#include "appliance/sup_tls.h"
#include "base/log.h"
#include "base/secret_fd.h"

static enum err
send_file(const struct child *c, enum ctl_file kind, int fd, struct why *why)
{
	enum err rc = sup_say(c, MSG_CTL_FILE, (uint32_t)kind, NULL, 0, fd);

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
	enum err rc;
	int fd = -1;

	if (s->pin == NULL)
		return send_path(c, CTL_FILE_PIN, s->config->pin_file,
		    "token.pin_file", true, why);
	if ((rc = secret_pipe(s->pin, &fd, why)) != ERR_OK)
		return rc;
	rc = send_file(c, CTL_FILE_PIN, fd, why);
	close(fd);
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

/* The TLS files of those that have any. */
static enum err
send_child_tls(struct supervisor *s, const struct child *c, struct why *why)
{
	static const enum ctl_file kind[TLS_FILES] = {[TLS_CERTIFICATE] =
							  CTL_FILE_TLS_CERT,
	    [TLS_KEY] = CTL_FILE_TLS_KEY,
	    [TLS_CA] = CTL_FILE_CLIENT_CA,
	    [TLS_CRL] = CTL_FILE_CRL};
	struct tls_section t;
	enum err rc = ERR_OK;

	if (!sup_tls_of(s->config, c, &t))
		return ERR_OK;
	for (unsigned i = 0; i < TLS_FILES && rc == ERR_OK; i++) {
		int fd = -1;

		rc = sup_tls_open(s->config, &t, (enum tls_file)i, &fd, why);
		if (rc == ERR_OK && fd != -1)
			rc = send_file(c, kind[i], fd, why);
		if (fd != -1)
			close(fd);
	}
	return rc;
}

static enum err
send_server(struct supervisor *s, const struct config_server *v, const int *fd,
    const struct child *c, struct why *why)
{
	enum err rc = ERR_OK;

	for (unsigned i = 0; i < v->n_listen && rc == ERR_OK; i++)
		rc = send_file(c, CTL_FILE_LISTEN, fd[i], why);
	return rc == ERR_OK ? send_child_tls(s, c, why) : rc;
}

static enum err
send_files(struct supervisor *s, struct child *c, struct why *why)
{
	enum err rc = ERR_OK;

	switch (c->kind) {
	case CTL_PEER_XK:
		return send_server(s, &s->config->xk_server, s->xk_fd, c, why);
	case CTL_PEER_X2:
		return send_server(s, &s->config->x2_server, s->x2_fd, c, why);
	case CTL_PEER_XKC:
	case CTL_PEER_HI2C:
		return send_child_tls(s, c, why);
	case CTL_PEER_HI2:
		return send_state(s, c, why);
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
	case CTL_PEER_SIGNER:
		return send_pin(s, c, why);
	case CTL_PEER__MAX:
		break;
	}
	return ERR_INTERNAL;
}

/*
 * A process that starts again reads its files anew: what they say now is then
 * in use, and policy must know.
 */
void
sup_tell_policy(struct supervisor *s)
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
		log_warning("a file of CAs has changed since it was read");
		if (sup_send_settings(s, c, MSG_CTL_RELOAD, &why) != ERR_OK)
			log_error("%s", why.text);
	}
}

enum err
sup_hand_over(struct supervisor *s, struct child *c, struct why *why)
{
	enum err rc;

	c->crl = (struct msg_crl){CRL_NONE, 0};
	sup_crl_seen(s, c);
	rc = send_files(s, c, why);
	return rc == ERR_OK ? sup_send_settings(s, c, MSG_CTL_SETUP, why) : rc;
}

enum err
sup_reload_child(struct supervisor *s, struct child *c, struct why *why)
{
	enum err rc;

	if (sup_logs_in(c->kind))
		return ERR_OK; /* nothing of it may change while it runs */
	sup_crl_seen(s, c);
	if ((rc = send_child_tls(s, c, why)) != ERR_OK)
		return rc;
	return sup_send_settings(s, c, MSG_CTL_RELOAD, why);
}
