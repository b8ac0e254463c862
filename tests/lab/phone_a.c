/*
 * Who calls.  INVITE with I_MESSAGE_1, 183 with R_MESSAGE_1, PRACK with
 * I_MESSAGE_2, R_MESSAGE_2 in whatever comes after it, ACK, speech, BYE.
 */
#include <stdlib.h>
#include <string.h>

#include "phone.h"

enum state {
	ST_INVITED, /* no R_MESSAGE_1 yet */
	ST_PRACKED, /* I_MESSAGE_2 is out */
	ST_TALKING,
	ST_HANGING_UP,
	ST_GIVING_UP /* CANCEL or BYE is out because something was wrong */
};

#define SILENCE_MS 300 /* the peer has said all when it is quiet so long */
#define PATIENCE_MS 5000 /* for the rest of the peer's speech */
#define GIVE_UP_MS 3000

#define BRANCH_LEN 48

struct caller {
	char invite_branch[BRANCH_LEN], ack_branch[BRANCH_LEN];
	uint32_t invite_cseq;
	char invite_target[SIP_TEXT_MAX];
	bool have_r2;
	int64_t invited; /* ms */
	char failure[WHY_MAX];
};

static struct caller *
caller(struct phone *p)
{
	return p->role;
}

static void
new_branch(char out[BRANCH_LEN])
{
	memcpy(out, "z9hG4bK", 8);
	phone_token(out + 7, 24);
}

static void
begin(uint8_t *buf, struct wr *w)
{
	wr_init(w, buf, SIP_MAX);
}

/* In the INVITE's own transaction: its branch, target and CSeq number. */
static void
put_companion(struct phone *p, struct wr *w, const char *method,
    const char *to_tag)
{
	struct sip_dialog d = p->dlg;

	memcpy(d.target, caller(p)->invite_target, sizeof(d.target));
	memcpy(d.remote_tag, to_tag, strlen(to_tag) + 1);
	sip_put_request(w, &d, method, caller(p)->invite_cseq,
	    caller(p)->invite_branch);
	sip_put_body(w, NULL);
}

static void
send_bye(struct phone *p)
{
	uint8_t buf[SIP_MAX];
	char branch[BRANCH_LEN];
	struct wr w;

	new_branch(branch);
	begin(buf, &w);
	sip_put_request(&w, &p->dlg, "BYE", ++p->dlg.cseq, branch);
	sip_put_body(&w, NULL);
	phone_resend(p, SLOT_OTHER, &p->opt.peer_sip, &w, SIP_T2);
	phone_note(p, "sent BYE");
}

/* The INVITE has no final answer yet: take it back. */
static void
give_up(struct phone *p, const char *why)
{
	uint8_t buf[SIP_MAX];
	struct wr w;

	if (p->state == ST_GIVING_UP)
		return;
	phone_note(p, "stopped the call: %s", why);
	(void)snprintf(caller(p)->failure, WHY_MAX, "%s", why);
	p->state = ST_GIVING_UP;
	p->deadline = lab_ms() + GIVE_UP_MS;
	phone_stop(p, SLOT_INVITE);
	begin(buf, &w);
	put_companion(p, &w, "CANCEL", "");
	phone_resend(p, SLOT_OTHER, &p->opt.peer_sip, &w, SIP_T2);
}

static void
end_failed(struct phone *p)
{
	phone_end(p, PHONE_REFUSED, "%s", caller(p)->failure);
}

static enum err
send_invite(struct phone *p, struct why *why)
{
	uint8_t mikey[LAB_MIKEY_MAX], buf[SIP_MAX];
	char sdp[SDP_MAX];
	struct rd r;
	struct wr w;
	enum err rc;

	wr_init(&w, mikey, sizeof(mikey));
	if ((rc = lab_call_i1(&p->call, &w, why)) != ERR_OK)
		return rc;
	rd_init(&r, mikey, w.len);
	if ((rc = phone_sdp(p, r, sdp, sizeof(sdp))) != ERR_OK)
		return why_set(why, rc, "cannot make the SDP");
	begin(buf, &w);
	sip_put_request(&w, &p->dlg, "INVITE", p->dlg.cseq,
	    caller(p)->invite_branch);
	sip_put(&w,
	    "Supported: 100rel\r\n"
	    "Allow: INVITE, ACK, PRACK, CANCEL, BYE\r\n");
	sip_put_body(&w, sdp);
	phone_resend(p, SLOT_INVITE, &p->opt.peer_sip, &w, SIP_GIVE_UP);
	phone_note(p, "sent INVITE with I_MESSAGE_1 (%zu octets, CSB %08x)",
	    r.left, p->call.csb_id);
	return ERR_OK;
}

