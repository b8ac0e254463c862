/*
 * Changes to the warrant state, believed as they come.  Each moves the head by
 * exactly one or changes nothing; what authority_fits() lets through can be
 * applied; without signatures nothing passes authority_check(); the same
 * changes lead a second authority to the same head.
 *
 * Input: for each change u8 kind; u8 faults; u8 a, b, c that choose what its
 * request says; or, for no kind, a change as change_put() makes it.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "fuzz.h"
#include "policy/authority.h"
#include "policy/rfc3339.h"

#define NOW 1900000000
#define KMS "kms.example.com"
#define N_CERTS 4 /* persons/, and one that is none */
#define MOST 64 /* changes of one input */

/* Why a change is not what it should be: bits. */
enum {
	OTHER_NUMBER = 1,
	OTHER_HASH = 2,
	OTHER_KIND = 4,
	NO_OCTETS = 8,
	OTHER_KMS = 16,
	OLD_RULES = 32
};

static struct rd cert[N_CERTS];
static char *cert64[N_CERTS];

static struct rd
load(const char *name)
{
	char path[512];

	(void)snprintf(path, sizeof(path), "%s/fuzz/persons/%s", KW_TESTS,
	    name);
	return read_whole(path);
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static const char *const file[N_CERTS] = {"first.der", "second.der",
	    "third.der", "payload-0"};

	(void)argc;
	(void)argv;
	for (int i = 0; i < N_CERTS; i++) {
		cert[i] = load(file[i]);
		cert64[i] = calloc(2, cert[i].left + 4);
		MUST(cert64[i] != NULL);
		MUST(EVP_EncodeBlock((unsigned char *)cert64[i], cert[i].p,
			 (int)cert[i].left) > 0);
	}
	return 0;
}

static struct authority *
at_start(void)
{
	struct genesis g = {.time = NOW - 1, .kms = KMS};
	struct authority *a = NULL;
	struct why why;

	memset(g.digest, 0x5a, sizeof(g.digest));
	MUST(authority_new(&g, &a) == ERR_OK);
	MUST(authority_first_person(a, "p0", ROLE_OFFICER, cert[0], &why) ==
	    ERR_OK);
	MUST(authority_first_client(a, "p1", cert[1], &why) == ERR_OK);
	return a;
}

/* ---- what a request says ---- */

struct says {
	enum request_kind kind;
	uint8_t a, b, c;
	const uint8_t *on; /* the warrant */
};

/* What names a certificate. */
static void
body_with_cert(const struct says *s, char *out, size_t cap)
{
	char role[64] = "";

	if (s->kind == REQUEST_PERSON_ADD)
		(void)snprintf(role, sizeof(role), ",\"role\":\"%s\"",
		    role_name((enum role)(s->c % ROLE__MAX)));
	(void)snprintf(out, cap, "{\"name\":\"p%d\",\"certificate\":\"%s\"%s}",
	    s->a % 5, cert64[s->b % N_CERTS], role);
}

static void
body_on_warrant(const struct says *s, char *out, size_t cap)
{
	char hex[2 * DIGEST_LEN + 1], t[RFC3339_LEN], end[64] = "";

	hex_put(s->on, DIGEST_LEN, hex);
	if (s->kind == REQUEST_WARRANT_EXTEND || s->kind == REQUEST_WARRANT_END)
		(void)snprintf(end, sizeof(end), ",\"end\":\"%s\"",
		    rfc3339_print(NOW + s->b * 1000, t));
	(void)snprintf(out, cap, "{\"warrant\":\"%s\"%s}", hex, end);
}

