/* state: sessions, login and device, as far as the rules have spoilt them. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "state.h"

struct session {
	CK_SESSION_HANDLE handle;
	CK_SLOT_ID slot;
	unsigned long used_ms;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct {
	bool initialized, removed, logged_out;
	bool dropped; /* from here on only sessions in the table are alive */
	struct session *session;
	size_t n_sessions;
} st;

void *
state_grow(void *table, size_t n, size_t size)
{
	void *p = reallocarray(table, n, size);

	if (p == NULL) {
		(void)fputs("p11fault: out of memory\n", stderr);
		abort();
	}
	return p;
}

static unsigned long
now_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (unsigned long)t.tv_sec * 1000 +
	    (unsigned long)t.tv_nsec / 1000000;
}

void
state_reset(void)
{
	pthread_mutex_lock(&lock);
	free(st.session);
	st.session = NULL;
	st.n_sessions = 0;
	st.initialized = st.removed = st.logged_out = st.dropped = false;
	pthread_mutex_unlock(&lock);
	state_reset_objects();
}

bool
state_initialized(void)
{
	bool yes;

	pthread_mutex_lock(&lock);
	yes = st.initialized;
	pthread_mutex_unlock(&lock);
	return yes;
}

void
state_set_initialized(bool yes)
{
	pthread_mutex_lock(&lock);
	st.initialized = yes;
	pthread_mutex_unlock(&lock);
}

/* The caller has the lock; NULL for a session not in the table. */
static struct session *
find(CK_SESSION_HANDLE s)
{
	for (size_t i = 0; i < st.n_sessions; i++)
		if (st.session[i].handle == s)
			return &st.session[i];
	return NULL;
}

static void
forget(struct session *s)
{
	*s = st.session[--st.n_sessions];
}

void
state_opened(CK_SESSION_HANDLE handle, CK_SLOT_ID slot)
{
	struct session *s;

	pthread_mutex_lock(&lock);
	if ((s = find(handle)) == NULL) {
		st.session = state_grow(st.session, st.n_sessions + 1,
		    sizeof(*st.session));
		s = &st.session[st.n_sessions++];
	}
	*s = (struct session){handle, slot, now_ms()};
	pthread_mutex_unlock(&lock);
}

void
state_closed(CK_SESSION_HANDLE handle)
{
	struct session *s;

	pthread_mutex_lock(&lock);
	if ((s = find(handle)) != NULL)
		forget(s);
	pthread_mutex_unlock(&lock);
}

void
state_closed_all(CK_SLOT_ID slot)
{
	pthread_mutex_lock(&lock);
	for (size_t i = st.n_sessions; i-- > 0;)
		if (st.session[i].slot == slot)
			forget(&st.session[i]);
	pthread_mutex_unlock(&lock);
}

void
state_used(CK_SESSION_HANDLE handle)
{
	struct session *s;

	pthread_mutex_lock(&lock);
	if ((s = find(handle)) != NULL)
		s->used_ms = now_ms();
	pthread_mutex_unlock(&lock);
}

bool
state_session_dead(CK_SESSION_HANDLE handle)
{
	bool dead;

	pthread_mutex_lock(&lock);
	dead = st.dropped && find(handle) == NULL;
	pthread_mutex_unlock(&lock);
	return dead;
}

/*
 * Closing them for good, not only hiding them, is what makes the login go
 * with the last of them, as it does at a token whose connection was lost.
 */
void
state_drop_sessions(unsigned long idle_ms)
{
	const unsigned long now = now_ms();

	pthread_mutex_lock(&lock);
	for (size_t i = st.n_sessions; i-- > 0;) {
		struct session *s = &st.session[i];

		if (now - s->used_ms < idle_ms)
			continue;
		st.dropped = true;
		(void)real_list->C_CloseSession(s->handle);
		forget(s);
	}
	pthread_mutex_unlock(&lock);
}

void
state_remove_device(void)
{
	pthread_mutex_lock(&lock);
	st.removed = true;
	pthread_mutex_unlock(&lock);
}

bool
state_removed(void)
{
	bool yes;

	pthread_mutex_lock(&lock);
	yes = st.removed;
	pthread_mutex_unlock(&lock);
	return yes;
}

/*
 * Without the C_Logout the next C_Login would find itself logged in already,
 * and would not look at the PIN.
 */
void
state_log_out(void)
{
	pthread_mutex_lock(&lock);
	st.logged_out = true;
	for (size_t i = 0; i < st.n_sessions; i++)
		(void)real_list->C_Logout(st.session[i].handle);
	pthread_mutex_unlock(&lock);
}

void
state_logged_in(void)
{
	pthread_mutex_lock(&lock);
	st.logged_out = false;
	pthread_mutex_unlock(&lock);
}

bool
state_logged_out(void)
{
	bool yes;

	pthread_mutex_lock(&lock);
	yes = st.logged_out;
	pthread_mutex_unlock(&lock);
	return yes;
}
