#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/warrant.h"

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

/* 8-4-4-4-12 lower-case hex digits. */
static enum err
xid_get(const char *s, uint8_t out[XID_LEN])
{
	char hex[2 * XID_LEN + 1];
	size_t n = 0;

	if (strlen(s) != 36 || strspn(s, "0123456789abcdef-") != 36)
		return ERR_MALFORMED;
	for (size_t i = 0; i < 36; i++) {
		const bool dash = i == 8 || i == 13 || i == 18 || i == 23;

		if (dash != (s[i] == '-'))
			return ERR_MALFORMED;
		if (!dash)
			hex[n++] = s[i];
	}
	hex[n] = '\0';
	return hex_get(hex, out, XID_LEN);
}

static enum err
get_xids(struct warrant_target *t, json_t *o, struct why *why)
{
	struct words l = {NULL, 0};
	enum err rc;

	if (json_object_get(o, "xids") == NULL)
		return ERR_OK;
	rc = jr_words(o, "xids", MAX_WARRANT_XIDS, 36, &l, why);
	if (rc == ERR_OK && (t->xid = calloc(l.n, XID_LEN)) == NULL)
		rc = why_set(why, ERR_NOMEM, "out of memory");
	for (unsigned i = 0; i < l.n && rc == ERR_OK; i++) {
		if (xid_get(l.w[i], t->xid[i]) != ERR_OK)
			rc = why_set(why, ERR_MALFORMED,
			    "xids: must be UUIDs in lower case");
		else
			t->n_xids++;
	}
	words_done(&l);
	return rc;
}

static enum err
get_target(struct warrant_target *t, json_t *o, struct why *why)
{
	static const char *const names[] = {"identities", "xids", NULL};
	struct why wrong = {""};
	struct rd id;
	enum err rc;

	if ((rc = jr_only(o, "targets", names, why)) != ERR_OK ||
	    (rc = jr_words(o, "identities", MAX_WARRANT_IDS, MAX_PUBLIC_ID,
		 &t->ids, why)) != ERR_OK)
		return rc;
	for (unsigned i = 0; i < t->ids.n; i++) {
		rd_init(&id, t->ids.w[i], strlen(t->ids.w[i]));
		if ((rc = identity_check(id, &wrong)) != ERR_OK)
			return why_set(why, rc, "identities: %s", wrong.text);
	}
	return get_xids(t, o, why);
}

/* An identity or an XID is one target's. */
static bool
overlap(const struct warrant_target *a, const struct warrant_target *b)
{
	struct rd id;

	for (unsigned i = 0; i < a->ids.n; i++) {
		rd_init(&id, a->ids.w[i], strlen(a->ids.w[i]));
		if (words_have(&b->ids, id))
			return true;
	}
	for (unsigned i = 0; i < a->n_xids; i++)
		for (unsigned k = 0; k < b->n_xids; k++)
			if (memcmp(a->xid[i], b->xid[k], XID_LEN) == 0)
				return true;
	return false;
}

static enum err
get_targets(struct warrant *w, json_t *body, struct why *why)
{
	json_t *a = json_object_get(body, "targets");
	const size_t n = json_array_size(a);
	enum err rc;

	if (!json_is_array(a) || n < 1 || n > MAX_WARRANT_TARGETS)
		return why_set(why, ERR_MALFORMED,
		    "targets: must be a list of 1 to %d targets",
		    MAX_WARRANT_TARGETS);
	if ((w->target = calloc(n, sizeof(*w->target))) == NULL)
		return why_set(why, ERR_NOMEM, "out of memory");
	for (size_t i = 0; i < n; i++) {
		w->n_targets++;
		rc = get_target(&w->target[i], json_array_get(a, i), why);
		if (rc != ERR_OK)
			return rc;
		for (size_t k = 0; k < i; k++)
			if (overlap(&w->target[i], &w->target[k]))
				return why_set(why, ERR_MALFORMED,
				    "targets: an identity or XID stands in "
				    "two of them");
	}
	return ERR_OK;
}

static enum err
get_period(struct warrant *w, json_t *body, struct why *why)
{
	static const char *const names[] = {"start", "end", "graceAfterEnd",
	    "callsBefore", NULL};
	json_t *p = json_object_get(body, "period");
	uint64_t grace = WARRANT_GRACE_DEFAULT;
	enum err rc;

	if ((rc = jr_only(p, "period", names, why)) != ERR_OK ||
	    (rc = jr_time(p, "start", &w->start, why)) != ERR_OK ||
	    (rc = jr_time(p, "end", &w->end, why)) != ERR_OK)
		return rc;
	if (w->end <= w->start)
		return why_set(why, ERR_MALFORMED,
		    "period: must end after it starts");
	w->calls_from = w->start;
	if (json_object_get(p, "callsBefore") != NULL) {
		rc = jr_time(p, "callsBefore", &w->calls_from, why);
		if (rc != ERR_OK)
			return rc;
		if (w->calls_from > w->start)
			return why_set(why, ERR_MALFORMED,
			    "callsBefore: must not be after the start");
	}
	if (json_object_get(p, "graceAfterEnd") != NULL &&
	    (rc = jr_number(p, "graceAfterEnd", WARRANT_GRACE_MAX, &grace,
		 why)) != ERR_OK)
		return rc;
	w->grace = (int64_t)grace;
	return ERR_OK;
}

