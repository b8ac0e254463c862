#include <stdlib.h>
#include <string.h>

#include "policy/authority_int.h"

enum err
authority_new(const struct genesis *g, struct authority **out)
{
	struct authority *a = calloc(1, sizeof(*a));

	if (a == NULL || persons_new(&a->persons) != ERR_OK ||
	    (a->kms = strdup(g->kms)) == NULL) {
		authority_free(&a);
		return ERR_NOMEM;
	}
	a->clients = (struct enrolled){.what = "client", .apart = true};
	a->lemfs = (struct enrolled){.what = "LEMF"};
	memcpy(a->head.hash, g->digest, sizeof(a->head.hash));
	memcpy(a->config, g->config, sizeof(a->config));
	a->time = g->time;
	*out = a;
	return ERR_OK;
}

void
authority_free(struct authority **ap)
{
	struct authority *a = *ap;

	if (a == NULL)
		return;
	persons_free(&a->persons);
	enrolled_done(&a->clients);
	enrolled_done(&a->lemfs);
	free(a->kms);
	free(a->change);
	free(a->altered);
	free(a->dead);
	free(a);
	*ap = NULL;
}

/* ---- what it says ---- */

struct head
authority_head(const struct authority *a)
{
	return a->head;
}

int64_t
authority_time(const struct authority *a)
{
	return a->time;
}

const char *
authority_kms(const struct authority *a)
{
	return a->kms;
}

uint64_t
authority_policy_version(const struct authority *a)
{
	return a->policy_version;
}

const struct persons *
authority_persons(const struct authority *a)
{
	return a->persons;
}

const uint8_t *
authority_config(const struct authority *a)
{
	return a->config;
}

static struct cert_entry
entry_of(const struct enrolled_one *one)
{
	struct cert_entry e = {.name = one->name};

	rd_init(&e.cert, one->cert, one->cert_len);
	memcpy(e.fingerprint, one->fingerprint, sizeof(e.fingerprint));
	return e;
}

unsigned
authority_clients(const struct authority *a)
{
	return a->clients.n;
}

struct cert_entry
authority_client(const struct authority *a, unsigned i)
{
	return entry_of(&a->clients.one[i]);
}

unsigned
authority_lemfs(const struct authority *a)
{
	return a->lemfs.n;
}

struct cert_entry
authority_lemf(const struct authority *a, unsigned i)
{
	return entry_of(&a->lemfs.one[i]);
}

bool
authority_lemf_named(const struct authority *a, struct rd name, struct rd *cert)
{
	const struct enrolled_one *one = enrolled_find(&a->lemfs, name);

	if (one != NULL)
		rd_init(cert, one->cert, one->cert_len);
	return one != NULL;
}

enum err
authority_change(const struct authority *a, uint64_t number,
    struct change_known *out)
{
	if (number == 0 || number > a->head.number)
		return ERR_NOTFOUND;
	*out = a->change[number - 1];
	return ERR_OK;
}

uint64_t
authority_number_of(const struct authority *a, const uint8_t hash[DIGEST_LEN])
{
	for (uint64_t i = 0; i < a->head.number; i++)
		if (memcmp(a->change[i].hash, hash, DIGEST_LEN) == 0)
			return i + 1;
	return 0;
}

