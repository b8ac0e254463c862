/* The signed octets of a warrant: what parses keeps every rule it came under.
 */
#include <string.h>

#include "fuzz.h"
#include "policy/rfc3339.h"
#include "policy/warrant.h"

static void
check_rules(const struct warrant *w)
{
	struct why why;
	struct rd id;

	MUST(w->liid[0] != '\0' && strlen(w->liid) <= MAX_LIID);
	MUST(w->n_ids >= 1 && w->n_ids <= MAX_WARRANT_IDS);
	MUST(w->n_clients >= 1 && w->n_clients <= MAX_WARRANT_CLIENTS);
	MUST(w->start < w->end && w->calls_from <= w->start && w->issued >= 0);
	MUST(w->grace >= 0 && w->grace <= WARRANT_GRACE_MAX && w->to_xk);
	for (unsigned i = 0; i < w->n_ids; i++) {
		rd_init(&id, w->ids[i], strlen(w->ids[i]));
		MUST(identity_check(id, &why) == ERR_OK);
		for (unsigned k = 0; k < i; k++)
			MUST(strcmp(w->ids[i], w->ids[k]) != 0);
	}
	for (unsigned i = 0; i < w->n_clients; i++)
		MUST(w->clients[i][0] != '\0' &&
		    strlen(w->clients[i]) <= MAX_NAME);
}

/* In force for exactly what it says and not a second longer. */
static void
check_decisions(const struct warrant *w)
{
	struct ask a = {.now = w->start, .n_t = 0};
	int64_t edge;

	rd_init(&a.target, w->ids[0], strlen(w->ids[0]));
	rd_init(&a.client, w->clients[0], strlen(w->clients[0]));
	MUST(warrant_is_for(w, &a) && warrant_covers_call(w, &a));
	rd_init(&a.liid, w->liid, strlen(w->liid));
	MUST(warrant_is_for(w, &a));
	a.liid.left--;
	MUST(warrant_is_for(w, &a) == (a.liid.left == 0));
	a.liid.left++;
	a.now = w->start - WARRANT_SKEW - 1;
	MUST(!warrant_is_for(w, &a) && !warrant_covers_call(w, &a));
	a.now = w->end + w->grace - 1;
	MUST(warrant_is_for(w, &a));
	a.now++;
	MUST(!warrant_is_for(w, &a) && !warrant_covers_call(w, &a));
	a.n_t = 2;
	a.t[0] = w->start;
	edge = w->end + WARRANT_SKEW;
	a.t[1] = edge - 1;
	MUST(warrant_covers_call(w, &a));
	a.t[1] = edge;
	MUST(!warrant_covers_call(w, &a));
	a.t[1] = w->calls_from - WARRANT_SKEW;
	MUST(warrant_covers_call(w, &a));
	a.t[1]--;
	MUST(!warrant_covers_call(w, &a));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t name[WARRANT_ID_LEN];
	struct warrant *w = NULL;
	struct why why = {""};
	struct rd in;

	rd_init(&in, data, size);
	if (warrant_parse(in, &w, &why) != ERR_OK) {
		MUST(w == NULL && why.text[0] != '\0');
		return 0;
	}
	/* A text that ends for some readers and goes on for others is none. */
	MUST(memchr(data, 0, size) == NULL);
	MUST(warrant_name(in, name) == ERR_OK);
	MUST(memcmp(name, w->id, sizeof(name)) == 0);
	check_rules(w);
	check_decisions(w);
	warrant_free(&w);
	MUST(w == NULL);
	return 0;
}
