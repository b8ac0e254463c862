#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "appliance/kms_state.h"
#include "appliance/policy_db.h"
#include "fuzz.h"
#include "help.h"
#include "policy/subscriber.h"
#include "policy_world.h"
#include "xk/call.h"

#define OFFICERS 0 /* the first of two */
#define SECURITY 2
#define N_PERSONS 4
#define DOCUMENT_WAITS 19 /* client.add */
#define LONG_AGO "2020-01-01T00:00:00Z"
#define LONG_AFTER "2040-01-01T00:00:00Z"

static struct signatory person[N_PERSONS], client, lemf, other;
static struct world_document base[WORLD_BASE];
static struct rd evidence[WORLD_BASE];
static struct world_document document[32];
static unsigned n_documents;
static struct rd call_octets;

/* ---- documents ---- */

static unsigned
approvers(enum request_kind k)
{
	return request_rule(k)->approver == ROLE_OFFICER ? OFFICERS : SECURITY;
}

static struct rd
sign(const struct paper *p, unsigned from, unsigned n)
{
	const struct signatory *who[2] = {&person[from], &person[from + n - 1]};
	size_t len;
	uint8_t *der = paper_sign(p, who, n, &len);

	return view(der, len);
}

static struct rd
sign_no(const struct world_document *d, unsigned from)
{
	struct rejection r;
	struct paper p = {.kind = d->paper.kind};
	struct why why;
	struct rd cms;

	memcpy(r.request, d->paper.hash, DIGEST_LEN);
	(void)snprintf(r.person, sizeof(r.person), "%s", person[from].name);
	MUST(rejection_write(&r, "no", &p.p, &p.len, &why) == ERR_OK);
	cms = sign(&p, from, 1);
	free(p.p);
	return cms;
}

static void
make(struct world_document *d, enum request_kind kind, const char *body)
{
	const unsigned from = approvers(kind);
	const struct request_head h = paper_head(kind, person[from].name, 0);

	d->paper = paper_write(&h, body);
	d->cms[WORLD_FIRST] = sign(&d->paper, from, 1);
	d->cms[WORLD_SECOND] = sign(&d->paper, from + 1, 1);
	d->cms[WORLD_BOTH] = sign(&d->paper, from, 2);
	d->cms[WORLD_NO] = sign_no(d, from);
}

static void
add(enum request_kind kind, const char *body)
{
	MUST(n_documents < sizeof(document) / sizeof(document[0]));
	make(&document[n_documents++], kind, body);
}

static void
with_cert(struct world_document *d, enum request_kind kind, const char *name,
    const struct signatory *s, const char *more)
{
	char *body = papers_cert_body(name, signatory_cert(s), more);

	if (d == NULL)
		add(kind, body);
	else
		make(d, kind, body);
	free(body);
}

static const char *
warrant(const char *liid, const char *targets, const char *delivery,
    const char *more)
{
	static char body[2048];

	(void)snprintf(body, sizeof(body),
	    "{\"clients\":[\"df2\"],\"delivery\":[%s],\"lemfs\":[\"police\"],"
	    "\"liid\":\"%s\",\"period\":{\"end\":\"" LONG_AFTER
	    "\",\"start\":\"" LONG_AGO "\"},\"products\":[\"keys\",\"sip\"],"
	    "\"targets\":[%s]%s}",
	    delivery, liid, targets, more);
	return body;
}

#define TARGET(id, xid) \
	"{\"identities\":[\"" id "\"],\"xids\":[\"00000000-0000-0000-0000-" \
	"0000000000" xid "\"]}"

/* What is in effect: these numbers are used in the documents below. */
static void
make_base(void)
{
	with_cert(&base[0], REQUEST_LEMF_ADD, "police", &lemf, "");
	make(&base[1], REQUEST_WARRANT_ADD,
	    warrant("L1", TARGET(WORLD_ALICE, "01"), "\"xk\",\"hi2\"", ""));
	make(&base[2], REQUEST_SUBSCRIBER_ADD,
	    "{\"identity\":\"" WORLD_ALICE "\",\"wrappedSeed\":\"c2VlZA==\"}");
	make(&base[3], REQUEST_WARRANT_ADD,
	    warrant("L2", TARGET(WORLD_ALICE, "02") "," TARGET(WORLD_BOB, "03"),
		"\"hi2\"", ""));
	make(&base[4], REQUEST_SUBSCRIBER_ADD,
	    "{\"identity\":\"" WORLD_BOB "\",\"test\":true,"
	    "\"wrappedSeed\":\"c2VlZA==\"}");
	make(&base[5], REQUEST_WARRANT_ADD,
	    warrant("L3", TARGET(WORLD_BOB, "04"), "\"xk\",\"hi2\"",
		",\"test\":true"));
}

