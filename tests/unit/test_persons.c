#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/objects.h>
#include <openssl/rsa.h>

#include "help.h"
#include "pki.h"
#include "policy/persons.h"

#define CONTENT "{\"keywardenWarrant\": 1, \"as far as persons care\": 2}"
#define N_CONTENT (sizeof(CONTENT) - 1)

/* Four persons, a stranger, and the set of the first three and the last. */
enum { ALICE, BOB, CAROL, RSA_DAVE, EVE, N_PEOPLE };

struct somebody {
	EVP_PKEY *key;
	X509 *cert;
};

struct rig {
	struct somebody p[N_PEOPLE];
	struct persons *set;
};

static enum err
add(struct persons *s, const char *name, X509 *x, struct why *why)
{
	size_t len;
	uint8_t *der = pki_cert_der(x, &len);
	enum err rc;

	rc = persons_add(s, name, ROLE_OFFICER, view(der, len), 0, why);
	free(der);
	return rc;
}

static void
must_add(struct persons *s, const char *name, X509 *x)
{
	struct why why = {""};

	if (add(s, name, x, &why) != ERR_OK)
		fail_msg("%s: %s", name, why.text);
}

static int
rig_init(void **state)
{
	static const char *const name[] = {"alice", "bob", "carol", "dave",
	    "eve"};
	struct rig *g = calloc(1, sizeof(*g));

	assert_non_null(g);
	assert_int_equal(persons_new(&g->set), ERR_OK);
	for (int i = 0; i < N_PEOPLE; i++) {
		struct pki_cert c = {.subject = name[i],
		    .serial = 100 + i,
		    .from = PKI_FROM + i,
		    .until = PKI_UNTIL - i,
		    .key_id = true};

		g->p[i].key = i == RSA_DAVE ? EVP_RSA_gen(2048)
		    : i == CAROL	    ? EVP_EC_gen("P-384")
					    : EVP_EC_gen("P-256");
		assert_non_null(g->p[i].key);
		c.key = g->p[i].key;
		g->p[i].cert = pki_cert_make(&c);
		if (i != EVE)
			must_add(g->set, name[i], g->p[i].cert);
	}
	*state = g;
	return 0;
}

static int
rig_done(void **state)
{
	struct rig *g = *state;

	persons_free(&g->set);
	for (int i = 0; i < N_PEOPLE; i++) {
		EVP_PKEY_free(g->p[i].key);
		X509_free(g->p[i].cert);
	}
	free(g);
	return 0;
}

static struct pki_signer
by(const struct rig *g, int who)
{
	return (
	    struct pki_signer){.cert = g->p[who].cert, .key = g->p[who].key};
}

/* CONTENT signed by those in `who`, a list that ends with -1. */
static uint8_t *
signed_by(const struct rig *g, const int *who, size_t *len)
{
	struct pki_signer s[8];
	size_t n = 0;

	for (; *who >= 0; who++)
		s[n++] = by(g, *who);
	return pki_sign(CONTENT, N_CONTENT, s, n, len);
}

static struct signed_doc
unset(void)
{
	return (struct signed_doc){.payload_len = 77,
	    .n_signers = 55,
	    .signer = {44}};
}

/* Refused with `want`, a reason said, and nothing in the output. */
static void
refused_at(const struct persons *s, struct rd cms, int64_t now, uint64_t at,
    enum err want)
{
	struct signed_doc d = unset(), was;
	struct why why = {""};
	enum err rc;

	memcpy(&was, &d, sizeof(d));
	rc = persons_verify(s, cms, now, at, &d, &why);
	if (rc != want)
		fail_msg("%s instead of %s (%s)", err_str(rc), err_str(want),
		    why.text);
	assert_memory_equal(&d, &was, sizeof(d));
	assert_string_not_equal(why.text, "");
}

static void
refused(const struct rig *g, const uint8_t *cms, size_t len, enum err want)
{
	refused_at(g->set, view(cms, len), PKI_NOW, 1, want);
}

/* Taken, with the very payload, by these signers in any order. */
static void
taken_at(const struct persons *s, struct rd cms, int64_t now, uint64_t at,
    const int *who)
{
	struct signed_doc d = unset();
	struct why why = {""};
	unsigned n = 0;

	if (persons_verify(s, cms, now, at, &d, &why) != ERR_OK)
		fail_msg("%s", why.text);
	assert_int_equal(d.payload_len, N_CONTENT);
	assert_memory_equal(d.payload, CONTENT, N_CONTENT);
	for (; *who >= 0; who++, n++) {
		bool found = false;

		for (unsigned i = 0; i < d.n_signers; i++)
			found |= d.signer[i] == (unsigned)*who;
		assert_true(found);
	}
	assert_int_equal(d.n_signers, n);
	signed_doc_done(&d);
	assert_null(d.payload);
	signed_doc_done(&d);
}

static void
taken(const struct rig *g, const uint8_t *cms, size_t len, const int *who)
{
	taken_at(g->set, view(cms, len), PKI_NOW, 1, who);
}

#define WHO(...) ((const int[]){__VA_ARGS__, -1})

/* ---- the set ---- */

static void
persons_are_kept_in_order_with_their_names(void **state)
{
	struct rig *g = *state;

	assert_int_equal(persons_count(g->set), 4);
	assert_string_equal(persons_get(g->set, ALICE).name, "alice");
	assert_string_equal(persons_get(g->set, BOB).name, "bob");
	assert_string_equal(persons_get(g->set, CAROL).name, "carol");
	assert_string_equal(persons_get(g->set, RSA_DAVE).name, "dave");
}

static void
a_freed_set_is_null_and_null_is_let_through(void **state)
{
	struct persons *s = NULL;

	(void)state;
	persons_free(&s);
	assert_int_equal(persons_new(&s), ERR_OK);
	assert_int_equal(persons_count(s), 0);
	persons_free(&s);
	assert_null(s);
}

static void
not_added(struct rig *g, const char *name, X509 *x, enum err want)
{
	const unsigned before = persons_count(g->set);
	struct why why = {""};
	enum err rc = add(g->set, name, x, &why);

	if (rc != want)
		fail_msg("%s instead of %s (%s)", err_str(rc), err_str(want),
		    why.text);
	assert_string_not_equal(why.text, "");
	assert_int_equal(persons_count(g->set), before);
}

