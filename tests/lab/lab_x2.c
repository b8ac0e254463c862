#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/evp.h>

#include "base/log.h"
#include "lab_sip.h"
#include "lab_x2.h"

#define HEADER_LEN 40
enum {
	A_NFID = 6,
	A_IPID = 7,
	A_SEQUENCE = 8,
	A_TIME = 9,
	A_NOBODY_KNOWS = 999
};

void
lab_x2_stamp(struct lab_x2_pdu *x)
{
	struct timespec now;

	if (clock_gettime(CLOCK_REALTIME, &now) != 0)
		fatal("there is no clock");
	x->has_time = true;
	x->seconds = now.tv_sec;
	x->nanoseconds = (uint32_t)now.tv_nsec;
}

void
lab_x2_init(struct lab_x2_pdu *x)
{
	*x = (struct lab_x2_pdu){.minor = 5,
	    .type = LAB_X2_PDU,
	    .format = LAB_X2_SIP,
	    .direction = LAB_X2_UNKNOWN};
	lab_x2_stamp(x);
}

static void
attribute(struct wr *w, uint16_t type, const void *p, size_t len)
{
	wr_u16(w, type);
	wr_view16(w, p, len);
}

static void
attributes(struct wr *w, const struct lab_x2_pdu *x)
{
	if (x->extra)
		attribute(w, A_NOBODY_KNOWS, "skip me", 7);
	if (x->nfid != NULL)
		attribute(w, A_NFID, x->nfid, strlen(x->nfid));
	if (x->ipid != NULL)
		attribute(w, A_IPID, x->ipid, strlen(x->ipid));
	if (x->has_sequence) {
		wr_u16(w, A_SEQUENCE);
		wr_u16(w, 4);
		wr_u32(w, x->sequence);
	}
	if (x->has_time) {
		wr_u16(w, A_TIME);
		wr_u16(w, 8);
		wr_u32(w, (uint32_t)x->seconds);
		wr_u32(w, x->nanoseconds);
	}
	if (x->extra)
		attribute(w, A_NOBODY_KNOWS, "", 0);
}

enum err
lab_x2_put(const struct lab_x2_pdu *x, uint8_t **out, size_t *len)
{
	uint8_t buf[1024];
	struct wr a, w;
	size_t n;
	enum err rc;

	wr_init(&a, buf, sizeof(buf));
	attributes(&a, x);
	if ((rc = wr_finish(&a, &n)) != ERR_OK)
		return rc;
	*len = HEADER_LEN + n + x->payload.left;
	if ((*out = malloc(*len)) == NULL)
		return ERR_NOMEM;
	wr_init(&w, *out, *len);
	wr_u8(&w, x->major);
	wr_u8(&w, x->minor);
	wr_u16(&w, x->type);
	wr_u32(&w, (uint32_t)(HEADER_LEN + n));
	wr_u32(&w, (uint32_t)x->payload.left);
	wr_u16(&w, x->format);
	wr_u16(&w, x->direction);
	wr_copy(&w, x->xid, sizeof(x->xid));
	wr_copy(&w, x->correlation, sizeof(x->correlation));
	wr_copy(&w, buf, n);
	wr_copy(&w, x->payload.p, x->payload.left);
	return wr_finish(&w, len);
}

void
lab_x2_put_keepalive(uint32_t sequence, uint8_t out[LAB_X2_KEEPALIVE_LEN])
{
	struct wr w;

	memset(out, 0, LAB_X2_KEEPALIVE_LEN);
	out[1] = 5;
	out[3] = LAB_X2_KEEPALIVE;
	out[7] = LAB_X2_KEEPALIVE_LEN;
	wr_init(&w, out + HEADER_LEN, 8);
	wr_u16(&w, A_SEQUENCE);
	wr_u16(&w, 4);
	wr_u32(&w, sequence);
}

/* All of it is fixed but the number: the one attribute that must be there. */
enum err
lab_x2_get_ack(struct rd in, uint32_t *sequence, size_t *len)
{
	uint8_t want[LAB_X2_KEEPALIVE_LEN];
	struct rd fixed;
	uint32_t n;
	size_t known = LAB_X2_KEEPALIVE_LEN - 4;

	lab_x2_put_keepalive(0, want);
	want[3] = LAB_X2_ACK;
	if (known > in.left)
		known = in.left;
	if (rd_view(&in, known, &fixed) != ERR_OK ||
	    !rd_is(&fixed, want, known))
		return ERR_MALFORMED;
	if (rd_u32(&in, &n) != ERR_OK)
		return ERR_AGAIN;
	*sequence = n;
	*len = LAB_X2_KEEPALIVE_LEN;
	return ERR_OK;
}

