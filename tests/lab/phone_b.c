/*
 * Who is called.  R_MESSAGE_1 goes out in a reliable 183, I_MESSAGE_2 comes in
 * the PRACK, R_MESSAGE_2 goes out in the 200 to the INVITE.
 */
#include <stdlib.h>
#include <string.h>

#include "phone.h"

enum state {
	ST_IDLE,
	ST_OFFERED, /* 183 is out */
	ST_RINGING, /* I_MESSAGE_2 was good */
	ST_ANSWERED, /* 200 is out */
	ST_TALKING,
	ST_ENDED, /* BYE was answered; it may come again */
	ST_REFUSED /* a final answer of 300 or more is out */
};

#define RING_MS 100
/* Long enough for a BYE that comes again because our answer was lost. */
#define LINGER_MS 1700
#define REFUSED_MS 5000

/* An answer kept for when the request comes again. */
struct kept {
	uint8_t p[SIP_MAX];
	size_t len;
	char branch[SIP_TEXT_MAX];
};

struct callee {
	struct sip invite; /* its headers shape every answer to it */
	struct phone_addr from;
	struct kept to_invite, to_prack;
	uint32_t rseq;
	int64_t answer_at; /* ms */
	char failure[WHY_MAX];
};

static struct callee *
callee(struct phone *p)
{
	return p->role;
}

static void
keep(struct kept *k, const struct sip *req, const struct wr *w)
{
	memcpy(k->p, w->p, w->len);
	k->len = w->len;
	(void)sip_param(sip_get(req, "Via", 0), "branch", k->branch,
	    sizeof(k->branch));
}

static bool
came_before(const struct kept *k, const struct sip *req)
{
	char branch[SIP_TEXT_MAX];

	return k->len > 0 &&
	    sip_param(sip_get(req, "Via", 0), "branch", branch,
		sizeof(branch)) == ERR_OK &&
	    strcmp(branch, k->branch) == 0;
}

static void
send_kept(struct phone *p, const struct phone_addr *to, struct kept *k)
{
	struct wr w;

	wr_init(&w, k->p, sizeof(k->p));
	w.len = k->len;
	phone_note(p, "a request came again: answered as before");
	phone_send(p, to, &w);
}

static void
answer(struct phone *p, const struct sip *m, const struct phone_addr *to,
    unsigned status, const char *reason)
{
	uint8_t buf[SIP_MAX];
	struct wr w;

	wr_init(&w, buf, sizeof(buf));
	sip_put_response(&w, &p->dlg, m, status, reason);
	sip_put_body(&w, NULL);
	phone_send(p, to, &w);
}

/* A final refusal of the INVITE, sent until the ACK comes. */
static void
refuse(struct phone *p, unsigned status, const char *reason, const char *why)
{
	struct callee *c = callee(p);
	uint8_t buf[SIP_MAX];
	struct wr w;

	phone_note(p, "refused the call: %u %s: %s", status, reason, why);
	(void)snprintf(c->failure, sizeof(c->failure), "%s", why);
	wr_init(&w, buf, sizeof(buf));
	sip_put_response(&w, &p->dlg, &c->invite, status, reason);
	sip_put(&w, "Warning: 399 %s \"%s\"\r\n", p->opt.sip.text, why);
	sip_put_body(&w, NULL);
	keep(&c->to_invite, &c->invite, &w);
	p->state = ST_REFUSED;
	p->deadline = lab_ms() + REFUSED_MS;
	phone_resend(p, SLOT_INVITE, &c->from, &w, SIP_T2);
}

/* Status with SDP, to the INVITE, sent again until the caller confirms it. */
static enum err
answer_invite(struct phone *p, unsigned status, const char *reason,
    struct rd mikey, int64_t cap)
{
	struct callee *c = callee(p);
	char sdp[SDP_MAX];
	uint8_t buf[SIP_MAX];
	struct wr w;
	enum err rc;

	if ((rc = phone_sdp(p, mikey, sdp, sizeof(sdp))) != ERR_OK)
		return rc;
	wr_init(&w, buf, sizeof(buf));
	sip_put_response(&w, &p->dlg, &c->invite, status, reason);
	if (status < 200)
		sip_put(&w, "Require: 100rel\r\nRSeq: %u\r\n", c->rseq);
	sip_put_body(&w, sdp);
	keep(&c->to_invite, &c->invite, &w);
	phone_resend(p, SLOT_INVITE, &c->from, &w, cap);
	return ERR_OK;
}

static enum err
start(struct phone *p, struct why *why)
{
	struct sip_dialog *d = &p->dlg;

	if ((p->role = calloc(1, sizeof(struct callee))) == NULL)
		return why_set(why, ERR_NOMEM, "no memory");
	phone_token(d->local_tag, 16);
	(void)snprintf(d->host, sizeof(d->host), "%s", p->opt.sip.text);
	callee(p)->rseq = 1;
	p->state = ST_IDLE;
	p->deadline = lab_ms() + 1000 * (int64_t)p->opt.timeout_s;
	phone_note(p, "waiting for a call");
	return ERR_OK;
}

