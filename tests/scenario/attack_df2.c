/*
 * attack-df2: every message that x2 and hi2 may not send, and those that they
 * may with each field wrong, to a policy process and to a process of hi2 that
 * are alone with somebody: each ends, with the status that says why.
 *
 *	attack-df2 STATE CALL
 *
 * STATE: folder with kms-state and registry/; CALL: one with i1.bin, r1.bin
 * and i2.bin.  One line for each receiver and kind of message; exit status 1
 * if one goes on.
 */
#include <sys/socket.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "appliance/proto_df2.h"
#include "appliance/spawn.h"
#include "attack_call.h"
#include "attack_rig.h"

#define PATIENCE_MS 10000
#define SOFTWARE_ERROR 70
#define SIP_TOO_LONG 262145
#define TYPES 150 /* of messages; none is higher */

static struct rig rig = {.df2 = true};
static bool failed;

/* Attempts of one kind, and those at which the receiver went on. */
static unsigned tried, survived;

static void
report(const char *what)
{
	(void)printf("%s %s: %u of %u\n",
	    survived == 0 && tried > 0 ? "ok    " : "FAILED", what,
	    tried - survived, tried);
	(void)fflush(stdout);
	failed |= survived > 0 || tried == 0;
	tried = survived = 0;
}

static void
expect(const char *what, bool ok)
{
	(void)printf("%s %s\n", ok ? "ok    " : "FAILED", what);
	(void)fflush(stdout);
	failed |= !ok;
}

/* ---- policy ---- */

enum whose { AS_X2, AS_HI2 };

static void
ends_policy(enum whose whose, uint16_t type, const void *body, size_t len)
{
	tried++;
	if (rig.pid == 0)
		rig_start(&rig);
	rig_send_as(whose == AS_X2 ? rig.x2 : rig.hi2, type, 1, body, len);
	if (rig_wait(&rig, NULL) != ENDED) {
		(void)fprintf(stderr, "policy takes type %u, %zu octets\n",
		    type, len);
		survived++;
	}
}

/* An XID of nobody's: the answer shows that policy serves. */
static bool
policy_serves(void)
{
	const uint8_t xid[XID_LEN] = {1};
	struct pollfd p;
	struct ipc_frame f;

	rig_send_as(rig.x2, MSG_XID, 5, xid, sizeof(xid));
	p = (struct pollfd){ipc_chan_fd(rig.x2), POLLIN, 0};
	for (;;) {
		if (poll(&p, 1, PATIENCE_MS) != 1 || ipc_fill(rig.x2) != ERR_OK)
			return false;
		while (ipc_next(rig.x2, &f) == ERR_OK)
			if (f.type == MSG_XID_IS && f.id == 5)
				return true;
	}
}

static void
all_types(enum whose whose, const uint16_t *but, size_t n)
{
	static const uint8_t body[64];

	for (uint16_t t = 0; t < TYPES; t++) {
		bool may = false;

		for (size_t i = 0; i < n; i++)
			may |= but[i] == t;
		if (!may && t % 2 == 0) /* some without a body */
			ends_policy(whose, t, NULL, 0);
		else if (!may)
			ends_policy(whose, t, body, sizeof(body));
	}
}

/* ---- X2_ASK ---- */

static uint8_t ask[MAX_IPC_BODY];

static size_t
put_ask(const struct msg_x2_ask *m)
{
	struct wr w;

	wr_init(&w, ask, sizeof(ask));
	msg_x2_ask_put(&w, m);
	return w.len;
}

static void
one_octet(size_t len, size_t at, uint8_t v)
{
	const uint8_t was = ask[at];

	ask[at] = v;
	ends_policy(AS_X2, MSG_X2_ASK, ask, len);
	ask[at] = was;
}

/* Where its fields stand. */
enum { KIND = 8, AGAIN = 25, REASON = 26, N_DONE = 27, CALL_LEN = 28 };

static void
asks_without_call(void)
{
	const struct msg_x2_ask m = {.kind = X2_ASK_SIP};
	const size_t len = put_ask(&m);

	for (size_t n = 0; n < len; n++)
		ends_policy(AS_X2, MSG_X2_ASK, ask, n);
	ends_policy(AS_X2, MSG_X2_ASK, ask, len + 1);
	one_octet(len, KIND, X2_ASK__MAX);
	one_octet(len, KIND, 0xff);
	one_octet(len, KIND, X2_ASK_KEYS); /* granted, and no call */
	one_octet(len, AGAIN, 2);
	for (uint8_t r = 1; r <= XK_REASON__MAX; r++)
		one_octet(len, REASON, r); /* no reason but for keys */
	one_octet(len, N_DONE, 1);
	one_octet(len, N_DONE, 0xff);
	one_octet(len, CALL_LEN, 0x80);
	one_octet(len, CALL_LEN + 3, 1);
	report("X2_ASK without a call, each field wrong");
}