static void
nobody_is_added_twice(void **state)
{
	struct rig *g = *state;
	EVP_PKEY *fresh = EVP_EC_gen("P-256"), *spelt_out;
	struct why why = {""};
	X509 *x;
	struct pki_cert c;
	enum err rc;

	/* the same name, the same certificate */
	x = pki_cert(fresh, "another", 500);
	not_added(g, "alice", x, ERR_EXISTS);
	X509_free(x);
	not_added(g, "alice again", g->p[ALICE].cert, ERR_EXISTS);

	/* the same key in another certificate, EC and RSA */
	x = pki_cert(g->p[ALICE].key, "alice the second", 501);
	not_added(g, "alice2", x, ERR_EXISTS);
	X509_free(x);
	x = pki_cert(g->p[RSA_DAVE].key, "dave the second", 502);
	not_added(g, "dave2", x, ERR_EXISTS);
	X509_free(x);

	/* the same key with its curve spelt out */
	spelt_out = EVP_PKEY_dup(g->p[ALICE].key);
	assert_int_equal(EVP_PKEY_set_utf8_string_param(spelt_out,
			     OSSL_PKEY_PARAM_EC_ENCODING,
			     OSSL_PKEY_EC_ENCODING_EXPLICIT),
	    1);
	x = pki_cert(spelt_out, "alice the third", 503);
	assert_true(i2d_X509(x, NULL) > i2d_X509(g->p[ALICE].cert, NULL) + 99);
	rc = add(g->set, "alice3", x, &why);
	assert_true(rc == ERR_EXISTS || rc == ERR_UNSUPPORTED);
	X509_free(x);
	EVP_PKEY_free(spelt_out);

	/* another key under the same issuer and serial */
	c = (struct pki_cert){.key = fresh,
	    .subject = "somebody",
	    .issuer = "bob",
	    .serial = 100 + BOB,
	    .from = PKI_FROM,
	    .until = PKI_UNTIL};
	x = pki_cert_make(&c);
	not_added(g, "bob2", x, ERR_EXISTS);
	X509_free(x);
	EVP_PKEY_free(fresh);
}

/* Same issuer or same serial alone is how every CA works. */
static void
persons_of_one_issuer_are_different_persons(void **state)
{
	struct persons *s = NULL;

	(void)state;
	assert_int_equal(persons_new(&s), ERR_OK);
	for (long i = 0; i < 4; i++) {
		EVP_PKEY *key = EVP_EC_gen("P-256");
		char name[8];
		const struct pki_cert c = {.key = key,
		    .subject = "one subject",
		    .issuer = i < 2 ? "CA" : "other CA",
		    .serial = i % 2,
		    .from = PKI_FROM,
		    .until = PKI_UNTIL};
		X509 *x = pki_cert_make(&c);

		(void)snprintf(name, sizeof(name), "o%ld", i);
		must_add(s, name, x);
		X509_free(x);
		EVP_PKEY_free(key);
	}
	assert_int_equal(persons_count(s), 4);
	persons_free(&s);
}

static void
a_name_has_1_to_64_characters(void **state)
{
	struct rig *g = *state;
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *x = pki_cert(key, "x", 600);
	struct persons *s = NULL;
	char name[MAX_NAME + 2];

	memset(name, 'n', sizeof(name));
	name[MAX_NAME + 1] = '\0';
	not_added(g, "", x, ERR_MALFORMED);
	not_added(g, name, x, ERR_MALFORMED);
	name[MAX_NAME] = '\0';
	assert_int_equal(persons_new(&s), ERR_OK);
	must_add(s, name, x);
	assert_string_equal(persons_get(s, 0).name, name);
	persons_free(&s);
	X509_free(x);
	EVP_PKEY_free(key);
}

static void
the_set_is_full_at_1024(void **state)
{
	struct persons *s = NULL;
	struct why why = {""};

	(void)state;
	assert_int_equal(persons_new(&s), ERR_OK);
	for (long i = 0; i <= MAX_PERSONS; i++) {
		EVP_PKEY *key = EVP_EC_gen("P-256");
		X509 *x;
		char name[16];

		(void)snprintf(name, sizeof(name), "person %ld", i);
		x = pki_cert(key, name, i);
		if (i < MAX_PERSONS)
			must_add(s, name, x);
		else
			assert_int_equal(add(s, name, x, &why), ERR_FULL);
		X509_free(x);
		EVP_PKEY_free(key);
	}
	assert_int_equal(persons_count(s), MAX_PERSONS);
	persons_free(&s);
}

static void
what_is_no_certificate_is_malformed(void **state)
{
	struct rig *g = *state;
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *x = pki_cert(key, "new", 700);
	struct why why;
	uint8_t *der, *more;
	size_t len;

	der = pki_cert_der(x, &len);
	for (size_t n = 0; n < len; n++) {
		uint8_t *part = malloc(n > 0 ? n : 1);

		assert_non_null(part);
		memcpy(part, der, n);
		assert_int_equal(persons_add(g->set, "new", ROLE_OFFICER,
				     view(part, n), 0, &why),
		    ERR_MALFORMED);
		free(part);
	}
	more = calloc(1, MAX_CERT + 1);
	assert_non_null(more);
	memcpy(more, der, len);
	assert_int_equal(persons_add(g->set, "new", ROLE_OFFICER,
			     view(more, len + 1), 0, &why),
	    ERR_MALFORMED);
	assert_int_equal(persons_add(g->set, "new", ROLE_OFFICER,
			     view(more, MAX_CERT + 1), 0, &why),
	    ERR_MALFORMED);
	assert_int_equal(persons_add(g->set, "new", ROLE_OFFICER,
			     view("junk", 4), 0, &why),
	    ERR_MALFORMED);
	assert_int_equal(persons_count(g->set), 4);
	free(more);
	free(der);
	X509_free(x);
	EVP_PKEY_free(key);
}

