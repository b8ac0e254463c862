#include <string.h>

#include "appliance/hi2_parked.h"

enum err
parked_put(struct parked *p, uint16_t type, uint32_t ticket, struct rd body,
    int64_t now_ms)
{
	struct parked_word w = {.type = type,
	    .ticket = ticket,
	    .since = now_ms};
	enum err rc;

	if (p->n == PARKED_MAX || p->octets + body.left > PARKED_OCTETS_MAX)
		return ERR_FULL;
	if ((rc = secret_new(body.left, &w.body)) != ERR_OK)
		return rc;
	memcpy(secret_data(w.body), body.p, body.left);
	p->octets += body.left;
	p->word[p->n++] = w;
	return ERR_OK;
}

static void
take_at(struct parked *p, unsigned i, struct parked_word *out)
{
	*out = p->word[i];
	p->octets -= secret_len(out->body);
	p->n--;
	memmove(&p->word[i], &p->word[i + 1], (p->n - i) * sizeof(p->word[0]));
}

bool
parked_take(struct parked *p, uint32_t ticket, struct parked_word *out)
{
	for (unsigned i = 0; i < p->n; i++)
		if (p->word[i].ticket == ticket) {
			take_at(p, i, out);
			return true;
		}
	return false;
}

unsigned
parked_expire(struct parked *p, int64_t now_ms)
{
	struct parked_word w;
	unsigned n = 0;

	while (p->n > 0 && now_ms - p->word[0].since >= PARKED_MS) {
		take_at(p, 0, &w);
		secret_free(&w.body);
		n++;
	}
	return n;
}
