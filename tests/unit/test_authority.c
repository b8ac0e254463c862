#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "help.h"
#include "papers.h"
#include "policy/authority.h"

enum {
	MEYER, /* officers */
	SANTOS,
	SHORT, /* an officer whose certificate ends at SHORT_UNTIL */
	VOGEL, /* security officers */
	OKAFOR,
	LIND,
	TANAKA, /* an engineer */
	AMARI, /* an auditor */
	STRANGER,
	OTHER, /* certificates of nobody yet */
	ANOTHER,
	N_PEOPLE
};
#define SHORT_UNTIL (PKI_NOW + 1000)

struct rig {
	struct signatory p[N_PEOPLE];
	struct authority *a;
};

/* A change with what it stands in. */
struct made {
	struct paper paper;
	uint8_t *evidence;
	struct change change;
};

#define BY(...) ((const int[]){__VA_ARGS__, -1})

static struct genesis
genesis(void)
{
	struct genesis g = {.time = PKI_NOW - 5000, .kms = PAPERS_KMS};

	memset(g.digest, 0x11, sizeof(g.digest));
	memset(g.config, 0x22, sizeof(g.config));
	return g;
}

static struct authority *
enrolled(struct rig *g)
{
	static const enum role role[] = {ROLE_OFFICER, ROLE_OFFICER,
	    ROLE_OFFICER, ROLE_SECURITY_OFFICER, ROLE_SECURITY_OFFICER,
	    ROLE_SECURITY_OFFICER, ROLE_ENGINEER, ROLE_AUDITOR};
	const struct genesis start = genesis();
	struct authority *a = NULL;
	struct why why = {""};

	assert_int_equal(authority_new(&start, &a), ERR_OK);
	for (unsigned i = 0; i < sizeof(role) / sizeof(role[0]); i++)
		if (authority_first_person(a, g->p[i].name, role[i],
			signatory_cert(&g->p[i]), &why) != ERR_OK)
			fail_msg("%s", why.text);
	assert_int_equal(authority_first_client(a, "df2",
			     signatory_cert(&g->p[STRANGER]), &why),
	    ERR_OK);
	return a;
}

static int
people_init(void **state)
{
	static const char *const name[] = {"meyer", "santos", "short", "vogel",
	    "okafor", "lind", "tanaka", "amari", "stranger", "other",
	    "another"};
	struct rig *g = calloc(1, sizeof(*g));

	assert_non_null(g);
	for (int i = 0; i < N_PEOPLE; i++)
		g->p[i] = signatory_make(name[i], 100 + i,
		    i == SHORT ? SHORT_UNTIL : PKI_UNTIL + 365 * 86400);
	*state = g;
	return 0;
}

static int
people_done(void **state)
{
	struct rig *g = *state;

	for (int i = 0; i < N_PEOPLE; i++)
		signatory_done(&g->p[i]);
	free(g);
	return 0;
}

static int
start(void **state)
{
	struct rig *g = *state;

	g->a = enrolled(g);
	return 0;
}

static int
end(void **state)
{
	struct rig *g = *state;

	authority_free(&g->a);
	assert_null(g->a);
	authority_free(&g->a);
	return 0;
}

/* ---- making changes ---- */

/* Signed by each in a CMS of their own, as the next change. */
static struct made
sign(const struct rig *g, const struct paper *p, const int *who)
{
	struct made m = {.paper = *p};
	struct rd cms[MAX_APPROVALS] = {{NULL, 0}};
	uint8_t *mem[MAX_APPROVALS];
	unsigned n = 0;
	size_t len;

	for (; *who >= 0; who++, n++) {
		const struct signatory *const one = &g->p[*who];

		mem[n] = paper_sign(p, &one, 1, &len);
		cms[n] = view(mem[n], len);
	}
	m.evidence = papers_evidence(cms, n, &len);
	while (n-- > 0)
		free(mem[n]);
	m.change = paper_change(p, authority_head(g->a).number + 1,
	    view(m.evidence, len));
	return m;
}

static struct made
make_with(const struct rig *g, const struct request_head *h, const char *body,
    const int *who)
{
	const struct paper p = paper_write(h, body);

	return sign(g, &p, who);
}

/* Asked for by the first of them. */
static struct made
make(const struct rig *g, enum request_kind kind, const char *body,
    const int *who)
{
	const struct request_head h =
	    paper_head(kind, g->p[who[0]].name, authority_policy_version(g->a));

	return make_with(g, &h, body, who);
}

static void
unmake(struct made *m)
{
	free(m->paper.p);
	free(m->evidence);
}

static void
refused_at(const struct rig *g, const struct change *c, int64_t now,
    enum err want, const char *text)
{
	const struct head before = authority_head(g->a);
	struct head after;
	struct approval p;
	struct why why = {""};
	const enum err rc = authority_check(g->a, c, now, &p, &why);

	if (rc != want || strstr(why.text, text) == NULL)
		fail_msg("%s \"%s\" instead of %s \"%s\"", err_str(rc),
		    why.text, err_str(want), text);
	after = authority_head(g->a);
	assert_true(head_equal(&before, &after));
}

static void
refused(const struct rig *g, struct made m, enum err want, const char *text)
{
	refused_at(g, &m.change, PKI_NOW, want, text);
	unmake(&m);
}

static void
taken_at(const struct rig *g, const struct change *c, int64_t now)
{
	struct approval p;
	struct why why = {""};

	if (authority_check(g->a, c, now, &p, &why) != ERR_OK)
		fail_msg("%s", why.text);
	assert_true(p.complete);
	approval_done(&p);
}

/* It may happen and does; the head moves as it should. */
static void
applied(struct rig *g, const struct change *c)
{
	const struct head before = authority_head(g->a);
	struct head want, after;
	struct why why = {""};

	taken_at(g, c, c->time);
	if (authority_apply(g->a, c, &why) != ERR_OK)
		fail_msg("%s", why.text);
	assert_int_equal(head_after(&before, c, &want), ERR_OK);
	after = authority_head(g->a);
	assert_true(head_equal(&want, &after));
	assert_true(authority_time(g->a) == c->time);
	assert_int_equal(authority_number_of(g->a, c->hash), c->number);
}

static void
happens(struct rig *g, enum request_kind kind, const char *body, const int *who)
{
	struct made m = make(g, kind, body, who);

	applied(g, &m.change);
	unmake(&m);
}

#define WARRANT_BODY \
	"{\"clients\":[\"df2\"],\"delivery\":[\"xk\"],\"liid\":\"LI-1\"," \
	"\"period\":{\"end\":\"2027-03-01T00:00:00Z\"," \
	"\"start\":\"2027-01-01T00:00:00Z\"},\"products\":[\"keys\"]," \
	"\"targets\":[{\"identities\":[\"sip:alice@example.com\"]}]}"
