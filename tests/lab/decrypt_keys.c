#include <string.h>

#include <jansson.h>

#include "decrypt.h"

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
parse_key(const json_t *o, struct media_key *k, uint8_t *mki)
{
	uint8_t policy[1024];
	size_t len, mki_len;
	struct rd sp;
	enum err rc;

	rules_default(&k->rules);
	if ((rc = get_hex(o, "cryptoSessionId", k->id, sizeof(k->id))) !=
		ERR_OK ||
	    (rc = get_u32(o, "ssrc", &k->ssrc)) != ERR_OK ||
	    (rc = get_u32(o, "roc", &k->roc)) != ERR_OK ||
	    (rc = get_octets(o, "mki", mki, DECRYPT_MKI_MAX, &mki_len)) !=
		ERR_OK ||
	    (rc = get_octets(o, "policy", policy, sizeof(policy), &len)) !=
		ERR_OK)
		return rc;
	rd_init(&k->mki, mki, mki_len);
	rd_init(&sp, policy, len);
	if ((len > 0 && (rc = rules_read(sp, &k->rules)) != ERR_OK) ||
	    (rc = get_hex(o, "sessionKey", k->key, k->rules.key_len)) !=
		ERR_OK ||
	    (rc = get_hex(o, "salt", k->salt, k->rules.salt_len)) != ERR_OK)
		return rc;
	return media_key_ready(k);
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
		if ((rc = parse_key(o, &keys->key[i], keys->mki[i])) !=
		    ERR_OK) {
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