static void
make_on_warrant(const uint8_t hash[DIGEST_LEN])
{
	char hex[2 * DIGEST_LEN + 1], body[256];

	hex_put(hash, DIGEST_LEN, hex);
	(void)snprintf(body, sizeof(body), "{\"warrant\":\"%s\"}", hex);
	add(REQUEST_WARRANT_SUSPEND, body);
	add(REQUEST_WARRANT_RESUME, body);
	add(REQUEST_WARRANT_REVOKE, body);
	(void)snprintf(body, sizeof(body),
	    "{\"end\":\"2041-01-01T00:00:00Z\",\"warrant\":\"%s\"}", hex);
	add(REQUEST_WARRANT_EXTEND, body);
	(void)snprintf(body, sizeof(body),
	    "{\"end\":\"2027-01-15T08:30:00Z\",\"warrant\":\"%s\"}", hex);
	add(REQUEST_WARRANT_END, body);
}

static void
make_documents(void)
{
	make_on_warrant(base[1].paper.hash);
	make_on_warrant(base[5].paper.hash);
	add(REQUEST_WARRANT_ADD,
	    warrant("L4", TARGET(WORLD_ALICE, "01"), "\"hi2\"", ""));
	add(REQUEST_SUBSCRIBER_ADD,
	    "{\"devices\":[\"sip:pad@example.com\"],"
	    "\"identity\":\"sip:carol@example.com\","
	    "\"wrappedSeed\":\"c2VlZA==\"}");
	add(REQUEST_SUBSCRIBER_DEVICES,
	    "{\"devices\":[\"tel:+15550100\"],\"identity\":\"" WORLD_ALICE
	    "\",\"record\":3}");
	add(REQUEST_SUBSCRIBER_REMOVE,
	    "{\"identity\":\"" WORLD_ALICE "\",\"record\":3}");
	add(REQUEST_CONFIG_SET, "{\"text\":\"another\"}");
	add(REQUEST_CLOCK_ACCEPT, "{\"time\":\"2027-01-15T08:00:00Z\"}");
	add(REQUEST_CLIENT_REMOVE, "{\"name\":\"df2\"}");
	add(REQUEST_LEMF_REMOVE, "{\"name\":\"police\"}");
	add(REQUEST_PERSON_REMOVE, "{\"name\":\"o1\",\"voidSignatures\":true}");
	with_cert(NULL, REQUEST_CLIENT_ADD, "mf", &other, "");
	with_cert(NULL, REQUEST_PERSON_ADD, "new", &other,
	    "\"role\":\"engineer\",");
	document[n_documents++] = base[4]; /* its record is missing */
}

/* ---- calls and records ---- */

static void
load_call(void)
{
	static struct xk_msg m; /* kept: the octets have no views of it */
	json_t *file = vectors("exchanges.json");
	const json_t *e = json_array_get(member(file, "exchanges"), 0);
	size_t len, cap;
	uint8_t *pdu, *p;
	struct call c;
	uint32_t id;
	struct wr w;

	pdu = octets(json_array_get(member(e, "xk"), 0), "getKeys", &len);
	MUST(xk_pdu_decode(view(pdu, len), &m, &id) == ERR_OK);
	MUST(call_from_request(&m.u.get_keys, &c) == XK_GRANTED);
	cap = call_put_max(&c);
	MUST((p = malloc(cap)) != NULL);
	wr_init(&w, p, cap);
	call_put(&w, &c);
	MUST(wr_finish(&w, &len) == ERR_OK);
	call_octets = view(p, len);
	xk_msg_free(&m);
	free(pdu);
	json_decref(file);
}

struct rd
world_call(void)
{
	return call_octets;
}

struct rd
world_record(uint64_t number, struct rd identity)
{
	static const uint8_t seal[SUBSCRIBER_SEAL_LEN];
	static uint8_t octets[SUBSCRIBER_MAX];
	const struct subscriber s = {.created = PKI_NOW,
	    .number = number,
	    .test = rd_is(&identity, WORLD_BOB, strlen(WORLD_BOB)),
	    .identity = identity,
	    .seed = view("seed", 4)};
	struct wr w;
	size_t len;

	wr_init(&w, octets, sizeof(octets));
	subscriber_put(&w, &s);
	wr_copy(&w, seal, sizeof(seal));
	MUST(wr_finish(&w, &len) == ERR_OK);
	return view(octets, len);
}

/* ---- all of it ---- */

/* --wrap=d2i_X509: what is read in each run is read once, for speed. */
X509 *__real_d2i_X509(X509 **, const unsigned char **, long len);
X509 *__wrap_d2i_X509(X509 **, const unsigned char **, long len);

