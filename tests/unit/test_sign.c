/* What persons sign is what persons_verify() asks for. */
#include <stdlib.h>
#include <string.h>

#include <openssl/cms.h>
#include <openssl/err.h>
#include <openssl/objects.h>

#include "help.h"
#include "pki.h"
#include "policy/persons.h"
#include "policy/sign.h"

/* Line ends of all sorts: the octets are signed as they are. */
#define CONTENT "{\"kind\": \"test\"}\r\n\n\r\x00\xff end"
#define N_CONTENT (sizeof(CONTENT) - 1)

enum { RSA2, RSA3, P256, P384, P521, N_KINDS };
static const int digest_of_kind[] = {NID_sha256, NID_sha256, NID_sha256,
    NID_sha384, NID_sha512};

struct rig {
	EVP_PKEY *key[N_KINDS];
	X509 *cert[N_KINDS];
	uint8_t *der[N_KINDS];
	size_t len[N_KINDS];
	struct persons *set;
};

static int
rig_init(void **state)
{
	static const char *const name[] = {"rsa2", "rsa3", "p256", "p384",
	    "p521"};
	struct rig *g = calloc(1, sizeof(*g));
	struct why why = {""};

	assert_non_null(g);
	g->key[RSA2] = EVP_RSA_gen(2048);
	g->key[RSA3] = EVP_RSA_gen(3072);
	g->key[P256] = EVP_EC_gen("P-256");
	g->key[P384] = EVP_EC_gen("P-384");
	g->key[P521] = EVP_EC_gen("P-521");
	assert_int_equal(persons_new(&g->set), ERR_OK);
	for (int i = 0; i < N_KINDS; i++) {
		assert_non_null(g->key[i]);
		g->cert[i] = pki_cert(g->key[i], name[i], 200 + i);
		g->der[i] = pki_cert_der(g->cert[i], &g->len[i]);
		assert_int_equal(persons_add(g->set, name[i], ROLE_OFFICER,
				     view(g->der[i], g->len[i]), 0, &why),
		    ERR_OK);
	}
	*state = g;
	return 0;
}

static int
rig_done(void **state)
{
	struct rig *g = *state;

	persons_free(&g->set);
	for (int i = 0; i < N_KINDS; i++) {
		EVP_PKEY_free(g->key[i]);
		X509_free(g->cert[i]);
		free(g->der[i]);
	}
	free(g);
	return 0;
}

static struct sign_doc *
fresh(void)
{
	struct sign_doc *d = NULL;
	struct why why = {""};

	if (sign_new(view(CONTENT, N_CONTENT), &d, &why) != ERR_OK)
		fail_msg("%s", why.text);
	return d;
}

static void
named(struct sign_doc *d, const struct rig *g, int who)
{
	struct why why = {""};

	if (sign_by(d, view(g->der[who], g->len[who]), PKI_NOW, &why) != ERR_OK)
		fail_msg("%s", why.text);
}

static uint8_t *
made(struct sign_doc *d, const struct rig *g, int who, size_t *len)
{
	const struct sign_key k = sign_key_here(g->key[who]);
	uint8_t *out = NULL;
	struct why why = {""};

	named(d, g, who);
	if (sign_make(d, &k, &out, len, &why) != ERR_OK)
		fail_msg("%s", why.text);
	sign_free(&d);
	assert_int_equal(ERR_peek_error(), 0);
	return out;
}

/* `who` adds a signature; what was there is freed. */
static uint8_t *
again(uint8_t *cms, const struct rig *g, int who, size_t *len)
{
	struct sign_doc *d = NULL;
	struct why why = {""};

	if (sign_again(view(cms, *len), &d, &why) != ERR_OK)
		fail_msg("%s", why.text);
	free(cms);
	return made(d, g, who, len);
}

static void
verified(const struct rig *g, const uint8_t *cms, size_t len, unsigned signers)
{
	struct signed_doc d = {.payload = NULL};
	struct why why = {""};

	if (persons_verify(g->set, view(cms, len), PKI_NOW, 1, &d, &why) !=
	    ERR_OK)
		fail_msg("%s", why.text);
	assert_int_equal(d.n_signers, signers);
	assert_int_equal(d.payload_len, N_CONTENT);
	assert_memory_equal(d.payload, CONTENT, N_CONTENT);
	signed_doc_done(&d);
}

static CMS_ContentInfo *
parsed(const uint8_t *cms, size_t len)
{
	const unsigned char *p = cms;
	CMS_ContentInfo *c = d2i_CMS_ContentInfo(NULL, &p, (long)len);
	uint8_t *back;
	size_t n;

	assert_non_null(c);
	assert_ptr_equal(p, cms + len);
	back = pki_cms_der(c, &n); /* DER has one form */
	assert_int_equal(n, len);
	assert_memory_equal(back, cms, len);
	free(back);
	return c;
}

