#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "help.h"
#include "policy/request.h"

#define ISSUED 1800000000LL /* 2027-01-15T08:00:00Z */
#define HEX64 "00112233445566778899aabbccddeeff0123456789abcdef0123456789abcdef"

/* Bodies in canonical form, one of each kind at least. */
static const struct {
	enum request_kind kind;
	const char *name, *body;
	const char *optional; /* members that may be missing: " a b " */
} good[] = {
    {REQUEST_WARRANT_ADD, "warrant.add",
	"{\"agency\":\"police\",\"clients\":[\"df2\"],\"delivery\":[\"xk\"],"
	"\"liid\":\"LI-1\",\"period\":{\"end\":\"2027-03-01T00:00:00Z\","
	"\"start\":\"2027-02-01T00:00:00Z\"},\"products\":[\"keys\"],"
	"\"reference\":\"Stra\xc3\x9f"
	"e 1/2\",\"targets\":[{\"identities\":["
	"\"sip:alice@example.com\"]}],\"test\":false}",
	" agency reference test "},
    {REQUEST_WARRANT_EXTEND, "warrant.extend",
	"{\"end\":\"2027-04-01T00:00:00Z\",\"warrant\":\"" HEX64 "\"}", " "},
    {REQUEST_WARRANT_END, "warrant.end",
	"{\"end\":\"2027-02-02T00:00:00Z\",\"reason\":\"\\\"over\\\"\\n\","
	"\"warrant\":\"" HEX64 "\"}",
	" reason "},
    {REQUEST_WARRANT_SUSPEND, "warrant.suspend",
	"{\"reason\":\"a wrong number\",\"warrant\":\"" HEX64 "\"}",
	" reason "},
    {REQUEST_WARRANT_RESUME, "warrant.resume", "{\"warrant\":\"" HEX64 "\"}",
	" "},
    {REQUEST_WARRANT_REVOKE, "warrant.revoke",
	"{\"reason\":\"\",\"warrant\":\"" HEX64 "\"}", " reason "},
    {REQUEST_PERSON_ADD, "person.add",
	"{\"certificate\":\"Zm9v\",\"name\":\"meyer\","
	"\"role\":\"securityOfficer\"}",
	" "},
    {REQUEST_PERSON_REMOVE, "person.remove",
	"{\"name\":\"meyer\",\"reason\":\"left\",\"voidSignatures\":true}",
	" reason "},
    {REQUEST_PERSON_CERTIFICATE, "person.certificate",
	"{\"certificate\":\"Zm9v\",\"name\":\"meyer\"}", " "},
    {REQUEST_CLIENT_ADD, "client.add",
	"{\"certificate\":\"Zm9v\",\"name\":\"df2\"}", " "},
    {REQUEST_CLIENT_REMOVE, "client.remove",
	"{\"name\":\"df2\",\"reason\":\"gone\"}", " reason "},
    {REQUEST_CONFIG_SET, "config.set",
	"{\"text\":\"xk {\\n\\tlisten = \\\"[::]:1\\\"\\n}\"}", " "},
    {REQUEST_SUBSCRIBER_ADD, "subscriber.add",
	"{\"certificate\":\"Zm9v\",\"devices\":[\"sip:a\",\"tel:+1\"],"
	"\"identity\":\"sip:bob\",\"label\":\"bGFiZWw=\",\"test\":true,"
	"\"wrappedSeed\":\"c2VlZA==\"}",
	" certificate devices label test wrappedSeed "},
    {REQUEST_SUBSCRIBER_ADD, "subscriber.add",
	"{\"identity\":\"sip:bob\",\"wrappedSeed\":\"c2VlZA==\"}", " "},
    {REQUEST_SUBSCRIBER_DEVICES, "subscriber.devices",
	"{\"devices\":[\"sip:a\"],\"identity\":\"sip:bob\",\"record\":7}",
	" devices "},
    {REQUEST_SUBSCRIBER_REMOVE, "subscriber.remove",
	"{\"identity\":\"sip:bob\",\"reason\":\"x\",\"record\":4194304}",
	" reason "},
    {REQUEST_CLOCK_ACCEPT, "clock.accept",
	"{\"reason\":\"battery\",\"time\":\"2027-01-15T08:00:00Z\"}",
	" reason "},
    {REQUEST_LEMF_ADD, "lemf.add",
	"{\"certificate\":\"Zm9v\",\"name\":\"north\"}", " "},
    {REQUEST_LEMF_REMOVE, "lemf.remove",
	"{\"name\":\"north\",\"reason\":\"gone\"}", " reason "},
};
#define N_GOOD (sizeof(good) / sizeof(good[0]))

/* The canonical octets as docs/PROTOCOL.md has them, written by hand. */
static char *
octets_of(size_t i)
{
	const size_t cap = strlen(good[i].body) + 512;
	char *s = malloc(cap);

	assert_non_null(s);
	(void)snprintf(s, cap,
	    "{\"body\":%s,\"expires\":\"2027-01-16T08:00:00Z\","
	    "\"issued\":\"2027-01-15T08:00:00Z\",\"keywarden\":\"request\","
	    "\"kind\":\"%s\",\"kms\":\"kms.example.com\","
	    "\"nonce\":\"000102030405060708090a0b0c0d0e0f\","
	    "\"policyVersion\":3,\"requester\":\"santos\",\"version\":1}",
	    good[i].body, good[i].name);
	return s;
}

