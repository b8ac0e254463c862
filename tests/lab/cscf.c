/*
 * lab-cscf: passes SIP on between phones, as a P-CSCF does, and reports over
 * X2 what passes the targets that it knows.
 */
#include <sys/socket.h>

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "cscf_opt.h"
#include "lab_sip.h"
#include "lab_time.h"

#define DATAGRAM_MAX 65536
#define BURST 64 /* datagrams of one leg before others have their turn */
#define FAREWELL_MS 10000

struct cscf {
	struct cscf_opt opt;
	int fd[CSCF_LEGS_MAX];
	struct x2_link *link;
	struct lab_x2_numbers *numbers;
	unsigned long n_passed, n_of_targets, n_others, n_strange;
};

static volatile sig_atomic_t stop;

static void
on_signal(int sig)
{
	(void)sig;
	stop = 1;
}

static void
report(struct cscf *c, struct rd sip, const struct sip *m, const uint8_t *xid,
    enum lab_x2_direction d)
{
	struct lab_x2_pdu x;
	uint8_t *b;
	size_t len;

	lab_x2_init(&x);
	x.direction = (uint16_t)d;
	x.nfid = c->opt.nfid;
	x.payload = sip;
	memcpy(x.xid, xid, sizeof(x.xid));
	lab_x2_correlate(sip_get(m, "Call-ID", 0), x.correlation);
	x.has_sequence = true;
	x.sequence = lab_x2_number(c->numbers, xid, x.correlation);
	if (lab_x2_put(&x, &b, &len) != ERR_OK)
		fatal("a PDU cannot be made");
	x2_link_put(c->link, b, len);
}

/* One PDU for each interception of each target that the message passes. */
static void
intercept(struct cscf *c, struct rd datagram)
{
	static struct sip m;
	enum lab_x2_direction d;
	bool of_target = false;

	if (sip_parse(datagram.p, datagram.left, &m) != ERR_OK) {
		c->n_strange++;
		return;
	}
	for (unsigned i = 0; i < c->opt.n_targets; i++) {
		const struct cscf_target *t = &c->opt.target[i];

		if (lab_x2_passes(&m, t->uri, &d) != ERR_OK)
			continue;
		of_target = true;
		for (unsigned k = 0; k < t->n_xids; k++)
			report(c, datagram, &m, t->xid[k], d);
	}
	if (of_target)
		c->n_of_targets++;
	else
		c->n_others++;
	if (!of_target && c->opt.report_all)
		report(c, datagram, &m, c->opt.all_xid, LAB_X2_UNKNOWN);
}

/*
 * What comes to a leg goes on from the other leg of the pair, so that whoever
 * answers does so through us.
 */
static void
pass(struct cscf *c, unsigned leg)
{
	static uint8_t b[DATAGRAM_MAX];
	const struct cscf_addr *to = &c->opt.leg[leg].forward;
	struct rd r;
	ssize_t n;

	for (unsigned i = 0; i < BURST; i++) {
		n = recv(c->fd[leg], b, sizeof(b), 0);
		if (n < 0)
			return;
		c->n_passed++;
		if (sendto(c->fd[leg ^ 1], b, (size_t)n, 0,
			(const struct sockaddr *)&to->ss, to->len) == -1)
			log_warning("a datagram was lost: %s", strerror(errno));
		rd_init(&r, b, (size_t)n);
		intercept(c, r);
	}
}

static enum err
listen_on(const struct cscf_addr *a, int *out, struct why *why)
{
	const int size = 4 * 1024 * 1024;
	const int fd = socket(a->ss.ss_family,
	    SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	*out = fd;
	if (fd == -1)
		return why_errno(why, "cannot make a socket");
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	if (bind(fd, (const struct sockaddr *)&a->ss, a->len) == -1)
		return why_errno(why, "cannot listen at %s", a->text);
	return ERR_OK;
}

static enum err
start(struct cscf *c, struct why *why)
{
	const struct sigaction act = {.sa_handler = on_signal};
	FILE *f;
	enum err rc;

	(void)signal(SIGPIPE, SIG_IGN);
	if (sigaction(SIGTERM, &act, NULL) == -1 ||
	    sigaction(SIGINT, &act, NULL) == -1)
		return why_errno(why, "cannot take signals");
	if ((rc = x2_link_new(&c->opt.link, &c->link, why)) != ERR_OK)
		return rc;
	c->numbers = lab_x2_numbers_new();
	for (unsigned i = 0; i < c->opt.n_legs; i++)
		if ((rc = listen_on(&c->opt.leg[i].listen, &c->fd[i], why)) !=
		    ERR_OK)
			return rc;
	if (c->opt.ready != NULL &&
	    ((f = fopen(c->opt.ready, "w")) == NULL || fclose(f) != 0))
		return why_errno(why, "cannot create %s", c->opt.ready);
	return ERR_OK;
}

static void
turn(struct cscf *c)
{
	struct pollfd fds[CSCF_LEGS_MAX + 1];
	const int ms = x2_link_poll(c->link, &fds[c->opt.n_legs]);

	for (unsigned i = 0; i < c->opt.n_legs; i++)
		fds[i] = (struct pollfd){.fd = c->fd[i], .events = POLLIN};
	if (poll(fds, c->opt.n_legs + 1, ms) > 0)
		for (unsigned i = 0; i < c->opt.n_legs; i++)
			if (fds[i].revents != 0)
				pass(c, i);
	x2_link_turn(c->link);
}

/* Nothing ends here that has not arrived at the other end of X2. */
static bool
farewell(struct cscf *c)
{
	const int64_t end = lab_ms() + FAREWELL_MS;

	for (unsigned i = 0; i < c->opt.n_legs; i++)
		pass(c, i);
	x2_link_want_acks(c->link);
	while (!x2_link_all_acked(c->link) && lab_ms() < end)
		turn(c);
	x2_link_close(c->link);
	return x2_link_all_acked(c->link);
}

static void
account(const struct cscf *c)
{
	const struct x2_link_counts *n = x2_link_counts(c->link);

	log_info("%lu datagrams passed: %lu of targets, %lu of others, %lu no"
		 " SIP; %lu PDUs, %lu acknowledged, %lu sent again, connected"
		 " %u times",
	    c->n_passed, c->n_of_targets, c->n_others, c->n_strange, n->put,
	    n->acked, n->resent, n->connections);
}

int
main(int argc, char **argv)
{
	static struct cscf c;
	struct why why;
	bool all = false;
	int status;

	log_init("lab-cscf", LOG_LVL_INFO);
	for (unsigned i = 0; i < CSCF_LEGS_MAX; i++)
		c.fd[i] = -1;
	if ((status = cscf_opt_parse(&c.opt, argc, argv)) != 0)
		return status - 1;
	if (start(&c, &why) == ERR_OK) {
		while (!stop)
			turn(&c);
		all = farewell(&c);
		account(&c);
		if (!all)
			log_error("not all was acknowledged: %s",
			    x2_link_trouble(c.link));
	} else {
		log_error("%s", why.text);
	}
	for (unsigned i = 0; i < CSCF_LEGS_MAX; i++)
		if (c.fd[i] != -1)
			(void)close(c.fd[i]);
	x2_link_free(&c.link);
	lab_x2_numbers_free(c.numbers);
	return all ? 0 : 1;
}