#define WARRANT_END 1803859200LL /* 2027-03-01 */

static struct made
warrant_entered(struct rig *g, const int *who)
{
	struct made m = make(g, REQUEST_WARRANT_ADD, WARRANT_BODY, who);

	applied(g, &m.change);
	return m;
}

/* {"warrant":ID} with `more` in front. */
static const char *
on(const struct made *w, const char *more)
{
	static char text[256];
	char hex[2 * DIGEST_LEN + 1];

	hex_put(w->paper.hash, DIGEST_LEN, hex);
	(void)snprintf(text, sizeof(text), "{%s\"warrant\":\"%s\"}", more, hex);
	return text;
}

static struct warrant_state
stands(const struct rig *g, const struct made *w)
{
	return authority_warrant(g->a, w->paper.hash, WARRANT_END);
}

/* ---- as init left it ---- */

static void
it_starts_as_init_left_it(void **state)
{
	struct rig *g = *state;
	const struct genesis s = genesis();
	const struct head h = authority_head(g->a);
	struct change_known c;
	struct cert_entry e;
	struct why why = {""};
	uint8_t want[DIGEST_LEN];

	assert_int_equal(h.number, 0);
	assert_memory_equal(h.hash, s.digest, DIGEST_LEN);
	assert_true(authority_time(g->a) == s.time);
	assert_string_equal(authority_kms(g->a), PAPERS_KMS);
	assert_int_equal(authority_policy_version(g->a), 0);
	assert_memory_equal(authority_config(g->a), s.config, DIGEST_LEN);
	assert_int_equal(persons_count(authority_persons(g->a)), 8);
	assert_int_equal(authority_clients(g->a), 1);
	e = authority_client(g->a, 0);
	assert_string_equal(e.name, "df2");
	assert_int_equal(digest_of(signatory_cert(&g->p[STRANGER]), want),
	    ERR_OK);
	assert_memory_equal(e.fingerprint, want, DIGEST_LEN);
	assert_int_equal(authority_change(g->a, 0, &c), ERR_NOTFOUND);
	assert_int_equal(authority_change(g->a, 1, &c), ERR_NOTFOUND);
	assert_int_equal(authority_number_of(g->a, want), 0);
	assert_false(authority_record_stands(g->a, 0));
	assert_false(authority_record_stands(g->a, 1));
	assert_int_equal(authority_first_client(g->a, "df2",
			     signatory_cert(&g->p[OTHER]), &why),
	    ERR_EXISTS);
	assert_int_equal(authority_first_client(g->a, "df3",
			     signatory_cert(&g->p[STRANGER]), &why),
	    ERR_EXISTS);
}

static void
first_enrolment_ends_with_the_first_change(void **state)
{
	struct rig *g = *state;
	const struct rd cert = signatory_cert(&g->p[OTHER]);

	happens(g, REQUEST_CONFIG_SET, "{\"text\":\"x\"}", BY(VOGEL, OKAFOR));
	assert_int_equal(authority_first_person(g->a, "other", ROLE_OFFICER,
			     cert, NULL),
	    ERR_DENIED);
	assert_int_equal(authority_first_client(g->a, "other", cert, NULL),
	    ERR_DENIED);
}

static void
a_clients_name_has_1_to_64_characters(void **state)
{
	struct rig *g = *state;
	const struct rd cert = signatory_cert(&g->p[OTHER]);
	char name[256];

	memset(name, 'n', sizeof(name));
	name[255] = '\0';
	assert_int_equal(authority_first_client(g->a, name, cert, NULL),
	    ERR_MALFORMED);
	name[MAX_NAME + 1] = '\0';
	assert_int_equal(authority_first_client(g->a, name, cert, NULL),
	    ERR_MALFORMED);
	assert_int_equal(authority_first_client(g->a, "", cert, NULL),
	    ERR_MALFORMED);
	assert_int_equal(authority_clients(g->a), 1);
	name[MAX_NAME] = '\0';
	assert_int_equal(authority_first_client(g->a, name, cert, NULL),
	    ERR_OK);
	assert_string_equal(authority_client(g->a, 1).name, name);
}

/* ---- what each kind does ---- */

static void
warrants_are_altered_by_their_name(void **state)
{
	struct rig *g = *state;
	struct made w = warrant_entered(g, BY(MEYER, SANTOS));
	struct made v = warrant_entered(g, BY(SANTOS, MEYER));
	struct change_known c;

	assert_int_equal(authority_change(g->a, 1, &c), ERR_OK);
	assert_int_equal(c.kind, REQUEST_WARRANT_ADD);
	assert_true(c.time == PKI_NOW);
	assert_memory_equal(c.hash, w.paper.hash, DIGEST_LEN);
	assert_true(stands(g, &w).end == WARRANT_END);

	happens(g, REQUEST_WARRANT_EXTEND,
	    on(&w, "\"end\":\"2027-04-01T00:00:00Z\","), BY(MEYER, SANTOS));
	assert_true(stands(g, &w).end == 1806537600);
	happens(g, REQUEST_WARRANT_END,
	    on(&w, "\"end\":\"2027-02-02T00:00:00Z\","), BY(MEYER, SANTOS));
	assert_true(stands(g, &w).end == 1801526400);
	happens(g, REQUEST_WARRANT_SUSPEND, on(&w, ""), BY(MEYER));
	assert_true(stands(g, &w).suspended);
	assert_false(stands(g, &w).revoked);
	happens(g, REQUEST_WARRANT_RESUME, on(&w, ""), BY(MEYER, SANTOS));
	assert_false(stands(g, &w).suspended);
	happens(g, REQUEST_WARRANT_REVOKE, on(&w, ""), BY(SANTOS));
	assert_true(stands(g, &w).revoked);
	assert_true(stands(g, &w).end == 1801526400);
	/* and the other one is as it was */
	assert_true(stands(g, &v).end == WARRANT_END);
	assert_false(stands(g, &v).revoked);
	assert_int_equal(authority_policy_version(g->a), 0);
	unmake(&w);
	unmake(&v);
}

