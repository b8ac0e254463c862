/*
 * keywarden-hi2 itself, in its filter, started and spoken to as the
 * supervisor, x2, a worker and policy do.
 */
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "appliance/ctl.h"
#include "appliance/hi2_delivery.h"
#include "appliance/kms_state.h"
#include "appliance/proto_hi2.h"
#include "appliance/proto_intake.h"
#include "base/clock.h"
#include "help.h"
#include "spool_look.h"

#define EPOCH 99
#define WAIT_MS 20000

static struct spool_key key;

struct rig {
	char dir[64], path[96], state[96];
	int ctl;
	pid_t pid;
	struct ipc_chan *x2, *policy, *hsm, *audit, *hi2c;
	uint8_t packet[IPC_CTL_MAX];
};

/* ---- the supervisor's side ---- */

static void
write_state(const struct rig *g, const char *uri)
{
	static uint8_t buf[8192];
	static struct kms_state s;
	size_t len = 0;
	struct wr w;
	FILE *f;

	s = (struct kms_state){.scheme = str("ss512"),
	    .uri = str(uri),
	    .spool_key = spool_key_spki(&key)};
	wr_init(&w, buf, sizeof(buf));
	kms_state_put(&w, &s);
	wr_copy(&w, "seal seal seal seal seal seal seal", KMS_STATE_SEAL_LEN);
	assert_int_equal(wr_finish(&w, &len), ERR_OK);
	f = fopen(g->state, "w");
	assert_non_null(f);
	assert_int_equal(fwrite(buf, 1, len, f), len);
	assert_int_equal(fclose(f), 0);
}

static int
make_key(void **state)
{
	(void)state;
	spool_key_make(&key);
	return 0;
}

static int
free_key(void **state)
{
	(void)state;
	spool_key_done(&key);
	return 0;
}

static int
set_up(void **state)
{
	struct rig *g = calloc(1, sizeof(*g));

	assert_non_null(g);
	(void)snprintf(g->dir, sizeof(g->dir), "/tmp/kw-hi2-XXXXXX");
	assert_non_null(mkdtemp(g->dir));
	(void)snprintf(g->path, sizeof(g->path), "%s/spool.db", g->dir);
	(void)snprintf(g->state, sizeof(g->state), "%s/kms-state", g->dir);
	write_state(g, "sip:kms@example.org");
	*state = g;
	return 0;
}

static int
tear_down(void **state)
{
	struct rig *g = *state;

	folder_remove(g->dir);
	free(g);
	return 0;
}

/* A channel to it; what was there before is closed. */
static void
connect_index(struct rig *g, enum ctl_peer kind, unsigned index,
    struct ipc_chan **out)
{
	int pair[2];

	ipc_chan_free(out);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0,
			     pair),
	    0);
	assert_int_equal(ipc_chan_new(pair[0], MAX_IPC_BODY, MAX_IPC_QUEUE,
			     out),
	    ERR_OK);
	assert_int_equal(ipc_ctl_send(g->ctl, MSG_CTL_PEER,
			     CTL_PEER_ID(kind, index), NULL, 0, pair[1]),
	    ERR_OK);
	close(pair[1]);
}

static void
connect_to(struct rig *g, enum ctl_peer kind, struct ipc_chan **out)
{
	connect_index(g, kind, 0, out);
}

static void
settings(struct rig *g, uint16_t type, const char *profile)
{
	static struct hi2_settings s;
	static uint8_t buf[4096];
	size_t len = 0;
	struct wr w;

	s = (struct hi2_settings){.spool = str(g->path),
	    .n_lemfs = 1,
	    .intake_most = 1 << 20};
	s.lemf[0] = (struct lemf_settings){.name = str("north"),
	    .profile = str(profile),
	    .n_options = 1,
	    .option = {{str("operator_id"), str("north")}},
	    .queue_mib = 1,
	    .linked = true,
	    .slot = 3,
	    .dead_seconds = 60};
	wr_init(&w, buf, sizeof(buf));
	hi2_settings_put(&w, &s);
	assert_int_equal(wr_finish(&w, &len), ERR_OK);
	assert_int_equal(ipc_ctl_send(g->ctl, type, 0, buf, len, -1), ERR_OK);
}

