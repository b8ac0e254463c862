#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lemf/html.h"
#include "lemf/print.h"

void
print_set(json_t *j, const char *name, json_t *value)
{
	(void)json_object_set_new(j, name, value);
}

void
print_json_line(json_t *j)
{
	if (j != NULL && json_dumpf(j, stdout, JSON_COMPACT) == 0)
		(void)putchar('\n');
	json_decref(j);
}

const char *
print_time(const struct record *r, char out[PRINT_TIME_LEN])
{
	const time_t t = (time_t)r->seconds;
	struct tm tm;
	size_t n;

	out[0] = '\0';
	if (!r->has_time || gmtime_r(&t, &tm) == NULL)
		return out;
	n = strftime(out, PRINT_TIME_LEN, "%Y-%m-%dT%H:%M:%S", &tm);
	(void)snprintf(out + n, PRINT_TIME_LEN - n, ".%06" PRIu32 "Z",
	    r->nanoseconds / 1000);
	return out;
}

/* ---- for people ---- */

static void
put_octets(FILE *f, struct rd in)
{
	uint8_t b;

	while (rd_u8(&in, &b) == ERR_OK)
		if (b < 0x20 || b > 0x7e || b == '\\')
			(void)fprintf(f, "\\x%02x", b);
		else
			(void)fputc(b, f);
}

static void
put_name(FILE *f, const char *name)
{
	(void)fprintf(f, "  %-13s", name);
}

static void
put_text(FILE *f, const char *name, struct rd in)
{
	if (in.p == NULL)
		return;
	put_name(f, name);
	put_octets(f, in);
	(void)fputc('\n', f);
}

static const char *
initiator_name(enum record_initiator i)
{
	switch (i) {
	case RECORD_INITIATOR_NONE:
		break;
	case RECORD_NOT_AVAILABLE:
		return "not-Available";
	case RECORD_ORIGINATING:
		return "originating-Target";
	case RECORD_TERMINATING:
		return "terminating-Target";
	}
	return "";
}

static void
put_secret(FILE *f, const struct print *p, const uint8_t *octets, size_t len)
{
	struct rd r;

	rd_init(&r, octets, len);
	if (len == 0)
		(void)fputs("none", f);
	else if (p->keys)
		html_hex(f, r);
	else
		(void)fputs("****", f);
}

static enum err
put_key(FILE *f, const struct print *p, const struct record *r, unsigned i,
    struct why *why)
{
	struct clear_key k;
	enum err rc = sealed_key(p->opener, r, i, &k, why);

	put_name(f, "key");
	html_hex(f, r->keys[i].cs_id);
	if (rc == ERR_OK) {
		(void)fputs(": ", f);
		put_secret(f, p, k.key, k.key_len);
		(void)fputs(", salt ", f);
		put_secret(f, p, k.salt, k.salt_len);
		if (r->keys[i].sealed)
			(void)fputs(", was sealed", f);
	} else if (rc == ERR_DENIED) {
		(void)fputs(": sealed to the agency", f);
		rc = ERR_OK;
	} else {
		(void)fprintf(f, ": %s", why->text);
	}
	(void)fputc('\n', f);
	explicit_bzero(&k, sizeof(k));
	return rc;
}

enum err
print_record(FILE *f, const struct print *p, const struct record *r,
    struct why *why)
{
	struct rd line = record_sip_line(r);
	char time[PRINT_TIME_LEN];
	struct why one;
	enum err rc = ERR_OK, e;

	put_octets(f, r->liid);
	if (r->has_cin)
		(void)fprintf(f, "  CIN %" PRIu32, r->cin);
	(void)fprintf(f, "  number %" PRIu32 "  %s  %s\n", r->sequence,
	    r->has_time ? print_time(r, time) : "no time",
	    record_event_name(r));
	if (r->correlation.p != NULL) {
		put_name(f, "correlation");
		html_hex(f, r->correlation);
		(void)fputc('\n', f);
	}
	if (r->initiator != RECORD_INITIATOR_NONE) {
		put_name(f, "initiator");
		(void)fprintf(f, "%s\n", initiator_name(r->initiator));
	}
	for (unsigned i = 0; i < r->n_targets; i++)
		put_text(f, "target", r->targets[i]);
	put_text(f, "SIP", line);
	for (unsigned i = 0; i < r->n_keys; i++)
		if ((e = put_key(f, p, r, i, &one)) != ERR_OK)
			rc = why_set(why, e, "%s", one.text);
	return rc;
}

