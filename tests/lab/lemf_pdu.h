/*
 * lemf_pdu: PS-PDUs (TS 102 232-1) as far as an LEMF must understand them to
 * keep a connection alive: where one ends, and the answer to it.
 */
#ifndef TESTS_LAB_LEMF_PDU_H
#define TESTS_LAB_LEMF_PDU_H

#include <stdbool.h>

#include "base/bytes.h"

#define LEMF_ANSWER_MAX 512

/* ERR_AGAIN: it has not come whole; ERR_MALFORMED: it is no PS-PDU. */
enum err lemf_pdu_len(struct rd in, size_t *len) MUST_CHECK;

/* Does it carry records or their integrity, and is not about the transport? */
bool lemf_pdu_is_data(struct rd pdu);

/*
 * The answer to a keep-alive, an optionRequest (accepted or not) or a
 * pDUAcknowledgementRequest; 0: nothing is to be said.
 */
size_t lemf_pdu_answer(struct rd pdu, bool accept,
    uint8_t out[LEMF_ANSWER_MAX]);

#endif
