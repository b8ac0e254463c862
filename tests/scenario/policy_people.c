#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/rand.h>
#include <openssl/rsa.h>

#include "pki.h"
#include "policy/rfc3339.h"
#include "policy_play.h"

#define DAY 86400

struct play play;

/* ---- memory ---- */

static void **kept;
static size_t n_kept, cap_kept;

struct rd
keep(const void *p, size_t len)
{
	struct rd r;

	if (n_kept == cap_kept) {
		cap_kept = 2 * cap_kept + 64;
		if ((kept = realloc(kept, cap_kept * sizeof(*kept))) == NULL)
			rig_stop("keep", "out of memory");
	}
	if ((kept[n_kept] = malloc(len + 1)) == NULL)
		rig_stop("keep", "out of memory");
	if (len > 0)
		memcpy(kept[n_kept], p, len);
	rd_init(&r, kept[n_kept++], len);
	return r;
}

void
keep_done(void)
{
	while (n_kept > 0)
		free(kept[--n_kept]);
	free(kept);
	for (unsigned i = 0; i < N_PEOPLE; i++) {
		EVP_PKEY_free(play.people[i].key);
		X509_free(play.people[i].cert);
	}
	free(play.rig.body);
}

struct rd
text_of(const char *s)
{
	struct rd r;

	rd_init(&r, s, strlen(s));
	return r;
}

/* Text that stays. */
static const char *said(const char *fmt, ...) PRINTF_LIKE(1, 2);

static const char *
said(const char *fmt, ...)
{
	char buf[16384];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(buf, sizeof(buf), fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= sizeof(buf))
		rig_stop("a text", "too long");
	return (const char *)keep(buf, (size_t)n + 1).p;
}

static const char *
base64(struct rd r)
{
	char out[12288];

	if (r.left * 4 / 3 + 8 > sizeof(out))
		rig_stop("base64", "too long");
	(void)EVP_EncodeBlock((unsigned char *)out, r.p, (int)r.left);
	return said("%s", out);
}

/* ---- persons ---- */

void
people_make(void)
{
	static const struct {
		const char *name;
		enum role role;
	} list[N_PEOPLE] = {[ONE] = {"one", ROLE_OFFICER},
	    [TWO] = {"two", ROLE_OFFICER},
	    [THREE] = {"three", ROLE_OFFICER},
	    [SAFE1] = {"safe-one", ROLE_SECURITY_OFFICER},
	    [SAFE2] = {"safe-two", ROLE_SECURITY_OFFICER},
	    [SAFE3] = {"safe-three", ROLE_SECURITY_OFFICER},
	    [ENGINEER] = {"engineer", ROLE_ENGINEER},
	    [AUDITOR] = {"auditor", ROLE_AUDITOR},
	    [EVE] = {"eve", ROLE_OFFICER},
	    [MALLORY] = {"mallory", ROLE_OFFICER},
	    [TRUDY] = {"trudy", ROLE_OFFICER}};

	for (unsigned i = 0; i < N_PEOPLE; i++) {
		struct person_at_hand *p = &play.people[i];
		struct pki_cert c = {.subject = list[i].name,
		    .serial = (long)i + 1,
		    .from = time(NULL) - 2 * DAY,
		    .until = time(NULL) + 30 * DAY};
		uint8_t *der;
		size_t len;

		p->name = list[i].name;
		p->role = list[i].role;
		if ((c.key = p->key = EVP_EC_gen("P-256")) == NULL)
			rig_stop("a person", "no key");
		p->cert = pki_cert_make(&c);
		der = pki_cert_der(p->cert, &len);
		p->der = keep(der, len);
		free(der);
	}
}

/* ---- requests ---- */

struct request_head
head_of(enum request_kind kind, enum who requester)
{
	struct request_head h = {.kind = kind,
	    .kms = PLAY_KMS,
	    .requester = play.people[requester].name,
	    .policy_version = play.world.version,
	    .issued = time(NULL),
	    .expires = time(NULL) + DAY};

	if (RAND_bytes(h.nonce, sizeof(h.nonce)) != 1)
		rig_stop("a nonce", "no randomness");
	return h;
}

struct rd
paper(const struct request_head *h, const char *body)
{
	struct why why = {""};
	uint8_t *p = NULL;
	size_t len = 0;
	struct rd r;

	if (request_write(h, text_of(body), &p, &len, &why) != ERR_OK)
		rig_stop(body, why.text);
	r = keep(p, len);
	free(p);
	return r;
}