static void
start(struct rig *g, const char *profile)
{
	int pair[2], fd;

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	g->pid = fork();
	assert_true(g->pid >= 0);
	if (g->pid == 0) {
		close(pair[0]);
		if (pair[1] != CTL_FD && dup2(pair[1], CTL_FD) == -1)
			_exit(126);
		(void)execl(HI2, HI2, (char *)NULL);
		_exit(127);
	}
	close(pair[1]);
	g->ctl = pair[0];
	fd = open(g->state, O_RDONLY | O_CLOEXEC);
	assert_int_not_equal(fd, -1);
	assert_int_equal(ipc_ctl_send(g->ctl, MSG_CTL_FILE, CTL_FILE_KMS_STATE,
			     NULL, 0, fd),
	    ERR_OK);
	close(fd);
	connect_to(g, CTL_PEER_X2, &g->x2);
	connect_to(g, CTL_PEER_POLICY, &g->policy);
	connect_to(g, CTL_PEER_HSM, &g->hsm);
	connect_to(g, CTL_PEER_AUDIT, &g->audit);
	connect_index(g, CTL_PEER_HI2C, 3, &g->hi2c);
	settings(g, MSG_CTL_SETUP, profile);
}

static struct ipc_frame
from_ctl(struct rig *g)
{
	struct pollfd p = {g->ctl, POLLIN, 0};
	struct ipc_frame f;
	int fd = -1;

	assert_int_equal(poll(&p, 1, WAIT_MS), 1);
	assert_int_equal(ipc_ctl_recv(g->ctl, g->packet, sizeof(g->packet), &f,
			     &fd),
	    ERR_OK);
	assert_int_equal(fd, -1);
	return f;
}

static void
ready(struct rig *g)
{
	assert_int_equal(from_ctl(g).type, MSG_CTL_READY);
}

static void
fails_with(struct rig *g, enum err want, const char *says)
{
	struct ipc_frame f = from_ctl(g);
	struct rd text;
	enum err rc;

	assert_int_equal(f.type, MSG_CTL_FAILED);
	assert_int_equal(msg_error_get(f.body, &rc, &text), ERR_OK);
	assert_int_equal(rc, want);
	if (memmem(text.p, text.left, says, strlen(says)) == NULL)
		fail_msg("\"%.*s\" does not say \"%s\"", (int)text.left,
		    (const char *)text.p, says);
}

/* Its end; all that was ours with it goes too. */
static int
is_gone(struct rig *g)
{
	int status;

	assert_int_equal(waitpid(g->pid, &status, 0), g->pid);
	ipc_chan_free(&g->x2);
	ipc_chan_free(&g->policy);
	ipc_chan_free(&g->hsm);
	ipc_chan_free(&g->audit);
	ipc_chan_free(&g->hi2c);
	close(g->ctl);
	return status;
}

static int
ended(struct rig *g)
{
	const int status = is_gone(g);

	if (WIFSIGNALED(status))
		fail_msg("ended by signal %d", WTERMSIG(status));
	return WEXITSTATUS(status);
}

static void
stop(struct rig *g)
{
	assert_int_equal(ipc_ctl_send(g->ctl, MSG_CTL_STOP, 0, NULL, 0, -1),
	    ERR_OK);
	assert_int_equal(ended(g), 0);
}

/* ---- the neighbours' sides ---- */

static void
say(struct ipc_chan *c, uint16_t type, uint32_t id, const void *body,
    size_t len)
{
	assert_int_equal(ipc_send(c, type, id, body, len), ERR_OK);
	while (ipc_queued(c) > 0) {
		struct pollfd p = {ipc_chan_fd(c), POLLOUT, 0};

		assert_int_equal(poll(&p, 1, WAIT_MS), 1);
		assert_int_equal(ipc_flush(c), ERR_OK);
	}
}