/* Parsed from memory of its own size. */
static enum err
parse(const void *p, size_t n, struct request **q, struct why *why)
{
	uint8_t *copy = malloc(n > 0 ? n : 1);
	enum err rc;

	assert_non_null(copy);
	memcpy(copy, p, n);
	rc = request_parse(view(copy, n), q, why);
	free(copy);
	return rc;
}

static struct request *
taken(const char *s)
{
	struct request *q = NULL;
	struct why why = {""};

	if (parse(s, strlen(s), &q, &why) != ERR_OK)
		fail_msg("%s: %s", why.text, s);
	return q;
}

/* Refused with a reason that has `named` in it; nothing comes out. */
static void
malformed_octets(const void *p, size_t n, const char *named)
{
	struct request *mark = (struct request *)(uintptr_t)0x1234, *q = mark;
	struct why why = {""};
	const enum err rc = parse(p, n, &q, &why);

	if (rc != ERR_MALFORMED)
		fail_msg("%s: %.*s", err_str(rc), (int)(n < 700 ? n : 700),
		    (const char *)p);
	assert_ptr_equal(q, mark);
	assert_string_not_equal(why.text, "");
	if (named != NULL && strstr(why.text, named) == NULL)
		fail_msg("\"%s\" does not name %s: %.*s", why.text, named,
		    (int)(n < 700 ? n : 700), (const char *)p);
}

static void
malformed(const char *s, const char *named)
{
	malformed_octets(s, strlen(s), named);
}

static void
malformed_prefix(const uint8_t *p, size_t n)
{
	malformed_octets(p, n, NULL);
}

/* ---- reading and writing ---- */

static void
each_kind_is_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_GOOD; i++) {
		char *s = octets_of(i);
		struct request *q = taken(s);
		uint8_t hash[DIGEST_LEN];

		assert_int_equal(q->kind, good[i].kind);
		assert_int_equal(digest_of(view(s, strlen(s)), hash), ERR_OK);
		assert_memory_equal(q->hash, hash, DIGEST_LEN);
		assert_int_equal(q->nonce[15], 15);
		assert_true(q->issued == ISSUED);
		assert_true(q->expires == ISSUED + 86400);
		assert_true(q->policy_version == 3);
		assert_string_equal(q->kms, "kms.example.com");
		assert_string_equal(q->requester, "santos");
		request_free(&q);
		assert_null(q);
		request_free(&q);
		free(s);
	}
}

static struct request *
taken_kind(enum request_kind k)
{
	struct request *q = NULL;

	for (size_t i = 0; i < N_GOOD && q == NULL; i++)
		if (good[i].kind == k) {
			char *s = octets_of(i);

			q = taken(s);
			free(s);
		}
	assert_non_null(q);
	return q;
}

static void
what_a_warrants_kinds_say_is_kept(void **state)
{
	static const enum request_kind on[] = {REQUEST_WARRANT_EXTEND,
	    REQUEST_WARRANT_END, REQUEST_WARRANT_SUSPEND,
	    REQUEST_WARRANT_RESUME, REQUEST_WARRANT_REVOKE};
	struct request *q = taken_kind(REQUEST_WARRANT_ADD);
	uint8_t id[32];

	(void)state;
	assert_memory_equal(q->warrant->id, q->hash, DIGEST_LEN);
	assert_string_equal(q->warrant->liid, "LI-1");
	assert_string_equal(q->warrant->agency, "police");
	request_free(&q);
	assert_int_equal(hex_get(HEX64, id, sizeof(id)), ERR_OK);
	for (size_t i = 0; i < sizeof(on) / sizeof(on[0]); i++) {
		q = taken_kind(on[i]);
		assert_memory_equal(q->on, id, sizeof(id));
		assert_null(q->warrant);
		assert_int_equal(q->end,
		    on[i] == REQUEST_WARRANT_EXTEND    ? 1806537600
			: on[i] == REQUEST_WARRANT_END ? 1801526400
						       : 0);
		request_free(&q);
	}
}

