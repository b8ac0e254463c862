/* The warrant state of a worker, with heads that a SoftHSM token seals. */
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "appliance/ctl.h"
#include "appliance/hsm_proc.h"
#include "appliance/hsm_watch.h"
#include "help.h"
#include "softhsm.h"

#define KMS "kms.example.com"
#define N_CHANGES 5

static struct softhsm soft;
static struct hsm_proc p;
static struct ipc_chan *audit; /* audit's end */
static struct head head[N_CHANGES + 1];

/* The chain: warrants, and a clock that was accepted as the last change. */
static uint8_t chain[8192], *clock_request;
static size_t at[N_CHANGES + 2]; /* where change n begins */

static int64_t
now(void)
{
	return (int64_t)time(NULL);
}

void
hsm_end(struct hsm_proc *hp, enum err rc, const struct why *why)
{
	(void)hp;
	fail_msg("%s: %s", err_str(rc), why->text);
	abort();
}

void
hsm_token_failed(struct hsm_proc *hp, const char *doing)
{
	(void)hp;
	fail_msg("%s", doing);
	abort();
}

void
hsm_doubt_token(struct hsm_proc *hp)
{
	(void)hp;
}

static int
token_init(void **state)
{
	uint8_t point[IBE_POINT_MAX];
	struct ibe_setup *setup = NULL;
	struct why why = {""};
	size_t len;

	(void)state;
	softhsm_init(&soft);
	assert_int_equal(ibe_setup_new("ss512", &setup), ERR_OK);
	if (hsm_open(soft.module, SOFTHSM_LABEL, soft.pin, &p.token, &why) !=
		ERR_OK ||
	    hsm_create_keys(p.token, ibe_setup_ec_params(setup), point, &len,
		&why) != ERR_OK ||
	    hsm_find_keys(p.token, &why) != ERR_OK)
		fail_msg("%s", why.text);
	ibe_setup_free(&setup);
	return 0;
}

static int
token_done(void **state)
{
	(void)state;
	hsm_close(&p.token);
	softhsm_done(&soft);
	return 0;
}

static void
make_state(void)
{
	static const uint8_t seal[KMS_STATE_SEAL_LEN];
	struct kms_state s = {.created = 1000, .n_persons = 0};
	struct wr w;

	s.uri = view(KMS, strlen(KMS));
	p.state_octets = malloc(1024);
	assert_non_null(p.state_octets);
	wr_init(&w, p.state_octets, 1024);
	kms_state_put(&w, &s);
	wr_copy(&w, seal, sizeof(seal));
	assert_int_equal(wr_finish(&w, &p.state_len), ERR_OK);
	hsm_forget_state(&p);
	head[0] = authority_head(p.authority);
}

static void
make_chain(void)
{
	const struct request_head h = {.kind = REQUEST_CLOCK_ACCEPT,
	    .kms = KMS,
	    .requester = "sec1",
	    .issued = now(),
	    .expires = now() + 3600};
	static const char body[] = "{\"time\":\"2026-01-31T12:00:00Z\","
				   "\"reason\":\"the clock was changed\"}";
	struct why why = {""};
	size_t len;
	struct wr w;

	if (request_write(&h, view(body, strlen(body)), &clock_request, &len,
		&why) != ERR_OK)
		fail_msg("%s", why.text);
	wr_init(&w, chain, sizeof(chain));
	for (unsigned n = 1; n <= N_CHANGES; n++) {
		struct change c = {.number = n, .time = 1000 + n};

		if (n == N_CHANGES) {
			c.kind = REQUEST_CLOCK_ACCEPT;
			c.request = view(clock_request, len);
			assert_int_equal(digest_of(c.request, c.hash), ERR_OK);
		} else {
			c.kind = REQUEST_WARRANT_ADD;
			memset(c.hash, (int)n, sizeof(c.hash));
		}
		assert_int_equal(head_after(&head[n - 1], &c, &head[n]),
		    ERR_OK);
		at[n] = w.len;
		change_put(&w, &c);
	}
	assert_int_equal(w.rc, ERR_OK);
	at[N_CHANGES + 1] = w.len;
}