static void
asks_with_call(const char *dir)
{
	struct msg_x2_ask m = {.call = attack_call(dir)};
	size_t len = put_ask(&m);

	for (unsigned r = 1; r < XK_REASON__MAX; r++) {
		m.call_reason = (enum xk_reason)r;
		ends_policy(AS_X2, MSG_X2_ASK, ask, put_ask(&m));
	}
	m.call_reason = XK_GRANTED;
	m.kind = X2_ASK_NO_KEYS;
	ends_policy(AS_X2, MSG_X2_ASK, ask, put_ask(&m));
	m.kind = X2_ASK_KEYS;
	while (m.call.left > 1) { /* a call that ends too early */
		m.call.left = m.call.left * 3 / 4;
		ends_policy(AS_X2, MSG_X2_ASK, ask, put_ask(&m));
	}
	m.call = attack_call(dir);
	len = put_ask(&m);
	one_octet(len, 32, 0xff); /* its kind */
	one_octet(len, 33, 2); /* is there a message? */
	ends_policy(AS_X2, MSG_X2_ASK, ask, MAX_IPC_BODY);
	report("X2_ASK with a call, each field wrong");
}

static void
what_x2_may_say(const char *dir)
{
	struct msg_x2_ask m = {.n_done = MAX_LEGS};

	rig_start(&rig);
	for (unsigned k = 0; k < X2_ASK__MAX; k++) {
		m.kind = (enum x2_ask_kind)k;
		m.call = k == X2_ASK_KEYS ? attack_call(dir) : (struct rd){0};
		rig_send_as(rig.x2, MSG_X2_ASK, 1, ask, put_ask(&m));
	}
	rig_send_as(rig.x2, MSG_X2_COUNTS, 0, "", 1);
	rig_send_as(rig.hi2, MSG_HI2_COUNTS, 0, "", 1);
	expect("policy takes what is right", policy_serves());
	rig_end(&rig);
}

static void
others(void)
{
	static const uint8_t many[1 + 8 * 60] = {33}, two[] = {2, 0, 0};
	static const uint16_t x2s[] = {MSG_XID, MSG_X2_ASK, MSG_X2_COUNTS},
			      hi2s[] = {MSG_HI2_COUNTS};

	for (size_t n = 0; n < 20; n++)
		if (n != XID_LEN)
			ends_policy(AS_X2, MSG_XID, many, n);
	report("XID of another length");
	ends_policy(AS_X2, MSG_X2_COUNTS, many, 1 + 8 * 33);
	ends_policy(AS_X2, MSG_X2_COUNTS, two, sizeof(two));
	ends_policy(AS_X2, MSG_X2_COUNTS, NULL, 0);
	ends_policy(AS_HI2, MSG_HI2_COUNTS, many, 1 + 8 * 33);
	ends_policy(AS_HI2, MSG_HI2_COUNTS, two, sizeof(two));
	ends_policy(AS_HI2, MSG_HI2_COUNTS, NULL, 0);
	report("counts that are none");
	all_types(AS_X2, x2s, sizeof(x2s) / sizeof(x2s[0]));
	report("every other message, as x2");
	all_types(AS_HI2, hi2s, sizeof(hi2s) / sizeof(hi2s[0]));
	report("every other message, as hi2");
}

/* ---- hi2 ---- */

static struct {
	pid_t pid;
	int ctl;
	struct ipc_chan *x2;
} hi2;

static void
hand(uint16_t type, uint32_t id, int fd)
{
	if (ipc_ctl_send(hi2.ctl, type, id, NULL, 0, fd) != ERR_OK)
		rig_stop("line to hi2");
	close(fd);
}

static void
setup_hi2(void)
{
	static uint8_t body[8192];
	char path[4096];
	struct hi2_settings s = {.n_lemfs = 0};
	struct wr w;

	(void)snprintf(path, sizeof(path), "%s/spool-alone.db", rig.state);
	rd_init(&s.spool, path, strlen(path));
	wr_init(&w, body, sizeof(body));
	hi2_settings_put(&w, &s);
	if (ipc_ctl_send(hi2.ctl, MSG_CTL_SETUP, 0, body, w.len, -1) != ERR_OK)
		rig_stop("line to hi2");
}