/* I_MESSAGE_1 in, R_MESSAGE_1 out. */
static enum err
offer(struct phone *p, const struct sip *m, struct why *why)
{
	uint8_t mikey[LAB_MIKEY_MAX];
	struct rd r;
	struct wr w;
	enum err rc;

	if (!sip_lists(m, "Supported", "100rel") &&
	    !sip_lists(m, "Require", "100rel"))
		return why_set(why, ERR_UNSUPPORTED,
		    "the caller does not know 100rel");
	if ((rc = speech_peer(p, m, why)) != ERR_OK)
		return rc;
	if (phone_find(m, MIKEY_I_MESSAGE_1, mikey, sizeof(mikey), &r) !=
	    ERR_OK)
		return why_set(why, ERR_NOTFOUND,
		    "the INVITE has no I_MESSAGE_1");
	if ((rc = lab_call_take_i1(&p->call, r, why)) != ERR_OK)
		return rc;
	phone_note(p, "I_MESSAGE_1 is good (CSB %08x, %s)", p->call.csb_id,
	    p->call.ec->name);
	wr_init(&w, mikey, sizeof(mikey));
	if ((rc = lab_call_r1(&p->call, &w, why)) != ERR_OK)
		return rc;
	rd_init(&r, mikey, w.len);
	if ((rc = answer_invite(p, 183, "Session Progress", r, SIP_GIVE_UP)) !=
	    ERR_OK)
		return why_set(why, rc, "cannot make the SDP");
	phone_note(p, "sent 183 with R_MESSAGE_1 (%zu octets)", r.left);
	return ERR_OK;
}

static void
on_invite(struct phone *p, const struct sip *m, const struct phone_addr *from)
{
	struct callee *c = callee(p);
	struct why why = {{0}};

	if (p->state != ST_IDLE) {
		if (came_before(&c->to_invite, m))
			send_kept(p, from, &c->to_invite);
		else
			answer(p, m, from, 486, "Busy Here");
		return;
	}
	phone_note(p, "received INVITE");
	sip_copy(&c->invite, m);
	c->from = *from;
	(void)snprintf(p->dlg.call_id, sizeof(p->dlg.call_id), "%s",
	    sip_get(m, "Call-ID", 0));
	(void)sip_param(sip_get(m, "From", 0), "tag", p->dlg.remote_tag,
	    sizeof(p->dlg.remote_tag));
	answer(p, m, from, 100, "Trying");
	p->deadline = lab_ms() + 1000 * (int64_t)p->opt.timeout_s;
	p->state = ST_OFFERED;
	if (offer(p, m, &why) != ERR_OK)
		refuse(p, 488, "Not Acceptable Here", why.text);
}

/* RAck names the 183: "RSeq CSeq INVITE". */
static bool
acknowledges(struct phone *p, const struct sip *m)
{
	const char *have = sip_get(m, "RAck", 0);
	char want[64];

	(void)snprintf(want, sizeof(want), "%u %u INVITE", callee(p)->rseq,
	    callee(p)->invite.cseq);
	return have != NULL && strcmp(have, want) == 0;
}

static void
answer_prack(struct phone *p, const struct sip *m,
    const struct phone_addr *from, const char *complaint)
{
	char sdp[SDP_MAX] = "";
	uint8_t buf[SIP_MAX];
	struct rd none;
	struct wr w;

	/* Its SDP is an offer, so a 200 has an answer (RFC 3262 5). */
	rd_init(&none, NULL, 0);
	if (phone_sdp(p, none, sdp, sizeof(sdp)) != ERR_OK)
		sdp[0] = '\0';
	wr_init(&w, buf, sizeof(buf));
	if (complaint == NULL)
		sip_put_response(&w, &p->dlg, m, 200, "OK");
	else
		sip_put_response(&w, &p->dlg, m, 488, "Not Acceptable Here");
	sip_put_body(&w, complaint == NULL && sdp[0] != '\0' ? sdp : NULL);
	keep(&callee(p)->to_prack, m, &w);
	phone_send(p, from, &w);
}

static void
on_prack(struct phone *p, const struct sip *m, const struct phone_addr *from)
{
	struct callee *c = callee(p);
	uint8_t mikey[LAB_MIKEY_MAX];
	struct why why = {{0}};
	struct rd r;
	enum err rc;

	if (came_before(&c->to_prack, m)) {
		send_kept(p, from, &c->to_prack);
		return;
	}
	if (p->state != ST_OFFERED || !acknowledges(p, m)) {
		answer(p, m, from, 481, "Call/Transaction Does Not Exist");
		return;
	}
	phone_stop(p, SLOT_INVITE); /* the 183 has arrived */
	rc = phone_find(m, MIKEY_I_MESSAGE_2, mikey, sizeof(mikey), &r);
	if (rc != ERR_OK)
		rc = why_set(&why, rc, "the PRACK has no I_MESSAGE_2");
	else
		rc = lab_call_take_i2(&p->call, r, &why);
	answer_prack(p, m, from, rc == ERR_OK ? NULL : why.text);
	if (rc != ERR_OK) {
		refuse(p, 488, "Not Acceptable Here", why.text);
		return;
	}
	phone_note(p, "I_MESSAGE_2 is good; ringing");
	answer(p, &c->invite, &c->from, 180, "Ringing");
	p->state = ST_RINGING;
	c->answer_at = lab_ms() + RING_MS;
}

