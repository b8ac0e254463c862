/* What a request of each kind says: docs/PROTOCOL.md A6. */
#include <stdlib.h>
#include <string.h>

#include "policy/request_int.h"

enum err
request_read_reason(json_t *body, struct why *why)
{
	json_t *r = json_object_get(body, "reason");

	if (r != NULL && !json_is_string(r))
		return why_set(why, ERR_MALFORMED, "reason: not a string");
	return ERR_OK;
}

static enum err
body_warrant(struct request *q, json_t *body, struct why *why)
{
	const enum err rc = warrant_read(body, &q->warrant, why);

	if (rc == ERR_OK)
		memcpy(q->warrant->id, q->hash, WARRANT_ID_LEN);
	return rc;
}

static enum err
body_on_warrant(struct request *q, json_t *body, struct why *why)
{
	static const char *const plain[] = {"warrant", "reason", NULL};
	static const char *const with_end[] = {"warrant", "reason", "end",
	    NULL};
	const bool end =
	    q->kind == REQUEST_WARRANT_EXTEND || q->kind == REQUEST_WARRANT_END;
	enum err rc;

	if ((rc = jr_only(body, "body", end ? with_end : plain, why)) !=
		ERR_OK ||
	    (rc = jr_hex(body, "warrant", q->on, sizeof(q->on), why)) !=
		ERR_OK ||
	    (rc = request_read_reason(body, why)) != ERR_OK)
		return rc;
	return end ? jr_time(body, "end", &q->end, why) : ERR_OK;
}

static enum err
get_role(struct request *q, json_t *body, struct why *why)
{
	char *role = NULL;
	enum err rc = jr_word(body, "role", 32, &role, why);

	if (rc == ERR_OK && role_of(role, &q->role) != ERR_OK)
		rc = why_set(why, ERR_MALFORMED,
		    "role: officer, securityOfficer, engineer or auditor");
	free(role);
	return rc;
}

static enum err
body_person(struct request *q, json_t *body, struct why *why)
{
	static const char *const add[] = {"name", "role", "certificate", NULL};
	static const char *const remove[] = {"name", "reason", "voidSignatures",
	    NULL};
	static const char *const renew[] = {"name", "certificate", NULL};
	const char *const *names = q->kind == REQUEST_PERSON_ADD ? add
	    : q->kind == REQUEST_PERSON_REMOVE			 ? remove
								 : renew;
	enum err rc;

	if ((rc = jr_only(body, "body", names, why)) != ERR_OK ||
	    (rc = jr_word(body, "name", MAX_NAME, &q->name, why)) != ERR_OK)
		return rc;
	if (q->kind == REQUEST_PERSON_REMOVE)
		return (rc = request_read_reason(body, why)) != ERR_OK
		    ? rc
		    : jr_bool(body, "voidSignatures", &q->voids, why);
	if (q->kind == REQUEST_PERSON_ADD &&
	    (rc = get_role(q, body, why)) != ERR_OK)
		return rc;
	return jr_base64(body, "certificate", MAX_CERT, &q->cert, why);
}

/* Of a client or a LEMF. */
static enum err
body_enrolled(struct request *q, json_t *body, struct why *why)
{
	static const char *const add[] = {"name", "certificate", NULL};
	static const char *const remove[] = {"name", "reason", NULL};
	const bool adds =
	    q->kind == REQUEST_CLIENT_ADD || q->kind == REQUEST_LEMF_ADD;
	enum err rc;

	if ((rc = jr_only(body, "body", adds ? add : remove, why)) != ERR_OK ||
	    (rc = jr_word(body, "name", MAX_NAME, &q->name, why)) != ERR_OK)
		return rc;
	return adds ? jr_base64(body, "certificate", MAX_CERT, &q->cert, why)
		    : request_read_reason(body, why);
}

static enum err
body_config(struct request *q, json_t *body, struct why *why)
{
	static const char *const names[] = {"text", NULL};
	const char *s = json_string_value(json_object_get(body, "text"));
	const size_t n = s == NULL ? 0 : strlen(s);
	enum err rc;

	if ((rc = jr_only(body, "body", names, why)) != ERR_OK)
		return rc;
	if (n == 0 || n > MAX_CONFIG_TEXT)
		return why_set(why, ERR_MALFORMED,
		    "text: must be a string of 1 to %d octets",
		    MAX_CONFIG_TEXT);
	if ((q->text.p = malloc(n)) == NULL)
		return why_set(why, ERR_NOMEM, "out of memory");
	memcpy(q->text.p, s, n);
	q->text.len = n;
	return ERR_OK;
}

static enum err
get_identity(struct request *q, json_t *body, struct why *why)
{
	struct why wrong = {""};
	struct rd id;
	enum err rc;

	rc = jr_word(body, "identity", MAX_PUBLIC_ID, &q->identity, why);
	if (rc != ERR_OK)
		return rc;
	rd_init(&id, q->identity, strlen(q->identity));
	rc = identity_check(id, &wrong);
	return rc == ERR_OK ? ERR_OK
			    : why_set(why, rc, "identity: %s", wrong.text);
}

