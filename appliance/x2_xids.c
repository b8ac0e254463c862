#include <stdlib.h>
#include <string.h>

#include <openssl/rand.h>

#include "appliance/x2_xids.h"

#define NONE UINT32_MAX
#define WORDS (XID_LEN / 4)

enum state { PLACE_FREE, PLACE_ASKED, PLACE_ANSWERED };

/* The id is the place, with a count of its uses in the bits above. */
struct place {
	uint8_t xid[XID_LEN];
	uint8_t state, is;
	uint32_t id;
	uint32_t next; /* with the same hash; NONE: the last */
};

struct x2_xids {
	uint64_t key[1 + WORDS];
	unsigned most, asked;
	uint32_t oldest; /* place that is used next: they are used in turn */
	struct place *place;
	uint32_t *first; /* by hash, as many as places */
};

/*
 * Multilinear hashing: sums of 32-bit words, each times a random 64-bit
 * number.  Two XIDs have the same upper 32 bits once in 2^32 keys, whoever
 * chose them, and so collide as rarely as by chance.
 */
static uint32_t
hash(const struct x2_xids *x, const uint8_t xid[XID_LEN])
{
	uint64_t sum = x->key[0];
	uint32_t w[WORDS];

	memcpy(w, xid, sizeof(w));
	for (unsigned i = 0; i < WORDS; i++)
		sum += x->key[1 + i] * w[i];
	return (uint32_t)(sum >> 32) & (x->most - 1);
}

enum err
x2_xids_new(unsigned most, struct x2_xids **out)
{
	struct x2_xids *x = calloc(1, sizeof(*x));

	if (x == NULL)
		return ERR_NOMEM;
	x->most = most;
	x->place = calloc(most, sizeof(*x->place));
	x->first = calloc(most, sizeof(*x->first));
	if (x->place == NULL || x->first == NULL) {
		x2_xids_free(&x);
		return ERR_NOMEM;
	}
	if (RAND_bytes((unsigned char *)x->key, sizeof(x->key)) != 1) {
		x2_xids_free(&x);
		return ERR_CRYPTO;
	}
	for (uint32_t i = 0; i < most; i++)
		x->place[i].id = i;
	x2_xids_forget(x);
	*out = x;
	return ERR_OK;
}

void
x2_xids_free(struct x2_xids **xp)
{
	struct x2_xids *x = *xp;

	if (x == NULL)
		return;
	free(x->place);
	free(x->first);
	free(x);
	*xp = NULL;
}

enum err
x2_xids_find(const struct x2_xids *x, const uint8_t xid[XID_LEN], uint8_t *is)
{
	uint32_t i;

	for (i = x->first[hash(x, xid)]; i != NONE; i = x->place[i].next) {
		const struct place *p = &x->place[i];

		if (memcmp(p->xid, xid, XID_LEN) != 0)
			continue;
		if (p->state == PLACE_ASKED)
			return ERR_AGAIN;
		*is = p->is;
		return ERR_OK;
	}
	return ERR_NOTFOUND;
}

static void
empty(struct x2_xids *x, uint32_t i)
{
	struct place *p = &x->place[i];
	uint32_t *at;

	if (p->state == PLACE_FREE)
		return;
	at = &x->first[hash(x, p->xid)];
	while (*at != i)
		at = &x->place[*at].next;
	*at = p->next;
	if (p->state == PLACE_ASKED)
		x->asked--;
	p->state = PLACE_FREE;
}

uint32_t
x2_xids_ask(struct x2_xids *x, const uint8_t xid[XID_LEN])
{
	const uint32_t i = x->oldest, h = hash(x, xid);
	struct place *p = &x->place[i];

	empty(x, i);
	x->oldest = (i + 1) & (x->most - 1);
	memcpy(p->xid, xid, XID_LEN);
	p->state = PLACE_ASKED;
	p->id += x->most; /* an old answer is not taken for this one's */
	p->next = x->first[h];
	x->first[h] = i;
	x->asked++;
	return p->id;
}

void
x2_xids_take_back(struct x2_xids *x, uint32_t id)
{
	const uint32_t i = id & (x->most - 1);

	if (x->place[i].id == id)
		empty(x, i);
}

bool
x2_xids_answer(struct x2_xids *x, uint32_t id, uint8_t is)
{
	struct place *p = &x->place[id & (x->most - 1)];

	if (p->state != PLACE_ASKED || p->id != id)
		return false;
	p->state = PLACE_ANSWERED;
	p->is = is;
	x->asked--;
	return true;
}

unsigned
x2_xids_asked(const struct x2_xids *x)
{
	return x->asked;
}

void
x2_xids_changed(struct x2_xids *x)
{
	for (uint32_t i = 0; i < x->most; i++)
		if (x->place[i].state == PLACE_ANSWERED)
			empty(x, i);
}

void
x2_xids_forget(struct x2_xids *x)
{
	for (uint32_t i = 0; i < x->most; i++) {
		x->place[i].state = PLACE_FREE;
		x->first[i] = NONE;
	}
	x->asked = 0;
}