static void
what_the_other_kinds_say_is_kept(void **state)
{
	struct request *q = taken_kind(REQUEST_PERSON_ADD);

	(void)state;
	assert_string_equal(q->name, "meyer");
	assert_int_equal(q->role, ROLE_SECURITY_OFFICER);
	assert_int_equal(q->cert.len, 3);
	assert_memory_equal(q->cert.p, "foo", 3);
	request_free(&q);
	q = taken_kind(REQUEST_PERSON_REMOVE);
	assert_string_equal(q->name, "meyer");
	assert_true(q->voids);
	request_free(&q);
	q = taken_kind(REQUEST_CLIENT_ADD);
	assert_string_equal(q->name, "df2");
	assert_memory_equal(q->cert.p, "foo", 3);
	request_free(&q);
	q = taken_kind(REQUEST_LEMF_ADD);
	assert_string_equal(q->name, "north");
	assert_memory_equal(q->cert.p, "foo", 3);
	request_free(&q);
	q = taken_kind(REQUEST_CONFIG_SET);
	assert_int_equal(q->text.len, 25);
	assert_memory_equal(q->text.p, "xk {\n\tlisten = \"[::]:1\"\n}",
	    26 - 1);
	request_free(&q);
	q = taken_kind(REQUEST_SUBSCRIBER_ADD);
	assert_string_equal(q->identity, "sip:bob");
	assert_int_equal(q->devices.n, 2);
	assert_string_equal(q->devices.w[1], "tel:+1");
	assert_int_equal(q->label.len, 5);
	assert_memory_equal(q->label.p, "label", 5);
	assert_int_equal(q->seed.len, 4);
	assert_memory_equal(q->seed.p, "seed", 4);
	assert_int_equal(q->cert.len, 3);
	assert_true(q->test);
	request_free(&q);
	q = taken_kind(REQUEST_SUBSCRIBER_DEVICES);
	assert_int_equal(q->devices.n, 1);
	assert_int_equal(q->record, 7);
	request_free(&q);
	q = taken_kind(REQUEST_CLOCK_ACCEPT);
	assert_int_equal(q->time, ISSUED);
	request_free(&q);
}

static struct request_head
head_of(enum request_kind kind)
{
	struct request_head h = {.kind = kind,
	    .kms = "kms.example.com",
	    .requester = "santos",
	    .policy_version = 3,
	    .issued = ISSUED,
	    .expires = ISSUED + 86400};

	for (uint8_t i = 0; i < REQUEST_NONCE_LEN; i++)
		h.nonce[i] = i;
	return h;
}

/* Members the other way round and blanks all over. */
static char *
another_layout(const char *body)
{
	json_t *from = json_loads(body, 0, NULL), *to = json_object(), *v;
	const char *key[16];
	const char *k;
	char *out;
	int n = 0;

	assert_non_null(from);
	json_object_foreach (from, k, v)
		key[n++] = k;
	while (n-- > 0)
		json_object_set(to, key[n], json_object_get(from, key[n]));
	out = json_dumps(to, JSON_INDENT(3) | JSON_ENSURE_ASCII);
	json_decref(from);
	json_decref(to);
	return out;
}

static void
what_is_written_is_what_is_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_GOOD; i++) {
		const struct request_head h = head_of(good[i].kind);
		char *want = octets_of(i), *body = another_layout(good[i].body);
		struct why why = {""};
		uint8_t *out = NULL;
		size_t len = 0;

		assert_string_not_equal(body, good[i].body);
		if (request_write(&h, view(body, strlen(body)), &out, &len,
			&why) != ERR_OK)
			fail_msg("%s", why.text);
		assert_int_equal(len, strlen(want));
		assert_memory_equal(out, want, len);
		free(out);
		free(body);
		free(want);
	}
}

static void
nothing_is_written_that_would_not_be_read(void **state)
{
	struct request_head h = head_of(REQUEST_WARRANT_RESUME);
	const char *body = "{\"warrant\":\"" HEX64 "\"}";
	uint8_t *out = NULL;
	struct why why;
	size_t len = 99;

	(void)state;
#define NOT_WRITTEN(b, named) \
	do { \
		why.text[0] = '\0'; \
		assert_int_equal(request_write(&h, view(b, strlen(b)), &out, \
				     &len, &why), \
		    ERR_MALFORMED); \
		assert_non_null(strstr(why.text, named)); \
		assert_null(out); \
		assert_int_equal(len, 99); \
	} while (0)
	NOT_WRITTEN("", "JSON");
	NOT_WRITTEN("{}", "warrant");
	NOT_WRITTEN("[]", "object");
	NOT_WRITTEN("{\"warrant\":\"" HEX64 "\",\"x\":1}", "\"x\"");
	h.requester = "two words";
	NOT_WRITTEN(body, "requester");
	h.requester = "\xff";
	NOT_WRITTEN(body, "requester");
	h = head_of(REQUEST_WARRANT_RESUME);
	h.kms = "";
	NOT_WRITTEN(body, "kms");
	h = head_of(REQUEST_WARRANT_RESUME);
	h.issued = -1;
	NOT_WRITTEN(body, "issued");
	h = head_of(REQUEST_WARRANT_RESUME);
	h.expires = h.issued;
	NOT_WRITTEN(body, "expires");
	h.expires = h.issued + 30 * 86400 + 1;
	NOT_WRITTEN(body, "expires");
	h = head_of(REQUEST_WARRANT_RESUME);
	h.policy_version = UINT64_MAX;
	NOT_WRITTEN(body, "policyVersion");
	h.policy_version = MAX_CHANGES + 1;
	NOT_WRITTEN(body, "policyVersion");
#undef NOT_WRITTEN
}