static enum err
get_devices(struct request *q, json_t *body, struct why *why)
{
	const json_t *a = json_object_get(body, "devices");
	struct why wrong = {""};
	struct rd id;
	enum err rc;

	if (a == NULL || (json_is_array(a) && json_array_size(a) == 0))
		return ERR_OK;
	rc = jr_words(body, "devices", MAX_DEVICES, MAX_PUBLIC_ID, &q->devices,
	    why);
	for (unsigned i = 0; rc == ERR_OK && i < q->devices.n; i++) {
		rd_init(&id, q->devices.w[i], strlen(q->devices.w[i]));
		if ((rc = identity_check(id, &wrong)) != ERR_OK)
			return why_set(why, rc, "devices: %s", wrong.text);
		if (strcmp(q->devices.w[i], q->identity) == 0)
			return why_set(why, ERR_MALFORMED,
			    "devices: the subscriber's own identity");
	}
	return rc;
}

static enum err
body_subscriber_add(struct request *q, json_t *body, struct why *why)
{
	static const char *const names[] = {"identity", "devices", "label",
	    "certificate", "wrappedSeed", "test", NULL};
	enum err rc;

	if ((rc = jr_only(body, "body", names, why)) != ERR_OK ||
	    (rc = get_identity(q, body, why)) != ERR_OK ||
	    (rc = get_devices(q, body, why)) != ERR_OK)
		return rc;
	if (json_object_get(body, "label") != NULL &&
	    (rc = jr_base64(body, "label", MAX_SEED_LABEL, &q->label, why)) !=
		ERR_OK)
		return rc;
	if (json_object_get(body, "certificate") != NULL &&
	    (rc = jr_base64(body, "certificate", MAX_CERT, &q->cert, why)) !=
		ERR_OK)
		return rc;
	if (json_object_get(body, "test") != NULL &&
	    (rc = jr_bool(body, "test", &q->test, why)) != ERR_OK)
		return rc;
	if (json_object_get(body, "wrappedSeed") != NULL)
		return jr_base64(body, "wrappedSeed", 1024, &q->seed, why);
	if (q->cert.len == 0)
		return why_set(why, ERR_MALFORMED,
		    "certificate: a seed made in the token needs a device to "
		    "be wrapped to");
	return ERR_OK;
}

static enum err
body_subscriber(struct request *q, json_t *body, struct why *why)
{
	static const char *const devices[] = {"identity", "devices", "record",
	    NULL};
	static const char *const remove[] = {"identity", "reason", "record",
	    NULL};
	const bool is_devices = q->kind == REQUEST_SUBSCRIBER_DEVICES;
	enum err rc;

	if ((rc = jr_only(body, "body", is_devices ? devices : remove, why)) !=
		ERR_OK ||
	    (rc = get_identity(q, body, why)) != ERR_OK ||
	    (rc = jr_number(body, "record", MAX_CHANGES, &q->record, why)) !=
		ERR_OK)
		return rc;
	return is_devices ? get_devices(q, body, why)
			  : request_read_reason(body, why);
}

static enum err
body_clock(struct request *q, json_t *body, struct why *why)
{
	static const char *const names[] = {"time", "reason", NULL};
	enum err rc;

	if ((rc = jr_only(body, "body", names, why)) != ERR_OK ||
	    (rc = request_read_reason(body, why)) != ERR_OK)
		return rc;
	return jr_time(body, "time", &q->time, why);
}

enum err
request_read_body(struct request *q, json_t *body, struct why *why)
{
	switch (q->kind) {
	case REQUEST_WARRANT_ADD:
		return body_warrant(q, body, why);
	case REQUEST_WARRANT_EXTEND:
	case REQUEST_WARRANT_END:
	case REQUEST_WARRANT_SUSPEND:
	case REQUEST_WARRANT_RESUME:
	case REQUEST_WARRANT_REVOKE:
		return body_on_warrant(q, body, why);
	case REQUEST_PERSON_ADD:
	case REQUEST_PERSON_REMOVE:
	case REQUEST_PERSON_CERTIFICATE:
		return body_person(q, body, why);
	case REQUEST_CLIENT_ADD:
	case REQUEST_CLIENT_REMOVE:
	case REQUEST_LEMF_ADD:
	case REQUEST_LEMF_REMOVE:
		return body_enrolled(q, body, why);
	case REQUEST_CONFIG_SET:
		return body_config(q, body, why);
	case REQUEST_SUBSCRIBER_ADD:
		return body_subscriber_add(q, body, why);
	case REQUEST_SUBSCRIBER_DEVICES:
	case REQUEST_SUBSCRIBER_REMOVE:
		return body_subscriber(q, body, why);
	case REQUEST_CLOCK_ACCEPT:
		return body_clock(q, body, why);
	case REQUEST__MAX:
		break;
	}
	return ERR_INTERNAL;
}
