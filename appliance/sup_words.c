/* What children say: they are ready, or why they end. */
#include <sys/socket.h>
#include <sys/un.h>

#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "appliance/ctl.h"
#include "appliance/supervisor.h"
#include "base/clock.h"
#include "base/log.h"

static void
notify_ready(void)
{
	/* systemd's readiness protocol: one datagram, sd_notify(3). */
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd;

	if (path == NULL || strlen(path) >= sizeof(a.sun_path))
		return;
	memcpy(a.sun_path, path, strlen(path));
	if (a.sun_path[0] == '@')
		a.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd == -1)
		return;
	if (sendto(fd, "READY=1", 7, MSG_NOSIGNAL, (struct sockaddr *)&a,
		(socklen_t)(offsetof(struct sockaddr_un, sun_path) +
		    strlen(path))) == -1)
		log_warning("systemd could not be told that we are ready");
	close(fd);
}

static void
child_ready(struct supervisor *s, struct child *c)
{
	bool all = true;

	c->ready = s->health_new = true;
	c->heard = clock_uptime_ms();
	/* The first who logs in has shown that the PIN is right. */
	if (sup_logs_in(c->kind))
		for (unsigned i = 0; i < s->n_children; i++) {
			struct child *o = &s->child[i];

			if (sup_logs_in(o->kind) && o->pid == 0 && !o->wanted) {
				o->held = false;
				o->wanted = true;
				o->restart_at = 0;
			}
		}
	for (unsigned i = 0; i < s->n_children; i++)
		all = all && s->child[i].ready;
	if (all && !s->was_ready) {
		s->was_ready = true;
		log_info("serving");
		notify_ready();
	}
}

static void
hold(struct supervisor *s, struct child *c, enum err rc)
{
	for (unsigned i = 0; i < s->n_children; i++) {
		struct child *o = &s->child[i];

		/*
		 * A refused PIN is everybody's: nobody else tries it, and those
		 * that still serve do not when they have ended.
		 */
		if (o != c && (rc != ERR_PIN || !sup_logs_in(o->kind)))
			continue;
		o->held = true;
		o->end = rc;
	}
}

/*
 * What no process of ours says: one that was taken over, or is broken.  It
 * ends, as who has it would go on.
 */
static void
not_permitted(const struct child *c, uint16_t type)
{
	log_error("%s sent the supervisor a message that is not permitted "
		  "(type %u): it is ended",
	    child_name(c), type);
	if (c->pid != 0) /* 0: these were its last words */
		(void)kill(c->pid, SIGKILL);
}

static enum err
child_failed(struct supervisor *s, struct child *c, const struct ipc_frame *f)
{
	char text[WHY_MAX];
	struct rd why;
	enum err rc;

	/* The PIN is no matter of those who do not log in. */
	if (msg_error_get(f->body, &rc, &why) != ERR_OK ||
	    (rc == ERR_PIN && !sup_logs_in(c->kind)))
		return ERR_MALFORMED;
	(void)log_escape(why.p, why.left, text, sizeof(text));
	(void)snprintf(c->cause, sizeof(c->cause), "%s", text);
	c->end = rc;
	c->ending = clock_uptime_ms();
	c->ready = false;
	s->health_new = true;
	if (rc == ERR_PIN) {
		hold(s, c, rc);
		s->pin_refused = s->pin != NULL;
		log_error("%s: %s; the PIN is not tried again: %s",
		    child_name(c), text,
		    s->pin_refused
			? "start again with the right one on --pin-fd"
			: "put the right one into the PIN file, then send "
			  "SIGHUP (systemctl reload keywarden)");
	} else if (rc == ERR_MALFORMED) {
		hold(s, c, rc);
		log_error("%s: %s; mend it, then send SIGHUP (systemctl "
			  "reload keywarden)",
		    child_name(c), text);
	} else
		log_error("%s: %s", child_name(c), text);
	return ERR_OK;
}

static enum err
take(struct supervisor *s, struct child *c, const struct ipc_frame *f)
{
	if (c->ending != 0)
		return ERR_OK; /* it has had its last word */
	if (f->type == MSG_CTL_READY && f->body.left == 0 && !c->ready) {
		child_ready(s, c);
		return ERR_OK;
	}
	if (f->type == MSG_CTL_FAILED)
		return child_failed(s, c, f);
	if (f->type == MSG_CTL_CRL_STATE)
		return sup_crl_is(s, c, f->body);
	if (f->type == MSG_CTL_HEALTH)
		return sup_health(s, c, f->body);
	return ERR_MALFORMED;
}

void
sup_from_child(struct supervisor *s, struct child *c)
{
	static uint8_t buf[IPC_CTL_MAX];
	struct ipc_frame f;
	int fd = -1;
	const enum err rc = ipc_ctl_recv(c->ctl, buf, sizeof(buf), &f, &fd);

	/*
	 * It has gone, or ends: SIGCHLD says so too.  One that only closes its
	 * line, or speaks no packets of ours, ends by this.
	 */
	if (rc != ERR_OK && rc != ERR_AGAIN)
		(void)kill(c->pid, SIGKILL);
	if (rc != ERR_OK)
		return;
	if (fd != -1)
		close(fd);
	if (take(s, c, &f) != ERR_OK)
		not_permitted(c, f.type);
}

void
sup_last_words(struct supervisor *s, struct child *c)
{
	struct pollfd last = {c->ctl, POLLIN, 0};

	/* Nothing is added any more by whoever else may have its end. */
	(void)shutdown(c->ctl, SHUT_RD);
	while (poll(&last, 1, 0) == 1 && (last.revents & POLLIN) != 0) {
		static uint8_t buf[IPC_CTL_MAX];
		struct ipc_frame f;
		int fd = -1;

		if (ipc_ctl_recv(c->ctl, buf, sizeof(buf), &f, &fd) != ERR_OK)
			break;
		if (fd != -1)
			close(fd);
		if (f.type == MSG_CTL_FAILED &&
		    child_failed(s, c, &f) != ERR_OK)
			not_permitted(c, f.type);
	}
}