static void
say_content(struct rig *g, uint32_t ticket)
{
	static uint8_t buf[256];
	const struct msg_content m = {.epoch = EPOCH,
	    .correlation = {0, 0, 0, 0, 0, 0, 0, 9},
	    .seconds = 1800000000,
	    .direction = 2,
	    .sip = str("BYE sip:b@example.net SIP/2.0\r\n\r\n")};
	size_t len = 0;
	struct wr w;

	wr_init(&w, buf, sizeof(buf));
	msg_content_put(&w, &m);
	assert_int_equal(wr_finish(&w, &len), ERR_OK);
	say(g->x2, MSG_CONTENT, ticket, buf, len);
}

static struct destination
to(uint64_t leg, const char *lemf)
{
	return (struct destination){.leg = leg,
	    .liid = str("LIID-1"),
	    .n_lemfs = 1,
	    .lemf = {str(lemf)},
	    .n_targets = 1,
	    .target = {str("sip:a@example.org")}};
}

static void
say_order(struct ipc_chan *c, uint32_t ticket, uint64_t leg, const char *lemf)
{
	static uint8_t buf[512];
	const struct msg_hi2_order m = {.epoch = EPOCH,
	    .kind = X2_ASK_SIP,
	    .to = to(leg, lemf)};
	size_t len = 0;
	struct wr w;

	wr_init(&w, buf, sizeof(buf));
	msg_hi2_order_put(&w, &m);
	assert_int_equal(wr_finish(&w, &len), ERR_OK);
	say(c, MSG_HI2_ORDER, ticket, buf, len);
}

static void
say_keys(struct rig *g, uint32_t ticket, uint64_t leg)
{
	static struct xk_get_keys_response k;
	static uint8_t answer[512], buf[1024];
	struct msg_hi2_keys m = {.epoch = EPOCH, .to = to(leg, "north")};
	size_t len = 0;
	struct wr w;

	k = (struct xk_get_keys_response){.n_keys = 1};
	wr_init(&w, answer, sizeof(answer));
	msg_answer_put(&w, EPOCH, &k);
	assert_int_equal(wr_finish(&w, &len), ERR_OK);
	m.answer = view(answer, len);
	wr_init(&w, buf, sizeof(buf));
	msg_hi2_keys_put(&w, &m);
	assert_int_equal(wr_finish(&w, &len), ERR_OK);
	say(g->hsm, MSG_HI2_KEYS, ticket, buf, len);
}

static struct ipc_frame
hear(struct ipc_chan *c)
{
	struct ipc_frame f;
	enum err rc;

	while ((rc = ipc_next(c, &f)) == ERR_AGAIN) {
		struct pollfd p = {ipc_chan_fd(c), POLLIN, 0};

		assert_int_equal(poll(&p, 1, WAIT_MS), 1);
		assert_int_equal(ipc_fill(c), ERR_OK);
	}
	assert_int_equal(rc, ERR_OK);
	return f;
}

static void
hear_stored(struct rig *g, uint32_t ticket, uint64_t leg)
{
	const struct ipc_frame f = hear(g->x2);
	struct msg_stored m;

	assert_int_equal(f.type, MSG_STORED);
	assert_int_equal(f.id, ticket);
	assert_int_equal(msg_stored_get(f.body, &m), ERR_OK);
	assert_int_equal(m.epoch, EPOCH);
	assert_int_equal(m.leg, leg);
}

static void
hear_counts(struct rig *g, struct msg_counts *m)
{
	struct ipc_frame f;

	do
		f = hear(g->policy);
	while (f.type == MSG_DELIVERY);
	assert_int_equal(f.type, MSG_HI2_COUNTS);
	assert_int_equal(msg_counts_get(f.body, m), ERR_OK);
	assert_int_equal(m->n, HI2_COUNT__MAX);
}

/* Until the queue of the one LEMF stands so: a new policy is told at once. */
static void
hear_delivery(struct rig *g, uint64_t waiting, uint64_t delivered)
{
	const struct timespec nap = {0, 20000000};
	struct msg_delivery m;
	struct ipc_frame f;

	for (unsigned i = 0; i < WAIT_MS / 20; i++) {
		connect_to(g, CTL_PEER_POLICY, &g->policy);
		do
			f = hear(g->policy);
		while (f.type != MSG_DELIVERY);
		assert_int_equal(msg_delivery_get(f.body, &m), ERR_OK);
		assert_true(rd_is(&m.lemf, "north", 5));
		assert_true(m.configured);
		if (m.waiting == waiting && m.delivered == delivered)
			return;
		(void)nanosleep(&nap, NULL);
	}
	fail_msg("%u wait, %u are delivered", (unsigned)m.waiting,
	    (unsigned)m.delivered);
}

