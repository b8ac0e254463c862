#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/log.h"
#include "policy/digest.h"
#include "policy/rfc3339.h"
#include "policy/warrant.h"

enum err
warrant_name(struct rd payload, uint8_t out[WARRANT_ID_LEN])
{
	return digest_of(payload, out);
}

/* A member that an object may have, for refusing all others. */
static bool
known(const char *key, const char *const *names)
{
	for (; *names != NULL; names++)
		if (strcmp(key, *names) == 0)
			return true;
	return false;
}

static enum err
only(json_t *o, const char *what, const char *const *names, struct why *why)
{
	const char *key;
	json_t *value;
	char text[64];

	if (!json_is_object(o))
		return why_set(why, ERR_MALFORMED, "%s: not an object", what);
	json_object_foreach (o, key, value)
		if (!known(key, names))
			return why_set(why, ERR_MALFORMED,
			    "%s: unknown member \"%s\"", what,
			    log_escape(key, strlen(key), text, sizeof(text)));
	return ERR_OK;
}

static enum err
get_time(json_t *o, const char *name, int64_t *out, struct why *why)
{
	const char *s = json_string_value(json_object_get(o, name));

	if (s == NULL || rfc3339_parse(s, out) != ERR_OK)
		return why_set(why, ERR_MALFORMED,
		    "%s: not a time like 2026-01-31T12:00:00Z", name);
	return ERR_OK;
}

static enum err
get_version(json_t *o, const char *name, struct why *why)
{
	const json_t *v = json_object_get(o, name);

	if (!json_is_integer(v) || json_integer_value(v) != 1)
		return why_set(why, ERR_MALFORMED, "%s: must be 1", name);
	return ERR_OK;
}

/* An array of 1 to `most` strings; views live as long as the JSON. */
static enum err
get_strings(json_t *o, const char *name, unsigned most, const char ***out,
    unsigned *n, struct why *why)
{
	const json_t *a = json_object_get(o, name);
	const size_t len = json_array_size(a);

	if (!json_is_array(a) || len < 1 || len > most)
		return why_set(why, ERR_MALFORMED,
		    "%s: must be a list of 1 to %u strings", name, most);
	if ((*out = calloc(len, sizeof(**out))) == NULL)
		return why_set(why, ERR_NOMEM, "out of memory");
	*n = (unsigned)len;
	for (size_t i = 0; i < len; i++) {
		(*out)[i] = json_string_value(json_array_get(a, i));
		if ((*out)[i] == NULL || (*out)[i][0] == '\0')
			return why_set(why, ERR_MALFORMED,
			    "%s: must be a list of strings", name);
		for (size_t k = 0; k < i; k++)
			if (strcmp((*out)[i], (*out)[k]) == 0)
				return why_set(why, ERR_MALFORMED,
				    "%s: names one twice", name);
	}
	return ERR_OK;
}

/* tel: global, no separators, no parameters (RFC 3966 clause 5.1.4). */
static bool
tel_is_plain(const char *digits, size_t n)
{
	if (n < 2 || n > 16 || digits[0] != '+')
		return false;
	for (size_t i = 1; i < n; i++)
		if (digits[i] < '0' || digits[i] > '9')
			return false;
	return true;
}

enum err
identity_check(struct rd id, struct why *why)
{
	const char *s = (const char *)id.p;

	if (id.left == 0 || id.left > MAX_PUBLIC_ID)
		return why_set(why, ERR_MALFORMED,
		    "a public KMS identity has 1 to %d octets", MAX_PUBLIC_ID);
	for (size_t i = 0; i < id.left; i++)
		if (id.p[i] <= 0x20 || id.p[i] >= 0x7f || s[i] == '*')
			return why_set(why, ERR_MALFORMED,
			    "a public KMS identity is a URI without blanks, "
			    "control characters or wildcards");
	if (id.left > 4 && memcmp(s, "tel:", 4) == 0)
		return tel_is_plain(s + 4, id.left - 4)
		    ? ERR_OK
		    : why_set(why, ERR_MALFORMED,
			  "a tel URI is global and has no separators or "
			  "parameters: tel:+15550100");
	if ((id.left > 4 && memcmp(s, "sip:", 4) == 0) ||
	    (id.left > 5 && memcmp(s, "sips:", 5) == 0)) {
		if (memchr(s, ';', id.left) == NULL &&
		    memchr(s, '?', id.left) == NULL)
			return ERR_OK;
		return why_set(why, ERR_MALFORMED,
		    "a sip URI has no parameters and no headers");
	}
	return why_set(why, ERR_MALFORMED,
	    "a public KMS identity is a sip:, sips: or tel: URI");
}