static void
pick_up(struct phone *p)
{
	uint8_t mikey[LAB_MIKEY_MAX];
	struct why why = {{0}};
	struct rd r;
	struct wr w;

	wr_init(&w, mikey, sizeof(mikey));
	if (lab_call_r2(&p->call, &w, &why) != ERR_OK) {
		refuse(p, 500, "Server Internal Error", why.text);
		return;
	}
	rd_init(&r, mikey, w.len);
	p->state = ST_ANSWERED;
	if (answer_invite(p, 200, "OK", r, SIP_T2) != ERR_OK)
		refuse(p, 500, "Server Internal Error", "no SDP");
	else
		phone_note(p, "sent 200 with R_MESSAGE_2 (%zu octets)", r.left);
}

static void
on_ack(struct phone *p)
{
	struct why why = {{0}};

	if (p->state != ST_ANSWERED && p->state != ST_REFUSED)
		return;
	phone_stop(p, SLOT_INVITE);
	if (p->state == ST_REFUSED) {
		phone_end(p, PHONE_REFUSED, "%s", callee(p)->failure);
		return;
	}
	if (speech_begin(p, &why) != ERR_OK) {
		phone_end(p, PHONE_SETUP, "%s", why.text);
		return;
	}
	p->state = ST_TALKING;
	p->deadline = lab_ms() + SIP_GIVE_UP + 1000 * (int64_t)p->opt.seconds;
	phone_note(p, "call stands");
}

static void
on_bye(struct phone *p, const struct sip *m, const struct phone_addr *from)
{
	answer(p, m, from, 200, "OK");
	if (p->state == ST_ENDED) {
		p->deadline = lab_ms() + LINGER_MS;
		return;
	}
	phone_note(p, "received BYE");
	phone_stop(p, SLOT_INVITE);
	speech_receive(p);
	speech_stop(p);
	if (p->state != ST_TALKING) {
		phone_end(p, PHONE_REFUSED, "the caller hung up too early");
		return;
	}
	p->state = ST_ENDED;
	p->deadline = lab_ms() + LINGER_MS;
}

static void
on_cancel(struct phone *p, const struct sip *m, const struct phone_addr *from)
{
	answer(p, m, from, 200, "OK");
	if (p->state == ST_OFFERED || p->state == ST_RINGING)
		refuse(p, 487, "Request Terminated",
		    "the caller took the call back");
}

static void
on_sip(struct phone *p, const struct sip *m, const struct phone_addr *from)
{
	if (!m->request)
		return;
	if (strcmp(m->method, "INVITE") == 0)
		on_invite(p, m, from);
	else if (strcmp(sip_get(m, "Call-ID", 0), p->dlg.call_id) == 0 &&
	    strcmp(m->method, "ACK") == 0)
		on_ack(p);
	else if (strcmp(m->method, "ACK") == 0)
		return;
	else if (strcmp(sip_get(m, "Call-ID", 0), p->dlg.call_id) != 0)
		answer(p, m, from, 481, "Call/Transaction Does Not Exist");
	else if (strcmp(m->method, "PRACK") == 0)
		on_prack(p, m, from);
	else if (strcmp(m->method, "BYE") == 0)
		on_bye(p, m, from);
	else if (strcmp(m->method, "CANCEL") == 0)
		on_cancel(p, m, from);
	else
		answer(p, m, from, 501, "Not Implemented");
}

static void
on_timer(struct phone *p, int64_t now)
{
	if (p->state == ST_RINGING && now >= callee(p)->answer_at)
		pick_up(p);
}

static void
on_timeout(struct phone *p)
{
	switch ((enum state)p->state) {
	case ST_IDLE:
		phone_end(p, PHONE_TIMEOUT, "nobody called in time");
		return;
	case ST_OFFERED:
	case ST_RINGING:
	case ST_ANSWERED:
		phone_end(p, PHONE_TIMEOUT, "the caller went away");
		return;
	case ST_TALKING:
		phone_end(p, PHONE_TIMEOUT, "the caller did not hang up");
		return;
	case ST_ENDED:
		if (speech_complaint(p) != NULL)
			phone_end(p, PHONE_REFUSED, "%s", speech_complaint(p));
		else
			phone_end(p, PHONE_OK, "call ended");
		return;
	case ST_REFUSED:
		phone_end(p, PHONE_REFUSED, "%s", callee(p)->failure);
		return;
	}
}

static void
release(struct phone *p)
{
	free(p->role);
	p->role = NULL;
}

const struct phone_role phone_role_b = {start, on_sip, on_timer, on_timeout,
    release};