static enum err
start(struct phone *p, struct why *why)
{
	struct sip_dialog *d = &p->dlg;
	struct caller *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return why_set(why, ERR_NOMEM, "no memory");
	p->role = c;
	phone_token(d->call_id, 32);
	(void)snprintf(d->call_id + 32, sizeof(d->call_id) - 32, "@%s",
	    p->opt.sip.host);
	phone_token(d->local_tag, 16);
	(void)snprintf(d->local_uri, sizeof(d->local_uri), "%s",
	    p->opt.identity);
	(void)snprintf(d->remote_uri, sizeof(d->remote_uri), "%s",
	    p->opt.peer_identity);
	(void)snprintf(d->target, sizeof(d->target), "%s",
	    p->opt.peer_identity);
	(void)snprintf(d->host, sizeof(d->host), "%s", p->opt.sip.text);
	d->cseq = 1;
	memcpy(c->invite_target, d->target, sizeof(c->invite_target));
	c->invite_cseq = d->cseq;
	new_branch(c->invite_branch);
	new_branch(c->ack_branch);
	p->state = ST_INVITED;
	c->invited = lab_ms();
	p->deadline = c->invited + 1000 * (int64_t)p->opt.timeout_s;
	return send_invite(p, why);
}

/* The dialog as the peer's answer to the INVITE shapes it. */
static void
take_dialog(struct phone *p, const struct sip *m)
{
	const char *contact = sip_get(m, "Contact", 0);
	char target[SIP_TEXT_MAX];

	(void)sip_param(sip_get(m, "To", 0), "tag", p->dlg.remote_tag,
	    sizeof(p->dlg.remote_tag));
	if (contact != NULL &&
	    sip_address(contact, target, sizeof(target)) == ERR_OK)
		memcpy(p->dlg.target, target, sizeof(target));
}

static enum err
send_prack(struct phone *p, const char *rseq, struct why *why)
{
	uint8_t mikey[LAB_MIKEY_MAX], buf[SIP_MAX];
	char sdp[SDP_MAX], branch[BRANCH_LEN];
	struct rd r;
	struct wr w;
	enum err rc;

	wr_init(&w, mikey, sizeof(mikey));
	if ((rc = lab_call_i2(&p->call, &w, why)) != ERR_OK)
		return rc;
	rd_init(&r, mikey, w.len);
	if ((rc = phone_sdp(p, r, sdp, sizeof(sdp))) != ERR_OK)
		return why_set(why, rc, "cannot make the SDP");
	new_branch(branch);
	begin(buf, &w);
	sip_put_request(&w, &p->dlg, "PRACK", ++p->dlg.cseq, branch);
	sip_put(&w, "RAck: %s %u INVITE\r\n", rseq, caller(p)->invite_cseq);
	sip_put_body(&w, sdp);
	phone_resend(p, SLOT_OTHER, &p->opt.peer_sip, &w, SIP_T2);
	phone_note(p, "sent PRACK with I_MESSAGE_2 (%zu octets)", r.left);
	return ERR_OK;
}

/* A provisional answer: the first with R_MESSAGE_1 takes us on. */
static void
on_progress(struct phone *p, const struct sip *m)
{
	const char *rseq = sip_get(m, "RSeq", 0);
	uint8_t mikey[LAB_MIKEY_MAX];
	struct why why = {{0}};
	struct rd r;

	phone_stop(p, SLOT_INVITE);
	phone_note(p, "received %u %s", m->status, m->reason);
	if (p->state != ST_INVITED ||
	    phone_find(m, MIKEY_R_MESSAGE_1, mikey, sizeof(mikey), &r) !=
		ERR_OK)
		return;
	take_dialog(p, m);
	if (rseq == NULL || !sip_lists(m, "Require", "100rel")) {
		give_up(p,
		    "R_MESSAGE_1 came in an answer that is not"
		    " reliable");
		return;
	}
	if (speech_peer(p, m, &why) != ERR_OK ||
	    lab_call_take_r1(&p->call, r, &why) != ERR_OK) {
		give_up(p, why.text);
		return;
	}
	phone_note(p, "R_MESSAGE_1 is good%s",
	    strcmp(p->call.idr.text, p->call.peer.text) == 0
		? ""
		: "; another identity than the one called has answered");
	if (send_prack(p, rseq, &why) != ERR_OK) {
		give_up(p, why.text);
		return;
	}
	p->state = ST_PRACKED;
}

/* R_MESSAGE_2 may come in any message of the callee after the PRACK. */
static void
look_for_r2(struct phone *p, const struct sip *m)
{
	uint8_t mikey[LAB_MIKEY_MAX];
	struct why why = {{0}};
	struct rd r;

	if (p->state != ST_PRACKED || caller(p)->have_r2 ||
	    phone_find(m, MIKEY_R_MESSAGE_2, mikey, sizeof(mikey), &r) !=
		ERR_OK)
		return;
	if (lab_call_take_r2(&p->call, r, &why) != ERR_OK) {
		give_up(p, why.text);
		return;
	}
	caller(p)->have_r2 = true;
	phone_note(p, "R_MESSAGE_2 is good: V agrees");
}

static void
send_ack(struct phone *p)
{
	uint8_t buf[SIP_MAX];
	struct wr w;

	begin(buf, &w);
	sip_put_request(&w, &p->dlg, "ACK", caller(p)->invite_cseq,
	    caller(p)->ack_branch);
	sip_put_body(&w, NULL);
	phone_send(p, &p->opt.peer_sip, &w);
}

