/* keywarden-xkc: it calls the other appliance. */
#include "sandbox_test.h"

int
main(void)
{
	return sandbox_caller(SANDBOX_XKC);
}