static void
keys_are_rsa_from_2048_bit_or_nist_curves(void **state)
{
	struct rig *g = *state;
	EVP_PKEY *key[] = {EVP_EC_gen("P-521"), EVP_RSA_gen(3072)};
	struct persons *s = NULL;
	EVP_PKEY *no[] = {EVP_RSA_gen(1024), EVP_EC_gen("P-224"),
	    EVP_EC_gen("P-192"), EVP_PKEY_Q_keygen(NULL, NULL, "ED25519")};

	assert_int_equal(persons_new(&s), ERR_OK);
	for (size_t i = 0; i < sizeof(key) / sizeof(key[0]); i++) {
		char name[16];
		X509 *x;

		(void)snprintf(name, sizeof(name), "strong %zu", i);
		assert_non_null(key[i]);
		x = pki_cert(key[i], name, 1);
		must_add(s, name, x);
		X509_free(x);
		EVP_PKEY_free(key[i]);
	}
	persons_free(&s);
	for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++) {
		X509 *x;

		assert_non_null(no[i]);
		x = pki_cert(no[i], "weak", 800);
		not_added(g, "weak", x, ERR_UNSUPPORTED);
		X509_free(x);
		EVP_PKEY_free(no[i]);
	}
}

/* ---- in office ---- */

static void
roles_have_names(void **state)
{
	static const char *const name[] = {"officer", "securityOfficer",
	    "engineer", "auditor"};
	enum role r;

	(void)state;
	for (unsigned i = 0; i < ROLE__MAX; i++) {
		r = ROLE__MAX;
		assert_string_equal(role_name((enum role)i), name[i]);
		assert_int_equal(role_of(name[i], &r), ERR_OK);
		assert_int_equal(r, i);
	}
	r = ROLE_AUDITOR;
	assert_int_equal(role_of("Officer", &r), ERR_NOTFOUND);
	assert_int_equal(role_of("", &r), ERR_NOTFOUND);
	assert_int_equal(r, ROLE_AUDITOR);
}

/* CONTENT signed by the rig's one, who is held to be in office at `at`. */
static void
signed_at(struct rig *g, struct persons *s, int who, uint64_t at, bool good,
    unsigned index, const char *text)
{
	size_t len;
	uint8_t *cms = signed_by(g, WHO(who), &len);
	struct why why = {""};
	struct signed_doc d;

	if (good)
		taken_at(s, view(cms, len), PKI_NOW, at, WHO((int)index));
	else {
		refused_at(s, view(cms, len), PKI_NOW, at, ERR_DENIED);
		assert_int_equal(persons_verify(s, view(cms, len), PKI_NOW, at,
				     &d, &why),
		    ERR_DENIED);
		assert_non_null(strstr(why.text, text));
	}
	free(cms);
}

static void
add_from(struct rig *g, struct persons *s, const char *name, int who,
    enum role role, uint64_t from)
{
	size_t len;
	uint8_t *der = pki_cert_der(g->p[who].cert, &len);
	struct why why = {""};

	if (persons_add(s, name, role, view(der, len), from, &why) != ERR_OK)
		fail_msg("%s: %s", name, why.text);
	free(der);
}

static void
a_person_signs_from_one_change_until_another(void **state)
{
	struct rig *g = *state;
	struct persons *s = NULL;

	assert_int_equal(persons_new(&s), ERR_OK);
	add_from(g, s, "alice", ALICE, ROLE_ENGINEER, 5);
	assert_int_equal(persons_end(s, "alice", 4, false), ERR_NOTFOUND);
	assert_int_equal(persons_end(s, "Alice", 9, false), ERR_NOTFOUND);
	signed_at(g, s, ALICE, 4, false, 0, "not enrolled");
	signed_at(g, s, ALICE, 5, true, 0, NULL);
	signed_at(g, s, ALICE, PERSON_STAYS - 1, true, 0, NULL);
	assert_true(persons_get(s, 0).until == PERSON_STAYS);
	assert_int_equal(persons_find(s, "alice", 4), PERSON_NONE);
	assert_int_equal(persons_find(s, "alice", 5), 0);
	assert_int_equal(persons_in_role(s, ROLE_ENGINEER, 4, PKI_NOW), 0);
	assert_int_equal(persons_in_role(s, ROLE_ENGINEER, 5, PKI_NOW), 1);
	assert_int_equal(persons_in_role(s, ROLE_OFFICER, 5, PKI_NOW), 0);

	assert_int_equal(persons_end(s, "alice", 9, false), ERR_OK);
	assert_int_equal(persons_end(s, "alice", 9, true), ERR_NOTFOUND);
	assert_true(persons_get(s, 0).from == 5);
	assert_true(persons_get(s, 0).until == 9);
	assert_false(persons_get(s, 0).voided);
	signed_at(g, s, ALICE, 8, true, 0, NULL);
	signed_at(g, s, ALICE, 9, false, 0, "not enrolled");
	assert_int_equal(persons_find(s, "alice", 8), 0);
	assert_int_equal(persons_find(s, "alice", 9), PERSON_NONE);
	assert_int_equal(persons_in_role(s, ROLE_ENGINEER, 9, PKI_NOW), 0);
	persons_free(&s);
}

static void
void_signatures_count_at_no_change(void **state)
{
	struct rig *g = *state;
	struct persons *s = NULL;

	assert_int_equal(persons_new(&s), ERR_OK);
	add_from(g, s, "alice", ALICE, ROLE_OFFICER, 0);
	add_from(g, s, "bob", BOB, ROLE_OFFICER, 0);
	assert_int_equal(persons_end(s, "alice", 9, true), ERR_OK);
	assert_true(persons_get(s, 0).voided);
	assert_false(persons_get(s, 1).voided);
	signed_at(g, s, ALICE, 0, false, 0, "declared void");
	signed_at(g, s, ALICE, 8, false, 0, "declared void");
	signed_at(g, s, ALICE, 9, false, 0, "not enrolled");
	signed_at(g, s, BOB, 8, true, 1, NULL);
	persons_free(&s);
}

/* Who got another certificate has signed with the one before, too. */
static void
what_was_signed_with_an_earlier_certificate_is_void_too(void **state)
{
	struct rig *g = *state;
	struct persons *s = NULL;

	assert_int_equal(persons_new(&s), ERR_OK);
	add_from(g, s, "alice", ALICE, ROLE_OFFICER, 0);
	assert_int_equal(persons_end(s, "alice", 3, false), ERR_OK);
	add_from(g, s, "alice", BOB, ROLE_OFFICER, 3);
	assert_int_equal(persons_end(s, "alice", 6, false), ERR_OK);
	add_from(g, s, "alice", CAROL, ROLE_OFFICER, 6);
	signed_at(g, s, ALICE, 2, true, 0, NULL);
	assert_int_equal(persons_end(s, "alice", 9, true), ERR_OK);
	signed_at(g, s, ALICE, 2, false, 0, "declared void");
	signed_at(g, s, BOB, 5, false, 0, "declared void");
	signed_at(g, s, CAROL, 8, false, 0, "declared void");
	persons_free(&s);
}

