/* Lists of revoked certificates: which are taken, and what they say. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include "appliance/crl.h"
#include "help.h"
#include "pki.h"

#define ROOT "Root"
#define SUB "Sub"
#define PEER 1000 /* serial number of the peer */
#define SUB_SERIAL 7

/* A root, a CA below it, a peer of that; a stranger with the CA's name. */
static EVP_PKEY *root_key, *sub_key, *peer_key, *other_key;
static X509 *root, *sub, *peer, *twin;
static STACK_OF(X509) * chain;

static X509 *
cert(EVP_PKEY *key, EVP_PKEY *by, const char *subject, const char *issuer,
    long serial)
{
	const struct pki_cert c = {.key = key,
	    .by = by,
	    .subject = subject,
	    .issuer = issuer,
	    .serial = serial,
	    .from = PKI_FROM,
	    .until = PKI_UNTIL,
	    .key_id = true};

	return pki_cert_make(&c);
}

static int
make_chain(void **state)
{
	(void)state;
	root_key = EVP_EC_gen("P-256");
	sub_key = EVP_EC_gen("P-256");
	peer_key = EVP_EC_gen("P-256");
	other_key = EVP_EC_gen("P-256");
	root = cert(root_key, root_key, ROOT, ROOT, 1);
	sub = cert(sub_key, root_key, SUB, ROOT, SUB_SERIAL);
	peer = cert(peer_key, sub_key, "peer", SUB, PEER);
	twin = cert(other_key, root_key, SUB, ROOT, 8);
	chain = sk_X509_new_null();
	assert_int_equal(sk_X509_push(chain, peer), 1);
	assert_int_equal(sk_X509_push(chain, sub), 2);
	assert_int_equal(sk_X509_push(chain, root), 3);
	return 0;
}

static int
free_chain(void **state)
{
	(void)state;
	sk_X509_free(chain);
	X509_free(root);
	X509_free(sub);
	X509_free(peer);
	X509_free(twin);
	EVP_PKEY_free(root_key);
	EVP_PKEY_free(sub_key);
	EVP_PKEY_free(peer_key);
	EVP_PKEY_free(other_key);
	return 0;
}

/* Good lists of nobody. */
static struct pki_crl
of_root(void)
{
	return (struct pki_crl){.key = root_key,
	    .issuer = ROOT,
	    .from = PKI_NOW - 1000,
	    .until = PKI_NOW + 1000,
	    .number = 5};
}

static struct pki_crl
of_sub(void)
{
	struct pki_crl c = of_root();

	c.key = sub_key;
	c.issuer = SUB;
	return c;
}

/* A file of so many lists, behind a text. */
static char *
file_of(const char *head, const struct pki_crl *l, size_t n, size_t *len)
{
	char *all = strdup(head);

	*len = strlen(head);
	for (size_t i = 0; i < n; i++) {
		size_t more;
		char *p = pki_crl_pem(&l[i], &more);

		all = realloc(all, *len + more + 1);
		assert_non_null(all);
		memcpy(all + *len, p, more + 1);
		*len += more;
		free(p);
	}
	return all;
}

static enum err
read_lists(const struct pki_crl *l, size_t n, struct crl_set **out,
    struct why *why)
{
	size_t len;
	char *pem = file_of("", l, n, &len);
	const enum err rc = crl_set_read(view(pem, len), out, why);

	free(pem);
	return rc;
}

static struct crl_set *
set_of(const struct pki_crl *l, size_t n)
{
	struct crl_set *s = NULL;
	struct why why = {""};

	assert_int_equal(read_lists(l, n, &s, &why), ERR_OK);
	return s;
}

/* What two lists say of the chain at a time. */
static int
said(const struct pki_crl *a, const struct pki_crl *b, int64_t now,
    int64_t grace)
{
	const struct pki_crl l[] = {*a, *b};
	struct crl_set *s = set_of(l, 2);
	int v = crl_set_judge(s, chain, now, grace);

	/* Asked again, with signatures that are verified by now. */
	assert_int_equal(crl_set_judge(s, chain, now, grace), v);
	crl_set_free(&s);
	return v;
}

/* ---- what they say ---- */

static void
lists_of_all_issuers_let_a_chain_pass(void **state)
{
	const struct pki_crl a = of_root(), b = of_sub();

	(void)state;
	assert_int_equal(said(&a, &b, PKI_NOW, 0), X509_V_OK);
	assert_int_equal(said(&b, &a, PKI_NOW, 0), X509_V_OK);
}

