/* The control: a branch on a secret.  This test must fail under valgrind. */
#include "ct.h"

int
main(void)
{
	volatile unsigned char secret = 5;
	volatile int taken = 0;

	MUST_BE_UNDER_VALGRIND;
	CT_SECRET((unsigned char *)&secret, 1);
	if (secret == 5)
		taken = 1;
	(void)taken;
	return 0;
}
