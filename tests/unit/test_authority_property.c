/*
 * Generated cases: the authority accepts what the model of authority_model.c
 * accepts, and nothing else; what is refused changes nothing.
 *
 *	test_authority_property [CASES [SEED]]
 *
 * The same seed gives the same cases, but for the keys and signatures.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "authority_model.h"
#include "help.h"
#include "papers.h"
#include "policy/authority.h"
#include "policy/rfc3339.h"

#ifndef LEAST_CASES /* fewer where a sanitizer makes each slow */
#define LEAST_CASES 100000
#endif
#define N_ITEMS 24 /* requests at hand */
#define N_HISTORY 48 /* changes before all starts anew */
#define SHORT_UNTIL (PKI_NOW + 5000)
#define LONG_UNTIL (PKI_NOW + 40 * 86400)

/* A request, and each signature of it that a case has asked for. */
struct item {
	struct m_request q;
	struct paper paper;
	uint8_t *cms[M_CERTS];
	size_t cms_len[M_CERTS];
	uint8_t *joint; /* by two, sometimes the same */
	size_t joint_len;
	int joint_by[2];
};

/* An authority and what the model makes of it. */
struct side {
	struct authority *a;
	struct model m;
	struct model was[N_HISTORY + 1]; /* m at each number */
	unsigned n_kept;
	uint8_t *kept[N_HISTORY]; /* change_put() of each */
	size_t kept_len[N_HISTORY];
};

/* MAIN goes on; OTHER has had other changes; LATE has had fewer. */
enum { MAIN, OTHER, LATE, N_SIDES };

static struct {
	uint64_t seed, state;
	unsigned long wanted, cases, accepted, applied, episodes, replays;
	struct signatory by[M_CERTS];
	struct item item[N_ITEMS];
	unsigned next_item;
	int next_id;
	struct side side[N_SIDES];
} w;

/* ---- chance ---- */

