/*
 * attack-hi2: what somebody who has taken over hi2 says to x2, policy and
 * workers, through a puppet in the place of keywarden-hi2 (puppet.h).
 *
 *	attack-hi2 SOCKET lies		to x2, about the next call's record
 *	attack-hi2 SOCKET raw x2|policy|worker|audit HEX
 *					octets; "ended" or "goes on"
 *	attack-hi2 SOCKET unwrap STATE	a data key; one that is none
 *	attack-hi2 SOCKET sign N	so many signatures, all at once
 *	attack-hi2 SOCKET sign N killed	the same, while a worker dies
 *	attack-hi2 SOCKET note N	so many entries of the log, all at once
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "appliance/kms_state.h"
#include "appliance/proto_hi2.h"
#include "base/clock.h"
#include "hi2/queue_seal.h"
#include "puppet_link.h"

#define AUDIT PUPPET_WIRE(CTL_PEER_AUDIT, 0)
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

/* ---- the token ---- */

static void
ask(uint32_t id, enum hi2_task_kind kind, struct rd octets)
{
	static uint8_t body[MAX_SIGN_DATA + 64];
	const struct msg_hi2_task m = {kind, id, octets};
	struct wr w;

	wr_init(&w, body, sizeof(body));
	msg_hi2_task_put(&w, &m);
	puppet_send(&puppet, AUDIT, MSG_HI2_TASK, id, body, w.len);
}

/* The next answer to a task, of a worker or of audit. */
static enum err
answer(uint32_t *id, struct rd *octets)
{
	const int64_t until = clock_uptime_ms() + PATIENCE_MS;
	struct msg_hi2_done m;
	struct ipc_frame f;
	uint8_t wire;
	enum err rc;

	while (clock_uptime_ms() < until) {
		if (puppet_hear(&puppet, (int)(until - clock_uptime_ms()),
			&wire, &f) != WORD_FRAME)
			continue;
		*id = f.id;
		rd_init(octets, NULL, 0);
		if (wire == AUDIT && f.type == MSG_HI2_TASK_FAILED &&
		    msg_hi2_ended_get(f.body, &rc) == ERR_OK)
			return rc;
		if (wire == WORKER && f.type == MSG_HI2_TASK_DONE &&
		    msg_hi2_done_get(f.body, &m) == ERR_OK) {
			*octets = m.octets;
			return m.rc;
		}
	}
	puppet_stop("no answer");
}

/* A record under a data key as hi2 makes them. */
static struct queue_sealer *
a_sealer(const char *path)
{
	static struct kms_state state;
	struct queue_sealer *s = NULL;
	const int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct rd sealed, seal;
	uint8_t *octets = NULL;
	struct why why = {""};

	if (fd == -1 ||
	    kms_state_load(fd, &octets, &state, &sealed, &seal, &why) !=
		ERR_OK ||
	    queue_sealer_new(state.spool_key, &s, &why) != ERR_OK)
		puppet_stop(why.text);
	free(octets);
	close(fd);
	return s;
}

static int
act_unwrap(const char *state)
{
	struct queue_sealer *s = a_sealer(state);
	struct queue_row row = {.id = 1, .number = 1};
	uint8_t record[4], out[64], open[64];
	struct rd octets, in, sealed;
	size_t len, n;
	uint32_t id;

	rd_init(&row.lemf, "north", 5);
	rd_init(&in, memset(record, 7, sizeof(record)), sizeof(record));
	if (queue_seal(s, &row, in, out, sizeof(out), &len) != ERR_OK)
		puppet_stop("no seal");
	ask(77, HI2_TASK_UNWRAP, queue_sealer_wrapped(s));
	rd_init(&sealed, out, len);
	if (answer(&id, &octets) != ERR_OK || id != 77 ||
	    octets.left != QUEUE_KEY_LEN ||
	    queue_open(octets.p, &row, sealed, open, sizeof(open), &n) !=
		ERR_OK)
		puppet_stop("not the key");
	(void)printf("the key");
	ask(78, HI2_TASK_UNWRAP, in);
	if (answer(&id, &octets) != ERR_MISMATCH || id != 78)
		puppet_stop("one that is none");
	(void)printf(", and none\n");
	queue_sealer_free(&s);
	return 0;
}

/*
 * Each is answered, once; beyond HI2_TASKS there is none.  Of a worker that
 * dies audit may say that it has failed in what hi2 has from it.
 */
static int
act_sign(unsigned n, bool killed)
{
	static uint8_t data[1000];
	unsigned made = 0, full = 0, other = 0;
	bool *seen = calloc(n, sizeof(*seen));
	struct rd octets;
	uint32_t id;

	rd_init(&octets, data, sizeof(data));
	for (unsigned i = 0; i < n; i++)
		ask(i, HI2_TASK_SIGN, octets);
	for (unsigned left = n; left > 0;) {
		const enum err rc = answer(&id, &octets);

		if (seen != NULL && id < n && seen[id] && killed)
			continue;
		if (seen == NULL || id >= n || seen[id])
			puppet_stop("an answer to nothing");
		left--;
		seen[id] = true;
		made += rc == ERR_OK;
		full += rc == ERR_FULL;
		other += rc != ERR_OK && rc != ERR_FULL;
	}
	free(seen);
	(void)printf("%s, %s, %u others\n",
	    made >= HI2_TASKS ? "some made" : "too few made",
	    full > 0 ? "some refused" : "none refused", other);
	return 0;
}

static int
act_note(unsigned n)
{
	struct msg_hi2_note m = {.kind = HI2_NOTE_DROPPED, .n = 12};
	unsigned written = 0, later = 0;
	struct ipc_frame f;
	uint8_t body[512];
	struct wr w;
	enum err rc;

	rd_init(&m.lemf, "north", 5);
	rd_init(&m.text, "too old", 7);
	for (unsigned i = 0; i < n; i++) {
		wr_init(&w, body, sizeof(body));
		msg_hi2_note_put(&w, &m);
		puppet_send(&puppet, AUDIT, MSG_HI2_NOTE, i, body, w.len);
	}
	for (unsigned i = 0; i < n; i++) {
		if (!await(AUDIT, MSG_HI2_NOTED, &f) || f.id != i ||
		    msg_hi2_ended_get(f.body, &rc) != ERR_OK)
			puppet_stop("no answer to a note");
		written += rc == ERR_OK;
		later += rc == ERR_AGAIN;
	}
	/* An unwrap or two of before may count. */
	(void)printf("%s, the others to be sent again\n",
	    written + later == n && written <= HI2_ENTRIES &&
		    written + 2 >= HI2_ENTRIES
		? "as many as a minute has"
		: "too few or too many");
	return 0;
}

static int
act_raw(const char *to, const char *hex)
{
	static uint8_t octets[4096];
	const uint8_t at = strcmp(to, "x2") == 0 ? X2
	    : strcmp(to, "policy") == 0		 ? POLICY
	    : strcmp(to, "audit") == 0		 ? AUDIT
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
	if (argc == 4 && strcmp(argv[2], "unwrap") == 0)
		return act_unwrap(argv[3]);
	if ((argc == 4 || (argc == 5 && strcmp(argv[4], "killed") == 0)) &&
	    strcmp(argv[2], "sign") == 0)
		return act_sign((unsigned)strtoul(argv[3], NULL, 10),
		    argc == 5);
	if (argc == 4 && strcmp(argv[2], "note") == 0)
		return act_note((unsigned)strtoul(argv[3], NULL, 10));
	if (argc == 5 && strcmp(argv[2], "raw") == 0)
		return act_raw(argv[3], argv[4]);
	return 64;
}
