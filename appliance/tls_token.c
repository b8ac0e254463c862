#include <stdlib.h>
#include <string.h>

#include <openssl/async.h>
#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/provider.h>

#include "appliance/tls_token.h"

#define NAME "keywarden"
#define POINT_LEN 65 /* 04 || x || y */
#define ROLE_PARAM "keywarden-role"

/* ---- who waits, and for what ---- */

static struct {
	bool (*ask)(void *ctx, uint32_t id, struct rd hash);
	void *ctx;
	uint32_t last_id;
	struct tls_wait *asked;
	struct tls_wait *now; /* whose handshake is running */
} token;

void
tls_token_ask_by(bool (*ask)(void *ctx, uint32_t id, struct rd hash), void *ctx)
{
	token.ask = ask;
	token.ctx = ctx;
}

static void
unlink_wait(struct tls_wait *w)
{
	*w->at = w->next;
	if (w->next != NULL)
		w->next->at = w->at;
	w->asked = false;
}

/* In the handshake's own stack; the loop goes on beside it. */
static bool
wait_for(struct tls_wait *w, struct rd hash)
{
	w->id = ++token.last_id;
	w->len = 0;
	if (token.ask == NULL || !token.ask(token.ctx, w->id, hash))
		return false;
	w->asked = true;
	w->next = token.asked;
	w->at = &token.asked;
	if (w->next != NULL)
		w->next->at = &w->next;
	token.asked = w;
	while (w->asked)
		if (ASYNC_pause_job() != 1)
			break;
	if (w->asked)
		unlink_wait(w);
	return w->len > 0;
}

static void
give(struct tls_wait *w, struct rd sig)
{
	unlink_wait(w);
	if (sig.left > 0 && sig.left <= sizeof(w->sig)) {
		memcpy(w->sig, sig.p, sig.left);
		w->len = sig.left;
	}
	if (w->resume != NULL)
		w->resume(w->ctx);
}

void
tls_token_answer(uint32_t id, struct rd sig)
{
	for (struct tls_wait *w = token.asked; w != NULL; w = w->next)
		if (w->id == id) {
			give(w, sig);
			return;
		}
}

/* A handshake that goes on may begin nothing here: it fails. */
void
tls_token_fail_all(void)
{
	const struct rd none = {NULL, 0};

	while (token.asked != NULL)
		give(token.asked, none);
}

int
tls_token_handshake(SSL *ssl, struct tls_wait *w)
{
	int n;

	if (w->asked)
		return -1; /* as it said before */
	token.now = w;
	n = SSL_do_handshake(ssl);
	token.now = NULL;
	if (n == 1) /* what follows needs no stack of its own */
		(void)SSL_clear_mode(ssl, SSL_MODE_ASYNC);
	return n;
}

bool
tls_token_waits(const struct tls_wait *w)
{
	return w->asked;
}

void
tls_token_forget(SSL *ssl, struct tls_wait *w)
{
	if (!w->asked)
		return;
	unlink_wait(w);
	w->len = 0;
	w->resume = NULL;
	/* To its end, which is a failure. */
	(void)tls_token_handshake(ssl, w);
	ERR_clear_error();
}

void
tls_token_profile(SSL_CTX *c)
{
	(void)SSL_CTX_set_mode(c, SSL_MODE_ASYNC);
}

/* ---- keys ---- */

struct key {
	uint8_t point[POINT_LEN];
	bool has_point;
	int role; /* TLS_ROLE__MAX: it only verifies, of somebody else */
};

static void *
key_new(void *provctx)
{
	struct key *k = calloc(1, sizeof(*k));

	(void)provctx;
	if (k != NULL)
		k->role = TLS_ROLE__MAX;
	return k;
}

static void
key_free(void *k)
{
	free(k);
}

static int
key_has(const void *arg, int selection)
{
	const struct key *k = arg;

	if ((selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) != 0 &&
	    k->role == TLS_ROLE__MAX)
		return 0;
	return k->has_point;
}

static int
key_match(const void *a, const void *b, int selection)
{
	const struct key *x = a, *y = b;

	(void)selection;
	return x->has_point && y->has_point &&
	    memcmp(x->point, y->point, POINT_LEN) == 0;
}