static enum err
get_liid(struct warrant *w, json_t *body, struct why *why)
{
	char *s = NULL;
	const enum err rc = jr_word(body, "liid", MAX_LIID, &s, why);

	if (rc == ERR_OK)
		memcpy(w->liid, s, strlen(s) + 1);
	free(s);
	return rc;
}

static enum err
get_bits(json_t *body, const char *name, const char *const *known,
    unsigned *out, struct why *why)
{
	struct words l = {NULL, 0};
	enum err rc = jr_words(body, name, 8, 32, &l, why);

	for (unsigned i = 0; i < l.n && rc == ERR_OK; i++) {
		unsigned k = 0;

		while (known[k] != NULL && strcmp(known[k], l.w[i]) != 0)
			k++;
		if (known[k] == NULL)
			rc = why_set(why, ERR_MALFORMED,
			    "%s: one of them is not known", name);
		*out |= 1U << k;
	}
	words_done(&l);
	return rc;
}

static enum err
get_delivery(struct warrant *w, json_t *body, struct why *why)
{
	/* In the order of the bits. */
	static const char *const products[] = {"keys", "sip", "secrets",
	    "ecValues", NULL};
	static const char *const ways[] = {"xk", "hi2", NULL};
	enum err rc;

	if ((rc = get_bits(body, "products", products, &w->products, why)) !=
		ERR_OK ||
	    (rc = get_bits(body, "delivery", ways, &w->deliveries, why)) !=
		ERR_OK)
		return rc;
	/* Who asks over Xk must be named; over HI2 nobody asks. */
	if (((w->deliveries & DELIVERY_XK) != 0 ||
		json_object_get(body, "clients") != NULL) &&
	    (rc = jr_words(body, "clients", MAX_WARRANT_CLIENTS, MAX_NAME,
		 &w->clients, why)) != ERR_OK)
		return rc;
	if ((w->products & PRODUCT_SIP) != 0 &&
	    (w->products & PRODUCT_KEYS) == 0)
		return why_set(why, ERR_MALFORMED,
		    "products: \"sip\" goes with \"keys\"");
	if (json_object_get(body, "lemfs") == NULL) {
		if (w->deliveries & DELIVERY_HI2)
			return why_set(why, ERR_MALFORMED,
			    "lemfs: \"hi2\" needs to know where to");
		return ERR_OK;
	}
	return jr_words(body, "lemfs", MAX_WARRANT_LEMFS, MAX_NAME, &w->lemfs,
	    why);
}

static enum err
get_rest(struct warrant *w, json_t *body, struct why *why)
{
	enum err rc;

	if (json_object_get(body, "agency") != NULL &&
	    (rc = jr_word(body, "agency", MAX_NAME, &w->agency, why)) != ERR_OK)
		return rc;
	if (json_object_get(body, "test") != NULL &&
	    (rc = jr_bool(body, "test", &w->test, why)) != ERR_OK)
		return rc;
	if (json_object_get(body, "reference") != NULL &&
	    !json_is_string(json_object_get(body, "reference")))
		return why_set(why, ERR_MALFORMED, "reference: not a string");
	return ERR_OK;
}

enum err
warrant_read(json_t *body, struct warrant **out, struct why *why)
{
	static const char *const names[] = {"liid", "reference", "agency",
	    "test", "targets", "period", "clients", "products", "delivery",
	    "lemfs", NULL};
	struct warrant *w = calloc(1, sizeof(*w));
	enum err rc;

	if (w == NULL)
		return why_set(why, ERR_NOMEM, "out of memory");
	if ((rc = jr_only(body, "warrant", names, why)) != ERR_OK ||
	    (rc = get_liid(w, body, why)) != ERR_OK ||
	    (rc = get_targets(w, body, why)) != ERR_OK ||
	    (rc = get_period(w, body, why)) != ERR_OK ||
	    (rc = get_delivery(w, body, why)) != ERR_OK ||
	    (rc = get_rest(w, body, why)) != ERR_OK) {
		warrant_free(&w);
		return rc;
	}
	*out = w;
	return ERR_OK;
}

void
warrant_free(struct warrant **wp)
{
	struct warrant *w = *wp;

	if (w == NULL)
		return;
	for (unsigned i = 0; i < w->n_targets; i++) {
		words_done(&w->target[i].ids);
		free(w->target[i].xid);
	}
	free(w->target);
	words_done(&w->clients);
	words_done(&w->lemfs);
	free(w->agency);
	free(w);
	*wp = NULL;
}