static enum err
get_target(struct warrant *w, json_t *root, struct why *why)
{
	static const char *const names[] = {"identities", NULL};
	json_t *t = json_object_get(root, "target");
	struct why wrong = {""};
	struct rd id;
	enum err rc;

	if ((rc = only(t, "target", names, why)) != ERR_OK ||
	    (rc = get_strings(t, "identities", MAX_WARRANT_IDS, &w->ids,
		 &w->n_ids, why)) != ERR_OK)
		return rc;
	for (unsigned i = 0; i < w->n_ids; i++) {
		rd_init(&id, w->ids[i], strlen(w->ids[i]));
		if ((rc = identity_check(id, &wrong)) != ERR_OK)
			return why_set(why, rc, "identities: %s", wrong.text);
	}
	return ERR_OK;
}

static enum err
get_period(struct warrant *w, json_t *root, struct why *why)
{
	static const char *const names[] = {"start", "end", "graceAfterEnd",
	    "callsBefore", NULL};
	json_t *p = json_object_get(root, "period"), *grace;
	enum err rc;

	if ((rc = only(p, "period", names, why)) != ERR_OK ||
	    (rc = get_time(p, "start", &w->start, why)) != ERR_OK ||
	    (rc = get_time(p, "end", &w->end, why)) != ERR_OK)
		return rc;
	if (w->end <= w->start)
		return why_set(why, ERR_MALFORMED,
		    "period: must end after it starts");
	w->calls_from = w->start;
	if (json_object_get(p, "callsBefore") != NULL) {
		rc = get_time(p, "callsBefore", &w->calls_from, why);
		if (rc != ERR_OK)
			return rc;
		if (w->calls_from > w->start)
			return why_set(why, ERR_MALFORMED,
			    "callsBefore: must not be after the start");
	}
	w->grace = WARRANT_GRACE_DEFAULT;
	if ((grace = json_object_get(p, "graceAfterEnd")) != NULL) {
		w->grace = json_integer_value(grace);
		if (!json_is_integer(grace) || w->grace < 0 ||
		    w->grace > WARRANT_GRACE_MAX)
			return why_set(why, ERR_MALFORMED,
			    "graceAfterEnd: must be 0 to %d seconds",
			    WARRANT_GRACE_MAX);
	}
	return ERR_OK;
}

/* Printable ASCII, so that it can stand in any record and on any screen. */
static enum err
get_liid(struct warrant *w, json_t *root, struct why *why)
{
	const char *s = json_string_value(json_object_get(root, "liid"));

	if (s == NULL || s[0] == '\0' || strlen(s) > MAX_LIID)
		return why_set(why, ERR_MALFORMED,
		    "liid: must be a string of 1 to %d octets", MAX_LIID);
	for (size_t i = 0; s[i] != '\0'; i++)
		if (s[i] <= 0x20 || s[i] >= 0x7f)
			return why_set(why, ERR_MALFORMED,
			    "liid: must be printable ASCII without blanks");
	memcpy(w->liid, s, strlen(s) + 1);
	return ERR_OK;
}

static enum err
get_delivery(struct warrant *w, json_t *root, struct why *why)
{
	const char **kinds = NULL;
	unsigned n = 0;
	enum err rc;

	rc = get_strings(root, "delivery", 8, &kinds, &n, why);
	for (unsigned i = 0; i < n && rc == ERR_OK; i++) {
		if (strcmp(kinds[i], "xk") != 0)
			rc = why_set(why, ERR_MALFORMED,
			    "delivery: only \"xk\" is known");
		else
			w->to_xk = true;
	}
	free(kinds);
	return rc;
}

static enum err
get_clients(struct warrant *w, json_t *root, struct why *why)
{
	enum err rc = get_strings(root, "clients", MAX_WARRANT_CLIENTS,
	    &w->clients, &w->n_clients, why);

	for (unsigned i = 0; i < w->n_clients && rc == ERR_OK; i++)
		if (strlen(w->clients[i]) > MAX_NAME)
			rc = why_set(why, ERR_MALFORMED,
			    "clients: a name has at most %d characters",
			    MAX_NAME);
	return rc;
}

