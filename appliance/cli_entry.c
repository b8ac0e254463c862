/* Entries of the audit log by the names of their members. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "appliance/cli_log.h"
#include "policy/rfc3339.h"
#include "xk/xk_pdu.h"

static void
set_text(json_t *j, const char *name, struct rd v)
{
	json_t *s = json_stringn((const char *)v.p, v.left);

	/* What is not UTF-8 came from outside: shown in hex. */
	if (s == NULL) {
		char *hex = malloc(2 * v.left + 1);

		if (hex == NULL)
			return;
		hex_put(v.p, v.left, hex);
		s = json_string(hex);
		free(hex);
	}
	json_object_set_new(j, name, s);
}

static void
set_hex(json_t *j, const char *name, const void *p, size_t len)
{
	char *hex = malloc(2 * len + 1);

	if (hex == NULL)
		return;
	hex_put(p, len, hex);
	json_object_set_new(j, name, json_string(hex));
	free(hex);
}

/* What the digest of an entry is that of. */
static const char *
digest_name(enum audit_type t)
{
	return t == AUDIT_CHANGE || t == AUDIT_HEAD ? "head"
	    : t == AUDIT_REQUEST		    ? "request"
						    : "sha256";
}

/* What the number in an entry is that of. */
static const char *
ref_name(enum audit_type t)
{
	return t == AUDIT_HEAD		  ? "number"
	    : t == AUDIT_QUEUE_KEY_INTENT ? "key"
					  : "of";
}

static const char *
result_name(const struct audit_entry *e)
{
	if (e->type == AUDIT_SUBSCRIBER_OUTCOME ||
	    e->type == AUDIT_QUEUE_KEY_OUTCOME)
		return err_str((enum err)e->reason);
	return e->reason == XK_GRANTED
	    ? "released"
	    : xk_reason_name((enum xk_reason)e->reason);
}

/* A change has its own words, and what it is not about is left out. */
static void
put_change(json_t *j, const struct audit_entry *e)
{
	static const uint8_t none[WARRANT_ID_LEN];

	json_object_set_new(j, "number", json_integer((json_int_t)e->ref));
	json_object_set_new(j, "kind",
	    json_string(e->reason < REQUEST__MAX
		    ? request_rule((enum request_kind)e->reason)->name
		    : "unknown"));
	if (e->target.left > 0)
		set_text(j, "target", e->target);
	if (e->liid.left > 0)
		set_text(j, "liid", e->liid);
	if (memcmp(e->warrant, none, sizeof(none)) != 0)
		set_hex(j, "warrant", e->warrant, sizeof(e->warrant));
	set_hex(j, digest_name(e->type), e->digest, sizeof(e->digest));
	set_text(j, "signers", e->text);
}

static void
put_fields(json_t *j, const struct audit_entry *e)
{
	const unsigned f = audit_fields(e->type);
	char ts[17];

	if (f & AUDIT_F_REF)
		json_object_set_new(j, ref_name(e->type),
		    json_integer((json_int_t)e->ref));
	if (f & AUDIT_F_REASON)
		json_object_set_new(j, "result", json_string(result_name(e)));
	if (f & AUDIT_F_COUNT)
		json_object_set_new(j, "count", json_integer(e->n_keys));
	if (f & AUDIT_F_CLIENT)
		set_text(j, e->type == AUDIT_DELIVERY ? "lemf" : "client",
		    e->client);
	if (f & AUDIT_F_TARGET)
		set_text(j, "target", e->target);
	if (f & AUDIT_F_LIID)
		set_text(j, "liid", e->liid);
	if (f & AUDIT_F_WARRANT)
		set_hex(j, "warrant", e->warrant, sizeof(e->warrant));
	if (f & AUDIT_F_DIGEST)
		set_hex(j, digest_name(e->type), e->digest, sizeof(e->digest));
	if (f & AUDIT_F_CALL) {
		json_object_set_new(j, "csbId", json_integer(e->csb_id));
		json_object_set_new(j, "tType", json_integer(e->ts_type));
		(void)snprintf(ts, sizeof(ts), "%016llx",
		    (unsigned long long)e->ts);
		json_object_set_new(j, "t", json_string(ts));
	}
	if (f & AUDIT_F_TEXT)
		set_text(j, e->type == AUDIT_HEAD ? "seal" : "text", e->text);
	if (f & AUDIT_F_TEST)
		json_object_set_new(j, "test", json_boolean(e->test));
}

json_t *
cli_entry_json(const struct audit_entry *e)
{
	char t[RFC3339_LEN];
	json_t *j = json_object();

	json_object_set_new(j, "entry", json_integer((json_int_t)e->number));
	json_object_set_new(j, "time",
	    json_string(rfc3339_print(e->realtime_ns / 1000000000, t)));
	json_object_set_new(j, "type", json_string(audit_type_name(e->type)));
	if (e->type == AUDIT_CHANGE)
		put_change(j, e);
	else
		put_fields(j, e);
	return j;
}

void
cli_entry_print(json_t *j)
{
	const char *key;
	json_t *v;

	(void)printf("%6lld %s %-17s",
	    (long long)json_integer_value(json_object_get(j, "entry")),
	    json_string_value(json_object_get(j, "time")),
	    json_string_value(json_object_get(j, "type")));
	json_object_foreach (j, key, v) {
		char *s;

		if (strcmp(key, "entry") == 0 || strcmp(key, "time") == 0 ||
		    strcmp(key, "type") == 0)
			continue;
		s = json_dumps(v, JSON_ENCODE_ANY);
		(void)printf(" %s=%s", key, s == NULL ? "?" : s);
		free(s);
	}
	(void)printf("\n");
}