/* ---- for programs ---- */

json_t *
print_octets(struct rd in)
{
	json_t *j = json_stringn((const char *)in.p, in.left);
	size_t len = 0;
	uint8_t b;
	char *text;

	if (j != NULL || (text = malloc(2 * in.left + 1)) == NULL)
		return j;
	while (rd_u8(&in, &b) == ERR_OK) {
		if (b >= 0x80)
			text[len++] = (char)(0xc0 | b >> 6);
		text[len++] = (char)(b < 0x80 ? b : 0x80 | (b & 0x3f));
	}
	j = json_stringn(text, len);
	free(text);
	return j;
}

static json_t *
hex_json(const uint8_t *p, size_t len)
{
	char *text = malloc(2 * len + 1);
	json_t *j;

	if (text == NULL)
		return NULL;
	hex_put(p, len, text);
	j = json_string(text);
	explicit_bzero(text, 2 * len);
	free(text);
	return j;
}

static enum err
key_json(const struct print *p, const struct record *r, unsigned i,
    json_t *list, struct why *why)
{
	const struct record_key *from = &r->keys[i];
	json_t *j = json_object();
	struct clear_key k;
	enum err rc = sealed_key(p->opener, r, i, &k, why);

	(void)json_object_set_new(j, "cryptoSessionId",
	    hex_json(from->cs_id.p, from->cs_id.left));
	if (from->sealed)
		(void)json_object_set_new(j, "sealed",
		    hex_json(from->key.p, from->key.left));
	if (rc == ERR_OK && p->keys) {
		(void)json_object_set_new(j, "sessionKey",
		    hex_json(k.key, k.key_len));
		if (k.salt_len > 0)
			(void)json_object_set_new(j, "salt",
			    hex_json(k.salt, k.salt_len));
	}
	explicit_bzero(&k, sizeof(k));
	(void)json_array_append_new(list, j);
	return rc == ERR_DENIED ? ERR_OK : rc;
}

static enum err
iri_json(const struct print *p, const struct record *r, json_t *j,
    struct why *why)
{
	json_t *targets = json_array(), *keys = json_array();
	enum err rc = ERR_OK, e;

	if (r->correlation.p != NULL)
		print_set(j, "correlation",
		    hex_json(r->correlation.p, r->correlation.left));
	print_set(j, "form", json_integer(r->form));
	print_set(j, "initiator", json_string(initiator_name(r->initiator)));
	for (unsigned i = 0; i < r->n_targets; i++)
		(void)json_array_append_new(targets,
		    print_octets(r->targets[i]));
	print_set(j, "targets", targets);
	for (unsigned i = 0; i < r->n_keys; i++)
		if ((e = key_json(p, r, i, keys, why)) != ERR_OK)
			rc = e;
	print_set(j, "keys", keys);
	if (r->sip.p != NULL)
		print_set(j, "sip", print_octets(r->sip));
	return rc;
}

enum err
print_json(const struct print *p, const struct record *r, json_t **out,
    struct why *why)
{
	json_t *j = json_object();
	char time[PRINT_TIME_LEN];

	*out = j;
	if (j == NULL)
		return why_set(why, ERR_NOMEM, "out of memory");
	print_set(j, "liid", print_octets(r->liid));
	print_set(j, "event", json_string(record_event_name(r)));
	print_set(j, "sequence", json_integer(r->sequence));
	if (r->has_cin)
		print_set(j, "cin", json_integer(r->cin));
	if (r->has_time)
		print_set(j, "time", json_string(print_time(r, time)));
	if (r->event == RECORD_TRI || r->event == RECORD_UNREAD)
		return ERR_OK;
	return iri_json(p, r, j, why);
}