static void
another_person_who_had_the_name_before_is_not_void(void **state)
{
	struct rig *g = *state;
	struct persons *s = NULL;

	assert_int_equal(persons_new(&s), ERR_OK);
	add_from(g, s, "alice", ALICE, ROLE_OFFICER, 0);
	assert_int_equal(persons_end(s, "alice", 3, false), ERR_OK);
	add_from(g, s, "alice", BOB, ROLE_OFFICER, 4);
	assert_int_equal(persons_end(s, "alice", 9, true), ERR_OK);
	signed_at(g, s, ALICE, 2, true, 0, NULL);
	signed_at(g, s, BOB, 5, false, 0, "declared void");
	persons_free(&s);
}

/* Name and key are free again when somebody has left. */
static void
what_somebody_had_who_left_can_be_given_anew(void **state)
{
	struct rig *g = *state;
	struct persons *s = NULL;
	struct why why = {""};
	size_t len;
	uint8_t *der = pki_cert_der(g->p[ALICE].cert, &len);
	const struct rd cert = view(der, len);
	struct rd kept;

	assert_int_equal(persons_new(&s), ERR_OK);
	add_from(g, s, "alice", ALICE, ROLE_OFFICER, 0);
	assert_int_equal(persons_may_add(s, "alicia", cert, 5, PERSON_NONE,
			     &why),
	    ERR_EXISTS);
	assert_int_equal(persons_may_add(s, "alice", cert, 5, 0, &why), ERR_OK);
	assert_int_equal(persons_count(s), 1);
	assert_int_equal(persons_end(s, "alice", 5, true), ERR_OK);
	assert_int_equal(persons_may_add(s, "alicia", cert, 4, PERSON_NONE,
			     &why),
	    ERR_EXISTS);
	assert_int_equal(persons_may_add(s, "alicia", cert, 5, PERSON_NONE,
			     &why),
	    ERR_OK);
	add_from(g, s, "alicia", ALICE, ROLE_AUDITOR, 5);
	assert_int_equal(persons_count(s), 2);
	assert_string_equal(persons_get(s, 1).name, "alicia");
	assert_int_equal(persons_get(s, 1).role, ROLE_AUDITOR);
	kept = persons_get(s, 1).cert;
	assert_true(rd_equal(&kept, &cert));
	/* her signatures of before stay void, those of now count */
	signed_at(g, s, ALICE, 4, false, 0, "declared void");
	signed_at(g, s, ALICE, 5, true, 1, NULL);
	persons_free(&s);
	free(der);
}

/* ---- who signed ---- */

static void
two_signers_are_two_persons(void **state)
{
	struct rig *g = *state;
	const int *const who[] = {WHO(ALICE, BOB), WHO(BOB, ALICE),
	    WHO(CAROL, RSA_DAVE), WHO(RSA_DAVE, ALICE), WHO(ALICE, BOB, CAROL),
	    WHO(RSA_DAVE, CAROL, BOB, ALICE)};

	for (size_t i = 0; i < sizeof(who) / sizeof(who[0]); i++) {
		size_t len;
		uint8_t *cms = signed_by(g, who[i], &len);

		taken(g, cms, len, who[i]);
		free(cms);
	}
}

static void
one_signer_is_one(void **state)
{
	struct rig *g = *state;
	size_t len;
	uint8_t *cms = signed_by(g, WHO(ALICE), &len);

	taken(g, cms, len, WHO(ALICE));
	free(cms);
}

static void
the_same_person_twice_is_one(void **state)
{
	struct rig *g = *state;
	struct pki_signer s[4] = {by(g, ALICE), by(g, ALICE), by(g, ALICE),
	    by(g, BOB)};
	size_t len;
	uint8_t *cms = pki_sign(CONTENT, N_CONTENT, s, 2, &len);

	taken(g, cms, len, WHO(ALICE));
	free(cms);

	/* named once by issuer and serial, once by key identifier */
	s[1].flags = CMS_USE_KEYID;
	cms = pki_sign(CONTENT, N_CONTENT, s, 2, &len);
	taken(g, cms, len, WHO(ALICE));
	free(cms);

	/* two digests of one person */
	s[1].flags = 0;
	s[1].digest = "SHA512";
	cms = pki_sign(CONTENT, N_CONTENT, s, 2, &len);
	taken(g, cms, len, WHO(ALICE));
	free(cms);

	/* three times beside another: two, and not four */
	cms = pki_sign(CONTENT, N_CONTENT, s, 4, &len);
	taken(g, cms, len, WHO(ALICE, BOB));
	free(cms);
}

static void
a_stranger_spoils_the_document(void **state)
{
	struct rig *g = *state;
	const int *const who[] = {WHO(EVE), WHO(ALICE, EVE), WHO(EVE, ALICE),
	    WHO(ALICE, BOB, EVE), WHO(EVE, ALICE, BOB)};

	for (size_t i = 0; i < sizeof(who) / sizeof(who[0]); i++) {
		size_t len;
		uint8_t *cms = signed_by(g, who[i], &len);

		refused(g, cms, len, ERR_DENIED);
		free(cms);
	}
}

static void
nobody_signs_for_an_empty_set(void **state)
{
	struct rig *g = *state;
	struct persons *s = NULL;
	size_t len;
	uint8_t *cms = signed_by(g, WHO(ALICE, BOB), &len);

	assert_int_equal(persons_new(&s), ERR_OK);
	refused_at(s, view(cms, len), PKI_NOW, 1, ERR_DENIED);
	persons_free(&s);
	free(cms);
}

static void
a_document_that_nobody_signed_is_denied(void **state)
{
	struct rig *g = *state;
	/* SignedData of version 1 around "h", SHA-256, no SignerInfos */
	static const uint8_t cms[] = {0x30, 0x35, 0x06, 0x09, 0x2a, 0x86, 0x48,
	    0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02, 0xa0, 0x28, 0x30, 0x26, 0x02,
	    0x01, 0x01, 0x31, 0x0d, 0x30, 0x0b, 0x06, 0x09, 0x60, 0x86, 0x48,
	    0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x30, 0x10, 0x06, 0x09, 0x2a,
	    0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x01, 0xa0, 0x03, 0x04,
	    0x01, 'h', 0x31, 0x00};

	refused(g, cms, sizeof(cms), ERR_DENIED);
}