static int
key_import(void *arg, int selection, const OSSL_PARAM params[])
{
	const OSSL_PARAM *pub =
	    OSSL_PARAM_locate_const(params, OSSL_PKEY_PARAM_PUB_KEY);
	const OSSL_PARAM *role = OSSL_PARAM_locate_const(params, ROLE_PARAM);
	struct key *k = arg;
	void *to = k->point;
	size_t len = 0;

	(void)selection;
	if (pub == NULL ||
	    OSSL_PARAM_get_octet_string(pub, &to, POINT_LEN, &len) != 1 ||
	    len != POINT_LEN ||
	    (role != NULL && OSSL_PARAM_get_int(role, &k->role) != 1))
		return 0;
	k->has_point = true;
	return 1;
}

static const OSSL_PARAM import_types[] =
    {OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_PUB_KEY, NULL, 0),
	OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, NULL, 0),
	OSSL_PARAM_int(ROLE_PARAM, NULL), OSSL_PARAM_END};

static const OSSL_PARAM *
key_import_types(int selection)
{
	(void)selection;
	return import_types;
}

static bool
set_int(OSSL_PARAM params[], const char *name, int value)
{
	OSSL_PARAM *p = OSSL_PARAM_locate(params, name);

	return p == NULL || OSSL_PARAM_set_int(p, value) == 1;
}

static bool
set_text(OSSL_PARAM params[], const char *name, const char *value)
{
	OSSL_PARAM *p = OSSL_PARAM_locate(params, name);

	return p == NULL || OSSL_PARAM_set_utf8_string(p, value) == 1;
}

static int
key_get_params(void *k, OSSL_PARAM params[])
{
	(void)k;
	return set_int(params, OSSL_PKEY_PARAM_BITS, 256) &&
	    set_int(params, OSSL_PKEY_PARAM_SECURITY_BITS, 128) &&
	    set_int(params, OSSL_PKEY_PARAM_MAX_SIZE, TLS_SIGNATURE_MAX) &&
	    set_text(params, OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1") &&
	    set_text(params, OSSL_PKEY_PARAM_DEFAULT_DIGEST, "SHA256");
}

static const OSSL_PARAM gettable[] = {OSSL_PARAM_int(OSSL_PKEY_PARAM_BITS,
					  NULL),
    OSSL_PARAM_int(OSSL_PKEY_PARAM_SECURITY_BITS, NULL),
    OSSL_PARAM_int(OSSL_PKEY_PARAM_MAX_SIZE, NULL),
    OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, NULL, 0),
    OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_DEFAULT_DIGEST, NULL, 0),
    OSSL_PARAM_END};

static const OSSL_PARAM *
key_gettable(void *provctx)
{
	(void)provctx;
	return gettable;
}

static const char *
key_operation(int op)
{
	return op == OSSL_OP_SIGNATURE ? "ECDSA" : NULL;
}

/* ---- signatures ---- */

struct signing {
	const struct key *key;
};

static void *
sig_new(void *provctx, const char *propq)
{
	(void)provctx;
	(void)propq;
	return calloc(1, sizeof(struct signing));
}

static void
sig_free(void *s)
{
	free(s);
}

/* ecdsa_secp256r1_sha256 alone (RFC 8446 clause 4.2.3). */
static int
sig_init(void *arg, const char *md, void *key, const OSSL_PARAM params[])
{
	struct signing *s = arg;

	(void)params;
	if (md == NULL ||
	    (OPENSSL_strcasecmp(md, "SHA256") != 0 &&
		OPENSSL_strcasecmp(md, "SHA2-256") != 0))
		return 0;
	s->key = key;
	return 1;
}

/*
 * Only the CertificateVerify of the key's role; the signer would sign nothing
 * else in any case, as all it is given is the hash.
 */
static int
sig_sign(void *arg, unsigned char *sig, size_t *len, size_t cap,
    const unsigned char *tbs, size_t tbs_len)
{
	const struct signing *s = arg;
	struct tls_wait *w = token.now;
	struct rd input, hash;

	if (sig == NULL) {
		*len = TLS_SIGNATURE_MAX;
		return 1;
	}
	rd_init(&input, tbs, tbs_len);
	if (s->key == NULL || s->key->role < 0 ||
	    s->key->role >= TLS_ROLE__MAX ||
	    tls_role_hash((enum tls_role)s->key->role, input, &hash) != ERR_OK)
		return 0;
	if (w == NULL || ASYNC_get_current_job() == NULL || !wait_for(w, hash))
		return 0;
	if (w->len > cap)
		return 0;
	memcpy(sig, w->sig, w->len);
	*len = w->len;
	return 1;
}

/* ---- the provider ---- */

