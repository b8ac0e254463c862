/*
 * calls_table: what calls is made of, for its own files alone.
 *
 *	calls.c		the contract
 *	calls_enter.c	a SIP message is taken into its call
 *	calls_match.c	which messages belong together
 *	calls_judge.c	which events are due
 *	calls_sign.c	what was answered, refused, ended
 *	calls_table.c	memory, indexes, eviction
 */
#ifndef HI2_CALLS_TABLE_H
#define HI2_CALLS_TABLE_H

#include "hi2/calls.h"
#include "base/siphash.h"

#define I_MESSAGE_1 22
#define R_MESSAGE_1 23
#define I_MESSAGE_2 24
#define R_MESSAGE_2 25

#define NEVER INT64_MAX

/* What malloc() adds to a piece, and rounds up. */
#define CALLS_OVERHEAD 16

/* A list in a circle, through its head; an element not in one has next NULL. */
struct ring {
	struct ring *prev, *next;
};

#define RING_OF(r, type, member) \
	((type *)(void *)((char *)(r)-offsetof(type, member)))

void calls_ring_init(struct ring *);
void calls_ring_add(struct ring *head, struct ring *); /* as the last */
void calls_ring_remove(struct ring *);

/* The tags of a SIP message, hashed; 0: none. */
struct tags {
	uint64_t from, to;
};

/* ---- what a SIP message says of its call ---- */

enum sign_kind {
	SIGN_NONE,
	SIGN_ANSWERED,
	SIGN_LIKELY,
	SIGN_REFUSED,
	SIGN_ENDED
};

struct sign {
	enum sign_kind kind;
	enum sip_method method;
	uint32_t cseq;
	struct tags tags;
	int64_t at_ms;
};

/* What is kept of calls without MIKEY messages. */
struct note {
	uint64_t call; /* hash of its key */
	struct sign sign;
};

#define NOTES_BUCKET 8

struct notes {
	size_t n; /* a power of two of buckets */
	struct note (*bucket)[NOTES_BUCKET];
};

/* ---- a call ---- */

struct sip_text {
	unsigned refs; /* messages that came in it */
	uint8_t direction;
	size_t len;
	uint8_t octets[];
};

/* A call, or a message of it, that the caller keeps: for calls_gone(). */
struct kept {
	struct ring gone;
	uint64_t call, number;
	size_t stored;
	unsigned refs; /* MIKEY messages that came in it */
};

struct pending {
	struct ring queue;
	struct message *of;
	enum call_event_kind kind;
};

struct message {
	struct message *next; /* the one that came after it */
	struct call *call;
	struct message *lead; /* names the exchange; NULL: belongs to none */
	/* Where it leads a first exchange; NULL: not there. */
	const struct message *its_i1, *its_i2;
	struct sip_text *sip; /* NULL: not needed */
	struct kept *kept; /* NULL: the caller does not keep it */
	struct pending pending[CALL_EVENT__MAX];
	bool told[CALL_EVENT__MAX]; /* queued once */
	bool given[CALL_EVENT__MAX]; /* to the caller, of this lead */
	bool sound, update, has_ibake, has_esk;
	uint8_t type, ts_type;
	uint32_t csb_id;
	uint64_t ts;
	uint64_t idrr; /* hashed; 0: none */
	uint64_t hash; /* of its octets */
	unsigned number; /* in its call, from 1 */
	int64_t came_ms;
	/* Of the SIP message. */
	struct tags tags;
	bool request;
	enum sip_method method;
	uint32_t cseq;
	uint8_t correlation[CALLS_CORRELATION], direction;
	int64_t seconds;
	uint32_t nanoseconds;
	size_t len;
	uint8_t octets[];
};

#define CALL_DIALOGS 8
#define CALL_OUTCOMES 8

struct dialog {
	struct tags tags;
	bool answered, likely, ended;
	int64_t since_ms; /* when it became likely */
};

/* Of one request. */
struct outcome {
	enum sip_method method;
	uint32_t cseq;
	uint64_t from;
	bool refused, accepted;
};

struct call {
	struct ring by_key, by_serial, by_xid, by_age; /* or in dying */
	uint64_t key; /* hash */
	uint64_t serial;
	uint8_t xid[CALLS_XID];
	size_t octets; /* all its memory */
	size_t stored;
	struct kept *kept; /* NULL: the caller keeps nothing of it */
	int64_t last_ms, due_ms;
	size_t heap_at;
	struct message *first, **end;
	unsigned n, numbers, n_pending;
	bool dying, freed;
	unsigned n_dialogs, n_outcomes, next_outcome;
	bool more_dialogs; /* than there is room for */
	struct dialog dialogs[CALL_DIALOGS];
	struct outcome outcomes[CALL_OUTCOMES];
	size_t call_id_len;
	uint8_t call_id[];
};