static void
whoever_is_on_a_list_is_revoked(void **state)
{
	static const long others[] = {999, 1001, 1}, peers[] = {3, PEER},
			  subs[] = {SUB_SERIAL};
	struct pki_crl a = of_root(), b = of_sub();

	(void)state;
	b.revoked = others;
	b.n_revoked = 3;
	assert_int_equal(said(&a, &b, PKI_NOW, 0), X509_V_OK);
	b.revoked = peers;
	b.n_revoked = 2;
	assert_int_equal(said(&a, &b, PKI_NOW, 0), X509_V_ERR_CERT_REVOKED);
	/* Also by a list that has ended. */
	assert_int_equal(said(&a, &b, PKI_NOW + 5000, 0),
	    X509_V_ERR_CERT_REVOKED);
	/* The serial number of another issuer's certificate. */
	a.revoked = peers;
	a.n_revoked = 2;
	b.n_revoked = 0;
	assert_int_equal(said(&a, &b, PKI_NOW, 0), X509_V_OK);
	/* The CA between. */
	a.revoked = subs;
	a.n_revoked = 1;
	assert_int_equal(said(&a, &b, PKI_NOW, 0), X509_V_ERR_CERT_REVOKED);
}

static void
a_list_on_hold_or_with_a_reason_revokes(void **state)
{
	/* keyCompromise, certificateHold, removeFromCRL */
	static const char *const reasons[] = {"DER:0a0101", "DER:0a0106",
	    "DER:0a0108"};
	static const long peers[] = {PEER};
	struct pki_crl a = of_root(), b = of_sub();

	(void)state;
	b.revoked = peers;
	b.n_revoked = 1;
	b.entry_ext = "2.5.29.21";
	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
		b.entry_value = reasons[i];
		assert_int_equal(said(&a, &b, PKI_NOW, 0),
		    X509_V_ERR_CERT_REVOKED);
	}
}

static void
without_a_list_of_an_issuer_nobody_passes(void **state)
{
	const struct pki_crl a = of_root(), b = of_sub();
	struct crl_set *s = set_of(&a, 1);

	(void)state;
	assert_int_equal(crl_set_judge(s, chain, PKI_NOW, 0),
	    X509_V_ERR_UNABLE_TO_GET_CRL);
	crl_set_free(&s);
	s = set_of(&b, 1);
	assert_int_equal(crl_set_judge(s, chain, PKI_NOW, 0),
	    X509_V_ERR_UNABLE_TO_GET_CRL);
	assert_int_equal(crl_set_judge(s, NULL, PKI_NOW, 0),
	    X509_V_ERR_UNABLE_TO_GET_CRL);
	crl_set_free(&s);
}

static void
the_anchor_is_judged_by_nobody(void **state)
{
	static const long roots[] = {1};
	struct pki_crl a = of_root();
	STACK_OF(X509) *alone = sk_X509_new_null();
	struct crl_set *s;

	(void)state;
	a.revoked = roots;
	a.n_revoked = 1;
	s = set_of(&a, 1);
	assert_int_equal(sk_X509_push(alone, root), 1);
	assert_int_equal(crl_set_judge(s, alone, PKI_NOW, 0), X509_V_OK);
	sk_X509_free(alone);
	crl_set_free(&s);
}

static void
a_list_counts_in_its_time_alone(void **state)
{
	const struct pki_crl a = of_root(), b = of_sub();
	const int64_t from = b.from, until = b.until;

	(void)state;
	assert_int_equal(said(&a, &b, from, 0), X509_V_OK);
	assert_int_equal(said(&a, &b, from - 1, 0),
	    X509_V_ERR_CRL_NOT_YET_VALID);
	assert_int_equal(said(&a, &b, until - 1, 0), X509_V_OK);
	assert_int_equal(said(&a, &b, until, 0), X509_V_ERR_CRL_HAS_EXPIRED);
	assert_int_equal(said(&a, &b, until + 59, 60), X509_V_OK);
	assert_int_equal(said(&a, &b, until + 60, 60),
	    X509_V_ERR_CRL_HAS_EXPIRED);
}

