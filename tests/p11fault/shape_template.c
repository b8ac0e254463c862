/* shape_template: a token that does not make keys as it is asked to. */
#include <stdlib.h>
#include <string.h>

#include "p11fault.h"
#include "state.h"

static CK_BBOOL yes = CK_TRUE, no = CK_FALSE;

/* What the real module gets in place of a template; the caller frees. */
static CK_ATTRIBUTE *
changed(enum fn fn, const CK_ATTRIBUTE *t, CK_ULONG *n)
{
	CK_ATTRIBUTE *out = state_grow(NULL, *n + 1, sizeof(*out));
	CK_ULONG kept = 0;

	for (CK_ULONG i = 0; t != NULL && i < *n; i++) {
		if (rules_names(ACT_DROP, fn, t[i].type))
			continue;
		out[kept] = t[i];
		if (rules_names(ACT_SET_YES, fn, t[i].type))
			out[kept].pValue = &yes;
		else if (rules_names(ACT_SET_NO, fn, t[i].type))
			out[kept].pValue = &no;
		kept++;
	}
	*n = kept;
	return out;
}

CK_RV
shape_C_GenerateKey(CK_SESSION_HANDLE s, CK_MECHANISM *m, CK_ATTRIBUTE *t,
    CK_ULONG n, CK_OBJECT_HANDLE *out)
{
	CK_ATTRIBUTE *mine = changed(FN_C_GenerateKey, t, &n);
	const CK_RV rv = real_list->C_GenerateKey(s, m, mine, n, out);

	free(mine);
	return rv;
}

CK_RV
shape_C_GenerateKeyPair(CK_SESSION_HANDLE s, CK_MECHANISM *m,
    CK_ATTRIBUTE *pub_t, CK_ULONG pub_n, CK_ATTRIBUTE *priv_t, CK_ULONG priv_n,
    CK_OBJECT_HANDLE *pub, CK_OBJECT_HANDLE *priv)
{
	CK_ATTRIBUTE *mine = changed(FN_C_GenerateKeyPair, priv_t, &priv_n);
	const CK_RV rv = real_list->C_GenerateKeyPair(s, m, pub_t, pub_n, mine,
	    priv_n, pub, priv);

	free(mine);
	return rv;
}

CK_RV
shape_C_UnwrapKey(CK_SESSION_HANDLE s, CK_MECHANISM *m, CK_OBJECT_HANDLE with,
    CK_BYTE *in, CK_ULONG in_len, CK_ATTRIBUTE *t, CK_ULONG n,
    CK_OBJECT_HANDLE *out)
{
	CK_ATTRIBUTE *mine = changed(FN_C_UnwrapKey, t, &n);
	const CK_RV rv =
	    real_list->C_UnwrapKey(s, m, with, in, in_len, mine, n, out);

	free(mine);
	return rv;
}

CK_RV
shape_C_CreateObject(CK_SESSION_HANDLE s, CK_ATTRIBUTE *t, CK_ULONG n,
    CK_OBJECT_HANDLE *out)
{
	CK_ATTRIBUTE *mine = changed(FN_C_CreateObject, t, &n);
	const CK_RV rv = real_list->C_CreateObject(s, mine, n, out);

	free(mine);
	return rv;
}
