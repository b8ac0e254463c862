/*
 * calls: the intercepted calls, and which MIKEY messages of them make a set
 * that the keys can be asked for (docs/PROTOCOL.md; RFC 6267, RFC 4567).
 *
 * A call is an XID and a Call-ID (RFC 3261 clause 8.1.1.4).  In it, messages
 * belong together by CSB ID, data type, T, IDRr and the tags of the dialog,
 * never by the SIP method, and in whatever order they come: several CSCFs
 * report a call.  Equal copies count once.  An exchange is
 *
 *	first	I_MESSAGE_1, an R_MESSAGE_1 with its T, the I_MESSAGE_2 with the
 *		IDRr of that R_MESSAGE_1, and an R_MESSAGE_2 with the T of the
 *		latter.  Complete with the first three; each R_MESSAGE_1 of a
 *		forked call (other IDRr, other tags) has its own.
 *	update	I_MESSAGE_1 without RAND and the R_MESSAGE_1 with V and its T.
 *		Complete with these, I_MESSAGE_1 of the first exchange and, if
 *		there is no IBAKE, its R_MESSAGE_1 and I_MESSAGE_2 too.
 *
 * Events.  CALL_KEYS_DUE, once for an exchange: it is complete; when its
 * I_MESSAGE_2 has an ESK, R_MESSAGE_2 is there too or has not come in wait_ms.
 * CALL_NO_KEYS, at most once for an exchange that is not complete: wait_ms have
 * passed since its last message and since its dialog was answered, for which
 * the 2xx to INVITE counts, or a BYE, an I_MESSAGE_2, R_MESSAGE_2 or message of
 * an update; or it was evicted.  Messages that are not sound make an exchange
 * that is not complete, unless a sound one of the kind comes within wait_ms.
 * Keys may become due after that.  A call that nobody answered (CANCEL, 3xx to
 * 6xx) gives nothing, nor does an offer that was refused (RFC 3264), nor a
 * branch of a forked call when another was answered.
 *
 * Bounded in calls and octets: whoever was silent longest is evicted, counted.
 * Of the octets an eighth is kept for evicted calls whose events have not been
 * fetched.  Of a call without MIKEY messages nothing is kept but that it was
 * answered, refused or ended, in a table of fixed size.
 *
 * The caller may keep what he gives on a disk, so that he can give it again. He
 * is told which of it matters, and when it does no longer: put again in their
 * order into another table, the messages that matter make the same exchanges.
 * Of a call of which no MIKEY message has come nothing matters.
 *
 * Time is an argument: milliseconds that never go back (if they do, they stand
 * still).  Nothing is aged but by calls_tick().
 */
#ifndef HI2_CALLS_H
#define HI2_CALLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "hi2/sip_event.h"

#define CALLS_KEY 16
#define CALLS_XID 16
#define CALLS_CORRELATION 8
#define CALLS_MESSAGES 128 /* MIKEY messages of one call */

struct calls;

struct calls_limits {
	unsigned most_calls;
	size_t most_octets; /* with the table itself */
	size_t most_stored; /* that the caller keeps */
	int64_t idle_ms; /* a call without messages */
	int64_t linger_ms; /* one that has ended; at least wait_ms */
	int64_t wait_ms; /* for the rest of an exchange */
};

/* What is known of one MIKEY message; the caller parses it. */
struct mikey_seen {
	struct rd octets;
	/*
	 * False: it does not parse.  Then only type and csb_id are looked at,
	 * from its header if it has one, else 0.
	 */
	bool sound;
	uint8_t type; /* data type: 22 to 25; others are passed over */
	uint32_t csb_id;
	bool update; /* 22 without RAND, 23 with V */
	bool has_ibake, has_esk;
	uint8_t ts_type;
	uint64_t ts;
	struct rd idri, idrr; /* left 0: none */
};

struct sip_seen {
	uint8_t xid[CALLS_XID], correlation[CALLS_CORRELATION];
	uint8_t direction;
	int64_t seconds;
	uint32_t nanoseconds;
	struct rd sip;
	const struct sip_event *event; /* what sip_event_read() made of it */
	unsigned n_mikey;
	const struct mikey_seen *mikey;
	uint64_t number; /* the caller's, above all before; 0: keeps nothing */
	size_t stored; /* octets that he would keep */
};

/* What has become of a SIP message. */
struct calls_took {
	uint64_t call; /* number of the one that began its call; 0: none */
	bool kept; /* it matters: keep it until calls_gone() tells of it */
};