static void
a_list_that_the_issuer_has_not_signed_is_none(void **state)
{
	struct pki_crl a = of_root(), b = of_sub();

	(void)state;
	b.key = other_key;
	assert_int_equal(said(&a, &b, PKI_NOW, 0),
	    X509_V_ERR_CRL_SIGNATURE_FAILURE);
	/* And says that it is of another key with the same name. */
	b.key_id_of = twin;
	assert_int_equal(said(&a, &b, PKI_NOW, 0),
	    X509_V_ERR_UNABLE_TO_GET_CRL);
	b = of_sub();
	b.key_id_of = sub;
	assert_int_equal(said(&a, &b, PKI_NOW, 0), X509_V_OK);
}

static void
lists_of_one_name_and_two_keys_stand_beside_each_other(void **state)
{
	static const long peers[] = {PEER};
	struct pki_crl l[] = {of_root(), of_sub(), of_sub()};
	struct crl_set *s;

	(void)state;
	l[1].key = other_key;
	l[1].key_id_of = twin;
	l[1].number = 50;
	l[1].revoked = peers;
	l[1].n_revoked = 1;
	l[2].key_id_of = sub;
	s = set_of(l, 3);
	assert_int_equal(crl_set_judge(s, chain, PKI_NOW, 0), X509_V_OK);
	crl_set_free(&s);
}

static void
an_issuer_that_may_not_sign_lists_has_none(void **state)
{
	const struct pki_crl l[] = {of_root(), of_sub()};
	struct crl_set *s = set_of(l, 2);
	X509 *ca = cert(sub_key, root_key, SUB, ROOT, SUB_SERIAL);
	STACK_OF(X509) *other = sk_X509_dup(chain);
	ASN1_BIT_STRING *usage = ASN1_BIT_STRING_new();

	(void)state;
	assert_int_equal(ASN1_BIT_STRING_set_bit(usage, 5, 1), 1);
	assert_int_equal(X509_add1_ext_i2d(ca, NID_key_usage, usage, 1, 0), 1);
	(void)sk_X509_set(other, 1, ca);
	assert_int_equal(crl_set_judge(s, other, PKI_NOW, 0),
	    X509_V_ERR_KEYUSAGE_NO_CRL_SIGN);
	ASN1_BIT_STRING_free(usage);
	sk_X509_free(other);
	X509_free(ca);
	crl_set_free(&s);
}

/* ---- what is taken ---- */

static void
refused(const struct pki_crl *c, const char *what)
{
	const struct pki_crl l[] = {of_root(), *c};
	struct crl_set *s = NULL;
	struct why why = {""};

	assert_int_equal(read_lists(l, 2, &s, &why), ERR_MALFORMED);
	assert_null(s);
	assert_non_null(strstr(why.text, what));
	assert_non_null(strstr(why.text, "list 2: "));
}

static void
only_complete_lists_are_taken(void **state)
{
	struct pki_crl c = of_sub();
	struct crl_set *s;

	(void)state;
	c.version1 = true;
	refused(&c, "not of version 2");
	c = of_sub();
	c.until = 0;
	refused(&c, "no nextUpdate");
	c.until = c.from;
	refused(&c, "no period");
	c = of_sub();
	c.number = -1;
	refused(&c, "no number");
	c = of_sub();
	c.digest = "SHA1";
	refused(&c, "signature algorithm");
	c = of_sub();
	c.key = EVP_RSA_gen(2048);
	c.pss = true;
	s = set_of(&c, 1);
	crl_set_free(&s);
	c.digest = "SHA1";
	refused(&c, "signature algorithm");
	EVP_PKEY_free(c.key);
	c = of_sub();
	c.ext = "2.5.29.27";
	c.ext_value = "critical,DER:020103";
	refused(&c, "delta");
	c.ext_value = "DER:020103";
	refused(&c, "delta");
	c.ext = "issuingDistributionPoint";
	c.ext_value = "critical,indirectCRL:TRUE";
	refused(&c, "indirect");
	c.ext_value = "critical,onlyuser:TRUE";
	refused(&c, "a part of a list");
	c.ext = "1.2.3.4";
	c.ext_value = "critical,DER:0500";
	refused(&c, "critical extension is not known");
	c.ext_value = "DER:0500";
	s = set_of(&c, 1);
	crl_set_free(&s);
}

