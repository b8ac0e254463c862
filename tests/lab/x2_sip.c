#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "lab_sip.h"
#include "lab_x2.h"
#include "x2_sip.h"

#define MESSAGE_MAX 65536
#define BODY_MAX 49152
#define VALUE_MAX 1024
#define BOUNDARY "lab-x2-part"

/* Documentation addresses, RFC 5737: of who calls and who is called. */
static const char *const hosts[2] = {"192.0.2.10", "192.0.2.20"};

/* A header; folded where RFC 3261 clause 7.3.1 lets it be. */
static void
header(struct wr *w, const struct x2_call_opt *o, const char *name, char brief,
    const char *value)
{
	bool inside = false;

	if (o->compact && brief != '\0')
		sip_put(w, "%c:", brief);
	else
		sip_put(w, "%s:", name);
	wr_copy(w, o->folded ? "\r\n\t" : " ", o->folded ? 3 : 1);
	for (const char *s = value; *s != '\0'; s++) {
		wr_u8(w, (uint8_t)*s);
		if (*s == '<' || *s == '>')
			inside = *s == '<';
		if (*s == ';' && o->folded && !inside)
			wr_copy(w, "\r\n ", 3);
	}
	wr_copy(w, "\r\n", 2);
}

/* Tags and branches are the same whenever the call is made again. */
static unsigned long
mark(const struct x2_call_opt *o)
{
	uint8_t b[LAB_X2_CORRELATION_LEN];

	lab_x2_correlate(o->call_id, b);
	return (unsigned long)b[0] << 24 | (unsigned long)b[1] << 16 |
	    (unsigned long)b[2] << 8 | b[3];
}

static void
party(struct wr *w, const struct x2_sip_message *m, const char *name,
    char brief, bool callee)
{
	const struct x2_call_opt *o = m->opt;
	char value[VALUE_MAX], tag[64];

	if (m->no_tag && callee)
		tag[0] = '\0';
	else if (callee)
		(void)snprintf(tag, sizeof(tag), ";tag=b%u-%08lx", m->branch,
		    mark(o));
	else
		(void)snprintf(tag, sizeof(tag), ";tag=a-%08lx", mark(o));
	(void)snprintf(value, sizeof(value), "<%s>%s", callee ? o->to : o->from,
	    tag);
	header(w, o, name, brief, value);
}

static void
start_line(struct wr *w, const struct x2_sip_message *m)
{
	if (m->status != 0)
		sip_put(w, "SIP/2.0 %u %s\r\n", m->status, m->reason);
	else if (m->no_tag)
		sip_put(w, "%s %s SIP/2.0\r\n", m->method, m->opt->to);
	else
		sip_put(w, "%s sip:phone@%s:5060 SIP/2.0\r\n", m->method,
		    hosts[!m->by_callee]);
}

/* CANCEL, and the ACK of a refusal, are of the INVITE's branch. */
static void
via(struct wr *w, const struct x2_sip_message *m)
{
	const bool invite = m->refused || strcmp(m->method, "CANCEL") == 0;
	char value[VALUE_MAX];

	(void)snprintf(value, sizeof(value),
	    "SIP/2.0/UDP %s:5060;branch=z9hG4bK%08lx%u%s", hosts[m->by_callee],
	    mark(m->opt), m->cseq, invite ? "INVITE" : m->method);
	header(w, m->opt, "Via", 'v', value);
}

static void
headers(struct wr *w, const struct x2_sip_message *m)
{
	const struct x2_call_opt *o = m->opt;
	const bool sender = m->by_callee != (m->status != 0);
	char value[VALUE_MAX];

	start_line(w, m);
	via(w, m);
	if (m->status == 0)
		sip_put(w, "Max-Forwards: 68\r\n");
	party(w, m, "From", 'f', m->by_callee);
	party(w, m, "To", 't', !m->by_callee);
	header(w, o, "Call-ID", 'i', o->call_id);
	sip_put(w, "CSeq: %u %s\r\n", m->cseq, m->method);
	if (m->status > 100 || strcmp(m->method, "INVITE") == 0 ||
	    strcmp(m->method, "UPDATE") == 0) {
		(void)snprintf(value, sizeof(value), "<sip:phone@%s:5060>",
		    hosts[sender]);
		header(w, o, "Contact", 'm', value);
	}
	if (m->status == 0 && strcmp(m->method, "INVITE") == 0)
		header(w, o, "Supported", 'k', "100rel");
	if (m->rseq != 0)
		sip_put(w, "Require: 100rel\r\nRSeq: %u\r\n", m->rseq);
	if (m->rack != 0)
		sip_put(w, "RAck: %u %u INVITE\r\n", m->rack, m->rack_cseq);
}

static void
key_mgmt(struct wr *w, struct rd mikey)
{
	uint8_t text[4 * (16384 / 3 + 1) + 1];
	int n;

	if (mikey.left == 0)
		return;
	if (mikey.left > 16384) {
		w->rc = ERR_TOOBIG;
		return;
	}
	n = EVP_EncodeBlock(text, mikey.p, (int)mikey.left);
	sip_put(w, "a=key-mgmt:mikey ");
	wr_copy(w, text, (size_t)n);
	wr_copy(w, "\r\n", 2);
}

static void
body(struct wr *w, const struct x2_sip_message *m)
{
	const struct x2_call_opt *o = m->opt;
	const char *host = hosts[m->by_callee != (m->status != 0)];

	if (o->multipart)
		sip_put(w,
		    "--" BOUNDARY "\r\nContent-Type: text/plain\r\n\r\n"
		    "v=this is no SDP\r\n--" BOUNDARY "\r\n"
		    "Content-Type: application/sdp\r\n\r\n");
	sip_put(w,
	    "v=0\r\no=- %08lx %u IN IP4 %s\r\ns=-\r\nc=IN IP4 %s\r\n"
	    "t=0 0\r\n",
	    mark(o), m->cseq, host, host);
	if (!o->media_level)
		key_mgmt(w, m->mikey);
	for (unsigned i = 0; i < o->media; i++) {
		sip_put(w,
		    "m=audio %u RTP/SAVP 0\r\na=rtpmap:0 PCMU/8000\r\n"
		    "a=sendrecv\r\n",
		    49170 + 2 * i);
		if (o->media_level)
			key_mgmt(w, m->mikey);
	}
	if (o->multipart)
		sip_put(w, "\r\n--" BOUNDARY "--\r\n");
}

enum err
x2_sip_add(const struct x2_sip_message *m, struct x2_list *list)
{
	static uint8_t text[MESSAGE_MAX], sdp[BODY_MAX];
	char length[32];
	struct wr w, b;
	size_t n;
	enum err rc;

	wr_init(&b, sdp, sizeof(sdp));
	if (m->sdp)
		body(&b, m);
	if ((rc = wr_finish(&b, &n)) != ERR_OK)
		return rc;
	wr_init(&w, text, sizeof(text));
	headers(&w, m);
	if (m->sdp)
		header(&w, m->opt, "Content-Type", 'c',
		    m->opt->multipart ? "multipart/mixed;boundary=" BOUNDARY
				      : "application/sdp");
	(void)snprintf(length, sizeof(length), "%zu", n);
	header(&w, m->opt, "Content-Length", 'l', length);
	wr_copy(&w, "\r\n", 2);
	wr_copy(&w, sdp, n);
	if ((rc = wr_finish(&w, &n)) == ERR_OK)
		x2_list_add(list, text, n);
	return rc;
}
