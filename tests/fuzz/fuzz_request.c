/*
 * A request.  What parses is written back to the very same octets and keeps
 * every rule that it came under; a warrant in it is in force for exactly what
 * it says and not a second longer.
 *
 * Input: u8 kind; then the body of a request of that kind in any layout, or,
 * if there is no such kind, the octets of a whole request or rejection.
 */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "policy/request.h"

#define TAIL ",\"expires\":\"" /* what stands behind the body */

/* ---- a warrant ---- */

static void
check_names(const struct words *l, unsigned most, size_t longest)
{
	MUST(l->n <= most);
	for (unsigned i = 0; i < l->n; i++) {
		MUST(l->w[i][0] != '\0' && strlen(l->w[i]) <= longest);
		for (unsigned k = 0; k < i; k++)
			MUST(strcmp(l->w[i], l->w[k]) != 0);
	}
}

static void
check_identities(const struct words *l, unsigned most)
{
	struct why why;
	struct rd id;

	check_names(l, most, MAX_PUBLIC_ID);
	for (unsigned i = 0; i < l->n; i++) {
		rd_init(&id, l->w[i], strlen(l->w[i]));
		MUST(identity_check(id, &why) == ERR_OK);
	}
}

static void
check_rules(const struct warrant *w)
{
	MUST(w->liid[0] != '\0' && strlen(w->liid) <= MAX_LIID);
	MUST(w->n_targets >= 1 && w->n_targets <= MAX_WARRANT_TARGETS);
	for (unsigned i = 0; i < w->n_targets; i++) {
		MUST(w->target[i].ids.n >= 1);
		check_identities(&w->target[i].ids, MAX_WARRANT_IDS);
		MUST(w->target[i].n_xids <= MAX_WARRANT_XIDS);
	}
	MUST(w->clients.n >= 1);
	check_names(&w->clients, MAX_WARRANT_CLIENTS, MAX_NAME);
	check_names(&w->lemfs, MAX_WARRANT_LEMFS, MAX_NAME);
	MUST(w->lemfs.n >= 1 || !(w->deliveries & DELIVERY_HI2));
	MUST(w->start < w->end && w->calls_from <= w->start);
	MUST(w->grace >= 0 && w->grace <= WARRANT_GRACE_MAX);
	MUST(
	    w->products != 0 && w->products < 16 && w->products != PRODUCT_SIP);
	MUST(w->deliveries != 0 && w->deliveries < 4);
}

static void
check_period(const struct warrant *w, const struct warrant_state *s,
    struct ask a)
{
	const bool xk = w->deliveries & DELIVERY_XK;
	const enum warrant_verdict good =
	    xk ? WARRANT_ALLOWS : WARRANT_OTHER_DELIVERY;

	a.now = w->start - WARRANT_SKEW;
	MUST(warrant_is_for(w, s, &a) == good);
	a.now--;
	MUST(warrant_is_for(w, s, &a) == WARRANT_NOT_YET);
	a.now = s->end + w->grace - 1;
	MUST(warrant_is_for(w, s, &a) == good);
	a.now++;
	MUST(warrant_is_for(w, s, &a) == WARRANT_ENDED);
	MUST(warrant_covers_call(w, s, &a) == WARRANT_ENDED);
	a.n_t = 2;
	a.t[0] = w->start;
	a.t[1] = s->end + WARRANT_SKEW - 1;
	MUST(warrant_covers_call(w, s, &a) == WARRANT_ALLOWS);
	a.t[1]++;
	MUST(warrant_covers_call(w, s, &a) == WARRANT_CALL_AFTER);
	a.t[1] = w->calls_from - WARRANT_SKEW;
	MUST(warrant_covers_call(w, s, &a) == WARRANT_ALLOWS);
	a.t[1]--;
	MUST(warrant_covers_call(w, s, &a) == WARRANT_CALL_BEFORE);
}

static void
check_warrant(const struct warrant *w)
{
	struct warrant_state s = {.end = w->end};
	struct ask a = {.now = w->start, .products = w->products};
	const unsigned last = w->n_targets - 1;
	char text[128];

	check_rules(w);
	rd_init(&a.target, w->target[last].ids.w[0],
	    strlen(w->target[last].ids.w[0]));
	rd_init(&a.client, w->clients.w[0], strlen(w->clients.w[0]));
	rd_init(&a.liid, w->liid, strlen(w->liid));
	check_period(w, &s, a);
	s.end = w->end + 86400; /* extended */
	check_period(w, &s, a);
	a.liid.left--;
	MUST(a.liid.left == 0 ||
	    warrant_is_for(w, &s, &a) == WARRANT_OTHER_LIID);
	a.liid.left = 0;
	s.suspended = true;
	MUST(warrant_is_for(w, &s, &a) == WARRANT_SUSPENDED);
	s.revoked = true;
	MUST(warrant_is_for(w, &s, &a) == WARRANT_REVOKED);
	a.client.left--;
	MUST(warrant_is_for(w, &s, &a) == WARRANT_OTHER_CLIENT ||
	    w->clients.n > 1);
	for (unsigned v = 0; v <= WARRANT_CALL_AFTER; v++)
		MUST(warrant_explain((enum warrant_verdict)v, w, &s, &a, text,
			 sizeof(text))[0] != '\0');
}