static int
worker_init(void **state)
{
	int s[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, s), 0);
	assert_int_equal(ipc_chan_new(s[0], 4096, 1 << 20, &p.audit), ERR_OK);
	assert_int_equal(ipc_chan_new(s[1], 4096, 1 << 20, &audit), ERR_OK);
	p.head_fd = memfd_create("head", MFD_CLOEXEC);
	assert_int_not_equal(p.head_fd, -1);
	p.time = (struct clock_guard){.real = 0};
	p.head_time = 0;
	make_state();
	make_chain();
	return 0;
}

static int
worker_done(void **state)
{
	(void)state;
	free(clock_request);
	clock_request = NULL;
	authority_free(&p.authority);
	free(p.state_octets);
	p.state_octets = NULL;
	close(p.head_fd);
	ipc_chan_free(&p.audit);
	ipc_chan_free(&audit);
	return 0;
}

static void
sealed(uint64_t number, int64_t time)
{
	struct why why = {""};

	if (hsm_head_create(&p, &head[number], time, &why) != ERR_OK)
		fail_msg("%s", why.text);
}

/* What the worker says after changes `from` to `to`; none: an empty lesson. */
static struct msg_learnt
lesson(unsigned from, unsigned to, bool fresh, int64_t floor)
{
	struct msg_learn m = {.floor = floor, .fresh = fresh};
	static uint8_t body[sizeof(chain) + 16], answer[512];
	struct ipc_frame f = {.type = MSG_LEARN, .id = 9};
	struct msg_learnt out;
	struct wr w;
	size_t len;

	m.changes =
	    view(chain + at[from], from == 0 ? 0 : at[to + 1] - at[from]);
	wr_init(&w, body, sizeof(body));
	msg_learn_put(&w, &m);
	assert_int_equal(wr_finish(&w, &len), ERR_OK);
	f.body = view(body, len);
	assert_int_equal(hsm_on_learn(&p, &f), ERR_OK);
	assert_int_equal(ipc_flush(p.audit), ERR_OK);
	assert_int_equal(ipc_fill(audit), ERR_OK);
	assert_int_equal(ipc_next(audit, &f), ERR_OK);
	assert_int_equal(f.type, MSG_LEARNT);
	assert_int_equal(f.id, 9);
	assert_true(f.body.left <= sizeof(answer));
	memcpy(answer, f.body.p, f.body.left);
	assert_int_equal(msg_learnt_get(view(answer, f.body.left), &out),
	    ERR_OK);
	assert_int_equal(out.text.left == 0, out.rc == ERR_OK);
	return out;
}

static void
is_at(const struct msg_learnt *m, uint64_t number, bool current)
{
	assert_int_equal(m->rc, ERR_OK);
	assert_true(head_equal(&m->head, &head[number]));
	assert_int_equal(m->current, current);
	assert_int_equal(p.current, current);
	/* the seal goes with the head that it is of */
	assert_int_equal(m->seal.left, current ? HSM_SEAL_LEN : 0);
}

/* ---- what is known by the sealed head ---- */

static void
an_empty_lesson_tells_the_first_head(void **state)
{
	struct msg_learnt m;

	(void)state;
	sealed(0, 1000);
	m = lesson(0, 0, false, 0);
	is_at(&m, 0, true);
}

static void
a_state_below_the_sealed_head_is_not_worked_by(void **state)
{
	struct msg_learnt m;

	(void)state;
	sealed(4, 1000);
	m = lesson(0, 0, false, 0);
	is_at(&m, 0, false);
	m = lesson(1, 2, false, 0);
	is_at(&m, 2, false);
	m = lesson(3, 4, false, 0);
	is_at(&m, 4, true);
}