/*
 * The certificates inside a document are the sender's: one that names itself
 * as a person's must neither be believed nor stand in the way.
 */
static void
certificates_inside_the_document_do_not_count(void **state)
{
	struct rig *g = *state;
	const struct pki_cert mimic = {.key = g->p[EVE].key,
	    .subject = "bob",
	    .serial = 100 + BOB,
	    .from = PKI_FROM,
	    .until = PKI_UNTIL};
	X509 *x = pki_cert_make(&mimic);
	struct pki_signer s[2] = {by(g, ALICE),
	    {.cert = x, .key = g->p[EVE].key}};
	CMS_ContentInfo *c;
	uint8_t *cms;
	size_t len;

	/* Eve as Bob: same issuer and serial, her certificate inside */
	cms = pki_sign(CONTENT, N_CONTENT, s, 2, &len);
	refused(g, cms, len, ERR_DENIED);
	free(cms);
	cms = pki_sign(CONTENT, N_CONTENT, s + 1, 1, &len);
	refused(g, cms, len, ERR_DENIED);
	free(cms);

	/* Bob's own signature beside that certificate is still his */
	s[1] = by(g, BOB);
	c = pki_cms(CONTENT, N_CONTENT, NID_undef, s, 2, CMS_NOCERTS);
	assert_int_equal(CMS_add1_cert(c, x), 1);
	cms = pki_cms_der(c, &len);
	taken(g, cms, len, WHO(ALICE, BOB));
	free(cms);
	CMS_ContentInfo_free(c);

	/* and none need be inside at all */
	c = pki_cms(CONTENT, N_CONTENT, NID_undef, s, 2, CMS_NOCERTS);
	cms = pki_cms_der(c, &len);
	taken(g, cms, len, WHO(ALICE, BOB));
	free(cms);
	CMS_ContentInfo_free(c);
	X509_free(x);
}

static void
a_person_may_be_named_by_key_identifier(void **state)
{
	struct rig *g = *state;
	struct pki_signer s[2] = {by(g, ALICE), by(g, BOB)};
	uint8_t *cms;
	size_t len;

	s[0].flags = s[1].flags = CMS_USE_KEYID;
	cms = pki_sign(CONTENT, N_CONTENT, s, 2, &len);
	taken(g, cms, len, WHO(ALICE, BOB));
	free(cms);
	s[1] = by(g, EVE);
	s[1].flags = CMS_USE_KEYID;
	cms = pki_sign(CONTENT, N_CONTENT, s, 2, &len);
	refused(g, cms, len, ERR_DENIED);
	free(cms);
}

static void
more_than_16_signatures_are_too_big(void **state)
{
	struct rig *g = *state;
	struct pki_signer s[MAX_SIGNERS + 1];
	CMS_ContentInfo *c;
	uint8_t *cms;
	size_t len;

	for (size_t i = 0; i <= MAX_SIGNERS; i++)
		s[i] = by(g, i % 2 == 0 ? ALICE : BOB);
	c = pki_cms(CONTENT, N_CONTENT, NID_undef, s, MAX_SIGNERS + 1,
	    CMS_NOCERTS);
	cms = pki_cms_der(c, &len);
	assert_true(len < MAX_SIGNED_DOC);
	refused(g, cms, len, ERR_TOOBIG);
	free(cms);
	CMS_ContentInfo_free(c);
	c = pki_cms(CONTENT, N_CONTENT, NID_undef, s, MAX_SIGNERS, CMS_NOCERTS);
	cms = pki_cms_der(c, &len);
	taken(g, cms, len, WHO(ALICE, BOB));
	free(cms);
	CMS_ContentInfo_free(c);
}

/* ---- when ---- */

static void
certificates_count_between_their_dates_alone(void **state)
{
	struct rig *g = *state;
	const int64_t from = PKI_FROM + BOB, until = PKI_UNTIL - BOB;
	size_t len;
	uint8_t *cms = signed_by(g, WHO(ALICE, BOB), &len);
	const struct rd v = view(cms, len);

	refused_at(g->set, v, from - 1, 1, ERR_DENIED);
	taken_at(g->set, v, from, 1, WHO(ALICE, BOB));
	taken_at(g->set, v, until, 1, WHO(ALICE, BOB));
	refused_at(g->set, v, until + 1, 1, ERR_DENIED);
	refused_at(g->set, v, 0, 1, ERR_DENIED);
	refused_at(g->set, v, INT64_MAX, 1, ERR_DENIED);
	refused_at(g->set, v, INT64_MIN + 1, 1, ERR_DENIED);
	/* one is still valid, but every signature must be good */
	refused_at(g->set, v, PKI_UNTIL, 1, ERR_DENIED);
	free(cms);
}

/* 2050 is where X.509 goes from UTCTime to GeneralizedTime. */
static void
dates_beyond_2050_are_read(void **state)
{
	const int64_t from = 2524607990, until = 253402300799;
	struct persons *s = NULL;
	EVP_PKEY *key = EVP_EC_gen("P-256");
	const struct pki_cert c = {.key = key,
	    .subject = "late",
	    .serial = 1,
	    .from = from,
	    .until = until};
	X509 *x = pki_cert_make(&c);
	const struct pki_signer by_late = {.cert = x, .key = key};
	uint8_t *cms;
	size_t len;

	(void)state;
	assert_int_equal(persons_new(&s), ERR_OK);
	must_add(s, "late", x);
	cms = pki_sign(CONTENT, N_CONTENT, &by_late, 1, &len);
	refused_at(s, view(cms, len), from - 1, 1, ERR_DENIED);
	taken_at(s, view(cms, len), from, 1, WHO(0));
	taken_at(s, view(cms, len), from + 20, 1, WHO(0));
	taken_at(s, view(cms, len), until, 1, WHO(0));
	free(cms);
	X509_free(x);
	EVP_PKEY_free(key);
	persons_free(&s);
}

