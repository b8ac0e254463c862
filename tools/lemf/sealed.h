/*
 * sealed: keys of a record in clear.  Those sealed for the agency are DER of
 * CMS AuthEnvelopedData (RFC 5083) for its certificate, around
 *
 *	SEQUENCE { liid OCTET STRING, cCCSID OCTET STRING,
 *	    cCDecKey OCTET STRING, cCSalt OCTET STRING }
 *
 * so that a sealed key cannot be put into another record.
 */
#ifndef LEMF_SEALED_H
#define LEMF_SEALED_H

#include "lemf/record.h"

#define CLEAR_KEY_MAX 64 /* octets of a key, and of a salt */

/* The caller's to erase. */
struct clear_key {
	uint8_t key[CLEAR_KEY_MAX], salt[CLEAR_KEY_MAX];
	size_t key_len, salt_len;
};

/* The agency's private key and the certificate that keys are sealed to. */
struct opener;

/*
 * From PEM files; nobody is asked for a passphrase.  ERR_IO, ERR_MALFORMED,
 * ERR_MISMATCH: the key is not that of the certificate.
 */
enum err opener_new(const char *key_file, const char *cert_file,
    struct opener **out, struct why *why) MUST_CHECK;
void opener_free(struct opener **);

/*
 * Key i of the record.  `o` may be NULL, then sealed ones give ERR_DENIED.
 * ERR_CRYPTO: it does not open, with this key or at all; ERR_MALFORMED: what
 * is inside; ERR_MISMATCH: that belongs to another LIID or stream; ERR_TOOBIG.
 * On failure *out is erased.
 */
enum err sealed_key(const struct opener *o, const struct record *r, unsigned i,
    struct clear_key *out, struct why *why) MUST_CHECK;

#endif
