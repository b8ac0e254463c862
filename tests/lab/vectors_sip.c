/* The SIP that carried the exchanges: compact, folded, multipart. */
#include <string.h>

#include "lab_sip.h"
#include "vectors.h"

/* Each key-mgmt line of a message is one of the exchange's four. */
static unsigned
mikey_found(const json_t *e, const struct sip *m)
{
	static const char *const names[] = {"iMessage1", "rMessage1",
	    "iMessage2", "rMessage2"};
	uint8_t out[BUF_MAX];
	struct buf want;
	unsigned found = 0;
	size_t len = 0;
	struct rd r;

	for (size_t i = 0;; i++) {
		enum err rc =
		    sdp_mikey(m->body, m->body_len, i, out, sizeof(out), &len);

		if (rc == ERR_NOTFOUND)
			return found;
		assert_int_equal(rc, ERR_OK);
		rd_init(&r, out, len);
		for (unsigned k = 0; k < 4; k++) {
			vec_octets(e, names[k], &want);
			if (rd_is(&r, want.p, want.len))
				found |= 1U << k;
		}
	}
}

void
sip_gives_the_mikey_messages(void **state)
{
	static struct sip m, copy;
	struct buf b;
	size_t i, n;
	json_t *e, *msg;

	(void)state;
	FOREACH_EXCHANGE(i, e)
	{
		const json_t *sip = json_object_get(e, "sip");
		unsigned found = 0;

		if (sip == NULL)
			continue;
		json_array_foreach (vec_member(sip, "messages"), n, msg) {
			vec_octets(msg, "hex", &b);
			assert_true(sip_is(b.p, b.len));
			assert_int_equal(sip_parse(b.p, b.len, &m), ERR_OK);
			sip_copy(&copy, &m);
			memset(&m, 0, sizeof(m));
			assert_string_equal(sip_get(&copy, "Call-ID", 0),
			    vec_text(sip, "callId"));
			found |= mikey_found(e, &copy);
		}
		assert_int_equal(found, 0x0f);
	}
}

void
sip_headers_are_read_as_written(void **state)
{
	static const char text[] = "INVITE sip:b@x SIP/2.0\r\n"
				   "V: SIP/2.0/UDP h:1;\r\n"
				   "  branch=z9hG4bKq ;rport\r\n"
				   "f : \"A, B\" <sip:a;p=1@x>;tag=f1\r\n"
				   "To: <sip:b@x>\r\n"
				   "i: id\r\n"
				   "CSEQ: 7 INVITE\r\n"
				   "k: timer,  100rel\r\n"
				   "l: 4\r\n"
				   "\r\n"
				   " a\r\nrest";
	static struct sip m;
	char out[64];

	(void)state;
	assert_int_equal(sip_parse(text, sizeof(text) - 1, &m), ERR_OK);
	assert_true(m.request);
	assert_string_equal(m.method, "INVITE");
	assert_int_equal(m.cseq, 7);
	assert_string_equal(m.cseq_method, "INVITE");
	assert_int_equal(sip_param(sip_get(&m, "Via", 0), "branch", out,
			     sizeof(out)),
	    ERR_OK);
	assert_string_equal(out, "z9hG4bKq");
	assert_int_equal(sip_param(sip_get(&m, "From", 0), "tag", out,
			     sizeof(out)),
	    ERR_OK);
	assert_string_equal(out, "f1");
	assert_int_equal(sip_param(sip_get(&m, "From", 0), "p", out,
			     sizeof(out)),
	    ERR_NOTFOUND);
	assert_int_equal(sip_address(sip_get(&m, "To", 0), out, sizeof(out)),
	    ERR_OK);
	assert_string_equal(out, "sip:b@x");
	assert_true(sip_lists(&m, "Supported", "100rel"));
	assert_false(sip_lists(&m, "Supported", "100"));
	assert_int_equal(m.body_len, 4);
	assert_memory_equal(m.body, " a\r\n", 4);
	/* Every prefix is refused: the body is as long as it says. */
	for (size_t n = 0; n < sizeof(text) - 5; n++)
		assert_int_not_equal(sip_parse(text, n, &m), ERR_OK);
}
