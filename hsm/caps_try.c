/* What is tried in which order, and what is left when it is over. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/x509.h>

#include "base/clock.h"
#include "hsm/caps_try_int.h"

#define SPKI_MAX 1024
#define QUICK_RSA_BITS 2048

void
caps_say(struct caps_try *t, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(t->text, sizeof(t->text), fmt, ap);
	va_end(ap);
}

enum err
caps_missing(struct caps_try *t, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(t->text, sizeof(t->text), fmt, ap);
	va_end(ap);
	return ERR_UNSUPPORTED;
}

/* Of the session or the token, and not of what was asked. */
bool
caps_gone(CK_RV rv)
{
	static const CK_RV gone[] = {CKR_DEVICE_ERROR, CKR_DEVICE_REMOVED,
	    CKR_TOKEN_NOT_PRESENT, CKR_SESSION_CLOSED,
	    CKR_SESSION_HANDLE_INVALID, CKR_CRYPTOKI_NOT_INITIALIZED,
	    CKR_USER_NOT_LOGGED_IN};

	for (size_t i = 0; i < sizeof(gone) / sizeof(gone[0]); i++)
		if (gone[i] == rv)
			return true;
	return false;
}

/* Handles that were good a moment ago. */
static bool
is_stale(CK_RV rv)
{
	static const CK_RV stale[] = {CKR_KEY_HANDLE_INVALID,
	    CKR_OBJECT_HANDLE_INVALID, CKR_WRAPPING_KEY_HANDLE_INVALID,
	    CKR_UNWRAPPING_KEY_HANDLE_INVALID};

	for (size_t i = 0; i < sizeof(stale) / sizeof(stale[0]); i++)
		if (stale[i] == rv)
			return true;
	return false;
}

enum err
caps_refused(struct caps_try *t, const char *call, CK_RV rv, const char *what)
{
	if (rv == CKR_OK)
		return caps_missing(t, "it allows %s", what);
	return caps_gone(rv) ? hsm_note(call, rv) : ERR_OK;
}

enum err
caps_hidden(struct caps_try *t, CK_OBJECT_HANDLE key, CK_ATTRIBUTE_TYPE type,
    const char *what)
{
	uint8_t buf[1024];
	CK_ATTRIBUTE a = {type, buf, sizeof(buf)};
	CK_RV rv;

	rv = P11_RV(t->h, C_GetAttributeValue, t->h->session, key, &a, 1);
	explicit_bzero(buf, sizeof(buf));
	return caps_refused(t, "C_GetAttributeValue", rv, what);
}

/* ---- keys ---- */

enum err
caps_have(struct caps_try *t, enum hsm_key which)
{
	struct hsm_made *m = &t->made[which];
	enum err rc;

	if (t->own || m->key != 0)
		return ERR_OK;
	*m = (struct hsm_made){.keep = CK_FALSE,
	    .label = CAPS_TRY_LABEL,
	    .rsa_bits = which == HSM_KEY_SPOOL ? QUICK_RSA_BITS : t->rsa_bits,
	    .ec_params = ibe_setup_ec_params(t->setup)};
	if ((rc = hsm_make(t->h, which, m)) == ERR_OK)
		t->h->key[which] = m->key;
	return rc;
}

enum err
caps_public(struct caps_try *t, enum hsm_key which, EVP_PKEY **out)
{
	uint8_t der[SPKI_MAX];
	const unsigned char *p = der;
	size_t n;
	enum err rc;

	rc = t->own ? hsm_public_key(t->h, which, der, sizeof(der), &n)
		    : hsm_public_of(t->h, which, t->made[which].pub, der,
			  sizeof(der), &n);
	if (rc == ERR_OK && (*out = d2i_PUBKEY(NULL, &p, (long)n)) == NULL)
		rc = caps_missing(t, "its public key is not one");
	return rc;
}

/* ---- all ---- */