#define FN(id, f) \
	{ \
		(id), (void (*)(void))(f) \
	}
static const OSSL_DISPATCH key_functions[] = {
    FN(OSSL_FUNC_KEYMGMT_NEW, key_new),
    FN(OSSL_FUNC_KEYMGMT_FREE, key_free),
    FN(OSSL_FUNC_KEYMGMT_HAS, key_has),
    FN(OSSL_FUNC_KEYMGMT_MATCH, key_match),
    FN(OSSL_FUNC_KEYMGMT_IMPORT, key_import),
    FN(OSSL_FUNC_KEYMGMT_IMPORT_TYPES, key_import_types),
    FN(OSSL_FUNC_KEYMGMT_GET_PARAMS, key_get_params),
    FN(OSSL_FUNC_KEYMGMT_GETTABLE_PARAMS, key_gettable),
    FN(OSSL_FUNC_KEYMGMT_QUERY_OPERATION_NAME, key_operation),
    {0, NULL},
};
static const OSSL_DISPATCH sig_functions[] = {
    FN(OSSL_FUNC_SIGNATURE_NEWCTX, sig_new),
    FN(OSSL_FUNC_SIGNATURE_FREECTX, sig_free),
    FN(OSSL_FUNC_SIGNATURE_DIGEST_SIGN_INIT, sig_init),
    FN(OSSL_FUNC_SIGNATURE_DIGEST_SIGN, sig_sign),
    {0, NULL},
};

static const OSSL_ALGORITHM keys[] = {
    {"EC:id-ecPublicKey:1.2.840.10045.2.1", "provider=" NAME, key_functions,
	"P-256 keys of the token"},
    {NULL, NULL, NULL, NULL},
};
static const OSSL_ALGORITHM signatures[] = {
    {"ECDSA", "provider=" NAME, sig_functions, "CertificateVerify"},
    {NULL, NULL, NULL, NULL},
};

static const OSSL_ALGORITHM *
query(void *provctx, int op, int *no_cache)
{
	(void)provctx;
	*no_cache = 0;
	return op == OSSL_OP_KEYMGMT  ? keys
	    : op == OSSL_OP_SIGNATURE ? signatures
				      : NULL;
}

static const OSSL_DISPATCH provider_functions[] = {
    FN(OSSL_FUNC_PROVIDER_QUERY_OPERATION, query),
    {0, NULL},
};

static int
provider_init(const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *in,
    const OSSL_DISPATCH **out, void **provctx)
{
	static int any;

	(void)handle;
	(void)in;
	*out = provider_functions;
	*provctx = &any;
	return 1;
}

/* Once; whoever asks for no provider by name gets OpenSSL's own. */
static bool
load_provider(void)
{
	static OSSL_PROVIDER *own, *rest;

	if (own == NULL &&
	    OSSL_PROVIDER_add_builtin(NULL, NAME, provider_init) == 1 &&
	    (rest = OSSL_PROVIDER_load(NULL, "default")) != NULL &&
	    EVP_set_default_properties(NULL, "?provider=default") == 1)
		own = OSSL_PROVIDER_load(NULL, NAME);
	return own != NULL;
}

EVP_PKEY *
tls_token_key(EVP_PKEY *public_half, enum tls_role role)
{
	char group[] = "prime256v1", name[32];
	uint8_t point[POINT_LEN];
	int r = (int)role;
	OSSL_PARAM params[] =
	    {OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group,
		 0),
		OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY,
		    point, sizeof(point)),
		OSSL_PARAM_construct_int(ROLE_PARAM, &r),
		OSSL_PARAM_construct_end()};
	EVP_PKEY_CTX *c = NULL;
	EVP_PKEY *key = NULL;
	size_t len = 0;

	if (!load_provider() ||
	    EVP_PKEY_get_group_name(public_half, name, sizeof(name), NULL) !=
		1 ||
	    strcmp(name, group) != 0 ||
	    EVP_PKEY_get_octet_string_param(public_half,
		OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point), &len) != 1 ||
	    len != sizeof(point))
		return NULL;
	c = EVP_PKEY_CTX_new_from_name(NULL, "EC", "provider=" NAME);
	if (c == NULL || EVP_PKEY_fromdata_init(c) != 1 ||
	    EVP_PKEY_fromdata(c, &key, EVP_PKEY_KEYPAIR, params) != 1)
		key = NULL;
	EVP_PKEY_CTX_free(c);
	return key;
}
