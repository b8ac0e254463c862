/* tls_key: each role's key in the token, which no other role has. */
#ifndef APPLIANCE_TLS_KEY_H
#define APPLIANCE_TLS_KEY_H

#include "appliance/tls_role.h"
#include "hsm/hsm.h"

static inline enum hsm_key
tls_key_of(enum tls_role role)
{
	static const enum hsm_key keys[TLS_ROLE__MAX] = {[TLS_ROLE_XK] =
							     HSM_KEY_TLS_XK,
	    [TLS_ROLE_X2] = HSM_KEY_TLS_X2,
	    [TLS_ROLE_XKC] = HSM_KEY_TLS_XKC,
	    [TLS_ROLE_HI2] = HSM_KEY_TLS_HI2};

	return keys[role];
}

#endif
