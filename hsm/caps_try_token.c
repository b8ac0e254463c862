/* The token as such: login, sessions, what it lists, objects and their uses. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "hsm/caps_try_int.h"

#define SESSIONS_TRIED 8

static CK_BBOOL yes = CK_TRUE;

/* ---- sessions ---- */

static enum err
open_session(struct caps_try *t, CK_SESSION_HANDLE *out)
{
	return P11(t->h, C_OpenSession, t->h->slot,
	    CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, out);
}

static void
close_session(struct caps_try *t, CK_SESSION_HANDLE s)
{
	(void)P11_RV(t->h, C_CloseSession, s);
}

enum err
caps_login(struct caps_try *t)
{
	CK_SESSION_INFO i;
	enum err rc = P11(t->h, C_GetSessionInfo, t->h->session, &i);

	if (rc != ERR_OK)
		return rc;
	if (i.state != CKS_RW_USER_FUNCTIONS)
		return caps_missing(t,
		    "after C_Login the session is in state %lu", i.state);
	caps_say(t, "%s",
	    (hsm_info(t->h)->pin & HSM_PIN_WAS_LOW) != 0
		? "wrong PINs had been tried before; the count begins anew"
		: "the token says nothing of wrong PINs");
	return ERR_OK;
}

static const struct {
	CK_MECHANISM_TYPE type;
	const char *name;
	CK_ULONG bits; /* 0: the unit differs between tokens */
} mechanisms[] = {{CKM_GENERIC_SECRET_KEY_GEN, "GENERIC_SECRET_KEY_GEN", 0},
    {CKM_SHA256_HMAC, "SHA256_HMAC", 0}, {CKM_AES_KEY_GEN, "AES_KEY_GEN", 0},
    {CKM_AES_KEY_WRAP, "AES_KEY_WRAP", 0},
    {CKM_RSA_PKCS_KEY_PAIR_GEN, "RSA_PKCS_KEY_PAIR_GEN", HSM_RSA_BITS},
    {CKM_RSA_PKCS_OAEP, "RSA_PKCS_OAEP", HSM_RSA_BITS},
    {CKM_EC_KEY_PAIR_GEN, "EC_KEY_PAIR_GEN", 512}, {CKM_ECDSA, "ECDSA", 256},
    {CKM_ECDH1_DERIVE, "ECDH1_DERIVE", 512}};
#define N_MECHANISMS (sizeof(mechanisms) / sizeof(mechanisms[0]))

enum err
caps_listed(struct caps_try *t)
{
	char text[CAP_TEXT_MAX] = "";
	size_t n = 0;

	for (size_t i = 0; i < N_MECHANISMS; i++) {
		CK_MECHANISM_INFO info;
		const CK_ULONG bits = mechanisms[i].bits;
		const CK_RV rv = P11_RV(t->h, C_GetMechanismInfo, t->h->slot,
		    mechanisms[i].type, &info);

		if (caps_gone(rv))
			return hsm_note("C_GetMechanismInfo", rv);
		if (rv == CKR_OK &&
		    (bits == 0 ||
			(info.ulMinKeySize <= bits &&
			    info.ulMaxKeySize >= bits)))
			continue;
		if (n < sizeof(text))
			n += (size_t)snprintf(text + n, sizeof(text) - n,
			    "%s%s", n > 0 ? ", " : "", mechanisms[i].name);
	}
	t->around = n > 0;
	if (n == 0)
		caps_say(t, "all %zu, with their key sizes", N_MECHANISMS);
	else
		caps_say(t, "not, or not of the size needed: %.100s", text);
	return ERR_OK;
}

enum err
caps_sessions(struct caps_try *t)
{
	CK_SESSION_HANDLE s[SESSIONS_TRIED];
	CK_TOKEN_INFO info;
	unsigned n = 0;
	enum err rc;

	if ((rc = P11(t->h, C_GetTokenInfo, t->h->slot, &info)) != ERR_OK)
		return rc;
	while (n < SESSIONS_TRIED && open_session(t, &s[n]) == ERR_OK)
		n++;
	for (unsigned i = 0; i < n; i++)
		close_session(t, s[i]);
	if (n == 0)
		return caps_missing(t, "%s", hsm_last.why.text);
	t->around = n < SESSIONS_TRIED;
	/* 0 is no limit, all ones is no information; some say that nearly. */
	if (info.ulMaxRwSessionCount == CK_EFFECTIVELY_INFINITE ||
	    info.ulMaxRwSessionCount > UINT32_MAX)
		caps_say(t, "%u were opened; it names no limit", n + 1);
	else
		caps_say(t, "%u were opened; its limit is %lu", n + 1,
		    info.ulMaxRwSessionCount);
	return ERR_OK;
}

/* ---- one purpose a key ---- */

enum use { USE_ENCRYPT, USE_DECRYPT, USE_SIGN };

static CK_RSA_PKCS_OAEP_PARAMS oaep = {CKM_SHA_1, CKG_MGF1_SHA1,
    CKZ_DATA_SPECIFIED, NULL, 0};

