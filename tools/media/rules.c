#include "media/rules.h"

/* RFC 3830 clause 6.10.1. */
enum parameter {
	ENCR_ALG = 0,
	ENCR_KEY_LEN = 1,
	AUTH_ALG = 2,
	AUTH_KEY_LEN = 3,
	SALT_LEN = 4,
	PRF = 5,
	KDR = 6,
	ENCRYPT_RTP = 7,
	ENCRYPT_RTCP = 8,
	FEC_ORDER = 9,
	AUTHENTICATE = 10,
	TAG_LEN = 11,
	PREFIX_LEN = 12
};

#define SRTP_PROTOCOL 0
#define HMAC_SHA_1 1
#define TAG_MIN 4
#define AES_128 16
#define AES_256 32
#define SALT_OCTETS 14

void
rules_default(struct rules *r)
{
	*r = (struct rules){.encrypted = true,
	    .key_len = AES_128,
	    .salt_len = SALT_OCTETS,
	    .auth_key_len = RULES_AUTH_KEY_MAX,
	    .tag_len = 10};
}

static bool
apply(struct rules *r, uint8_t type, uint64_t v)
{
	switch ((enum parameter)type) {
	case ENCR_ALG: /* NULL, AES-CM */
		r->encrypted = r->encrypted && v != 0;
		return v <= 1;
	case ENCRYPT_RTP:
		r->encrypted = r->encrypted && v != 0;
		return v <= 1;
	case ENCR_KEY_LEN:
		r->key_len = (size_t)v;
		return v == AES_128 || v == AES_256;
	case SALT_LEN:
		return v == SALT_OCTETS;
	case AUTH_KEY_LEN:
		r->auth_key_len = (size_t)v;
		return v >= 1 && v <= RULES_AUTH_KEY_MAX;
	case TAG_LEN:
		r->tag_len = (size_t)v;
		return v >= TAG_MIN && v <= RULES_TAG_MAX;
	case AUTH_ALG:
	case AUTHENTICATE:
		return v == HMAC_SHA_1;
	case PRF:
	case KDR:
	case PREFIX_LEN:
		return v == 0;
	case FEC_ORDER:
	case ENCRYPT_RTCP:
		return true;
	}
	return false;
}

/* A big-endian number of one to eight octets. */
static enum err
number(struct rd value, uint64_t *out)
{
	uint64_t v = 0;
	uint8_t octet;

	if (value.left == 0 || value.left > sizeof(v))
		return ERR_UNSUPPORTED;
	while (rd_u8(&value, &octet) == ERR_OK)
		v = v << 8 | octet;
	*out = v;
	return ERR_OK;
}

enum err
rules_read(struct rd sp, struct rules *out)
{
	uint8_t number_of_policy, protocol, type;
	struct rd params, value;
	struct rules r;
	uint64_t v;
	enum err rc;

	rules_default(&r);
	if ((rc = rd_u8(&sp, &number_of_policy)) != ERR_OK ||
	    (rc = rd_u8(&sp, &protocol)) != ERR_OK ||
	    (rc = rd_view16(&sp, &params)) != ERR_OK ||
	    (rc = rd_end(&sp)) != ERR_OK)
		return rc;
	if (protocol != SRTP_PROTOCOL)
		return ERR_UNSUPPORTED;
	while (params.left > 0) {
		if ((rc = rd_u8(&params, &type)) != ERR_OK ||
		    (rc = rd_view8(&params, &value)) != ERR_OK ||
		    (rc = number(value, &v)) != ERR_OK)
			return rc;
		if (!apply(&r, type, v))
			return ERR_UNSUPPORTED;
	}
	*out = r;
	return ERR_OK;
}
