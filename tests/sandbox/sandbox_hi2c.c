/* keywarden-hi2c: it calls its LEMF. */
#include "sandbox_test.h"

int
main(void)
{
	return sandbox_caller(SANDBOX_HI2C);
}