static void
persons_come_change_and_go(void **state)
{
	struct rig *g = *state;
	const struct persons *s = authority_persons(g->a);
	char *body = papers_cert_body("other", signatory_cert(&g->p[OTHER]),
	    "\"role\":\"officer\",");
	struct rd cert;

	happens(g, REQUEST_PERSON_ADD, body, BY(VOGEL, OKAFOR));
	assert_int_equal(authority_policy_version(g->a), 1);
	assert_int_equal(persons_find(s, "other", 1), 8);
	assert_int_equal(persons_get(s, 8).role, ROLE_OFFICER);
	assert_int_equal(persons_get(s, 8).from, 1);
	free(body);

	body = papers_cert_body("other", signatory_cert(&g->p[ANOTHER]), "");
	happens(g, REQUEST_PERSON_CERTIFICATE, body, BY(VOGEL, OKAFOR));
	assert_int_equal(authority_policy_version(g->a), 2);
	assert_int_equal(persons_get(s, 8).until, 2);
	assert_int_equal(persons_find(s, "other", 2), 9);
	assert_int_equal(persons_get(s, 9).role, ROLE_OFFICER);
	cert = persons_get(s, 9).cert;
	assert_true(rd_is(&cert, g->p[ANOTHER].der, g->p[ANOTHER].len));
	free(body);

	happens(g, REQUEST_PERSON_REMOVE,
	    "{\"name\":\"other\",\"voidSignatures\":true}", BY(LIND, VOGEL));
	assert_int_equal(authority_policy_version(g->a), 3);
	assert_int_equal(persons_find(s, "other", 3), PERSON_NONE);
	assert_true(persons_get(s, 8).voided);
	assert_true(persons_get(s, 9).voided);
}

static void
clients_come_change_and_go(void **state)
{
	struct rig *g = *state;
	char *body = papers_cert_body("df3", signatory_cert(&g->p[OTHER]), "");

	happens(g, REQUEST_CLIENT_ADD, body, BY(TANAKA, VOGEL, OKAFOR));
	assert_int_equal(authority_clients(g->a), 2);
	assert_string_equal(authority_client(g->a, 1).name, "df3");
	free(body);
	body = papers_cert_body("df3", signatory_cert(&g->p[ANOTHER]), "");
	happens(g, REQUEST_CLIENT_ADD, body, BY(VOGEL, OKAFOR));
	assert_int_equal(authority_clients(g->a), 2);
	assert_int_equal(authority_client(g->a, 1).cert.left,
	    g->p[ANOTHER].len);
	free(body);
	happens(g, REQUEST_CLIENT_REMOVE, "{\"name\":\"df2\"}",
	    BY(VOGEL, OKAFOR));
	assert_int_equal(authority_clients(g->a), 1);
	assert_string_equal(authority_client(g->a, 0).name, "df3");
	assert_int_equal(authority_policy_version(g->a), 0);
}

/* Two of one agency may have the same. */
static void
lemfs_get_certificates_and_lose_them(void **state)
{
	struct rig *g = *state;
	char *north =
		 papers_cert_body("north", signatory_cert(&g->p[OTHER]), ""),
	     *south =
		 papers_cert_body("south", signatory_cert(&g->p[OTHER]), ""),
	     *again =
		 papers_cert_body("north", signatory_cert(&g->p[ANOTHER]), "");
	struct rd cert;

	assert_int_equal(authority_lemfs(g->a), 0);
	happens(g, REQUEST_LEMF_ADD, north, BY(TANAKA, VOGEL, OKAFOR));
	happens(g, REQUEST_LEMF_ADD, south, BY(VOGEL, OKAFOR));
	assert_int_equal(authority_lemfs(g->a), 2);
	assert_string_equal(authority_lemf(g->a, 1).name, "south");
	happens(g, REQUEST_LEMF_ADD, again, BY(VOGEL, OKAFOR));
	assert_int_equal(authority_lemfs(g->a), 2);
	assert_true(authority_lemf_named(g->a, view("north", 5), &cert));
	assert_true(rd_is(&cert, g->p[ANOTHER].der, g->p[ANOTHER].len));
	assert_false(authority_lemf_named(g->a, view("nort", 4), &cert));
	happens(g, REQUEST_LEMF_REMOVE, "{\"name\":\"north\"}",
	    BY(VOGEL, OKAFOR));
	assert_false(authority_lemf_named(g->a, view("north", 5), &cert));
	assert_true(authority_lemf_named(g->a, view("south", 5), &cert));
	assert_int_equal(authority_clients(g->a), 1);
	assert_int_equal(authority_policy_version(g->a), 0);
	free(north);
	free(south);
	free(again);
}

static void
the_configuration_is_known_by_its_hash(void **state)
{
	struct rig *g = *state;
	uint8_t want[DIGEST_LEN];

	happens(g, REQUEST_CONFIG_SET, "{\"text\":\"xk {\\n}\"}",
	    BY(TANAKA, VOGEL, LIND));
	assert_int_equal(digest_of(view("xk {\n}", 6), want), ERR_OK);
	assert_memory_equal(authority_config(g->a), want, DIGEST_LEN);
}

static void
the_last_record_of_a_subscriber_stands(void **state)
{
	struct rig *g = *state;

	happens(g, REQUEST_SUBSCRIBER_ADD,
	    "{\"identity\":\"sip:bob\",\"wrappedSeed\":\"AAAA\"}",
	    BY(VOGEL, OKAFOR));
	assert_true(authority_record_stands(g->a, 1));
	happens(g, REQUEST_SUBSCRIBER_ADD,
	    "{\"identity\":\"sip:eve\",\"wrappedSeed\":\"AAAA\"}",
	    BY(VOGEL, OKAFOR));
	happens(g, REQUEST_SUBSCRIBER_DEVICES,
	    "{\"identity\":\"sip:bob\",\"record\":1}", BY(VOGEL, OKAFOR));
	assert_false(authority_record_stands(g->a, 1));
	assert_true(authority_record_stands(g->a, 2));
	assert_true(authority_record_stands(g->a, 3));
	happens(g, REQUEST_SUBSCRIBER_REMOVE,
	    "{\"identity\":\"sip:bob\",\"record\":3}", BY(VOGEL, OKAFOR));
	assert_true(authority_record_stands(g->a, 2));
	for (uint64_t i = 0; i < 6; i++)
		assert_int_equal(authority_record_stands(g->a, i), i == 2);
	refused(g,
	    make(g, REQUEST_SUBSCRIBER_REMOVE,
		"{\"identity\":\"sip:bob\",\"record\":3}", BY(VOGEL, OKAFOR)),
	    ERR_NOTFOUND, "record:");
	refused(g,
	    make(g, REQUEST_SUBSCRIBER_DEVICES,
		"{\"identity\":\"sip:bob\",\"record\":4}", BY(VOGEL, OKAFOR)),
	    ERR_NOTFOUND, "record:");
	refused(g,
	    make(g, REQUEST_SUBSCRIBER_ADD,
		"{\"certificate\":\"AAAA\",\"identity\":\"sip:x\"}",
		BY(VOGEL, OKAFOR)),
	    ERR_MALFORMED, "certificate:");
}

