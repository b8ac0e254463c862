/*
 * xk-probe: says to a server of Xk what no client would, and what it answers.
 *
 *	xk-probe --connect HOST:PORT --ca F --cert F --key F COMMAND...
 *
 * send FILE: the octets of a file, as they are
 * get ID TARGET DIR: a getKeys with DIR/i1.bin, r1.bin, i2.bin
 * bad KIND ID TARGET DIR: the same, spoilt: see probe_bad.c
 * keepalive ID
 * answer: wait for one, print "ID KIND"; "closed" at the end
 * cut TARGET DIR MSG: a getKeys for each length to which MSG (i1, r1, i2) can
 *   be cut; the count of each answer
 * flip TARGET DIR MSG: the same for each octet of it with one bit changed
 * many N TARGET DIR: N getKeys, 32 outstanding; the count of each answer
 * burst N TARGET DIR: N getKeys at once (ids from 1), no answer awaited
 * faults N FILE PID TARGET DIR: see probe_fault.h
 * deaf: keepAlives, no answer read, until none can be sent
 * sleep SECONDS
 * until-gone FILE: wait until there is no such file, 60 s at most
 */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "appliance/df2_client.h"
#include "probe_bad.h"
#include "probe_fault.h"

#define WINDOW 32

struct octets {
	uint8_t *p;
	size_t len;
};

enum { I1, R1, I2, MESSAGES };
static const char *const names[MESSAGES] = {"i1", "r1", "i2"};

static struct df2 *df2;

static void
stop(const char *what, const char *text)
{
	(void)fprintf(stderr, "xk-probe: %s: %s\n", what, text);
	exit(1);
}

static struct octets
read_file(const char *path)
{
	struct octets o = {malloc(MAX_XK_PDU * 2), 0};
	FILE *f = fopen(path, "rb");

	if (f == NULL || o.p == NULL)
		stop(path, "cannot be read");
	o.len = fread(o.p, 1, MAX_XK_PDU * 2, f);
	(void)fclose(f);
	return o;
}

static void
read_messages(const char *dir, struct octets m[MESSAGES])
{
	char path[4096];

	for (unsigned i = 0; i < MESSAGES; i++) {
		(void)snprintf(path, sizeof(path), "%s/%s.bin", dir, names[i]);
		m[i] = read_file(path);
	}
}

static struct xk_get_keys
request(const char *target, const struct octets m[MESSAGES])
{
	struct xk_get_keys k = {.curve = 0};

	rd_init(&k.public_kms_identity, target, strlen(target));
	rd_init(&k.i_message1, m[I1].p, m[I1].len);
	rd_init(&k.r_message1, m[R1].p, m[R1].len);
	rd_init(&k.i_message2, m[I2].p, m[I2].len);
	return k;
}

static void
encode(uint32_t id, const char *target, const struct octets m[MESSAGES],
    struct octets *out)
{
	const struct xk_get_keys k = request(target, m);

	if (xk_encode_get_keys(id, &k, &out->p, &out->len) != ERR_OK)
		stop("getKeys", "cannot be encoded");
}

/* A server that has closed shows when its answer is read. */
static void
send_octets(struct octets o)
{
	struct why why = {""};

	if (df2_send(df2, o.p, o.len, &why) != ERR_OK)
		(void)printf("not sent\n");
}

static const char *
kind(const struct xk_msg *m)
{
	switch (m->type) {
	case XK_GET_KEYS_RESPONSE:
		return "keys";
	case XK_REFUSAL:
		return xk_reason_name(m->u.refusal.reason);
	case XK_KEEP_ALIVE_RESPONSE:
		return "keepAliveResponse";
	default:
		return "of another kind";
	}
}

static void
print_answer(void)
{
	struct why why = {""};
	struct xk_msg m;
	const enum err rc = df2_receive(df2, &m, &why);

	if (rc == ERR_CLOSED)
		(void)printf("closed\n");
	else if (rc != ERR_OK)
		stop("answer", why.text);
	else {
		(void)printf("%u %s\n", m.request_id, kind(&m));
		xk_msg_free(&m);
	}
}

/* ---- one request for each way to spoil a message ---- */

struct tally {
	unsigned refused[XK_REASON__MAX], keys;
};

