/* hsm_rv: return codes of PKCS#11; inside hsm/ only. */
#ifndef HSM_HSM_RV_H
#define HSM_HSM_RV_H

#include <p11-kit/pkcs11.h>

#include "base/error.h"

/* "CKR_DEVICE_ERROR", or NULL for a code that 2.40 does not name. */
const char *hsm_rv_name(CK_RV rv);

/*
 * What a return code is a fault of, and so what follows.  A code that is not
 * in the table is RELOAD.
 */
enum hsm_fault {
	HSM_FAULT_NONE,
	HSM_FAULT_RELOAD, /* token or session: a fresh process opens it again */
	HSM_FAULT_PIN, /* the login: nobody logs in before a person acts */
	HSM_FAULT_DATA, /* of the octets that the call was given */
	/*
	 * Tokens say these of octets too: where those came from outside, the
	 * session is tried, and only if it is dead this is RELOAD.
	 */
	HSM_FAULT_UNCLEAR
};
enum hsm_fault hsm_rv_fault(CK_RV rv);

/* ERR_OK; ERR_PIN for a PIN fault; ERR_HSM for any other. */
enum err hsm_rv_err(CK_RV rv);

#endif