static void
a_request_lasts_at_most_30_days(void **state)
{
	struct request_head h = head_of(REQUEST_WARRANT_RESUME);
	const char *body = "{\"warrant\":\"" HEX64 "\"}";
	uint8_t *out = NULL;
	size_t len;

	(void)state;
	h.expires = h.issued + 30 * 86400;
	assert_int_equal(request_write(&h, view(body, strlen(body)), &out, &len,
			     NULL),
	    ERR_OK);
	free(out);
	h.expires = h.issued + 1;
	assert_int_equal(request_write(&h, view(body, strlen(body)), &out, &len,
			     NULL),
	    ERR_OK);
	free(out);
}

static void
a_request_has_at_most_32768_octets(void **state)
{
	/* one octet of the text for each that the rest leaves */
	const size_t room = MAX_REQUEST + 100;
	struct request *q = NULL;
	char *s = octets_of(5), *big = malloc(room + 1), *at;
	struct why why = {""};
	size_t n;

	(void)state;
	assert_non_null(big);
	at = strstr(s, "\"reason\":\"");
	assert_non_null(at);
	at += strlen("\"reason\":\"");
	n = MAX_REQUEST - strlen(s);
	memcpy(big, s, (size_t)(at - s));
	memset(big + (at - s), 'r', n + 1);
	memcpy(big + (at - s) + n, at, strlen(at) + 1);
	assert_int_equal(parse(big, MAX_REQUEST, &q, &why), ERR_OK);
	request_free(&q);
	memset(big + (at - s), 'r', n + 1);
	memcpy(big + (at - s) + n + 1, at, strlen(at) + 1);
	assert_int_equal(parse(big, MAX_REQUEST + 1, &q, &why), ERR_TOOBIG);
	assert_null(q);
	free(big);
	free(s);
}

/* ---- one way to write it ---- */

/* The same document for whoever reads JSON? */
static bool
means_the_same(const char *s, const char *t)
{
	json_t *a = json_loads(s, JSON_REJECT_DUPLICATES, NULL);
	json_t *b = json_loads(t, JSON_REJECT_DUPLICATES, NULL);
	const bool same = a != NULL && b != NULL && json_equal(a, b);

	json_decref(a);
	json_decref(b);
	return same;
}

static bool
known(const char *s)
{
	struct request *q = NULL;
	const bool is =
	    request_parse_known(view(s, strlen(s)), &q, NULL) == ERR_OK;

	request_free(&q);
	return is;
}

/* Read as a warrant that is known by the hash of `of`. */
static enum err
known_warrant(const char *s, const char *of, struct warrant **w)
{
	uint8_t hash[DIGEST_LEN];

	assert_int_equal(digest_of(view(of, strlen(of)), hash), ERR_OK);
	return request_known_warrant(view(s, strlen(s)), hash, w, NULL);
}

static void
a_warrant_that_is_known_by_its_hash_is_the_same(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_GOOD; i++) {
		struct warrant *w = NULL;
		struct request *q = NULL;
		char *s = octets_of(i), *t = octets_of((i + 1) % N_GOOD);
		enum err rc = known_warrant(s, s, &w);

		assert_int_equal(known_warrant(s, t, &w), ERR_MISMATCH);
		if (good[i].kind == REQUEST_WARRANT_ADD) {
			assert_int_equal(rc, ERR_OK);
			assert_int_equal(request_parse(view(s, strlen(s)), &q,
					     NULL),
			    ERR_OK);
			assert_memory_equal(w->id, q->hash, WARRANT_ID_LEN);
			assert_string_equal(w->liid, q->warrant->liid);
			assert_true(w->start == q->warrant->start);
			assert_true(w->end == q->warrant->end);
			assert_int_equal(w->n_targets, q->warrant->n_targets);
		} else
			assert_int_equal(rc, ERR_MALFORMED);
		request_free(&q);
		warrant_free(&w);
		free(s);
		free(t);
	}
}

static void
what_is_cut_off_is_no_known_warrant(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_GOOD; i++) {
		char *s = octets_of(i);
		struct warrant *w = NULL;

		/* as far as its body, which is what is read */
		for (size_t n = 0;
		     n < strlen(s) && strncmp(s + n, ",\"expires\"", 10) != 0;
		     n++) {
			char *t = strndup(s, n);

			assert_non_null(t);
			assert_int_equal(known_warrant(t, t, &w),
			    ERR_MALFORMED);
			free(t);
		}
		free(s);
	}
}

/* `s` with `more` put in at `at`, `out` octets left out there. */
static char *
changed(const char *s, size_t at, size_t out, const char *more)
{
	const size_t cap = strlen(s) + strlen(more) + 1;
	char *t = malloc(cap);

	assert_non_null(t);
	(void)snprintf(t, cap, "%.*s%s%s", (int)at, s, more, s + at + out);
	return t;
}

