/*
 * What a request must fit beyond the warrant state: that a warrant moves the
 * way the request says, that identities are free, that a record is that of its
 * subscriber.
 */
#include <stdlib.h>
#include <string.h>

#include "appliance/policy_proc.h"

static struct rd
text_view(const char *s)
{
	struct rd r;

	rd_init(&r, s, strlen(s));
	return r;
}

static enum err
fits_warrant(struct policy *p, const struct request *q, struct why *why)
{
	const struct held_warrant *h = warrants_by_id(&p->warrants, q->on);
	struct warrant_state s;

	if (policy_change_alike(p, q))
		return why_set(why, ERR_EXISTS,
		    "it was handed in already and holds here");
	if (h == NULL)
		return why_set(why, ERR_NOTFOUND,
		    "the warrant is not held here: see the log of the policy "
		    "process");
	s = warrants_state(p->authority, h);
	if (q->kind == REQUEST_WARRANT_EXTEND && q->end <= s.end)
		return why_set(why, ERR_DENIED,
		    "end: not later than the warrant ends now");
	if (q->kind == REQUEST_WARRANT_END && q->end >= s.end)
		return why_set(why, ERR_DENIED,
		    "end: not earlier than the warrant ends now");
	return ERR_OK;
}

enum err
policy_fits_identities(struct policy *p, const struct request *q,
    struct why *why)
{
	struct rd device[MAX_DEVICES];

	if (q->kind == REQUEST_SUBSCRIBER_ADD &&
	    policy_subscriber(p, text_view(q->identity)) != NULL)
		return why_set(why, ERR_EXISTS, "enrolled already");
	for (unsigned i = 0; i < q->devices.n; i++)
		device[i] = text_view(q->devices.w[i]);
	return policy_identities_free(p, text_view(q->identity), device,
	    q->devices.n, why);
}

/* Is the change that the request names about this subscriber? */
static bool
is_record_of(struct policy *p, const struct request *q)
{
	struct db_octets o = {.memory = NULL};
	struct request *before = NULL;
	struct why why;
	bool same = false;

	if (db_read_change(p->db, q->record, &o, &why) != ERR_OK)
		return false;
	if (request_parse_known(o.request, &before, &why) == ERR_OK)
		same = before->identity != NULL &&
		    strcmp(before->identity, q->identity) == 0;
	request_free(&before);
	free(o.memory);
	return same;
}

static enum err
fits_record(struct policy *p, const struct request *q, struct why *why)
{
	const struct held_subscriber *h =
	    policy_subscriber(p, text_view(q->identity));
	const bool made = h != NULL && h->number == q->record;

	if (!made && !is_record_of(p, q))
		return why_set(why, ERR_NOTFOUND,
		    "record: not that of this subscriber now");
	if (q->kind == REQUEST_SUBSCRIBER_REMOVE)
		return ERR_OK;
	return made
	    ? policy_fits_identities(p, q, why)
	    : why_set(why, ERR_NOTFOUND,
		  "its record was never made: hand in the request of change "
		  "%llu again first",
		  (unsigned long long)q->record);
}

enum err
policy_fits(struct policy *p, const struct request *q, struct why *why)
{
	switch (q->kind) {
	case REQUEST_WARRANT_ADD:
		return p->warrants.n < MAX_WARRANTS
		    ? ERR_OK
		    : why_set(why, ERR_FULL, "more than %d warrants",
			  MAX_WARRANTS);
	case REQUEST_WARRANT_EXTEND:
	case REQUEST_WARRANT_END:
	case REQUEST_WARRANT_SUSPEND:
	case REQUEST_WARRANT_RESUME:
	case REQUEST_WARRANT_REVOKE:
		return fits_warrant(p, q, why);
	case REQUEST_SUBSCRIBER_ADD:
		return policy_fits_identities(p, q, why);
	case REQUEST_SUBSCRIBER_DEVICES:
	case REQUEST_SUBSCRIBER_REMOVE:
		return fits_record(p, q, why);
	case REQUEST_PERSON_ADD:
	case REQUEST_PERSON_REMOVE:
	case REQUEST_PERSON_CERTIFICATE:
	case REQUEST_CLIENT_ADD:
	case REQUEST_CLIENT_REMOVE:
	case REQUEST_LEMF_ADD:
	case REQUEST_LEMF_REMOVE:
	case REQUEST_CONFIG_SET:
	case REQUEST_CLOCK_ACCEPT:
	case REQUEST__MAX:
		break;
	}
	return ERR_OK;
}