static void
count_answer(struct tally *t)
{
	struct why why = {""};
	struct xk_msg m;

	if (df2_receive(df2, &m, &why) != ERR_OK)
		stop("answer", why.text);
	if (m.type == XK_GET_KEYS_RESPONSE)
		t->keys++;
	else if (m.type == XK_REFUSAL)
		t->refused[m.u.refusal.reason]++;
	else
		stop("answer", "of another kind");
	xk_msg_free(&m);
}

static void
print_tally(const struct tally *t)
{
	for (unsigned r = 1; r < XK_REASON__MAX; r++)
		if (t->refused[r] > 0)
			(void)printf("%s %u\n",
			    xk_reason_name((enum xk_reason)r), t->refused[r]);
	(void)printf("keys %u\n", t->keys);
}

static void
free_messages(struct octets m[MESSAGES])
{
	for (unsigned i = 0; i < MESSAGES; i++)
		free(m[i].p);
}

static void
spoil_all(bool cut, const char *target, const char *dir, const char *which)
{
	struct octets m[MESSAGES], whole, pdu;
	struct tally t = {.keys = 0};
	unsigned i = 0, under_way = 0;

	while (i < MESSAGES && strcmp(names[i], which) != 0)
		i++;
	if (i == MESSAGES)
		stop(which, "is none of i1, r1, i2");
	read_messages(dir, m);
	whole = m[i];
	/* An empty one is no field at all: from 1. */
	for (size_t n = cut; n < whole.len; n++) {
		if (cut)
			m[i].len = n;
		else
			m[i].p[n] ^= (uint8_t)(1 << n % 8);
		encode((uint32_t)n, target, m, &pdu);
		if (!cut)
			m[i].p[n] ^= (uint8_t)(1 << n % 8);
		send_octets(pdu);
		xk_der_free(&pdu.p, pdu.len);
		if (++under_way == WINDOW) {
			count_answer(&t);
			under_way--;
		}
	}
	while (under_way-- > 0)
		count_answer(&t);
	print_tally(&t);
	(void)printf("of %zu\n", whole.len - cut);
	free_messages(m);
}

/* ---- commands ---- */

static void
do_get(char **a, const char *bad)
{
	struct octets m[MESSAGES], pdu, spoilt;

	read_messages(a[2], m);
	encode((uint32_t)strtoul(a[0], NULL, 10), a[1], m, &pdu);
	if (bad == NULL)
		send_octets(pdu);
	else {
		if ((spoilt.p = malloc(MAX_XK_PDU + 64)) == NULL)
			stop("memory", "out of it");
		memcpy(spoilt.p, pdu.p, pdu.len);
		spoilt.len = probe_spoil(bad, spoilt.p, pdu.len);
		if (spoilt.len == 0)
			stop(bad, "no such kind");
		send_octets(spoilt);
		free(spoilt.p);
	}
	xk_der_free(&pdu.p, pdu.len);
	free_messages(m);
}

/* N requests; with a window as many are outstanding, and answers counted. */
static void
do_many(char **a, unsigned window)
{
	const unsigned n = (unsigned)strtoul(a[0], NULL, 10);
	struct octets m[MESSAGES], pdu;
	struct tally t = {.keys = 0};
	unsigned under_way = 0;

	read_messages(a[2], m);
	for (unsigned id = 1; id <= n; id++) {
		encode(id, a[1], m, &pdu);
		send_octets(pdu);
		xk_der_free(&pdu.p, pdu.len);
		if (window > 0 && ++under_way == window) {
			count_answer(&t);
			under_way--;
		}
	}
	while (under_way-- > 0)
		count_answer(&t);
	if (window > 0)
		print_tally(&t);
	free_messages(m);
}

static void
do_faults(char **a)
{
	const struct probe_fault f = {(unsigned)strtoul(a[0], NULL, 10), a[1],
	    (pid_t)strtol(a[2], NULL, 10)};
	struct octets m[MESSAGES];
	struct xk_get_keys k;

	read_messages(a[4], m);
	k = request(a[3], m);
	if (!probe_faults(df2, &k, &f))
		stop("faults", "not all of them could be tried");
	free_messages(m);
}

static void
on_alarm(int signal_number)
{
	static const char text[] = "blocked\n";

	(void)signal_number;
	if (write(STDOUT_FILENO, text, sizeof(text) - 1) == -1)
		_exit(1);
}

