/*
 * lab_sip: SIP messages (RFC 3261), as much of them as two phones need, and
 * the SDP in their bodies with a=key-mgmt (RFC 4567).
 */
#ifndef TESTS_LAB_SIP_H
#define TESTS_LAB_SIP_H

#include <stdbool.h>

#include "base/bytes.h"

#define SIP_MAX 32768 /* octets of one message */
#define SIP_HEADERS_MAX 64
#define SIP_TEXT_MAX 320 /* a URI, a tag, a branch */

struct sip_header {
	const char *name, *value; /* the name as sent, the value trimmed */
};

/* One message, in its own copy of the octets; the texts point into that. */
struct sip {
	char buf[SIP_MAX + 1];
	bool request;
	const char *method, *uri; /* request */
	unsigned status; /* response */
	const char *reason;
	struct sip_header h[SIP_HEADERS_MAX];
	size_t n_h;
	const char *body;
	size_t body_len;
	uint32_t cseq;
	const char *cseq_method;
};

/* Does this UDP payload look like the start of a SIP message? */
bool sip_is(const void *p, size_t len);

/*
 * ERR_MALFORMED unless the start line, CSeq, Call-ID, From, To and Via are
 * there and Content-Length fits.
 */
enum err sip_parse(const void *p, size_t len, struct sip *) MUST_CHECK;

/* A copy whose texts point into itself. */
void sip_copy(struct sip *to, const struct sip *from);

/* The n-th (from 0) header of that long name, or NULL. */
const char *sip_get(const struct sip *, const char *name, size_t nth);

/* Does a header of that name list this token? */
bool sip_lists(const struct sip *, const char *name, const char *token);

/*
 * A parameter of a header value; ERR_NOTFOUND, also for a value of NULL.
 * `out` is the empty text after a failure, so that what is optional need not
 * be checked.
 */
enum err sip_param(const char *value, const char *name, char *out, size_t cap);

/*
 * The address of a From, To or Contact value, without <> and parameters; the
 * empty text after a failure.
 */
enum err sip_address(const char *value, char *out, size_t cap);

/* Append text; a failure latches. */
void sip_put(struct wr *, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* The end of the headers and the body; `sdp` may be NULL for none. */
void sip_put_body(struct wr *, const char *sdp);

/* One side of a dialog: who we are to the other in it. */
struct sip_dialog {
	char call_id[SIP_TEXT_MAX];
	char local_uri[SIP_TEXT_MAX], remote_uri[SIP_TEXT_MAX];
	char local_tag[SIP_TEXT_MAX], remote_tag[SIP_TEXT_MAX];
	char target[SIP_TEXT_MAX]; /* the Request-URI of what we send */
	char host[80]; /* our address and port, for Via and Contact */
	uint32_t cseq; /* of our last request */
};

/* Start line and headers up to Contact and Max-Forwards. */
void sip_put_request(struct wr *, const struct sip_dialog *, const char *method,
    uint32_t cseq, const char *branch);

/* The same for an answer to `req`; To gets our tag unless it has one. */
void sip_put_response(struct wr *, const struct sip_dialog *,
    const struct sip *req, unsigned status, const char *reason);

/* What we say about our media. */
struct sdp {
	char addr[64]; /* without the port */
	bool ip6;
	uint16_t port;
	uint64_t session;
	unsigned version; /* greater with every change */
};
#define SDP_MAX 16384

/* An offer or answer; `mikey` of length 0 leaves a=key-mgmt away. */
enum err sdp_print(const struct sdp *, struct rd mikey, char *out,
    size_t cap) MUST_CHECK;

/* c= and m=audio with RTP/SAVP and PCMU. */
enum err sdp_parse(const char *body, size_t len, struct sdp *) MUST_CHECK;

/*
 * The n-th a=key-mgmt:mikey line of a body, decoded.  ERR_NOTFOUND when there
 * are not so many.
 */
enum err sdp_mikey(const char *body, size_t len, size_t nth, uint8_t *out,
    size_t cap, size_t *out_len) MUST_CHECK;

#endif