/* ---- a request ---- */

/* The body stands first, and behind it nothing that has TAIL in it. */
static struct rd
body_of(struct rd octets)
{
	struct rd in = octets, skip, body;
	size_t end = 0;

	for (size_t i = 0; i + sizeof(TAIL) - 1 <= octets.left; i++)
		if (memcmp(octets.p + i, TAIL, sizeof(TAIL) - 1) == 0)
			end = i;
	MUST(end > strlen("{\"body\":"));
	MUST(rd_view(&in, strlen("{\"body\":"), &skip) == ERR_OK);
	MUST(rd_view(&in, end - strlen("{\"body\":"), &body) == ERR_OK);
	return body;
}

static void
check_same_octets(const struct request *q, struct rd octets)
{
	struct request_head h = {.kind = q->kind,
	    .kms = q->kms,
	    .requester = q->requester,
	    .policy_version = q->policy_version,
	    .issued = q->issued,
	    .expires = q->expires};
	struct why why = {""};
	uint8_t *out = NULL;
	size_t len = 0;

	memcpy(h.nonce, q->nonce, sizeof(h.nonce));
	MUST(request_write(&h, body_of(octets), &out, &len, &why) == ERR_OK);
	MUST(rd_is(&octets, out, len));
	free(out);
}

static void
check_request(const struct request *q, struct rd octets)
{
	uint8_t hash[DIGEST_LEN];
	struct why why;
	struct rd id;

	MUST(memchr(octets.p, 0, octets.left) == NULL);
	MUST(digest_of(octets, hash) == ERR_OK);
	MUST(memcmp(hash, q->hash, sizeof(hash)) == 0);
	MUST(q->issued < q->expires);
	MUST(strlen(q->requester) <= MAX_NAME &&
	    q->policy_version <= MAX_CHANGES);
	MUST((q->warrant != NULL) == (q->kind == REQUEST_WARRANT_ADD));
	if (q->warrant != NULL) {
		MUST(memcmp(q->warrant->id, hash, sizeof(hash)) == 0);
		check_warrant(q->warrant);
	}
	if (q->identity != NULL) {
		rd_init(&id, q->identity, strlen(q->identity));
		MUST(identity_check(id, &why) == ERR_OK);
	}
	check_identities(&q->devices, MAX_DEVICES);
	MUST(q->cert.len <= MAX_CERT && q->seed.len <= 1024);
	MUST(q->label.len <= MAX_SEED_LABEL && q->text.len <= MAX_CONFIG_TEXT);
	MUST(q->name == NULL || strlen(q->name) <= MAX_NAME);
	check_same_octets(q, octets);
}

static void
whole(struct rd octets)
{
	struct request *q = NULL, *again = NULL;
	struct rejection r;
	struct why why = {""};
	const enum err rc = request_parse(octets, &q, &why);

	if (rejection_parse(octets, &r, &why) == ERR_OK) {
		MUST(rc != ERR_OK && request_is_rejection(octets));
		MUST(strlen(r.person) >= 1 && strlen(r.person) <= MAX_NAME);
	}
	if (rc != ERR_OK) {
		MUST(q == NULL && why.text[0] != '\0');
		return;
	}
	MUST(!request_is_rejection(octets));
	check_request(q, octets);
	MUST(request_parse_known(octets, &again, &why) == ERR_OK);
	request_free(&again);
	request_free(&q);
	MUST(q == NULL);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct request_head h = {.kms = "kms.example.com",
	    .requester = "santos",
	    .policy_version = 7,
	    .issued = 1800000000,
	    .expires = 1800086400};
	struct why why = {""};
	uint8_t *out = NULL;
	struct rd in, octets;
	uint8_t kind;
	size_t len;

	rd_init(&in, data, size);
	kind = take_u8(&in);
	if (kind >= REQUEST__MAX) {
		whole(in);
		return 0;
	}
	h.kind = (enum request_kind)kind;
	if (request_write(&h, in, &out, &len, &why) != ERR_OK) {
		MUST(out == NULL && why.text[0] != '\0');
		return 0;
	}
	rd_init(&octets, out, len);
	whole(octets);
	free(out);
	return 0;
}