/* splitmix64 */
static uint64_t
draw(void)
{
	uint64_t z = w.state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

static int
below(int n)
{
	return (int)(draw() % (uint64_t)n);
}

static bool
one_in(int n)
{
	return below(n) == 0;
}

static bool
percent(int p)
{
	return below(100) < p;
}

/* ---- the same start for all ---- */

static const char *
person_name(int i)
{
	static const char *const name[M_PEOPLE] = {"ana", "bo", "cy", "di",
	    "ed", "flo", "gus", "hal", "ira", "jo", "kai", "lea"};

	return name[i];
}

static enum role
role_from(char c)
{
	return c == 'O' ? ROLE_OFFICER
	    : c == 'S'	? ROLE_SECURITY_OFFICER
	    : c == 'E'	? ROLE_ENGINEER
			: ROLE_AUDITOR;
}

static struct authority *
authority_at_start(void)
{
	struct genesis g = {.time = PKI_NOW - 5000, .kms = PAPERS_KMS};
	static const char roles[] = "OOOSSSEA";
	struct authority *a = NULL;

	memset(g.digest, 0x11, sizeof(g.digest));
	assert_int_equal(authority_new(&g, &a), ERR_OK);
	for (int i = 0; roles[i] != '\0'; i++)
		assert_int_equal(authority_first_person(a, person_name(i),
				     role_from(roles[i]),
				     signatory_cert(&w.by[2 * i]), NULL),
		    ERR_OK);
	assert_int_equal(authority_first_client(a, "c0",
			     signatory_cert(&w.by[22]), NULL),
	    ERR_OK);
	return a;
}

static void
side_start(struct side *s)
{
	static const char roles[] = "OOOSSSEA";

	for (unsigned i = 0; i < s->n_kept; i++)
		free(s->kept[i]);
	s->n_kept = 0;
	authority_free(&s->a);
	s->a = authority_at_start();
	s->m = (struct model){.time = PKI_NOW - 5000,
	    .text = M_NONE,
	    .from = PKI_FROM};
	for (int i = 0; i < M_PEOPLE; i++)
		s->m.cert[i] = M_NONE;
	for (int i = 0; roles[i] != '\0'; i++) {
		s->m.cert[i] = 2 * i;
		s->m.role[i] = roles[i];
	}
	for (int i = 0; i < M_CLIENTS; i++)
		s->m.client[i] = i == 0 ? 22 : M_NONE;
	for (int i = 0; i < M_LEMFS; i++)
		s->m.lemf[i] = M_NONE;
	for (int i = 0; i < M_CERTS; i++)
		s->m.until[i] = i % 8 == 2 ? SHORT_UNTIL : LONG_UNTIL;
}

/* ---- requests ---- */

static void
item_done(struct item *t)
{
	for (int i = 0; i < M_CERTS; i++)
		free(t->cms[i]);
	free(t->joint);
	free(t->paper.p);
	memset(t, 0, sizeof(*t));
}

static enum request_kind
draw_kind(void)
{
	static const enum request_kind some[] = {REQUEST_WARRANT_ADD,
	    REQUEST_WARRANT_ADD, REQUEST_WARRANT_ADD, REQUEST_WARRANT_ADD,
	    REQUEST_WARRANT_EXTEND, REQUEST_WARRANT_END,
	    REQUEST_WARRANT_SUSPEND, REQUEST_WARRANT_SUSPEND,
	    REQUEST_WARRANT_RESUME, REQUEST_WARRANT_REVOKE, REQUEST_PERSON_ADD,
	    REQUEST_PERSON_ADD, REQUEST_PERSON_REMOVE,
	    REQUEST_PERSON_CERTIFICATE, REQUEST_CLIENT_ADD,
	    REQUEST_CLIENT_REMOVE, REQUEST_CONFIG_SET, REQUEST_SUBSCRIBER_ADD,
	    REQUEST_SUBSCRIBER_ADD, REQUEST_SUBSCRIBER_DEVICES,
	    REQUEST_SUBSCRIBER_REMOVE, REQUEST_CLOCK_ACCEPT, REQUEST_LEMF_ADD,
	    REQUEST_LEMF_ADD, REQUEST_LEMF_REMOVE};

	return some[below(sizeof(some) / sizeof(some[0]))];
}

/* Of somebody in this role if there is one; now and then of anybody. */
static int
draw_person(const struct model *m, char role)
{
	int i = below(M_PEOPLE);

	if (percent(10))
		return i;
	for (int k = 0; k < M_PEOPLE; k++, i = (i + 1) % M_PEOPLE)
		if (m->cert[i] != M_NONE && (role == 0 || m->role[i] == role))
			return i;
	return i;
}

/*
 * A warrant of the history, the last ones first; now and then none.  What is
 * to be resumed is suspended, if one is.
 */
static int
draw_warrant(const struct model *m, enum request_kind k)
{
	int left = 1 + below(3), id = 0;

	for (uint64_t i = 0; i < m->number && k == REQUEST_WARRANT_RESUME; i++)
		if (m->past[i].suspended && !m->past[i].revoked && one_in(2))
			return m->past[i].id;

	for (uint64_t i = m->number; i-- > 0 && left > 0;)
		if (m->past[i].kind == REQUEST_WARRANT_ADD || one_in(20)) {
			id = m->past[i].id;
			left--;
		}
	return id;
}

static uint64_t
draw_record(const struct model *m)
{
	for (int i = 0; i < 8; i++) {
		const uint64_t n = (uint64_t)below((int)m->number + 2);

		if (model_record_stands(m, n))
			return n;
	}
	return (uint64_t)below((int)m->number + 2);
}

static struct m_request
draw_request(const struct model *m)
{
	struct m_request q = {.id = ++w.next_id, .kind = draw_kind()};
	const bool engineer = model_may_ask(q.kind, 'E') && one_in(3);
	const int64_t other_end = PKI_NOW + 86400 * below(100);

	q.other_kms = one_in(30);
	q.requester = draw_person(m, engineer ? 'E' : model_approver(q.kind));
	q.version = one_in(20) ? (uint64_t)below(5) : m->version;
	q.issued = PKI_NOW + below(8000);
	q.expires = q.issued + (one_in(2) ? 300 : 86400);
	q.name =
	    q.kind == REQUEST_PERSON_ADD ? below(M_PEOPLE) : draw_person(m, 0);
	q.cert = percent(75) ? 2 * q.name + below(2) : below(M_CERTS);
	q.role = "OOSSEA"[below(6)];
	q.voids = one_in(2);
	if (q.kind == REQUEST_CLIENT_ADD || q.kind == REQUEST_CLIENT_REMOVE)
		q.name = below(M_CLIENTS);
	if (q.kind == REQUEST_LEMF_ADD || q.kind == REQUEST_LEMF_REMOVE)
		q.name = below(M_LEMFS);
	q.on = draw_warrant(m, q.kind);
	q.end = other_end;
	q.over = one_in(4) ? PKI_NOW + 4000 + 3600 : PKI_NOW + 86400 * 90;
	q.record = draw_record(m);
	q.text = below(1000);
	q.time = q.issued + below(1400) - 500;
	return q;
}

/* Hashes of the requests that entered warrants, kept beyond their items. */
static struct {
	int id;
	uint8_t hash[DIGEST_LEN];
} names[4096];

static const uint8_t *
hash_of(int id)
{
	static const uint8_t none[DIGEST_LEN] = {1, 2, 3};

	return names[id % 4096].id == id && id > 0 ? names[id % 4096].hash
						   : none;
}

static const char *
body_on(const struct m_request *q, char *out, size_t cap)
{
	char hex[2 * DIGEST_LEN + 1], t[RFC3339_LEN], end[64] = "";

	hex_put(hash_of(q->on), DIGEST_LEN, hex);
	if (q->kind == REQUEST_WARRANT_EXTEND || q->kind == REQUEST_WARRANT_END)
		(void)snprintf(end, sizeof(end), "\"end\":\"%s\",",
		    rfc3339_print(q->end, t));
	(void)snprintf(out, cap, "{%s\"warrant\":\"%s\"}", end, hex);
	return out;
}

/* What needs no certificate. */
static const char *
body_of(const struct m_request *q, char *out, size_t cap)
{
	char t[RFC3339_LEN], s[RFC3339_LEN];

	if (q->kind == REQUEST_WARRANT_ADD)
		(void)snprintf(out, cap,
		    "{\"clients\":[\"c0\"],\"delivery\":[\"xk\"],"
		    "\"liid\":\"L%d\",\"period\":{\"end\":\"%s\","
		    "\"start\":\"%s\"},\"products\":[\"keys\"],"
		    "\"targets\":[{\"identities\":[\"sip:x\"]}]}",
		    q->id, rfc3339_print(q->over - 3600, t),
		    rfc3339_print(PKI_NOW - 86400, s));
	else if (q->kind <= REQUEST_WARRANT_REVOKE)
		return body_on(q, out, cap);
	else if (q->kind == REQUEST_PERSON_REMOVE)
		(void)snprintf(out, cap,
		    "{\"name\":\"%s\","
		    "\"voidSignatures\":%s}",
		    person_name(q->name), q->voids ? "true" : "false");
	else if (q->kind == REQUEST_CLIENT_REMOVE)
		(void)snprintf(out, cap, "{\"name\":\"c%d\"}", q->name);
	else if (q->kind == REQUEST_LEMF_REMOVE)
		(void)snprintf(out, cap, "{\"name\":\"l%d\"}", q->name);
	else if (q->kind == REQUEST_CONFIG_SET)
		(void)snprintf(out, cap, "{\"text\":\"t%d\"}", q->text);
	else if (q->kind == REQUEST_SUBSCRIBER_ADD)
		(void)snprintf(out, cap,
		    "{\"identity\":\"sip:s%d\",\"wrappedSeed\":\"AAAA\"}",
		    q->text);
	else if (q->kind == REQUEST_CLOCK_ACCEPT)
		(void)snprintf(out, cap, "{\"time\":\"%s\"}",
		    rfc3339_print(q->time, t));
	else
		(void)snprintf(out, cap,
		    "{\"identity\":\"sip:s\",\"record\":%" PRIu64 "}",
		    q->record);
	return out;
}

static void
item_make(struct item *t, const struct m_request *q)
{
	struct request_head h =
	    paper_head(q->kind, person_name(q->requester), q->version);
	char text[1024], name[8], *body = NULL;

	item_done(t);
	t->q = *q;
	h.kms = q->other_kms ? "kms.example.org" : PAPERS_KMS;
	h.issued = q->issued;
	h.expires = q->expires;
	if (q->kind == REQUEST_PERSON_ADD) {
		(void)snprintf(text, sizeof(text), "\"role\":\"%s\",",
		    role_name(role_from(q->role)));
		body = papers_cert_body(person_name(q->name),
		    signatory_cert(&w.by[q->cert]), text);
	} else if (q->kind == REQUEST_PERSON_CERTIFICATE)
		body = papers_cert_body(person_name(q->name),
		    signatory_cert(&w.by[q->cert]), "");
	else if (q->kind == REQUEST_CLIENT_ADD || q->kind == REQUEST_LEMF_ADD) {
		(void)snprintf(name, sizeof(name), "%c%d",
		    q->kind == REQUEST_LEMF_ADD ? 'l' : 'c', q->name);
		body =
		    papers_cert_body(name, signatory_cert(&w.by[q->cert]), "");
	}
	t->paper = paper_write(&h,
	    body != NULL ? body : body_of(q, text, sizeof(text)));
	free(body);
	names[q->id % 4096].id = q->id;
	memcpy(names[q->id % 4096].hash, t->paper.hash, DIGEST_LEN);
}

static void
new_item(void)
{
	const struct model *m = &w.side[one_in(8) ? OTHER : MAIN].m;
	struct m_request q = draw_request(m);

	item_make(&w.item[w.next_item++ % N_ITEMS], &q);
}

/* ---- evidence ---- */

static struct rd
cms_by(struct item *t, int cert)
{
	const struct signatory *const one = &w.by[cert];

	if (t->cms[cert] == NULL)
		t->cms[cert] =
		    paper_sign(&t->paper, &one, 1, &t->cms_len[cert]);
	return view(t->cms[cert], t->cms_len[cert]);
}

static struct rd
cms_joint(struct item *t, int a, int b)
{
	const struct signatory *const two[] = {&w.by[a], &w.by[b]};

	if (t->joint == NULL) {
		t->joint = paper_sign(&t->paper, two, 2, &t->joint_len);
		t->joint_by[0] = a;
		t->joint_by[1] = b;
	}
	return view(t->joint, t->joint_len);
}

/* A case with the octets that it is about. */
struct shown {
	struct m_case c;
	struct item *t;
	struct item *over[M_DOCS];
	struct change change;
	uint8_t *request, *evidence;
	bool uncertain; /* an octet changed that may not count */
};

/* Those whom it takes, and then perhaps others. */
static int
draw_signers(const struct model *m, const struct m_request *q, int cert[M_DOCS])
{
	const char role = model_approver(q->kind);
	int need = model_need(q->kind), n = 0, who = q->requester;

	cert[n++] = m->cert[who] != M_NONE ? m->cert[who] : 2 * who;
	if (m->role[who] == role)
		need--;
	for (int k = 0, i = below(M_PEOPLE); k < M_PEOPLE && need > 0;
	     k++, i = (i + 1) % M_PEOPLE)
		if (i != who && m->cert[i] != M_NONE && m->role[i] == role) {
			cert[n++] = m->cert[i];
			need--;
		}
	if (percent(72))
		return n;
	switch (below(6)) {
	case 0: /* one less */
		return n - 1;
	case 1: /* somebody else in place of one */
		cert[one_in(2) ? 0 : below(n)] = below(M_CERTS);
		return n;
	case 2: /* the same person once more in place of one */
		cert[below(n)] = cert[0];
		return n;
	case 3:
		cert[n] = cert[below(n)];
		return n + 1;
	default: /* another one, of any role */
		who = draw_person(m, 0);
		cert[n++] =
		    m->cert[who] != M_NONE ? m->cert[who] : below(M_CERTS);
		return n;
	}
}

static void
draw_docs(struct shown *s, const struct model *m)
{
	int cert[M_DOCS], n = draw_signers(m, s->c.q, cert), i = 0;

	if (n >= 2 && one_in(6)) {
		struct m_doc *d = &s->c.doc[s->c.n_docs];

		(void)cms_joint(s->t, cert[0], cert[1]);
		s->over[s->c.n_docs++] = s->t;
		*d = (struct m_doc){.over = s->c.q, .n = 2};
		memcpy(d->cert, s->t->joint_by, sizeof(s->t->joint_by));
		i = 2;
	}
	for (; i < n; i++) {
		s->over[s->c.n_docs] = s->t;
		s->c.doc[s->c.n_docs++] =
		    (struct m_doc){.over = s->c.q, .n = 1, .cert = {cert[i]}};
	}
}

static void
draw_time(struct shown *s)
{
	const struct m_request *q = s->c.q;
	const int64_t edge[] = {q->issued - 120, q->issued - 121,
	    q->expires - 1, q->expires, SHORT_UNTIL, SHORT_UNTIL + 1,
	    q->time - 600, q->time - 601, q->time + 600, q->time + 601,
	    q->over - 1, q->over};
	const int64_t off[] = {-120, -121, 600, 601};

	s->c.time = percent(85) ? q->issued + below(300)
				: edge[below(sizeof(edge) / sizeof(edge[0]))];
	s->c.now = s->c.time + (percent(85) ? 0 : off[below(4)]);
}

/* ---- octets ---- */

static void
flip(uint8_t *p, size_t from, size_t n)
{
	p[from + draw() % n] ^= (uint8_t)(1 << below(8));
}

/* One octet of one document: of what is signed, of a signature, or of any. */
static void
break_doc(struct shown *s, size_t start, struct rd cms, int d)
{
	struct item *t = s->over[d];
	const uint8_t *in = memmem(cms.p, cms.left, t->paper.p, t->paper.len);

	assert_non_null(in);
	switch (below(3)) {
	case 0:
		flip(s->evidence, start + (size_t)(in - cms.p), t->paper.len);
		s->c.doc[d].broken = true;
		return;
	case 1: /* the last SignerInfo ends with its signature */
		flip(s->evidence, start + cms.left - 60, 60);
		s->c.doc[d].broken = true;
		return;
	default:
		flip(s->evidence, start, cms.left);
		s->uncertain = true;
		return;
	}
}

static void
put_evidence(struct shown *s, bool broken)
{
	struct rd cms[M_DOCS];
	size_t len, at = 1;
	const int which = s->c.n_docs > 0 && one_in(3) ? below(s->c.n_docs) : 0;

	for (int d = 0; d < s->c.n_docs; d++)
		cms[d] = s->c.doc[d].n == 2
		    ? view(s->over[d]->joint, s->over[d]->joint_len)
		    : cms_by(s->over[d], s->c.doc[d].cert[0]);
	s->evidence = papers_evidence(cms, (unsigned)s->c.n_docs, &len);
	for (int d = 0; d < which; d++)
		at += 4 + cms[d].left;
	if (broken && (s->c.n_docs == 0 || one_in(5))) {
		/* the number of documents, or the length of one */
		flip(s->evidence, one_in(2) || s->c.n_docs == 0 ? 0 : at, 1);
		s->c.broken_evidence = true;
	} else if (broken)
		break_doc(s, at + 4, cms[which], which);
	s->change.evidence = view(s->evidence, len);
}

static void
put_request(struct shown *s, bool broken)
{
	struct rd r = paper_view(&s->t->paper);

	memcpy(s->change.hash, s->t->paper.hash, DIGEST_LEN);
	s->request = malloc(r.left);
	assert_non_null(s->request);
	memcpy(s->request, r.p, r.left);
	s->change.request = view(s->request, r.left);
	if (!broken)
		return;
	flip(s->request, 0, r.left);
	s->c.broken_request = true;
	if (one_in(2)) /* with the hash that goes with it */
		assert_int_equal(digest_of(s->change.request, s->change.hash),
		    ERR_OK);
}

/* ---- a case ---- */

enum { BREAK_REQUEST = 1, BREAK_EVIDENCE = 2 };

static unsigned
draw_fault(struct shown *s)
{
	struct item *other = &w.item[below(N_ITEMS)];
	int d;

	switch (below(14)) {
	default:
		s->c.number += (uint64_t)(below(5) - 2);
		return 0;
	case 2:
		s->change.kind = draw_kind();
		s->c.other_kind = s->change.kind != s->c.q->kind;
		return 0;
	case 3:
		s->c.other_hash = true;
		return 0;
	case 4: /* a signature under another request */
		if (s->c.n_docs == 0)
			return 0;
		d = below(s->c.n_docs);
		if (s->c.doc[d].n == 1) {
			s->over[d] = other;
			s->c.doc[d].over = &other->q;
		}
		return 0;
	case 5:
	case 6:
		return BREAK_EVIDENCE;
	case 0:
		return BREAK_REQUEST;
	}
}

static struct shown
draw_case(int which)
{
	/* what is shown to who is late is for who is not */
	const struct model *m = &w.side[which == LATE ? MAIN : which].m;
	const unsigned back =
	    (unsigned)(percent(75) ? below(6) : below(N_ITEMS));
	struct shown x = {.t = &w.item[(w.next_item - 1 - back) % N_ITEMS]};
	unsigned faults;

	x.c.q = &x.t->q;
	x.c.number = m->number + 1;
	x.change.kind = x.c.q->kind;
	draw_docs(&x, m);
	draw_time(&x);
	faults = percent(50) ? draw_fault(&x) : 0;
	put_request(&x, faults == BREAK_REQUEST);
	put_evidence(&x, faults == BREAK_EVIDENCE);
	if (x.c.other_hash)
		flip(x.change.hash, 0, DIGEST_LEN);
	x.change.number = x.c.number;
	x.change.time = x.c.time;
	return x;
}

/* ---- what can be seen of an authority ---- */

struct seen {
	struct head head;
	int64_t time;
	uint64_t version;
	uint8_t config[DIGEST_LEN];
	unsigned n_persons, n_clients;
	uint64_t persons, clients, past;
};

static void
mix(uint64_t *h, uint64_t v)
{
	*h = (*h ^ v) * UINT64_C(0x9e3779b97f4a7c15);
	*h ^= *h >> 29;
}

static void
mix_octets(uint64_t *h, const void *p, size_t n)
{
	uint64_t v = 0;

	memcpy(&v, p, n < sizeof(v) ? n : sizeof(v));
	mix(h, v);
}

static void
see_past(struct seen *s, const struct side *x)
{
	for (uint64_t i = 1; i <= x->m.number + 1; i++) {
		struct warrant_state st;
		struct change_known c;

		if (authority_change(x->a, i, &c) != ERR_OK)
			continue;
		st = authority_warrant(x->a, c.hash, 7);
		mix_octets(&s->past, c.hash, sizeof(c.hash));
		mix(&s->past, (uint64_t)c.time);
		mix(&s->past, (uint64_t)c.kind);
		mix(&s->past, (uint64_t)st.end);
		mix(&s->past,
		    (uint64_t)st.revoked << 2 | (uint64_t)st.suspended << 1 |
			authority_record_stands(x->a, i));
	}
}

static struct seen
see(const struct side *x)
{
	const struct persons *p = authority_persons(x->a);
	struct seen s;

	memset(&s, 0, sizeof(s));
	s.head = authority_head(x->a);
	s.time = authority_time(x->a);
	s.version = authority_policy_version(x->a);
	memcpy(s.config, authority_config(x->a), DIGEST_LEN);
	s.n_persons = persons_count(p);
	s.n_clients = authority_clients(x->a);
	for (unsigned i = 0; i < s.n_persons; i++) {
		const struct person one = persons_get(p, i);

		mix_octets(&s.persons, one.name, strlen(one.name));
		mix(&s.persons, (uint64_t)one.role);
		mix(&s.persons, one.from);
		mix(&s.persons, one.until);
		mix(&s.persons, one.voided);
	}
	for (unsigned i = 0; i < s.n_clients; i++) {
		const struct cert_entry c = authority_client(x->a, i);

		mix_octets(&s.clients, c.name, strlen(c.name));
		mix_octets(&s.clients, c.fingerprint, DIGEST_LEN);
	}
	for (unsigned i = 0; i < authority_lemfs(x->a); i++) {
		const struct cert_entry l = authority_lemf(x->a, i);

		mix_octets(&s.clients, l.name, strlen(l.name));
		mix_octets(&s.clients, l.fingerprint, DIGEST_LEN);
	}
	see_past(&s, x);
	return s;
}

/* ---- what it says is what the model says ---- */

static void
agree_on_persons(const struct side *x)
{
	const struct persons *p = authority_persons(x->a);

	for (int i = 0; i < M_PEOPLE; i++) {
		const unsigned at =
		    persons_find(p, person_name(i), x->m.number + 1);
		struct person one;

		assert_int_equal(at == PERSON_NONE, x->m.cert[i] == M_NONE);
		if (at == PERSON_NONE)
			continue;
		one = persons_get(p, at);
		assert_int_equal(one.role, role_from(x->m.role[i]));
		assert_true(rd_is(&one.cert, w.by[x->m.cert[i]].der,
		    w.by[x->m.cert[i]].len));
	}
}

static void
agree_on_clients(const struct side *x)
{
	unsigned n = 0;

	for (int i = 0; i < M_CLIENTS; i++) {
		bool found = false;

		if (x->m.client[i] == M_NONE)
			continue;
		n++;
		for (unsigned k = 0; k < authority_clients(x->a); k++) {
			const struct cert_entry c = authority_client(x->a, k);

			found |= c.name[1] == '0' + i &&
			    rd_is(&c.cert, w.by[x->m.client[i]].der,
				w.by[x->m.client[i]].len);
		}
		assert_true(found);
	}
	assert_int_equal(authority_clients(x->a), n);
}

static void
agree_on_lemfs(const struct side *x)
{
	unsigned n = 0;

	for (int i = 0; i < M_LEMFS; i++) {
		const char name[] = {'l', (char)('0' + i)};
		const int cert = x->m.lemf[i];
		struct rd got;

		assert_int_equal(authority_lemf_named(x->a, view(name, 2),
				     &got),
		    cert != M_NONE);
		if (cert == M_NONE)
			continue;
		n++;
		assert_true(rd_is(&got, w.by[cert].der, w.by[cert].len));
	}
	assert_int_equal(authority_lemfs(x->a), n);
}

static void
agree(const struct side *x)
{
	const struct head h = authority_head(x->a);
	uint8_t config[DIGEST_LEN] = {0};
	char text[16];

	assert_true(h.number == x->m.number);
	assert_true(authority_time(x->a) == x->m.time);
	assert_true(authority_policy_version(x->a) == x->m.version);
	if (x->m.text != M_NONE) {
		(void)snprintf(text, sizeof(text), "t%d", x->m.text);
		assert_int_equal(digest_of(view(text, strlen(text)), config),
		    ERR_OK);
	}
	assert_memory_equal(authority_config(x->a), config, DIGEST_LEN);
	for (uint64_t i = 1; i <= x->m.number; i++) {
		const struct m_past *p = &x->m.past[i - 1];
		const struct warrant_state s =
		    authority_warrant(x->a, hash_of(p->id), 7);

		assert_int_equal(authority_record_stands(x->a, i),
		    model_record_stands(&x->m, i));
		assert_true(authority_number_of(x->a, hash_of(p->id)) == i);
		assert_int_equal(s.revoked, p->revoked);
		assert_int_equal(s.suspended, p->suspended);
		assert_true(s.end == (p->has_end ? p->end : 7));
	}
	agree_on_persons(x);
	agree_on_clients(x);
	agree_on_lemfs(x);
}

/* ---- running ---- */

static void
tell(const struct shown *x, int which, bool want, enum err rc, const char *text)
{
	print_error("case %lu of seed %" PRIu64 ": side %d, request %d %s, "
		    "change %" PRIu64 " (at %" PRIu64 "), %d documents%s%s\n",
	    w.cases, w.seed, which, x->c.q->id,
	    request_rule(x->c.q->kind)->name, x->c.number,
	    w.side[which].m.number, x->c.n_docs,
	    x->c.broken_request ? ", request broken" : "",
	    x->uncertain ? ", an octet changed" : "");
	fail_msg("model: %s; authority: %s (%s)", want ? "accepts" : "refuses",
	    err_str(rc), text);
}

static void
keep(struct side *s, const struct change *c)
{
	const size_t cap =
	    CHANGE_FIXED_LEN + c->request.left + c->evidence.left;
	uint8_t *p = malloc(cap);
	struct wr wr;

	assert_non_null(p);
	wr_init(&wr, p, cap);
	change_put(&wr, c);
	assert_int_equal(wr_finish(&wr, &s->kept_len[s->n_kept]), ERR_OK);
	s->kept[s->n_kept++] = p;
}

/* The head goes on by this change, and by no other. */
static void
take(struct side *s, const struct shown *x)
{
	const struct head before = authority_head(s->a);
	struct head want, other, after, wrong = before;
	struct why why = {""};

	if (authority_apply(s->a, &x->change, &why) != ERR_OK)
		fail_msg("accepted and not applied: %s", why.text);
	assert_int_equal(head_after(&before, &x->change, &want), ERR_OK);
	after = authority_head(s->a);
	assert_true(head_equal(&after, &want));
	flip(wrong.hash, 0, DIGEST_LEN);
	assert_int_equal(head_after(&wrong, &x->change, &other), ERR_OK);
	assert_false(head_equal(&after, &other));
	keep(s, &x->change);
	model_apply(&s->m, &x->c);
	s->was[s->m.number] = s->m;
	agree(s);
	w.applied++;
	/* rules that changed leave nothing to approve */
	for (int i = 0; i < 6 && s->m.version == s->m.number; i++)
		new_item();
}

/* Whatever was wrong with its number is wrong for who believes it, too. */
static void
leave(struct side *s, const struct shown *x, const struct seen *before)
{
	struct seen after = see(s);

	assert_memory_equal(&after, before, sizeof(after));
	if (x->c.number == s->m.number + 1)
		return;
	assert_int_equal(authority_apply(s->a, &x->change, NULL), ERR_MISMATCH);
	after = see(s);
	assert_memory_equal(&after, before, sizeof(after));
}

static void
one_case(int which)
{
	struct side *s = &w.side[which];
	struct shown x = draw_case(which);
	const struct seen before = see(s);
	const bool want = model_accepts(&s->m, &x.c);
	const bool happens = one_in(change_is_light(x.c.q->kind) ? 40 : 12);
	struct why why = {""};
	struct approval p;
	enum err rc;

	rc = authority_check(s->a, &x.change, x.c.now, &p, &why);
	if (rc == ERR_OK ? !want : want && !x.uncertain)
		tell(&x, which, want, rc, why.text);
	w.cases++;
	if (rc != ERR_OK) {
		assert_string_not_equal(why.text, "");
		leave(s, &x, &before);
	} else {
		w.accepted++;
		assert_true(p.complete);
		approval_done(&p);
		if (which != LATE && s->n_kept < N_HISTORY && happens &&
		    !x.uncertain)
			take(s, &x);
	}
	free(x.request);
	free(x.evidence);
}

/* ---- chains ---- */

/*
 * Replay; a change that is left out, put in another place or altered gives an
 * error or another head.
 */
static bool
replay(const struct side *s, const unsigned *order, unsigned n, int altered)
{
	struct authority *a = authority_at_start();
	const struct head want = authority_head(s->a);
	struct head got;
	enum err rc = ERR_OK;
	bool same;

	for (unsigned i = 0; i < n && rc == ERR_OK; i++) {
		const unsigned k = order[i];
		uint8_t *p = malloc(s->kept_len[k]);
		struct change c;
		struct rd r;

		assert_non_null(p);
		memcpy(p, s->kept[k], s->kept_len[k]);
		r = view(p, s->kept_len[k]);
		if ((int)k == altered) /* of number, time, kind or hash */
			flip(p, 0, 8 + 8 + 1 + DIGEST_LEN);
		if ((rc = change_get(&r, &c)) == ERR_OK)
			rc = authority_apply(a, &c, NULL);
		free(p);
	}
	got = authority_head(a);
	same = rc == ERR_OK && head_equal(&got, &want);
	authority_free(&a);
	w.replays++;
	return same;
}

static void
judge_chain(const struct side *s)
{
	unsigned order[N_HISTORY] = {0}, other[N_HISTORY];
	const unsigned n = s->n_kept;

	for (unsigned i = 0; i < n; i++)
		order[i] = i;
	assert_true(replay(s, order, n, M_NONE));
	if (n < 2)
		return;
	assert_false(replay(s, order, n - 1, M_NONE));
	for (unsigned i = 0; i < n; i++) {
		assert_false(replay(s, order, n, (int)i));
		memcpy(other, order, sizeof(other));
		memmove(&other[i], &other[i + 1],
		    (n - i - 1) * sizeof(other[0]));
		assert_false(replay(s, other, n - 1, M_NONE));
		memcpy(other, order, sizeof(other));
		other[i] = order[(i + 1) % n];
		other[(i + 1) % n] = order[i];
		assert_false(replay(s, other, n, M_NONE));
	}
}

/* Who is late learns what has happened, checking each as it was then. */
static void
catch_up(unsigned most)
{
	struct side *late = &w.side[LATE];
	const struct side *first = &w.side[MAIN];

	while (late->m.number < first->m.number && most-- > 0) {
		const unsigned k = (unsigned)late->m.number;
		struct rd r = view(first->kept[k], first->kept_len[k]);
		struct approval p;
		struct change c;

		assert_int_equal(change_get(&r, &c), ERR_OK);
		assert_int_equal(authority_check(late->a, &c, c.time, &p, NULL),
		    ERR_OK);
		approval_done(&p);
		assert_int_equal(authority_apply(late->a, &c, NULL), ERR_OK);
		late->m = first->was[k + 1];
		agree(late);
	}
	if (late->m.number == first->m.number) {
		const struct head a = authority_head(first->a),
				  b = authority_head(late->a);

		assert_true(head_equal(&a, &b));
	}
}

static void
one_episode(void)
{
	for (int i = 0; i < N_SIDES; i++)
		side_start(&w.side[i]);
	for (unsigned i = 0; i < N_ITEMS; i++)
		new_item();
	for (unsigned n = 0;
	     w.cases < w.wanted && w.side[MAIN].n_kept < N_HISTORY; n++) {
		const bool late = w.side[LATE].m.number < w.side[MAIN].m.number;

		one_case(percent(76)	       ? MAIN
			: percent(50) || !late ? OTHER
					       : LATE);
		if (n % 80 == 79)
			new_item();
		if (n % 2000 == 1999)
			catch_up(3);
	}
	judge_chain(&w.side[MAIN]);
	judge_chain(&w.side[OTHER]);
	catch_up(N_HISTORY);
	w.episodes++;
}

static void
what_the_model_accepts_is_accepted_and_nothing_else(void **state)
{
	(void)state;
	while (w.cases < w.wanted)
		one_episode();
	print_message("seed %" PRIu64 ": %lu cases, %lu accepted, %lu applied "
		      "in %lu histories, %lu replays\n",
	    w.seed, w.cases, w.accepted, w.applied, w.episodes, w.replays);
	assert_true(w.cases >= LEAST_CASES);
	assert_true(w.accepted > w.cases / 20);
}

static int
world_init(void **state)
{
	(void)state;
	for (int i = 0; i < M_CERTS; i++)
		w.by[i] = signatory_make(person_name(i / 2), 100 + i,
		    i % 8 == 2 ? SHORT_UNTIL : LONG_UNTIL);
	return 0;
}

static int
world_done(void **state)
{
	(void)state;
	for (int i = 0; i < N_SIDES; i++) {
		side_start(&w.side[i]);
		authority_free(&w.side[i].a);
	}
	for (int i = 0; i < N_ITEMS; i++)
		item_done(&w.item[i]);
	for (int i = 0; i < M_CERTS; i++)
		signatory_done(&w.by[i]);
	return 0;
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(
		what_the_model_accepts_is_accepted_and_nothing_else),
	};

	w.wanted = argc > 1 ? strtoul(argv[1], NULL, 10) : LEAST_CASES;
	w.seed = argc > 2 ? strtoull(argv[2], NULL, 10) : 20270115;
	w.state = w.seed;
	print_message("seed %" PRIu64 ", %lu cases\n", w.seed, w.wanted);
	return cmocka_run_group_tests(tests, world_init, world_done);
}