static void
body(const struct says *s, char *out, size_t cap)
{
	char t[RFC3339_LEN];

	if (s->kind == REQUEST_WARRANT_ADD)
		(void)snprintf(out, cap,
		    "{\"liid\":\"L%d\",\"targets\":[{\"identities\":"
		    "[\"sip:a\"]}],\"clients\":[\"p1\"],\"products\":"
		    "[\"keys\"],\"delivery\":[\"xk\"],\"period\":{"
		    "\"start\":\"2020-01-01T00:00:00Z\",\"end\":\"%s\"}}",
		    s->a, rfc3339_print(NOW + (s->b - 128) * 1000, t));
	else if (s->kind <= REQUEST_WARRANT_REVOKE)
		body_on_warrant(s, out, cap);
	else if (s->kind == REQUEST_PERSON_REMOVE)
		(void)snprintf(out, cap,
		    "{\"name\":\"p%d\",\"voidSignatures\":%s}", s->a % 5,
		    s->b & 1 ? "true" : "false");
	else if (s->kind == REQUEST_CLIENT_REMOVE ||
	    s->kind == REQUEST_LEMF_REMOVE)
		(void)snprintf(out, cap, "{\"name\":\"p%d\"}", s->a % 5);
	else if (s->kind <= REQUEST_CLIENT_ADD || s->kind == REQUEST_LEMF_ADD)
		body_with_cert(s, out, cap);
	else if (s->kind == REQUEST_CONFIG_SET)
		(void)snprintf(out, cap, "{\"text\":\"%d\"}", s->a);
	else if (s->kind == REQUEST_SUBSCRIBER_ADD)
		(void)snprintf(out, cap,
		    "{\"identity\":\"sip:%d\",\"certificate\":\"%s\"}", s->a,
		    cert64[s->b % N_CERTS]);
	else if (s->kind == REQUEST_CLOCK_ACCEPT)
		(void)snprintf(out, cap, "{\"time\":\"%s\"}",
		    rfc3339_print(NOW + (s->a - 128) * 8, t));
	else
		(void)snprintf(out, cap,
		    "{\"identity\":\"sip:%d\",\"record\":%d}", s->a, s->b);
}

/* ---- what can be seen of an authority ---- */

#define SEEN_LEN 16384

static void
see_one(struct wr *w, const struct cert_entry *c)
{
	wr_view8(w, c->name, strlen(c->name));
	wr_copy(w, c->fingerprint, DIGEST_LEN);
}

static void
see_lists(const struct authority *a, struct wr *w)
{
	const struct persons *p = authority_persons(a);

	wr_u32(w, persons_count(p));
	for (unsigned i = 0; i < persons_count(p); i++) {
		const struct person one = persons_get(p, i);

		wr_view8(w, one.name, strlen(one.name));
		wr_u64(w, one.from);
		wr_u64(w, one.until);
		wr_bool(w, one.voided);
		MUST(one.from < one.until);
	}
	wr_u32(w, authority_clients(a));
	for (unsigned i = 0; i < authority_clients(a); i++) {
		const struct cert_entry c = authority_client(a, i);

		see_one(w, &c);
	}
	wr_u32(w, authority_lemfs(a));
	for (unsigned i = 0; i < authority_lemfs(a); i++) {
		const struct cert_entry c = authority_lemf(a, i);
		struct rd name, der;

		see_one(w, &c);
		rd_init(&name, c.name, strlen(c.name));
		MUST(authority_lemf_named(a, name, &der));
		MUST(rd_equal(&der, &c.cert));
	}
}

/* All of it as octets. */
static size_t
see(const struct authority *a, uint8_t out[SEEN_LEN])
{
	const struct head h = authority_head(a);
	struct change_known c;
	size_t len = 0;
	struct wr w;

	wr_init(&w, out, SEEN_LEN);
	wr_u64(&w, h.number);
	wr_copy(&w, h.hash, DIGEST_LEN);
	wr_i64(&w, authority_time(a));
	wr_u64(&w, authority_policy_version(a));
	wr_copy(&w, authority_config(a), DIGEST_LEN);
	see_lists(a, &w);
	for (uint64_t i = 1; authority_change(a, i, &c) == ERR_OK; i++) {
		const struct warrant_state s = authority_warrant(a, c.hash, 1);

		wr_bool(&w, authority_record_stands(a, i));
		wr_bool(&w, s.revoked);
		wr_bool(&w, s.suspended);
		wr_i64(&w, s.end);
		MUST(i <= h.number);
	}
	MUST(wr_finish(&w, &len) == ERR_OK);
	return len;
}

/* ---- one change ---- */

struct run {
	struct authority *a;
	unsigned n;
	struct rd kept[MOST]; /* change_put() of what was applied */
};

static void
keep(struct run *r, const struct change *c)
{
	const size_t cap =
	    CHANGE_FIXED_LEN + c->request.left + c->evidence.left;
	uint8_t *p = malloc(cap);
	struct wr w;
	size_t len = 0;

	MUST(p != NULL);
	wr_init(&w, p, cap);
	change_put(&w, c);
	MUST(wr_finish(&w, &len) == ERR_OK);
	rd_init(&r->kept[r->n++], p, len);
}

