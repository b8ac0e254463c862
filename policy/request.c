#include <stdlib.h>
#include <string.h>

#include "policy/request_int.h"
#include "policy/rfc3339.h"

#define OF(role) (1U << (role))
#define O OF(ROLE_OFFICER)
#define S OF(ROLE_SECURITY_OFFICER)
#define E OF(ROLE_ENGINEER)

static const struct request_rule rules[REQUEST__MAX] = {
    [REQUEST_WARRANT_ADD] = {"warrant.add", O, ROLE_OFFICER, 2, true, false},
    [REQUEST_WARRANT_EXTEND] = {"warrant.extend", O, ROLE_OFFICER, 2, true,
	false},
    [REQUEST_WARRANT_END] = {"warrant.end", O, ROLE_OFFICER, 2, true, false},
    [REQUEST_WARRANT_SUSPEND] = {"warrant.suspend", O, ROLE_OFFICER, 1, true,
	true},
    [REQUEST_WARRANT_RESUME] = {"warrant.resume", O, ROLE_OFFICER, 2, true,
	false},
    [REQUEST_WARRANT_REVOKE] = {"warrant.revoke", O, ROLE_OFFICER, 1, true,
	true},
    [REQUEST_PERSON_ADD] = {"person.add", S, ROLE_SECURITY_OFFICER, 2, true,
	false},
    [REQUEST_PERSON_REMOVE] = {"person.remove", S, ROLE_SECURITY_OFFICER, 2,
	true, false},
    [REQUEST_PERSON_CERTIFICATE] = {"person.certificate", S,
	ROLE_SECURITY_OFFICER, 2, true, false},
    [REQUEST_CLIENT_ADD] = {"client.add", S | E, ROLE_SECURITY_OFFICER, 2, true,
	false},
    [REQUEST_CLIENT_REMOVE] = {"client.remove", S | E, ROLE_SECURITY_OFFICER, 2,
	true, false},
    [REQUEST_CONFIG_SET] = {"config.set", S | E, ROLE_SECURITY_OFFICER, 2, true,
	false},
    [REQUEST_SUBSCRIBER_ADD] = {"subscriber.add", S | E, ROLE_SECURITY_OFFICER,
	2, true, false},
    [REQUEST_SUBSCRIBER_DEVICES] = {"subscriber.devices", S | E,
	ROLE_SECURITY_OFFICER, 2, true, false},
    [REQUEST_SUBSCRIBER_REMOVE] = {"subscriber.remove", S | E,
	ROLE_SECURITY_OFFICER, 2, true, false},
    [REQUEST_CLOCK_ACCEPT] = {"clock.accept", S | E, ROLE_SECURITY_OFFICER, 2,
	true, true},
    [REQUEST_LEMF_ADD] = {"lemf.add", S | E, ROLE_SECURITY_OFFICER, 2, true,
	false},
    [REQUEST_LEMF_REMOVE] = {"lemf.remove", S | E, ROLE_SECURITY_OFFICER, 2,
	true, false},
};

const struct request_rule *
request_rule(enum request_kind k)
{
	return &rules[k];
}

enum err
request_kind_of(const char *name, enum request_kind *out)
{
	for (unsigned i = 0; i < REQUEST__MAX; i++)
		if (strcmp(name, rules[i].name) == 0) {
			*out = (enum request_kind)i;
			return ERR_OK;
		}
	return ERR_NOTFOUND;
}

/* ---- the envelope ---- */

static enum err
get_version(json_t *root, const char *what, struct why *why)
{
	const char *s = json_string_value(json_object_get(root, "keywarden"));
	uint64_t v = 0;
	enum err rc;

	if (s == NULL || strcmp(s, what) != 0)
		return why_set(why, ERR_MALFORMED, "keywarden: must be \"%s\"",
		    what);
	if ((rc = jr_number(root, "version", 1, &v, why)) != ERR_OK)
		return rc;
	return v == 1 ? ERR_OK
		      : why_set(why, ERR_MALFORMED, "version: must be 1");
}

static enum err
get_kind(struct request *q, json_t *root, struct why *why)
{
	char *kind = NULL;
	enum err rc = jr_word(root, "kind", 64, &kind, why);

	if (rc == ERR_OK && request_kind_of(kind, &q->kind) != ERR_OK)
		rc = why_set(why, ERR_MALFORMED, "kind: not known");
	free(kind);
	return rc;
}