static void
at_any_time_the_dates_do_not_matter_and_all_else_does(void **state)
{
	struct persons *s = NULL;
	EVP_PKEY *key[2] = {EVP_EC_gen("P-256"), EVP_EC_gen("P-256")};
	struct pki_cert c[2] = {
	    {.key = key[0],
		.subject = "past",
		.serial = 1,
		.from = 1000000000,
		.until = 1000000010},
	    {.key = key[1],
		.subject = "future",
		.serial = 2,
		.from = 4000000000,
		.until = 4000000010},
	};
	X509 *x[2] = {pki_cert_make(&c[0]), pki_cert_make(&c[1])};
	const struct pki_signer p[2] = {{.cert = x[0], .key = key[0]},
	    {.cert = x[1], .key = key[1]}};
	uint8_t *cms;
	size_t len;

	(void)state;
	assert_int_equal(persons_new(&s), ERR_OK);
	must_add(s, "past", x[0]);
	must_add(s, "future", x[1]);
	cms = pki_sign(CONTENT, N_CONTENT, p, 2, &len);
	refused_at(s, view(cms, len), PKI_NOW, 1, ERR_DENIED);
	taken_at(s, view(cms, len), PERSONS_AT_ANY_TIME, 1, WHO(0, 1));
	cms[len - 1] ^= 1;
	refused_at(s, view(cms, len), PERSONS_AT_ANY_TIME, 1, ERR_DENIED);
	free(cms);
	for (int i = 0; i < 2; i++) {
		X509_free(x[i]);
		EVP_PKEY_free(key[i]);
	}
	persons_free(&s);
}

/* ---- what was signed ---- */

static void
changed_content_is_denied(void **state)
{
	struct rig *g = *state;
	size_t len;
	uint8_t *cms = signed_by(g, WHO(ALICE, BOB), &len);
	uint8_t *p = memmem(cms, len, CONTENT, N_CONTENT);

	assert_non_null(p);
	for (size_t i = 0; i < N_CONTENT; i++) {
		p[i] ^= 1;
		refused(g, cms, len, ERR_DENIED);
		p[i] ^= 1;
	}
	taken(g, cms, len, WHO(ALICE, BOB));
	free(cms);
}

/* The signature of the last SignerInfo ends the document. */
static void
a_changed_signature_is_denied(void **state)
{
	struct rig *g = *state;
	const int *const who[] = {WHO(ALICE, BOB), WHO(ALICE, RSA_DAVE)};

	for (size_t k = 0; k < 2; k++) {
		size_t len;
		uint8_t *cms = signed_by(g, who[k], &len);

		for (size_t i = 1; i <= 30; i++) {
			cms[len - i] ^= 1;
			refused(g, cms, len, ERR_DENIED);
			cms[len - i] ^= 1;
		}
		taken(g, cms, len, who[k]);
		free(cms);
	}
}

/* Whatever octet is changed: never another payload, never another signer. */
static void
no_changed_octet_gives_another_document(void **state)
{
	struct rig *g = *state;
	const struct pki_signer s[2] = {by(g, ALICE), by(g, BOB)};
	CMS_ContentInfo *c =
	    pki_cms(CONTENT, N_CONTENT, NID_undef, s, 2, CMS_NOCERTS);
	size_t len;
	uint8_t *cms = pki_cms_der(c, &len);
	unsigned n_taken = 0;

	for (size_t i = 0; i < len; i++) {
		struct signed_doc d = unset();
		struct why why;

		cms[i] ^= (uint8_t)(1U << (i % 8));
		if (persons_verify(g->set, view(cms, len), PKI_NOW, 1, &d,
			&why) == ERR_OK) {
			n_taken++;
			assert_int_equal(d.payload_len, N_CONTENT);
			assert_memory_equal(d.payload, CONTENT, N_CONTENT);
			assert_int_equal(d.n_signers, 2);
			signed_doc_done(&d);
		}
		cms[i] ^= (uint8_t)(1U << (i % 8));
	}
	/* what OpenSSL does not look at, as the versions, is little */
	assert_true(n_taken < len / 20);
	free(cms);
	CMS_ContentInfo_free(c);
}

static void
a_signature_without_signed_attributes_is_denied(void **state)
{
	struct rig *g = *state;
	struct pki_signer s[2] = {by(g, ALICE), by(g, BOB)};
	uint8_t *cms;
	size_t len;

	for (int which = 0; which < 3; which++) {
		s[0].flags = which != 1 ? CMS_NOATTR : 0;
		s[1].flags = which != 0 ? CMS_NOATTR : 0;
		cms = pki_sign(CONTENT, N_CONTENT, s, 2, &len);
		refused(g, cms, len, ERR_DENIED);
		free(cms);
	}
}

/* RFC 5652 clause 11.1: what was signed as another type of content. */
static void
a_content_type_attribute_other_than_data_is_denied(void **state)
{
	struct rig *g = *state;
	const struct pki_signer s[2] = {by(g, ALICE), by(g, BOB)};
	CMS_ContentInfo *c =
	    pki_cms(CONTENT, N_CONTENT, NID_id_smime_ct_TSTInfo, s, 2, 0);
	uint8_t *cms;
	size_t len;

	assert_int_equal(CMS_set1_eContentType(c, OBJ_nid2obj(NID_pkcs7_data)),
	    1);
	cms = pki_cms_der(c, &len);
	refused(g, cms, len, ERR_DENIED);
	free(cms);
	CMS_ContentInfo_free(c);
}

static void
content_of_another_type_is_malformed(void **state)
{
	const int nids[] = {NID_id_smime_ct_TSTInfo, NID_pkcs7_signed,
	    NID_pkcs7_enveloped, NID_id_smime_ct_authData};
	struct rig *g = *state;
	const struct pki_signer s[2] = {by(g, ALICE), by(g, BOB)};

	for (size_t i = 0; i < sizeof(nids) / sizeof(nids[0]); i++) {
		CMS_ContentInfo *c =
		    pki_cms(CONTENT, N_CONTENT, nids[i], s, 2, 0);
		size_t len;
		uint8_t *cms = pki_cms_der(c, &len);

		refused(g, cms, len, ERR_MALFORMED);
		free(cms);
		CMS_ContentInfo_free(c);
	}
}

