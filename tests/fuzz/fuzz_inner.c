/* The plaintext of an envelope, of the kind that the first octet tells. */
#include "fuzz.h"
#include "xk/ec.h"
#include "xk/inner.h"

static struct ec *ec;

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	MUST(ec_new(&ec) == ERR_OK);
	return 0;
}

static void
check_point(struct rd in, const struct inner_point *p)
{
	enum err rc;

	if (!p->there) {
		MUST(p->octets.left == 0 && p->mki.left == 0);
		return;
	}
	MUST(p->octets.left == ec_point_octets(p->curve));
	must_be_within(in, p->octets);
	must_be_within(in, p->mki);
	rc = ec_check_point(ec, p->curve, p->octets);
	MUST(rc == ERR_OK || rc == ERR_MALFORMED);
}

/* `b` stands behind `a`, as in the list of enum inner_kind. */
static void
in_order(struct rd a, struct rd b)
{
	if (a.left > 0 && b.left > 0)
		MUST((uintptr_t)a.p + a.left < (uintptr_t)b.p);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum inner_kind kind;
	struct inner v;
	struct rd in;
	enum err rc;

	rd_init(&in, data, size);
	kind = (enum inner_kind)(take_u8(&in) % 4);
	rc = inner_parse(in, kind, &v);
	MUST(rc == ERR_OK || rc == ERR_MALFORMED || rc == ERR_UNSUPPORTED);
	if (rc != ERR_OK)
		return 0;
	must_be_within(in, v.idri);
	must_be_within(in, v.idrr);
	must_be_within(in, v.sk);
	check_point(in, &v.ecc_i);
	check_point(in, &v.ecc_r);
	in_order(v.idri, v.ecc_i.octets);
	in_order(v.ecc_i.octets, v.idrr);
	in_order(v.idrr, v.ecc_r.octets);
	MUST(v.idri.left > 0);
	MUST((v.idrr.left > 0) ==
	    (kind == INNER_I_MESSAGE_1 || kind == INNER_R_MESSAGE_1));
	MUST(v.ecc_i.there || kind == INNER_R_MESSAGE_1 || kind == INNER_ESK);
	MUST(v.ecc_r.there == (kind == INNER_R_MESSAGE_1));
	MUST(v.sk.left == (kind == INNER_ESK ? 16 : 0));
	return 0;
}