static CMS_SignerInfo *
info(CMS_ContentInfo *c, X509 *cert)
{
	STACK_OF(CMS_SignerInfo) *all = CMS_get0_SignerInfos(c);

	for (int i = 0; i < sk_CMS_SignerInfo_num(all); i++)
		if (CMS_SignerInfo_cert_cmp(sk_CMS_SignerInfo_value(all, i),
			cert) == 0)
			return sk_CMS_SignerInfo_value(all, i);
	fail_msg("not signed by this certificate");
	return NULL;
}

static int
digest_nid(CMS_SignerInfo *si)
{
	X509_ALGOR *digest = NULL;

	CMS_SignerInfo_get0_algs(si, NULL, NULL, &digest, NULL);
	return OBJ_obj2nid(digest->algorithm);
}

static void
each_kind_of_key_signs_as_officers_must(void **state)
{
	static const int attribute[] = {NID_pkcs9_contentType,
	    NID_pkcs9_messageDigest, NID_pkcs9_signingTime};
	const struct rig *g = *state;

	for (int who = 0; who < N_KINDS; who++) {
		ASN1_OCTET_STRING *id = NULL;
		CMS_SignerInfo *si;
		CMS_ContentInfo *c;
		uint8_t *cms;
		size_t len = 0;

		cms = made(fresh(), g, who, &len);
		verified(g, cms, len, 1);
		c = parsed(cms, len);
		assert_null(CMS_get1_certs(c));
		assert_int_equal(sk_CMS_SignerInfo_num(CMS_get0_SignerInfos(c)),
		    1);
		si = info(c, g->cert[who]);
		assert_int_equal(digest_nid(si), digest_of_kind[who]);
		assert_int_equal(CMS_SignerInfo_get0_signer_id(si, &id, NULL,
				     NULL),
		    1);
		assert_null(id); /* by issuer and serial number */
		assert_int_equal(CMS_signed_get_attr_count(si), 3);
		for (int i = 0; i < 3; i++)
			assert_true(CMS_signed_get_attr_by_NID(si, attribute[i],
					-1) >= 0);
		CMS_ContentInfo_free(c);
		free(cms);
	}
}

static void
the_time_is_the_one_given(void **state)
{
	const struct rig *g = *state;
	size_t len = 0;
	uint8_t *cms = made(fresh(), g, P256, &len);
	CMS_ContentInfo *c = parsed(cms, len);
	const ASN1_TIME *t = CMS_signed_get0_data_by_OBJ(info(c, g->cert[P256]),
	    OBJ_nid2obj(NID_pkcs9_signingTime), -3, V_ASN1_UTCTIME);

	assert_non_null(t);
	assert_int_equal(ASN1_TIME_cmp_time_t(t, PKI_NOW), 0);
	CMS_ContentInfo_free(c);
	free(cms);
}

static void
persons_sign_one_after_another(void **state)
{
	const struct rig *g = *state;
	ASN1_OCTET_STRING *sig;
	uint8_t first[SIGN_MAX], *cms;
	CMS_ContentInfo *c;
	size_t len = 0;
	int n;

	cms = made(fresh(), g, P384, &len);
	c = parsed(cms, len);
	sig = CMS_SignerInfo_get0_signature(info(c, g->cert[P384]));
	n = ASN1_STRING_length(sig);
	memcpy(first, ASN1_STRING_get0_data(sig), (size_t)n);
	CMS_ContentInfo_free(c);
	for (int who = 0, signers = 2; who < N_KINDS; who++) {
		if (who == P384)
			continue;
		cms = again(cms, g, who, &len);
		verified(g, cms, len, (unsigned)signers++);
	}
	c = parsed(cms, len);
	assert_null(CMS_get1_certs(c));
	sig = CMS_SignerInfo_get0_signature(info(c, g->cert[P384]));
	assert_int_equal(ASN1_STRING_length(sig), n);
	assert_memory_equal(ASN1_STRING_get0_data(sig), first, (size_t)n);
	CMS_ContentInfo_free(c);
	free(cms);
}

static void
what_others_made_is_signed_and_kept(void **state)
{
	const struct rig *g = *state;
	const struct pki_signer s = {.cert = g->cert[RSA2],
	    .key = g->key[RSA2]};
	CMS_ContentInfo *c;
	STACK_OF(X509) * certs;
	size_t len = 0;
	uint8_t *cms = pki_sign(CONTENT, N_CONTENT, &s, 1, &len);

	cms = again(cms, g, P256, &len);
	verified(g, cms, len, 2);
	c = parsed(cms, len);
	certs = CMS_get1_certs(c);
	assert_int_equal(sk_X509_num(certs), 1); /* the one it came with */
	sk_X509_pop_free(certs, X509_free);
	CMS_ContentInfo_free(c);
	free(cms);
}

