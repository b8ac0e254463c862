/*
 * One MIKEY message of the kind that the first octet tells; what parses must
 * pass in canonical form between processes as part of a call.
 */
#include <string.h>

#include "mikey_split.h"
#include "xk/call.h"

static uint8_t wire[16 * MAX_MIKEY], again[16 * MAX_MIKEY];

size_t
LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size,
    unsigned int seed)
{
	if (size < 2 || seed % 16 == 0)
		return LLVMFuzzerMutate(data, size, max_size);
	return 1 + mikey_mutate(data + 1, size - 1, max_size - 1, seed);
}

/* What the other messages of the call are: as little as may be. */
static struct mikey_msg
filler(enum mikey_kind kind)
{
	static const uint8_t octets[] = "sip:alice@example.com";
	struct mikey_msg m = {.kind = kind, .there = true, .n_cs = 1};

	rd_init(&m.rand, octets, 16);
	m.idri.there = m.idrr.there = m.ibake.there = m.v.there = true;
	rd_init(&m.idri.data, octets, sizeof(octets) - 1);
	m.idrr.data = m.idri.data;
	return m;
}

static void
make_call(struct call *c, const struct mikey_msg *m)
{
	const bool update = m->kind == MIKEY_UPDATE_I_MESSAGE_1 ||
	    m->kind == MIKEY_UPDATE_R_MESSAGE_1;

	*c = (struct call){.kind = CALL_FIRST};
	c->first_i1 = filler(MIKEY_I_MESSAGE_1);
	c->first_r1 = filler(MIKEY_R_MESSAGE_1);
	c->first_i2 = filler(MIKEY_I_MESSAGE_2);
	c->i1 = filler(MIKEY_I_MESSAGE_1);
	c->r1 = filler(MIKEY_R_MESSAGE_1);
	if (update) {
		c->kind = m->ibake.there ? CALL_UPDATE : CALL_UPDATE_OLD_KEYS;
		c->i1.kind = MIKEY_UPDATE_I_MESSAGE_1;
		c->r1.kind = MIKEY_UPDATE_R_MESSAGE_1;
	} else
		c->i2 = filler(MIKEY_I_MESSAGE_2);
	if (m->kind == MIKEY_I_MESSAGE_1 || m->kind == MIKEY_UPDATE_I_MESSAGE_1)
		c->i1 = *m;
	else if (m->kind == MIKEY_I_MESSAGE_2)
		c->i2 = *m;
	else if (m->kind == MIKEY_R_MESSAGE_2)
		c->r2 = *m;
	else
		c->r1 = *m;
}

static void
over_the_wire(const struct mikey_msg *m, enum err parsed)
{
	static struct call c, d;
	struct wr w;
	struct rd r;
	size_t len;
	enum err rc;

	make_call(&c, m);
	wr_init(&w, wire, sizeof(wire));
	call_put(&w, &c);
	MUST(wr_finish(&w, &len) == ERR_OK && len <= call_put_max(&c));
	rd_init(&r, wire, len);
	rc = call_get(&r, &d);
	MUST((rc == ERR_OK) == (parsed == ERR_OK));
	if (rc != ERR_OK)
		return;
	MUST(rd_end(&r) == ERR_OK);
	wr_init(&w, again, sizeof(again));
	call_put(&w, &d);
	rd_init(&r, wire, len);
	must_have_written(&w, r);
}

static void
views_within(struct rd in, const struct mikey_msg *m)
{
	const struct rd all[] = {m->rand, m->idri.data, m->idrr.data,
	    m->ibake.u_x, m->ibake.u_y, m->ibake.v, m->ibake.w, m->esk.u_x,
	    m->esk.u_y, m->esk.v, m->esk.w, m->v.mac, m->v.covered};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		must_be_within(in, all[i]);
	for (unsigned i = 0; i < m->n_sp; i++)
		must_be_within(in, m->sp[i].body);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct mikey_msg m, shorter;
	enum mikey_kind kind;
	struct rd in;
	int64_t t;
	enum err rc;

	rd_init(&in, data, size);
	kind = (enum mikey_kind)(take_u8(&in) % MIKEY_KIND__MAX);
	rc = mikey_parse(in, kind, &m);
	if (rc != ERR_OK && rc != ERR_UNSUPPORTED)
		return 0;
	MUST(m.there && m.kind == kind && m.n_cs > 0 && m.n_sp <= MAX_SP);
	MUST(mikey_check_supported(&m) == rc);
	MUST((mikey_unix_time(m.ts_type, m.ts, &t) == ERR_NOTFOUND) ==
	    (m.ts_type == MIKEY_TS_COUNTER));
	views_within(in, &m);
	over_the_wire(&m, rc);
	/* Only V, which is last, may be of any length. */
	in.left--;
	if (!m.v.there)
		MUST(mikey_parse(in, kind, &shorter) == ERR_MALFORMED);
	return 0;
}