static void
blanks_are_refused_wherever_json_takes_them(void **state)
{
	static const char *const blank[] = {" ", "\t", "\n", "\r", "\r\n"};

	(void)state;
	for (size_t i = 0; i < N_GOOD; i++) {
		char *s = octets_of(i);
		unsigned n = 0;

		for (size_t at = 0; at <= strlen(s); at++) {
			char *t = changed(s, at, 0, blank[at % 5]);

			if (means_the_same(s, t)) {
				assert_true(known(t));
				malformed(t, "canonical");
				n++;
			}
			free(t);
		}
		assert_true(n > 40);
		free(s);
	}
}

static void
escapes_that_need_not_be_are_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_GOOD; i++) {
		char *s = octets_of(i), hex[8];
		unsigned n = 0;

		for (size_t at = 0; s[at] != '\0'; at++) {
			char *t;

			(void)snprintf(hex, sizeof(hex), "\\u%04x",
			    (unsigned char)s[at]);
			t = changed(s, at, 1, hex);
			if (means_the_same(s, t)) {
				malformed(t, "canonical");
				n++;
			}
			free(t);
		}
		assert_true(n > 100); /* the same text for JSON */
		free(s);
	}
}

static void
other_escapes_for_the_same_character_are_refused(void **state)
{
	static const struct {
		size_t in; /* of good[] */
		const char *is, *other;
	} row[] = {{0, "1/2", "1\\/2"}, {0, "\xc3\x9f", "\\u00df"},
	    {0, "\xc3\x9f", "\\u00DF"}, {2, "\\n", "\\u000a"},
	    {2, "\\n", "\\u000A"}, {2, "\\\"over", "\\u0022over"},
	    {11, "\\t", "\\u0009"}};

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		char *s = octets_of(row[i].in), *t, *at;

		at = strstr(s, row[i].is);
		assert_non_null(at);
		t = changed(s, (size_t)(at - s), strlen(row[i].is),
		    row[i].other);
		assert_true(known(t));
		malformed(t, "canonical");
		free(t);
		free(s);
	}
}

/* Each two neighbours change places. */
static void
members_in_another_order_are_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_GOOD; i++) {
		char *s = octets_of(i);
		json_t *root = json_loads(s, 0, NULL);
		const char *key[16];
		const char *k;
		json_t *v;
		int n = 0;

		json_object_foreach (root, k, v)
			key[n++] = k;
		for (int a = 0; a + 1 < n; a++) {
			json_t *to = json_object();
			char *t;

			for (int b = 0; b < n; b++) {
				const int c = b == a ? a + 1
				    : b == a + 1     ? a
						     : b;

				json_object_set(to, key[c],
				    json_object_get(root, key[c]));
			}
			t = json_dumps(to, JSON_COMPACT);
			assert_true(known(t));
			malformed(t, "canonical");
			free(t);
			json_decref(to);
		}
		json_decref(root);
		free(s);
	}
}

static void
members_that_stand_there_twice_are_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_GOOD; i++) {
		char *s = octets_of(i), *t;

		t = changed(s, strlen(s) - 1, 0, ",\"version\":1");
		malformed(t, "twice");
		free(t);
		t = changed(s, 1, 0, "\"body\":{},");
		malformed(t, "twice");
		free(t);
		t = changed(s, strlen("{\"body\":{"), 0, "\"x\":1,\"x\":1,");
		malformed(t, "twice");
		free(t);
		free(s);
	}
}

static void
numbers_have_one_spelling(void **state)
{
	static const char *const no[] = {"1.0", "1e0", "10e-1", "+1", "01",
	    "-1", "1.", "0x1", "\"1\""};
	static const char *const zero[] = {"-0", "0.0", "00", "0e5"};

	(void)state;
	for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++) {
		char *s = octets_of(4), *t;

		t = changed(s, strlen(s) - 2, 1, no[i]);
		malformed(t, NULL);
		free(t);
		free(s);
	}
	for (size_t i = 0; i < sizeof(zero) / sizeof(zero[0]); i++) {
		char *s = octets_of(4), *t;
		const char *at = strstr(s, "Version\":3");

		t = changed(s, (size_t)(at - s) + 9, 1, zero[i]);
		malformed(t, NULL);
		free(t);
		free(s);
	}
}

static void
octets_behind_it_or_before_it_are_refused(void **state)
{
	static const char *const more[] = {" ", "\n", "{}", "x", ",", "}",
	    "\xef\xbb\xbf"};

	(void)state;
	for (size_t i = 0; i < N_GOOD; i++) {
		char *s = octets_of(i), *t;

		for (size_t k = 0; k < sizeof(more) / sizeof(more[0]); k++) {
			t = changed(s, strlen(s), 0, more[k]);
			malformed(t, NULL);
			free(t);
			t = changed(s, 0, 0, more[k]);
			malformed(t, NULL);
			free(t);
		}
		malformed_octets(s, strlen(s) + 1, NULL); /* its NUL */
		each_prefix((const uint8_t *)s, strlen(s), malformed_prefix);
		free(s);
	}
}

