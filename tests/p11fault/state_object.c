/* state_object: which handles went stale, and which secrets read wrongly. */
#include <pthread.h>
#include <stdlib.h>

#include "state.h"

struct object {
	CK_OBJECT_HANDLE handle;
	bool fresh; /* handed out since the handles went stale */
	struct marks marks;
};

static const struct marks no_marks = {.keep = RULE_NO_ARG};

/*
 * Only what must be remembered is in the table: before the first
 * stale-handles that is the secrets with marks.
 */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static bool went_stale;
static struct object *table;
static size_t n_objects;

void
state_reset_objects(void)
{
	pthread_mutex_lock(&lock);
	free(table);
	table = NULL;
	n_objects = 0;
	went_stale = false;
	pthread_mutex_unlock(&lock);
}

/* The caller has the lock. */
static struct object *
find(CK_OBJECT_HANDLE o)
{
	for (size_t i = 0; i < n_objects; i++)
		if (table[i].handle == o)
			return &table[i];
	return NULL;
}

static struct object *
find_or_add(CK_OBJECT_HANDLE o)
{
	struct object *e = find(o);

	if (e != NULL)
		return e;
	table = state_grow(table, n_objects + 1, sizeof(*table));
	e = &table[n_objects++];
	*e = (struct object){.handle = o, .marks = no_marks};
	return e;
}

void
state_make_stale(void)
{
	pthread_mutex_lock(&lock);
	went_stale = true;
	for (size_t i = 0; i < n_objects; i++)
		table[i].fresh = false;
	pthread_mutex_unlock(&lock);
}

bool
state_stale(CK_OBJECT_HANDLE o)
{
	const struct object *e;
	bool stale;

	pthread_mutex_lock(&lock);
	e = find(o);
	stale = went_stale && (e == NULL || !e->fresh);
	pthread_mutex_unlock(&lock);
	return stale;
}

void
state_made(CK_OBJECT_HANDLE o, const struct marks *marks)
{
	struct object *e;

	pthread_mutex_lock(&lock);
	/* The number of an object that is gone may come back for a new one. */
	if ((e = find(o)) != NULL)
		*e = table[--n_objects];
	if (went_stale || marks != NULL) {
		e = find_or_add(o);
		e->fresh = true;
		e->marks = marks != NULL ? *marks : no_marks;
	}
	pthread_mutex_unlock(&lock);
}

void
state_found(CK_OBJECT_HANDLE o)
{
	pthread_mutex_lock(&lock);
	if (went_stale)
		find_or_add(o)->fresh = true;
	pthread_mutex_unlock(&lock);
}

void
state_destroyed(CK_OBJECT_HANDLE o)
{
	struct object *e;

	pthread_mutex_lock(&lock);
	if ((e = find(o)) != NULL)
		*e = table[--n_objects];
	pthread_mutex_unlock(&lock);
}

bool
state_marks(CK_OBJECT_HANDLE o, struct marks *out)
{
	const struct object *e;

	pthread_mutex_lock(&lock);
	if ((e = find(o)) != NULL)
		*out = e->marks;
	pthread_mutex_unlock(&lock);
	return e != NULL && out->ecdh;
}
