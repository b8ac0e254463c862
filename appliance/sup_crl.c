/*
 * Lists of revoked certificates: a file that has changed goes to the process
 * that has its section, and policy is told how the lists stand everywhere.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "appliance/sup_tls.h"
#include "base/clock.h"
#include "base/ipc.h"
#include "base/log.h"

#define WATCH_MS 500 /* connections are to end within a second */

_Static_assert(MAX_CRLS >= 3 + MAX_LEMFS, "a process's lists are not told");

void
sup_crl_seen(const struct supervisor *s, struct child *c)
{
	struct tls_section t;
	struct why why;
	int fd = -1;

	/* One that cannot be opened is told of by who hands it over. */
	if (sup_tls_of(s->config, c, &t) &&
	    sup_tls_open(s->config, &t, TLS_CRL, &fd, &why) != ERR_OK)
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
look(const struct config *f, const struct tls_section *t, struct child *c)
{
	struct why why = {""};
	struct stamp is;
	int fd = -1;

	if (sup_tls_open(f, t, TLS_CRL, &fd, &why) != ERR_OK)
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
		struct tls_section t;

		if (!sup_tls_of(s->config, c, &t) || t.path[TLS_CRL] == NULL)
			continue;
		any = true;
		if (c->pid != 0 && now >= s->crl_due)
			look(s->config, &t, c);
	}
	if (now >= s->crl_due)
		s->crl_due = now + WATCH_MS;
	return any ? (int)(s->crl_due - now) : -1;
}

/* ---- how they stand ---- */

enum err
sup_crl_tell(const struct supervisor *s, const struct child *policy)
{
	static uint8_t body[IPC_CTL_MAX];
	struct msg_crls m = {.n = 0};
	struct wr w;
	size_t len;
	enum err rc;

	for (unsigned i = 0; i < s->n_children && m.n < MAX_CRLS; i++) {
		const struct child *c = &s->child[i];
		struct tls_section t;

		if (!sup_tls_of(s->config, c, &t) || c->crl.state == CRL_NONE)
			continue;
		rd_init(&m.of[m.n].section, t.name, strlen(t.name));
		m.of[m.n++].is = c->crl;
	}
	wr_init(&w, body, sizeof(body) - IPC_HEADER_LEN);
	msg_crls_put(&w, &m);
	rc = wr_finish(&w, &len);
	return rc == ERR_OK ? ipc_ctl_try(policy->ctl, MSG_CTL_CRLS, body, len)
			    : rc;
}

enum err
sup_crl_is(struct supervisor *s, struct child *c, struct rd body)
{
	struct tls_section t;
	struct msg_crl m;

	if (!sup_tls_of(s->config, c, &t) || msg_crl_get(body, &m) != ERR_OK)
		return ERR_MALFORMED;
	c->crl = m;
	s->health_new = true;
	return ERR_OK;
}