/* Another bit may make another request, but never this one. */
static void
no_other_octets_have_the_same_hash(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_GOOD; i++) {
		char *s = octets_of(i);
		struct request *was = taken(s), *q = NULL;

		for (size_t at = 0; at < 8 * strlen(s); at++) {
			s[at / 8] = (char)(s[at / 8] ^ 1 << at % 8);
			if (parse(s, strlen(s), &q, NULL) == ERR_OK)
				assert_memory_not_equal(q->hash, was->hash,
				    DIGEST_LEN);
			request_free(&q);
			s[at / 8] = (char)(s[at / 8] ^ 1 << at % 8);
		}
		request_free(&was);
		free(s);
	}
}

/* ---- each member ---- */

/* The request with a member as `value` (NULL: without it) is refused. */
static void
refused_with(size_t i, bool in_body, const char *name, json_t *value,
    const char *named)
{
	char *s = octets_of(i), *t;
	json_t *root = json_loads(s, 0, NULL), *o = root;

	if (in_body)
		o = json_object_get(root, "body");
	if (value == NULL)
		json_object_del(o, name);
	else
		json_object_set(o, name, value);
	t = json_dumps(root, JSON_COMPACT | JSON_SORT_KEYS);
	malformed(t, named);
	free(t);
	json_decref(root);
	free(s);
}

static void
each_member_of_the_head_must_be_there(void **state)
{
	static const char *const names[] = {"keywarden", "version", "kind",
	    "nonce", "issued", "expires", "policyVersion", "kms", "requester"};

	(void)state;
	for (size_t i = 0; i < N_GOOD; i++) {
		for (size_t k = 0; k < sizeof(names) / sizeof(names[0]); k++)
			refused_with(i, false, names[k], NULL, names[k]);
		refused_with(i, false, "body", NULL,
		    good[i].kind == REQUEST_WARRANT_ADD ? "warrant" : "body");
	}
}

static void
each_member_of_the_head_has_its_form(void **state)
{
	static const struct {
		const char *name, *value; /* in JSON */
	} row[] = {{"keywarden", "\"rejection\""}, {"keywarden", "1"},
	    {"version", "0"}, {"version", "2"}, {"version", "\"1\""},
	    {"kind", "\"warrant\""}, {"kind", "\"Warrant.add\""},
	    {"kind", "\"\""}, {"kind", "5"}, {"kind", "null"},
	    {"nonce", "\"000102030405060708090A0b0c0d0e0f\""},
	    {"nonce", "\"000102030405060708090a0b0c0d0e\""},
	    {"nonce", "\"000102030405060708090a0b0c0d0e0f00\""},
	    {"nonce", "\"\""}, {"nonce", "7"},
	    {"issued", "\"2027-01-15 08:00:00Z\""}, {"issued", "5"},
	    {"issued", "\"2027-02-30T08:00:00Z\""},
	    {"expires", "\"2027-01-15T08:00:00Z\""},
	    {"expires", "\"2027-01-15T07:59:59Z\""},
	    {"expires", "\"2027-02-14T08:00:01Z\""}, {"expires", "null"},
	    {"policyVersion", "-1"}, {"policyVersion", "4194305"},
	    {"policyVersion", "3.0"}, {"policyVersion", "\"3\""},
	    {"kms", "\"\""}, {"kms", "\"a b\""}, {"kms", "\"\\u00e9\""},
	    {"kms", "[]"}, {"requester", "\"\""}, {"requester", "\"a b\""},
	    {"requester", "{}"}};

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		json_t *v = json_loads(row[i].value, JSON_DECODE_ANY, NULL);

		assert_non_null(v);
		for (size_t k = 0; k < N_GOOD; k += 3)
			refused_with(k, false, row[i].name, v, row[i].name);
		json_decref(v);
	}
}

static void
unknown_members_name_themselves(void **state)
{
	static const char *const no[] = {"x", "", "Body", "comment", "Reason"};
	json_t *v = json_integer(1);

	(void)state;
	for (size_t i = 0; i < N_GOOD; i++)
		for (size_t k = 0; k < sizeof(no) / sizeof(no[0]); k++) {
			char named[64];

			(void)snprintf(named, sizeof(named),
			    "unknown member \"%s\"", no[k]);
			refused_with(i, false, no[k], v, named);
			refused_with(i, true, no[k], v, named);
		}
	json_decref(v);
}

static void
members_of_another_kind_are_unknown(void **state)
{
	static const char *const all[] = {"warrant", "reason", "end", "name",
	    "role", "certificate", "voidSignatures", "text", "identity",
	    "devices", "label", "wrappedSeed", "test", "record", "time",
	    "liid"};
	json_t *v = json_integer(1);

	(void)state;
	for (size_t i = 0; i < N_GOOD; i++) {
		json_t *body = json_loads(good[i].body, 0, NULL);

		for (size_t k = 0; k < sizeof(all) / sizeof(all[0]); k++) {
			if (json_object_get(body, all[k]) == NULL)
				refused_with(i, true, all[k], v, all[k]);
		}
		json_decref(body);
	}
	json_decref(v);
}

static bool
may_be_missing(size_t i, const char *name)
{
	char word[64];

	(void)snprintf(word, sizeof(word), " %s ", name);
	return strstr(good[i].optional, word) != NULL;
}