static void
start_hi2(void)
{
	static char level[] = "KEYWARDEN_LOG=error";
	static uint8_t buf[IPC_CTL_MAX];
	char *env[] = {level, NULL}, path[4096];
	struct why why = {""};
	struct ipc_frame f;
	int pair[2], fd;

	if (spawn_process("keywarden-hi2", env, &hi2.pid, &hi2.ctl, &why) !=
	    ERR_OK)
		rig_stop(why.text);
	(void)snprintf(path, sizeof(path), "%s/kms-state", rig.state);
	if ((fd = open(path, O_RDONLY | O_CLOEXEC)) == -1 ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == -1 ||
	    ipc_chan_new(pair[0], MAX_IPC_BODY, 2 * MAX_IPC_QUEUE, &hi2.x2) !=
		ERR_OK)
		rig_stop(path);
	hand(MSG_CTL_FILE, CTL_FILE_KMS_STATE, fd);
	hand(MSG_CTL_PEER, CTL_PEER_ID(CTL_PEER_X2, 0), pair[1]);
	setup_hi2();
	if (ipc_ctl_recv(hi2.ctl, buf, sizeof(buf), &f, &fd) != ERR_OK ||
	    f.type != MSG_CTL_READY)
		rig_stop("hi2 is not READY");
}

static void
forget_hi2(void)
{
	ipc_chan_free(&hi2.x2);
	close(hi2.ctl);
	hi2.pid = 0;
}

/* Has it ended itself, and as it should? */
static bool
hi2_ends(int ms)
{
	struct pollfd p = {ipc_chan_fd(hi2.x2), POLLIN, 0};
	int status = 0;

	if (poll(&p, 1, ms) != 1)
		return false;
	if (waitpid(hi2.pid, &status, 0) != hi2.pid || !WIFEXITED(status) ||
	    WEXITSTATUS(status) != SOFTWARE_ERROR)
		rig_stop("hi2 has ended in another way");
	forget_hi2();
	return true;
}

static void
ends_hi2(uint16_t type, const void *body, size_t len)
{
	tried++;
	if (hi2.pid == 0)
		start_hi2();
	rig_send_as(hi2.x2, type, 1, body, len);
	if (!hi2_ends(PATIENCE_MS)) {
		(void)fprintf(stderr, "hi2 takes type %u, %zu octets\n", type,
		    len);
		survived++;
	}
}

static void
contents(void)
{
	static uint8_t body[MAX_IPC_BODY], sip[SIP_TOO_LONG];
	struct msg_content m = {.direction = 9};
	struct wr w;
	size_t len;

	rd_init(&m.sip, sip, 100);
	wr_init(&w, body, sizeof(body));
	msg_content_put(&w, &m);
	len = w.len;
	for (size_t n = 0; n < len; n += n < 40 ? 1 : 20)
		ends_hi2(MSG_CONTENT, body, n);
	ends_hi2(MSG_CONTENT, body, len + 1);
	ends_hi2(MSG_CONTENT, body, MAX_IPC_BODY);
	m.nanoseconds = 1000000000;
	wr_init(&w, body, sizeof(body));
	msg_content_put(&w, &m);
	ends_hi2(MSG_CONTENT, body, len);
	m.nanoseconds = 0;
	m.sip.left = SIP_TOO_LONG;
	wr_init(&w, body, sizeof(body));
	msg_content_put(&w, &m);
	ends_hi2(MSG_CONTENT, body, w.len);
	report("CONTENT, each field wrong");
	ends_hi2(MSG_CONTENT_GONE, body, 1);
	report("CONTENT_GONE with a body");
	for (uint16_t t = 0; t < TYPES; t++)
		if (t != MSG_CONTENT && t != MSG_CONTENT_GONE)
			ends_hi2(t, body, t % 2 == 0 ? 0 : 64);
	report("every other message, to hi2");
}

static void
what_hi2_takes(void)
{
	static uint8_t body[256];
	struct msg_content m = {.direction = 0xff,
	    .seconds = INT64_MIN,
	    .nanoseconds = 999999999};
	struct wr w;

	start_hi2();
	wr_init(&w, body, sizeof(body));
	msg_content_put(&w, &m);
	for (uint32_t id = 0; id < 3; id++)
		rig_send_as(hi2.x2, MSG_CONTENT, id, body, w.len);
	for (uint32_t id = 0; id < 100; id++) /* of most there is none */
		rig_send_as(hi2.x2, MSG_CONTENT_GONE, id, NULL, 0);
	expect("hi2 takes what is right", !hi2_ends(1000));
	(void)kill(hi2.pid, SIGKILL);
	(void)waitpid(hi2.pid, NULL, 0);
	forget_hi2();
}

int
main(int argc, char **argv)
{
	if (argc != 3)
		return 64;
	(void)signal(SIGPIPE, SIG_IGN);
	rig.state = argv[1];
	what_x2_may_say(argv[2]);
	asks_without_call();
	asks_with_call(argv[2]);
	others();
	rig_end(&rig);
	what_hi2_takes();
	contents();
	return failed;
}
