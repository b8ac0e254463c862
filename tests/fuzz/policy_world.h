/*
 * policy_world: for fuzz_policy_peers and fuzz_worker: who is enrolled, what
 * they have signed, and what a process begins with.  Keys are made anew in
 * each run; the documents say the same each time.
 */
#ifndef POLICY_WORLD_H
#define POLICY_WORLD_H

#include "appliance/policy_db.h"
#include "papers.h"
#include "policy/authority.h"

#define WORLD_ALICE "sip:alice@example.com"
#define WORLD_BOB "sip:bob@example.net"
#define WORLD_CONFIG "kms.period = month\n"
#define WORLD_BASE 6 /* changes that the database begins with */

/* A document: a request, its approvals one by one and together, a no to it. */
enum world_form {
	WORLD_FIRST,
	WORLD_SECOND,
	WORLD_BOTH,
	WORLD_NO,
	WORLD_FORMS
};
struct world_document {
	struct paper paper;
	struct rd cms[WORLD_FORMS];
};

void world_make(void);

unsigned world_documents(void);
const struct world_document *world_document(unsigned i);

/* DER of the certificate of the client "df2", which is enrolled. */
struct rd world_client(void);
/* call_put() of a call between Alice and Bob. */
struct rd world_call(void);
/* A sealed record of this number; views live until the next. */
struct rd world_record(uint64_t number, struct rd identity);

/* Before any change: the same as kms_state_put() writes it; no seal behind. */
struct authority *world_authority(void);
size_t world_kms_state(uint8_t *out, size_t cap);

/* The changes that a database begins with, from 0 on: views that stay. */
struct change world_change(unsigned i);

/*
 * The first `n` of the changes in a database in memory; of them `open` are not
 * confirmed and `unlogged` more not in the log.
 */
struct db *world_db(unsigned n, unsigned open, unsigned unlogged);

#endif