static void
without(size_t i, const char *name)
{
	char *s = octets_of(i), *t;
	json_t *root = json_loads(s, 0, NULL);
	struct request *q;

	json_object_del(json_object_get(root, "body"), name);
	t = json_dumps(root, JSON_COMPACT | JSON_SORT_KEYS);
	q = taken(t);
	request_free(&q);
	free(t);
	json_decref(root);
	free(s);
}

static void
each_member_of_a_body_is_there_and_of_its_form(void **state)
{
	static const char *const wrong[] = {"null", "-1", "1.5", "\"\"", "[5]",
	    "{}", "\"\\u00e9\"", "\"a b\""};

	(void)state;
	for (size_t i = 0; i < N_GOOD; i++) {
		json_t *body = json_loads(good[i].body, 0, NULL), *v;
		const char *name;

		json_object_foreach (body, name, v) {
			const bool text = strcmp(name, "reason") == 0 ||
			    strcmp(name, "reference") == 0 ||
			    strcmp(name, "text") == 0;

			if (may_be_missing(i, name))
				without(i, name);
			else
				refused_with(i, true, name, NULL,
				    good[i].kind == REQUEST_SUBSCRIBER_ADD &&
					    strcmp(name, "wrappedSeed") == 0
					? "certificate"
					: name);
			for (size_t k = 0; k < sizeof(wrong) / sizeof(wrong[0]);
			     k++) {
				json_t *w =
				    json_loads(wrong[k], JSON_DECODE_ANY, NULL);

				/* a text may say anything */
				if (!text || !json_is_string(w))
					refused_with(i, true, name, w,
					    strcmp(wrong[k], "{}") == 0 ? NULL
									: name);
				json_decref(w);
			}
		}
		json_decref(body);
	}
}

static void
subscribers_are_said_with_care(void **state)
{
	static const struct {
		size_t in;
		const char *name, *value, *named;
	} row[] = {{12, "identity", "\"alice\"", "identity"},
	    {12, "identity", "\"sip:*\"", "identity"},
	    {12, "devices", "[\"bob\"]", "devices"},
	    {12, "devices", "[\"sip:bob\"]", "devices"},
	    {12, "devices", "[\"sip:a\",\"sip:a\"]", "devices"},
	    {14, "record", "4194305", "record"},
	    {14, "devices", "[\"sip:bob\"]", "devices"},
	    {6, "role", "\"Officer\"", "role"}, {6, "role", "\"\"", "role"},
	    {1, "warrant", "\"" HEX64 "00\"", "warrant"},
	    {1, "warrant",
		"\"00112233445566778899AABBCCDDEEFF"
		"0123456789abcdef0123456789abcdef\"",
		"warrant"},
	    {11, "text", "\"\"", "text"}};
	char text[MAX_CONFIG_TEXT + 2];
	json_t *v;

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		v = json_loads(row[i].value, JSON_DECODE_ANY, NULL);
		assert_non_null(v);
		refused_with(row[i].in, true, row[i].name, v, row[i].named);
		json_decref(v);
	}
	memset(text, 't', sizeof(text));
	v = json_stringn(text, MAX_CONFIG_TEXT + 1);
	refused_with(11, true, "text", v, "text");
	json_decref(v);
}

/* ---- kinds ---- */

static void
each_kind_has_a_name_and_a_rule(void **state)
{
	enum request_kind k;

	(void)state;
	for (size_t i = 0; i < N_GOOD; i++) {
		assert_int_equal(request_kind_of(good[i].name, &k), ERR_OK);
		assert_int_equal(k, good[i].kind);
		assert_string_equal(request_rule(k)->name, good[i].name);
	}
	k = REQUEST_CONFIG_SET;
	assert_int_equal(request_kind_of("warrant", &k), ERR_NOTFOUND);
	assert_int_equal(request_kind_of("", &k), ERR_NOTFOUND);
	assert_int_equal(k, REQUEST_CONFIG_SET);
}

static void
what_stops_something_needs_one_and_all_else_two(void **state)
{
	(void)state;
	for (unsigned i = 0; i < REQUEST__MAX; i++) {
		const struct request_rule *r =
		    request_rule((enum request_kind)i);
		const bool stops =
		    i == REQUEST_WARRANT_REVOKE || i == REQUEST_WARRANT_SUSPEND;
		const bool warrant = i <= REQUEST_WARRANT_REVOKE;

		assert_int_equal(r->need, stops ? 1 : 2);
		assert_int_equal(r->at_any_time,
		    stops || i == REQUEST_CLOCK_ACCEPT);
		assert_int_equal(r->approver,
		    warrant ? ROLE_OFFICER : ROLE_SECURITY_OFFICER);
		/* an auditor changes nothing, an engineer no person */
		assert_false(r->requesters & 1U << ROLE_AUDITOR);
		assert_int_equal((r->requesters & 1U << ROLE_ENGINEER) != 0,
		    i >= REQUEST_CLIENT_ADD);
		assert_true(r->requesters & 1U << r->approver);
	}
}

/* ---- rejections ---- */

