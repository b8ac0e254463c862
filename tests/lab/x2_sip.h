/* x2_sip: one SIP message of an x2_call, in the form that is asked for. */
#ifndef TESTS_LAB_X2_SIP_H
#define TESTS_LAB_X2_SIP_H

#include "x2_call.h"

struct x2_sip_message {
	const struct x2_call_opt *opt;
	const char *method;
	unsigned status; /* 0: a request */
	const char *reason;
	bool by_callee; /* who was called has sent the request */
	unsigned branch; /* which of those who answer, from 1 */
	unsigned cseq;
	unsigned rseq, rack, rack_cseq; /* 0: none */
	bool no_tag; /* To has none yet */
	bool refused; /* the ACK to a refusal: of the INVITE's branch */
	bool sdp;
	struct rd mikey; /* left 0: none */
};

/* ERR_TOOBIG. */
enum err x2_sip_add(const struct x2_sip_message *, struct x2_list *) MUST_CHECK;

#endif