static void
an_entry_with_a_critical_extension_is_refused(void **state)
{
	static const long peers[] = {PEER};
	struct pki_crl c = of_sub();
	struct crl_set *s;

	(void)state;
	c.revoked = peers;
	c.n_revoked = 1;
	c.entry_ext = "1.2.3.4";
	c.entry_value = "critical,DER:0500";
	refused(&c, "critical extension of an entry");
	c.entry_value = "DER:0500";
	s = set_of(&c, 1);
	crl_set_free(&s);
}

static void
a_file_is_taken_whole_or_not_at_all(void **state)
{
	const struct pki_crl l[] = {of_root(), of_sub()};
	struct crl_set *s = NULL;
	struct why why;
	size_t len, second;
	char *pem = file_of("a text before it\n", l, 2, &len);

	(void)state;
	assert_int_equal(crl_set_read(view(pem, len), &s, &why), ERR_OK);
	crl_set_free(&s);
	/* Cut within the second list, behind its first line. */
	second = (size_t)(strstr(strstr(pem, "-----END"), "-----BEGIN") - pem);
	for (size_t n = second + 24; n + 2 < len; n++) {
		assert_int_equal(crl_set_read(view(pem, n), &s, &why),
		    ERR_MALFORMED);
		assert_null(s);
	}
	pem[len - 60] = '!';
	assert_int_equal(crl_set_read(view(pem, len), &s, &why), ERR_MALFORMED);
	assert_int_equal(crl_set_read(view("", 0), &s, &why), ERR_MALFORMED);
	assert_string_equal(why.text, "no PEM CRL in it");
	free(pem);
}

static void
more_lists_than_are_held_are_refused(void **state)
{
	struct pki_crl l[CRL_MOST + 1];
	char name[CRL_MOST + 1][8];
	struct crl_set *s = NULL;
	struct why why;

	(void)state;
	for (size_t i = 0; i <= CRL_MOST; i++) {
		(void)snprintf(name[i], sizeof(name[i]), "CA %zu", i);
		l[i] = of_root();
		l[i].issuer = name[i];
	}
	assert_int_equal(read_lists(l, CRL_MOST + 1, &s, &why), ERR_TOOBIG);
	assert_null(s);
	assert_int_equal(read_lists(l, CRL_MOST, &s, &why), ERR_OK);
	crl_set_free(&s);
}

/* ---- numbers ---- */

static void
of_two_lists_the_higher_number_counts(void **state)
{
	static const long peers[] = {PEER};
	struct pki_crl l[] = {of_root(), of_sub(), of_sub()};
	struct crl_set *s;

	(void)state;
	l[1].revoked = peers;
	l[1].n_revoked = 1;
	for (long k = 4; k <= 6; k += 2) {
		l[2].number = k;
		s = set_of(l, 3);
		assert_int_equal(crl_set_judge(s, chain, PKI_NOW, 0),
		    k == 4 ? X509_V_ERR_CERT_REVOKED : X509_V_OK);
		crl_set_free(&s);
	}
}

static enum err
follow(struct crl_set **in_use, const struct pki_crl *l, size_t n)
{
	struct crl_set *s = set_of(l, n);
	struct why why;
	const enum err rc = crl_set_follow(s, *in_use, &why);

	if (rc == ERR_OK) {
		crl_set_free(in_use);
		*in_use = s;
	} else
		crl_set_free(&s);
	return rc;
}

static void
a_number_never_goes_back(void **state)
{
	struct pki_crl l[] = {of_root(), of_sub()};
	struct crl_set *s = NULL;

	(void)state;
	l[1].number = 300; /* past one octet */
	assert_int_equal(follow(&s, l, 2), ERR_OK);
	assert_int_equal(follow(&s, l, 2), ERR_OK);
	l[1].number = 299;
	assert_int_equal(follow(&s, l, 2), ERR_DENIED);
	/* Nor by way of a file without that issuer. */
	assert_int_equal(follow(&s, l, 1), ERR_OK);
	assert_int_equal(follow(&s, l, 2), ERR_DENIED);
	l[1].number = 301;
	l[0].number = 1000;
	assert_int_equal(follow(&s, l, 2), ERR_OK);
	/* One that goes back takes the other with it. */
	l[0].number = 999;
	l[1].number = 302;
	assert_int_equal(follow(&s, l, 2), ERR_DENIED);
	l[0].number = 1000;
	l[1].number = 301;
	assert_int_equal(follow(&s, l, 2), ERR_OK);
	crl_set_free(&s);
}