#define REJECTION \
	"{\"keywarden\":\"rejection\",\"person\":\"meyer\"," \
	"\"reason\":\"no\",\"request\":\"" HEX64 "\",\"version\":1}"

static void
a_rejection_is_read_as_it_was_written(void **state)
{
	struct rejection r = {.person = "meyer"}, back;
	struct why why = {""};
	uint8_t *out = NULL;
	size_t len;

	(void)state;
	assert_int_equal(hex_get(HEX64, r.request, 32), ERR_OK);
	assert_int_equal(rejection_write(&r, "no", &out, &len, &why), ERR_OK);
	assert_int_equal(len, strlen(REJECTION));
	assert_memory_equal(out, REJECTION, len);
	assert_int_equal(rejection_parse(view(out, len), &back, &why), ERR_OK);
	assert_memory_equal(back.request, r.request, 32);
	assert_string_equal(back.person, "meyer");
	assert_true(request_is_rejection(view(out, len)));
	free(out);
	assert_int_equal(rejection_write(&r, "", &out, &len, &why), ERR_OK);
	assert_null(memmem(out, len, "reason", 6));
	assert_int_equal(rejection_parse(view(out, len), &back, &why), ERR_OK);
	free(out);
	out = NULL;
	assert_int_equal(rejection_write(&r, "\xff", &out, &len, &why),
	    ERR_MALFORMED);
	assert_null(out);
}

static void
rejections_of_another_form_are_refused(void **state)
{
	static const char *const no[] = {"", "{}", "[]",
	    "{\"keywarden\":\"request\",\"person\":\"meyer\",\"request\":"
	    "\"" HEX64 "\",\"version\":1}",
	    "{\"keywarden\":\"rejection\",\"person\":\"a b\",\"request\":"
	    "\"" HEX64 "\",\"version\":1}",
	    "{\"keywarden\":\"rejection\",\"request\":\"" HEX64
	    "\",\"version\":1}",
	    "{\"keywarden\":\"rejection\",\"person\":\"meyer\",\"version\":1}",
	    "{\"keywarden\":\"rejection\",\"person\":\"meyer\",\"request\":"
	    "\"" HEX64 "\",\"version\":2}",
	    "{\"keywarden\":\"rejection\",\"person\":\"meyer\",\"request\":"
	    "\"" HEX64 "\",\"version\":1,\"x\":1}",
	    "{\"keywarden\":\"rejection\",\"person\":\"meyer\",\"reason\":5,"
	    "\"request\":\"" HEX64 "\",\"version\":1}",
	    REJECTION "\n", REJECTION "{}", " " REJECTION};
	char *s;

	(void)state;
	for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++) {
		struct rejection r;
		struct why why = {""};

		if (rejection_parse(view(no[i], strlen(no[i])), &r, &why) !=
		    ERR_MALFORMED)
			fail_msg("%s", no[i]);
		assert_string_not_equal(why.text, "");
	}
	s = octets_of(0);
	assert_false(request_is_rejection(view(s, strlen(s))));
	malformed(REJECTION, "unknown member");
	free(s);
	assert_false(request_is_rejection(view("", 0)));
	assert_false(request_is_rejection(view("[]", 2)));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_kind_is_read),
	    cmocka_unit_test(what_a_warrants_kinds_say_is_kept),
	    cmocka_unit_test(what_the_other_kinds_say_is_kept),
	    cmocka_unit_test(what_is_written_is_what_is_read),
	    cmocka_unit_test(nothing_is_written_that_would_not_be_read),
	    cmocka_unit_test(a_request_lasts_at_most_30_days),
	    cmocka_unit_test(a_request_has_at_most_32768_octets),
	    cmocka_unit_test(blanks_are_refused_wherever_json_takes_them),
	    cmocka_unit_test(escapes_that_need_not_be_are_refused),
	    cmocka_unit_test(other_escapes_for_the_same_character_are_refused),
	    cmocka_unit_test(members_in_another_order_are_refused),
	    cmocka_unit_test(members_that_stand_there_twice_are_refused),
	    cmocka_unit_test(numbers_have_one_spelling),
	    cmocka_unit_test(octets_behind_it_or_before_it_are_refused),
	    cmocka_unit_test(no_other_octets_have_the_same_hash),
	    cmocka_unit_test(each_member_of_the_head_must_be_there),
	    cmocka_unit_test(each_member_of_the_head_has_its_form),
	    cmocka_unit_test(unknown_members_name_themselves),
	    cmocka_unit_test(members_of_another_kind_are_unknown),
	    cmocka_unit_test(each_member_of_a_body_is_there_and_of_its_form),
	    cmocka_unit_test(subscribers_are_said_with_care),
	    cmocka_unit_test(each_kind_has_a_name_and_a_rule),
	    cmocka_unit_test(what_stops_something_needs_one_and_all_else_two),
	    cmocka_unit_test(a_rejection_is_read_as_it_was_written),
	    cmocka_unit_test(a_warrant_that_is_known_by_its_hash_is_the_same),
	    cmocka_unit_test(what_is_cut_off_is_no_known_warrant),
	    cmocka_unit_test(rejections_of_another_form_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