static enum err
get_head(struct request *q, json_t *root, struct why *why)
{
	enum err rc;

	if ((rc = get_version(root, "request", why)) != ERR_OK ||
	    (rc = get_kind(q, root, why)) != ERR_OK ||
	    (rc = jr_hex(root, "nonce", q->nonce, sizeof(q->nonce), why)) !=
		ERR_OK ||
	    (rc = jr_time(root, "issued", &q->issued, why)) != ERR_OK ||
	    (rc = jr_time(root, "expires", &q->expires, why)) != ERR_OK ||
	    (rc = jr_number(root, "policyVersion", MAX_CHANGES,
		 &q->policy_version, why)) != ERR_OK ||
	    (rc = jr_word(root, "kms", 255, &q->kms, why)) != ERR_OK ||
	    (rc = jr_word(root, "requester", MAX_NAME, &q->requester, why)) !=
		ERR_OK)
		return rc;
	if (q->expires <= q->issued ||
	    q->expires - q->issued > (int64_t)MAX_REQUEST_DAYS * 86400)
		return why_set(why, ERR_MALFORMED,
		    "expires: must be after \"issued\" and at most %d days "
		    "after it",
		    MAX_REQUEST_DAYS);
	return ERR_OK;
}

static char *
canonical(const json_t *root)
{
	return json_dumps(root, JSON_COMPACT | JSON_SORT_KEYS);
}

static enum err
check_canonical(const json_t *root, struct rd octets, struct why *why)
{
	char *text = canonical(root);
	const bool same = text != NULL && rd_is(&octets, text, strlen(text));

	free(text);
	if (!same)
		return why_set(why, ERR_MALFORMED,
		    "not in its canonical form: let 'keywarden request new' "
		    "write it");
	return ERR_OK;
}

static enum err
parse(struct rd octets, bool must_be_canonical, struct request **out,
    struct why *why)
{
	static const char *const names[] = {"keywarden", "version", "kind",
	    "nonce", "issued", "expires", "policyVersion", "kms", "requester",
	    "body", NULL};
	struct request *q;
	json_t *root;
	enum err rc;

	if (octets.left > MAX_REQUEST)
		return why_set(why, ERR_TOOBIG,
		    "a request has at most %d octets", MAX_REQUEST);
	if ((root = jr_load(octets, why)) == NULL)
		return ERR_MALFORMED;
	if ((q = calloc(1, sizeof(*q))) == NULL) {
		json_decref(root);
		return why_set(why, ERR_NOMEM, "out of memory");
	}
	if ((rc = digest_of(octets, q->hash)) == ERR_OK &&
	    (rc = jr_only(root, "request", names, why)) == ERR_OK &&
	    (rc = get_head(q, root, why)) == ERR_OK &&
	    (rc = request_read_body(q, json_object_get(root, "body"), why)) ==
		ERR_OK &&
	    must_be_canonical)
		rc = check_canonical(root, octets, why);
	json_decref(root);
	if (rc != ERR_OK)
		request_free(&q);
	else
		*out = q;
	return rc;
}

enum err
request_parse(struct rd octets, struct request **out, struct why *why)
{
	return parse(octets, true, out, why);
}

enum err
request_parse_known(struct rd octets, struct request **out, struct why *why)
{
	return parse(octets, false, out, why);
}

enum err
request_known_warrant(struct rd octets, const uint8_t hash[DIGEST_LEN],
    struct warrant **out, struct why *why)
{
	/* "body" is the first member in canonical order. */
	static const char head[] = "{\"body\":";
	const size_t n = sizeof(head) - 1;
	uint8_t digest[DIGEST_LEN];
	json_error_t e;
	json_t *body;
	enum err rc;

	if (digest_of(octets, digest) != ERR_OK ||
	    memcmp(digest, hash, sizeof(digest)) != 0)
		return why_set(why, ERR_MISMATCH, "not the one of its hash");
	if (octets.left < n || memcmp(octets.p, head, n) != 0 ||
	    (body = json_loadb((const char *)octets.p + n, octets.left - n,
		 JSON_DISABLE_EOF_CHECK, &e)) == NULL)
		return why_set(why, ERR_MALFORMED, "not a request");
	if ((rc = warrant_read(body, out, why)) == ERR_OK)
		memcpy((*out)->id, hash, WARRANT_ID_LEN);
	json_decref(body);
	return rc;
}

