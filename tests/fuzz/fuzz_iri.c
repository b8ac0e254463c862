/*
 * Options of an IRI profile as a configuration has them, and a record from the
 * outside.  A profile set by options checks but for the operator's ids; what
 * is written is one whole DER element that holds what went in; what is refused
 * writes nothing.
 *
 * Input: u8 profile, u8 options, each name and value with a u8 length; then
 * event, initiator, sequence (8 octets, of which 4), seconds (8), nanoseconds
 * (8), correlation (u8 length), LIID, u8 targets, each, u8 keys, SIP (u16).
 */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "hi2/iri.h"

#define DEPTH_MAX 16

static void
set_options(struct iri_profile *p, struct rd *in)
{
	for (uint8_t n = take_u8(in) & 15; n > 0; n--) {
		const struct iri_profile before = *p;
		struct rd name = take_view8(in), value = take_view8(in);
		char *a = take_text(name), *b = take_text(value);
		struct why why = {""};
		const enum err rc = iri_profile_set(p, a, b, &why);

		MUST(rc == ERR_OK || rc == ERR_MALFORMED || rc == ERR_NOTFOUND);
		MUST((rc == ERR_OK) == (why.text[0] == '\0'));
		if (rc != ERR_OK)
			MUST(memcmp(p, &before, sizeof(before)) == 0);
		free(a);
		free(b);
	}
}

/* Elements with the shortest lengths that fill `in`; the leaves counted. */
static void
walk(struct rd in, unsigned depth, size_t *leaves)
{
	MUST(depth < DEPTH_MAX);
	while (in.left > 0) {
		uint8_t tag, b;
		size_t len;
		struct rd content;

		MUST(rd_u8(&in, &tag) == ERR_OK);
		if ((tag & 0x1f) == 0x1f)
			MUST(rd_u8(&in, &b) == ERR_OK && b >= 31 && b < 128);
		MUST(rd_u8(&in, &b) == ERR_OK);
		len = b;
		if (b >= 0x80) {
			MUST(b >= 0x81 && b <= 0x83);
			len = 0;
			for (unsigned n = b & 3; n > 0; n--) {
				MUST(rd_u8(&in, &b) == ERR_OK);
				MUST(len > 0 || b > 0);
				len = len << 8 | b;
			}
			MUST(len >= 0x80);
		}
		MUST(rd_view(&in, len, &content) == ERR_OK);
		if ((tag & 0x20) != 0)
			walk(content, depth + 1, leaves);
		else
			++*leaves;
	}
}

static bool
holds(const uint8_t *p, size_t len, struct rd what)
{
	return what.left == 0 || memmem(p, len, what.p, what.left) != NULL;
}

static void
judge(const struct iri_profile *p, const struct iri_record *r)
{
	const size_t need = iri_max(p, r);
	uint8_t *out = malloc(need > 0 ? need : 1);
	size_t len = 1234567, leaves = 0;
	struct rd whole;
	enum err rc;

	MUST(out != NULL);
	out[0] = 0x5a;
	rc = iri_encode(p, r, out, need, &len);
	if (need == 0) {
		MUST(rc == ERR_MALFORMED || rc == ERR_TOOBIG);
		MUST(out[0] == 0x5a && len == 1234567);
		free(out);
		return;
	}
	MUST(rc == ERR_OK && len == need &&
	    need <= SIP_MAX + 32768 + r->n_keys * 255);
	MUST(iri_profile_check(p, NULL) == ERR_OK);
	rd_init(&whole, out, len);
	walk(whole, 0, &leaves);
	MUST(leaves >= 14 + 2 * r->n_keys);
	MUST(holds(out, len, r->liid) && holds(out, len, r->sip));
	for (unsigned i = 0; i < r->n_targets && i < IRI_PARTIES_MAX; i++)
		MUST(holds(out, len, r->targets[i]));
	for (unsigned i = 0; i < r->n_keys; i++) {
		rd_init(&whole, r->keys[i].tek, IRI_TEK_LEN);
		MUST(holds(out, len, r->keys[i].sealed));
		MUST(r->keys[i].sealed.left > 0 || holds(out, len, whole));
	}
	free(out);
	out = malloc(need - 1);
	MUST(out != NULL);
	MUST(iri_encode(p, r, out, need - 1, &len) == ERR_TOOBIG);
	free(out);
}

static void
take_record(struct rd *in, struct iri_record *r, struct rd *targets,
    struct iri_key *keys)
{
	struct rd v;

	r->event = (enum iri_event)(take_u8(in) & 3);
	r->initiator = (enum iri_initiator)(take_u8(in) & 3);
	r->sequence = (uint32_t)take_u64(in);
	r->seconds = (int64_t)take_u64(in);
	r->nanoseconds = (uint32_t)take_u64(in);
	v = take_view8(in);
	memcpy(r->correlation, v.p, v.left < 8 ? v.left : 8);
	r->liid = take_view8(in);
	r->n_targets = take_u8(in) & 15;
	for (unsigned i = 0; i < r->n_targets; i++)
		targets[i] = take_view8(in);
	r->targets = targets;
	r->n_keys = take_u8(in);
	for (unsigned i = 0; i < r->n_keys; i++) {
		keys[i].cs_id = (uint8_t)i;
		keys[i].csb_id = take_u8(in);
		memset(keys[i].tek, (int)i, sizeof(keys[i].tek));
		/* some of them sealed, as whatever octets */
		rd_init(&keys[i].sealed, r->liid.p,
		    keys[i].csb_id % 2 == 0 ? 0 : r->liid.left);
	}
	r->keys = keys;
	r->sip = take_view16(in);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct iri_key keys[256];
	struct iri_record r = {.event = IRI_SIP};
	struct rd in, targets[16];
	struct iri_profile p;
	const char *name;

	rd_init(&in, data, size);
	name = iri_profile_name(take_u8(&in) & 3);
	MUST(name != NULL && iri_profile_named(name, &p) == ERR_OK);
	set_options(&p, &in);
	MUST((iri_profile_check(&p, NULL) == ERR_OK) ==
	    (p.operator_id[0] != '\0' &&
		strlen(iri_profile_alt_operator(&p)) <= IRI_ALT_OPERATOR_MAX));
	take_record(&in, &r, targets, keys);
	judge(&p, &r);
	return 0;
}
