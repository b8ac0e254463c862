/*
 * attack-x2: what somebody who has taken over x2 says to policy and to hi2,
 * through a puppet in the place of keywarden-x2 (puppet.h).
 *
 *	attack-x2 SOCKET xid XID...	what policy says of each
 *	attack-x2 SOCKET ask XID [options]	one ticket, and what comes of it
 *	attack-x2 SOCKET raw policy|hi2 HEX	octets; "ended" or "goes on"
 *	attack-x2 SOCKET flood WHAT N XID [options]	many at once
 *
 * Of a ticket it prints the number of its legs, then what came of each.
 */
#include <getopt.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "appliance/proto_df2.h"
#include "attack_call.h"
#include "base/clock.h"
#include "puppet_link.h"

#define POLICY PUPPET_WIRE(CTL_PEER_POLICY, 0)
#define HI2 PUPPET_WIRE(CTL_PEER_HI2, 0)
#define EPOCH 1

struct options {
	struct msg_x2_ask ask;
	const char *call;
	bool no_content, gone, numbers;
	uint64_t content_epoch;
	uint32_t ticket, content_ticket;
	int wait_ms;
	size_t octets; /* of the SIP message; 0: a short one */
};

/* What came of a ticket. */
struct told {
	bool policy_ended, hi2_ended;
	unsigned asked, answered; /* tickets */
	unsigned n_legs, words, reason[XK_REASON__MAX], stored;
	uint64_t leg[MAX_LEGS];
};

static struct puppet puppet;
static const char invite[] = "INVITE sip:bob@lab.example SIP/2.0\r\n\r\n";

/* ---- the command line ---- */

static void
get_xid(const char *text, uint8_t xid[XID_LEN])
{
	char hex[2 * XID_LEN + 1] = "";
	size_t n = 0;

	for (; *text != '\0' && n < 2 * XID_LEN; text++)
		if (*text != '-')
			hex[n++] = *text;
	if (hex_get(hex, xid, XID_LEN) != ERR_OK)
		puppet_stop("an XID");
}

static void
get_done(char *list, struct msg_x2_ask *a)
{
	for (char *at = strtok_r(list, ",", &list); at != NULL;
	     at = strtok_r(NULL, ",", &list)) {
		if (a->n_done == MAX_LEGS)
			puppet_stop("--done");
		a->done[a->n_done++] = strtoull(at, NULL, 10);
	}
}

static enum x2_ask_kind
kind_of(const char *name)
{
	return strcmp(name, "sip") == 0	   ? X2_ASK_SIP
	    : strcmp(name, "no-keys") == 0 ? X2_ASK_NO_KEYS
					   : X2_ASK_KEYS;
}

static void
take(int c, struct options *o)
{
	switch (c) {
	case 'k':
		o->ask.kind = kind_of(optarg);
		break;
	case 'c':
		o->call = optarg;
		break;
	case 'a':
		o->ask.again = true;
		break;
	case 'd':
		get_done(optarg, &o->ask);
		break;
	case 'n':
		o->no_content = true;
		break;
	case 'g':
		o->gone = true;
		break;
	case 'N':
		o->numbers = true;
		break;
	case 'e':
		o->content_epoch = strtoull(optarg, NULL, 10);
		break;
	case 't':
		o->ticket = (uint32_t)strtoul(optarg, NULL, 10);
		break;
	case 'T':
		o->content_ticket = (uint32_t)strtoul(optarg, NULL, 10);
		break;
	case 'w':
		o->wait_ms = (int)strtol(optarg, NULL, 10);
		break;
	case 'o':
		o->octets = strtoul(optarg, NULL, 10);
		break;
	default:
		exit(64);
	}
}

static struct options
get_options(int argc, char **argv)
{
	static const struct option longs[] = {{"kind", 1, NULL, 'k'},
	    {"call", 1, NULL, 'c'}, {"again", 0, NULL, 'a'},
	    {"done", 1, NULL, 'd'}, {"no-content", 0, NULL, 'n'},
	    {"gone", 0, NULL, 'g'}, {"numbers", 0, NULL, 'N'},
	    {"content-epoch", 1, NULL, 'e'}, {"ticket", 1, NULL, 't'},
	    {"content-ticket", 1, NULL, 'T'}, {"wait", 1, NULL, 'w'},
	    {"octets", 1, NULL, 'o'}, {NULL, 0, NULL, 0}};
	struct options o = {.ask = {.epoch = EPOCH},
	    .content_epoch = EPOCH,
	    .ticket = (uint32_t)clock_uptime_ms() << 8,
	    .wait_ms = 4000};
	int c;

	optind = 1;
	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1)
		take(c, &o);
	if (o.content_ticket == 0)
		o.content_ticket = o.ticket;
	return o;
}

