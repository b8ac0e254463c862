/* hsm_rv: return codes of PKCS#11; inside hsm/ only. */
#ifndef HSM_HSM_RV_H
#define HSM_HSM_RV_H

#include <p11-kit/pkcs11.h>

#include "base/error.h"

/* "CKR_DEVICE_ERROR", or NULL for a code that 2.40 does not name. */
const char *hsm_rv_name(CK_RV rv);

/* ERR_OK, ERR_PIN or ERR_HSM. */
enum err hsm_rv_err(CK_RV rv);

#endif