static void
weak_digests_are_denied(void **state)
{
	const char *const weak[] = {"SHA1", "SHA224", "MD5"};
	const char *const strong[] = {"SHA256", "SHA384", "SHA512"};
	struct rig *g = *state;
	struct pki_signer s[2] = {by(g, ALICE), by(g, RSA_DAVE)};
	uint8_t *cms;
	size_t len;

	for (size_t i = 0; i < 3; i++) {
		s[0].digest = "SHA256";
		s[1].digest = weak[i];
		cms = pki_sign(CONTENT, N_CONTENT, s, 2, &len);
		refused(g, cms, len, ERR_DENIED);
		free(cms);
		s[0].digest = s[1].digest = strong[i];
		cms = pki_sign(CONTENT, N_CONTENT, s, 2, &len);
		taken(g, cms, len, WHO(ALICE, RSA_DAVE));
		free(cms);
	}
}

static void
rsa_pss_is_taken_and_must_hold_too(void **state)
{
	struct rig *g = *state;
	const struct pki_signer s[1] = {by(g, ALICE)};
	BIO *in = BIO_new_mem_buf(CONTENT, (int)N_CONTENT);
	CMS_SignerInfo *si;
	CMS_ContentInfo *c;
	EVP_PKEY_CTX *ctx;
	uint8_t *cms;
	size_t len;

	c = CMS_sign(NULL, NULL, NULL, in, CMS_BINARY | CMS_PARTIAL);
	assert_non_null(c);
	assert_non_null(CMS_add1_signer(c, s[0].cert, s[0].key, EVP_sha256(),
	    CMS_BINARY | CMS_PARTIAL));
	si = CMS_add1_signer(c, g->p[RSA_DAVE].cert, g->p[RSA_DAVE].key,
	    EVP_sha256(), CMS_BINARY | CMS_PARTIAL | CMS_KEY_PARAM);
	assert_non_null(si);
	ctx = CMS_SignerInfo_get0_pkey_ctx(si);
	assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(ctx,
			     RSA_PKCS1_PSS_PADDING),
	    1);
	assert_int_equal(CMS_final(c, in, NULL, CMS_BINARY | CMS_PARTIAL), 1);
	cms = pki_cms_der(c, &len);
	taken(g, cms, len, WHO(ALICE, RSA_DAVE));
	cms[len - 5] ^= 1;
	refused(g, cms, len, ERR_DENIED);
	free(cms);
	CMS_ContentInfo_free(c);
	BIO_free(in);
}

/* ---- the form ---- */

static void
an_empty_content_is_a_content(void **state)
{
	struct rig *g = *state;
	const struct pki_signer s[2] = {by(g, ALICE), by(g, BOB)};
	struct signed_doc d = unset();
	struct why why = {""};
	size_t len;
	uint8_t *cms = pki_sign("", 0, s, 2, &len);

	if (persons_verify(g->set, view(cms, len), PKI_NOW, 1, &d, &why) !=
	    ERR_OK)
		fail_msg("%s", why.text);
	assert_int_equal(d.payload_len, 0);
	assert_int_equal(d.n_signers, 2);
	signed_doc_done(&d);
	free(cms);
}

static void
a_detached_signature_is_malformed(void **state)
{
	struct rig *g = *state;
	const struct pki_signer s[2] = {by(g, ALICE), by(g, BOB)};
	CMS_ContentInfo *c =
	    pki_cms(CONTENT, N_CONTENT, NID_undef, s, 2, CMS_DETACHED);
	size_t len;
	uint8_t *cms = pki_cms_der(c, &len);

	assert_null(memmem(cms, len, CONTENT, N_CONTENT));
	refused(g, cms, len, ERR_MALFORMED);
	free(cms);
	CMS_ContentInfo_free(c);
}

static void
cms_of_other_kinds_is_malformed(void **state)
{
	struct rig *g = *state;
	BIO *in = BIO_new_mem_buf(CONTENT, (int)N_CONTENT);
	CMS_ContentInfo *c;
	uint8_t *cms;
	size_t len;

	c = CMS_data_create(in, CMS_BINARY);
	assert_non_null(c);
	cms = pki_cms_der(c, &len);
	refused(g, cms, len, ERR_MALFORMED);
	free(cms);
	CMS_ContentInfo_free(c);
	BIO_free(in);

	in = BIO_new_mem_buf(CONTENT, (int)N_CONTENT);
	c = CMS_digest_create(in, EVP_sha256(), CMS_BINARY);
	assert_non_null(c);
	cms = pki_cms_der(c, &len);
	refused(g, cms, len, ERR_MALFORMED);
	free(cms);
	CMS_ContentInfo_free(c);
	BIO_free(in);

	refused(g, (const uint8_t *)CONTENT, N_CONTENT, ERR_MALFORMED);
	cms = pki_cert_der(g->p[ALICE].cert, &len);
	refused(g, cms, len, ERR_MALFORMED);
	free(cms);
}

/*
 * `openssl cms -sign -stream` writes BER of indefinite length.  Taken or
 * not, it must not be read as anything else than what was signed.
 */
static void
a_document_in_ber_is_the_same_document_or_none(void **state)
{
	struct rig *g = *state;
	const struct pki_signer s[2] = {by(g, ALICE), by(g, BOB)};
	CMS_ContentInfo *c =
	    pki_cms(CONTENT, N_CONTENT, NID_undef, s, 2, CMS_STREAM);
	BIO *in = BIO_new_mem_buf(CONTENT, (int)N_CONTENT);
	BIO *out = BIO_new(BIO_s_mem());
	struct signed_doc d = unset();
	struct why why;
	uint8_t *ber;
	char *p;
	long n;
	enum err rc;

	assert_int_equal(i2d_CMS_bio_stream(out, c, in,
			     CMS_BINARY | CMS_STREAM),
	    1);
	n = BIO_get_mem_data(out, &p);
	assert_true(n > 2 && (uint8_t)p[1] == 0x80); /* indefinite */
	ber = malloc((size_t)n + 2);
	assert_non_null(ber);
	memcpy(ber, p, (size_t)n);
	rc = persons_verify(g->set, view(ber, (size_t)n), PKI_NOW, 1, &d, &why);
	if (rc == ERR_OK) {
		assert_int_equal(d.payload_len, N_CONTENT);
		assert_memory_equal(d.payload, CONTENT, N_CONTENT);
		assert_int_equal(d.n_signers, 2);
		signed_doc_done(&d);
	} else
		assert_int_equal(rc, ERR_MALFORMED);
	for (size_t i = 1; i < (size_t)n; i++)
		refused(g, ber, (size_t)n - i, ERR_MALFORMED);
	ber[n] = ber[n + 1] = 0; /* one more end of contents */
	refused(g, ber, (size_t)n + 1, ERR_MALFORMED);
	refused(g, ber, (size_t)n + 2, ERR_MALFORMED);
	free(ber);
	BIO_free(in);
	BIO_free(out);
	CMS_ContentInfo_free(c);
}