struct calls_gone {
	uint64_t call;
	uint64_t number; /* 0: all of the call */
	size_t stored;
};

enum call_event_kind { CALL_KEYS_DUE, CALL_NO_KEYS, CALL_EVENT__MAX };

/*
 * Views live until the next call with this table that is not calls_next(),
 * calls_exchange(), calls_established() or calls_count().  Only sound messages
 * are given; left 0: none.
 */
struct call_exchange_view {
	uint64_t handle; /* never 0, never used again */
	uint64_t call; /* as in calls_took */
	uint8_t xid[CALLS_XID];
	/* Of the SIP message that completed it, or its last. */
	uint8_t correlation[CALLS_CORRELATION];
	uint8_t direction;
	int64_t seconds;
	uint32_t nanoseconds;
	bool update;
	bool up; /* its call has not ended, as far as was seen */
	uint32_t csb_id;
	struct rd i1, r1, i2, r2;
	struct rd first_i1, first_r1, first_i2; /* of an update */
	/*
	 * The message that held I_MESSAGE_1 (of an update: the update's); if
	 * that was never seen, the one that showed the exchange.
	 */
	struct rd sip;
	uint8_t sip_direction;
	struct rd call_id;
	struct rd lead; /* octets of the message that names it */
};

struct calls_counts {
	unsigned calls;
	size_t octets, stored;
	uint64_t put; /* SIP messages */
	uint64_t copies; /* MIKEY messages that were there already */
	uint64_t keys_due, no_keys; /* events */
	uint64_t evicted; /* calls, for want of room */
	uint64_t aged; /* calls, ended or idle */
	uint64_t full; /* MIKEY messages that their call had no room for */
	uint64_t lost; /* events of evicted calls that nobody fetched */
};

/*
 * `key` is random and secret: nobody outside can choose Call-IDs that meet in
 * the table.  ERR_TOOBIG: most_octets is too little for so many calls (80
 * octets for each in the table itself, which may take half; with usual messages
 * a call has 5 KiB), a limit is 0 or a time negative; ERR_NOMEM.
 */
enum err calls_new(const struct calls_limits *, const uint8_t key[CALLS_KEY],
    struct calls **out) MUST_CHECK;
void calls_free(struct calls **);

/*
 * Take one SIP message.  ERR_FULL: its call has CALLS_MESSAGES or too many
 * octets of them already: the MIKEY messages were not taken.  ERR_TOOBIG: more
 * octets than a call may have at all; ERR_NOMEM.  In both cases nothing has
 * changed but that others may have been evicted.  Fetch the events after it,
 * and then what is gone.  *took is filled in unless ERR_TOOBIG or ERR_NOMEM;
 * NULL is let through.
 */
enum err calls_put(struct calls *, const struct sip_seen *, int64_t now_ms,
    struct calls_took *took) MUST_CHECK;

/* The oldest event, which is thereby gone.  ERR_NOTFOUND: none. */
enum err calls_next(struct calls *, enum call_event_kind *,
    struct call_exchange_view *) MUST_CHECK;

/*
 * What the caller need not keep any longer, the oldest first; an evicted call
 * is gone when its events have been fetched and another call of this table has
 * followed.  ERR_NOTFOUND: nothing.
 */
enum err calls_gone(struct calls *, struct calls_gone *out) MUST_CHECK;

/*
 * What has waited or lived long enough.  Fetch the events after it, and call it
 * again while calls_due() is 0: no more is done at once than events are kept.
 */
void calls_tick(struct calls *, int64_t now_ms);

/* Milliseconds from now to when calls_tick() has work; -1: never. */
int64_t calls_due(const struct calls *, int64_t now_ms);

/*
 * An exchange again, with what came since.  ERR_NOTFOUND: evicted, or it has
 * become part of another.
 */
enum err calls_exchange(struct calls *, uint64_t handle,
    struct call_exchange_view *) MUST_CHECK;

/*
 * The exchanges of calls of this XID that are up for which CALL_KEYS_DUE was
 * given, one after the other: for a warrant that comes later.  *at is 0 at
 * first.  ERR_NOTFOUND: no more; *at stays.
 */
enum err calls_established(struct calls *, const uint8_t xid[CALLS_XID],
    uint64_t *at, struct call_exchange_view *) MUST_CHECK;

struct calls_counts calls_count(const struct calls *);

/* Another most_stored; what is beyond it goes when the next message comes. */
void calls_limit_stored(struct calls *, size_t most_stored);

#endif