static void
the_clock_is_accepted_near_what_it_shows(void **state)
{
	static const struct {
		const char *text;
		bool good;
	} row[] = {{"2027-01-15T07:50:00Z", true},
	    {"2027-01-15T07:49:59Z", false}, {"2027-01-15T08:10:00Z", true},
	    {"2027-01-15T08:10:01Z", false}};
	struct rig *g = *state;

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		char body[64];

		(void)snprintf(body, sizeof(body), "{\"time\":\"%s\"}",
		    row[i].text);
		if (row[i].good)
			happens(g, REQUEST_CLOCK_ACCEPT, body,
			    BY(TANAKA, VOGEL, OKAFOR));
		else
			refused(g,
			    make(g, REQUEST_CLOCK_ACCEPT, body,
				BY(VOGEL, OKAFOR)),
			    ERR_DENIED, "time:");
	}
}

/* ---- what is refused ---- */

static void
a_change_has_the_next_number(void **state)
{
	struct rig *g = *state;
	struct made m =
	    make(g, REQUEST_WARRANT_ADD, WARRANT_BODY, BY(MEYER, SANTOS));
	static const uint64_t no[] = {0, 2, 3, UINT64_MAX};

	for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++) {
		m.change.number = no[i];
		refused_at(g, &m.change, PKI_NOW, ERR_DENIED, "does not");
		assert_int_equal(authority_apply(g->a, &m.change, NULL),
		    ERR_MISMATCH);
	}
	m.change.number = 1;
	applied(g, &m.change);
	refused_at(g, &m.change, PKI_NOW, ERR_DENIED, "does not");
	m.change.number = 2;
	refused_at(g, &m.change, PKI_NOW, ERR_EXISTS, "already");
	unmake(&m);
}

static void
a_change_is_dated_now(void **state)
{
	struct rig *g = *state;
	struct made m =
	    make(g, REQUEST_WARRANT_ADD, WARRANT_BODY, BY(MEYER, SANTOS));

	taken_at(g, &m.change, PKI_NOW - WARRANT_SKEW);
	refused_at(g, &m.change, PKI_NOW - WARRANT_SKEW - 1, ERR_DENIED,
	    "dated");
	taken_at(g, &m.change, PKI_NOW + CHANGE_FRESH);
	refused_at(g, &m.change, PKI_NOW + CHANGE_FRESH + 1, ERR_DENIED,
	    "dated");
	unmake(&m);
}

static void
a_request_is_for_this_kms_and_these_rules_and_for_now(void **state)
{
	struct rig *g = *state;
	struct request_head h = paper_head(REQUEST_WARRANT_ADD, "meyer", 0);
	struct made m;

	h.kms = "kms.example.org";
	refused(g, make_with(g, &h, WARRANT_BODY, BY(MEYER, SANTOS)),
	    ERR_DENIED, "another KMS");
	h = paper_head(REQUEST_WARRANT_ADD, "meyer", 1);
	refused(g, make_with(g, &h, WARRANT_BODY, BY(MEYER, SANTOS)),
	    ERR_DENIED, "version 1 of the rules");
	h = paper_head(REQUEST_WARRANT_ADD, "meyer", 0);
	h.expires = h.issued + 700;
	m = make_with(g, &h, WARRANT_BODY, BY(MEYER, SANTOS));
	m.change.time = PKI_NOW - WARRANT_SKEW;
	taken_at(g, &m.change, m.change.time);
	m.change.time--;
	refused_at(g, &m.change, m.change.time, ERR_DENIED, "issued:");
	m.change.time = PKI_NOW + 699;
	taken_at(g, &m.change, m.change.time);
	m.change.time++;
	refused_at(g, &m.change, m.change.time, ERR_DENIED, "expired");
	unmake(&m);
}

static void
rules_that_changed_make_requests_void(void **state)
{
	struct rig *g = *state;
	struct made m =
	    make(g, REQUEST_WARRANT_ADD, WARRANT_BODY, BY(MEYER, SANTOS));

	happens(g, REQUEST_PERSON_REMOVE,
	    "{\"name\":\"amari\",\"voidSignatures\":false}", BY(VOGEL, OKAFOR));
	m.change.number = 2;
	refused_at(g, &m.change, PKI_NOW, ERR_DENIED, "version 0 of the rules");
	unmake(&m);
}

static void
those_sign_who_may(void **state)
{
	const struct {
		enum request_kind kind;
		const char *body;
		const int *who;
		const char *text;
	} row[] = {
	    {REQUEST_WARRANT_ADD, WARRANT_BODY, BY(MEYER), "1 who may"},
	    {REQUEST_WARRANT_ADD, WARRANT_BODY, BY(MEYER, MEYER), "1 who may"},
	    {REQUEST_WARRANT_ADD, WARRANT_BODY, BY(VOGEL, MEYER, SANTOS),
		"vogel is securityOfficer and may not ask"},
	    {REQUEST_WARRANT_ADD, WARRANT_BODY, BY(MEYER, VOGEL),
		"vogel is securityOfficer and may not approve"},
	    {REQUEST_WARRANT_ADD, WARRANT_BODY, BY(MEYER, SANTOS, AMARI),
		"amari is auditor and may not approve"},
	    {REQUEST_WARRANT_ADD, WARRANT_BODY, BY(TANAKA, MEYER, SANTOS),
		"may not ask"},
	    {REQUEST_WARRANT_ADD, WARRANT_BODY, BY(MEYER, STRANGER),
		"not enrolled"},
	    {REQUEST_WARRANT_ADD, WARRANT_BODY, BY(STRANGER, MEYER, SANTOS),
		"not enrolled"},
	    {REQUEST_CONFIG_SET, "{\"text\":\"x\"}", BY(VOGEL), "1 who may"},
	    {REQUEST_CONFIG_SET, "{\"text\":\"x\"}", BY(TANAKA), "0 who may"},
	    {REQUEST_CONFIG_SET, "{\"text\":\"x\"}", BY(TANAKA, VOGEL),
		"1 who may"},
	    {REQUEST_CONFIG_SET, "{\"text\":\"x\"}", BY(MEYER, VOGEL, LIND),
		"may not ask"},
	    {REQUEST_CONFIG_SET, "{\"text\":\"x\"}", BY(VOGEL, MEYER),
		"may not approve"},
	    {REQUEST_CONFIG_SET, "{\"text\":\"x\"}", BY(VOGEL, LIND, TANAKA),
		"tanaka is engineer and may not approve"},
	    {REQUEST_CONFIG_SET, "{\"text\":\"x\"}", BY(AMARI, VOGEL, LIND),
		"may not ask"},
	    {REQUEST_PERSON_REMOVE,
		"{\"name\":\"amari\",\"voidSignatures\":false}",
		BY(TANAKA, VOGEL, LIND), "may not ask"},
	};
	struct rig *g = *state;

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++)
		refused(g, make(g, row[i].kind, row[i].body, row[i].who),
		    ERR_DENIED, row[i].text);
}

