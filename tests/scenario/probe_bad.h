/* probe_bad: ways in which a PDU can be wrong. */
#ifndef TESTS_SCENARIO_PROBE_BAD_H
#define TESTS_SCENARIO_PROBE_BAD_H

#include <stddef.h>
#include <stdint.h>

/*
 * Spoil a getKeys as xk_encode_get_keys() makes it, with a requestId below 128
 * and 256 to 60,000 octets long; `pdu` has room for as many as MAX_XK_PDU + 64.
 * Returns the new length; 0 for a kind that there is not.
 */
size_t probe_spoil(const char *kind, uint8_t *pdu, size_t len);

#endif