static void
do_deaf(void)
{
	const struct sigaction on = {.sa_handler = on_alarm,
	    .sa_flags = SA_RESTART};
	static uint8_t many[64 * 16];
	struct why why = {""};
	struct octets o;
	size_t len = 0;

	if (xk_encode_keep_alive(1, XK_KEEP_ALIVE, &o.p, &o.len) != ERR_OK)
		stop("keepAlive", "cannot be encoded");
	for (; len + o.len <= sizeof(many); len += o.len)
		memcpy(many + len, o.p, o.len);
	xk_der_free(&o.p, o.len);
	(void)sigaction(SIGALRM, &on, NULL);
	do
		(void)alarm(3);
	while (df2_send(df2, many, len, &why) == ERR_OK);
	(void)alarm(0);
	(void)printf("not sent\n");
}

static void
do_send(const char *path)
{
	struct octets o = read_file(path);

	send_octets(o);
	free(o.p);
}

static void
do_keepalive(const char *id)
{
	struct octets o;

	if (xk_encode_keep_alive((uint32_t)strtoul(id, NULL, 10), XK_KEEP_ALIVE,
		&o.p, &o.len) != ERR_OK)
		stop("keepAlive", "cannot be encoded");
	send_octets(o);
	xk_der_free(&o.p, o.len);
}

static void
until_gone(const char *path)
{
	unsigned n = 0;

	while (access(path, F_OK) == 0 && n++ < 1200)
		(void)usleep(50000);
}

/* How many words a command takes; 0: no such command. */
static int
command(char **a, int n)
{
	static const struct {
		const char *name;
		int words;
	} all[] = {{"send", 2}, {"get", 4}, {"bad", 5}, {"keepalive", 2},
	    {"answer", 1}, {"cut", 4}, {"flip", 4}, {"sleep", 2},
	    {"until-gone", 2}, {"many", 4}, {"burst", 4}, {"deaf", 1},
	    {"faults", 6}};
	size_t k = 0;

	while (
	    k < sizeof(all) / sizeof(all[0]) && strcmp(all[k].name, a[0]) != 0)
		k++;
	if (k == sizeof(all) / sizeof(all[0]) || all[k].words > n)
		return 0;
	switch (k) {
	case 0:
		do_send(a[1]);
		break;
	case 1:
		do_get(a + 1, NULL);
		break;
	case 2:
		do_get(a + 2, a[1]);
		break;
	case 3:
		do_keepalive(a[1]);
		break;
	case 4:
		print_answer();
		break;
	case 5:
	case 6:
		spoil_all(k == 5, a[1], a[2], a[3]);
		break;
	case 7:
		(void)usleep((useconds_t)(strtod(a[1], NULL) * 1e6));
		break;
	case 8:
		until_gone(a[1]);
		break;
	case 9:
	case 10:
		do_many(a + 1, k == 9 ? WINDOW : 0);
		break;
	case 11:
		do_deaf();
		break;
	case 12:
		do_faults(a + 1);
		break;
	}
	(void)fflush(stdout);
	return all[k].words;
}

int
main(int argc, char **argv)
{
	static const struct option longs[] = {{"connect", required_argument,
						  NULL, 'C'},
	    {"ca", required_argument, NULL, 'a'},
	    {"cert", required_argument, NULL, 'c'},
	    {"key", required_argument, NULL, 'k'}, {NULL, 0, NULL, 0}};
	struct df2_where w = {.name = NULL};
	struct why why = {""};
	int c, used;

	while ((c = getopt_long(argc, argv, "+", longs, NULL)) != -1)
		switch (c) {
		case 'C':
			w.address = optarg;
			break;
		case 'a':
			w.ca = optarg;
			break;
		case 'c':
			w.cert = optarg;
			break;
		case 'k':
			w.key = optarg;
			break;
		default:
			return 64;
		}
	if (w.address == NULL || w.ca == NULL || w.cert == NULL ||
	    w.key == NULL)
		stop("options", "--connect, --ca, --cert and --key are needed");
	if (df2_open(&w, &df2, &why) != ERR_OK)
		stop("connection", why.text);
	for (int i = optind; i < argc; i += used)
		if ((used = command(argv + i, argc - i)) == 0)
			stop(argv[i], "no such command, or too few words");
	df2_close(&df2);
	return 0;
}