static void
issuers_that_are_remembered_are_bounded(void **state)
{
	struct crl_set *s = NULL;
	char name[16];
	struct pki_crl c = of_root();

	(void)state;
	c.issuer = name;
	for (unsigned i = 0; i < CRL_ISSUERS; i++) {
		(void)snprintf(name, sizeof(name), "CA %u", i);
		assert_int_equal(follow(&s, &c, 1), ERR_OK);
	}
	(void)snprintf(name, sizeof(name), "one more");
	assert_int_equal(follow(&s, &c, 1), ERR_TOOBIG);
	(void)snprintf(name, sizeof(name), "CA 0");
	assert_int_equal(follow(&s, &c, 1), ERR_OK);
	crl_set_free(&s);
}

/* ---- time ---- */

static enum crl_state
state_at(const struct crl_set *s, int64_t now, int64_t ends)
{
	int64_t is;
	const enum crl_state state = crl_set_state(s, now, &is);

	assert_int_equal(is, ends);
	return state;
}

static void
the_end_is_told_beforehand(void **state)
{
	static const struct {
		int64_t period, little;
	} t[] = {{864000, 86400}, {36000, 3600}, {20000, 3600}, {7200, 3600},
	    {3600, 1800}, {60, 30}};
	struct pki_crl l[] = {of_root(), of_sub()};

	(void)state;
	l[1].until = PKI_NOW + 100000000;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct crl_set *s;
		int64_t end;

		l[0].from = PKI_NOW;
		l[0].until = end = PKI_NOW + t[i].period;
		s = set_of(l, 2);
		assert_int_equal(state_at(s, PKI_NOW - 1, end), CRL_ENDED);
		assert_int_equal(state_at(s, PKI_NOW, end), CRL_GOOD);
		assert_int_equal(state_at(s, end - t[i].little, end), CRL_GOOD);
		assert_int_equal(state_at(s, end - t[i].little + 1, end),
		    CRL_ENDING);
		assert_int_equal(state_at(s, end - 1, end), CRL_ENDING);
		assert_int_equal(state_at(s, end, end), CRL_ENDED);
		crl_set_free(&s);
	}
}

static void
the_next_end_is_the_first_that_is_to_come(void **state)
{
	struct pki_crl l[] = {of_root(), of_sub()};
	struct crl_set *s;

	(void)state;
	l[1].until += 500;
	s = set_of(l, 2);
	assert_int_equal(crl_set_next_end(s, PKI_NOW, 0), l[0].until);
	assert_int_equal(crl_set_next_end(s, PKI_NOW, 60), l[0].until + 60);
	assert_int_equal(crl_set_next_end(s, l[0].until, 0), l[1].until);
	assert_int_equal(crl_set_next_end(s, l[1].until, 0), INT64_MAX);
	crl_set_free(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(lists_of_all_issuers_let_a_chain_pass),
	    cmocka_unit_test(whoever_is_on_a_list_is_revoked),
	    cmocka_unit_test(a_list_on_hold_or_with_a_reason_revokes),
	    cmocka_unit_test(without_a_list_of_an_issuer_nobody_passes),
	    cmocka_unit_test(the_anchor_is_judged_by_nobody),
	    cmocka_unit_test(a_list_counts_in_its_time_alone),
	    cmocka_unit_test(a_list_that_the_issuer_has_not_signed_is_none),
	    cmocka_unit_test(
		lists_of_one_name_and_two_keys_stand_beside_each_other),
	    cmocka_unit_test(an_issuer_that_may_not_sign_lists_has_none),
	    cmocka_unit_test(only_complete_lists_are_taken),
	    cmocka_unit_test(an_entry_with_a_critical_extension_is_refused),
	    cmocka_unit_test(a_file_is_taken_whole_or_not_at_all),
	    cmocka_unit_test(more_lists_than_are_held_are_refused),
	    cmocka_unit_test(of_two_lists_the_higher_number_counts),
	    cmocka_unit_test(a_number_never_goes_back),
	    cmocka_unit_test(issuers_that_are_remembered_are_bounded),
	    cmocka_unit_test(the_end_is_told_beforehand),
	    cmocka_unit_test(the_next_end_is_the_first_that_is_to_come),
	};

	return cmocka_run_group_tests(tests, make_chain, free_chain);
}
