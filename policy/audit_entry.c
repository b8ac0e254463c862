#include <stddef.h>
#include <string.h>

#include "policy/audit_entry.h"
#include "policy/digest.h"

#define VERSION 1

static const struct row {
	const char *name;
	unsigned fields;
} rows[AUDIT_TYPE__MAX] = {
    [AUDIT_LOG_CREATED] = {"logCreated", AUDIT_F_TEXT},
    [AUDIT_STARTED] = {"started", AUDIT_F_TEXT},
    [AUDIT_STOPPED] = {"stopped", AUDIT_F_TEXT},
    [AUDIT_KMS_CREATED] = {"kmsCreated", AUDIT_F_DIGEST | AUDIT_F_TEXT},
    [AUDIT_KEY_INTENT] = {"keyIntent",
	AUDIT_F_CLIENT | AUDIT_F_TARGET | AUDIT_F_LIID | AUDIT_F_WARRANT |
	    AUDIT_F_DIGEST | AUDIT_F_CALL | AUDIT_F_TEST},
    [AUDIT_KEY_OUTCOME] = {"keyOutcome",
	AUDIT_F_REF | AUDIT_F_REASON | AUDIT_F_COUNT},
    [AUDIT_KEY_REFUSED] = {"keyRefused",
	AUDIT_F_REASON | AUDIT_F_CLIENT | AUDIT_F_TARGET | AUDIT_F_LIID |
	    AUDIT_F_CALL | AUDIT_F_TEXT},
    [AUDIT_CHANGE] = {"change",
	AUDIT_F_REF | AUDIT_F_REASON | AUDIT_F_TARGET | AUDIT_F_LIID |
	    AUDIT_F_WARRANT | AUDIT_F_DIGEST | AUDIT_F_TEXT},
    [AUDIT_HEAD] = {"head", AUDIT_F_REF | AUDIT_F_DIGEST | AUDIT_F_TEXT},
    [AUDIT_DOCUMENT_REFUSED] = {"documentRefused",
	AUDIT_F_DIGEST | AUDIT_F_TEXT},
    [AUDIT_SUBSCRIBER_INTENT] = {"subscriberIntent",
	AUDIT_F_TARGET | AUDIT_F_DIGEST | AUDIT_F_TEXT},
    [AUDIT_SUBSCRIBER_OUTCOME] = {"subscriberOutcome",
	AUDIT_F_REF | AUDIT_F_REASON},
    [AUDIT_CLIENT_EVENT] = {"clientEvent",
	AUDIT_F_COUNT | AUDIT_F_CLIENT | AUDIT_F_TEXT},
    [AUDIT_WORKER] = {"worker", AUDIT_F_TEXT},
    [AUDIT_ABANDONED] = {"abandoned", AUDIT_F_REF},
    [AUDIT_CONFIG] = {"config", AUDIT_F_DIGEST | AUDIT_F_TEXT},
    [AUDIT_REQUEST] = {"request", AUDIT_F_DIGEST | AUDIT_F_TEXT},
    [AUDIT_ALARM] = {"alarm", AUDIT_F_TEXT},
    [AUDIT_QUEUE_KEY_INTENT] = {"queueKeyIntent", AUDIT_F_REF | AUDIT_F_DIGEST},
    [AUDIT_QUEUE_KEY_OUTCOME] = {"queueKeyOutcome",
	AUDIT_F_REF | AUDIT_F_REASON},
    [AUDIT_DELIVERY] = {"delivery",
	AUDIT_F_COUNT | AUDIT_F_CLIENT | AUDIT_F_TEXT},
};

bool
audit_has_digest(const struct audit_entry *e, struct rd v)
{
	uint8_t digest[DIGEST_LEN];

	return digest_of(v, digest) == ERR_OK &&
	    memcmp(digest, e->digest, sizeof(digest)) == 0;
}

static bool
is_type(unsigned t)
{
	return t > 0 && t < AUDIT_TYPE__MAX;
}

const char *
audit_type_name(enum audit_type t)
{
	return is_type((unsigned)t) ? rows[t].name : NULL;
}

unsigned
audit_fields(enum audit_type t)
{
	return is_type((unsigned)t) ? rows[t].fields : 0;
}

/* Whatever the text, a leaf holds the rest. */
#define TEXT_MAX 1024