static void
a_state_that_is_not_the_sealed_one_is_forgotten(void **state)
{
	struct msg_learnt m;

	(void)state;
	sealed(2, 1000);
	chain[at[2] + 8 + 8 + 1] ^= 1; /* the hash of its request */
	m = lesson(1, 2, false, 0);
	assert_int_equal(m.rc, ERR_MISMATCH);
	assert_false(m.current);
	assert_true(head_equal(&m.head, &head[0]));
	chain[at[2] + 8 + 8 + 1] ^= 1;
	m = lesson(1, 2, false, 0);
	is_at(&m, 2, true);
}

static void
a_change_above_the_sealed_head_is_not_believed(void **state)
{
	struct msg_learnt m;

	(void)state;
	sealed(2, 1000);
	m = lesson(1, 3, false, 0);
	assert_int_equal(m.rc, ERR_DENIED);
	assert_true(head_equal(&m.head, &head[0]));
	assert_false(m.current);
	/* nor one to be judged, that nobody has signed */
	m = lesson(1, 2, false, 0);
	is_at(&m, 2, true);
	m = lesson(3, 3, true, 0);
	assert_int_not_equal(m.rc, ERR_OK);
	assert_true(head_equal(&m.head, &head[2]));
	assert_true(m.current);
}

/* ---- other workers ---- */

/* What happens while a change is judged, instead of the judgement. */
static void (*meanwhile)(void);
static int64_t judged_at;

enum err __real_authority_check(const struct authority *, const struct change *,
    int64_t, struct approval *, struct why *);
enum err __wrap_authority_check(const struct authority *, const struct change *,
    int64_t, struct approval *, struct why *);

enum err
__wrap_authority_check(const struct authority *a, const struct change *c,
    int64_t t, struct approval *out, struct why *why)
{
	if (meanwhile == NULL)
		return __real_authority_check(a, c, t, out, why);
	meanwhile();
	judged_at = t;
	*out = (struct approval){.request = NULL};
	return ERR_OK;
}

static void
the_other_seals_all(void)
{
	sealed(N_CHANGES, 2000);
}

static void
the_other_seals_another(void)
{
	struct head h = head[N_CHANGES - 1];
	struct why why = {""};

	h.hash[0] ^= 1;
	assert_int_equal(hsm_head_create(&p, &h, 2000, &why), ERR_OK);
}

/* Changes 4 and 5 are revocations that took effect without a worker. */
static void
end_with_revocations(uint8_t *request[2])
{
	static const char body[] =
	    "{\"warrant\":\"0000000000000000000000000000000000000000000000000000"
	    "000000000000\"}";
	struct request_head h = {.kind = REQUEST_WARRANT_REVOKE,
	    .kms = KMS,
	    .requester = "off1",
	    .issued = now(),
	    .expires = now() + 3600};
	struct why why = {""};
	struct wr w;

	wr_init(&w, chain, sizeof(chain));
	w.len = at[4];
	for (unsigned n = 4; n <= N_CHANGES; n++) {
		struct change c = {.number = n,
		    .time = now(),
		    .kind = REQUEST_WARRANT_REVOKE};
		size_t len;

		h.nonce[0] = (uint8_t)n;
		if (request_write(&h, view(body, strlen(body)), &request[n - 4],
			&len, &why) != ERR_OK)
			fail_msg("%s", why.text);
		c.request = view(request[n - 4], len);
		assert_int_equal(digest_of(c.request, c.hash), ERR_OK);
		assert_int_equal(head_after(&head[n - 1], &c, &head[n]),
		    ERR_OK);
		at[n] = w.len;
		change_put(&w, &c);
	}
	assert_int_equal(w.rc, ERR_OK);
	at[N_CHANGES + 1] = w.len;
}