static caps_attempt *const attempts[CAP__INIT_MAX] = {[CAP_LOGIN] = caps_login,
    [CAP_MECHANISMS] = caps_listed,
    [CAP_SESSIONS] = caps_sessions,
    [CAP_HMAC] = caps_hmac,
    [CAP_AES_WRAP] = caps_aes_wrap,
    [CAP_OAEP] = caps_oaep,
    [CAP_OAEP_OUT] = caps_oaep_out,
    [CAP_OAEP_SHA256] = caps_oaep_sha256,
    [CAP_DATA_KEY] = caps_data_key,
    [CAP_TEMPLATES] = caps_templates,
    [CAP_ECDSA] = caps_ecdsa,
    [CAP_CURVE] = caps_curve,
    [CAP_ECDH] = caps_ecdh,
    [CAP_KEPT] = caps_kept,
    [CAP_PURPOSE] = caps_purpose,
    [CAP_OBJECTS] = caps_objects};

static void
begin_attempt(struct caps_try *t)
{
	t->around = false;
	t->text[0] = '\0';
	hsm_last.rv = CKR_OK;
	hsm_forget_why();
}

static void
end_attempt(struct caps_try *t, enum err rc, struct cap_result *out)
{
	if (rc == ERR_OK)
		out->state = t->around ? CAP_AROUND : CAP_WORKS;
	else if (caps_gone(hsm_last.rv) ||
	    (rc != ERR_UNSUPPORTED && is_stale(hsm_last.rv)))
		out->state = CAP_LOST;
	else
		out->state = CAP_MISSING;
	(void)snprintf(out->text, sizeof(out->text), "%.*s", CAP_TEXT_MAX - 1,
	    rc == ERR_OK || rc == ERR_UNSUPPORTED ? t->text : hsm_why());
}

static bool
is_there(const struct caps *c, enum cap i)
{
	return c->of[i].state == CAP_WORKS || c->of[i].state == CAP_AROUND;
}

void
caps_try_one(struct caps_try *t, enum cap which, struct caps *caps)
{
	const enum cap needs = cap_row(which)->needs;
	struct cap_result *out = &caps->of[which];

	*out = (struct cap_result){.state = CAP_UNTRIED};
	if (needs != which && !is_there(caps, needs)) {
		(void)snprintf(out->text, sizeof(out->text), "needs: %s",
		    cap_row(needs)->name);
		return;
	}
	begin_attempt(t);
	end_attempt(t, attempts[which](t), out);
	if (which == CAP_ECDH)
		caps->point = t->point;
}

void
caps_try_all(struct caps_try *t, struct caps *caps)
{
	for (enum cap i = 0; i < CAP__INIT_MAX; i++) {
		caps_try_one(t, i, caps);
		if (caps->of[i].state == CAP_LOST)
			break;
	}
}

/* ---- how often ---- */

/* One operation of the token each. */
static caps_attempt *const once[CAP__INIT_MAX] = {[CAP_HMAC] = caps_hmac_once,
    [CAP_AES_WRAP] = caps_aes_wrap_once,
    [CAP_OAEP] = caps_oaep_once,
    [CAP_DATA_KEY] = caps_data_key_once,
    [CAP_ECDSA] = caps_ecdsa_once,
    [CAP_ECDH] = caps_ecdh_once};

void
caps_try_rate(struct caps_try *t, enum cap which, unsigned ms,
    struct caps *caps)
{
	caps_attempt *f = which < CAP__INIT_MAX ? once[which] : NULL;
	const int64_t begin_ms = clock_uptime_ms();
	int64_t took;
	uint32_t n = 0;

	if (f == NULL || !is_there(caps, which) || ms == 0)
		return;
	do {
		if (f(t) != ERR_OK)
			return;
		n++;
		took = clock_uptime_ms() - begin_ms;
	} while (took < (int64_t)ms);
	caps->of[which].tenths = (uint32_t)(n * 10000ULL / (uint64_t)took);
}

/* ---- once more, and with the appliance's keys ---- */