static void
on_answered(struct phone *p, const struct sip *m)
{
	struct why why = {{0}};
	bool first = p->state == ST_INVITED || p->state == ST_PRACKED;

	phone_stop(p, SLOT_INVITE);
	take_dialog(p, m);
	send_ack(p);
	if (p->state == ST_GIVING_UP) {
		send_bye(p); /* it crossed our CANCEL */
		return;
	}
	if (!first)
		return;
	if (!caller(p)->have_r2 || speech_begin(p, &why) != ERR_OK) {
		if (why.text[0] == '\0')
			(void)why_set(&why, ERR_NOTFOUND,
			    "the call was answered without the exchange being"
			    " complete");
		(void)snprintf(caller(p)->failure, WHY_MAX, "%s", why.text);
		p->state = ST_GIVING_UP;
		p->deadline = lab_ms() + GIVE_UP_MS;
		send_bye(p);
		return;
	}
	p->state = ST_TALKING;
	p->deadline = 0;
	phone_note(p, "call set up in %lld ms",
	    (long long)(lab_ms() - caller(p)->invited));
}

static void
on_refused(struct phone *p, const struct sip *m)
{
	const char *warning = sip_get(m, "Warning", 0);
	char tag[SIP_TEXT_MAX] = "";
	uint8_t buf[SIP_MAX];
	struct wr w;

	phone_stop(p, SLOT_INVITE);
	phone_stop(p, SLOT_OTHER);
	(void)sip_param(sip_get(m, "To", 0), "tag", tag, sizeof(tag));
	begin(buf, &w);
	put_companion(p, &w, "ACK", tag);
	phone_send(p, &p->opt.peer_sip, &w);
	if (p->state == ST_GIVING_UP)
		end_failed(p);
	else
		phone_end(p, PHONE_REFUSED, "the callee refused: %u %s%s%s",
		    m->status, m->reason, warning != NULL ? ", " : "",
		    warning != NULL ? warning : "");
}

static void
on_other_answer(struct phone *p, const struct sip *m)
{
	if (m->status < 200)
		return;
	phone_note(p, "received %u to %s", m->status, m->cseq_method);
	/* The answer to an earlier request must not stop a later one. */
	if (m->cseq == p->dlg.cseq || strcmp(m->cseq_method, "CANCEL") == 0)
		phone_stop(p, SLOT_OTHER);
	if (strcmp(m->cseq_method, "PRACK") == 0) {
		if (m->status >= 300)
			phone_note(p, "I_MESSAGE_2 was refused");
		return;
	}
	if (strcmp(m->cseq_method, "BYE") != 0)
		return;
	if (p->state == ST_GIVING_UP) {
		end_failed(p);
		return;
	}
	speech_receive(p);
	if (speech_complaint(p) != NULL)
		phone_end(p, PHONE_REFUSED, "%s", speech_complaint(p));
	else
		phone_end(p, PHONE_OK, "call ended");
}

static void
on_request(struct phone *p, const struct sip *m, const struct phone_addr *from)
{
	bool bye = strcmp(m->method, "BYE") == 0;
	uint8_t buf[SIP_MAX];
	struct wr w;

	if (strcmp(m->method, "ACK") == 0)
		return;
	begin(buf, &w);
	sip_put_response(&w, &p->dlg, m, bye ? 200 : 501,
	    bye ? "OK" : "Not Implemented");
	sip_put_body(&w, NULL);
	phone_send(p, from, &w);
	if (bye)
		phone_end(p, PHONE_REFUSED, "the callee hung up");
}

static void
on_sip(struct phone *p, const struct sip *m, const struct phone_addr *from)
{
	if (strcmp(sip_get(m, "Call-ID", 0), p->dlg.call_id) != 0)
		return;
	if (m->request) {
		on_request(p, m, from);
		return;
	}
	look_for_r2(p, m);
	if (strcmp(m->cseq_method, "INVITE") != 0)
		on_other_answer(p, m);
	else if (m->status < 200)
		on_progress(p, m);
	else if (m->status < 300)
		on_answered(p, m);
	else
		on_refused(p, m);
}

/* We hang up: when we have said all and the peer has too. */
static void
on_timer(struct phone *p, int64_t now)
{
	const struct speech *s = &p->speech;

	if (p->state != ST_TALKING || !speech_all_sent(p))
		return;
	if (now - s->heard < SILENCE_MS &&
	    now - s->start < 1000 * (int64_t)p->opt.seconds + PATIENCE_MS)
		return;
	p->state = ST_HANGING_UP;
	send_bye(p);
}

static void
on_timeout(struct phone *p)
{
	switch ((enum state)p->state) {
	case ST_INVITED:
	case ST_PRACKED:
		phone_end(p, PHONE_TIMEOUT,
		    "the callee did not answer in time");
		return;
	case ST_HANGING_UP:
		phone_end(p, PHONE_OK, "call ended; BYE was not answered");
		return;
	case ST_GIVING_UP:
		end_failed(p);
		return;
	case ST_TALKING:
		return;
	}
}

static void
release(struct phone *p)
{
	free(p->role);
	p->role = NULL;
}

const struct phone_role phone_role_a = {start, on_sip, on_timer, on_timeout,
    release};