/* ---- the side of the LEMF's process ---- */

static void
say_link_why(struct rig *g, enum link_state state, uint32_t epoch,
    const char *why)
{
	const struct msg_link m = {.state = state,
	    .epoch = epoch,
	    .text = str(why)};
	uint8_t buf[64];
	struct wr w;

	wr_init(&w, buf, sizeof(buf));
	msg_link_put(&w, &m);
	say(g->hi2c, MSG_LINK, 0, buf, w.len);
}

static void
say_link(struct rig *g, enum link_state state, uint32_t epoch)
{
	say_link_why(g, state, epoch, "");
}

static void
say_upto(struct rig *g, uint16_t type, uint32_t epoch, uint64_t number)
{
	const struct msg_upto m = {epoch, number};
	uint8_t buf[16];
	struct wr w;

	wr_init(&w, buf, sizeof(buf));
	msg_upto_put(&w, &m);
	say(g->hi2c, type, 0, buf, w.len);
}

static void
hear_record(struct rig *g, uint32_t epoch, uint64_t number)
{
	const struct ipc_frame f = hear(g->hi2c);
	struct msg_deliver m;

	assert_int_equal(f.type, MSG_DELIVER);
	assert_int_equal(msg_deliver_get(f.body, &m), ERR_OK);
	assert_int_equal(m.epoch, epoch);
	assert_int_equal(m.number, number);
	assert_int_equal(m.pdu.p[0], 0x30);
}

/* ---- audit's side, and the token's ---- */

static uint32_t
hear_task(struct rig *g, enum hi2_task_kind kind, struct msg_hi2_task *m)
{
	const struct ipc_frame f = hear(g->audit);

	assert_int_equal(f.type, MSG_HI2_TASK);
	assert_int_equal(msg_hi2_task_get(f.body, m), ERR_OK);
	assert_int_equal(m->kind, kind);
	return f.id;
}

static void
say_done(struct rig *g, uint32_t id, const void *octets, size_t len)
{
	const struct msg_hi2_done m = {.rc = ERR_OK,
	    .octets = view(octets, len)};
	uint8_t buf[600];
	struct wr w;

	wr_init(&w, buf, sizeof(buf));
	msg_hi2_done_put(&w, &m);
	say(g->hsm, MSG_HI2_TASK_DONE, id, buf, w.len);
}

/* ---- tests ---- */

static void
a_record_is_on_disk_when_x2_is_told(void **state)
{
	struct rig *g = *state;
	struct msg_counts c;
	struct look l;

	start(g, "etsi");
	ready(g);
	hear_counts(g, &c);
	assert_int_equal(c.v[HI2_COUNT_WAITING], 0);
	say_content(g, 5);
	say_content(g, 6);
	say(g->x2, MSG_CONTENT_GONE, 77, NULL, 0);
	say_keys(g, 5, 1);
	hear_stored(g, 5, 1);
	say_order(g->policy, 6, 2, "north");
	hear_stored(g, 6, 2);
	say_order(g->policy, 6, 2, "north");
	hear_stored(g, 6, 2);
	hear_counts(g, &c);
	assert_int_equal(c.v[HI2_COUNT_KEYS], 1);
	assert_int_equal(c.v[HI2_COUNT_SIP], 1);
	/* And a cINReset, as the queue is new. */
	assert_int_equal(c.v[HI2_COUNT_WAITING], 3);
	assert_true(c.v[HI2_COUNT_OCTETS] > 200);
	/* As if the power went. */
	assert_int_equal(kill(g->pid, SIGKILL), 0);
	(void)is_gone(g);
	look(g->path, &key, &l);
	assert_int_equal(l.n, 3);
	assert_int_equal(l.row[2].sequence, 1);
	assert_int_equal(l.row[2].cin, 9);
	look_done(&l);
}