/* ---- what he says ---- */

static void
say_content(const struct options *o, uint32_t ticket)
{
	static uint8_t body[MAX_IPC_BODY], sip[MAX_IPC_BODY];
	struct msg_content m = {.epoch = o->content_epoch,
	    .correlation = {1, 2, 3, 4, 5, 6, 7, 8},
	    .seconds = clock_seconds(),
	    .direction = 2};
	struct wr w;

	memset(sip, 'x', sizeof(sip));
	memcpy(sip, invite, sizeof(invite) - 1);
	rd_init(&m.sip, sip, o->octets == 0 ? sizeof(invite) - 1 : o->octets);
	wr_init(&w, body, sizeof(body));
	msg_content_put(&w, &m);
	puppet_send(&puppet, HI2, MSG_CONTENT, ticket, body, w.len);
}

static void
say_ask(const struct options *o, uint32_t ticket)
{
	static uint8_t body[MAX_IPC_BODY];
	struct msg_x2_ask m = o->ask;
	struct wr w;

	if (m.kind == X2_ASK_KEYS)
		m.call = attack_call(o->call);
	wr_init(&w, body, sizeof(body));
	msg_x2_ask_put(&w, &m);
	puppet_send(&puppet, POLICY, MSG_X2_ASK, ticket, body, w.len);
}

/* ---- what comes of it ---- */

static void
hear_frame(const struct ipc_frame *f, struct told *t)
{
	struct msg_x2_ended ended;
	struct msg_x2_legs legs;
	struct msg_stored stored;

	if (f->type == MSG_X2_LEGS &&
	    msg_x2_legs_get(f->body, &legs) == ERR_OK) {
		t->answered++;
		t->n_legs += legs.n;
		memcpy(t->leg, legs.leg, sizeof(legs.leg));
	} else if (f->type == MSG_X2_ENDED &&
	    msg_x2_ended_get(f->body, &ended) == ERR_OK) {
		t->reason[ended.reason]++;
		t->words++;
	} else if (f->type == MSG_STORED &&
	    msg_stored_get(f->body, &stored) == ERR_OK) {
		t->stored++;
		t->words++;
	} else if (f->type != MSG_XIDS_CHANGED && f->type != MSG_X2_AGAIN) {
		puppet_stop("x2 was told something else");
	}
}

/* Until each leg has its word; of one ticket, or (0) of all that were asked. */
static void
hear(const struct options *o, uint32_t ticket, struct told *t)
{
	const int64_t until = clock_uptime_ms() + o->wait_ms;
	struct ipc_frame f;
	uint8_t wire;

	while (t->answered < t->asked || t->words < t->n_legs) {
		const int64_t left = until - clock_uptime_ms();
		enum word w = left <= 0
		    ? WORD_NONE
		    : puppet_hear(&puppet, (int)left, &wire, &f);

		if (w == WORD_NONE)
			return;
		if (w == WORD_CLOSED) {
			t->policy_ended |= wire == POLICY;
			t->hi2_ended |= wire == HI2;
			return;
		}
		if (w == WORD_FRAME && (ticket == 0 || f.id == ticket))
			hear_frame(&f, t);
	}
}

static void
print_told(const struct options *o, const struct told *t)
{
	(void)printf("%u", t->n_legs);
	for (unsigned i = 0; o->numbers && i < t->n_legs; i++)
		(void)printf("%s%" PRIu64, i == 0 ? " of " : ",", t->leg[i]);
	if (t->stored > 0)
		(void)printf(" stored %u", t->stored);
	for (unsigned i = 0; i < XK_REASON__MAX; i++)
		if (t->reason[i] > 0)
			(void)printf(" %s %u",
			    xk_reason_name((enum xk_reason)i), t->reason[i]);
	if (t->words < t->n_legs)
		(void)printf(" silence %u", t->n_legs - t->words);
	(void)printf("%s%s\n", t->policy_ended ? " policy ended" : "",
	    t->hi2_ended ? " hi2 ended" : "");
}

/* ---- acts ---- */