static void
every_truncation_is_malformed(void **state)
{
	struct rig *g = *state;
	size_t len;
	uint8_t *cms = signed_by(g, WHO(ALICE, BOB), &len);

	for (size_t n = 1; n < len; n++) {
		uint8_t *part = malloc(n);

		assert_non_null(part);
		memcpy(part, cms, n);
		refused(g, part, n, ERR_MALFORMED);
		free(part);
	}
	free(cms);
}

static void
trailing_octets_are_malformed(void **state)
{
	struct rig *g = *state;
	size_t len;
	uint8_t *cms = signed_by(g, WHO(ALICE, BOB), &len), *more;

	more = malloc(2 * len);
	assert_non_null(more);
	memcpy(more, cms, len);
	memcpy(more + len, cms, len);
	taken(g, more, len, WHO(ALICE, BOB));
	refused(g, more, len + 1, ERR_MALFORMED);
	refused(g, more, 2 * len, ERR_MALFORMED);
	more[len] = 0;
	refused(g, more, len + 1, ERR_MALFORMED);
	free(more);
	free(cms);
}

static void
a_document_over_the_limit_is_too_big(void **state)
{
	struct rig *g = *state;
	const struct pki_signer s[2] = {by(g, ALICE), by(g, BOB)};
	uint8_t *content = malloc(MAX_SIGNED_DOC), *cms;
	struct signed_doc d = unset();
	struct why why = {""};
	size_t len, room;

	assert_non_null(content);
	memset(content, 'c', MAX_SIGNED_DOC);
	cms = pki_sign(content, MAX_SIGNED_DOC / 2, s, 2, &len);
	room = MAX_SIGNED_DOC / 2 - (len - MAX_SIGNED_DOC / 2);
	free(cms);
	/* EC signatures vary by some octets */
	cms = pki_sign(content, MAX_SIGNED_DOC / 2 + room - 16, s, 2, &len);
	assert_true(len <= MAX_SIGNED_DOC && len > MAX_SIGNED_DOC - 40);
	if (persons_verify(g->set, view(cms, len), PKI_NOW, 1, &d, &why) !=
	    ERR_OK)
		fail_msg("%s", why.text);
	assert_int_equal(d.payload_len, MAX_SIGNED_DOC / 2 + room - 16);
	assert_memory_equal(d.payload, content, d.payload_len);
	signed_doc_done(&d);
	free(cms);
	cms = pki_sign(content, MAX_SIGNED_DOC / 2 + room + 40, s, 2, &len);
	assert_true(len > MAX_SIGNED_DOC);
	refused(g, cms, len, ERR_TOOBIG);
	free(cms);
	free(content);
}

static void
the_reason_may_be_left_unasked(void **state)
{
	struct rig *g = *state;
	struct signed_doc d = unset();
	size_t len;
	uint8_t *cms = signed_by(g, WHO(ALICE, EVE), &len);

	assert_int_equal(persons_verify(g->set, view(cms, len), PKI_NOW, 1, &d,
			     NULL),
	    ERR_DENIED);
	free(cms);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(persons_are_kept_in_order_with_their_names),
	    cmocka_unit_test(a_freed_set_is_null_and_null_is_let_through),
	    cmocka_unit_test(nobody_is_added_twice),
	    cmocka_unit_test(persons_of_one_issuer_are_different_persons),
	    cmocka_unit_test(a_name_has_1_to_64_characters),
	    cmocka_unit_test(the_set_is_full_at_1024),
	    cmocka_unit_test(what_is_no_certificate_is_malformed),
	    cmocka_unit_test(keys_are_rsa_from_2048_bit_or_nist_curves),
	    cmocka_unit_test(roles_have_names),
	    cmocka_unit_test(a_person_signs_from_one_change_until_another),
	    cmocka_unit_test(void_signatures_count_at_no_change),
	    cmocka_unit_test(
		what_was_signed_with_an_earlier_certificate_is_void_too),
	    cmocka_unit_test(
		another_person_who_had_the_name_before_is_not_void),
	    cmocka_unit_test(what_somebody_had_who_left_can_be_given_anew),
	    cmocka_unit_test(two_signers_are_two_persons),
	    cmocka_unit_test(one_signer_is_one),
	    cmocka_unit_test(the_same_person_twice_is_one),
	    cmocka_unit_test(a_stranger_spoils_the_document),
	    cmocka_unit_test(nobody_signs_for_an_empty_set),
	    cmocka_unit_test(a_document_that_nobody_signed_is_denied),
	    cmocka_unit_test(certificates_inside_the_document_do_not_count),
	    cmocka_unit_test(a_person_may_be_named_by_key_identifier),
	    cmocka_unit_test(more_than_16_signatures_are_too_big),
	    cmocka_unit_test(certificates_count_between_their_dates_alone),
	    cmocka_unit_test(dates_beyond_2050_are_read),
	    cmocka_unit_test(
		at_any_time_the_dates_do_not_matter_and_all_else_does),
	    cmocka_unit_test(changed_content_is_denied),
	    cmocka_unit_test(a_changed_signature_is_denied),
	    cmocka_unit_test(no_changed_octet_gives_another_document),
	    cmocka_unit_test(a_signature_without_signed_attributes_is_denied),
	    cmocka_unit_test(
		a_content_type_attribute_other_than_data_is_denied),
	    cmocka_unit_test(content_of_another_type_is_malformed),
	    cmocka_unit_test(weak_digests_are_denied),
	    cmocka_unit_test(rsa_pss_is_taken_and_must_hold_too),
	    cmocka_unit_test(an_empty_content_is_a_content),
	    cmocka_unit_test(a_detached_signature_is_malformed),
	    cmocka_unit_test(cms_of_other_kinds_is_malformed),
	    cmocka_unit_test(a_document_in_ber_is_the_same_document_or_none),
	    cmocka_unit_test(every_truncation_is_malformed),
	    cmocka_unit_test(trailing_octets_are_malformed),
	    cmocka_unit_test(a_document_over_the_limit_is_too_big),
	    cmocka_unit_test(the_reason_may_be_left_unasked),
	};

	return cmocka_run_group_tests(tests, rig_init, rig_done);
}
