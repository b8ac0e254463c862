/*
 * papers: requests that a test writes, who signs them, and the changes that
 * they become.
 */
#ifndef TESTS_UNIT_PAPERS_H
#define TESTS_UNIT_PAPERS_H

#include "pki.h"
#include "policy/change.h"
#include "policy/request.h"

#define PAPERS_KMS "kms.example.com"

/* Somebody with a key of P-256 and a certificate for it. */
struct signatory {
	const char *name;
	EVP_PKEY *key;
	X509 *cert;
	uint8_t *der;
	size_t len;
};
/* Certificate of this serial, valid from PKI_FROM to `until`. */
struct signatory signatory_make(const char *name, long serial, int64_t until);
void signatory_done(struct signatory *);
struct rd signatory_cert(const struct signatory *);

/* A request's octets and its hash; .p is the caller's to free(). */
struct paper {
	enum request_kind kind;
	uint8_t *p;
	size_t len;
	uint8_t hash[DIGEST_LEN];
};
struct rd paper_view(const struct paper *);

/* The test fails when it cannot be written. */
struct paper paper_write(const struct request_head *, const char *body);

/* Issued at PKI_NOW for a day, nonce counted up, for PAPERS_KMS. */
struct request_head paper_head(enum request_kind, const char *requester,
    uint64_t version);

/* One CMS by all of them; the caller frees. */
uint8_t *paper_sign(const struct paper *, const struct signatory *const *,
    size_t n, size_t *len);

/* What evidence_put() makes of them; the caller frees. */
uint8_t *papers_evidence(const struct rd *cms, unsigned n, size_t *len);

/* The change that this is at PKI_NOW. */
struct change paper_change(const struct paper *, uint64_t number,
    struct rd evidence);

/* {"certificate":BASE64,"name":NAME} with `more` in front; caller frees. */
char *papers_cert_body(const char *name, struct rd cert, const char *more);

#endif
