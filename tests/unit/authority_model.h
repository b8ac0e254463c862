/*
 * authority_model: the rules of the warrant state once more, over small
 * numbers in place of octets, by which the authority is judged.  Knows nothing
 * of policy/authority*.c.
 */
#ifndef TESTS_UNIT_AUTHORITY_MODEL_H
#define TESTS_UNIT_AUTHORITY_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "policy/request.h"

#define M_PEOPLE 12 /* names */
#define M_CERTS 24 /* certificate c/2 is first thought of for name c */
#define M_CLIENTS 4
#define M_LEMFS 3
#define M_CHANGES 64 /* of one history */
#define M_DOCS 4
#define M_NONE (-1)

/* A request as it was meant. */
struct m_request {
	int id;
	enum request_kind kind;
	bool other_kms;
	int requester; /* a name */
	uint64_t version;
	int64_t issued, expires;

	int name, cert; /* of a person, client or LEMF */
	char role; /* O S E A */
	bool voids;
	int on; /* id of a request that entered a warrant */
	int64_t end, time; /* time: clock.accept */
	int64_t over; /* warrant.add: end of its grace */
	uint64_t record;
	int text;
};

struct m_doc {
	const struct m_request *over;
	int n, cert[3]; /* who signed it */
	bool broken; /* an octet changed that is signed or is a signature */
};

struct m_case {
	const struct m_request *q;
	uint64_t number;
	int64_t time, now;
	bool broken_request, broken_evidence, other_kind, other_hash;
	int n_docs;
	struct m_doc doc[M_DOCS];
};

struct m_past {
	int id;
	enum request_kind kind;
	bool revoked, suspended, has_end, dead;
	int64_t end;
	int64_t suspended_at, end_at; /* when each was changed last */
};

struct model {
	uint64_t number, version;
	int64_t time;
	int cert[M_PEOPLE]; /* of who is in office, or M_NONE */
	char role[M_PEOPLE];
	int client[M_CLIENTS]; /* certificate, or M_NONE */
	int lemf[M_LEMFS]; /* the same */
	int text; /* M_NONE: of init */
	struct m_past past[M_CHANGES]; /* [0] is change 1 */
	int64_t until[M_CERTS]; /* last second of each certificate */
	int64_t from;
};

bool model_accepts(const struct model *, const struct m_case *);
/* What was accepted. */
void model_apply(struct model *, const struct m_case *);

bool model_may_ask(enum request_kind, char role);
char model_approver(enum request_kind);
int model_need(enum request_kind);
bool model_record_stands(const struct model *, uint64_t number);
struct m_past *model_warrant(struct model *, int id);

#endif
