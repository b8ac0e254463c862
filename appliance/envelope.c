#include <openssl/cms.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include "appliance/envelope.h"

/* OpenSSL would take SHA-1 for either. */
static bool
set_digest(CMS_RecipientInfo *ri)
{
	EVP_PKEY_CTX *c = CMS_RecipientInfo_get0_pkey_ctx(ri);

	if (c == NULL)
		return false;
	if (CMS_RecipientInfo_type(ri) == CMS_RECIPINFO_TRANS)
		return EVP_PKEY_CTX_set_rsa_padding(c,
			   RSA_PKCS1_OAEP_PADDING) == 1 &&
		    EVP_PKEY_CTX_set_rsa_oaep_md(c, EVP_sha256()) == 1;
	return CMS_RecipientInfo_type(ri) == CMS_RECIPINFO_AGREE &&
	    EVP_PKEY_CTX_set_ecdh_kdf_md(c, EVP_sha256()) == 1;
}

enum err
envelope(X509 *to, struct rd in, uint8_t **out, size_t *out_len)
{
	const unsigned flags = CMS_BINARY | CMS_PARTIAL | CMS_KEY_PARAM;
	BIO *from = BIO_new_mem_buf(in.p, (int)in.left);
	CMS_ContentInfo *cms =
	    CMS_encrypt(NULL, NULL, EVP_aes_256_gcm(), flags);
	CMS_RecipientInfo *ri;
	unsigned char *der = NULL;
	enum err rc = ERR_CRYPTO;
	int n;

	if (from == NULL || cms == NULL ||
	    (ri = CMS_add1_recipient_cert(cms, to, flags)) == NULL ||
	    !set_digest(ri) || CMS_final(cms, from, NULL, flags) != 1 ||
	    (n = i2d_CMS_ContentInfo(cms, &der)) <= 0)
		goto out;
	*out = der;
	*out_len = (size_t)n;
	rc = ERR_OK;
out:
	CMS_ContentInfo_free(cms);
	BIO_free(from);
	ERR_clear_error();
	return rc;
}
