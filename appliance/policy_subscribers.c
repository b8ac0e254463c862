/*
 * Subscribers in memory: their sealed records, found by the identities in
 * them.  The seal is for the hsm worker to check.
 */
#include <stdlib.h>
#include <string.h>

#include "appliance/policy_proc.h"
#include "base/log.h"

struct subscriber
policy_read_record(const struct held_subscriber *h)
{
	struct subscriber s;
	struct rd v, sealed, seal;

	rd_init(&v, h->record, h->len);
	if (subscriber_parse(v, &s, &sealed, &seal) != ERR_OK)
		fatal("a record in memory is none");
	return s;
}

struct held_subscriber *
policy_holder(struct policy *p, struct rd identity)
{
	const struct index_link *l = index_first(&p->identities, identity);

	return l == NULL ? NULL : l->thing;
}

struct held_subscriber *
policy_subscriber(struct policy *p, struct rd identity)
{
	struct held_subscriber *h = policy_holder(p, identity);
	struct subscriber s;

	if (h == NULL)
		return NULL;
	s = policy_read_record(h);
	return rd_equal(&s.identity, &identity) ? h : NULL;
}

/* Where the record of a change stands, or would have to. */
static size_t
place_of(const struct policy *p, uint64_t number)
{
	size_t low = 0, high = p->n_subscribers;

	while (low < high) {
		const size_t mid = low + (high - low) / 2;

		if (p->subscriber[mid]->number < number)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

struct held_subscriber *
policy_record(struct policy *p, uint64_t number)
{
	const size_t i = place_of(p, number);

	return i < p->n_subscribers && p->subscriber[i]->number == number
	    ? p->subscriber[i]
	    : NULL;
}

static void
unindex(struct policy *p, const struct held_subscriber *h,
    const struct subscriber *s)
{
	index_drop(&p->identities, s->identity, h);
	for (unsigned i = 0; i < s->n_devices; i++)
		index_drop(&p->identities, s->device[i], h);
}

static enum err
list_insert(struct policy *p, struct held_subscriber *h)
{
	const size_t at = place_of(p, h->number);

	if (p->n_subscribers == p->cap_subscribers) {
		const size_t cap =
		    p->cap_subscribers == 0 ? 64 : 2 * p->cap_subscribers;
		void *list = realloc(p->subscriber, cap * sizeof(h));

		if (list == NULL)
			return ERR_NOMEM;
		p->subscriber = list;
		p->cap_subscribers = cap;
	}
	memmove(&p->subscriber[at + 1], &p->subscriber[at],
	    (p->n_subscribers - at) * sizeof(h));
	p->subscriber[at] = h;
	p->n_subscribers++;
	return ERR_OK;
}

/* An identity is one subscriber's or one device's: ERR_EXISTS. */
static enum err
insert(struct policy *p, struct rd record)
{
	struct held_subscriber *h = malloc(sizeof(*h) + record.left);
	struct subscriber s;
	struct rd sealed, seal;
	bool taken;
	enum err rc;

	if (h == NULL)
		return ERR_NOMEM;
	h->len = record.left;
	memcpy(h->record, record.p, record.left);
	rd_init(&record, h->record, h->len);
	if (subscriber_parse(record, &s, &sealed, &seal) != ERR_OK) {
		free(h);
		return ERR_MALFORMED;
	}
	h->number = s.number;
	taken = policy_holder(p, s.identity) != NULL ||
	    policy_record(p, s.number) != NULL;
	for (unsigned i = 0; i < s.n_devices; i++)
		taken |= policy_holder(p, s.device[i]) != NULL;
	rc = taken ? ERR_EXISTS : index_add(&p->identities, s.identity, h);
	for (unsigned i = 0; i < s.n_devices && rc == ERR_OK; i++)
		rc = index_add(&p->identities, s.device[i], h);
	if (rc == ERR_OK)
		rc = list_insert(p, h);
	if (rc != ERR_OK) {
		unindex(p, h, &s);
		free(h);
	}
	return rc;
}

static void
forget(struct policy *p, struct held_subscriber *h)
{
	const struct subscriber s = policy_read_record(h);
	const size_t at = place_of(p, h->number);

	unindex(p, h, &s);
	p->n_subscribers--;
	memmove(&p->subscriber[at], &p->subscriber[at + 1],
	    (p->n_subscribers - at) * sizeof(h));
	free(h);
}

/* By another subscriber, or a device of one. */
static bool
is_taken(struct policy *p, struct rd identity,
    const struct held_subscriber *by_itself)
{
	const struct held_subscriber *h = policy_holder(p, identity);

	return h != NULL && h != by_itself;
}

enum err
policy_identities_free(struct policy *p, struct rd identity,
    const struct rd *device, unsigned n_devices, struct why *why)
{
	const struct held_subscriber *h = policy_subscriber(p, identity);

	if (is_taken(p, identity, h))
		return why_set(why, ERR_EXISTS,
		    "the identity is that of a device");
	for (unsigned i = 0; i < n_devices; i++)
		if (is_taken(p, device[i], h))
			return why_set(why, ERR_EXISTS,
			    "the identity of device %u is enrolled already",
			    i + 1);
	return ERR_OK;
}

enum err
policy_put_record(struct policy *p, struct rd record, struct why *why)
{
	struct held_subscriber *before;
	struct subscriber s;
	struct rd sealed, seal;
	enum err rc;

	if (subscriber_parse(record, &s, &sealed, &seal) != ERR_OK)
		return why_set(why, ERR_MALFORMED,
		    "not a record of the registry");
	if (policy_record(p, s.number) != NULL)
		return why_set(why, ERR_EXISTS, "its record is there already");
	rc = policy_identities_free(p, s.identity, s.device, s.n_devices, why);
	if (rc != ERR_OK)
		return rc;
	rc = db_put_subscriber(p->db, s.identity, s.number, record, why);
	if (rc != ERR_OK)
		return rc;
	if ((before = policy_subscriber(p, s.identity)) != NULL)
		forget(p, before);
	if ((rc = insert(p, record)) != ERR_OK)
		fatal("a record is on disk and not in memory: %s", err_str(rc));
	return ERR_OK;
}

void
policy_drop_record(struct policy *p, struct rd identity)
{
	struct held_subscriber *h = policy_subscriber(p, identity);
	struct why why = {""};

	/* A row that stays does no harm: its record stands no longer. */
	if (db_drop_subscriber(p->db, identity, &why) != ERR_OK)
		log_error("%s", why.text);
	if (h != NULL)
		forget(p, h);
}

void
policy_forget_record(struct policy *p, struct rd identity, uint64_t before)
{
	struct held_subscriber *h = policy_subscriber(p, identity);

	if (h != NULL && h->number < before)
		forget(p, h);
}

static void
load(void *ctx, struct rd record)
{
	if (insert(ctx, record) != ERR_OK)
		log_warning("a subscriber's record in the database is left "
			    "out: it is none, or its identities are taken");
}

void
policy_load_subscribers(struct policy *p)
{
	struct why why = {""};

	if (db_each_subscriber(p->db, load, p, &why) != ERR_OK)
		ctl_fail(ERR_IO, &why);
}