/* ---- numbers ---- */

struct context {
	uint8_t id[LAB_X2_XID_LEN + LAB_X2_CORRELATION_LEN];
	bool used;
	uint32_t next;
};

/* Open addressing; never more than half full. */
struct lab_x2_numbers {
	struct context *slot;
	size_t n, size; /* size is a power of two */
};

struct lab_x2_numbers *
lab_x2_numbers_new(void)
{
	struct lab_x2_numbers *t = calloc(1, sizeof(*t));

	if (t == NULL || (t->slot = calloc(64, sizeof(*t->slot))) == NULL)
		fatal("no memory");
	t->size = 64;
	return t;
}

void
lab_x2_numbers_free(struct lab_x2_numbers *t)
{
	if (t == NULL)
		return;
	free(t->slot);
	free(t);
}

/* FNV-1a: nobody attacks the laboratory. */
static struct context *
find(const struct lab_x2_numbers *t, const uint8_t *id)
{
	const size_t len = sizeof(t->slot[0].id);
	uint64_t h = UINT64_C(14695981039346656037);
	size_t i;

	for (i = 0; i < len; i++)
		h = (h ^ id[i]) * UINT64_C(1099511628211);
	for (i = (size_t)(h ^ h >> 32);; i++) {
		struct context *c = &t->slot[i & (t->size - 1)];

		if (!c->used || memcmp(c->id, id, len) == 0)
			return c;
	}
}

static void
grow(struct lab_x2_numbers *t)
{
	struct context *old = t->slot;
	const size_t n = t->size;

	if ((t->slot = calloc(2 * n, sizeof(*t->slot))) == NULL)
		fatal("no memory");
	t->size = 2 * n;
	for (size_t i = 0; i < n; i++)
		if (old[i].used)
			*find(t, old[i].id) = old[i];
	free(old);
}

uint32_t
lab_x2_number(struct lab_x2_numbers *t, const uint8_t *xid,
    const uint8_t *correlation)
{
	uint8_t id[sizeof(t->slot[0].id)];
	struct context *c;

	memcpy(id, xid, LAB_X2_XID_LEN);
	memcpy(id + LAB_X2_XID_LEN, correlation, LAB_X2_CORRELATION_LEN);
	if (2 * t->n >= t->size)
		grow(t);
	c = find(t, id);
	if (!c->used) {
		memcpy(c->id, id, sizeof(id));
		c->used = true;
		t->n++;
	}
	return c->next++;
}

/* ---- ids ---- */

enum err
lab_x2_uuid(const char *text, uint8_t xid[LAB_X2_XID_LEN])
{
	char hex[2 * LAB_X2_XID_LEN + 1];
	size_t n = 0;

	if (strlen(text) != 36)
		return ERR_MALFORMED;
	for (size_t i = 0; i < 36; i++) {
		const bool hyphen = i == 8 || i == 13 || i == 18 || i == 23;

		if ((text[i] == '-') != hyphen)
			return ERR_MALFORMED;
		if (!hyphen)
			hex[n++] = text[i];
	}
	hex[n] = '\0';
	return hex_get(hex, xid, LAB_X2_XID_LEN);
}

void
lab_x2_correlate(const char *call_id, uint8_t out[LAB_X2_CORRELATION_LEN])
{
	uint8_t digest[32];

	if (EVP_Digest(call_id, strlen(call_id), digest, NULL, EVP_sha256(),
		NULL) != 1)
		fatal("SHA-256 failed");
	memcpy(out, digest, LAB_X2_CORRELATION_LEN);
}

/* The same URI, parameters of either aside? */
static bool
same_user(const char *a, const char *b)
{
	const size_t n = strcspn(a, ";?");

	return n == strcspn(b, ";?") && strncmp(a, b, n) == 0;
}

/* Who a request comes from is whom its answers go to. */
enum err
lab_x2_passes(const struct sip *m, const char *uri, enum lab_x2_direction *out)
{
	char from[SIP_TEXT_MAX], to[SIP_TEXT_MAX];

	(void)sip_address(sip_get(m, "From", 0), from, sizeof(from));
	(void)sip_address(sip_get(m, "To", 0), to, sizeof(to));
	if (same_user(from, uri))
		*out = m->request ? LAB_X2_FROM_TARGET : LAB_X2_TO_TARGET;
	else if (same_user(to, uri) || (m->request && same_user(m->uri, uri)))
		*out = m->request ? LAB_X2_TO_TARGET : LAB_X2_FROM_TARGET;
	else
		return ERR_NOTFOUND;
	return ERR_OK;
}
