/* shape_object: calls about objects, and what is computed with keys. */
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "p11fault.h"
#include "state.h"

#define DER_OCTET_STRING 0x04
#define POINT_UNCOMPRESSED 0x04
#define POINT_RAW_MAX 255

/*
 * CK_ECDH1_DERIVE_PARAMS, whose members p11-kit 0.24 and 0.25 name in two ways.
 */
struct ecdh_params {
	CK_ULONG kdf, shared_len;
	CK_BYTE *shared;
	CK_ULONG point_len;
	CK_BYTE *point;
};
_Static_assert(sizeof(struct ecdh_params) == sizeof(CK_ECDH1_DERIVE_PARAMS),
    "not the parameters of PKCS#11");

CK_RV
shape_C_DestroyObject(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE o)
{
	CK_RV rv = real_list->C_DestroyObject(s, o);

	if (rv == CKR_OK)
		state_destroyed(o);
	return rv;
}

CK_RV
shape_C_FindObjects(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE *out, CK_ULONG max,
    CK_ULONG *n)
{
	CK_RV rv = real_list->C_FindObjects(s, out, max, n);

	for (CK_ULONG i = 0; rv == CKR_OK && i < *n; i++)
		state_found(out[i]);
	return rv;
}

/* The real CKA_VALUE, cut and spoilt, by the rules of C_GetAttributeValue. */
static CK_RV
read_value(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE o, CK_ATTRIBUTE *a,
    const struct marks *marks)
{
	CK_ATTRIBUTE whole = {CKA_VALUE, NULL, 0};
	CK_ULONG len = 0, keep;
	CK_BYTE *buf = NULL;
	CK_RV rv;

	rv = real_list->C_GetAttributeValue(s, o, &whole, 1);
	if (rv != CKR_OK) {
		a->ulValueLen = CK_UNAVAILABLE_INFORMATION;
		return rv;
	}
	len = whole.ulValueLen;
	keep = marks->keep < len ? marks->keep : len;
	if (a->pValue == NULL) {
		a->ulValueLen = keep;
		return CKR_OK;
	}
	if (a->ulValueLen < keep) {
		a->ulValueLen = CK_UNAVAILABLE_INFORMATION;
		return CKR_BUFFER_TOO_SMALL;
	}
	whole.pValue = buf = state_grow(NULL, len + 1, 1);
	rv = real_list->C_GetAttributeValue(s, o, &whole, 1);
	if (rv == CKR_OK && keep > 0) {
		/* The leading end goes, as PKCS#11 has it for ECDH. */
		memcpy(a->pValue, buf + len - keep, keep);
		if (marks->wrong)
			((CK_BYTE *)a->pValue)[keep - 1] ^= 1;
	}
	a->ulValueLen = rv == CKR_OK ? keep : CK_UNAVAILABLE_INFORMATION;
	explicit_bzero(buf, len + 1);
	free(buf);
	return rv;
}

/* One attribute of a secret from ECDH. */
static CK_RV
read_marked(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE o, CK_ATTRIBUTE *a,
    const struct marks *marks)
{
	CK_ULONG len;
	CK_RV rv;

	if (a->type == CKA_VALUE)
		return read_value(s, o, a, marks);
	rv = real_list->C_GetAttributeValue(s, o, a, 1);
	if (rv != CKR_OK || a->type != CKA_VALUE_LEN || a->pValue == NULL ||
	    a->ulValueLen != sizeof(len))
		return rv;
	memcpy(&len, a->pValue, sizeof(len));
	if (marks->keep < len)
		memcpy(a->pValue, &marks->keep, sizeof(len));
	return rv;
}

/*
 * The point inside an OCTET STRING; *len is changed to its length.  A raw
 * uncompressed point begins with 04 as well, and its x can look like a length.
 * Coordinates of an even length, as all prime curves have them, decide it: a
 * raw point that can be read as short-form DER would have odd ones inside.
 */
static bool
unwrap_point(CK_BYTE **point, CK_ULONG *len)
{
	uint8_t tag, form, first;
	struct rd r, in;

	rd_init(&r, *point, *len);
	if (rd_u8(&r, &tag) != ERR_OK || tag != DER_OCTET_STRING)
		return false;
	if (r.left > 0x80 &&
	    (rd_u8(&r, &form) != ERR_OK || form != 0x81 || r.left <= 0x80))
		return false;
	if (rd_view8(&r, &in) != ERR_OK || rd_end(&r) != ERR_OK)
		return false;
	r = in;
	if (rd_u8(&r, &first) != ERR_OK || first != POINT_UNCOMPRESSED ||
	    r.left % 4 != 0)
		return false;
	*point += *len - in.left;
	*len = in.left;
	return true;
}

/* CKA_EC_POINT as tokens before PKCS#11 2.30 have it. */
static void
bare_point(CK_ATTRIBUTE *a)
{
	CK_BYTE *point = a->pValue;
	CK_ULONG len = a->ulValueLen;

	if (a->type != CKA_EC_POINT || point == NULL ||
	    len == CK_UNAVAILABLE_INFORMATION || !unwrap_point(&point, &len))
		return;
	memmove(a->pValue, point, len);
	a->ulValueLen = len;
}

