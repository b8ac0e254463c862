/* calls_int: what calls.c and calls_keys.c share. */
#ifndef LEMF_CALLS_INT_H
#define LEMF_CALLS_INT_H

#include "lemf/calls.h"
#include "xk/mikey.h"

#define NO_RECORD SIZE_MAX

struct call_exchange {
	size_t record; /* in whose SIP; NO_RECORD: seen elsewhere */
	uint32_t csb_id;
	bool answer; /* R_MESSAGE_1, else I_MESSAGE_1 */
	enum mikey_ts ts_type;
	uint64_t ts;
	unsigned n_cs, n_sp;
	struct mikey_cs *cs;
	struct {
		uint8_t number;
		bool served; /* else nothing that is decrypted here */
		struct rules rules;
	} sp[MAX_SP];
};

/*
 * calls_exchange.c: the I_MESSAGE_1 and R_MESSAGE_1 in this SIP are added to
 * each of the calls; if `known` only such as belong to one that is there.  A
 * call to which one is added takes the types of the SIP's SDP too.  ERR_NOMEM;
 * SIP that cannot be read has none.
 */
enum err calls_exchanges(struct call *const *, size_t n, struct rd sip,
    size_t record, bool known) MUST_CHECK;
void calls_exchanges_done(struct call *);

/*
 * The stream that the key of a record is for: `id` is CSB ID and CS ID; SSRC,
 * ROC and rules are set.  ERR_UNSUPPORTED: not decrypted here.
 */
enum err calls_stream_of(const struct call *, size_t record,
    struct media_key *) MUST_CHECK;

#endif
