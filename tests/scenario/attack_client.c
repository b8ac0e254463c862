/*
 * attack-client: a client of Xk with a good certificate that means no good.
 *
 *	attack-client CONNECT PKI NAME TARGET CALL SEED (WHAT N)...
 *
 * CONNECT: ADDRESS:PORT.  PKI: a folder with ca.pem, NAME.pem and NAME.key.
 * CALL: a folder with i1.bin, r1.bin and i2.bin.  WHAT: see `kinds`; N PDUs of
 * it, each answered or the end of its connection before the next one goes.
 * Behind each kind a keepAlive, which must be answered.  One line for each,
 * with the milliseconds that it took, how many connections and what answers.
 * Exit status 1 if keys come, if a PDU has neither answer nor end, or a
 * keepAlive no answer.
 */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attack_link.h"
#include "base/clock.h"
#include "probe_bad.h"
#include "xk/xk_pdu.h"

#define ID 7
#define HEADER 4 /* octets of the outermost tag and length */

struct message {
	uint8_t octets[16384];
	size_t len;
};

static struct {
	uint64_t random;
	const char *target;
	struct message i1, r1, i2;
	uint8_t pdu[MAX_XK_PDU + 64];
	size_t len;
	bool halved; /* no answer can come of it */
	unsigned answers[XK_REASON__MAX], ends, keys;
} g;

/* xorshift64*: the same for the same seed. */
static uint32_t
any(uint32_t below)
{
	g.random ^= g.random >> 12;
	g.random ^= g.random << 25;
	g.random ^= g.random >> 27;
	return (uint32_t)((g.random * 2685821657736338717U) >> 33) % below;
}

/* ---- kinds ---- */

static struct rd
view(const struct message *m)
{
	struct rd r;

	rd_init(&r, m->octets, m->len);
	return r;
}

static void
make_for(const char *target)
{
	struct xk_get_keys k = {.i_message1 = view(&g.i1),
	    .r_message1 = view(&g.r1),
	    .i_message2 = view(&g.i2)};
	uint8_t *der = NULL;

	rd_init(&k.public_kms_identity, target, strlen(target));
	if (xk_encode_get_keys(ID, &k, &der, &g.len) != ERR_OK)
		link_stop("a getKeys");
	memcpy(g.pdu, der, g.len);
	xk_der_free(&der, g.len);
}

/* Whom no warrant names. */
static void
make_others(uint32_t n)
{
	char target[64];

	(void)snprintf(target, sizeof(target),
	    "sip:%" PRIu32 "-%" PRIu32 "@lab.example", n, any(1U << 30));
	make_for(target);
}

/* A few octets, bits, pieces; seldom of the outermost length. */
static void
make_changed(uint32_t n)
{
	(void)n;
	make_for(g.target);
	for (uint32_t i = 1 + any(8); i > 0; i--) {
		const size_t from = any(50) == 0 ? 0 : HEADER;
		const size_t at = from + any((uint32_t)(g.len - from));
		const size_t piece = 1 + any(64);

		g.halved |= at < HEADER;
		switch (any(4)) {
		case 0:
			g.pdu[at] = (uint8_t)any(256);
			break;
		case 1:
			g.pdu[at] ^= (uint8_t)(1 << any(8));
			break;
		case 2:
			memset(g.pdu + at, (int)any(256),
			    piece < g.len - at ? piece : g.len - at);
			break;
		default:
			if (at + 2 * piece < g.len)
				memcpy(g.pdu + at, g.pdu + at + piece, piece);
		}
	}
}

/* Each way of which the decoder must refuse it, one after the other. */
static void
make_spoilt(uint32_t n)
{
	static const char *const ways[] = {"cut", "trailing", "trailing-inside",
	    "indefinite", "long-length", "version", "oversized", "junk",
	    "unknown-field", "unknown-body", "swapped", "negative-id",
	    "padded-id", "for-clients", "get-ec-values", "get-private-key",
	    "get-secret"};

	make_for(g.target);
	g.len = probe_spoil(ways[n % (sizeof(ways) / sizeof(ways[0]))], g.pdu,
	    g.len);
}

/* Of the greatest length, all of it octets by chance. */
static void
make_noise(uint32_t n)
{
	(void)n;
	g.len = HEADER +
	    any(MAX_XK_PDU - HEADER < 0xffff ? MAX_XK_PDU - HEADER : 0xffff);
	for (size_t i = HEADER; i < g.len; i++)
		g.pdu[i] = (uint8_t)any(256);
	g.pdu[0] = 0x30;
	g.pdu[1] = 0x82;
	g.pdu[2] = (uint8_t)((g.len - HEADER) >> 8);
	g.pdu[3] = (uint8_t)(g.len - HEADER);
	g.halved = g.len - HEADER < 0x100; /* no DER: not even a length */
}