/* Where an id stands, or would have to. */
static size_t
altered_place(const struct authority *a, const uint8_t id[WARRANT_ID_LEN])
{
	size_t low = 0, high = a->n_altered;

	while (low < high) {
		const size_t mid = low + (high - low) / 2;

		if (memcmp(a->altered[mid].id, id, WARRANT_ID_LEN) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

struct altered *
authority_find_altered(const struct authority *a,
    const uint8_t id[WARRANT_ID_LEN])
{
	const size_t i = altered_place(a, id);

	return i < a->n_altered &&
		memcmp(a->altered[i].id, id, WARRANT_ID_LEN) == 0
	    ? &a->altered[i]
	    : NULL;
}

struct warrant_state
authority_warrant(const struct authority *a, const uint8_t id[WARRANT_ID_LEN],
    int64_t end)
{
	const struct altered *m = authority_find_altered(a, id);
	struct warrant_state s = {.end = end};

	if (m != NULL) {
		s.revoked = m->revoked;
		s.suspended = m->suspended;
		if (m->has_end)
			s.end = m->end;
	}
	return s;
}

static size_t
dead_place(const struct authority *a, uint64_t number)
{
	size_t low = 0, high = a->n_dead;

	while (low < high) {
		const size_t mid = low + (high - low) / 2;

		if (a->dead[mid] < number)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

bool
authority_record_stands(const struct authority *a, uint64_t number)
{
	const size_t i = dead_place(a, number);
	struct change_known c;

	return authority_change(a, number, &c) == ERR_OK &&
	    (c.kind == REQUEST_SUBSCRIBER_ADD ||
		c.kind == REQUEST_SUBSCRIBER_DEVICES) &&
	    (i == a->n_dead || a->dead[i] != number);
}

/* ---- changes ---- */

/* Room for one more in a list that doubles. */
static enum err
make_room(void **list, size_t n, size_t *cap, size_t each)
{
	const size_t more = *cap == 0 ? 16 : 2 * *cap;
	void *p;

	if (n < *cap)
		return ERR_OK;
	if ((p = realloc(*list, more * each)) == NULL)
		return ERR_NOMEM;
	*list = p;
	*cap = more;
	return ERR_OK;
}

static enum err
apply_warrant(struct authority *a, const struct request *q, int64_t time)
{
	struct altered *m = authority_find_altered(a, q->on);
	enum err rc;

	if (m == NULL) {
		const size_t at = altered_place(a, q->on);
		void *list = a->altered;

		rc = make_room(&list, a->n_altered, &a->cap_altered,
		    sizeof(*a->altered));
		a->altered = list;
		if (rc != ERR_OK)
			return rc;
		m = &a->altered[at];
		memmove(m + 1, m, (a->n_altered - at) * sizeof(*m));
		a->n_altered++;
		*m = (struct altered){.has_end = false};
		memcpy(m->id, q->on, sizeof(m->id));
	}
	m->revoked |= q->kind == REQUEST_WARRANT_REVOKE;
	if (q->kind == REQUEST_WARRANT_SUSPEND ||
	    q->kind == REQUEST_WARRANT_RESUME) {
		m->suspended = q->kind == REQUEST_WARRANT_SUSPEND;
		m->suspended_at = time;
	}
	if (q->kind == REQUEST_WARRANT_EXTEND ||
	    q->kind == REQUEST_WARRANT_END) {
		m->has_end = true;
		m->end = q->end;
		m->end_at = time;
	}
	return ERR_OK;
}

static enum err
apply_person(struct authority *a, const struct request *q, uint64_t number,
    struct why *why)
{
	unsigned i = PERSON_NONE;
	enum role role = q->role;
	struct rd cert;
	enum err rc;

	if (q->kind != REQUEST_PERSON_ADD) {
		i = persons_find(a->persons, q->name, number);
		if (i == PERSON_NONE)
			return why_set(why, ERR_NOTFOUND, "no such person");
		role = persons_get(a->persons, i).role;
	}
	if (q->kind == REQUEST_PERSON_REMOVE)
		return persons_end(a->persons, q->name, number, q->voids);
	rd_init(&cert, q->cert.p, q->cert.len);
	rc = persons_may_add(a->persons, q->name, cert, number, i, why);
	if (rc == ERR_OK && q->kind == REQUEST_PERSON_CERTIFICATE)
		rc = persons_end(a->persons, q->name, number, false);
	return rc == ERR_OK
	    ? persons_add(a->persons, q->name, role, cert, number, why)
	    : rc;
}

static enum err
apply_enrolled(struct enrolled *e, const struct request *q, struct why *why)
{
	struct rd cert;

	if (q->kind == REQUEST_CLIENT_REMOVE || q->kind == REQUEST_LEMF_REMOVE)
		return enrolled_drop(e, q->name, why);
	rd_init(&cert, q->cert.p, q->cert.len);
	return enrolled_put(e, q->name, cert, why);
}

static enum err
apply_record(struct authority *a, const struct request *q)
{
	const size_t at = dead_place(a, q->record);
	void *list = a->dead;
	enum err rc;

	if (at < a->n_dead && a->dead[at] == q->record)
		return ERR_OK;
	rc = make_room(&list, a->n_dead, &a->cap_dead, sizeof(*a->dead));
	a->dead = list;
	if (rc != ERR_OK)
		return rc;
	memmove(&a->dead[at + 1], &a->dead[at],
	    (a->n_dead - at) * sizeof(*a->dead));
	a->dead[at] = q->record;
	a->n_dead++;
	return ERR_OK;
}

static enum err
apply_request(struct authority *a, const struct request *q,
    const struct change *c, struct why *why)
{
	struct rd text;

	switch (q->kind) {
	case REQUEST_WARRANT_EXTEND:
	case REQUEST_WARRANT_END:
	case REQUEST_WARRANT_SUSPEND:
	case REQUEST_WARRANT_RESUME:
	case REQUEST_WARRANT_REVOKE:
		return apply_warrant(a, q, c->time);
	case REQUEST_PERSON_ADD:
	case REQUEST_PERSON_REMOVE:
	case REQUEST_PERSON_CERTIFICATE:
		return apply_person(a, q, c->number, why);
	case REQUEST_CLIENT_ADD:
	case REQUEST_CLIENT_REMOVE:
		return apply_enrolled(&a->clients, q, why);
	case REQUEST_LEMF_ADD:
	case REQUEST_LEMF_REMOVE:
		return apply_enrolled(&a->lemfs, q, why);
	case REQUEST_CONFIG_SET:
		rd_init(&text, q->text.p, q->text.len);
		return digest_of(text, a->config);
	case REQUEST_SUBSCRIBER_DEVICES:
	case REQUEST_SUBSCRIBER_REMOVE:
		return apply_record(a, q);
	case REQUEST_WARRANT_ADD:
	case REQUEST_SUBSCRIBER_ADD:
	case REQUEST_CLOCK_ACCEPT:
		return ERR_OK;
	case REQUEST__MAX:
		break;
	}
	return ERR_INTERNAL;
}

/* The request behind a change that is not light: that of its hash. */
static enum err
read_request(const struct change *c, struct request **out, struct why *why)
{
	struct request *q = NULL;
	enum err rc = request_parse_known(c->request, &q, why);

	if (rc == ERR_OK &&
	    (q->kind != c->kind ||
		memcmp(q->hash, c->hash, sizeof(c->hash)) != 0))
		rc = why_set(why, ERR_MISMATCH,
		    "a change has not the request that its hash says");
	if (rc != ERR_OK)
		request_free(&q);
	else
		*out = q;
	return rc;
}

enum err
authority_apply(struct authority *a, const struct change *c, struct why *why)
{
	struct request *q = NULL;
	void *list = a->change;
	struct head next;
	enum err rc;

	if (c->number != a->head.number + 1)
		return why_set(why, ERR_MISMATCH,
		    "change %llu does not follow %llu",
		    (unsigned long long)c->number,
		    (unsigned long long)a->head.number);
	if ((rc = head_after(&a->head, c, &next)) != ERR_OK)
		return why_set(why, rc, "SHA-256 failed");
	rc = make_room(&list, a->head.number, &a->cap, sizeof(*a->change));
	a->change = list;
	if (rc != ERR_OK)
		return why_set(why, rc, "out of memory");
	if (!change_is_light(c->kind)) {
		if ((rc = read_request(c, &q, why)) != ERR_OK)
			return rc;
		rc = apply_request(a, q, c, why);
		request_free(&q);
		if (rc != ERR_OK)
			return rc;
	}
	if (c->kind == REQUEST_PERSON_ADD || c->kind == REQUEST_PERSON_REMOVE ||
	    c->kind == REQUEST_PERSON_CERTIFICATE)
		a->policy_version = c->number;
	memcpy(a->change[a->head.number].hash, c->hash, DIGEST_LEN);
	a->change[a->head.number].time = c->time;
	a->change[a->head.number].kind = c->kind;
	a->head = next;
	a->time = c->time;
	return ERR_OK;
}

enum err
authority_first_person(struct authority *a, const char *name, enum role role,
    struct rd cert, struct why *why)
{
	return a->head.number == 0
	    ? persons_add(a->persons, name, role, cert, 0, why)
	    : why_set(why, ERR_DENIED, "first enrolment is over");
}

enum err
authority_first_client(struct authority *a, const char *name, struct rd cert,
    struct why *why)
{
	struct rd v;

	if (a->head.number > 0)
		return why_set(why, ERR_DENIED, "first enrolment is over");
	rd_init(&v, name, strlen(name));
	return enrolled_find(&a->clients, v) == NULL
	    ? enrolled_put(&a->clients, name, cert, why)
	    : why_set(why, ERR_EXISTS, "two clients have the same name");
}