X509 *
__wrap_d2i_X509(X509 **out, const unsigned char **in, long len)
{
	const struct rd der = view(*in, (size_t)len);

	for (unsigned i = 0; out == NULL && i < N_PERSONS; i++)
		if (person[i].der != NULL &&
		    rd_is(&der, person[i].der, person[i].len)) {
			*in += len;
			MUST(X509_up_ref(person[i].cert) == 1);
			return person[i].cert;
		}
	return __real_d2i_X509(out, in, len);
}

void
world_make(void)
{
	static const char *const names[N_PERSONS] = {"o1", "o2", "s1", "s2"};

	for (unsigned i = 0; i < N_PERSONS; i++)
		person[i] = signatory_make(names[i], i + 1, PKI_UNTIL);
	client = signatory_make("df2", 10, PKI_UNTIL);
	lemf = signatory_make("police", 11, PKI_NOW + 365 * 86400LL);
	other = signatory_make("other", 12, PKI_UNTIL);
	make_base();
	for (unsigned i = 0; i < WORLD_BASE; i++) {
		size_t len;
		uint8_t *p = papers_evidence(&base[i].cms[WORLD_BOTH], 1, &len);

		evidence[i] = view(p, len);
	}
	make_documents();
	load_call();
}

unsigned
world_documents(void)
{
	return n_documents;
}

const struct world_document *
world_document(unsigned i)
{
	return &document[i % n_documents];
}

struct rd
world_client(void)
{
	return signatory_cert(&client);
}

struct authority *
world_authority(void)
{
	struct genesis g = {.time = PKI_NOW - 100, .kms = PAPERS_KMS};
	struct authority *a = NULL;
	struct why why;

	MUST(digest_of(str(WORLD_CONFIG), g.config) == ERR_OK);
	MUST(authority_new(&g, &a) == ERR_OK);
	for (unsigned i = 0; i < N_PERSONS; i++)
		MUST(authority_first_person(a, person[i].name,
			 i < SECURITY ? ROLE_OFFICER : ROLE_SECURITY_OFFICER,
			 signatory_cert(&person[i]), &why) == ERR_OK);
	MUST(authority_first_client(a, "df2", world_client(), &why) == ERR_OK);
	return a;
}

size_t
world_kms_state(uint8_t *out, size_t cap)
{
	struct kms_state s = {.created = PKI_NOW - 100,
	    .scheme = str("ss512"),
	    .uri = str(PAPERS_KMS),
	    .params = str("p"),
	    .import_key = str("i"),
	    .spool_key = str("s"),
	    .hi2_key = str("h"),
	    .config = str(WORLD_CONFIG),
	    .n_persons = N_PERSONS,
	    .n_clients = 1,
	    .client = {{str("df2"), world_client()}}};
	struct wr w;
	size_t len;

	for (unsigned i = 0; i < N_PERSONS; i++)
		s.person[i] = (struct kms_person){str(person[i].name),
		    signatory_cert(&person[i]),
		    i < SECURITY ? ROLE_OFFICER : ROLE_SECURITY_OFFICER};
	for (unsigned i = 0; i < TLS_ROLE__MAX; i++)
		s.tls_key[i] = s.tls_request[i] = str("t");
	wr_init(&w, out, cap);
	kms_state_put(&w, &s);
	MUST(wr_finish(&w, &len) == ERR_OK);
	return len;
}

struct change
world_change(unsigned i)
{
	return paper_change(&base[i].paper, i + 1, evidence[i]);
}

/* It waits for its second signature. */
static void
put_request(struct db *d, const struct world_document *w)
{
	size_t len;
	uint8_t *p = papers_evidence(&w->cms[WORLD_FIRST], 1, &len);
	const struct db_request r = {.hash = view(w->paper.hash, DIGEST_LEN),
	    .request = paper_view(&w->paper),
	    .evidence = view(p, len),
	    .entered = PKI_NOW};
	struct why why;

	MUST(db_put_request(d, &r, &why) == ERR_OK);
	free(p);
}

struct db *
world_db(unsigned n, unsigned open, unsigned unlogged)
{
	struct why why = {""};
	struct db *d;

	MUST(db_open(":memory:", &d, &why) == ERR_OK);
	for (unsigned i = 0; i < n; i++) {
		const struct change c =
		    paper_change(&base[i].paper, i + 1, evidence[i]);
		const bool confirmed = i + open < n;

		MUST(db_add_change(d, &c, &why) == ERR_OK);
		if (confirmed)
			MUST(db_confirm_change(d, &c, i + open + unlogged < n,
				 &why) == ERR_OK);
	}
	if (n > 2 + open) /* Alice's record is there, Bob's was not made */
		MUST(db_put_subscriber(d, str(WORLD_ALICE), 3,
			 world_record(3, str(WORLD_ALICE)), &why) == ERR_OK);
	if (n == WORLD_BASE)
		put_request(d, &document[DOCUMENT_WAITS]);
	return d;
}
