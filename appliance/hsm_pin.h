/* hsm_pin: the token's PIN, as the processes that log in are handed it. */
#ifndef APPLIANCE_HSM_PIN_H
#define APPLIANCE_HSM_PIN_H

#include "base/error.h"
#include "base/secret.h"

/* The PIN out of a file, which is closed; final line ends are cut off. */
enum err hsm_read_pin(int fd, struct secret **out, struct why *why) MUST_CHECK;

#endif