static void
the_requester_has_signed(void **state)
{
	struct rig *g = *state;
	struct request_head h = paper_head(REQUEST_WARRANT_ADD, "meyer", 0);

	refused(g, make_with(g, &h, WARRANT_BODY, BY(SANTOS, SHORT)),
	    ERR_DENIED, "has not signed");
	refused(g, make_with(g, &h, WARRANT_BODY, BY(-1)), ERR_DENIED,
	    "has not signed");
	h = paper_head(REQUEST_WARRANT_ADD, "nobody", 0);
	refused(g, make_with(g, &h, WARRANT_BODY, BY(MEYER, SANTOS)),
	    ERR_DENIED, "has not signed");
}

static void
several_may_sign_one_document(void **state)
{
	struct rig *g = *state;
	const struct request_head h =
	    paper_head(REQUEST_WARRANT_ADD, "meyer", 0);
	struct paper p = paper_write(&h, WARRANT_BODY);
	const struct signatory *const who[] = {&g->p[SANTOS], &g->p[MEYER],
	    &g->p[SANTOS]};
	struct approval ap;
	struct rd cms[2];
	struct change c;
	uint8_t *der, *e;
	size_t len;

	der = paper_sign(&p, who, 3, &len);
	cms[0] = cms[1] = view(der, len);
	e = papers_evidence(cms, 2, &len);
	c = paper_change(&p, 1, view(e, len));
	assert_int_equal(authority_check(g->a, &c, PKI_NOW, &ap, NULL), ERR_OK);
	assert_int_equal(ap.n_signers, 2);
	assert_int_equal(ap.approvers, 2);
	/* a SET OF has no order of ours */
	assert_true(strcmp(ap.names, "santos, meyer") == 0 ||
	    strcmp(ap.names, "meyer, santos") == 0);
	assert_memory_equal(ap.request->hash, p.hash, DIGEST_LEN);
	approval_done(&ap);
	assert_null(ap.request);
	free(e);
	free(der);
	free(p.p);
}

static void
not_complete_is_no_error_of_a_review(void **state)
{
	struct rig *g = *state;
	struct made m = make(g, REQUEST_WARRANT_ADD, WARRANT_BODY, BY(MEYER));
	struct approval p;

	assert_int_equal(authority_review(g->a, m.change.request,
			     m.change.evidence, PKI_NOW, 1, &p, NULL),
	    ERR_OK);
	assert_false(p.complete);
	assert_int_equal(p.approvers, 1);
	assert_string_equal(p.names, "meyer");
	assert_int_equal(authority_fits(g->a, p.request, PKI_NOW, NULL),
	    ERR_OK);
	approval_done(&p);
	unmake(&m);
}

static void
signatures_are_over_these_very_octets(void **state)
{
	struct rig *g = *state;
	struct made a =
	    make(g, REQUEST_WARRANT_ADD, WARRANT_BODY, BY(MEYER, SANTOS));
	struct made b =
	    make(g, REQUEST_WARRANT_ADD, WARRANT_BODY, BY(MEYER, SANTOS));
	struct change c = a.change;

	c.evidence = b.change.evidence;
	refused_at(g, &c, PKI_NOW, ERR_DENIED, "something else");
	c = a.change;
	c.evidence.left--;
	refused_at(g, &c, PKI_NOW, ERR_MALFORMED, "unreadable");
	c = a.change;
	c.request.left--;
	refused_at(g, &c, PKI_NOW, ERR_DENIED, "something else");
	c = a.change;
	c.request = view(NULL, 0);
	refused_at(g, &c, PKI_NOW, ERR_DENIED, "something else");
	/* what nobody has signed is not even read */
	c.evidence = view("\0", 1);
	refused_at(g, &c, PKI_NOW, ERR_DENIED, "has not signed it");
	c = a.change;
	c.hash[31] ^= 1;
	refused_at(g, &c, PKI_NOW, ERR_MISMATCH, "its hash");
	c = a.change;
	c.kind = REQUEST_SUBSCRIBER_ADD;
	refused_at(g, &c, PKI_NOW, ERR_MISMATCH, "its hash");
	unmake(&a);
	unmake(&b);
}

static void
certificates_are_valid_when_it_happens(void **state)
{
	struct rig *g = *state;
	struct made m =
	    make(g, REQUEST_WARRANT_ADD, WARRANT_BODY, BY(MEYER, SHORT));

	m.change.time = SHORT_UNTIL + 1;
	refused_at(g, &m.change, m.change.time, ERR_DENIED,
	    "certificate of short is not valid");
	/* also when the clock that judges is not quite there */
	refused_at(g, &m.change, SHORT_UNTIL, ERR_DENIED, "not valid");
	m.change.time = SHORT_UNTIL;
	applied(g, &m.change);
	unmake(&m);
}

static void
who_was_removed_signs_nothing_more(void **state)
{
	struct rig *g = *state;

	happens(g, REQUEST_PERSON_REMOVE,
	    "{\"name\":\"santos\",\"voidSignatures\":false}",
	    BY(VOGEL, OKAFOR));
	refused(g,
	    make(g, REQUEST_WARRANT_ADD, WARRANT_BODY, BY(MEYER, SANTOS)),
	    ERR_DENIED, "not enrolled");
	refused(g,
	    make(g, REQUEST_PERSON_REMOVE,
		"{\"name\":\"santos\",\"voidSignatures\":true}",
		BY(VOGEL, OKAFOR)),
	    ERR_NOTFOUND, "no such person");
}

static void
two_remain_in_the_roles_that_decide(void **state)
{
	struct rig *g = *state;

	happens(g, REQUEST_PERSON_REMOVE,
	    "{\"name\":\"vogel\",\"voidSignatures\":false}", BY(VOGEL, OKAFOR));
	refused(g,
	    make(g, REQUEST_PERSON_REMOVE,
		"{\"name\":\"lind\",\"voidSignatures\":false}",
		BY(LIND, OKAFOR)),
	    ERR_DENIED, "enrol another one first");
	happens(g, REQUEST_PERSON_REMOVE,
	    "{\"name\":\"short\",\"voidSignatures\":false}", BY(LIND, OKAFOR));
	refused(g,
	    make(g, REQUEST_PERSON_REMOVE,
		"{\"name\":\"meyer\",\"voidSignatures\":true}",
		BY(LIND, OKAFOR)),
	    ERR_DENIED, "enrol another one first");
	/* of the others all may go */
	happens(g, REQUEST_PERSON_REMOVE,
	    "{\"name\":\"amari\",\"voidSignatures\":false}", BY(LIND, OKAFOR));
	happens(g, REQUEST_PERSON_REMOVE,
	    "{\"name\":\"tanaka\",\"voidSignatures\":true}", BY(LIND, OKAFOR));
}

