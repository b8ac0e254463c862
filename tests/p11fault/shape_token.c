/* shape_token: calls about the library, the token, sessions and login. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "p11fault.h"
#include "state.h"

#define PIN_FLAGS \
	(CKF_USER_PIN_COUNT_LOW | CKF_USER_PIN_FINAL_TRY | CKF_USER_PIN_LOCKED)

CK_RV
shape_C_Initialize(void *args)
{
	CK_RV rv = real_list->C_Initialize(args);

	if (rv == CKR_OK)
		state_set_initialized(true);
	return rv;
}

CK_RV
shape_C_Finalize(void *reserved)
{
	CK_RV rv = real_list->C_Finalize(reserved);

	if (rv == CKR_OK)
		state_reset();
	return rv;
}

CK_RV
shape_C_GetFunctionList(CK_FUNCTION_LIST **list)
{
	if (list == NULL)
		return CKR_ARGUMENTS_BAD;
	*list = entry_list();
	return CKR_OK;
}

CK_RV
shape_C_OpenSession(CK_SLOT_ID slot, CK_FLAGS flags, void *app,
    CK_NOTIFY notify, CK_SESSION_HANDLE *out)
{
	CK_RV rv = real_list->C_OpenSession(slot, flags, app, notify, out);

	if (rv == CKR_OK)
		state_opened(*out, slot);
	return rv;
}

CK_RV
shape_C_CloseSession(CK_SESSION_HANDLE s)
{
	CK_RV rv = real_list->C_CloseSession(s);

	if (rv == CKR_OK)
		state_closed(s);
	return rv;
}

CK_RV
shape_C_CloseAllSessions(CK_SLOT_ID slot)
{
	CK_RV rv = real_list->C_CloseAllSessions(slot);

	if (rv == CKR_OK)
		state_closed_all(slot);
	return rv;
}

static CK_RV
pin_failed(void)
{
	(void)fputs("p11fault: KW_P11_STATE cannot be read or written\n",
	    stderr);
	return CKR_GENERAL_ERROR;
}

/* C_Login as the user of a token that locks at `limit` wrong PINs. */
static CK_RV
login_counted(CK_SESSION_HANDLE s, CK_BYTE *pin, CK_ULONG pin_len,
    unsigned long limit)
{
	struct pin_file f;
	CK_RV rv = CKR_PIN_LOCKED;
	enum err rc = ERR_OK;

	if (pin_open(&f) != ERR_OK)
		return pin_failed();
	if (f.failures < limit) {
		rv = real_list->C_Login(s, CKU_USER, pin, pin_len);
		if (rv == CKR_PIN_INCORRECT)
			rc = pin_store(&f, f.failures + 1);
		else if (rv == CKR_OK && f.failures > 0)
			rc = pin_store(&f, 0);
	}
	pin_close(&f);
	return rc == ERR_OK ? rv : pin_failed();
}

CK_RV
shape_C_Login(CK_SESSION_HANDLE s, CK_USER_TYPE user, CK_BYTE *pin,
    CK_ULONG pin_len)
{
	unsigned long limit, typed;
	char pad[24];
	CK_RV rv;

	if (rules_trait(ACT_PIN_PAD, FN_C_Login, &typed)) {
		if (pin != NULL)
			return CKR_ARGUMENTS_BAD;
		pin_len = (CK_ULONG)snprintf(pad, sizeof(pad), "%lu", typed);
		pin = (CK_BYTE *)pad;
	}
	if (user == CKU_USER && rules_trait(ACT_PIN_LOCK, FN_C_Login, &limit))
		rv = login_counted(s, pin, pin_len, limit);
	else
		rv = real_list->C_Login(s, user, pin, pin_len);
	if (rv == CKR_OK && user != CKU_CONTEXT_SPECIFIC)
		state_logged_in();
	return rv;
}

