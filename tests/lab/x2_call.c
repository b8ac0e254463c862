#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "base/log.h"
#include "lab_sip.h"
#include "lab_store.h"
#include "x2_call.h"
#include "x2_sip.h"

#define MIKEY_MAX 16384
#define ANY_TAG 1 /* branch of the one who goes on with the call */

static const char *const names[PART__MAX] = {"", "i1", "r1", "i2", "r2", "u-i1",
    "u-r1", "bye"};

/* One message: who sends it, what it is, what it carries. */
struct step {
	char who; /* 'a' calls, 'b' is called */
	const char *method; /* of the request, also of what answers one */
	unsigned status; /* 0: the request */
	const char *reason;
	enum x2_part part;
	unsigned flags;
};
enum { F_SDP = 1, F_RELIABLE = 2, F_RACK = 4, F_NO_TAG = 8, F_REFUSED = 16 };

static const struct step early[] = {
    {'a', "INVITE", 0, NULL, PART_I1, F_SDP | F_NO_TAG},
    {'b', "INVITE", 100, "Trying", PART_NONE, F_NO_TAG},
    {'b', "INVITE", 183, "Session Progress", PART_R1, F_SDP | F_RELIABLE},
    {'a', "PRACK", 0, NULL, PART_I2, F_SDP | F_RACK},
    {'b', "PRACK", 200, "OK", PART_NONE, 0},
    {'b', "INVITE", 180, "Ringing", PART_NONE, 0},
};
static const struct step early_answer[] = {
    {'b', "INVITE", 200, "OK", PART_R2, F_SDP},
    {'a', "ACK", 0, NULL, PART_NONE, 0},
};
static const struct step late[] = {
    {'a', "INVITE", 0, NULL, PART_NONE, F_NO_TAG},
    {'b', "INVITE", 100, "Trying", PART_NONE, F_NO_TAG},
    {'b', "INVITE", 183, "Session Progress", PART_I1, F_SDP | F_RELIABLE},
    {'a', "PRACK", 0, NULL, PART_R1, F_SDP | F_RACK},
    {'b', "PRACK", 200, "OK", PART_I2, F_SDP},
    {'b', "INVITE", 180, "Ringing", PART_NONE, 0},
};
static const struct step late_answer[] = {
    {'b', "INVITE", 200, "OK", PART_NONE, 0},
    {'a', "ACK", 0, NULL, PART_R2, F_SDP},
};
static const struct step give_up[] = {
    {'a', "CANCEL", 0, NULL, PART_NONE, F_NO_TAG},
    {'b', "CANCEL", 200, "OK", PART_NONE, 0},
    {'b', "INVITE", 487, "Request Terminated", PART_NONE, 0},
    {'a', "ACK", 0, NULL, PART_NONE, F_REFUSED},
};
static const struct step update[] = {
    {'a', "UPDATE", 0, NULL, PART_U_I1, F_SDP},
    {'b', "UPDATE", 200, "OK", PART_U_R1, F_SDP},
};
static const struct step reinvite[] = {
    {'a', "INVITE", 0, NULL, PART_U_I1, F_SDP},
    {'b', "INVITE", 100, "Trying", PART_NONE, 0},
    {'b', "INVITE", 200, "OK", PART_U_R1, F_SDP},
    {'a', "ACK", 0, NULL, PART_NONE, 0},
};
static const struct step hang_up[] = {
    {'a', "BYE", 0, NULL, PART_BYE, 0},
    {'b', "BYE", 200, "OK", PART_BYE, 0},
};
static const struct step branch_answers[] = {
    {'b', "INVITE", 183, "Session Progress", PART_R1, F_SDP | F_RELIABLE},
    {'a', "PRACK", 0, NULL, PART_NONE, F_RACK},
    {'b', "PRACK", 200, "OK", PART_NONE, 0},
};

struct call {
	const struct x2_call_opt *opt;
	const char *dir;
	struct x2_list *list;
	struct why *why;
	unsigned cseq[2]; /* the last request of a and of b */
	unsigned invite; /* CSeq number of the last INVITE */
	unsigned rseq;
};

enum x2_part
x2_part_of(const char *name, size_t len)
{
	for (unsigned i = 1; i < PART__MAX; i++)
		if (strlen(names[i]) == len && memcmp(names[i], name, len) == 0)
			return (enum x2_part)i;
	return PART__MAX;
}

void
x2_list_add(struct x2_list *l, const void *p, size_t len)
{
	uint8_t *copy = malloc(len > 0 ? len : 1);

	if (l->n == l->cap) {
		l->cap = l->cap > 0 ? 2 * l->cap : 16;
		l->m = reallocarray(l->m, l->cap, sizeof(*l->m));
	}
	if (copy == NULL || l->m == NULL)
		fatal("no memory");
	if (len > 0)
		memcpy(copy, p, len);
	rd_init(&l->m[l->n++], copy, len);
}

void
x2_list_done(struct x2_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		free((void *)(uintptr_t)l->m[i].p);
	free(l->m);
	*l = (struct x2_list){NULL, 0, 0};
}