/* Its owner could sign nothing: nobody would be left to mend that. */
static void
only_valid_certificates_are_enrolled(void **state)
{
	struct rig *g = *state;
	struct signatory ended = signatory_make("ended", 200, PKI_NOW - 1);
	char *add = papers_cert_body("ended", signatory_cert(&ended),
		 "\"role\":\"securityOfficer\","),
	     *renew = papers_cert_body("okafor", signatory_cert(&ended), "");

	refused(g, make(g, REQUEST_PERSON_ADD, add, BY(VOGEL, OKAFOR)),
	    ERR_DENIED, "not valid now");
	refused(g,
	    make(g, REQUEST_PERSON_CERTIFICATE, renew, BY(VOGEL, OKAFOR)),
	    ERR_DENIED, "not valid now");
	free(add);
	free(renew);
	signatory_done(&ended);
}

static void
no_lemf_gets_a_certificate_that_has_ended(void **state)
{
	struct rig *g = *state;
	struct signatory ended = signatory_make("ended", 998, PKI_NOW - 1);
	char *body = papers_cert_body("north", signatory_cert(&ended), "");

	refused(g, make(g, REQUEST_LEMF_ADD, body, BY(VOGEL, OKAFOR)),
	    ERR_DENIED, "not valid now");
	free(body);
	signatory_done(&ended);
}

static void
who_cannot_sign_is_not_one_of_the_two(void **state)
{
	struct rig *g = *state;
	struct made m = make(g, REQUEST_PERSON_REMOVE,
	    "{\"name\":\"meyer\",\"voidSignatures\":false}", BY(VOGEL, OKAFOR));

	m.change.time = SHORT_UNTIL + 1;
	refused_at(g, &m.change, m.change.time, ERR_DENIED,
	    "enrol another one first");
	unmake(&m);
	/* nobody is lost by this one */
	m = make(g, REQUEST_PERSON_REMOVE,
	    "{\"name\":\"short\",\"voidSignatures\":true}", BY(VOGEL, OKAFOR));
	m.change.time = SHORT_UNTIL + 1;
	applied(g, &m.change);
	unmake(&m);
}

static void
persons_and_clients_are_different(void **state)
{
	struct rig *g = *state;
	const struct rd meyer = signatory_cert(&g->p[MEYER]),
			other = signatory_cert(&g->p[OTHER]),
			stranger = signatory_cert(&g->p[STRANGER]);
	const char *const as = "\"role\":\"auditor\",";
	const struct {
		enum request_kind kind;
		char *body;
		enum err want;
		const char *text;
	} row[] = {{REQUEST_PERSON_ADD, papers_cert_body("meyer", other, as),
		       ERR_EXISTS, "same name"},
	    {REQUEST_PERSON_ADD, papers_cert_body("other", meyer, as),
		ERR_EXISTS, "same public key"},
	    {REQUEST_PERSON_ADD, papers_cert_body("other", view("x", 1), as),
		ERR_MALFORMED, "certificate"},
	    {REQUEST_PERSON_CERTIFICATE, papers_cert_body("other", other, ""),
		ERR_NOTFOUND, "no such person"},
	    {REQUEST_PERSON_CERTIFICATE, papers_cert_body("santos", meyer, ""),
		ERR_EXISTS, "same public key"},
	    {REQUEST_CLIENT_ADD, papers_cert_body("df3", stranger, ""),
		ERR_EXISTS, "another client"},
	    {REQUEST_CLIENT_ADD, papers_cert_body("df3", view("x", 1), ""),
		ERR_MALFORMED, "certificate:"},
	    {REQUEST_CLIENT_REMOVE, strdup("{\"name\":\"df3\"}"), ERR_NOTFOUND,
		"no such client"},
	    {REQUEST_LEMF_ADD, papers_cert_body("north", view("x", 1), ""),
		ERR_MALFORMED, "certificate:"},
	    {REQUEST_LEMF_REMOVE, strdup("{\"name\":\"df2\"}"), ERR_NOTFOUND,
		"no such LEMF"}};

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		refused(g, make(g, row[i].kind, row[i].body, BY(VOGEL, OKAFOR)),
		    row[i].want, row[i].text);
		free(row[i].body);
	}
}

static void
only_warrants_that_stand_are_altered(void **state)
{
	struct rig *g = *state;
	struct made w = warrant_entered(g, BY(MEYER, SANTOS)), no = w;
	const char *end_body = "\"end\":\"2027-04-01T00:00:00Z\",";
	struct change_known c;

	no.paper.hash[0] ^= 1;
	refused(g, make(g, REQUEST_WARRANT_REVOKE, on(&no, ""), BY(MEYER)),
	    ERR_NOTFOUND, "no such warrant");
	refused(g,
	    make(g, REQUEST_WARRANT_RESUME, on(&w, ""), BY(MEYER, SANTOS)),
	    ERR_EXISTS, "not suspended");
	happens(g, REQUEST_WARRANT_SUSPEND, on(&w, ""), BY(MEYER));
	refused(g, make(g, REQUEST_WARRANT_SUSPEND, on(&w, ""), BY(MEYER)),
	    ERR_EXISTS, "suspended already");
	happens(g, REQUEST_WARRANT_REVOKE, on(&w, ""), BY(MEYER));
	refused(g, make(g, REQUEST_WARRANT_REVOKE, on(&w, ""), BY(MEYER)),
	    ERR_EXISTS, "revoked already");
	refused(g,
	    make(g, REQUEST_WARRANT_RESUME, on(&w, ""), BY(MEYER, SANTOS)),
	    ERR_EXISTS, "for good");
	refused(g,
	    make(g, REQUEST_WARRANT_EXTEND, on(&w, end_body),
		BY(MEYER, SANTOS)),
	    ERR_EXISTS, "for good");
	/* a change that is no warrant is none */
	happens(g, REQUEST_CONFIG_SET, "{\"text\":\"x\"}", BY(VOGEL, OKAFOR));
	assert_int_equal(authority_change(g->a, authority_head(g->a).number,
			     &c),
	    ERR_OK);
	memcpy(no.paper.hash, c.hash, DIGEST_LEN);
	refused(g, make(g, REQUEST_WARRANT_REVOKE, on(&no, ""), BY(MEYER)),
	    ERR_NOTFOUND, "no such warrant");
	unmake(&w);
}

