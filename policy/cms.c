#include <openssl/cms.h>
#include <openssl/err.h>
#include <openssl/objects.h>

#include "base/limits.h"
#include "policy/cms.h"

enum err
cms_parse(struct rd cms, CMS_ContentInfo **out, struct why *why)
{
	const unsigned char *p = cms.p;
	ASN1_OCTET_STRING **inside;
	CMS_ContentInfo *c;

	if (cms.left == 0 || cms.left > MAX_SIGNED_DOC)
		return why_set(why, ERR_TOOBIG,
		    "a signed document has 1 to %d octets", MAX_SIGNED_DOC);
	c = d2i_CMS_ContentInfo(NULL, &p, (long)cms.left);
	if (c == NULL || p != cms.p + cms.left ||
	    OBJ_obj2nid(CMS_get0_type(c)) != NID_pkcs7_signed ||
	    OBJ_obj2nid(CMS_get0_eContentType(c)) != NID_pkcs7_data ||
	    (inside = CMS_get0_content(c)) == NULL || *inside == NULL) {
		CMS_ContentInfo_free(c);
		ERR_clear_error();
		return why_set(why, ERR_MALFORMED,
		    "not a CMS SignedData in DER with its content inside");
	}
	*out = c;
	return ERR_OK;
}

struct rd
cms_content(CMS_ContentInfo *c)
{
	ASN1_OCTET_STRING **inside = CMS_get0_content(c);
	struct rd r;

	rd_init(&r, ASN1_STRING_get0_data(*inside),
	    (size_t)ASN1_STRING_length(*inside));
	return r;
}