/* Whichever channel is read first. */
static void
a_word_may_come_before_its_content(void **state)
{
	struct rig *g = *state;
	struct msg_counts c;

	start(g, "etsi");
	ready(g);
	hear_counts(g, &c);
	say_keys(g, 1, 1);
	say_keys(g, 1, 2);
	say_keys(g, 2, 1);
	/* They have been read when this has been answered. */
	connect_to(g, CTL_PEER_POLICY, &g->policy);
	hear_counts(g, &c);
	assert_int_equal(c.v[HI2_COUNT_KEYS], 0);
	say_content(g, 1);
	say_content(g, 2);
	hear_stored(g, 1, 1);
	hear_stored(g, 1, 2);
	hear_stored(g, 2, 1);
	stop(g);
}

static void
neighbours_may_be_new_ones(void **state)
{
	struct rig *g = *state;
	struct msg_counts c;

	start(g, "etsi");
	ready(g);
	hear_counts(g, &c);
	say_content(g, 1);
	say(g->x2, MSG_CONTENT_GONE, 2, NULL, 0);
	connect_to(g, CTL_PEER_POLICY, &g->policy);
	hear_counts(g, &c); /* the new one is told, nothing changed */
	connect_to(g, CTL_PEER_HSM, &g->hsm);
	say_keys(g, 1, 1);
	hear_stored(g, 1, 1);
	/* x2 ends: what it had told stays, and its word is for nobody. */
	ipc_chan_free(&g->x2);
	say_keys(g, 1, 2);
	hear_counts(g, &c);
	while (c.v[HI2_COUNT_KEYS] < 2)
		hear_counts(g, &c);
	connect_to(g, CTL_PEER_X2, &g->x2);
	say_content(g, 3);
	say_keys(g, 1, 2);
	hear_stored(g, 1, 2); /* the same epoch: still known */
	stop(g);
}

static void
what_waits_is_there_after_a_restart(void **state)
{
	struct rig *g = *state;
	struct msg_counts c;
	struct look l;

	for (unsigned life = 1; life <= 3; life++) {
		start(g, "etsi");
		ready(g);
		hear_counts(g, &c);
		assert_int_equal(c.v[HI2_COUNT_WAITING], life == 1 ? 0 : life);
		say_content(g, 1);
		say_order(g->policy, 1, 1, "north");
		hear_stored(g, 1, 1);
		stop(g);
	}
	look(g->path, &key, &l);
	assert_int_equal(l.n, 4);
	assert_int_equal(l.n_keys, 3);
	assert_int_equal(l.row[3].sequence, 2);
	look_done(&l);
}

static void
a_bad_profile_ends_the_start_and_not_the_process(void **state)
{
	struct rig *g = *state;
	struct msg_counts c;

	start(g, "etsy");
	fails_with(g, ERR_MALFORMED, "lemf north");
	assert_int_not_equal(ended(g), 0);
	start(g, "etsi");
	ready(g);
	hear_counts(g, &c);
	settings(g, MSG_CTL_RELOAD, "etsy");
	settings(g, MSG_CTL_RELOAD, "etsi-form1");
	say_content(g, 1);
	say_order(g->policy, 1, 1, "west");
	hear_stored(g, 1, 1);
	hear_counts(g, &c);
	assert_int_equal(c.v[HI2_COUNT_UNKNOWN_LEMF], 1);
	stop(g);
}

static void
a_queue_of_another_kms_is_not_touched(void **state)
{
	struct rig *g = *state;

	start(g, "etsi");
	ready(g);
	stop(g);
	write_state(g, "sip:another@example.org");
	start(g, "etsi");
	fails_with(g, ERR_MALFORMED, "another KMS state");
	assert_int_not_equal(ended(g), 0);
}

static void
one_record(struct rig *g)
{
	struct msg_counts c;

	ready(g);
	hear_counts(g, &c);
	say_content(g, 1);
	say_keys(g, 1, 1);
	hear_stored(g, 1, 1);
}

