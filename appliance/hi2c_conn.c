/*
 * The delivery machine (hi2/deliver.h) on its connection.  The machine is up
 * while the connection is, but for a moment at its beginning.
 */
#include <stdio.h>
#include <string.h>

#include "appliance/hi2c_proc.h"
#include "base/clock.h"
#include "base/log.h"

struct tls_crl hi2c_lists;
struct tls_client_kind hi2c_tls_kind = {.ca_name = "server_ca",
    .role = TLS_ROLE_HI2,
    .lists = &hi2c_lists};

static void on_due(uv_timer_t *t);

static int64_t
now(const struct hi2c *h)
{
	return (int64_t)uv_now(&h->loop);
}

const char *
hi2c_what_failed(enum err rc)
{
	return rc == ERR_CRYPTO ? "OpenSSL fails here" : "out of memory here";
}

/* ---- what has followed ---- */

static void
sign(struct hi2c *h, const struct deliver_event *e)
{
	const struct rd none = {NULL, 0};
	enum err rc;

	h->signs = h->old_signs + e->number;
	if (hi2c_ask_signature(h, h->signs, e->octets))
		return;
	rc = deliver_signature(h->deliver, e->number, none, now(h),
	    clock_seconds());
	if (rc != ERR_OK)
		tls_link_drop(h->link, hi2c_what_failed(rc));
}

static void
follow(struct hi2c *h, const struct deliver_event *e)
{
	switch (e->what) {
	case DELIVER_SENT_TO:
		hi2c_tell_upto(h, MSG_SENT, e->number);
		break;
	case DELIVER_DELIVERED_TO:
		hi2c_tell_upto(h, MSG_DELIVERED, e->number);
		break;
	case DELIVER_SILENT:
		h->silent = true;
		log_warning("%s does not answer in time", h->whom);
		break;
	case DELIVER_ANSWERS:
		h->silent = false;
		log_info("%s answers again", h->whom);
		break;
	case DELIVER_DECLINED:
		if (!h->said_declined)
			log_warning("%s does not acknowledge: a record is "
				    "delivered when a keep-alive behind it is "
				    "answered",
			    h->whom);
		h->said_declined = true;
		break;
	case DELIVER_SIGN:
		sign(h, e);
		break;
	}
}

static void
tell_events(struct hi2c *h)
{
	struct deliver_event e;

	while (deliver_next(h->deliver, &e))
		follow(h, &e);
}

static enum link_state
state_of(const struct hi2c *h)
{
	if (!h->raised)
		return LINK_DOWN;
	if (!deliver_open(h->deliver))
		return LINK_UP;
	return h->silent ? LINK_SILENT : LINK_OPEN;
}

static void
set_timer(struct hi2c *h)
{
	int64_t due = h->raised ? deliver_due(h->deliver) : h->raise_at;

	if (h->prove_at < due)
		due = h->prove_at;
	if (due == INT64_MAX) {
		(void)uv_timer_stop(&h->due);
		return;
	}
	due = due > now(h) ? due - now(h) : 0;
	(void)uv_timer_start(&h->due, on_due, (uint64_t)due, 0);
}

void
hi2c_settle(struct hi2c *h)
{
	enum link_state state;

	if (h->deliver == NULL)
		return;
	tell_events(h);
	state = state_of(h);
	if (state != h->told && state != LINK_DOWN) /* that is told at once */
		hi2c_tell_link(h, state, "");
	tls_link_wake(h->link);
	set_timer(h);
}

/* ---- the connection ---- */

/* NULL, or why the connection is to be dropped. */
static const char *
raise_machine(struct hi2c *h)
{
	enum err rc;

	h->raise_at = INT64_MAX;
	h->raised = true;
	h->silent = false;
	if (++h->epoch == 0)
		h->epoch = 1;
	rc = deliver_up(h->deliver, now(h), clock_seconds());
	return rc == ERR_OK ? NULL : hi2c_what_failed(rc);
}

static void
on_up(void *ctx)
{
	struct hi2c *h = ctx;

	h->prove_at = now(h) + HI2C_PROOF_MS;
	/* An option is asked for before records are, which shows it too. */
	h->raise_at = now(h) +
	    (h->rule == DELIVER_SENT		   ? HI2C_HOLD_SENT_MS
		    : h->rule == DELIVER_KEEPALIVE ? HI2C_HOLD_MS
						   : 0);
	hi2c_settle(h);
}

static const char *
on_take(void *ctx, struct rd octets)
{
	struct hi2c *h = ctx;
	static struct why why;
	const char *failed = h->raised ? NULL : raise_machine(h);
	enum err rc;

	if (failed != NULL)
		return failed;
	tls_link_proved(h->link);
	h->prove_at = INT64_MAX;
	why.text[0] = '\0';
	rc = deliver_take(h->deliver, octets, now(h), clock_seconds(), &why);
	if (rc == ERR_OK)
		return NULL;
	return why.text[0] != '\0' ? why.text : hi2c_what_failed(rc);
}

static struct rd
on_out(void *ctx)
{
	const struct hi2c *h = ctx;
	const struct rd none = {NULL, 0};

	return h->raised ? deliver_out(h->deliver) : none;
}

static void
on_wrote(void *ctx, size_t n)
{
	struct hi2c *h = ctx;

	deliver_wrote(h->deliver, n, now(h));
}

static void
on_down(void *ctx, const char *why)
{
	struct hi2c *h = ctx;

	h->raise_at = h->prove_at = INT64_MAX;
	if (h->raised)
		deliver_down(h->deliver);
	h->raised = h->silent = false;
	/* What was delivered before it went counts. */
	tell_events(h);
	if (h->told != LINK_DOWN || strcmp(h->why, why) != 0)
		hi2c_tell_link(h, LINK_DOWN, why);
	set_timer(h);
}

const struct tls_link_ops hi2c_link_ops = {.kind = &hi2c_tls_kind,
    .up = on_up,
    .take = on_take,
    .out = on_out,
    .wrote = on_wrote,
    .down = on_down};

static void
on_due(uv_timer_t *t)
{
	struct hi2c *h = t->data;
	const char *failed = NULL;
	struct why why = {""};
	enum err rc;

	if (h->prove_at <= now(h)) {
		tls_link_proved(h->link);
		h->prove_at = INT64_MAX;
	}
	if (!h->raised && h->raise_at <= now(h))
		failed = raise_machine(h);
	if (failed == NULL && h->raised) {
		rc = deliver_tick(h->deliver, now(h), clock_seconds(), &why);
		if (rc != ERR_OK)
			failed = why.text[0] != '\0' ? why.text
						     : hi2c_what_failed(rc);
	}
	if (failed != NULL)
		tls_link_drop(h->link, failed);
	hi2c_settle(h);
}

void
hi2c_replace(struct hi2c *h, struct deliver *fresh, enum deliver_rule rule)
{
	deliver_free(&h->deliver);
	h->deliver = fresh;
	h->rule = rule;
	h->said_declined = false;
	h->old_signs = h->signs;
}