/* ---- decisions ---- */

enum warrant_verdict
warrant_is_for(const struct warrant *w, const struct warrant_state *s,
    const struct ask *a)
{
	bool target = false;

	for (unsigned i = 0; i < w->n_targets; i++)
		target |= words_have(&w->target[i].ids, a->target);
	if (!target)
		return WARRANT_OTHER_TARGET;
	if (!a->over_hi2 && !words_have(&w->clients, a->client))
		return WARRANT_OTHER_CLIENT;
	if (a->liid.left > 0 && !rd_is(&a->liid, w->liid, strlen(w->liid)))
		return WARRANT_OTHER_LIID;
	if (s->revoked)
		return WARRANT_REVOKED;
	if (s->suspended)
		return WARRANT_SUSPENDED;
	if (a->now < w->start - WARRANT_SKEW)
		return WARRANT_NOT_YET;
	if (a->now >= s->end + w->grace)
		return WARRANT_ENDED;
	if ((w->products & a->products) != a->products)
		return WARRANT_OTHER_PRODUCT;
	return w->deliveries & (a->over_hi2 ? DELIVERY_HI2 : DELIVERY_XK)
	    ? WARRANT_ALLOWS
	    : WARRANT_OTHER_DELIVERY;
}

enum warrant_verdict
warrant_covers_call(const struct warrant *w, const struct warrant_state *s,
    const struct ask *a)
{
	if (a->n_t == 0) { /* a COUNTER has no date: in force now */
		if (a->now < w->start)
			return WARRANT_NOT_YET;
		return a->now < s->end ? WARRANT_ALLOWS : WARRANT_ENDED;
	}
	for (size_t i = 0; i < a->n_t; i++) {
		if (a->t[i] < w->calls_from - WARRANT_SKEW)
			return WARRANT_CALL_BEFORE;
		if (a->t[i] >= s->end + WARRANT_SKEW)
			return WARRANT_CALL_AFTER;
	}
	return WARRANT_ALLOWS;
}

/* "3 days", "2 hours", "50 seconds": as coarse as one would say it. */
static const char *
span(int64_t seconds, char out[32])
{
	static const struct {
		int64_t unit;
		const char *name;
	} units[] = {{86400, "day"}, {3600, "hour"}, {60, "minute"},
	    {1, "second"}};
	unsigned u = 0;
	int64_t n;

	while (units[u].unit > 1 && seconds < 2 * units[u].unit)
		u++;
	n = seconds / units[u].unit;
	(void)snprintf(out, 32, "%lld %s%s", (long long)n, units[u].name,
	    n == 1 ? "" : "s");
	return out;
}

static int64_t
earliest(const struct ask *a)
{
	return a->n_t > 1 && a->t[1] < a->t[0] ? a->t[1] : a->t[0];
}

static int64_t
latest(const struct ask *a)
{
	return a->n_t > 1 && a->t[1] > a->t[0] ? a->t[1] : a->t[0];
}

const char *
warrant_explain(enum warrant_verdict v, const struct warrant *w,
    const struct warrant_state *s, const struct ask *a, char *out, size_t cap)
{
	char t[32];

	switch (v) {
	case WARRANT_ALLOWS:
		return "the warrant allows it";
	case WARRANT_OTHER_TARGET:
		return "no warrant names this target";
	case WARRANT_OTHER_CLIENT:
		return "the warrant does not name this client";
	case WARRANT_OTHER_LIID:
		return "the warrant has another LIID";
	case WARRANT_REVOKED:
		return "the warrant is revoked";
	case WARRANT_SUSPENDED:
		return "the warrant is suspended";
	case WARRANT_NOT_YET:
		(void)snprintf(out, cap, "the warrant begins in %s",
		    span(w->start - a->now, t));
		return out;
	case WARRANT_ENDED:
		(void)snprintf(out, cap, "the warrant ended %s ago",
		    span(a->now - s->end, t));
		return out;
	case WARRANT_OTHER_PRODUCT:
		return "the warrant does not grant this product";
	case WARRANT_OTHER_DELIVERY:
		return a->over_hi2
		    ? "the warrant does not grant delivery over HI2"
		    : "the warrant does not grant delivery over Xk";
	case WARRANT_CALL_BEFORE:
		(void)snprintf(out, cap, "the call began %s before %s",
		    span(w->calls_from - earliest(a), t),
		    w->calls_from < w->start
			? "the first call that the warrant covers"
			: "the warrant");
		return out;
	case WARRANT_CALL_AFTER:
		(void)snprintf(out, cap,
		    "the call began %s after the warrant's end",
		    span(latest(a) - s->end, t));
		return out;
	}
	return "";
}