void
request_free(struct request **qp)
{
	struct request *q = *qp;

	if (q == NULL)
		return;
	warrant_free(&q->warrant);
	words_done(&q->devices);
	free(q->kms);
	free(q->requester);
	free(q->name);
	free(q->cert.p);
	free(q->text.p);
	free(q->identity);
	free(q->label.p);
	free(q->seed.p);
	free(q);
	*qp = NULL;
}

/* ---- writing ---- */

/* Takes the JSON over. */
static enum err
write_canonical(json_t *root, uint8_t **out, size_t *len, struct why *why)
{
	char *text = canonical(root);

	json_decref(root);
	if (text == NULL)
		return why_set(why, ERR_NOMEM, "out of memory");
	*out = (uint8_t *)text;
	*len = strlen(text);
	return ERR_OK;
}

enum err
request_write(const struct request_head *h, struct rd body, uint8_t **out,
    size_t *len, struct why *why)
{
	json_t *root, *b = jr_load(body, why);
	char nonce[2 * REQUEST_NONCE_LEN + 1], t[RFC3339_LEN];
	struct request *q = NULL;
	uint8_t *text = NULL;
	struct rd octets;
	size_t n = 0;
	enum err rc;

	if (b == NULL)
		return ERR_MALFORMED;
	root = json_object();
	hex_put(h->nonce, sizeof(h->nonce), nonce);
	json_object_set_new(root, "keywarden", json_string("request"));
	json_object_set_new(root, "version", json_integer(1));
	json_object_set_new(root, "kind",
	    json_string(request_rule(h->kind)->name));
	json_object_set_new(root, "nonce", json_string(nonce));
	json_object_set_new(root, "issued",
	    json_string(rfc3339_print(h->issued, t)));
	json_object_set_new(root, "expires",
	    json_string(rfc3339_print(h->expires, t)));
	json_object_set_new(root, "policyVersion",
	    json_integer((json_int_t)h->policy_version));
	json_object_set_new(root, "kms", json_string(h->kms));
	json_object_set_new(root, "requester", json_string(h->requester));
	json_object_set_new(root, "body", b);
	if ((rc = write_canonical(root, &text, &n, why)) != ERR_OK)
		return rc;
	rd_init(&octets, text, n);
	if ((rc = request_parse(octets, &q, why)) != ERR_OK) {
		free(text);
		return rc;
	}
	request_free(&q);
	*out = text;
	*len = n;
	return ERR_OK;
}

/* ---- rejections ---- */

bool
request_is_rejection(struct rd octets)
{
	struct why why;
	json_t *root = jr_load(octets, &why);
	const char *s = json_string_value(json_object_get(root, "keywarden"));
	const bool is = s != NULL && strcmp(s, "rejection") == 0;

	json_decref(root);
	return is;
}

enum err
rejection_parse(struct rd octets, struct rejection *out, struct why *why)
{
	static const char *const names[] = {"keywarden", "version", "request",
	    "person", "reason", NULL};
	json_t *root = jr_load(octets, why);
	char *person = NULL;
	enum err rc;

	if (root == NULL)
		return ERR_MALFORMED;
	if ((rc = jr_only(root, "rejection", names, why)) == ERR_OK &&
	    (rc = get_version(root, "rejection", why)) == ERR_OK &&
	    (rc = jr_hex(root, "request", out->request, sizeof(out->request),
		 why)) == ERR_OK &&
	    (rc = request_read_reason(root, why)) == ERR_OK &&
	    (rc = jr_word(root, "person", MAX_NAME, &person, why)) == ERR_OK &&
	    (rc = check_canonical(root, octets, why)) == ERR_OK)
		memcpy(out->person, person, strlen(person) + 1);
	free(person);
	json_decref(root);
	return rc;
}

enum err
rejection_write(const struct rejection *r, const char *reason, uint8_t **out,
    size_t *len, struct why *why)
{
	json_t *root = json_object();
	char hex[2 * DIGEST_LEN + 1];

	hex_put(r->request, sizeof(r->request), hex);
	json_object_set_new(root, "keywarden", json_string("rejection"));
	json_object_set_new(root, "version", json_integer(1));
	json_object_set_new(root, "request", json_string(hex));
	json_object_set_new(root, "person", json_string(r->person));
	if (reason[0] != '\0' &&
	    json_object_set_new(root, "reason", json_string(reason)) != 0) {
		json_decref(root);
		return why_set(why, ERR_MALFORMED, "reason: not UTF-8");
	}
	return write_canonical(root, out, len, why);
}