struct rd
signed_by(struct rd content, unsigned n, const enum who *who)
{
	struct pki_signer s[MAX_SIGNERS + 1];
	uint8_t *der;
	size_t len;
	struct rd r;

	for (unsigned i = 0; i < n; i++)
		s[i] = (struct pki_signer){.cert = play.people[who[i]].cert,
		    .key = play.people[who[i]].key};
	der = pki_sign(content.p, content.left, s, n, &len);
	r = keep(der, len);
	free(der);
	return r;
}

struct rd
evidence_of(unsigned n, const struct rd *cms)
{
	static uint8_t buf[MAX_EVIDENCE];
	struct evidence e = {.n = n};
	struct wr w;

	memcpy(e.cms, cms, n * sizeof(*cms));
	wr_init(&w, buf, sizeof(buf));
	evidence_put(&w, &e);
	if (w.rc != ERR_OK)
		rig_stop("evidence", "too long");
	return keep(buf, w.len);
}

struct change
change_of(enum request_kind kind, struct rd request, struct rd evidence)
{
	struct change c = {.number = play.world.n + 1,
	    .time = time(NULL),
	    .kind = kind,
	    .request = request,
	    .evidence = evidence};

	if (digest_of(request, c.hash) != ERR_OK)
		rig_stop("a change", "SHA-256");
	return c;
}

struct change
change_by(enum request_kind kind, const char *body, unsigned n,
    const enum who *who)
{
	const struct request_head h = head_of(kind, who[0]);
	const struct rd octets = paper(&h, body);
	const struct rd cms = signed_by(octets, n, who);

	return change_of(kind, octets, evidence_of(1, &cms));
}

struct change
change_by_two(enum request_kind kind, const char *body, enum who a, enum who b)
{
	const enum who both[2] = {a, b};

	return change_by(kind, body, 2, both);
}

/* ---- bodies ---- */

const char *
body_warrant(const char *liid, const char *target, const char *client,
    bool test, int64_t start, int64_t end)
{
	char from[RFC3339_LEN], to[RFC3339_LEN];

	return said("{\"liid\":\"%s\",\"targets\":[{\"identities\":[\"%s\"]}],"
		    "\"period\":{\"start\":\"%s\",\"end\":\"%s\","
		    "\"graceAfterEnd\":0},\"clients\":[\"%s\"],"
		    "\"products\":[\"keys\"],\"delivery\":[\"xk\"],"
		    "\"test\":%s}",
	    liid, target, rfc3339_print(start, from), rfc3339_print(end, to),
	    client, test ? "true" : "false");
}

const char *
body_on(const uint8_t warrant[DIGEST_LEN])
{
	char hex[2 * DIGEST_LEN + 1];

	hex_put(warrant, DIGEST_LEN, hex);
	return said("{\"warrant\":\"%s\"}", hex);
}

const char *
body_person(const char *name, const char *role, enum who cert)
{
	return said("{\"name\":\"%s\",\"role\":\"%s\",\"certificate\":\"%s\"}",
	    name, role, base64(play.people[cert].der));
}

/* Under the import key, as keywarden(1) does it. */
static struct rd
wrapped(const uint8_t seed[32])
{
	const unsigned char *p = play.import_key.p;
	EVP_PKEY *key = d2i_PUBKEY(NULL, &p, (long)play.import_key.left);
	EVP_PKEY_CTX *c = key == NULL ? NULL : EVP_PKEY_CTX_new(key, NULL);
	uint8_t out[1024];
	size_t len = sizeof(out);

	if (c == NULL || EVP_PKEY_encrypt_init(c) != 1 ||
	    EVP_PKEY_CTX_set_rsa_padding(c, RSA_PKCS1_OAEP_PADDING) != 1 ||
	    EVP_PKEY_encrypt(c, out, &len, seed, 32) != 1)
		rig_stop("a seed", "cannot be wrapped");
	EVP_PKEY_CTX_free(c);
	EVP_PKEY_free(key);
	return keep(out, len);
}

const char *
body_subscriber(const char *identity, const uint8_t seed[32], bool test)
{
	return said("{\"identity\":\"%s\",\"wrappedSeed\":\"%s\",\"test\":%s}",
	    identity, base64(wrapped(seed)), test ? "true" : "false");
}

const char *
body_devices(const char *identity, const char *device, uint64_t record)
{
	return said(
	    "{\"identity\":\"%s\",\"devices\":[\"%s\"],\"record\":%llu}",
	    identity, device, (unsigned long long)record);
}

const char *
body_remove(const char *identity, uint64_t record)
{
	return said("{\"identity\":\"%s\",\"record\":%llu}", identity,
	    (unsigned long long)record);
}
