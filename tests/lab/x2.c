/* lab-x2: intercepted SIP messages, handed over as a CSCF hands them over. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "lab_time.h"
#include "x2_plan.h"

#define PATIENCE_MS 10000 /* for what was given to a connection to go out */
#define TURN_MS 20 /* while there is more to give */

struct sender {
	const struct x2_opt *opt;
	struct x2_plan *plan;
	struct x2_link *link[X2_CONNECTIONS_MAX];
	size_t given; /* PDUs of the plan */
	unsigned long given_background; /* dialogs */
	unsigned next; /* connection */
	int64_t start; /* ms */
};

static void
put(void *ctx, uint8_t *octets, size_t len)
{
	struct sender *s = ctx;

	x2_link_put(s->link[s->next], octets, len);
	s->next = (s->next + 1) % s->opt->connections;
}

/* How much of `most` is due by now at so many a second. */
static uint64_t
due(const struct sender *s, unsigned rate, uint64_t most)
{
	const uint64_t n = (uint64_t)(lab_ms() - s->start) * rate / 1000;

	return rate == 0 || n > most ? most : n;
}

/* Gives what is due; false when there is no more to come. */
static bool
give(struct sender *s)
{
	const struct x2_opt *o = s->opt;
	const uint64_t all = (uint64_t)o->background * o->seconds;
	const uint64_t n = due(s, o->rate, s->plan->n);
	const uint64_t dialogs = all > 0 ? due(s, o->background, all) : 0;
	uint8_t *b;
	size_t len;

	for (; s->given < n; s->given++) {
		if (o->rate > 0 && !o->shuffle && !o->no_time)
			lab_x2_stamp(&s->plan->p[s->given].pdu);
		x2_plan_octets(s->plan, s->given, &b, &len);
		put(s, b, len);
	}
	for (; s->given_background < dialogs; s->given_background++)
		x2_plan_background(s->plan, put, s);
	return s->given < s->plan->n || s->given_background < all;
}

static void
turn(struct sender *s, int most_ms)
{
	struct pollfd fds[X2_CONNECTIONS_MAX];

	for (unsigned i = 0; i < s->opt->connections; i++) {
		const int ms = x2_link_poll(s->link[i], &fds[i]);

		if (ms < most_ms)
			most_ms = ms;
	}
	if (poll(fds, s->opt->connections, most_ms) == -1 && errno != EINTR)
		fatal("poll: %s", strerror(errno));
	for (unsigned i = 0; i < s->opt->connections; i++)
		x2_link_turn(s->link[i]);
}

static bool
each(const struct sender *s, bool (*holds)(const struct x2_link *))
{
	for (unsigned i = 0; i < s->opt->connections; i++)
		if (!holds(s->link[i]))
			return false;
	return true;
}

static bool
any_over(const struct sender *s)
{
	for (unsigned i = 0; i < s->opt->connections; i++)
		if (x2_link_over(s->link[i]))
			return true;
	return false;
}

static bool
send_all(struct sender *s)
{
	bool (*const done)(const struct x2_link *) =
	    s->opt->wait_ack_s > 0 ? x2_link_all_acked : x2_link_all_sent;
	int64_t end;

	/* So that connections are tried even if there is nothing to send. */
	for (unsigned i = 0; i < s->opt->connections; i++)
		x2_link_turn(s->link[i]);
	while (give(s) && !any_over(s))
		turn(s, TURN_MS);
	if (s->opt->wait_ack_s > 0)
		for (unsigned i = 0; i < s->opt->connections; i++)
			x2_link_want_acks(s->link[i]);
	end = lab_ms() +
	    (s->opt->wait_ack_s > 0 ? 1000 * (int64_t)s->opt->wait_ack_s
				    : PATIENCE_MS);
	while (!each(s, done) && !any_over(s) && lab_ms() < end)
		turn(s, TURN_MS);
	return each(s, done);
}

static void
report(const struct sender *s)
{
	for (unsigned i = 0; i < s->opt->connections; i++) {
		const struct x2_link_counts *c = x2_link_counts(s->link[i]);

		(void)printf("connection %u: %lu of %lu PDUs sent, %lu"
			     " acknowledged, %lu sent again, connected %u"
			     " times, lost %u times%s%s\n",
		    i + 1, c->sent, c->put, c->acked, c->resent, c->connections,
		    c->lost, c->lost > 0 ? ": " : "",
		    x2_link_trouble(s->link[i]));
	}
}

static int
send_plan(const struct x2_opt *o, struct x2_plan *plan)
{
	struct sender s = {.opt = o, .plan = plan, .start = lab_ms()};
	int status = X2_OK;
	struct why why;
	unsigned n;

	for (n = 0; n < o->connections; n++)
		if (x2_link_new(&o->link, &s.link[n], &why) != ERR_OK) {
			log_error("%s", why.text);
			status = X2_FAILED;
			break;
		}
	if (status == X2_OK) {
		if (!send_all(&s)) {
			log_error("not all of it has arrived");
			status = X2_FAILED;
		}
		report(&s);
	}
	for (unsigned i = 0; i < n; i++) {
		x2_link_close(s.link[i]);
		x2_link_free(&s.link[i]);
	}
	return status;
}

int
main(int argc, char **argv)
{
	static struct x2_opt o;
	struct why why = {{0}};
	struct x2_plan plan;
	enum err rc;
	int status;

	log_init("lab-x2", LOG_LVL_INFO);
	(void)signal(SIGPIPE, SIG_IGN);
	if ((status = x2_opt_parse(&o, argc, argv)) != 0)
		return status - 1;
	if (o.background > 0 && o.link.keepalive_ms == 0)
		o.link.keepalive_ms = 1000; /* or it would all be kept */
	rc = x2_plan_load(&plan, &o, &why);
	if (rc == ERR_OK)
		x2_plan_order(&plan);
	if (rc == ERR_OK && o.print_dir != NULL)
		rc = x2_plan_print(&plan, o.print_dir, &why);
	if (rc == ERR_OK && o.dump != NULL)
		rc = x2_plan_dump(&plan, o.dump, &why);
	if (rc != ERR_OK)
		log_error("%s", why.text);
	status = rc == ERR_OK ? X2_OK : X2_FAILED;
	if (rc == ERR_OK && o.print_dir == NULL && o.dump == NULL)
		status = send_plan(&o, &plan);
	x2_plan_done(&plan);
	return status;
}
