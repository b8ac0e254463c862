/* How delivery stands, as hi2 says it: for `keywarden delivery`. */
#include <stdlib.h>
#include <string.h>

#include "appliance/policy_cli.h"
#include "appliance/policy_delivery.h"
#include "appliance/proto_hi2.h"

/* Views are into the texts beside them. */
struct lemf_state {
	struct msg_delivery m;
	char name[MAX_NAME + 1], text[MAX_LINK_TEXT + 1];
};
#define LEMF_STATES_MAX 1024 /* as many as a queue has names */

void
policy_delivery_forget(struct policy *p)
{
	free(p->delivery);
	p->delivery = NULL;
	p->n_delivery = 0;
}

static struct lemf_state *
state_of(struct policy *p, struct rd lemf)
{
	struct lemf_state *s;

	for (unsigned i = 0; i < p->n_delivery; i++)
		if (rd_is(&lemf, p->delivery[i].name,
			strlen(p->delivery[i].name)))
			return &p->delivery[i];
	if (p->n_delivery == LEMF_STATES_MAX)
		return NULL;
	s = realloc(p->delivery, (p->n_delivery + 1) * sizeof(*s));
	if (s == NULL)
		return NULL;
	p->delivery = s;
	s = &p->delivery[p->n_delivery++];
	*s = (struct lemf_state){.name = ""};
	return s;
}

enum err
policy_on_delivery(void *ctx, const struct ipc_frame *f)
{
	static const struct rd none = {NULL, 0};
	struct policy *p = ctx;
	struct lemf_state *s;
	struct msg_delivery m;

	if (msg_delivery_get(f->body, &m) != ERR_OK)
		return ERR_MALFORMED;
	if ((s = state_of(p, m.lemf)) == NULL)
		return ERR_TOOBIG;
	if (view_text(m.lemf, s->name, sizeof(s->name)) != ERR_OK ||
	    view_text(m.text, s->text, sizeof(s->text)) != ERR_OK)
		return ERR_MALFORMED;
	s->m = m;
	s->m.lemf = s->m.text = none;
	return ERR_OK;
}

/* ---- to keywarden(1) ---- */

static json_t *
row(const struct lemf_state *s)
{
	static const char *const states[LINK__MAX] = {[LINK_DOWN] = "down",
	    [LINK_UP] = "connecting",
	    [LINK_OPEN] = "open",
	    [LINK_SILENT] = "silent"};
	const struct msg_delivery *m = &s->m;
	json_t *j = json_object();

	json_object_set_new(j, "lemf", json_string(s->name));
	json_object_set_new(j, "configured", json_boolean(m->configured));
	json_object_set_new(j, "state", json_string(states[m->state]));
	json_object_set_new(j, "since", cli_time(m->since));
	json_object_set_new(j, "text", json_string(s->text));
	cli_put_count(j, "waiting", m->waiting);
	cli_put_count(j, "sent", m->sent);
	cli_put_count(j, "delivered", m->delivered);
	cli_put_count(j, "dropped", m->dropped);
	cli_put_count(j, "damaged", m->damaged);
	cli_put_count(j, "octets", m->octets);
	cli_put_count(j, "mostOctets", m->most_octets);
	json_object_set_new(j, "oldest",
	    m->oldest == 0 ? json_null() : cli_time(m->oldest));
	json_object_set_new(j, "alarm", json_boolean(m->alarm));
	return j;
}

enum err
cli_on_delivery(void *ctx, const struct ipc_frame *f)
{
	struct cli *c = ctx;
	const struct policy *p = c->p;
	struct rd r = f->body;
	json_t *rows;
	uint32_t from, i;
	enum err rc;

	if ((rc = rd_u32(&r, &from)) != ERR_OK)
		return rc;
	if (p->hi2 == NULL) {
		cli_error(c->p, c->id, ERR_NOTFOUND,
		    p->df2 ? "keywarden-hi2 is down: the journal says why"
			   : "this appliance delivers no records: the "
			     "configuration has no section x2");
		return ERR_OK;
	}
	rows = json_array();
	for (i = from; i < p->n_delivery && i - from < CLI_PAGE; i++)
		json_array_append_new(rows, row(&p->delivery[i]));
	cli_page(c, rows, i < p->n_delivery ? (int64_t)i : -1);
	return ERR_OK;
}

unsigned
policy_delivery_alarms(const struct policy *p)
{
	unsigned n = 0;

	for (unsigned i = 0; i < p->n_delivery; i++)
		n += p->delivery[i].m.alarm;
	return n;
}
