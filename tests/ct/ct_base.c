/* ct_equal and ct_mod: neither content shows in branches or addresses. */
#include <string.h>

#include "base/ctmod.h"
#include "ct.h"

int
main(void)
{
	uint8_t a[66], b[66], m[66], out[66];
	bool same;

	MUST_BE_UNDER_VALGRIND;
	memset(a, 0xa5, sizeof(a));
	memset(b, 0xa5, sizeof(b));
	memset(m, 0xff, sizeof(m));
	CT_SECRET(a, sizeof(a));
	CT_SECRET(b, sizeof(b));
	same = ct_equal(a, b, sizeof(a));
	CT_PUBLIC(&same, sizeof(same));
	MUST(same);
	MUST(ct_mod(out, a, sizeof(a), m, 32) == ERR_OK);
	MUST(ct_mod(out, a, sizeof(a), m, 66) == ERR_OK);
	ct_add_one(out, out, 66);
	return 0;
}
