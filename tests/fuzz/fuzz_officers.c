/*
 * A document signed by officers.  There are two officers and a third person
 * who is none, with keys of this test; whatever the input, only what they did
 * sign (officers/payload-N, N telling who: 1 the first, 2 the second) may be
 * accepted, and only for those who signed it.
 *
 * Input: u8 flags; 1: two must have signed, 2: at any time, 4: before the
 * certificates; then the document.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "der_mutate.h"
#include "policy/officers.h"

#define NOW 1900000000 /* the certificates are valid for long */
#define BEFORE 1000000000 /* and were not then */
#define N_PAYLOADS 4 /* who signed it, as a set of two bits */

static struct officers *officers;
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

	(void)snprintf(path, sizeof(path), "%s/fuzz/officers/%s", KW_TESTS,
	    name);
	return read_whole(path);
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static const char *const names[] = {"first", "second"};
	struct why why;
	char file[32];

	(void)argc;
	(void)argv;
	MUST(officers_new(&officers) == ERR_OK);
	for (size_t i = 0; i < 2; i++) {
		(void)snprintf(file, sizeof(file), "%s.der", names[i]);
		struct rd cert = load(file);

		MUST(officers_add(officers, names[i], cert, &why) == ERR_OK);
		MUST(officers_add(officers, "other", cert, &why) == ERR_EXISTS);
		own_free(&cert);
	}
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
	unsigned need, really;
	int64_t now;
	enum err rc;

	rd_init(&in, data, size);
	flags = take_u8(&in);
	need = 1 + (flags & 1);
	now = flags & 2 ? OFFICERS_AT_ANY_TIME : flags & 4 ? BEFORE : NOW;
	rc = officers_verify(officers, in, now, need, &d, &why);
	MUST(rc != ERR_OK || now != BEFORE);
	if (rc != ERR_OK) {
		MUST(d.payload == NULL && memchr(why.text, 0, sizeof(why)));
		return 0;
	}
	really = signers_of(d.payload, d.payload_len);
	MUST(d.n_signers >= need && d.n_signers <= 2 && d.valid_until > NOW);
	for (unsigned i = 0; i < d.n_signers; i++) {
		MUST(d.signer[i] < 2 && (really & 1U << d.signer[i]) != 0);
		really &= ~(1U << d.signer[i]); /* each counts once */
	}
	signed_doc_done(&d);
	return 0;
}
