/* lab_key: the few keys that the cases need. */
#include <string.h>

#include "lab.h"

static const CK_BYTE p256[] = {0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03,
    0x01, 0x07};

static CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
static CK_OBJECT_CLASS secret_key = CKO_SECRET_KEY;
static CK_KEY_TYPE generic = CKK_GENERIC_SECRET;

#define N(table) (sizeof(table) / sizeof((table)[0]))

CK_RV
lab_pair_of(CK_SESSION_HANDLE s, const CK_BYTE *params, CK_ULONG len,
    CK_OBJECT_HANDLE *pub, CK_OBJECT_HANDLE *priv)
{
	CK_MECHANISM m = {CKM_EC_KEY_PAIR_GEN, NULL, 0};
	CK_BYTE copy[128];
	CK_ATTRIBUTE pub_t[] = {
	    {CKA_EC_PARAMS, copy, len},
	    {CKA_TOKEN, &no, sizeof(no)},
	};
	CK_ATTRIBUTE priv_t[] = {
	    {CKA_TOKEN, &no, sizeof(no)},
	    {CKA_PRIVATE, &yes, sizeof(yes)},
	    {CKA_DERIVE, &yes, sizeof(yes)},
	};

	assert_true(len <= sizeof(copy));
	memcpy(copy, params, len);
	return p11->C_GenerateKeyPair(s, &m, pub_t, N(pub_t), priv_t, N(priv_t),
	    pub, priv);
}

CK_OBJECT_HANDLE
lab_pair(CK_SESSION_HANDLE s, CK_BYTE point[P256_POINT + 2])
{
	CK_ATTRIBUTE a = {CKA_EC_POINT, point, P256_POINT + 2};
	CK_OBJECT_HANDLE pub, priv;

	assert_rv(lab_pair_of(s, p256, sizeof(p256), &pub, &priv), CKR_OK);
	assert_rv(p11->C_GetAttributeValue(s, pub, &a, 1), CKR_OK);
	assert_int_equal(a.ulValueLen, P256_POINT + 2);
	return priv;
}

CK_RV
lab_derive(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE priv, const CK_BYTE *point,
    CK_ULONG len, CK_OBJECT_HANDLE *out)
{
	CK_BYTE copy[P256_POINT + 2];
	CK_ECDH1_DERIVE_PARAMS params = {CKD_NULL, 0, NULL, len, copy};
	CK_MECHANISM m = {CKM_ECDH1_DERIVE, &params, sizeof(params)};
	CK_ULONG value_len = 32;
	CK_ATTRIBUTE t[] = {
	    {CKA_CLASS, &secret_key, sizeof(secret_key)},
	    {CKA_KEY_TYPE, &generic, sizeof(generic)},
	    {CKA_VALUE_LEN, &value_len, sizeof(value_len)},
	    {CKA_TOKEN, &no, sizeof(no)},
	    {CKA_SENSITIVE, &no, sizeof(no)},
	    {CKA_EXTRACTABLE, &yes, sizeof(yes)},
	};

	assert_true(len <= sizeof(copy));
	memcpy(copy, point, len);
	return p11->C_DeriveKey(s, &m, priv, t, N(t), out);
}

CK_RV
lab_value(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE o, CK_BYTE *out, CK_ULONG *len)
{
	CK_ATTRIBUTE a = {CKA_VALUE, out, *len};
	CK_RV rv = p11->C_GetAttributeValue(s, o, &a, 1);

	*len = a.ulValueLen;
	return rv;
}

CK_OBJECT_HANDLE
lab_mac_key(CK_SESSION_HANDLE s, const char *value)
{
	CK_BYTE copy[LAB_MAC_KEY] = {0};
	const size_t len = strlen(value);
	CK_OBJECT_HANDLE key;
	CK_ATTRIBUTE t[] = {
	    {CKA_CLASS, &secret_key, sizeof(secret_key)},
	    {CKA_KEY_TYPE, &generic, sizeof(generic)},
	    {CKA_TOKEN, &no, sizeof(no)},
	    {CKA_SIGN, &yes, sizeof(yes)},
	    {CKA_SENSITIVE, &no, sizeof(no)},
	    {CKA_EXTRACTABLE, &yes, sizeof(yes)},
	    {CKA_VALUE, copy, LAB_MAC_KEY},
	};

	assert_true(len <= sizeof(copy));
	for (size_t i = 0; i < len; i++)
		copy[i] = (CK_BYTE)value[i];
	assert_rv(p11->C_CreateObject(s, t, N(t), &key), CKR_OK);
	return key;
}

CK_RV
lab_mac(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE key, CK_BYTE out[32])
{
	CK_MECHANISM m = {CKM_SHA256_HMAC, NULL, 0};
	CK_BYTE data[] = {'d', 'a', 't', 'a'};
	CK_ULONG len = 32;
	CK_RV rv = p11->C_SignInit(s, &m, key);

	if (rv == CKR_OK)
		rv = p11->C_Sign(s, data, sizeof(data), out, &len);
	return rv;
}