/* Its end never comes. */
static void
make_halves(uint32_t n)
{
	make_noise(n);
	g.len = 1 + any((uint32_t)g.len - 1);
	g.halved = true;
}

static const struct kind {
	const char *name;
	void (*make)(uint32_t n);
} kinds[] = {{"others", make_others}, {"changed", make_changed},
    {"spoilt", make_spoilt}, {"noise", make_noise}, {"halves", make_halves}};

/* ---- answers ---- */

/* ERR_OK: one has come; ERR_CLOSED: the end of the connection. */
static enum err
answer(struct xk_msg *out)
{
	static uint8_t in[MAX_XK_PDU];
	size_t have = 0, len;
	uint32_t id;
	struct rd r;
	enum err rc;

	for (;;) {
		rd_init(&r, in, have);
		rc = xk_pdu_length(r, &len);
		if (rc == ERR_OK && len <= have) {
			r.left = len;
			return xk_pdu_decode(r, out, &id);
		}
		if (rc != ERR_OK && rc != ERR_AGAIN)
			return rc;
		if (!link_get(in, sizeof(in), &have))
			return ERR_CLOSED;
	}
}

/* False: neither an answer nor an end, or keys. */
static bool
put_one(const struct kind *k, uint32_t n)
{
	struct xk_msg m;
	enum err rc;

	g.halved = false;
	k->make(n);
	if (!link_put(g.pdu, g.len)) {
		g.ends++;
		return true;
	}
	if (g.halved) { /* what is answered, is; and that was all */
		link_finish();
		g.ends++;
		return true;
	}
	if ((rc = answer(&m)) == ERR_CLOSED) {
		link_drop();
		g.ends++;
		return true;
	}
	if (rc != ERR_OK)
		return false;
	if (m.type == XK_GET_KEYS_RESPONSE)
		g.keys++;
	if (m.type == XK_REFUSAL) {
		g.answers[m.u.refusal.reason]++;
		/* It may be the last word of this connection. */
		if (m.u.refusal.reason == XK_MALFORMED)
			link_finish();
	}
	xk_msg_free(&m);
	return true;
}

/* It still speaks to him. */
static bool
keeps_alive(void)
{
	uint8_t *der = NULL;
	struct xk_msg m;
	bool is = false;
	size_t len;

	if (xk_encode_keep_alive(ID, XK_KEEP_ALIVE, &der, &len) != ERR_OK)
		link_stop("a keepAlive");
	for (unsigned i = 0; i < 2 && !is; i++) { /* the last one may be gone */
		if (link_put(der, len) && answer(&m) == ERR_OK) {
			is = m.type == XK_KEEP_ALIVE_RESPONSE;
			xk_msg_free(&m);
		} else if (link_is_up())
			link_drop();
	}
	xk_der_free(&der, len);
	return is;
}

static bool
act(const char *name, uint32_t n)
{
	const int64_t since = clock_uptime_ms();
	const struct kind *k = NULL;
	bool ok = true;

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcmp(kinds[i].name, name) == 0)
			k = &kinds[i];
	if (k == NULL)
		return false;
	link_count_anew();
	memset(g.answers, 0, sizeof(g.answers));
	g.ends = g.keys = 0;
	for (uint32_t i = 0; i < n; i++)
		ok &= put_one(k, i);
	ok &= keeps_alive() && g.keys == 0;
	(void)printf("%s %s: %" PRIu32 " PDUs, %" PRId64
		     " ms, %u connections, %u ends, %u keys",
	    ok ? "ok    " : "FAILED", name, n, clock_uptime_ms() - since,
	    link_connections(), g.ends, g.keys);
	for (unsigned r = 1; r < XK_REASON__MAX; r++)
		if (g.answers[r] > 0)
			(void)printf(", %u %s", g.answers[r],
			    xk_reason_name((enum xk_reason)r));
	(void)printf("\n");
	(void)fflush(stdout);
	return ok;
}

static void
read_message(const char *dir, const char *name, struct message *out)
{
	char path[4096];
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/%s.bin", dir, name);
	if ((f = fopen(path, "rb")) == NULL)
		link_stop(path);
	out->len = fread(out->octets, 1, sizeof(out->octets), f);
	(void)fclose(f);
}

int
main(int argc, char **argv)
{
	bool ok = true;

	if (argc < 9 || argc % 2 != 1)
		return 64;
	(void)signal(SIGPIPE, SIG_IGN);
	g.target = argv[4];
	read_message(argv[5], "i1", &g.i1);
	read_message(argv[5], "r1", &g.r1);
	read_message(argv[5], "i2", &g.i2);
	g.random = 88172645463325252U ^ strtoull(argv[6], NULL, 10);
	link_begin(argv[1], argv[2], argv[3], "xk/1");
	for (int i = 7; i < argc; i += 2)
		ok &= act(argv[i], (uint32_t)strtoul(argv[i + 1], NULL, 10));
	link_end();
	return !ok;
}