static void
what_was_written_before_is_overtaken(void **state)
{
	static const struct {
		enum request_kind first, then;
		const char *more;
	} row[] = {{REQUEST_WARRANT_SUSPEND, REQUEST_WARRANT_RESUME, ""},
	    {REQUEST_WARRANT_END, REQUEST_WARRANT_EXTEND,
		"\"end\":\"2027-04-01T00:00:00Z\","},
	    {REQUEST_WARRANT_EXTEND, REQUEST_WARRANT_END,
		"\"end\":\"2027-04-01T00:00:00Z\","}};
	struct rig *g = *state;
	struct made w = warrant_entered(g, BY(MEYER, SANTOS));

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct request_head h;

		happens(g, row[i].first, on(&w, row[i].more),
		    BY(MEYER, SANTOS));
		h = paper_head(row[i].then, "meyer",
		    authority_policy_version(g->a));
		h.issued = PKI_NOW - 1;
		refused(g,
		    make_with(g, &h, on(&w, row[i].more), BY(MEYER, SANTOS)),
		    ERR_DENIED, "before the warrant was changed");
		happens(g, row[i].then, on(&w, row[i].more), BY(MEYER, SANTOS));
	}
	unmake(&w);
}

static void
a_warrant_is_entered_until_its_grace_is_over(void **state)
{
	struct rig *g = *state;
	struct request_head h = paper_head(REQUEST_WARRANT_ADD, "meyer", 0);
	struct made m;

	h.issued = WARRANT_END;
	h.expires = WARRANT_END + 86400;
	m = make_with(g, &h, WARRANT_BODY, BY(MEYER, SANTOS));
	m.change.time = WARRANT_END + 3600;
	refused_at(g, &m.change, m.change.time, ERR_DENIED, "has ended");
	m.change.time--;
	applied(g, &m.change);
	unmake(&m);
}

/* ---- applying without checking ---- */

static void
not_applied(struct rig *g, const struct change *c, enum err want)
{
	const struct head before = authority_head(g->a);
	const unsigned n = persons_count(authority_persons(g->a));
	struct why why = {""};
	struct head after;
	const enum err rc = authority_apply(g->a, c, &why);

	if (rc != want)
		fail_msg("%s (%s)", err_str(rc), why.text);
	assert_string_not_equal(why.text, "");
	after = authority_head(g->a);
	assert_true(head_equal(&before, &after));
	assert_int_equal(persons_count(authority_persons(g->a)), n);
}

static void
a_change_is_applied_with_its_request(void **state)
{
	struct rig *g = *state;
	struct made m =
	    make(g, REQUEST_CONFIG_SET, "{\"text\":\"x\"}", BY(VOGEL, OKAFOR));
	struct change c = m.change;

	c.request = view(NULL, 0);
	not_applied(g, &c, ERR_MALFORMED);
	c = m.change;
	c.hash[0] ^= 1;
	not_applied(g, &c, ERR_MISMATCH);
	c = m.change;
	c.kind = REQUEST_CLOCK_ACCEPT;
	not_applied(g, &c, ERR_MISMATCH);
	c = m.change;
	c.evidence = view(NULL, 0); /* what is believed needs none */
	assert_int_equal(authority_apply(g->a, &c, NULL), ERR_OK);
	unmake(&m);

	/* what was checked may have become impossible */
	m = make(g, REQUEST_CLIENT_REMOVE, "{\"name\":\"df9\"}",
	    BY(VOGEL, OKAFOR));
	not_applied(g, &m.change, ERR_NOTFOUND);
	unmake(&m);
	m = make(g, REQUEST_PERSON_REMOVE,
	    "{\"name\":\"df9\",\"voidSignatures\":true}", BY(VOGEL, OKAFOR));
	not_applied(g, &m.change, ERR_NOTFOUND);
	unmake(&m);
}

static void
light_changes_are_applied_without_their_octets(void **state)
{
	struct rig *g = *state;
	struct made m =
	    make(g, REQUEST_WARRANT_ADD, WARRANT_BODY, BY(MEYER, SANTOS));
	struct authority *other = enrolled(g);
	struct head a, b;

	applied(g, &m.change);
	m.change.request = m.change.evidence = view(NULL, 0);
	assert_int_equal(authority_apply(other, &m.change, NULL), ERR_OK);
	a = authority_head(g->a);
	b = authority_head(other);
	assert_true(head_equal(&a, &b));
	authority_free(&other);
	unmake(&m);
}

/* ---- the warrant when it is used ---- */

static enum err
opened(const struct rig *g, uint64_t number, const struct made *m,
    struct why *why)
{
	struct warrant *w = NULL;
	const enum err rc = authority_open_warrant(g->a, number,
	    m->change.request, m->change.evidence, &w, why);

	if (rc == ERR_OK) {
		assert_string_equal(w->liid, "LI-1");
		assert_memory_equal(w->id, m->paper.hash, WARRANT_ID_LEN);
	} else
		assert_null(w);
	warrant_free(&w);
	return rc;
}

static void
not_opened(const struct rig *g, uint64_t number, const struct made *m,
    const char *text)
{
	struct why why = {""};

	assert_int_not_equal(opened(g, number, m, &why), ERR_OK);
	if (strstr(why.text, text) == NULL)
		fail_msg("\"%s\" is not \"%s\"", why.text, text);
}

static void
a_warrant_is_opened_as_it_was_entered(void **state)
{
	struct rig *g = *state;
	struct made w = warrant_entered(g, BY(MEYER, SANTOS)), m;
	struct change kept = w.change;

	assert_int_equal(opened(g, 1, &w, NULL), ERR_OK);
	not_opened(g, 0, &w, "no warrant was entered");
	not_opened(g, 2, &w, "no warrant was entered");
	happens(g, REQUEST_CONFIG_SET, "{\"text\":\"x\"}", BY(VOGEL, OKAFOR));
	not_opened(g, 2, &w, "no warrant was entered");
	/* another warrant of the same persons */
	m = make(g, REQUEST_WARRANT_ADD, WARRANT_BODY, BY(MEYER, SANTOS));
	not_opened(g, 1, &m, "not the warrant");
	/* and less than two signatures */
	unmake(&m);
	m = sign(g, &w.paper, BY(MEYER));
	w.change.evidence = m.change.evidence;
	not_opened(g, 1, &w, "not the warrant");
	free(m.evidence);
	m = sign(g, &w.paper, BY(SANTOS, STRANGER));
	w.change.evidence = m.change.evidence;
	not_opened(g, 1, &w, "not enrolled");
	free(m.evidence);
	w.change = kept;
	w.change.request.left--;
	not_opened(g, 1, &w, "something else");
	unmake(&w);
}