static void
apply(struct run *r, const struct change *c, bool must)
{
	static uint8_t before[SEEN_LEN], after[SEEN_LEN];
	const size_t n = see(r->a, before);
	const struct head was = authority_head(r->a);
	struct head want, is;
	struct why why = {""};
	const enum err rc = authority_apply(r->a, c, &why);

	is = authority_head(r->a);
	if (rc != ERR_OK) {
		MUST(!must && why.text[0] != '\0');
		MUST(see(r->a, after) == n && memcmp(before, after, n) == 0);
		return;
	}
	MUST(head_after(&was, c, &want) == ERR_OK);
	MUST(is.number == was.number + 1 && head_equal(&is, &want));
	MUST(authority_number_of(r->a, c->hash) > 0);
	MUST(authority_time(r->a) == c->time);
	MUST(authority_policy_version(r->a) <= is.number);
	(void)see(r->a, after);
	keep(r, c);
}

/* Nobody has signed it. */
static void
check_unsigned(const struct run *r, const struct change *c)
{
	struct approval p;
	struct why why = {""};

	MUST(authority_check(r->a, c, c->time, &p, &why) != ERR_OK);
	MUST(why.text[0] != '\0');
}

static void
one_change(struct run *r, const struct says *s, uint8_t faults)
{
	struct request_head h = {.kind = s->kind,
	    .kms = faults & OTHER_KMS ? "kms.example.org" : KMS,
	    .requester = "p0",
	    .issued = NOW - 100,
	    .expires = NOW + 100};
	static char text[4 * MAX_CERT];
	struct change c = {.number = authority_head(r->a).number + 1,
	    .time = NOW,
	    .kind = s->kind};
	struct request *q = NULL;
	struct why why = {""};
	uint8_t *out = NULL;
	bool fits;
	size_t len;
	struct rd in;

	h.policy_version =
	    authority_policy_version(r->a) + (faults & OLD_RULES ? 1 : 0);
	h.nonce[0] = s->c;
	body(s, text, sizeof(text));
	rd_init(&in, text, strlen(text));
	MUST(request_write(&h, in, &out, &len, &why) == ERR_OK);
	rd_init(&c.request, out, len);
	MUST(request_parse(c.request, &q, &why) == ERR_OK);
	memcpy(c.hash, q->hash, sizeof(c.hash));
	fits = authority_fits(r->a, q, NOW, &why) == ERR_OK;
	MUST(!fits || !(faults & (OTHER_KMS | OLD_RULES)));
	request_free(&q);
	c.number += faults & OTHER_NUMBER ? 1 : 0;
	c.hash[5] ^= faults & OTHER_HASH ? 4 : 0;
	if (faults & OTHER_KIND)
		c.kind = (enum request_kind)(s->c % REQUEST__MAX);
	if (faults & NO_OCTETS)
		rd_init(&c.request, NULL, 0);
	check_unsigned(r, &c);
	apply(r, &c,
	    fits &&
		!(faults &
		    (OTHER_NUMBER | OTHER_HASH | OTHER_KIND | NO_OCTETS)));
	free(out);
}

/* A warrant is named by the change that entered it, or by chance. */
static void
choose(struct run *r, struct rd *in, uint8_t kind)
{
	const uint8_t faults = take_u8(in);
	struct says s = {.kind = (enum request_kind)kind,
	    .a = take_u8(in),
	    .b = take_u8(in),
	    .c = take_u8(in)};
	struct change_known c = {.time = 0};

	if (authority_change(r->a, s.a, &c) != ERR_OK)
		c.hash[0] = s.a;
	s.on = c.hash;
	one_change(r, &s, faults);
}

static void
octets(struct run *r, struct rd *in)
{
	struct rd copy = own_copy(take_view16(in)), at = copy;
	struct change c;

	if (change_get(&at, &c) == ERR_OK)
		apply(r, &c, false);
	own_free(&copy);
}

/* ---- again ---- */

static void
replay(struct run *r)
{
	struct authority *a = at_start();
	const struct head want = authority_head(r->a);
	struct head is;
	struct why why;
	struct change c;

	for (unsigned i = 0; i < r->n; i++) {
		struct rd at = r->kept[i];

		MUST(change_get(&at, &c) == ERR_OK);
		MUST(authority_apply(a, &c, &why) == ERR_OK);
		own_free(&r->kept[i]);
	}
	is = authority_head(a);
	MUST(head_equal(&is, &want));
	authority_free(&a);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct run r = {.a = at_start()};
	struct rd in;

	rd_init(&in, data, size);
	while (in.left > 0 && r.n < MOST) {
		const uint8_t kind = take_u8(&in);

		if (kind < REQUEST__MAX)
			choose(&r, &in, kind);
		else
			octets(&r, &in);
	}
	replay(&r);
	authority_free(&r.a);
	MUST(r.a == NULL);
	return 0;
}
