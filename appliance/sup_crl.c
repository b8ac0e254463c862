/*
 * Lists of revoked certificates: a file that has changed goes to the process
 * that has its section, and policy is told how the lists stand everywhere.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "appliance/spawn.h"
#include "appliance/supervisor.h"
#include "base/clock.h"
#include "base/ipc.h"
#include "base/log.h"

#define WATCH_MS 500 /* connections are to end within a second */

_Static_assert(MAX_CRLS >= 3 + MAX_LEMFS, "a process's lists are not told");

/* What the process has of the configuration; section NULL: no lists ever. */
struct crl_of {
	const char *section, *path;
};

static struct crl_of
crl_of(const struct config *f, const struct child *c)
{
	const struct config_lemf *l;

	switch (c->kind) {
	case CTL_PEER_XK:
		return (struct crl_of){f->xk_server.section, f->xk_server.crl};
	case CTL_PEER_X2:
		return (struct crl_of){f->x2_server.section, f->x2_server.crl};
	case CTL_PEER_XKC:
		return (struct crl_of){f->xkc.section, f->xkc.crl};
	case CTL_PEER_HI2C:
		if ((l = config_link_in(f, c->index)) == NULL)
			break;
		return (struct crl_of){l->link.section, l->link.crl};
	case CTL_PEER_POLICY:
	case CTL_PEER_AUDIT:
	case CTL_PEER_HSM:
	case CTL_PEER_HI2:
	case CTL_PEER_SIGNER:
	case CTL_PEER__MAX:
		break;
	}
	return (struct crl_of){NULL, NULL};
}

static enum err
open_lists(const struct crl_of *of, int *fd, struct why *why)
{
	char what[MAX_NAME + 32];

	(void)snprintf(what, sizeof(what), "%s.crl", of->section);
	return open_file(of->path, what, fd, why);
}

void
sup_crl_seen(const struct supervisor *s, struct child *c)
{
	const struct crl_of of = crl_of(s->config, c);
	struct why why;
	int fd = -1;

	/* One that cannot be opened is told of by who hands it over. */
	if (of.path != NULL && open_lists(&of, &fd, &why) != ERR_OK)
		fd = -1;
	c->crl_stamp = stamp_of(fd);
	if (fd != -1)
		close(fd);
}

static void
hand_down(const struct child *c, int fd)
{
	/* One that has just gone is noticed when it is reaped. */
	if (sup_say(c, MSG_CTL_FILE, CTL_FILE_CRL, NULL, 0, fd) != ERR_OK ||
	    sup_say(c, MSG_CTL_CRL, 0, NULL, 0, -1) != ERR_OK)
		log_debug("lists could not be handed over");
}

static void
look(const struct crl_of *of, struct child *c)
{
	struct why why = {""};
	struct stamp is;
	int fd = -1;

	if (open_lists(of, &fd, &why) != ERR_OK)
		fd = -1;
	is = stamp_of(fd);
	if (!stamp_same(&is, &c->crl_stamp)) {
		c->crl_stamp = is;
		if (fd == -1)
			log_error("%s: the lists in use stay", why.text);
		else
			hand_down(c, fd);
	}
	if (fd != -1)
		close(fd);
}

int
sup_crl_watch(struct supervisor *s)
{
	const int64_t now = clock_uptime_ms();
	bool any = false;

	for (unsigned i = 0; i < s->n_children; i++) {
		struct child *c = &s->child[i];
		const struct crl_of of = crl_of(s->config, c);

		if (of.path == NULL)
			continue;
		any = true;
		if (c->pid != 0 && now >= s->crl_due)
			look(&of, c);
	}
	if (now >= s->crl_due)
		s->crl_due = now + WATCH_MS;
	return any ? (int)(s->crl_due - now) : -1;
}

/* ---- how they stand ---- */

static void
send_states(const struct child *policy, const struct msg_crls *m)
{
	static uint8_t body[IPC_CTL_MAX];
	struct wr w;
	size_t len;

	wr_init(&w, body, sizeof(body) - IPC_HEADER_LEN);
	msg_crls_put(&w, m);
	if (wr_finish(&w, &len) != ERR_OK ||
	    sup_say(policy, MSG_CTL_CRLS, 0, body, len, -1) != ERR_OK)
		log_debug("policy could not be told of the lists");
}

void
sup_crl_tell(const struct supervisor *s)
{
	struct msg_crls m = {.n = 0};

	for (unsigned i = 0; i < s->n_children && m.n < MAX_CRLS; i++) {
		const struct child *c = &s->child[i];
		const struct crl_of of = crl_of(s->config, c);

		if (of.section == NULL || c->crl.state == CRL_NONE)
			continue;
		rd_init(&m.of[m.n].section, of.section, strlen(of.section));
		m.of[m.n++].is = c->crl;
	}
	for (unsigned i = 0; i < s->n_children; i++)
		if (s->child[i].kind == CTL_PEER_POLICY && s->child[i].pid != 0)
			send_states(&s->child[i], &m);
}

enum err
sup_crl_is(struct supervisor *s, struct child *c, struct rd body)
{
	struct msg_crl m;

	if (crl_of(s->config, c).section == NULL ||
	    msg_crl_get(body, &m) != ERR_OK)
		return ERR_MALFORMED;
	c->crl = m;
	sup_crl_tell(s);
	return ERR_OK;
}