static int
act_xid(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		uint8_t xid[XID_LEN], wire, is = 0xff;
		struct ipc_frame f;

		get_xid(argv[i], xid);
		puppet_send(&puppet, POLICY, MSG_XID, (uint32_t)i, xid,
		    sizeof(xid));
		while (is == 0xff) {
			if (puppet_hear(&puppet, 4000, &wire, &f) != WORD_FRAME)
				puppet_stop("no word on an XID");
			if (f.type == MSG_XID_IS && f.id == (uint32_t)i &&
			    rd_u8(&f.body, &is) != ERR_OK)
				puppet_stop("a word on an XID");
		}
		(void)printf("%s%u", i > 1 ? " " : "", is);
	}
	(void)printf("\n");
	return 0;
}

static int
act_ask(int argc, char **argv)
{
	struct options o = get_options(argc, argv);
	struct told t = {.asked = 1};

	get_xid(argv[optind], o.ask.xid);
	if (!o.no_content)
		say_content(&o, o.content_ticket);
	if (o.gone)
		puppet_send(&puppet, HI2, MSG_CONTENT_GONE, o.content_ticket,
		    NULL, 0);
	say_ask(&o, o.ticket);
	hear(&o, o.ticket, &t);
	print_told(&o, &t);
	return 0;
}

static int
act_raw(int argc, char **argv)
{
	static uint8_t octets[MAX_IPC_BODY];
	const char *hex = argc == 3 ? argv[2] : "";
	const uint8_t to = strcmp(argv[1], "hi2") == 0 ? HI2 : POLICY;
	struct ipc_frame f;
	enum word w;
	uint8_t wire;

	if (hex_get(hex, octets, strlen(hex) / 2) != ERR_OK)
		return 64;
	puppet_write(&puppet, to, octets, strlen(hex) / 2);
	while ((w = puppet_hear(&puppet, 2000, &wire, &f)) != WORD_NONE)
		if (w == WORD_CLOSED && wire == to)
			break;
	(void)printf("%s\n", w == WORD_CLOSED ? "ended" : "goes on");
	return 0;
}

/* XIDs that differ in four octets. */
static void
say_xids(struct options *o, uint32_t n)
{
	struct wr w;

	for (uint32_t i = 0; i < n; i++) {
		wr_init(&w, o->ask.xid + XID_LEN - 4, 4);
		wr_u32(&w, i);
		puppet_send(&puppet, POLICY, MSG_XID, i, o->ask.xid, XID_LEN);
	}
}

static void
set_deaf(bool is)
{
	const uint8_t deaf = is;

	puppet_write(&puppet, PUPPET_DEAF, &deaf, 1);
}

/* No word is awaited of these: how it went is seen elsewhere. */
static void
say_many(const char *what, struct options *o, uint32_t n)
{
	if (strcmp(what, "xid") == 0 || strcmp(what, "deaf") == 0)
		say_xids(o, n);
	for (uint32_t i = 1; i <= n && strcmp(what, "content") == 0; i++)
		say_content(o, i);
	for (uint32_t i = 1; i <= n && strcmp(what, "ask") == 0; i++)
		say_ask(o, i);
}

static int
act_flood(int argc, char **argv)
{
	const char *what = argv[1];
	struct options o = get_options(argc, argv);
	const bool deaf = strcmp(what, "deaf") == 0;
	struct told t = {.asked = 1};
	uint32_t n;

	if (argc - optind < 3)
		return 64;
	n = (uint32_t)strtoul(argv[optind + 1], NULL, 10);
	get_xid(argv[optind + 2], o.ask.xid);
	if (strcmp(what, "ask") == 0)
		t.asked = n;
	if (deaf)
		set_deaf(true);
	say_many(what, &o, n);
	if (!deaf && strcmp(what, "xid") != 0)
		hear(&o, 0, &t);
	if (deaf) {
		(void)poll(NULL, 0, o.wait_ms);
		set_deaf(false);
	}
	print_told(&o, &t);
	return 0;
}

int
main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*act)(int argc, char **argv);
	} acts[] = {{"xid", act_xid}, {"ask", act_ask}, {"raw", act_raw},
	    {"flood", act_flood}};

	if (argc < 4)
		return 64;
	puppet_open(&puppet, argv[1]);
	for (size_t i = 0; i < sizeof(acts) / sizeof(acts[0]); i++)
		if (strcmp(argv[2], acts[i].name) == 0)
			return acts[i].act(argc - 2, argv + 2);
	return 64;
}
