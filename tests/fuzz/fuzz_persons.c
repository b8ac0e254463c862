/*
 * A document signed by persons.  Two are enrolled and a third is not, with keys
 * of this test; whatever the input, only what they did sign (persons/payload-N,
 * N telling who: 1 the first, 2 the second) may be accepted, and only from
 * those who signed it, while they are in office.
 *
 * Input: u8 flags; 1: after the second has left, 2: at any time, 4: before the
 * certificates, 8: the signatures of the second are void; then the document.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "der_mutate.h"
#include "policy/persons.h"

#define NOW 1900000000 /* the certificates are valid for long */
#define BEFORE 1000000000 /* and were not then */
#define N_PAYLOADS 4 /* who signed it, as a set of two bits */

#define LEAVES 7 /* the change at which the second does */

static struct persons *enrolled, *voided;
static struct rd payload[N_PAYLOADS];

size_t
LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size,
    unsigned int seed)
{
	if (size < 2)
		return LLVMFuzzerMutate(data, size, max_size);
	return 1 + der_mutate(data + 1, size - 1, max_size - 1, seed);
}

static struct rd
load(const char *name)
{
	char path[512];

	(void)snprintf(path, sizeof(path), "%s/fuzz/persons/%s", KW_TESTS,
	    name);
	return read_whole(path);
}

static struct persons *
enrol(bool voids)
{
	static const char *const names[] = {"first", "second"};
	struct persons *s = NULL;
	struct why why;
	char file[32];

	MUST(persons_new(&s) == ERR_OK);
	for (size_t i = 0; i < 2; i++) {
		struct rd cert;

		(void)snprintf(file, sizeof(file), "%s.der", names[i]);
		cert = load(file);
		MUST(persons_add(s, names[i], ROLE_OFFICER, cert, 0, &why) ==
		    ERR_OK);
		MUST(persons_add(s, "other", ROLE_OFFICER, cert, 0, &why) ==
		    ERR_EXISTS);
		own_free(&cert);
	}
	MUST(persons_end(s, "second", LEAVES, voids) == ERR_OK);
	return s;
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	char file[32];

	(void)argc;
	(void)argv;
	enrolled = enrol(false);
	voided = enrol(true);
	for (unsigned i = 0; i < N_PAYLOADS; i++) {
		(void)snprintf(file, sizeof(file), "payload-%u", i);
		payload[i] = load(file);
	}
	return 0;
}

/* Who signed this, as a set. */
static unsigned
signers_of(const uint8_t *p, size_t len)
{
	unsigned who = 0;

	for (unsigned i = 0; i < N_PAYLOADS; i++)
		if (rd_is(&payload[i], p, len))
			who |= i;
	return who;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct signed_doc d = {.payload = NULL};
	struct why why = {""};
	struct rd in;
	uint8_t flags;
	unsigned really;
	uint64_t at;
	int64_t now;
	enum err rc;

	rd_init(&in, data, size);
	flags = take_u8(&in);
	at = flags & 1 ? LEAVES : LEAVES - 1;
	now = flags & 2 ? PERSONS_AT_ANY_TIME : flags & 4 ? BEFORE : NOW;
	rc = persons_verify(flags & 8 ? voided : enrolled, in, now, at, &d,
	    &why);
	MUST(rc != ERR_OK || now != BEFORE);
	if (rc != ERR_OK) {
		MUST(d.payload == NULL && memchr(why.text, 0, sizeof(why)));
		return 0;
	}
	really = signers_of(d.payload, d.payload_len);
	if (flags & (1 | 8))
		really &= 1; /* the second has left, or counts no more */
	MUST(d.n_signers >= 1 && d.n_signers <= 2);
	for (unsigned i = 0; i < d.n_signers; i++) {
		MUST(d.signer[i] < 2 && (really & 1U << d.signer[i]) != 0);
		really &= ~(1U << d.signer[i]); /* each counts once */
	}
	signed_doc_done(&d);
	return 0;
}