static void
what_is_delivered_leaves_the_queue(void **state)
{
	struct rig *g = *state;
	struct look l;

	start(g, "etsi");
	say_link(g, LINK_OPEN, 7);
	one_record(g);
	hear_record(g, 7, 1); /* the cINReset of a new queue */
	hear_record(g, 7, 2);
	hear_delivery(g, 2, 0);
	say_upto(g, MSG_SENT, 7, 2);
	say_upto(g, MSG_DELIVERED, 7, 2);
	hear_delivery(g, 0, 2);
	stop(g);
	look(g->path, &key, &l);
	assert_int_equal(l.n, 0);
	look_done(&l);
}

static void
what_waits_goes_out_after_a_restart(void **state)
{
	struct rig *g = *state;
	uint8_t octets[QUEUE_KEY_LEN];
	struct msg_hi2_task m;
	struct look l;
	uint32_t id;

	start(g, "etsi");
	one_record(g);
	stop(g);
	start(g, "etsi");
	ready(g);
	say_link(g, LINK_OPEN, 8);
	id = hear_task(g, HI2_TASK_UNWRAP, &m);
	assert_int_equal(m.key, 1);
	spool_key_unwrap(&key, m.octets.p, m.octets.left, octets);
	say_done(g, id + 1, octets, sizeof(octets)); /* of nobody */
	say_done(g, id, octets, sizeof(octets));
	hear_record(g, 8, 1);
	hear_record(g, 8, 2);
	/* Its process is a new one, and has nothing yet. */
	connect_index(g, CTL_PEER_HI2C, 3, &g->hi2c);
	say_link(g, LINK_OPEN, 1);
	hear_record(g, 1, 1);
	hear_record(g, 1, 2);
	say_upto(g, MSG_DELIVERED, 1, 1);
	hear_delivery(g, 1, 1);
	stop(g); /* what was delivered before is gone */
	look(g->path, &key, &l);
	assert_int_equal(l.n, 1);
	assert_int_equal(l.row[0].number, 1);
	look_done(&l);
}

static void
a_signature_comes_from_the_token(void **state)
{
	struct rig *g = *state;
	struct msg_hi2_task m;
	struct ipc_frame f;
	uint32_t id;

	start(g, "etsi");
	ready(g);
	say(g->hi2c, MSG_SIGN, 41, "hashes", 6);
	id = hear_task(g, HI2_TASK_SIGN, &m);
	assert_true(rd_is(&m.octets, "hashes", 6));
	say_done(g, id, "signature", 9);
	f = hear(g->hi2c);
	assert_int_equal(f.type, MSG_SIGNED);
	assert_int_equal(f.id, 41);
	assert_true(rd_is(&f.body, "signature", 9));
	/* No worker, and no audit. */
	say(g->hi2c, MSG_SIGN, 42, "hashes", 6);
	id = hear_task(g, HI2_TASK_SIGN, &m);
	say(g->audit, MSG_HI2_TASK_FAILED, id, "\x10", 1);
	f = hear(g->hi2c);
	assert_int_equal(f.id, 42);
	assert_int_equal(f.body.left, 0);
	say(g->hi2c, MSG_SIGN, 43, "hashes", 6);
	(void)hear_task(g, HI2_TASK_SIGN, &m);
	connect_to(g, CTL_PEER_AUDIT, &g->audit);
	f = hear(g->hi2c);
	assert_int_equal(f.id, 43);
	assert_int_equal(f.body.left, 0);
	stop(g);
}

/* It faces the network: what it does wrong is its own end alone. */
static void
a_process_of_a_lemf_that_lies_is_cut_off(void **state)
{
	struct rig *g = *state;
	struct msg_counts c;
	enum err rc;

	start(g, "etsi");
	say_link(g, LINK_OPEN, 7);
	one_record(g);
	hear_record(g, 7, 1);
	hear_record(g, 7, 2);
	say_upto(g, MSG_DELIVERED, 7, 3);
	do {
		struct pollfd p = {ipc_chan_fd(g->hi2c), POLLIN, 0};

		assert_int_equal(poll(&p, 1, WAIT_MS), 1);
		rc = ipc_fill(g->hi2c);
	} while (rc == ERR_OK);
	say_content(g, 2);
	say_keys(g, 2, 1);
	hear_stored(g, 2, 1);
	connect_to(g, CTL_PEER_POLICY, &g->policy);
	hear_counts(g, &c);
	assert_int_equal(c.v[HI2_COUNT_WAITING], 3);
	stop(g);
}