static void
content_and_count_can_be_seen_before(void **state)
{
	const struct rig *g = *state;
	struct sign_doc *d = fresh();
	struct rd content = sign_content(d);
	size_t len = 0;
	struct why why;
	uint8_t *cms;

	assert_true(rd_is(&content, CONTENT, N_CONTENT));
	assert_int_equal(sign_count(d), 0);
	cms = made(d, g, P256, &len);
	assert_int_equal(sign_again(view(cms, len), &d, &why), ERR_OK);
	content = sign_content(d);
	assert_true(rd_is(&content, CONTENT, N_CONTENT));
	assert_int_equal(sign_count(d), 1);
	sign_free(&d);
	assert_null(d);
	sign_free(&d);
	free(cms);
}

/* ---- what is refused ---- */

static void
not_by(struct sign_doc *d, X509 *x, int64_t now, enum err want)
{
	struct why why = {""};
	size_t len;
	uint8_t *der = pki_cert_der(x, &len);

	assert_int_equal(sign_by(d, view(der, len), now, &why), want);
	assert_string_not_equal(why.text, "");
	free(der);
}

static void
nobody_signs_twice(void **state)
{
	const struct rig *g = *state;
	size_t len = 0;
	uint8_t *cms = made(fresh(), g, P256, &len);
	struct sign_doc *d = NULL;
	struct why why = {""};

	assert_int_equal(sign_again(view(cms, len), &d, &why), ERR_OK);
	not_by(d, g->cert[P256], PKI_NOW, ERR_EXISTS);
	named(d, g, P384);
	sign_free(&d);
	free(cms);
}

static void
nobody_signs_with_a_certificate_that_is_no_officers(void **state)
{
	const struct rig *g = *state;
	struct sign_doc *d = fresh();
	EVP_PKEY *weak = EVP_RSA_gen(1024);
	EVP_PKEY *ed = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	X509 *x = pki_cert(weak, "weak", 1);
	struct why why = {""};

	not_by(d, x, PKI_NOW, ERR_UNSUPPORTED);
	X509_free(x);
	x = pki_cert(ed, "ed", 1);
	not_by(d, x, PKI_NOW, ERR_UNSUPPORTED);
	X509_free(x);
	not_by(d, g->cert[P256], PKI_FROM - 1, ERR_DENIED);
	not_by(d, g->cert[P256], PKI_UNTIL + 1, ERR_DENIED);
	assert_int_equal(sign_by(d, view("x", 1), PKI_NOW, &why),
	    ERR_MALFORMED);
	assert_int_equal(sign_make(d, NULL, NULL, NULL, &why), ERR_INTERNAL);
	sign_free(&d);
	EVP_PKEY_free(weak);
	EVP_PKEY_free(ed);
}

/* Nothing comes out, and `want` says why. */
static void
not_made(const struct rig *g, int who, const struct sign_key *k, enum err want)
{
	struct sign_doc *d = fresh();
	uint8_t *out = NULL;
	struct why why = {""};
	size_t len = 77;

	named(d, g, who);
	assert_int_equal(sign_make(d, k, &out, &len, &why), want);
	assert_null(out);
	assert_int_equal(len, 77);
	assert_string_not_equal(why.text, "");
	sign_free(&d);
}

static void
a_key_of_somebody_else_is_found_out(void **state)
{
	const struct rig *g = *state;
	EVP_PKEY *other = EVP_EC_gen("P-256");
	struct sign_key k = sign_key_here(other);

	not_made(g, P256, &k, ERR_MISMATCH);
	k = sign_key_here(g->key[RSA2]);
	not_made(g, P256, &k, ERR_MISMATCH);
	k = sign_key_here(g->key[P256]);
	not_made(g, RSA2, &k, ERR_MISMATCH);
	EVP_PKEY_free(other);
}

static enum err
flipped(void *ctx, const char *digest, struct rd hash, uint8_t out[SIGN_MAX],
    size_t *len, struct why *why)
{
	const struct sign_key k = sign_key_here(ctx);
	enum err rc = k.sign(k.ctx, digest, hash, out, len, why);

	out[*len - 1] ^= 1;
	return rc;
}

static enum err
lost(void *ctx, const char *digest, struct rd hash, uint8_t out[SIGN_MAX],
    size_t *len, struct why *why)
{
	assert_string_equal(digest, "SHA384");
	assert_int_equal(hash.left, 48);
	(void)ctx;
	(void)out;
	(void)len;
	return why_set(why, ERR_PIN, "no");
}

