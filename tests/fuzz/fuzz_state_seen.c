/*
 * Entries of the audit log in a row, as audit and keywarden(1) learn the
 * warrant state from them: a change is logged if the last entry of its number
 * has its head; a stop that no worker has judged holds for its warrant until
 * policy's chain has it or a worker refuses it, and for no other; it is as late
 * as the latest entry says, but for an accepted clock.
 *
 * Input: entries, each u8 act, u8 number, u8 which digest and warrant, u8
 * hours; see one_entry().
 */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "policy/state_seen.h"

#define NUMBERS 256
#define ENTRIES 256

static struct state_seen seen;
static uint8_t logged[NUMBERS]; /* which digest; 0: it has no entry */

static struct head
head_of(uint64_t number, uint8_t which)
{
	struct head h = {.number = number};

	h.hash[0] = (uint8_t)(1 + which % 4);
	return h;
}

static void
is_stopped(const uint8_t warrant[WARRANT_ID_LEN], bool stopped)
{
	MUST(state_seen_stopped(&seen, warrant) == stopped);
}

static void
change(struct audit_entry *e, uint8_t number, uint8_t which, bool stop)
{
	const bool known = state_seen_stopped(&seen, e->warrant);
	const bool new = stop &&number > seen.head.number;

	e->type = AUDIT_CHANGE;
	MUST(state_seen_entry(&seen, e) == ERR_OK);
	logged[number] = (uint8_t)(1 + which % 4);
	is_stopped(e->warrant, known || new);
}

/* With a seal a worker has taken it; without one it has refused what follows.
 */
static void
head(struct audit_entry *e, uint8_t number, bool sealed)
{
	const struct head accepting = seen.accepting;
	const size_t stops = seen.n_stops;

	e->type = AUDIT_HEAD;
	rd_init(&e->text, "seal", sealed ? 4 : 0);
	MUST(state_seen_entry(&seen, e) == ERR_OK);
	MUST(seen.head.number == number && seen.n_stops <= stops);
	MUST(!sealed || seen.n_stops == stops);
	for (size_t i = 0; i < seen.n_stops; i++)
		MUST(sealed || seen.stop[i].head.number <= number);
	if (accepting.number != 0 && head_equal(&accepting, &seen.head))
		MUST(seen.latest == e->realtime_ns / 1000000000);
}

static void
one_entry(struct rd *in)
{
	const uint8_t act = take_u8(in), number = take_u8(in);
	const uint8_t which = take_u8(in);
	const int64_t latest = seen.latest;
	struct head h = head_of(number, which);
	struct audit_entry e = {.ref = number,
	    .realtime_ns = take_u8(in) * 3600LL * 1000000000};

	memcpy(e.digest, h.hash, sizeof(e.digest));
	e.warrant[0] = which >> 4;
	switch (act % 8) {
	case 0:
	case 1:
		e.reason =
		    act & 8 ? REQUEST_WARRANT_REVOKE : REQUEST_WARRANT_SUSPEND;
		change(&e, number, which, true);
		break;
	case 2:
		e.reason = REQUEST_CLOCK_ACCEPT;
		change(&e, number, which, false);
		MUST(head_equal(&seen.accepting, &h));
		break;
	case 3: /* of a kind that is none, too */
		e.reason = act / 8U;
		if (e.reason == REQUEST_WARRANT_REVOKE ||
		    e.reason == REQUEST_WARRANT_SUSPEND)
			return;
		change(&e, number, which, false);
		break;
	case 4:
		head(&e, number, act & 8);
		return;
	case 5:
		state_seen_told(&seen, &h);
		for (size_t i = 0; i < seen.n_stops; i++)
			MUST(!head_equal(&seen.stop[i].head, &h));
		return;
	case 6: /* beyond all that there may be */
		e.type = AUDIT_CHANGE;
		e.reason = REQUEST__MAX;
		e.ref = MAX_CHANGES + 1ULL + number;
		MUST(state_seen_entry(&seen, &e) == ERR_OK);
		h = head_of(e.ref, which);
		MUST(!state_seen_logged(&seen, &h));
		break;
	default:
		e.type = act & 8 ? AUDIT_KMS_CREATED : AUDIT_STARTED;
		MUST(state_seen_entry(&seen, &e) == ERR_OK);
	}
	MUST(
	    seen.latest >= latest && seen.latest >= e.realtime_ns / 1000000000);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rd in;

	memset(logged, 0, sizeof(logged));
	rd_init(&in, data, size);
	for (unsigned n = 0; n < ENTRIES && in.left > 0; n++)
		one_entry(&in);
	for (unsigned n = 0; n < NUMBERS; n++)
		for (uint8_t which = 0; which < 4; which++) {
			const struct head h = head_of(n, which);

			MUST(state_seen_logged(&seen, &h) ==
			    (logged[n] == which + 1));
		}
	state_seen_done(&seen);
	return 0;
}
