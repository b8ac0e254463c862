/* pki: certificates and signed documents that a test makes for itself. */
#ifndef TESTS_UNIT_PKI_H
#define TESTS_UNIT_PKI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/cms.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

/* What most certificates of a test have: valid around this time. */
#define PKI_NOW 1800000000
#define PKI_FROM (PKI_NOW - 86400)
#define PKI_UNTIL (PKI_NOW + 86400)

struct pki_cert {
	EVP_PKEY *key; /* whose public half goes in */
	EVP_PKEY *by; /* which signs; NULL: the same */
	const char *subject, *issuer; /* common names; issuer NULL: itself */
	long serial;
	int64_t from, until;
	bool key_id; /* a subjectKeyIdentifier */
};

/* Certificates are the caller's to X509_free(). */
X509 *pki_cert_make(const struct pki_cert *);
/* Self-signed, valid from PKI_FROM to PKI_UNTIL. */
X509 *pki_cert(EVP_PKEY *, const char *name, long serial);
/* DER; the caller frees. */
uint8_t *pki_cert_der(X509 *, size_t *len);

/* A list of revoked certificates; version 2 with a number unless it says so. */
struct pki_crl {
	EVP_PKEY *key; /* which signs */
	const char *issuer; /* common name */
	int64_t from, until; /* until 0: no nextUpdate */
	long number; /* -1: none */
	const long *revoked; /* serial numbers */
	size_t n_revoked;
	bool version1;
	const char *digest; /* NULL: SHA256 */
	bool pss; /* of an RSA key, by RSASSA-PSS */
	/* One more extension, by OpenSSL's name and value, of the list or of
	 * its entries; NULL: none. */
	const char *ext, *ext_value, *entry_ext, *entry_value;
	X509 *key_id_of; /* an authorityKeyIdentifier; NULL: none */
};

/* PEM, the caller's to free(). */
char *pki_crl_pem(const struct pki_crl *, size_t *len);

struct pki_signer {
	X509 *cert;
	EVP_PKEY *key;
	const char *digest; /* NULL: SHA256 */
	unsigned flags; /* for CMS_add1_signer() */
};

/*
 * A document signed by each, made with `flags` (CMS_BINARY is added) around
 * content of the type `nid`, NID_undef for data.  The caller frees it with
 * CMS_ContentInfo_free(), or takes the DER and free()s that.
 */
CMS_ContentInfo *pki_cms(const void *content, size_t len, int nid,
    const struct pki_signer *, size_t n, unsigned flags);
uint8_t *pki_cms_der(CMS_ContentInfo *, size_t *len);

/* All at once: DER of data signed by each. */
uint8_t *pki_sign(const void *content, size_t content_len,
    const struct pki_signer *, size_t n, size_t *len);

#endif
