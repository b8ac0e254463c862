#include <sys/stat.h>

#include <pthread.h>
#include <unistd.h>

#include "p11fault.h"

/* All below is under the lock; no function here calls the real module. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct script script;
static unsigned long counts[FN__MAX]; /* [FN__ANY]: calls of any function */

void
rules_set(const struct script *s)
{
	pthread_mutex_lock(&lock);
	script = *s;
	pthread_mutex_unlock(&lock);
}

/* splitmix64: one line of state, the same everywhere. */
static uint64_t
next_random(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

static bool
is_now(struct rule *r)
{
	const unsigned long n = counts[r->fn];
	struct stat st;

	switch (r->when) {
	case WHEN_ALWAYS:
		return true;
	case WHEN_NTH:
		return n == r->n;
	case WHEN_FROM:
		return n >= r->n;
	case WHEN_EVERY:
		return n % r->n == 0;
	case WHEN_CHANCE:
		return (double)(next_random(&r->random) >> 11) * 0x1p-53 <
		    r->chance;
	case WHEN_ONCE_FILE:
		/* Of several processes only one succeeds in this. */
		return unlink(r->path) == 0;
	case WHEN_WHILE_FILE:
		return stat(r->path, &st) == 0;
	case WHEN__MAX:
		break;
	}
	return false;
}

static bool
matches(struct rule *r, enum fn fn)
{
	return (r->fn == FN__ANY || r->fn == fn) && is_now(r);
}

void
rules_count(enum fn fn)
{
	pthread_mutex_lock(&lock);
	counts[FN__ANY]++;
	counts[fn]++;
	pthread_mutex_unlock(&lock);
}

bool
rules_event(enum fn fn, struct rule *out)
{
	bool found = false;

	pthread_mutex_lock(&lock);
	for (size_t i = 0; i < script.n && !found; i++) {
		struct rule *r = &script.rule[i];

		if (r->action >= ACT__TRAITS || !matches(r, fn))
			continue;
		*out = *r;
		found = true;
	}
	pthread_mutex_unlock(&lock);
	return found;
}

bool
rules_trait(enum action trait, enum fn fn, unsigned long *arg)
{
	bool found = false;

	pthread_mutex_lock(&lock);
	for (size_t i = 0; i < script.n && !found; i++) {
		struct rule *r = &script.rule[i];

		if (r->action != trait || !matches(r, fn))
			continue;
		*arg = r->arg;
		found = true;
	}
	pthread_mutex_unlock(&lock);
	return found;
}

bool
rules_names(enum action trait, enum fn fn, unsigned long value)
{
	bool found = false;

	pthread_mutex_lock(&lock);
	for (size_t i = 0; i < script.n && !found; i++) {
		struct rule *r = &script.rule[i];

		found = r->action == trait && r->arg == value && matches(r, fn);
	}
	pthread_mutex_unlock(&lock);
	return found;
}

bool
rules_no_mechanism(enum fn fn, CK_MECHANISM_TYPE mech)
{
	return rules_names(ACT_NO_MECHANISM, fn, mech);
}

bool
rules_any(enum action action)
{
	bool found = false;

	pthread_mutex_lock(&lock);
	for (size_t i = 0; i < script.n && !found; i++)
		found = script.rule[i].action == action;
	pthread_mutex_unlock(&lock);
	return found;
}