/* A PIN that the security officer has set anew has all its tries again. */
static CK_RV
forgive(CK_RV rv)
{
	struct pin_file f;
	enum err rc;

	if (rv != CKR_OK || !rules_any(ACT_PIN_LOCK))
		return rv;
	if (pin_open(&f) != ERR_OK)
		return pin_failed();
	rc = pin_store(&f, 0);
	pin_close(&f);
	return rc == ERR_OK ? rv : pin_failed();
}

CK_RV
shape_C_InitPIN(CK_SESSION_HANDLE s, CK_BYTE *pin, CK_ULONG pin_len)
{
	return forgive(real_list->C_InitPIN(s, pin, pin_len));
}

CK_RV
shape_C_InitToken(CK_SLOT_ID slot, CK_BYTE *pin, CK_ULONG pin_len,
    CK_BYTE *label)
{
	return forgive(real_list->C_InitToken(slot, pin, pin_len, label));
}

static CK_FLAGS
pin_flags(unsigned long failures, unsigned long limit)
{
	if (failures >= limit)
		return CKF_USER_PIN_LOCKED;
	if (failures == 0)
		return 0;
	if (failures == limit - 1)
		return CKF_USER_PIN_COUNT_LOW | CKF_USER_PIN_FINAL_TRY;
	return CKF_USER_PIN_COUNT_LOW;
}

/* PKCS#11 pads with blanks, and ends with nothing. */
static void
pad(CK_UTF8CHAR *out, size_t len, const char *text)
{
	memset(out, ' ', len);
	memcpy(out, text, strlen(text) < len ? strlen(text) : len);
}

static void
rename_token(CK_TOKEN_INFO *info, unsigned long number)
{
	char model[sizeof(info->model) + 1];

	(void)snprintf(model, sizeof(model), "Model %lu", number);
	pad(info->model, sizeof(info->model), model);
	pad(info->manufacturerID, sizeof(info->manufacturerID), "p11fault");
}

CK_RV
shape_C_GetTokenInfo(CK_SLOT_ID slot, CK_TOKEN_INFO *info)
{
	CK_RV rv = real_list->C_GetTokenInfo(slot, info);
	unsigned long limit, typed;
	struct pin_file f;

	if (rv == CKR_OK && rules_trait(ACT_MODEL, FN_C_GetTokenInfo, &typed))
		rename_token(info, typed);
	if (rv == CKR_OK && rules_trait(ACT_PIN_PAD, FN_C_Login, &typed))
		info->flags |= CKF_PROTECTED_AUTHENTICATION_PATH;
	/* The rule is one for C_Login: its WHEN counts those calls. */
	if (rv != CKR_OK || !rules_trait(ACT_PIN_LOCK, FN_C_Login, &limit))
		return rv;
	if (pin_open(&f) != ERR_OK)
		return pin_failed();
	info->flags &= ~PIN_FLAGS;
	info->flags |= pin_flags(f.failures, limit);
	pin_close(&f);
	return CKR_OK;
}

CK_RV
shape_C_GetMechanismList(CK_SLOT_ID slot, CK_MECHANISM_TYPE *out, CK_ULONG *n)
{
	CK_MECHANISM_TYPE *all = NULL;
	CK_ULONG n_all = 0, n_left = 0;
	CK_RV rv;

	if (n == NULL || !rules_any(ACT_NO_MECHANISM))
		return real_list->C_GetMechanismList(slot, out, n);
	if ((rv = real_list->C_GetMechanismList(slot, NULL, &n_all)) != CKR_OK)
		goto out;
	all = state_grow(NULL, n_all + 1, sizeof(*all));
	if ((rv = real_list->C_GetMechanismList(slot, all, &n_all)) != CKR_OK)
		goto out;
	for (CK_ULONG i = 0; i < n_all; i++)
		if (!rules_no_mechanism(FN_C_GetMechanismList, all[i]))
			all[n_left++] = all[i];
	if (out != NULL && *n < n_left)
		rv = CKR_BUFFER_TOO_SMALL;
	for (CK_ULONG i = 0; i < n_left && out != NULL && rv == CKR_OK; i++)
		out[i] = all[i];
	*n = n_left;
out:
	free(all);
	return rv;
}
