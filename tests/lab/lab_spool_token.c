#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include <p11-kit/pkcs11.h>

#include "lab_spool.h"

#define LABEL "keywarden-spool-1"
#define SLOTS_MAX 64

struct spool_token {
	CK_FUNCTION_LIST *f;
	CK_SESSION_HANDLE session;
	CK_OBJECT_HANDLE key;
};

static enum err
failed(struct why *why, const char *call, CK_RV rv)
{
	return why_set(why, ERR_HSM, "%s: 0x%lx", call, rv);
}

static enum err
load(const char *module, CK_FUNCTION_LIST **out, struct why *why)
{
	CK_C_GetFunctionList get = NULL;
	void *lib, *sym;
	CK_RV rv;

	/* Never unloaded: SoftHSM leaves things behind that point into it. */
	if ((lib = dlopen(module, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE)) ==
		NULL ||
	    (sym = dlsym(lib, "C_GetFunctionList")) == NULL)
		return why_set(why, ERR_IO, "%s", dlerror());
	memcpy(&get, &sym, sizeof(get)); /* C has no cast for this */
	if ((rv = get(out)) != CKR_OK)
		return failed(why, "C_GetFunctionList", rv);
	rv = (*out)->C_Initialize(NULL);
	return rv == CKR_OK ? ERR_OK : failed(why, "C_Initialize", rv);
}

static bool
is_labelled(const CK_TOKEN_INFO *t, const char *label)
{
	const size_t n = strlen(label);

	if (n > sizeof(t->label) || memcmp(t->label, label, n) != 0)
		return false;
	for (size_t i = n; i < sizeof(t->label); i++)
		if (t->label[i] != ' ')
			return false;
	return true;
}

static enum err
find_slot(CK_FUNCTION_LIST *f, const char *label, CK_SLOT_ID *out,
    struct why *why)
{
	CK_SLOT_ID slot[SLOTS_MAX];
	CK_ULONG n = SLOTS_MAX;
	CK_TOKEN_INFO t;
	CK_RV rv = f->C_GetSlotList(CK_TRUE, slot, &n);

	if (rv != CKR_OK)
		return failed(why, "C_GetSlotList", rv);
	for (CK_ULONG i = 0; i < n; i++)
		if (f->C_GetTokenInfo(slot[i], &t) == CKR_OK &&
		    is_labelled(&t, label)) {
			*out = slot[i];
			return ERR_OK;
		}
	return why_set(why, ERR_NOTFOUND, "no token \"%s\"", label);
}

static enum err
find_key(struct spool_token *t, struct why *why)
{
	static char label[] = LABEL;
	CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
	CK_ATTRIBUTE a[] = {{CKA_LABEL, label, sizeof(label) - 1},
	    {CKA_CLASS, &class, sizeof(class)}};
	CK_ULONG n = 0;
	CK_RV rv = t->f->C_FindObjectsInit(t->session, a, 2);

	if (rv == CKR_OK) {
		rv = t->f->C_FindObjects(t->session, &t->key, 1, &n);
		(void)t->f->C_FindObjectsFinal(t->session);
	}
	if (rv != CKR_OK)
		return failed(why, "C_FindObjects", rv);
	return n == 1 ? ERR_OK
		      : why_set(why, ERR_NOTFOUND,
			    "the token holds no private key \"" LABEL "\"");
}

enum err
spool_token_open(const char *module, const char *label, const char *pin,
    struct spool_token **out, struct why *why)
{
	struct spool_token *t = calloc(1, sizeof(*t));
	CK_UTF8CHAR text[256];
	const size_t pin_len = strlen(pin);
	CK_SLOT_ID slot = 0;
	CK_RV rv;
	enum err rc;

	if (t == NULL || pin_len > sizeof(text)) {
		free(t);
		return why_set(why, ERR_TOOBIG, "memory, or a PIN too long");
	}
	memcpy(text, pin, pin_len);
	if ((rc = load(module, &t->f, why)) != ERR_OK ||
	    (rc = find_slot(t->f, label, &slot, why)) != ERR_OK)
		goto out;
	rv = t->f->C_OpenSession(slot, CKF_SERIAL_SESSION, NULL, NULL,
	    &t->session);
	if (rv != CKR_OK) {
		rc = failed(why, "C_OpenSession", rv);
		goto out;
	}
	rv = t->f->C_Login(t->session, CKU_USER, text, pin_len);
	if (rv != CKR_OK) {
		rc = failed(why, "C_Login", rv);
		goto out;
	}
	if ((rc = find_key(t, why)) != ERR_OK)
		goto out;
	*out = t;
	t = NULL;
out:
	explicit_bzero(text, sizeof(text));
	spool_token_close(&t);
	return rc;
}

void
spool_token_close(struct spool_token **tp)
{
	if (*tp == NULL)
		return;
	if ((*tp)->f != NULL)
		(void)(*tp)->f->C_Finalize(NULL);
	free(*tp);
	*tp = NULL;
}

enum err
spool_token_unwrap(struct spool_token *t, struct rd wrapped,
    uint8_t key[SPOOL_KEY_LEN], struct why *why)
{
	CK_RSA_PKCS_OAEP_PARAMS oaep = {CKM_SHA_1, CKG_MGF1_SHA1,
	    CKZ_DATA_SPECIFIED, NULL, 0};
	CK_MECHANISM m = {CKM_RSA_PKCS_OAEP, &oaep, sizeof(oaep)};
	CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	CK_KEY_TYPE type = CKK_AES;
	CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
	CK_ATTRIBUTE a[] = {{CKA_CLASS, &class, sizeof(class)},
	    {CKA_KEY_TYPE, &type, sizeof(type)}, {CKA_TOKEN, &no, sizeof(no)},
	    {CKA_SENSITIVE, &no, sizeof(no)},
	    {CKA_EXTRACTABLE, &yes, sizeof(yes)}};
	CK_ATTRIBUTE value = {CKA_VALUE, key, SPOOL_KEY_LEN};
	CK_OBJECT_HANDLE data_key;
	uint8_t copy[1024];
	CK_RV rv;

	if (wrapped.left > sizeof(copy))
		return why_set(why, ERR_TOOBIG, "a wrapped key too long");
	memcpy(copy, wrapped.p, wrapped.left);
	rv = t->f->C_UnwrapKey(t->session, &m, t->key, copy, wrapped.left, a, 5,
	    &data_key);
	if (rv != CKR_OK)
		return failed(why, "C_UnwrapKey", rv);
	rv = t->f->C_GetAttributeValue(t->session, data_key, &value, 1);
	(void)t->f->C_DestroyObject(t->session, data_key);
	if (rv != CKR_OK)
		return failed(why, "C_GetAttributeValue", rv);
	return value.ulValueLen == SPOOL_KEY_LEN
	    ? ERR_OK
	    : why_set(why, ERR_MISMATCH, "a data key of %lu octets",
		  value.ulValueLen);
}