enum err
audit_entry_encode(const struct audit_entry *e, uint8_t *out, size_t *len)
{
	const unsigned f = audit_fields(e->type);
	struct rd text = e->text;
	struct wr w;

	if (!is_type((unsigned)e->type))
		return ERR_INTERNAL;
	if (text.left > TEXT_MAX)
		text.left = TEXT_MAX;
	wr_init(&w, out, MAX_AUDIT_LEAF);
	wr_u8(&w, VERSION);
	wr_u8(&w, (uint8_t)e->type);
	wr_u64(&w, e->number);
	wr_i64(&w, e->realtime_ns);
	wr_u64(&w, e->boottime_ns);
	if (f & AUDIT_F_REF)
		wr_u64(&w, e->ref);
	if (f & AUDIT_F_REASON)
		wr_u8(&w, e->reason);
	if (f & AUDIT_F_COUNT)
		wr_u32(&w, e->n_keys);
	if (f & AUDIT_F_CLIENT)
		wr_view8(&w, e->client.p, e->client.left);
	if (f & AUDIT_F_TARGET)
		wr_view8(&w, e->target.p, e->target.left);
	if (f & AUDIT_F_LIID)
		wr_view8(&w, e->liid.p, e->liid.left);
	if (f & AUDIT_F_WARRANT)
		wr_copy(&w, e->warrant, sizeof(e->warrant));
	if (f & AUDIT_F_DIGEST)
		wr_copy(&w, e->digest, sizeof(e->digest));
	if (f & AUDIT_F_CALL) {
		wr_u32(&w, e->csb_id);
		wr_u8(&w, e->ts_type);
		wr_u64(&w, e->ts);
	}
	if (f & AUDIT_F_TEXT)
		wr_view16(&w, text.p, text.left);
	if (f & AUDIT_F_TEST)
		wr_bool(&w, e->test);
	return wr_finish(&w, len);
}

/* The fields in the order of audit_entry_encode(). */
static enum err
fields(struct rd *r, unsigned f, struct audit_entry *e)
{
	enum err rc = ERR_OK;

	if (f & AUDIT_F_REF)
		rc = rd_u64(r, &e->ref);
	if (rc == ERR_OK && (f & AUDIT_F_REASON))
		rc = rd_u8(r, &e->reason);
	if (rc == ERR_OK && (f & AUDIT_F_COUNT))
		rc = rd_u32(r, &e->n_keys);
	if (rc == ERR_OK && (f & AUDIT_F_CLIENT))
		rc = rd_view8(r, &e->client);
	if (rc == ERR_OK && (f & AUDIT_F_TARGET))
		rc = rd_view8(r, &e->target);
	if (rc == ERR_OK && (f & AUDIT_F_LIID))
		rc = rd_view8(r, &e->liid);
	if (rc == ERR_OK && (f & AUDIT_F_WARRANT))
		rc = rd_copy(r, e->warrant, sizeof(e->warrant));
	if (rc == ERR_OK && (f & AUDIT_F_DIGEST))
		rc = rd_copy(r, e->digest, sizeof(e->digest));
	if (rc == ERR_OK && (f & AUDIT_F_CALL) &&
	    ((rc = rd_u32(r, &e->csb_id)) != ERR_OK ||
		(rc = rd_u8(r, &e->ts_type)) != ERR_OK))
		return rc;
	if (rc == ERR_OK && (f & AUDIT_F_CALL))
		rc = rd_u64(r, &e->ts);
	if (rc == ERR_OK && (f & AUDIT_F_TEXT))
		rc = rd_view16(r, &e->text);
	if (rc == ERR_OK && (f & AUDIT_F_TEST))
		rc = rd_bool(r, &e->test);
	return rc;
}

enum err
audit_entry_decode(struct rd leaf, struct audit_entry *out)
{
	struct audit_entry e = {.ref = 0};
	uint8_t version, type;

	if (rd_u8(&leaf, &version) != ERR_OK || version != VERSION ||
	    rd_u8(&leaf, &type) != ERR_OK || !is_type(type) ||
	    rd_u64(&leaf, &e.number) != ERR_OK ||
	    rd_i64(&leaf, &e.realtime_ns) != ERR_OK ||
	    rd_u64(&leaf, &e.boottime_ns) != ERR_OK)
		return ERR_MALFORMED;
	e.type = (enum audit_type)type;
	if (fields(&leaf, audit_fields(e.type), &e) != ERR_OK ||
	    rd_end(&leaf) != ERR_OK)
		return ERR_MALFORMED;
	*out = e;
	return ERR_OK;
}
