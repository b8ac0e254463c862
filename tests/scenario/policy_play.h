/*
 * policy_play: what somebody in the place of policy has to play with: persons
 * and their keys, requests, warrants, records, calls with the keys that they
 * must yield, and the words to say it to audit.
 */
#ifndef POLICY_PLAY_H
#define POLICY_PLAY_H

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "policy/change.h"
#include "policy/request.h"
#include "policy_rig.h"

#define PLAY_KMS "https://kms.lab.example"
#define ALICE "sip:alice@lab.example"
#define BOB "sip:bob@lab.example"
#define TINA "sip:tina@lab.example" /* a test subscriber */

enum who {
	ONE,
	TWO,
	THREE, /* officers */
	SAFE1,
	SAFE2,
	SAFE3, /* security officers */
	ENGINEER,
	AUDITOR,
	ENROLLED,
	EVE = ENROLLED, /* nobody has enrolled her */
	MALLORY,
	TRUDY,
	N_PEOPLE
};

struct person_at_hand {
	const char *name;
	enum role role;
	EVP_PKEY *key;
	X509 *cert;
	struct rd der;
};

/* The warrant state as honest persons have made it. */
#define PLAY_CHANGES 4096
struct world {
	struct change change[PLAY_CHANGES]; /* [0] is change 1 */
	unsigned n;
	struct head head;
	uint64_t version; /* of the rules */
};

struct call_at_hand {
	struct rd octets; /* call_put() */
	uint32_t csb_id;
	uint8_t ts_type;
	uint64_t ts;
	uint8_t key[16];
};

/* A warrant that was entered, with what it says. */
struct paper_warrant {
	uint64_t number;
	const char *liid, *target, *client;
	bool test;
};

enum warrant_at_hand {
	W_ALICE,
	W_BOB,
	W_TINA, /* test */
	W_ALICE_TEST, /* test, and names a real subscriber */
	W_TINA_REAL,
	W_LATER,
	W_ENDED,
	W_REVOKED,
	W_SUSPENDED,
	N_WARRANTS
};

struct play {
	struct rig rig;
	struct person_at_hand people[N_PEOPLE];
	struct world world;
	struct paper_warrant warrant[N_WARRANTS];
	struct rd alice, bob, tina; /* sealed records */
	struct rd params, import_key; /* of the KMS */
	struct call_at_hand call, other_call, old_call, tinas_call;
};
extern struct play play;

/* ---- policy_people.c ---- */

void people_make(void);
/* A copy that stays until keep_done(). */
struct rd keep(const void *p, size_t len);
void keep_done(void);
struct rd text_of(const char *);

/* Head of a request as of the world, issued now, for a day. */
struct request_head head_of(enum request_kind, enum who requester);
struct rd paper(const struct request_head *, const char *body);
/* One CMS with a SignerInfo of each. */
struct rd signed_by(struct rd content, unsigned n, const enum who *);
struct rd evidence_of(unsigned n, const struct rd *cms);
/* The next change of the world. */
struct change change_of(enum request_kind, struct rd request,
    struct rd evidence);
/* Asked for by the first, signed by all, in one CMS. */
struct change change_by(enum request_kind, const char *body, unsigned n,
    const enum who *);
struct change change_by_two(enum request_kind, const char *body, enum who,
    enum who);

const char *body_warrant(const char *liid, const char *target,
    const char *client, bool test, int64_t start, int64_t end);
const char *body_on(const uint8_t warrant[DIGEST_LEN]);
const char *body_person(const char *name, const char *role, enum who);
const char *body_subscriber(const char *identity, const uint8_t seed[32],
    bool test);
const char *body_devices(const char *identity, const char *device,
    uint64_t record);
const char *body_remove(const char *identity, uint64_t record);

/* ---- policy_say.c ---- */

/* The body of the last message. */
struct rd last_said(void);

/* How a word to audit went. */
struct verdict {
	enum heard heard;
	enum err rc;
	bool logged;
	char text[WHY_MAX];
};

/* All changes; true: taken.  `last` is always said. */
struct verdict say_chain(const struct change *, unsigned n);
void say_change_send(const struct change *);
struct verdict say_change_result(void);
struct verdict say_change(const struct change *);
/* The same, into the world when it is in effect. */
bool enter(const struct change *);
void world_take(const struct change *);
struct verdict say_task(enum task_kind, const char *target, struct rd body,
    struct rd *out);
struct verdict say_record(uint64_t number, struct rd before, struct rd *out);

struct grant {
	struct msg_work work;
	struct audit_entry entry; /* becomes work.intent */
};
/* A true one for this warrant. */
struct grant grant_of(const struct paper_warrant *, struct rd record,
    const struct call_at_hand *);
void say_grant_send(const struct grant *);
enum asked { KEYS, REFUSED, NO_WORD, ENDED };
enum asked say_grant_result(enum xk_reason *);
enum asked say_grant(const struct grant *);

/* ---- policy_call.c ---- */

/* I_MESSAGE_1, R_MESSAGE_1, I_MESSAGE_2 so many seconds ago, and the key. */
void lab_call(const char *target, const uint8_t seed[32], int64_t ago,
    struct rd messages[3], uint8_t key[16]);

/* ---- policy_stage.c: where it is played ---- */

/* Token, KMS, log, and a world with all of the above. */
void stage_make(const char *dir);
/* Everything as stage_make() has left it, all processes new. */
void stage_fresh(unsigned workers);
void stage_done(void);
/* The log as the ceremony has left it; nobody may run. */
void stage_first_log(void);
/* Start all again on what is there; tell the world. */
bool stage_restart(unsigned workers);
/* What another KMS with another token has: its head, Alice's record. */
void stage_other_token(struct rd *head, struct rd *alice);

/* An entry a day ahead of the clock at the end of the log; nobody may run. */
void stage_log_of_tomorrow(void);
/* All started again, and entries until there is no room for more. */
void stage_fill_log(void);

/* The files as they are, and put back; nobody may run for the second. */
struct files {
	struct rd head, log;
};
struct files stage_get(void);
void stage_put(const struct files *);
struct call_at_hand stage_call(const char *target, const uint8_t seed[32],
    int64_t ago);

extern const uint8_t seed_alice[32], seed_bob[32], seed_tina[32];

#endif
