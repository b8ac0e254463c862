/*
 * kms_state: what `keywarden init` fixed for good, sealed by the token: the
 * IBE parameters, the key period, the keys under which seeds are imported and
 * records sealed, those of TLS, and who and what was enrolled first.  Everybody
 * may read it; only the hsm worker can tell that it is unchanged.
 */
#ifndef APPLIANCE_KMS_STATE_H
#define APPLIANCE_KMS_STATE_H

#include "appliance/tls_role.h"
#include "base/bytes.h"
#include "base/limits.h"
#include "policy/authority.h"
#include "xk/key_period.h"

#define KMS_STATE_MAX (1024 * 1024)
#define KMS_STATE_SEAL_LEN 32

struct kms_person {
	struct rd name, cert;
	enum role role;
};

struct kms_client {
	struct rd name, cert;
};

struct kms_state {
	int64_t created;
	uint32_t serial; /* generation of the master secret: districtSerial */
	struct rd scheme; /* "ss512" */
	struct rd uri; /* districtName */
	enum key_period period;
	struct rd params; /* DER BFPublicParameters */
	struct rd import_key; /* SubjectPublicKeyInfo */
	struct rd spool_key; /* the same, for records that wait for LEMFs */
	struct rd hi2_key; /* the same: what LEMFs verify signatures by */
	struct rd tls_key[TLS_ROLE__MAX]; /* the same, of the ends of TLS */
	struct rd tls_request[TLS_ROLE__MAX]; /* PKCS #10, for their CAs */
	struct rd config; /* what matters of it: config_matters() */
	unsigned n_persons;
	struct kms_person person[MAX_INIT_PERSONS];
	unsigned n_clients;
	struct kms_client client[MAX_CLIENTS];
};

/* All but the seal. */
void kms_state_put(struct wr *, const struct kms_state *);

/*
 * Views into `in`; `sealed` is what the seal covers.  ERR_UNSUPPORTED: of a
 * keywarden before or after this one; ERR_MALFORMED.
 */
enum err kms_state_parse(struct rd in, struct kms_state *out, struct rd *sealed,
    struct rd *seal) MUST_CHECK;

/* A file's octets from its descriptor; the caller frees. */
enum err kms_state_read(int fd, uint8_t **out, size_t *len,
    struct why *why) MUST_CHECK;

/* The two above; `out` has views into `octets`, which the caller frees. */
enum err kms_state_load(int fd, uint8_t **octets, struct kms_state *out,
    struct rd *sealed, struct rd *seal, struct why *why) MUST_CHECK;

/*
 * The warrant state at its beginning; `whole` are the file's octets, whose
 * hash is the head at 0.  The caller's to authority_free().
 */
enum err kms_state_authority(const struct kms_state *, struct rd whole,
    struct authority **out, struct why *why) MUST_CHECK;

#endif
