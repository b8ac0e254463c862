/*
 * xk/mikey: a message of any kind and any octets up to N is parsed within its
 * octets, or refused.
 */
#include "proof.h"
#include "xk/mikey.h"

static struct mikey_msg m;

static void
envelope(struct rd whole, const struct mikey_envelope *e)
{
	if (!e->there || !e->sound)
		return;
	must_be_within(whole, e->u_x);
	must_be_within(whole, e->u_y);
	must_be_within(whole, e->v);
	must_be_within(whole, e->w);
}

int
main(void)
{
	uint8_t room[N];
	const struct rd whole = any_octets(room);
	const uint8_t kind = nondet_u8();
	int64_t at;
	enum err rc;

	ASSUME(kind < MIKEY_KIND__MAX);
	rc = mikey_parse(whole, (enum mikey_kind)kind, &m);
	MUST(rc == ERR_OK || rc == ERR_MALFORMED || rc == ERR_UNSUPPORTED);
	if (rc == ERR_MALFORMED)
		return 0;
	MUST(m.there && m.n_cs > 0 && m.n_sp <= MAX_SP);
	MUST(m.ts_type <= MIKEY_TS_NTP_UTC_32);
	MUST((mikey_unix_time(m.ts_type, m.ts, &at) == ERR_OK) ==
	    (m.ts_type != MIKEY_TS_COUNTER));
	MUST(!mikey_ts_after(m.ts_type, m.ts, m.ts));
	must_be_within(whole, m.rand);
	must_be_within(whole, m.idri.data);
	must_be_within(whole, m.idrr.data);
	must_be_within(whole, m.v.mac);
	must_be_within(whole, m.v.covered);
	for (unsigned i = 0; i < m.n_sp; i++)
		must_be_within(whole, m.sp[i].body);
	envelope(whole, &m.ibake);
	envelope(whole, &m.esk);
	return 0;
}