static json_t *
load(struct rd json, struct why *why)
{
	json_error_t e;
	json_t *root;

	/* jansson skips a NUL behind a number. */
	if (json.left > 0 && memchr(json.p, '\0', json.left) != NULL) {
		(void)why_set(why, ERR_MALFORMED, "not JSON (a NUL in it)");
		return NULL;
	}
	root = json_loadb((const char *)json.p, json.left,
	    JSON_REJECT_DUPLICATES, &e);
	if (root == NULL)
		(void)why_set(why, ERR_MALFORMED, "%s (line %d, column %d)",
		    json_error_code(&e) == json_error_duplicate_key
			? "a member stands there twice"
			: "not JSON",
		    e.line, e.column);
	return root;
}

enum err
warrant_parse(struct rd json, struct warrant **out, struct why *why)
{
	static const char *const names[] = {"keywardenWarrant", "liid",
	    "reference", "issued", "target", "period", "clients", "delivery",
	    NULL};
	struct warrant *w = calloc(1, sizeof(*w));
	json_t *root;
	enum err rc;

	if (w == NULL)
		return why_set(why, ERR_NOMEM, "out of memory");
	if ((root = w->of = load(json, why)) == NULL) {
		rc = ERR_MALFORMED;
		goto out;
	}
	if ((rc = only(root, "warrant", names, why)) != ERR_OK ||
	    (rc = get_version(root, "keywardenWarrant", why)) != ERR_OK ||
	    (rc = get_liid(w, root, why)) != ERR_OK ||
	    (rc = get_time(root, "issued", &w->issued, why)) != ERR_OK ||
	    (rc = get_target(w, root, why)) != ERR_OK ||
	    (rc = get_period(w, root, why)) != ERR_OK ||
	    (rc = get_clients(w, root, why)) != ERR_OK ||
	    (rc = get_delivery(w, root, why)) != ERR_OK ||
	    (rc = warrant_name(json, w->id)) != ERR_OK)
		goto out;
	if (json_object_get(root, "reference") != NULL &&
	    !json_is_string(json_object_get(root, "reference"))) {
		rc = why_set(why, ERR_MALFORMED, "reference: not a string");
		goto out;
	}
	*out = w;
	w = NULL;
out:
	warrant_free(&w);
	return rc;
}

void
warrant_free(struct warrant **wp)
{
	struct warrant *w = *wp;

	if (w == NULL)
		return;
	free(w->ids);
	free(w->clients);
	json_decref(w->of);
	free(w);
	*wp = NULL;
}

enum err
revocation_parse(struct rd json, struct revocation *out, struct why *why)
{
	static const char *const names[] = {"keywardenRevocation", "warrant",
	    "reason", NULL};
	json_t *root = load(json, why);
	const char *id;
	enum err rc;

	if (root == NULL)
		return ERR_MALFORMED;
	if ((rc = only(root, "revocation", names, why)) == ERR_OK &&
	    (rc = get_version(root, "keywardenRevocation", why)) == ERR_OK) {
		id = json_string_value(json_object_get(root, "warrant"));
		if (id == NULL ||
		    hex_get(id, out->warrant, WARRANT_ID_LEN) != ERR_OK)
			rc = why_set(why, ERR_MALFORMED,
			    "warrant: must be the 64 hex digits that "
			    "'keywarden warrant list' shows");
	}
	json_decref(root);
	return rc;
}

/* ---- decisions ---- */

static bool
names_one(const char *const *list, unsigned n, const struct rd *what)
{
	bool hit = false;

	/* All are looked at, so that the time does not tell which. */
	for (unsigned i = 0; i < n; i++)
		hit |= rd_is(what, list[i], strlen(list[i]));
	return hit;
}

bool
warrant_is_for(const struct warrant *w, const struct ask *a)
{
	const bool target = names_one(w->ids, w->n_ids, &a->target);
	const bool client = names_one(w->clients, w->n_clients, &a->client);
	const bool liid =
	    a->liid.left == 0 || rd_is(&a->liid, w->liid, strlen(w->liid));
	const bool in_force =
	    a->now >= w->start - WARRANT_SKEW && a->now < w->end + w->grace;

	return target && client && liid && in_force && w->to_xk;
}

bool
warrant_covers_call(const struct warrant *w, const struct ask *a)
{
	if (a->n_t == 0) /* a COUNTER has no date: in force now */
		return a->now >= w->start && a->now < w->end;
	for (size_t i = 0; i < a->n_t; i++)
		if (a->t[i] < w->calls_from - WARRANT_SKEW ||
		    a->t[i] >= w->end + WARRANT_SKEW)
			return false;
	return true;
}