static void
what_another_worker_seals_meanwhile_is_reached(void **state)
{
	uint8_t *request[2];
	struct msg_learnt m;

	(void)state;
	end_with_revocations(request);
	sealed(3, 1000);
	m = lesson(1, 3, false, 0);
	is_at(&m, 3, true);
	/* in two lessons */
	meanwhile = the_other_seals_all;
	m = lesson(4, 4, false, 0);
	meanwhile = NULL;
	is_at(&m, 4, false);
	m = lesson(5, 5, false, 0);
	is_at(&m, 5, true);
	/* in one */
	sealed(3, 1000);
	hsm_forget_state(&p);
	meanwhile = the_other_seals_all;
	m = lesson(1, 5, false, 0);
	meanwhile = NULL;
	is_at(&m, 5, true);
	free(request[0]);
	free(request[1]);
}

static void
another_head_that_is_sealed_meanwhile_is_not_gone_by(void **state)
{
	uint8_t *request[2];
	struct msg_learnt m;

	(void)state;
	end_with_revocations(request);
	sealed(3, 1000);
	m = lesson(1, 3, false, 0);
	meanwhile = the_other_seals_another;
	m = lesson(4, 4, false, 0);
	meanwhile = NULL;
	assert_int_equal(m.rc, ERR_MISMATCH);
	assert_true(head_equal(&m.head, &head[0]));
	assert_false(m.current);
	free(request[0]);
	free(request[1]);
}

static void
nothing_happens(void)
{
}

static void
put_time(unsigned change, int64_t t)
{
	struct wr w;

	wr_init(&w, chain + at[change] + 8, 8); /* behind its number */
	wr_i64(&w, t);
	assert_int_equal(w.rc, ERR_OK);
}

/* Policy goes by what has gone by; a worker that is new cannot know it. */
static void
a_stop_is_judged_by_its_own_time(void **state)
{
	uint8_t *request[2];
	struct msg_learnt m;
	const int64_t ahead = now() + 3600, later = now() + 10 * 86400;

	(void)state;
	end_with_revocations(request);
	sealed(3, 1000);
	m = lesson(1, 3, false, 0);
	is_at(&m, 3, true);
	/* the machine's clock is an hour behind, and was not seen to step */
	p.time = (struct clock_guard){.real = 0};
	put_time(4, ahead);
	meanwhile = nothing_happens;
	m = lesson(4, 4, true, 0);
	assert_int_equal(judged_at, ahead);
	/* not one that is dated for another day */
	put_time(5, later);
	m = lesson(5, 5, true, 0);
	assert_true(judged_at < now() + 5);
	meanwhile = NULL;
	free(request[0]);
	free(request[1]);
}

/* As one does whose token hangs while it reads or writes the head. */
static void
somebody_keeps_the_head_locked(void)
{
	struct flock l = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

	assert_int_equal(fcntl(p.head_fd, F_SETLK, &l), 0);
}

static void
is_ended(void (*act)(void))
{
	int status = 0;
	pid_t child;

	somebody_keeps_the_head_locked();
	if ((child = fork()) == 0) {
		/* the lock is the parent's; nothing else ends it but this */
		(void)close(CTL_FD); /* whatever that is here */
		hsm_watch_start(5, 1);
		act();
		_exit(0);
	}
	assert_true(child > 0);
	for (unsigned i = 0; i < 100; i++) {
		if (waitpid(child, &status, WNOHANG) == child)
			break;
		(void)usleep(50000);
		if (i == 99)
			(void)kill(child, SIGKILL);
	}
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 71);
}

static void
learn_nothing(void)
{
	(void)lesson(0, 0, false, 0);
}

static void
ask_the_time(void)
{
	int64_t t;

	(void)hsm_now(&p, &t);
}

static void
a_worker_does_not_wait_for_ever(void **state)
{
	struct msg_learnt m;

	(void)state;
	sealed(0, 1000);
	m = lesson(0, 0, false, 0);
	is_at(&m, 0, true);
	is_ended(learn_nothing);
	is_ended(ask_the_time);
}

