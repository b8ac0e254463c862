/*
 * sign: the other side of persons_verify(): CMS SignedData (RFC 5652) that a
 * person makes with a key of their own, wherever that key is.  DER, id-data,
 * the content inside, no certificates added; of each signer a SignerInfo by
 * issuer and serial number whose signed attributes are contentType,
 * messageDigest and signingTime.
 */
#ifndef POLICY_SIGN_H
#define POLICY_SIGN_H

#include <stdint.h>

#include "base/bytes.h"
#include "base/error.h"

struct evp_pkey_st;
struct sign_doc;

#define SIGN_MAX 1024 /* octets of one signature: RSA of 8192 bit */
#define SIGN_HASH_MAX 64

/*
 * What signs: `hash`, made with the digest "SHA256", "SHA384" or "SHA512", to
 * a signature as CMS has it (RSA: PKCS #1 v1.5; EC: DER of ECDSA-Sig-Value).
 */
struct sign_key {
	enum err (*sign)(void *ctx, const char *digest, struct rd hash,
	    uint8_t out[SIGN_MAX], size_t *len, struct why *);
	void *ctx;
};

/* A key in memory, which must outlive what is returned. */
struct sign_key sign_key_here(struct evp_pkey_st *);

/*
 * What is to be signed: content of our own, or that of a document which others
 * have signed (ERR_MALFORMED if it is none, ERR_MISMATCH if a signature in it
 * is over other content: nothing tells here whose it is or whether it holds).
 * The octets are copied.  ERR_TOOBIG from MAX_SIGNED_DOC on.
 */
enum err sign_new(struct rd content, struct sign_doc **out,
    struct why *) MUST_CHECK;
enum err sign_again(struct rd cms, struct sign_doc **out,
    struct why *) MUST_CHECK;
void sign_free(struct sign_doc **);

/* A view of the document's own memory. */
struct rd sign_content(const struct sign_doc *);
/* How many have signed. */
unsigned sign_count(const struct sign_doc *);

/*
 * Who signs, by the DER of a certificate such as persons_add() takes.
 * ERR_DENIED: not valid at `now`; ERR_EXISTS: has signed already.
 */
enum err sign_by(struct sign_doc *, struct rd cert, int64_t now,
    struct why *) MUST_CHECK;

/*
 * After sign_by(), once: sign, and verify what was made with the certificate.
 * *out is the caller's to free().  ERR_MISMATCH: the key is not that of the
 * certificate; ERR_TOOBIG: over MAX_SIGNED_DOC; or what the key says.
 */
enum err sign_make(struct sign_doc *, const struct sign_key *, uint8_t **out,
    size_t *len, struct why *) MUST_CHECK;

#endif
