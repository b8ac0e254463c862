#include <string.h>

#include <jansson.h>

#include "decrypt.h"

/* SRTP policy of MIKEY: RFC 3830 6.10.1. */
enum sp {
	SP_ENCR_ALG = 0,
	SP_ENCR_KEY_LEN = 1,
	SP_AUTH_ALG = 2,
	SP_AUTH_KEY_LEN = 3,
	SP_SALT_LEN = 4,
	SP_PRF = 5,
	SP_KDR = 6,
	SP_ENCRYPT_RTP = 7,
	SP_ENCRYPT_RTCP = 8,
	SP_FEC = 9,
	SP_AUTHENTICATE = 10,
	SP_TAG_LEN = 11,
	SP_PREFIX_LEN = 12
};

/* One parameter: what this decryptor can do, or the default. */
static enum err
apply(struct decrypt_key *k, uint8_t type, uint64_t v)
{
	switch ((enum sp)type) {
	case SP_ENCR_ALG:
		k->encrypted = v != 0;
		return v <= 1 ? ERR_OK : ERR_UNSUPPORTED;
	case SP_ENCRYPT_RTP:
		k->encrypted = k->encrypted && v != 0;
		return ERR_OK;
	case SP_TAG_LEN:
		k->tag_len = (size_t)v;
		return v == 10 || v == 4 ? ERR_OK : ERR_UNSUPPORTED;
	case SP_ENCR_KEY_LEN:
		return v == LAB_TEK_LEN ? ERR_OK : ERR_UNSUPPORTED;
	case SP_AUTH_ALG:
	case SP_AUTHENTICATE:
		return v == 1 ? ERR_OK : ERR_UNSUPPORTED;
	case SP_AUTH_KEY_LEN:
		return v == 20 ? ERR_OK : ERR_UNSUPPORTED;
	case SP_SALT_LEN:
		return v == LAB_SALT_LEN ? ERR_OK : ERR_UNSUPPORTED;
	case SP_PRF:
	case SP_KDR:
	case SP_FEC:
	case SP_PREFIX_LEN:
		return v == 0 ? ERR_OK : ERR_UNSUPPORTED;
	case SP_ENCRYPT_RTCP:
		return ERR_OK;
	}
	return ERR_UNSUPPORTED;
}

/* The SP payload from Policy no on. */
static enum err
parse_policy(struct decrypt_key *k, struct rd r)
{
	uint8_t number, protocol, type, octet;
	struct rd params, value;
	uint64_t v;
	enum err rc;

	if ((rc = rd_u8(&r, &number)) != ERR_OK ||
	    (rc = rd_u8(&r, &protocol)) != ERR_OK ||
	    (rc = rd_view16(&r, &params)) != ERR_OK ||
	    (rc = rd_end(&r)) != ERR_OK)
		return rc;
	if (protocol != 0)
		return ERR_UNSUPPORTED;
	while (params.left > 0) {
		if ((rc = rd_u8(&params, &type)) != ERR_OK ||
		    (rc = rd_view8(&params, &value)) != ERR_OK)
			return rc;
		if (value.left == 0 || value.left > 8)
			return ERR_UNSUPPORTED;
		for (v = 0; value.left > 0; v = v << 8 | octet)
			if ((rc = rd_u8(&value, &octet)) != ERR_OK)
				return rc;
		if ((rc = apply(k, type, v)) != ERR_OK)
			return rc;
	}
	/* libsrtp2 has no NULL cipher with the short tag. */
	return k->encrypted || k->tag_len == 10 ? ERR_OK : ERR_UNSUPPORTED;
}

static enum err
get_hex(const json_t *o, const char *name, uint8_t *out, size_t len)
{
	const char *s = json_string_value(json_object_get(o, name));

	return s == NULL ? ERR_MALFORMED : hex_get(s, out, len);
}

/* Hex of any length up to `cap`; a missing member has length 0. */
static enum err
get_octets(const json_t *o, const char *name, uint8_t *out, size_t cap,
    size_t *len)
{
	const char *s = json_string_value(json_object_get(o, name));
	const size_t n = s != NULL ? strlen(s) : 0;

	*len = n / 2;
	if (json_object_get(o, name) == NULL)
		return ERR_OK;
	if (n == 0 || n % 2 != 0 || n / 2 > cap)
		return ERR_MALFORMED;
	return hex_get(s, out, n / 2);
}

static enum err
get_u32(const json_t *o, const char *name, uint32_t *out)
{
	const json_t *v = json_object_get(o, name);

	if (v == NULL)
		return ERR_OK;
	if (!json_is_integer(v) || json_integer_value(v) < 0 ||
	    json_integer_value(v) > UINT32_MAX)
		return ERR_MALFORMED;
	*out = (uint32_t)json_integer_value(v);
	return ERR_OK;
}

static enum err
parse_key(const json_t *o, struct decrypt_key *k)
{
	uint8_t policy[1024], id[DECRYPT_ID_LEN / 2];
	size_t len;
	struct rd r;
	enum err rc;

	k->tag_len = RTP_TAG_LEN;
	k->encrypted = true;
	if ((rc = get_hex(o, "cryptoSessionId", id, sizeof(id))) != ERR_OK ||
	    (rc = get_hex(o, "sessionKey", k->tek, sizeof(k->tek))) != ERR_OK ||
	    (rc = get_hex(o, "salt", k->salt, sizeof(k->salt))) != ERR_OK ||
	    (rc = get_u32(o, "ssrc", &k->ssrc)) != ERR_OK ||
	    (rc = get_u32(o, "roc", &k->roc)) != ERR_OK ||
	    (rc = get_octets(o, "mki", k->mki, sizeof(k->mki), &k->mki_len)) !=
		ERR_OK ||
	    (rc = get_octets(o, "policy", policy, sizeof(policy), &len)) !=
		ERR_OK)
		return rc;
	hex_put(id, sizeof(id), k->id);
	if (len == 0)
		return ERR_OK;
	rd_init(&r, policy, len);
	return parse_policy(k, r);
}

enum err
decrypt_keys_load(const char *path, struct secret **out, struct why *why)
{
	struct secret *s = NULL;
	struct decrypt_keys *keys;
	json_error_t e;
	json_t *all = json_load_file(path, JSON_REJECT_DUPLICATES, &e), *o;
	const json_t *list = json_object_get(all, "keys");
	size_t i;
	enum err rc;

	if (!json_is_array(list) || json_array_size(list) > DECRYPT_KEYS_MAX) {
		rc = why_set(why, ERR_MALFORMED,
		    "%s holds no JSON object with at most %d \"keys\"%s%s",
		    path, DECRYPT_KEYS_MAX, all == NULL ? ": " : "",
		    all == NULL ? e.text : "");
		goto out;
	}
	if ((rc = secret_new(sizeof(*keys), &s)) != ERR_OK) {
		rc = why_set(why, rc, "no locked memory for the keys");
		goto out;
	}
	keys = (void *)secret_data(s);
	json_array_foreach (list, i, o) {
		if ((rc = parse_key(o, &keys->key[keys->n])) != ERR_OK) {
			rc = why_set(why, rc, "%s: key %zu: %s", path, i + 1,
			    err_str(rc));
			goto out;
		}
		keys->n++;
	}
	*out = s;
	s = NULL; /* now the caller's */
	rc = ERR_OK;
out:
	secret_free(&s);
	json_decref(all);
	return rc;
}
