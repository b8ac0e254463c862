#include "call_judge.h"

static bool
is_one_of(const struct rd *ids, size_t n, const struct rd *what)
{
	for (size_t i = 0; i < n; i++)
		if (rd_equal(&ids[i], what))
			return true;
	return false;
}

static void
check_policies(const struct call *c)
{
	for (unsigned no = 0; no < 256; no++) {
		const struct rd p = call_policy(c, (uint8_t)no);

		MUST(p.left == 0 || p.p[0] == no);
		MUST(p.left <= MAX_SP_LEN);
	}
}

/* What call_check() lets through. */
static void
check_accepted(const struct call *c, const struct judgement *j)
{
	const struct call_exchange x = call_opened(c);
	struct rd idi, idr;

	call_parties(c, &idi, &idr);
	MUST(idi.left > 0 && idr.left > 0);
	MUST(j->role == CALL_RECIPIENT || c->kind == CALL_UPDATE_OLD_KEYS ||
	    rd_equal(&j->as, j->role == CALL_INITIATOR ? &idi : &idr));
	MUST(x.i1->there && x.r1->there);
	MUST(x.i1->csb_id == x.r1->csb_id && x.i1->csb_id == c->r1.csb_id);
	MUST(x.i1->ts == x.r1->ts);
	MUST(call_rand(c).left >= 16);
	if (j->role == CALL_RECIPIENT)
		MUST(c->kind == CALL_FIRST &&
		    (c->i1.esk.there || c->i2.esk.there));
	/* For an update somebody else's first exchange is of no use. */
	if (c->kind != CALL_FIRST)
		MUST((rd_equal(&idi, &c->first_i1.idri.data) ||
		    rd_equal(&idr, &c->first_i1.idri.data)));
}

struct judgement
call_judge(const struct call *c, const struct rd *ids, size_t n)
{
	const struct call_target target = {ids, n};
	struct judgement j = {.rc = ERR_INTERNAL};
	int64_t t[2] = {0, 0};
	size_t n_t = 3;
	uint64_t ts;

	call_times(c, t, &n_t);
	MUST(n_t <= 2);
	/* A COUNTER has no date, the others do. */
	MUST((n_t == 0) ==
	    (call_key_time(c, &ts) == MIKEY_TS_COUNTER &&
		c->i1.ts_type == MIKEY_TS_COUNTER));
	check_policies(c);
	j.rc = call_check(c, &target, &j.role, &j.as);
	MUST(j.rc == ERR_OK || j.rc == ERR_MISMATCH);
	if (j.rc == ERR_OK) {
		MUST(is_one_of(ids, n, &j.as));
		check_accepted(c, &j);
	}
	return j;
}

void
call_judge_wire(const struct call *c, struct call *out)
{
	static uint8_t first[1 << 20], second[1 << 20];
	struct rd r, whole;
	struct wr w;
	size_t len;

	wr_init(&w, first, sizeof(first));
	call_put(&w, c);
	MUST(wr_finish(&w, &len) == ERR_OK);
	rd_init(&whole, first, len);
	r = whole;
	MUST(call_get(&r, out) == ERR_OK && rd_end(&r) == ERR_OK);
	wr_init(&w, second, sizeof(second));
	call_put(&w, out);
	must_have_written(&w, whole);
}