static void
a_key_that_fails_makes_nothing(void **state)
{
	const struct rig *g = *state;
	struct sign_key k = {lost, NULL};

	not_made(g, P384, &k, ERR_PIN);
	for (int who = 0; who < N_KINDS; who++) {
		k = (struct sign_key){flipped, g->key[who]};
		not_made(g, who, &k, ERR_MISMATCH);
	}
}

static void
no_document(const uint8_t *p, size_t len, enum err want)
{
	struct sign_doc *d = NULL;
	struct why why = {""};

	assert_int_equal(sign_again(view(p, len), &d, &why), want);
	assert_null(d);
	assert_string_not_equal(why.text, "");
	assert_int_equal(ERR_peek_error(), 0);
}

static void
a_prefix(const uint8_t *p, size_t len)
{
	no_document(p, len, len == 0 ? ERR_TOOBIG : ERR_MALFORMED);
}

static void
what_is_no_signed_document_is_refused(void **state)
{
	const struct rig *g = *state;
	const struct pki_signer s = {.cert = g->cert[P256],
	    .key = g->key[P256]};
	CMS_ContentInfo *c;
	CMS_SignerInfo *si;
	size_t len = 0, at;
	uint8_t *cms = made(fresh(), g, P256, &len);

	each_prefix(cms, len, a_prefix);
	/* other content under the same signature */
	for (at = 0; memcmp(cms + at, CONTENT, N_CONTENT) != 0; at++)
		assert_true(at + N_CONTENT < len);
	cms[at] ^= 1;
	no_document(cms, len, ERR_MISMATCH);
	free(cms);
	c = pki_cms(CONTENT, N_CONTENT, NID_undef, &s, 1, CMS_DETACHED);
	cms = pki_cms_der(c, &len);
	no_document(cms, len, ERR_MALFORMED);
	CMS_ContentInfo_free(c);
	free(cms);
	c = pki_cms(CONTENT, N_CONTENT, NID_id_smime_ct_TSTInfo, &s, 1, 0);
	cms = pki_cms_der(c, &len);
	no_document(cms, len, ERR_MALFORMED);
	CMS_ContentInfo_free(c);
	free(cms);
	c = pki_cms(CONTENT, N_CONTENT, NID_undef, &s, 1, 0);
	si = sk_CMS_SignerInfo_pop(CMS_get0_SignerInfos(c));
	cms = pki_cms_der(c, &len);
	sk_CMS_SignerInfo_push(CMS_get0_SignerInfos(c), si); /* to be freed */
	no_document(cms, len, ERR_TOOBIG); /* nobody has signed it */
	CMS_ContentInfo_free(c);
	free(cms);
}

static void
there_is_a_longest_document(void **state)
{
	const struct rig *g = *state;
	const struct sign_key k = sign_key_here(g->key[P256]);
	uint8_t *big = calloc(1, MAX_SIGNED_DOC + 1), *out = NULL;
	struct sign_doc *d = NULL;
	struct why why = {""};
	size_t len = 0;

	assert_non_null(big);
	assert_int_equal(sign_new(view(big, 0), &d, &why), ERR_TOOBIG);
	assert_int_equal(sign_new(view(big, MAX_SIGNED_DOC), &d, &why),
	    ERR_TOOBIG);
	assert_int_equal(sign_new(view(big, MAX_SIGNED_DOC - 1), &d, &why),
	    ERR_OK);
	named(d, g, P256); /* with the signature it is too long after all */
	assert_int_equal(sign_make(d, &k, &out, &len, &why), ERR_TOOBIG);
	assert_null(out);
	sign_free(&d);
	no_document(big, MAX_SIGNED_DOC + 1, ERR_TOOBIG);
	free(big);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_kind_of_key_signs_as_officers_must),
	    cmocka_unit_test(the_time_is_the_one_given),
	    cmocka_unit_test(persons_sign_one_after_another),
	    cmocka_unit_test(what_others_made_is_signed_and_kept),
	    cmocka_unit_test(content_and_count_can_be_seen_before),
	    cmocka_unit_test(nobody_signs_twice),
	    cmocka_unit_test(
		nobody_signs_with_a_certificate_that_is_no_officers),
	    cmocka_unit_test(a_key_of_somebody_else_is_found_out),
	    cmocka_unit_test(a_key_that_fails_makes_nothing),
	    cmocka_unit_test(what_is_no_signed_document_is_refused),
	    cmocka_unit_test(there_is_a_longest_document),
	};

	return cmocka_run_group_tests(tests, rig_init, rig_done);
}