/* ---- the clock ---- */

static void
a_clock_behind_the_log_or_the_head_stops(void **state)
{
	struct msg_learnt m;
	int64_t t;

	(void)state;
	sealed(0, 1000);
	m = lesson(0, 0, false, now());
	is_at(&m, 0, true);
	assert_true(hsm_now(&p, &t));
	m = lesson(0, 0, false, now() + 10000);
	assert_false(hsm_now(&p, &t));
	assert_true(t >= now() + 9990);

	p.time = (struct clock_guard){.real = 0};
	sealed(0, now() + 10000);
	m = lesson(0, 0, false, 0);
	assert_false(hsm_now(&p, &t));
}

static void
a_clock_that_another_worker_saw_accepted_goes_on(void **state)
{
	struct msg_learnt m;
	int64_t t;

	(void)state;
	sealed(4, 1000);
	m = lesson(1, 4, false, now() + 10000);
	is_at(&m, 4, true);
	assert_false(hsm_now(&p, &t));
	/* the other one judges and seals, at the time that was accepted */
	sealed(5, now());
	m = lesson(5, 5, false, now());
	is_at(&m, 5, true);
	assert_true(hsm_now(&p, &t));
	assert_true(t < now() + 5);
}

/* What was accepted then says nothing about a clock that is behind now. */
static void
a_clock_accepted_long_ago_accepts_nothing_today(void **state)
{
	struct msg_learnt m;
	int64_t t;

	(void)state;
	sealed(5, now() + 10000);
	m = lesson(1, 5, false, 0);
	is_at(&m, 5, true);
	assert_false(hsm_now(&p, &t));

	sealed(5, 1000);
	hsm_forget_state(&p);
	p.time = (struct clock_guard){.real = 0};
	m = lesson(1, 5, false, now() + 10000);
	is_at(&m, 5, true);
	assert_false(hsm_now(&p, &t));
}

/* An audit that has been started again tells the whole state once more. */
static void
a_clock_accepted_before_is_not_accepted_by_telling_it_again(void **state)
{
	struct msg_learnt m;
	int64_t t;

	(void)state;
	sealed(5, 1000);
	m = lesson(1, 5, false, 0);
	is_at(&m, 5, true);
	assert_true(hsm_now(&p, &t));
	m = lesson(1, 5, false, now() + 10000);
	assert_int_equal(m.rc, ERR_OK);
	assert_true(m.current);
	assert_false(hsm_now(&p, &t));
	assert_true(t >= now() + 9990);
}

static void
what_is_no_lesson_ends_the_line(void **state)
{
	struct ipc_frame f = {.type = MSG_LEARN};

	(void)state;
	sealed(0, 1000);
	f.body = view("\0\0\0", 3);
	assert_int_equal(hsm_on_learn(&p, &f), ERR_MALFORMED);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, worker_init, worker_done)
	const struct CMUnitTest tests[] = {
	    T(an_empty_lesson_tells_the_first_head),
	    T(a_state_below_the_sealed_head_is_not_worked_by),
	    T(a_state_that_is_not_the_sealed_one_is_forgotten),
	    T(a_change_above_the_sealed_head_is_not_believed),
	    T(what_another_worker_seals_meanwhile_is_reached),
	    T(another_head_that_is_sealed_meanwhile_is_not_gone_by),
	    T(a_stop_is_judged_by_its_own_time),
	    T(a_worker_does_not_wait_for_ever),
	    T(a_clock_behind_the_log_or_the_head_stops),
	    T(a_clock_that_another_worker_saw_accepted_goes_on),
	    T(a_clock_accepted_long_ago_accepts_nothing_today),
	    T(a_clock_accepted_before_is_not_accepted_by_telling_it_again),
	    T(what_is_no_lesson_ends_the_line),
	};

	return cmocka_run_group_tests(tests, token_init, token_done);
}
