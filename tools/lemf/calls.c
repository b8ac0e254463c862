#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "lemf/calls_int.h"
#include "lemf/hi2_file.h"
#include "lemf/store.h"

/* ---- records ---- */

static bool
is_of(const struct call *c, const struct record *r)
{
	return rd_equal(&c->liid, &r->liid) && c->has_cin == r->has_cin &&
	    c->cin == r->cin && rd_equal(&c->correlation, &r->correlation);
}

static enum err
call_of(struct calls *s, const struct record *r, struct call **out)
{
	struct call **more, *c;

	for (size_t i = s->n; i-- > 0;)
		if (is_of(s->call[i], r)) {
			*out = s->call[i];
			return ERR_OK;
		}
	if (s->n == CALLS_MAX)
		return ERR_FULL;
	if ((more = reallocarray(s->call, s->n + 1, sizeof(*more))) == NULL)
		return ERR_NOMEM;
	s->call = more;
	if ((c = calloc(1, sizeof(*c))) == NULL)
		return ERR_NOMEM;
	sdp_types_init(&c->types);
	s->call[s->n++] = c;
	*out = c;
	return ERR_OK;
}

/* At least once is how records come. */
static bool
came_before(const struct call *c, const struct record *r)
{
	for (size_t i = c->n_records; i-- > 0;)
		if (c->record[i].sequence == r->sequence &&
		    rd_is(&r->pdu, c->record[i].pdu, c->record[i].len))
			return true;
	return false;
}

/* What the call itself says again in each record, from the first one. */
static void
name_call(struct call *c, const struct record *r)
{
	c->liid = r->liid;
	c->has_cin = r->has_cin;
	c->cin = r->cin;
	c->correlation = r->correlation;
	memcpy(c->targets, r->targets, sizeof(c->targets));
	c->n_targets = r->n_targets;
}

static enum err
add_to(struct calls *s, struct call *c, uint8_t *pdu, const struct record *r)
{
	struct call_record *more =
	    reallocarray(c->record, c->n_records + 1, sizeof(*more));

	if (more == NULL)
		return ERR_NOMEM;
	c->record = more;
	c->record[c->n_records++] = (struct call_record){.pdu = pdu,
	    .len = r->pdu.left,
	    .event = r->event,
	    .initiator = r->initiator,
	    .sequence = r->sequence,
	    .has_time = r->has_time,
	    .seconds = r->seconds,
	    .nanoseconds = r->nanoseconds,
	    .sip = r->sip,
	    .n_keys = r->n_keys};
	if (c->n_records == 1 || c->n_targets < r->n_targets)
		name_call(c, r);
	s->n_keys += r->n_keys;
	if (r->sip.left == 0)
		return ERR_OK;
	sdp_types_read(r->sip, &c->types);
	return calls_exchanges(&c, 1, r->sip, c->n_records - 1, false);
}

/* The octets become the call's: then *kept, also when it fails. */
static enum err
add(struct calls *s, uint8_t *octets, size_t len, struct record *r, bool *kept,
    struct why *why)
{
	struct call *c;
	struct rd pdu;
	enum err rc;

	rd_init(&pdu, octets, len);
	if ((rc = record_read(pdu, r, why)) != ERR_OK)
		return rc;
	if (r->event == RECORD_TRI || r->event == RECORD_UNREAD)
		return ERR_OK;
	if ((rc = call_of(s, r, &c)) != ERR_OK)
		return rc == ERR_FULL
		    ? why_set(why, rc, "over %d calls", CALLS_MAX)
		    : why_set(why, rc, "out of memory");
	if (came_before(c, r)) {
		s->repeated++;
		return ERR_OK;
	}
	if (s->octets + len > CALLS_OCTETS_MAX)
		return why_set(why, ERR_FULL,
		    "over %zu octets of records: take fewer files",
		    CALLS_OCTETS_MAX);
	s->octets += len;
	rc = add_to(s, c, octets, r);
	*kept = c->n_records > 0 && c->record[c->n_records - 1].pdu == octets;
	return rc == ERR_OK ? rc : why_set(why, rc, "out of memory");
}

static void
erase(uint8_t *octets, size_t len)
{
	explicit_bzero(octets, len);
	free(octets);
}

static enum err
copy_and_add(struct calls *s, struct rd pdu, struct record *r, struct why *why)
{
	uint8_t *octets = malloc(pdu.left);
	bool kept = false;
	enum err rc;

	if (octets == NULL)
		return why_set(why, ERR_NOMEM, "out of memory");
	memcpy(octets, pdu.p, pdu.left);
	rc = add(s, octets, pdu.left, r, &kept, why);
	if (!kept)
		erase(octets, pdu.left);
	return rc;
}

static void
unread(struct calls *s, const char *path, uint64_t at, const struct why *why)
{
	if (s->unread++ == 0)
		(void)why_set(&s->first_unread, ERR_MALFORMED,
		    "%s: at octet %" PRIu64 ": %s", path, at, why->text);
}

enum err
calls_read(struct calls *s, const char *path, struct why *why)
{
	struct record *r = malloc(sizeof(*r));
	struct hi2_file *f = NULL;
	struct why inner = {""};
	struct rd pdu;
	enum err rc;

	if (r == NULL)
		return why_set(why, ERR_NOMEM, "out of memory");
	if ((rc = hi2_file_open(path, &f, why)) != ERR_OK)
		goto out;
	while ((rc = hi2_file_next(f, &pdu, &inner)) == ERR_OK)
		if ((rc = copy_and_add(s, pdu, r, &inner)) == ERR_NOMEM ||
		    rc == ERR_FULL)
			break;
		else if (rc != ERR_OK)
			unread(s, path, hi2_file_at(f), &inner);
	if (rc == ERR_CLOSED)
		rc = ERR_OK;
	else if (rc == ERR_NOMEM || rc == ERR_FULL || rc == ERR_IO)
		rc = why_set(why, rc, "%s: %s", path, inner.text);
	else {
		unread(s, path, hi2_file_at(f), &inner);
		rc = ERR_OK;
	}
out:
	hi2_file_close(&f);
	free(r);
	return rc;
}

void
calls_done(struct calls *s)
{
	for (size_t i = 0; i < s->n; i++) {
		struct call *c = s->call[i];

		for (size_t j = 0; j < c->n_records; j++)
			erase(c->record[j].pdu, c->record[j].len);
		free(c->record);
		calls_exchanges_done(c);
		free(c);
	}
	free(s->call);
	*s = (struct calls){.n = 0};
}

enum err
calls_hint(struct calls *s, struct rd sip)
{
	return calls_exchanges(s->call, s->n, sip, NO_RECORD, true);
}

void
call_name(const struct call *c, char out[CALL_NAME_MAX])
{
	char file[STORE_NAME];
	const char *end = strrchr(store_name(c->liid, file), '.');

	if (c->has_cin)
		(void)snprintf(out, CALL_NAME_MAX, "%.*s-%" PRIu32,
		    (int)(end - file), file, c->cin);
	else
		(void)snprintf(out, CALL_NAME_MAX, "%.*s", (int)(end - file),
		    file);
}