CK_RV
shape_C_GetAttributeValue(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE o,
    CK_ATTRIBUTE *t, CK_ULONG n)
{
	CK_RV rv = CKR_OK, one;
	unsigned long unused;
	struct marks marks;

	if (t != NULL &&
	    rules_trait(ACT_POINT_RAW, FN_C_GetAttributeValue, &unused)) {
		rv = real_list->C_GetAttributeValue(s, o, t, n);
		for (CK_ULONG i = 0; i < n; i++)
			bare_point(&t[i]);
		return rv;
	}
	if (t == NULL || !state_marks(o, &marks))
		return real_list->C_GetAttributeValue(s, o, t, n);
	if (rules_trait(ACT_WRONG_RESULT, FN_C_GetAttributeValue, &unused))
		marks.wrong = true;
	for (CK_ULONG i = 0; i < n; i++)
		if ((one = read_marked(s, o, &t[i], &marks)) != CKR_OK &&
		    rv == CKR_OK)
			rv = one;
	return rv;
}

/*
 * The raw point as an OCTET STRING in `der`: of raw ones SoftHSM takes one in
 * 256 for DER.  False for one that is in DER.
 */
static bool
wrap_point(struct ecdh_params *p, CK_BYTE der[POINT_RAW_MAX + 3])
{
	CK_BYTE *point = p->point;
	CK_ULONG len = p->point_len;
	struct wr w;
	size_t n;

	if (point == NULL || len > POINT_RAW_MAX || unwrap_point(&point, &len))
		return false;
	wr_init(&w, der, POINT_RAW_MAX + 3);
	wr_u8(&w, DER_OCTET_STRING);
	if (len >= 0x80)
		wr_u8(&w, 0x81);
	wr_view8(&w, point, len);
	if (wr_finish(&w, &n) != ERR_OK)
		return false;
	p->point = der;
	p->point_len = n;
	return true;
}

static bool
is_ecdh(const CK_MECHANISM *m)
{
	return m != NULL &&
	    (m->mechanism == CKM_ECDH1_DERIVE ||
		m->mechanism == CKM_ECDH1_COFACTOR_DERIVE) &&
	    m->pParameter != NULL &&
	    m->ulParameterLen == sizeof(CK_ECDH1_DERIVE_PARAMS);
}

static void
note_secret(CK_OBJECT_HANDLE o)
{
	struct marks marks = {.ecdh = true, .keep = RULE_NO_ARG};
	unsigned long unused;

	if (!rules_any(ACT_TRUNCATE_ECDH) && !rules_any(ACT_WRONG_RESULT)) {
		state_made(o, NULL);
		return;
	}
	(void)rules_trait(ACT_TRUNCATE_ECDH, FN_C_DeriveKey, &marks.keep);
	marks.wrong = rules_trait(ACT_WRONG_RESULT, FN_C_DeriveKey, &unused);
	state_made(o, &marks);
}

CK_RV
shape_C_DeriveKey(CK_SESSION_HANDLE s, CK_MECHANISM *m, CK_OBJECT_HANDLE base,
    CK_ATTRIBUTE *t, CK_ULONG n, CK_OBJECT_HANDLE *out)
{
	CK_BYTE der[POINT_RAW_MAX + 3];
	struct ecdh_params params;
	CK_MECHANISM mine;
	unsigned long unused;
	CK_RV rv;

	if (is_ecdh(m) && rules_trait(ACT_POINT_RAW, FN_C_DeriveKey, &unused)) {
		memcpy(&params, m->pParameter, sizeof(params));
		if (!wrap_point(&params, der))
			return CKR_MECHANISM_PARAM_INVALID;
		mine = (CK_MECHANISM){m->mechanism, &params, sizeof(params)};
		m = &mine;
	}
	if (is_ecdh(m) &&
	    rules_trait(ACT_POINT_OCTET_STRING, FN_C_DeriveKey, &unused)) {
		memcpy(&params, m->pParameter, sizeof(params));
		if (params.point == NULL ||
		    !unwrap_point(&params.point, &params.point_len))
			return CKR_MECHANISM_PARAM_INVALID;
	}
	rv = real_list->C_DeriveKey(s, m, base, t, n, out);
	if (rv != CKR_OK || out == NULL)
		return rv;
	if (is_ecdh(m))
		note_secret(*out);
	else
		state_made(*out, NULL);
	return rv;
}

/* A signature or MAC that is really there, not the answer to its length. */
static CK_RV
spoil(enum fn fn, CK_RV rv, CK_BYTE *sig, const CK_ULONG *sig_len)
{
	unsigned long unused;

	if (rv == CKR_OK && sig != NULL && *sig_len > 0 &&
	    rules_trait(ACT_WRONG_RESULT, fn, &unused))
		sig[*sig_len - 1] ^= 1;
	return rv;
}

CK_RV
shape_C_Sign(CK_SESSION_HANDLE s, CK_BYTE *in, CK_ULONG in_len, CK_BYTE *sig,
    CK_ULONG *sig_len)
{
	return spoil(FN_C_Sign, real_list->C_Sign(s, in, in_len, sig, sig_len),
	    sig, sig_len);
}

CK_RV
shape_C_SignFinal(CK_SESSION_HANDLE s, CK_BYTE *sig, CK_ULONG *sig_len)
{
	return spoil(FN_C_SignFinal, real_list->C_SignFinal(s, sig, sig_len),
	    sig, sig_len);
}
