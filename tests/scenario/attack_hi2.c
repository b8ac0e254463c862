/*
 * attack-hi2: what somebody who has taken over hi2 says to x2, policy and
 * workers, through a puppet in the place of keywarden-hi2 (puppet.h).
 *
 *	attack-hi2 SOCKET lies		to x2, about the next call's record
 *	attack-hi2 SOCKET raw x2|policy|worker HEX
 *					octets; "ended" or "goes on"
 */
#include <stdio.h>
#include <string.h>

#include "appliance/proto_df2.h"
#include "base/clock.h"
#include "puppet_link.h"

#define X2 PUPPET_WIRE(CTL_PEER_X2, 0)
#define POLICY PUPPET_WIRE(CTL_PEER_POLICY, 0)
#define WORKER PUPPET_WIRE(CTL_PEER_HSM, 0)
#define PATIENCE_MS 30000

static struct puppet puppet;

static void
say_stored(uint32_t ticket, uint64_t epoch, uint64_t leg)
{
	const struct msg_stored m = {epoch, leg};
	uint8_t body[16];
	struct wr w;

	wr_init(&w, body, sizeof(body));
	msg_stored_put(&w, &m);
	puppet_send(&puppet, X2, MSG_STORED, ticket, body, w.len);
}

/* Of this type; false: not within some time. */
static bool
await(uint8_t from, uint16_t type, struct ipc_frame *f)
{
	const int64_t until = clock_uptime_ms() + PATIENCE_MS;
	uint8_t wire;

	while (clock_uptime_ms() < until) {
		const enum word w = puppet_hear(&puppet,
		    (int)(until - clock_uptime_ms()), &wire, f);

		if (w == WORD_CLOSED && wire == X2)
			return false;
		if (w == WORD_FRAME && wire == from && f->type == type)
			return true;
	}
	return false;
}

/*
 * Words that are not about this record change nothing; the true one ends it,
 * whether there is a record or not: that is what hi2 can do.
 */
static int
act_lies(void)
{
	struct msg_content c;
	struct msg_hi2_keys k;
	struct ipc_frame f;
	uint32_t ticket;

	if (!await(X2, MSG_CONTENT, &f) ||
	    msg_content_get(f.body, &c) != ERR_OK)
		puppet_stop("no content");
	ticket = f.id;
	if (!await(WORKER, MSG_HI2_KEYS, &f) || f.id != ticket ||
	    msg_hi2_keys_get(f.body, &k) != ERR_OK)
		puppet_stop("no keys");
	for (uint32_t i = 1; i < 1000; i++)
		say_stored(ticket + i, c.epoch, k.to.leg);
	say_stored(ticket, c.epoch + 1, k.to.leg);
	for (uint64_t leg = 0; leg < 200; leg++)
		if (leg != k.to.leg)
			say_stored(ticket, c.epoch, leg);
	say_stored(ticket, c.epoch, UINT64_MAX);
	if (!await(WORKER, MSG_HI2_KEYS, &f) || f.id != ticket)
		puppet_stop("x2 has believed it");
	(void)printf("asked again");
	say_stored(ticket, c.epoch, k.to.leg);
	if (!await(X2, MSG_CONTENT_GONE, &f) || f.id != ticket)
		puppet_stop("x2 does not believe it");
	(void)printf(", and done\n");
	return 0;
}

static int
act_raw(const char *to, const char *hex)
{
	static uint8_t octets[4096];
	const uint8_t at = strcmp(to, "x2") == 0 ? X2
	    : strcmp(to, "policy") == 0		 ? POLICY
						 : WORKER;
	const size_t len = strlen(hex) / 2;
	struct ipc_frame f;
	enum word w;
	uint8_t wire;

	if (len > sizeof(octets) || hex_get(hex, octets, len) != ERR_OK)
		return 64;
	puppet_write(&puppet, at, octets, len);
	while ((w = puppet_hear(&puppet, 2000, &wire, &f)) != WORD_NONE)
		if (w == WORD_CLOSED && wire == at)
			break;
	(void)printf("%s\n", w == WORD_CLOSED ? "ended" : "goes on");
	return 0;
}

int
main(int argc, char **argv)
{
	if (argc < 3)
		return 64;
	puppet_open(&puppet, argv[1]);
	if (argc == 3 && strcmp(argv[2], "lies") == 0)
		return act_lies();
	if (argc == 5 && strcmp(argv[2], "raw") == 0)
		return act_raw(argv[3], argv[4]);
	return 64;
}
