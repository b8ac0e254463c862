/* Apart from the filters, for those who only ask and load no library of them.
 */
#include "appliance/sandbox.h"

bool
sandbox_is_built(void)
{
	return KW_SANDBOX;
}