/* A MIKEY message; left 0 when the folder has none of that name. */
static enum err
load(const struct call *c, const char *name, struct rd *out)
{
	char path[1024];
	uint8_t *p;
	size_t len;
	enum err rc;

	rd_init(out, NULL, 0);
	if (c->dir == NULL)
		return ERR_OK;
	if (snprintf(path, sizeof(path), "%s/%s.bin", c->dir, name) >=
	    (int)sizeof(path))
		return why_set(c->why, ERR_TOOBIG, "%s: too long", c->dir);
	if (access(path, F_OK) == -1 && errno == ENOENT)
		return ERR_OK;
	if ((rc = lab_slurp(path, MIKEY_MAX, &p, &len, c->why)) != ERR_OK)
		return rc;
	rd_init(out, p, len);
	return ERR_OK;
}

static enum err
load_part(const struct call *c, enum x2_part part, unsigned branch,
    struct rd *out)
{
	char name[32];
	enum err rc;

	rd_init(out, NULL, 0);
	if (part == PART_NONE || part == PART_BYE)
		return ERR_OK;
	if (branch != ANY_TAG) {
		(void)snprintf(name, sizeof(name), "fork-%u-%s", branch,
		    names[part]);
		if ((rc = load(c, name, out)) != ERR_OK || out->left > 0)
			return rc;
	}
	return load(c, names[part], out);
}

/* Numbers of the transaction that this message opens or belongs to. */
static unsigned
transaction(struct call *c, const struct step *s, bool by_callee)
{
	if (s->status == 0 && strcmp(s->method, "ACK") != 0 &&
	    strcmp(s->method, "CANCEL") != 0) {
		c->cseq[by_callee]++;
		if (strcmp(s->method, "INVITE") == 0)
			c->invite = c->cseq[by_callee];
	}
	if (strcmp(s->method, "INVITE") == 0 || strcmp(s->method, "ACK") == 0 ||
	    strcmp(s->method, "CANCEL") == 0)
		return c->invite;
	return c->cseq[by_callee];
}

/* `swap`: a step of 'a' is of who was called. */
static enum err
one(struct call *c, const struct step *s, bool swap, unsigned branch)
{
	const struct x2_call_opt *o = c->opt;
	/* Who sent the request is in From, also of what answers it. */
	const bool by_callee = ((s->who == 'b') != (s->status != 0)) != swap;
	struct x2_sip_message m = {.opt = o,
	    .method = s->method,
	    .status = s->status,
	    .reason = s->reason,
	    .branch = branch,
	    .by_callee = by_callee,
	    .cseq = transaction(c, s, by_callee),
	    .no_tag = (s->flags & F_NO_TAG) != 0,
	    .sdp = (s->flags & F_SDP) != 0,
	    .refused = (s->flags & F_REFUSED) != 0};
	enum err rc;

	if ((s->flags & F_RELIABLE) != 0)
		m.rseq = ++c->rseq;
	if ((s->flags & F_RACK) != 0) {
		m.rack = c->rseq;
		m.rack_cseq = c->invite;
	}
	if (o->only != 0 && (o->only & 1U << s->part) == 0)
		return ERR_OK;
	if ((rc = load_part(c, s->part, branch, &m.mikey)) != ERR_OK)
		return rc;
	if ((rc = x2_sip_add(&m, c->list)) != ERR_OK)
		(void)why_set(c->why, rc, "a SIP message is too long");
	free((void *)(uintptr_t)m.mikey.p);
	return rc;
}

static enum err
several(struct call *c, const struct step *s, size_t n, bool swap,
    unsigned branch)
{
	enum err rc = ERR_OK;

	for (size_t i = 0; i < n && rc == ERR_OK; i++)
		rc = one(c, &s[i], swap, branch);
	return rc;
}
#define SEVERAL(c, s, swap, branch) \
	several(c, s, sizeof(s) / sizeof((s)[0]), swap, branch)

/* INVITE and 100, then the branches that lead nowhere, then the one. */
static enum err
begin(struct call *c)
{
	const struct step *s = c->opt->late_offer ? late : early;
	enum err rc = several(c, s, 2, false, ANY_TAG);

	for (unsigned k = 2; k <= c->opt->fork && rc == ERR_OK; k++)
		rc = SEVERAL(c, branch_answers, false, k);
	return rc != ERR_OK ? rc : several(c, s + 2, 4, false, ANY_TAG);
}

static enum err
updated(struct call *c)
{
	const bool swap = c->opt->callee_updates;
	struct rd there;
	enum err rc = load(c, names[PART_U_I1], &there);

	if (rc != ERR_OK || there.left == 0)
		return rc;
	free((void *)(uintptr_t)there.p);
	return c->opt->reinvite ? SEVERAL(c, reinvite, swap, ANY_TAG)
				: SEVERAL(c, update, swap, ANY_TAG);
}

enum err
x2_call_make(const struct x2_call_opt *o, const char *dir, struct x2_list *list,
    struct why *why)
{
	struct call c = {.opt = o, .dir = dir, .list = list, .why = why};
	enum err rc = begin(&c);

	if (rc != ERR_OK)
		return rc;
	if (o->cancel)
		return SEVERAL(&c, give_up, false, ANY_TAG);
	rc = o->late_offer ? SEVERAL(&c, late_answer, false, ANY_TAG)
			   : SEVERAL(&c, early_answer, false, ANY_TAG);
	if (rc == ERR_OK)
		rc = updated(&c);
	if (rc == ERR_OK && o->bye)
		rc = SEVERAL(&c, hang_up, false, ANY_TAG);
	return rc;
}
