#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "probe_fault.h"

#define BETWEEN_MS 20 /* two requests */
#define FIRST_MS 150 /* for SIGHUP to have its effect */
#define BACK_MOST_MS 60000
#define SLOW_MS 300 /* what meets no fault takes less */

/* What has been asked for and what came of it. */
struct seen {
	struct df2 *df2;
	const struct xk_get_keys *request;
	uint8_t *keys; /* of the first answer, encoded */
	size_t keys_len;
	unsigned asked, granted, unavailable, wrong, met;
};

enum answer { GRANTED, REFUSED, LOST };

static void
wait_ms(unsigned ms)
{
	(void)usleep(ms * 1000);
}

static unsigned
now_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (unsigned)(t.tv_sec * 1000 + t.tv_nsec / 1000000);
}

static void
wrong(struct seen *s, const char *what)
{
	(void)printf("wrong: %s\n", what);
	s->wrong++;
}

/* The first keys are kept, those after them must be the same. */
static void
judge_keys(struct seen *s, const struct xk_get_keys_response *k)
{
	uint8_t *der = NULL;
	size_t len = 0;

	if (xk_encode_keys(1, k, &der, &len) != ERR_OK) {
		wrong(s, "keys that cannot be encoded");
		return;
	}
	if (s->keys == NULL) {
		s->keys = der;
		s->keys_len = len;
		return;
	}
	if (len != s->keys_len || memcmp(der, s->keys, len) != 0)
		wrong(s, "other keys");
	else
		s->granted++;
	xk_der_free(&der, len);
}

static enum answer
ask(struct seen *s)
{
	enum answer a = REFUSED;
	struct why why = {""};
	struct xk_msg m;

	if (df2_get_keys(s->df2, ++s->asked, s->request, &m, &why) != ERR_OK) {
		(void)printf("lost: %s\n", why.text);
		return LOST;
	}
	if (m.type == XK_GET_KEYS_RESPONSE) {
		judge_keys(s, m.u.keys);
		a = GRANTED;
	} else if (m.type == XK_REFUSAL && m.u.refusal.reason == XK_UNAVAILABLE)
		s->unavailable++;
	else
		wrong(s,
		    m.type == XK_REFUSAL ? xk_reason_name(m.u.refusal.reason)
					 : "an answer of another kind");
	xk_msg_free(&m);
	return a;
}

/* How long service was away; false: the connection has ended. */
static bool
one(struct seen *s, const struct probe_fault *f, unsigned *ms)
{
	unsigned since;
	enum answer a;
	int fd;

	(void)kill(f->daemon, SIGHUP);
	wait_ms(FIRST_MS);
	fd = open(f->while_file, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (fd == -1) {
		(void)printf("lost: %s cannot be made\n", f->while_file);
		return false;
	}
	close(fd);
	since = now_ms();
	a = ask(s);
	s->met += a != GRANTED || now_ms() - since >= SLOW_MS;
	since = now_ms();
	(void)unlink(f->while_file);
	while (a == REFUSED && now_ms() - since < BACK_MOST_MS) {
		a = ask(s);
		if (a == REFUSED)
			wait_ms(BETWEEN_MS);
	}
	*ms = now_ms() - since;
	return a != LOST;
}

static int
by_size(const void *a, const void *b)
{
	const unsigned x = *(const unsigned *)a, y = *(const unsigned *)b;

	return (x > y) - (x < y);
}

bool
probe_faults(struct df2 *df2, const struct xk_get_keys *request,
    const struct probe_fault *f)
{
	struct seen s = {.df2 = df2, .request = request};
	unsigned *ms = calloc(f->times + 1, sizeof(*ms));
	bool ok =
	    ms != NULL && f->times > 0 && ask(&s) == GRANTED && s.keys != NULL;

	for (unsigned i = 0; ok && i < f->times; i++)
		ok = one(&s, f, &ms[i]);
	if (ok) {
		qsort(ms, f->times, sizeof(*ms), by_size);
		(void)printf("%u %u %u %u %u %u %u\n", s.asked, s.granted,
		    s.unavailable, s.wrong, ms[f->times / 2], ms[f->times - 1],
		    s.met);
	}
	if (s.keys != NULL)
		xk_der_free(&s.keys, s.keys_len);
	free(ms);
	return ok;
}
