#include <stdlib.h>
#include <string.h>

#include "lemf/calls_int.h"

struct ring {
	const struct calls *calls;
	const struct opener *opener;
	struct media_key *key;
	struct calls_counts *counts;
	struct record *record; /* it is long */
};

/* Key i of the record.  ERR_NOTFOUND: not used, and counted as what it is. */
static enum err
read_key(const struct ring *g, size_t record, unsigned i, struct media_key *k)
{
	struct clear_key clear;
	struct rd id = g->record->keys[i].cs_id;
	struct why why;
	enum err rc = sealed_key(g->opener, g->record, i, &clear, &why);

	if (rc != ERR_OK) {
		*(rc == ERR_DENIED ? &g->counts->sealed
				   : &g->counts->unusable) += 1;
		return ERR_NOTFOUND;
	}
	if (rd_copy(&id, k->id, sizeof(k->id)) == ERR_OK)
		rc = calls_stream_of(g->calls->call[k->call], record, k);
	if (rc != ERR_OK) {
		g->counts->unserved++;
		rc = ERR_NOTFOUND;
	} else if (clear.key_len != k->rules.key_len ||
	    clear.salt_len != k->rules.salt_len) {
		g->counts->unusable++;
		rc = ERR_NOTFOUND;
	} else {
		memcpy(k->key, clear.key, clear.key_len);
		memcpy(k->salt, clear.salt, clear.salt_len);
		rc = media_key_ready(k);
	}
	explicit_bzero(&clear, sizeof(clear));
	return rc;
}

/* The call has it already; its keys stand last. */
static bool
have_key(const struct ring *g, const struct media_key *k)
{
	for (size_t i = g->counts->usable; i-- > 0;) {
		const struct media_key *o = &g->key[i];

		if (o->call != k->call)
			return false;
		if (memcmp(o->id, k->id, sizeof(k->id)) == 0 &&
		    ct_equal(o->key, k->key, sizeof(k->key)) &&
		    ct_equal(o->salt, k->salt, sizeof(k->salt)))
			return true;
	}
	return false;
}

static enum err
add_record(struct ring *g, size_t call, size_t record, struct why *why)
{
	const struct call_record *from = &g->calls->call[call]->record[record];
	struct rd pdu;
	enum err rc;

	if (from->n_keys == 0)
		return ERR_OK;
	rd_init(&pdu, from->pdu, from->len);
	if ((rc = record_read(pdu, g->record, why)) != ERR_OK)
		return rc;
	for (unsigned i = 0; i < g->record->n_keys; i++) {
		struct media_key *k = &g->key[g->counts->usable];

		*k = (struct media_key){.call = (unsigned)call};
		rc = read_key(g, record, i, k);
		if (rc == ERR_OK && !have_key(g, k))
			g->counts->usable++;
		else if (rc != ERR_OK && rc != ERR_NOTFOUND)
			return why_set(why, rc, "cannot take a key: %s",
			    err_str(rc));
	}
	return ERR_OK;
}

enum err
calls_keys(const struct calls *s, const struct opener *opener,
    struct secret **out, struct calls_counts *counts, struct why *why)
{
	/* One more: where a key is that may not be used. */
	const size_t room = s->n_keys + 1;
	struct ring g = {.calls = s,
	    .opener = opener,
	    .counts = counts,
	    .record = malloc(sizeof(*g.record))};
	struct secret *keys = NULL;
	enum err rc = ERR_OK;

	*counts = (struct calls_counts){.usable = 0};
	if (room > CALLS_KEYS_MAX) {
		rc = why_set(why, ERR_FULL, "over %d keys: take fewer files",
		    CALLS_KEYS_MAX);
		goto out;
	}
	if (g.record == NULL ||
	    secret_new(room * sizeof(*g.key), &keys) != ERR_OK) {
		rc = why_set(why, ERR_NOMEM,
		    "no locked memory for %zu keys (ulimit -l)", room);
		goto out;
	}
	g.key = (void *)secret_data(keys);
	for (size_t i = 0; rc == ERR_OK && i < s->n; i++)
		for (size_t j = 0; rc == ERR_OK && j < s->call[i]->n_records;
		     j++)
			rc = add_record(&g, i, j, why);
	if (rc != ERR_OK)
		goto out;
	*out = keys;
	keys = NULL; /* now the caller's */
out:
	secret_free(&keys);
	free(g.record);
	return rc;
}