/* What each may say is in its own table: the others' words end the process. */
static void
a_message_that_is_not_permitted_is_fatal(void **state)
{
	struct rig *g = *state;

	start(g, "etsi");
	ready(g);
	say_order(g->x2, 1, 1, "north");
	assert_int_equal(ended(g), 70);
	start(g, "etsi");
	ready(g);
	say_order(g->hsm, 1, 1, "north");
	assert_int_equal(ended(g), 70);
	start(g, "etsi");
	ready(g);
	say(g->policy, MSG_CONTENT_GONE, 1, NULL, 0);
	assert_int_equal(ended(g), 70);
	start(g, "etsi");
	ready(g);
	say(g->x2, MSG_CONTENT, 1, "too short", 9);
	assert_int_equal(ended(g), 70);
}

/* Until a policy that has just come is told that reason. */
static void
hear_reason(struct rig *g, const char *why)
{
	const struct timespec nap = {0, 20000000};
	struct msg_delivery m;
	struct ipc_frame f;

	for (unsigned i = 0; i < WAIT_MS / 20; i++) {
		connect_to(g, CTL_PEER_POLICY, &g->policy);
		do
			f = hear(g->policy);
		while (f.type != MSG_DELIVERY);
		assert_int_equal(msg_delivery_get(f.body, &m), ERR_OK);
		if (rd_is(&m.text, why, strlen(why)))
			return;
		(void)nanosleep(&nap, NULL);
	}
	fail_msg("the reason is \"%.*s\"", (int)m.text.left,
	    (const char *)m.text.p);
}

/* hi2c says it once, and not again because something else has changed. */
static void
why_a_lemf_is_down_is_known_after_other_settings(void **state)
{
	struct rig *g = *state;

	start(g, "etsi");
	ready(g);
	say_link_why(g, LINK_DOWN, 7, "Connection refused");
	hear_reason(g, "Connection refused");
	settings(g, MSG_CTL_RELOAD, "etsi-form1");
	for (unsigned i = 0; i < 5; i++)
		hear_reason(g, "Connection refused");
	stop(g);
}

/*
 * With nothing else to do: within its own delay, and not with the next tick,
 * which is DELIVERY_TICK_MS away at most.
 */
static void
the_journal_is_on_disk_before_the_next_tick(void **state)
{
	static uint8_t body[256];
	struct rig *g = *state;
	struct msg_intake m = {.call = 1,
	    .kind = INTAKE_CALL,
	    .pdu = str("a PDU")};
	uint64_t waited = 0;
	struct wr w;

	start(g, "etsi");
	ready(g);
	for (uint64_t i = 1; i <= 8; i++) {
		const int64_t began = clock_uptime_ms();
		struct ipc_frame f;

		m.act = m.number = i;
		wr_init(&w, body, sizeof(body));
		msg_intake_put(&w, &m);
		assert_int_equal(w.rc, ERR_OK);
		say(g->x2, MSG_INTAKE, 0, body, w.len);
		f = hear(g->x2);
		assert_int_equal(f.type, MSG_INTAKE_STORED);
		waited += (uint64_t)(clock_uptime_ms() - began);
	}
	assert_in_range(waited, 0, 3 * DELIVERY_TICK_MS);
	stop(g);
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(a_record_is_on_disk_when_x2_is_told),
	    TEST(a_word_may_come_before_its_content),
	    TEST(neighbours_may_be_new_ones),
	    TEST(what_waits_is_there_after_a_restart),
	    TEST(a_bad_profile_ends_the_start_and_not_the_process),
	    TEST(a_queue_of_another_kms_is_not_touched),
	    TEST(what_is_delivered_leaves_the_queue),
	    TEST(why_a_lemf_is_down_is_known_after_other_settings),
	    TEST(the_journal_is_on_disk_before_the_next_tick),
	    TEST(what_waits_goes_out_after_a_restart),
	    TEST(a_signature_comes_from_the_token),
	    TEST(a_process_of_a_lemf_that_lies_is_cut_off),
	    TEST(a_message_that_is_not_permitted_is_fatal),
	};

	return cmocka_run_group_tests(tests, make_key, free_key);
}