struct calls {
	struct calls_limits limits;
	uint8_t hash_key[SIPHASH_KEY];
	size_t live_limit, dying_limit, call_limit, dying_octets;
	int64_t now_ms;
	uint64_t serials;
	size_t n_buckets; /* a power of two */
	struct ring *by_key, *by_serial, *by_xid;
	struct call **heap; /* the earliest due_ms first */
	struct ring by_age; /* silent longest first */
	struct ring dying; /* evicted, with events */
	struct ring spent; /* without any more: views may point there */
	struct ring events;
	struct ring gone; /* struct kept */
	struct notes notes;
	struct calls_counts counts;
};

/* A handle is the call's serial number and the message's in it. */
#define CALLS_NUMBER_BITS 24
#define CALLS_NUMBER_MAX ((1U << CALLS_NUMBER_BITS) - 1)

/* ---- calls_sign.c ---- */

bool calls_tags_same(struct tags a, struct tags b);

/* What this message says; SIGN_NONE for most. */
struct sign calls_sign(const struct sip_event *, struct tags, int64_t now_ms);
/* Whether that has changed anything. */
bool calls_sign_apply(struct call *, const struct sign *);

void calls_note(struct notes *, uint64_t call, const struct sign *);

/* To a call that is new, those that are not older than `from_ms`. */
void calls_note_apply(const struct notes *, struct call *, int64_t from_ms);

/* The request that the message came in was refused. */
bool calls_refused(const struct call *, const struct message *);

/* Nobody answered, and nobody will. */
bool calls_failed(const struct call *);

/* Neither up nor going to be. */
bool calls_over(const struct call *);

/* Since when the exchange's dialog is answered in all likelihood, or NEVER. */
int64_t calls_answered(const struct call *, const struct message *lead);

/* ---- calls_match.c ---- */

struct parts {
	const struct message *i1, *r1, *i2, *r2;
	const struct message *first_i1, *first_r1, *first_i2;
	const struct message *last; /* of what it consists of */
	const struct message *shown_by; /* has the SIP message; NULL: none */
	bool complete;
};

/* Find the lead of each message.  `wait_ms`: for a sound copy. */
void calls_match(struct call *, int64_t wait_ms);
struct parts calls_gather(const struct call *, const struct message *lead);

/* ---- calls_judge.c ---- */

enum judging { JUDGE_NOW, JUDGE_CLOSING, JUDGE_EVICTING };

/* Queue what is due; when to look again, or NEVER. */
int64_t calls_judge(struct calls *, struct call *, enum judging);

/* The same, and the time of it noted; when it goes, if nothing comes. */
void calls_look(struct calls *, struct call *);
int64_t calls_ends_ms(const struct calls *, const struct call *);

/* Events of this message that nobody will fetch. */
void calls_unqueue(struct message *);

/* ---- calls_enter.c ---- */

/* What the MIKEY messages need, and how many there are, with copies. */
size_t calls_needed(const struct sip_seen *, unsigned *n);

/*
 * Take a SIP message into its call, for which there is room in the table.
 * `sip` has what is the same for all MIKEY messages in it.  ERR_FULL: without
 * them.  ERR_NOMEM: nothing has changed.  *changed: it is not as it was.
 */
enum err calls_enter(struct calls *, struct call *, const struct sip_seen *,
    const struct message *sip, const struct sign *, bool *changed) MUST_CHECK;

/* ---- calls_table.c ---- */

enum err calls_table_init(struct calls *);
void calls_table_done(struct calls *);

/* Keyed; 0 for no octets, and only then. */
uint64_t calls_hash(const struct calls *, struct rd octets);

struct call *calls_find(struct calls *, uint64_t key, const uint8_t *xid,
    struct rd call_id);
struct call *calls_find_serial(struct calls *, uint64_t serial);
struct ring *calls_xid_bucket(const struct calls *, const uint8_t *xid);

/* Memory that counts; for a call, within what it may have. */
void *calls_take(struct calls *, struct call *, size_t n);
void calls_give(struct calls *, struct call *, void *, size_t n);

/*
 * Evict until there is room for n octets, for as many that the caller keeps
 * and, with `one`, for one more call, but never `keep`.  ERR_TOOBIG.
 */
enum err calls_room(struct calls *, const struct call *keep, size_t n,
    size_t stored, bool one) MUST_CHECK;

enum err calls_add(struct calls *, uint64_t key, const struct sip_seen *,
    struct call **) MUST_CHECK;

/* The caller keeps a SIP message; NULL: no memory. */
struct kept *calls_keep(struct calls *, uint64_t call, uint64_t number,
    size_t stored);
void calls_forget(struct calls *, struct kept *);

/* Out of all indexes; its memory goes when its events have been fetched. */
void calls_remove(struct calls *, struct call *);
void calls_reap(struct calls *);
void calls_event_taken(struct calls *, struct call *);

/* It has become due at another time, or is the one that spoke last. */
void calls_due_at(struct calls *, struct call *, int64_t due_ms);
void calls_spoke(struct calls *, struct call *);

void calls_drop_text(struct calls *, struct message *);
void calls_drop_message(struct calls *, struct message *);

#endif