static void
who_signed_may_have_gone_since(void **state)
{
	struct rig *g = *state;
	struct made w = warrant_entered(g, BY(MEYER, SANTOS));

	happens(g, REQUEST_PERSON_REMOVE,
	    "{\"name\":\"santos\",\"voidSignatures\":false}",
	    BY(VOGEL, OKAFOR));
	assert_int_equal(opened(g, 1, &w, NULL), ERR_OK);
	unmake(&w);
}

static void
but_not_with_void_signatures(void **state)
{
	struct rig *g = *state;
	struct made w = warrant_entered(g, BY(MEYER, SANTOS));
	struct made v = warrant_entered(g, BY(MEYER, SHORT));

	happens(g, REQUEST_PERSON_REMOVE,
	    "{\"name\":\"santos\",\"voidSignatures\":true}", BY(VOGEL, OKAFOR));
	not_opened(g, 1, &w, "signatures of santos were declared void");
	assert_int_equal(opened(g, 2, &v, NULL), ERR_OK);
	unmake(&w);
	unmake(&v);
}

static void
nor_with_those_of_an_earlier_certificate(void **state)
{
	struct rig *g = *state;
	struct made w = warrant_entered(g, BY(MEYER, SANTOS));
	char *body =
	    papers_cert_body("santos", signatory_cert(&g->p[OTHER]), "");

	happens(g, REQUEST_PERSON_CERTIFICATE, body, BY(VOGEL, OKAFOR));
	assert_int_equal(opened(g, 1, &w, NULL), ERR_OK);
	happens(g, REQUEST_PERSON_REMOVE,
	    "{\"name\":\"santos\",\"voidSignatures\":true}", BY(VOGEL, OKAFOR));
	not_opened(g, 1, &w, "signatures of santos were declared void");
	unmake(&w);
	free(body);
}

/* Judged by the date of the entry; the clock of today is not asked. */
static void
a_certificate_may_have_expired_since(void **state)
{
	struct rig *g = *state;
	struct made w =
	    make(g, REQUEST_WARRANT_ADD, WARRANT_BODY, BY(MEYER, SHORT));
	struct made later =
	    make(g, REQUEST_CONFIG_SET, "{\"text\":\"x\"}", BY(VOGEL, OKAFOR));

	w.change.time = SHORT_UNTIL;
	applied(g, &w.change);
	later.change.number = 2;
	later.change.time = SHORT_UNTIL + 5000;
	applied(g, &later.change);
	assert_int_equal(opened(g, 1, &w, NULL), ERR_OK);
	unmake(&w);
	unmake(&later);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(it_starts_as_init_left_it, start,
		end),
	    cmocka_unit_test_setup_teardown(
		first_enrolment_ends_with_the_first_change, start, end),
	    cmocka_unit_test_setup_teardown(
		a_clients_name_has_1_to_64_characters, start, end),
	    cmocka_unit_test_setup_teardown(warrants_are_altered_by_their_name,
		start, end),
	    cmocka_unit_test_setup_teardown(persons_come_change_and_go, start,
		end),
	    cmocka_unit_test_setup_teardown(clients_come_change_and_go, start,
		end),
	    cmocka_unit_test_setup_teardown(
		lemfs_get_certificates_and_lose_them, start, end),
	    cmocka_unit_test_setup_teardown(
		no_lemf_gets_a_certificate_that_has_ended, start, end),
	    cmocka_unit_test_setup_teardown(
		the_configuration_is_known_by_its_hash, start, end),
	    cmocka_unit_test_setup_teardown(
		the_last_record_of_a_subscriber_stands, start, end),
	    cmocka_unit_test_setup_teardown(
		the_clock_is_accepted_near_what_it_shows, start, end),
	    cmocka_unit_test_setup_teardown(a_change_has_the_next_number, start,
		end),
	    cmocka_unit_test_setup_teardown(a_change_is_dated_now, start, end),
	    cmocka_unit_test_setup_teardown(
		a_request_is_for_this_kms_and_these_rules_and_for_now, start,
		end),
	    cmocka_unit_test_setup_teardown(
		rules_that_changed_make_requests_void, start, end),
	    cmocka_unit_test_setup_teardown(those_sign_who_may, start, end),
	    cmocka_unit_test_setup_teardown(the_requester_has_signed, start,
		end),
	    cmocka_unit_test_setup_teardown(several_may_sign_one_document,
		start, end),
	    cmocka_unit_test_setup_teardown(
		not_complete_is_no_error_of_a_review, start, end),
	    cmocka_unit_test_setup_teardown(
		signatures_are_over_these_very_octets, start, end),
	    cmocka_unit_test_setup_teardown(
		certificates_are_valid_when_it_happens, start, end),
	    cmocka_unit_test_setup_teardown(who_was_removed_signs_nothing_more,
		start, end),
	    cmocka_unit_test_setup_teardown(two_remain_in_the_roles_that_decide,
		start, end),
	    cmocka_unit_test_setup_teardown(
		only_valid_certificates_are_enrolled, start, end),
	    cmocka_unit_test_setup_teardown(
		who_cannot_sign_is_not_one_of_the_two, start, end),
	    cmocka_unit_test_setup_teardown(persons_and_clients_are_different,
		start, end),
	    cmocka_unit_test_setup_teardown(
		what_was_written_before_is_overtaken, start, end),
	    cmocka_unit_test_setup_teardown(
		only_warrants_that_stand_are_altered, start, end),
	    cmocka_unit_test_setup_teardown(
		a_warrant_is_entered_until_its_grace_is_over, start, end),
	    cmocka_unit_test_setup_teardown(
		a_change_is_applied_with_its_request, start, end),
	    cmocka_unit_test_setup_teardown(
		light_changes_are_applied_without_their_octets, start, end),
	    cmocka_unit_test_setup_teardown(
		a_warrant_is_opened_as_it_was_entered, start, end),
	    cmocka_unit_test_setup_teardown(who_signed_may_have_gone_since,
		start, end),
	    cmocka_unit_test_setup_teardown(but_not_with_void_signatures, start,
		end),
	    cmocka_unit_test_setup_teardown(
		nor_with_those_of_an_earlier_certificate, start, end),
	    cmocka_unit_test_setup_teardown(
		a_certificate_may_have_expired_since, start, end),
	};

	return cmocka_run_group_tests(tests, people_init, people_done);
}
