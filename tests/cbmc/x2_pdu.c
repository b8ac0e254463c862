/* hi2/x2_pdu: framing and attributes of any octets up to N. */
#include "hi2/x2_pdu.h"
#include "proof.h"

int
main(void)
{
	uint8_t room[N];
	const struct rd whole = any_octets(room);
	struct x2_pdu p;
	size_t len = 0;
	const enum err rc = x2_pdu_length(whole, &len);

	MUST(rc == ERR_OK || rc == ERR_AGAIN || rc == ERR_MALFORMED);
	MUST((rc == ERR_AGAIN) == (whole.left < X2_PREFIX_LEN));
	MUST(rc != ERR_OK || (len >= X2_HEADER_LEN && len <= X2_PDU_MAX));
	if (x2_pdu_read(whole, &p) != ERR_OK)
		return 0;
	MUST(rc == ERR_OK && len == whole.left);
	must_be_within(whole, p.payload);
	must_be_within(whole, p.nfid);
	must_be_within(whole, p.ipid);
	must_be_within(whole, p.matched_target);
	MUST(!p.has_time || p.nanoseconds < 1000000000);
	return 0;
}
