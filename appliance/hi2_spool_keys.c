/*
 * Data keys that are open: the one that is sealed with, and a few that rows
 * are read with.  Every other one is open to the token alone.
 */
#include <string.h>

#include "appliance/hi2_spool_int.h"

static struct data_key *
find(struct spool *s, uint64_t key)
{
	for (unsigned i = 0; i < SPOOL_KEYS_OPEN; i++)
		if (s->opened[i].octets != NULL && s->opened[i].id == key)
			return &s->opened[i];
	return NULL;
}

/* A place for one more: a free one, else of the one used longest ago. */
static struct data_key *
place(struct spool *s)
{
	struct data_key *at = &s->opened[0];

	for (unsigned i = 0; i < SPOOL_KEYS_OPEN; i++) {
		struct data_key *k = &s->opened[i];

		if (k->octets == NULL)
			return k;
		if (k->turn < at->turn)
			at = k;
	}
	secret_free(&at->octets);
	return at;
}

const uint8_t *
spool_key(struct spool *s, uint64_t key, int64_t now_ms)
{
	struct data_key *k = find(s, key);

	if (key == s->key)
		return queue_sealer_key(s->sealer);
	if (k == NULL)
		return NULL;
	k->used = now_ms;
	k->turn = ++s->key_turn;
	return secret_data(k->octets);
}

/* Rows under it may be about to go out; if nothing is read, it goes soon. */
void
spool_key_keep(struct spool *s)
{
	struct data_key *at;

	if (!s->key_on_disk)
		return;
	at = place(s);
	*at = (struct data_key){s->key, queue_sealer_take_key(s->sealer),
	    s->read_ms, ++s->key_turn};
}

enum err
spool_key_wrapped(struct spool *s, uint64_t key, uint8_t out[QUEUE_WRAPPED_MAX],
    size_t *len, struct why *why)
{
	struct rd had;
	enum err rc;

	spool_bind_int(&s->db, SPOOL_GET_KEY, 1, (int64_t)key);
	rc = spool_row(&s->db, SPOOL_GET_KEY, why);
	if (rc == ERR_OK) {
		had = spool_octets(&s->db, SPOOL_GET_KEY, 0);
		if (had.left == 0 || had.left > QUEUE_WRAPPED_MAX)
			rc = ERR_NOTFOUND;
		else {
			memcpy(out, had.p, had.left);
			*len = had.left;
		}
	}
	spool_end(&s->db, SPOOL_GET_KEY);
	return rc;
}

enum err
spool_key_put(struct spool *s, uint64_t key, struct rd octets, int64_t now_ms)
{
	struct data_key *at;
	enum err rc;

	if (octets.left != QUEUE_KEY_LEN)
		return ERR_MALFORMED;
	if (key == s->key || find(s, key) != NULL)
		return ERR_OK;
	at = place(s);
	if ((rc = secret_new(QUEUE_KEY_LEN, &at->octets)) != ERR_OK)
		return rc;
	memcpy(secret_data(at->octets), octets.p, QUEUE_KEY_LEN);
	at->id = key;
	at->used = now_ms;
	at->turn = ++s->key_turn;
	return ERR_OK;
}

/* Of more than are remembered, the first is asked for again. */
void
spool_key_lost(struct spool *s, uint64_t key)
{
	if (!spool_key_is_lost(s, key))
		s->lost[s->n_lost++ % SPOOL_KEYS_LOST] = key;
}

bool
spool_key_is_lost(const struct spool *s, uint64_t key)
{
	for (unsigned i = 0; i < s->n_lost && i < SPOOL_KEYS_LOST; i++)
		if (s->lost[i] == key)
			return true;
	return false;
}

void
spool_keys_idle(struct spool *s, int64_t now_ms)
{
	for (unsigned i = 0; i < SPOOL_KEYS_OPEN; i++)
		if (s->opened[i].octets != NULL &&
		    now_ms - s->opened[i].used >= SPOOL_KEY_IDLE_MS)
			secret_free(&s->opened[i].octets);
}

void
spool_keys_done(struct spool *s)
{
	for (unsigned i = 0; i < SPOOL_KEYS_OPEN; i++)
		secret_free(&s->opened[i].octets);
}