/* Those that use keys; `caps` NULL: all, by the appliance's keys. */
static enum err
repeat(struct caps_try *t, const struct caps *caps)
{
	static const enum cap repeated[] = {CAP_HMAC, CAP_AES_WRAP, CAP_OAEP,
	    CAP_OAEP_OUT, CAP_DATA_KEY, CAP_ECDSA};
	enum err rc = ERR_OK;

	for (size_t i = 0;
	     i < sizeof(repeated) / sizeof(repeated[0]) && rc == ERR_OK; i++)
		if (caps == NULL || is_there(caps, repeated[i]))
			rc = attempts[repeated[i]](t);
	if (rc == ERR_OK && caps != NULL && is_there(caps, CAP_ECDH))
		rc = caps_ecdh_once(t);
	t->around = false;
	return rc;
}

/* Whoever looked for the appliance's keys meanwhile has put them there. */
static void
use_made(struct caps_try *t)
{
	for (int i = 0; i < HSM_KEY__MAX; i++)
		t->h->key[i] = t->made[i].key;
}

void
caps_try_again(struct caps_try *t, const struct caps *caps,
    struct cap_result *out)
{
	enum err rc;

	use_made(t);
	begin_attempt(t);
	if ((rc = repeat(t, caps)) == ERR_OK)
		caps_say(t, "what works was done once more");
	end_attempt(t, rc, out);
}

static enum err
own(struct caps_try *t)
{
	uint8_t seal[HSM_SEAL_LEN];
	struct why why = {""};
	enum err rc = hsm_find_keys(t->h, &why);

	if (rc == ERR_OK)
		rc = hsm_find_tls_keys(t->h, &why);
	if (rc != ERR_OK)
		return caps_missing(t, "%s", why.text);
	t->own = true;
	rc = repeat(t, NULL);
	t->own = false;
	if (rc == ERR_OK)
		rc = hsm_seal(t->h, HSM_KEY_SEAL_REGISTRY,
		    (const uint8_t *)CAPS_TRY_LABEL, strlen(CAPS_TRY_LABEL),
		    seal);
	if (rc == ERR_OK && (rc = hsm_try_tls_keys(t->h, &why)) == ERR_MISMATCH)
		rc = caps_missing(t, "%s", why.text);
	if (rc == ERR_OK)
		caps_say(t,
		    "%d keys, the answers of each checked but those of the "
		    "master secret",
		    HSM_KEY__MAX);
	return rc;
}

void
caps_try_own(struct caps_try *t, struct cap_result *out)
{
	*out = (struct cap_result){.state = CAP_UNTRIED};
	(void)snprintf(out->text, sizeof(out->text), "there are none");
	if (hsm_no_keys(t->h) == ERR_OK)
		return;
	begin_attempt(t);
	end_attempt(t, own(t), out);
	use_made(t);
}

/* As the token says: believed where nobody waits to hear how fast it is. */
static bool
lists_rsa(struct hsm *h)
{
	CK_MECHANISM_INFO i;

	return P11_RV(h, C_GetMechanismInfo, h->slot, CKM_RSA_PKCS_KEY_PAIR_GEN,
		   &i) == CKR_OK &&
	    i.ulMinKeySize <= QUICK_RSA_BITS && i.ulMaxKeySize >= HSM_RSA_BITS;
}

enum err
caps_try_new(struct hsm *h, const struct ibe_setup *setup, bool thorough,
    struct caps_try **out)
{
	struct caps_try *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return ERR_NOMEM;
	t->h = h;
	t->setup = setup;
	t->rsa_bits = thorough || !lists_rsa(h) ? HSM_RSA_BITS : QUICK_RSA_BITS;
	*out = t;
	return ERR_OK;
}

void
caps_try_free(struct caps_try **tp)
{
	struct caps_try *t = *tp;

	if (t == NULL)
		return;
	for (int i = 0; i < HSM_KEY__MAX; i++) {
		const struct hsm_made *m = &t->made[i];

		if (m->key != 0)
			caps_destroy(t, m->key);
		if (m->pub != 0)
			caps_destroy(t, m->pub);
		t->h->key[i] = 0;
	}
	EVP_PKEY_free(t->device);
	free(t);
	*tp = NULL;
}
