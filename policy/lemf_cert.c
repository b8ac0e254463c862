#include <string.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "policy/lemf_cert.h"
#include "policy/persons.h"

#define RSA_BITS_LEAST 3072
#define RSA_BITS_MOST 4096

static bool
is_curve(const EVP_PKEY *key)
{
	char group[64] = "";
	size_t n;

	return EVP_PKEY_get_group_name(key, group, sizeof(group), &n) == 1 &&
	    (strcmp(group, "prime256v1") == 0 ||
		strcmp(group, "secp384r1") == 0);
}

static enum err
check_key(X509 *x, struct why *why)
{
	EVP_PKEY *key = X509_get0_pubkey(x);
	const uint32_t use = X509_get_key_usage(x);
	uint32_t need;

	if (key != NULL && EVP_PKEY_is_a(key, "RSA") == 1 &&
	    EVP_PKEY_get_bits(key) >= RSA_BITS_LEAST &&
	    EVP_PKEY_get_bits(key) <= RSA_BITS_MOST)
		need = KU_KEY_ENCIPHERMENT;
	else if (key != NULL && EVP_PKEY_is_a(key, "EC") == 1 && is_curve(key))
		need = KU_KEY_AGREEMENT;
	else
		return why_set(why, ERR_UNSUPPORTED,
		    "certificate: its key must be RSA of %d to %d bit, or EC "
		    "on P-256 or P-384",
		    RSA_BITS_LEAST, RSA_BITS_MOST);
	return (use & need) != 0
	    ? ERR_OK
	    : why_set(why, ERR_UNSUPPORTED,
		  "certificate: its keyUsage lacks %s",
		  need == KU_KEY_ENCIPHERMENT ? "keyEncipherment"
					      : "keyAgreement");
}

static enum err
check(X509 *x, struct why *why)
{
	/* Extensions that are none, or critical and not known. */
	if ((X509_get_extension_flags(x) &
		(EXFLAG_INVALID | EXFLAG_CRITICAL)) != 0)
		return why_set(why, ERR_UNSUPPORTED,
		    "certificate: an extension that cannot be read");
	if (X509_check_ca(x) != 0)
		return why_set(why, ERR_UNSUPPORTED,
		    "certificate: that of a CA, and not of a LEMF");
	return check_key(x, why);
}

enum err
lemf_cert_check(struct rd der, int64_t now, struct why *why)
{
	const unsigned char *p = der.p;
	X509 *x = der.left == 0 || der.left > MAX_CERT
	    ? NULL
	    : d2i_X509(NULL, &p, (long)der.left);
	enum err rc;

	if (x == NULL || p != der.p + der.left)
		rc = why_set(why, ERR_MALFORMED,
		    "certificate: not the DER of one");
	else if ((rc = check(x, why)) == ERR_OK &&
	    !persons_cert_valid(der, now))
		rc = why_set(why, ERR_DENIED, "certificate: not valid now");
	X509_free(x);
	ERR_clear_error();
	return rc;
}
