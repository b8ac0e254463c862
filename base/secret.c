#include <sys/mman.h>

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/secret.h"

struct secret {
	size_t len;
	size_t maplen;
	uint8_t *p;
};

/*
 * Pages that are mapped, locked and erased, for the next secret of one page:
 * a worker needs one for each answer, and locking costs more than erasing.
 */
#define SPARES_MAX 16
static struct {
	pthread_mutex_t lock;
	void *page[SPARES_MAX];
	unsigned n;
} spares = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void *
take_spare(void)
{
	void *p = NULL;

	(void)pthread_mutex_lock(&spares.lock);
	if (spares.n > 0)
		p = spares.page[--spares.n];
	(void)pthread_mutex_unlock(&spares.lock);
	return p;
}

static bool
keep_spare(void *p)
{
	bool kept;

	(void)pthread_mutex_lock(&spares.lock);
	if ((kept = spares.n < SPARES_MAX))
		spares.page[spares.n++] = p;
	(void)pthread_mutex_unlock(&spares.lock);
	return kept;
}

/* Zeroed pages that stay in memory and out of core dumps; NULL: none. */
static void *
map_locked(size_t len)
{
	void *p = mmap(NULL, len, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return NULL;
	if (mlock(p, len) == -1 || madvise(p, len, MADV_DONTDUMP) == -1) {
		munmap(p, len);
		return NULL;
	}
	return p;
}

enum err
secret_new(size_t len, struct secret **out)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t maplen = (len + page - 1) & ~(page - 1);
	struct secret *s;
	void *p = NULL;

	if (len == 0 || maplen < len)
		return ERR_TOOBIG;
	if ((s = calloc(1, sizeof(*s))) == NULL)
		return ERR_NOMEM;
	if (maplen == page)
		p = take_spare();
	if (p == NULL && (p = map_locked(maplen)) == NULL) {
		free(s);
		return ERR_NOMEM;
	}
	*s = (struct secret){.len = len, .maplen = maplen, .p = p};
	*out = s;
	return ERR_OK;
}

uint8_t *
secret_data(struct secret *s)
{
	return s->p;
}

size_t
secret_len(const struct secret *s)
{
	return s->len;
}

void
secret_truncate(struct secret *s, size_t len)
{
	if (len >= s->len)
		return;
	explicit_bzero(s->p + len, s->len - len);
	s->len = len;
}

void
secret_wipe(struct secret *s)
{
	explicit_bzero(s->p, s->maplen);
}

void
secret_free(struct secret **sp)
{
	struct secret *s = *sp;

	if (s == NULL)
		return;
	secret_wipe(s);
	if (s->maplen != (size_t)sysconf(_SC_PAGESIZE) || !keep_spare(s->p))
		munmap(s->p, s->maplen);
	free(s);
	*sp = NULL;
}

/* Not inline: it is to begin where the others did; and on the stack itself. */
__attribute__((noinline, no_sanitize("address"))) void
secret_wipe_stack(void)
{
	uint8_t below[SECRET_STACK];

	explicit_bzero(below, sizeof(below));
}

bool
ct_equal(const void *a, const void *b, size_t len)
{
	const volatile uint8_t *x = a, *y = b;
	unsigned diff = 0;

	for (size_t i = 0; i < len; i++)
		diff |= (unsigned)(x[i] ^ y[i]);
	return (1 & ((diff - 1) >> 8)) == 1;
}