/* What must not begin; in a session of its own, for it may. */
static const struct {
	enum hsm_key key;
	enum use use;
	CK_MECHANISM mechanism;
	const char *what;
} wrong_uses[] = {
    {HSM_KEY_SEED_STORE, USE_DECRYPT, {CKM_AES_ECB, NULL, 0},
	"decrypting with the key that wraps seeds"},
    {HSM_KEY_SEED_STORE, USE_ENCRYPT, {CKM_AES_ECB, NULL, 0},
	"encrypting with the key that wraps seeds"},
    {HSM_KEY_SEED_IMPORT, USE_DECRYPT, {CKM_RSA_PKCS_OAEP, &oaep, sizeof(oaep)},
	"decrypting with the key that unwraps seeds"},
    {HSM_KEY_SEED_IMPORT, USE_SIGN, {CKM_RSA_PKCS, NULL, 0},
	"signing with the key that unwraps seeds"},
    {HSM_KEY_MASTER, USE_SIGN, {CKM_ECDSA, NULL, 0},
	"signing with the master secret"},
};

static CK_RV
begin(struct hsm *h, CK_SESSION_HANDLE s, enum use use, CK_MECHANISM m,
    CK_OBJECT_HANDLE key)
{
	switch (use) {
	case USE_ENCRYPT:
		return P11_RV(h, C_EncryptInit, s, &m, key);
	case USE_DECRYPT:
		return P11_RV(h, C_DecryptInit, s, &m, key);
	case USE_SIGN:
		break;
	}
	return P11_RV(h, C_SignInit, s, &m, key);
}

enum err
caps_purpose(struct caps_try *t)
{
	enum err rc = ERR_OK;
	unsigned n = 0;

	for (size_t i = 0;
	     i < sizeof(wrong_uses) / sizeof(wrong_uses[0]) && rc == ERR_OK;
	     i++) {
		CK_SESSION_HANDLE s;
		CK_RV rv;

		if (t->made[wrong_uses[i].key].key == 0)
			continue;
		if ((rc = open_session(t, &s)) != ERR_OK)
			return rc;
		rv = begin(t->h, s, wrong_uses[i].use, wrong_uses[i].mechanism,
		    t->made[wrong_uses[i].key].key);
		close_session(t, s);
		rc = caps_refused(t, "C_SignInit", rv, wrong_uses[i].what);
		n++;
	}
	if (rc == ERR_OK)
		caps_say(t, "%u uses that must fail do", n);
	return rc;
}

/* ---- objects that stay ---- */

static enum err
find_left(struct hsm *h, CK_SESSION_HANDLE s, CK_OBJECT_HANDLE *out,
    CK_ULONG *n)
{
	CK_ATTRIBUTE t[] = {{CKA_LABEL, NULL, strlen(CAPS_TRY_LABEL)},
	    ATTR(CKA_TOKEN, yes)};
	const char *label = CAPS_TRY_LABEL;
	enum err rc;

	memcpy(&t[0].pValue, &label, sizeof(label));
	*n = 0;
	hsm_hold(h);
	if ((rc = P11(h, C_FindObjectsInit, s, t, 2)) == ERR_OK) {
		rc = P11(h, C_FindObjects, s, out, 1, n);
		(void)P11_RV(h, C_FindObjectsFinal, s);
	}
	return hsm_release(h, rc);
}

enum err
caps_try_clean(struct hsm *h)
{
	CK_OBJECT_HANDLE o;
	CK_ULONG n;
	enum err rc;

	while ((rc = find_left(h, h->session, &o, &n)) == ERR_OK && n > 0)
		if ((rc = P11(h, C_DestroyObject, h->session, o)) != ERR_OK)
			break;
	return rc;
}

enum err
caps_objects(struct caps_try *t)
{
	struct hsm_made m = {.keep = CK_TRUE, .label = CAPS_TRY_LABEL};
	CK_SESSION_HANDLE s;
	CK_OBJECT_HANDLE o;
	CK_ULONG n = 0;
	enum err rc;

	if ((rc = hsm_make(t->h, HSM_KEY_SEAL_REGISTRY, &m)) != ERR_OK)
		return rc;
	if ((rc = open_session(t, &s)) == ERR_OK) {
		rc = find_left(t->h, s, &o, &n);
		close_session(t, s);
	}
	if (rc == ERR_OK && n != 1)
		rc = caps_missing(t, "another session does not find it");
	if (caps_try_clean(t->h) != ERR_OK && rc == ERR_OK)
		rc = caps_missing(t, "what was made cannot be destroyed: %s",
		    hsm_last.why.text);
	if (rc == ERR_OK)
		caps_say(t, "one was made, found and destroyed");
	return rc;
}

/* ---- a pause ---- */

void
caps_try_idle(struct caps_try *t, unsigned ms, struct cap_result *out)
{
	const int64_t end = clock_uptime_ms() + ms;
	const struct timespec nap = {0, 50 * 1000000L};
	CK_SESSION_HANDLE idle;
	CK_SESSION_INFO i;
	enum err rc = open_session(t, &idle);

	while (rc == ERR_OK && clock_uptime_ms() < end) {
		(void)nanosleep(&nap, NULL);
		rc = P11(t->h, C_GetSessionInfo, t->h->session, &i);
	}
	if (rc != ERR_OK) {
		*out = (struct cap_result){.state = CAP_LOST};
		(void)snprintf(out->text, sizeof(out->text), "%.*s",
		    CAP_TEXT_MAX - 1, hsm_last.why.text);
		return;
	}
	rc = P11(t->h, C_GetSessionInfo, idle, &i);
	out->state = rc == ERR_OK ? CAP_WORKS : CAP_AROUND;
	(void)snprintf(out->text, sizeof(out->text), "%u ms without a call %s",
	    ms, rc == ERR_OK ? "do it no harm" : "end it");
	if (rc == ERR_OK)
		close_session(t, idle);
}
