/*
 * attack-cscf: a CSCF with a good certificate that means no good.
 *
 *	attack-cscf CONNECT PKI XID CALL SEED (WHAT N)...
 *
 * CONNECT: ADDRESS:PORT.  PKI: a folder with ca.pem, cscf.pem and cscf.key.
 * XID: hex, of a warrant in force.  CALL: a folder with i1.bin, r1.bin and
 * i2.bin, u-i1.bin and u-r1.bin.  WHAT: see `kinds`; N PDUs of it.  After each
 * a keep-alive: when it is acknowledged all of them have been taken.  One line
 * for each, with the milliseconds that it took and how many connections; exit
 * status 1 if an acknowledgement does not come.
 */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "attack_link.h"
#include "base/clock.h"
#include "lab_x2.h"

#define SIP_MOST 262000

struct mikey {
	uint8_t octets[16384];
	size_t len;
};

static struct {
	uint64_t random;
	bool split; /* the last PDU had a header that may be none */
	uint8_t xid[LAB_X2_XID_LEN];
	struct mikey i1, r1, i2, update_i1, update_r1;
	char sip[SIP_MOST + 4096];
	size_t len; /* of what is in it */
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

/* ---- SIP ---- */

static void
add(const char *text)
{
	const size_t n = strlen(text);

	if (g.len + n > SIP_MOST)
		return;
	memcpy(g.sip + g.len, text, n);
	g.len += n;
}

static void
begin(const char *first, const char *call_id, unsigned cseq, const char *tag)
{
	char line[1024];

	g.len = 0;
	add(first);
	(void)snprintf(line, sizeof(line),
	    "Via: SIP/2.0/TLS a.lab.example;branch=z9hG4bK%u\r\n"
	    "From: <sip:alice@lab.example>;tag=a\r\n"
	    "To: <sip:bob@lab.example>%s%s\r\nCall-ID: %s\r\nCSeq: %u INVITE\r\n",
	    any(1U << 30), tag[0] == '\0' ? "" : ";tag=", tag, call_id, cseq);
	add(line);
}

static void
sdp(void)
{
	add("Content-Type: application/sdp\r\n\r\nv=0\r\n"
	    "o=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\n");
}

/*
 * With this CSB ID and, unless 0, this fraction of a second in its T, which
 * stands behind the map of crypto sessions (RFC 3830 clauses 6.1 and 6.6).
 */
static void
key_mgmt_at(const struct mikey *m, uint32_t csb, uint32_t fraction)
{
	static char line[24000];
	struct mikey copy = *m;
	const size_t t = 10 + 9 * (size_t)copy.octets[8] + 2 + 4;
	struct wr w;
	size_t n;

	wr_init(&w, copy.octets + 4, 4);
	wr_u32(&w, csb);
	wr_init(&w, copy.octets + t, 4);
	if (fraction != 0)
		wr_u32(&w, fraction);
	n = (size_t)snprintf(line, sizeof(line), "a=key-mgmt:mikey ");
	n += (size_t)EVP_EncodeBlock((unsigned char *)line + n, copy.octets,
	    (int)copy.len);
	(void)snprintf(line + n, sizeof(line) - n, "\r\n");
	add(line);
}

static void
key_mgmt(const struct mikey *m, uint32_t csb)
{
	key_mgmt_at(m, csb, 0);
}

#define INVITE "INVITE sip:bob@lab.example SIP/2.0\r\n"
#define OK "SIP/2.0 200 OK\r\n"

static void
call_id(char out[64], const char *kind, uint32_t n)
{
	(void)snprintf(out, 64, "%s-%" PRIu32 "@lab.example", kind, n);
}

/* ---- kinds ---- */

/* A good one; its octets are changed later. */
static void
make_good(uint32_t n)
{
	char id[64];

	call_id(id, "good", n / 4);
	begin(n % 4 == 1 ? OK : INVITE, id, 1, n % 4 == 0 ? "" : "b");
	sdp();
	key_mgmt(n % 4 == 0 ? &g.i1 : n % 4 == 1 ? &g.r1 : &g.i2, n / 4);
}

static void
make_headers(uint32_t n)
{
	char id[64], line[200];

	call_id(id, "headers", n);
	begin(INVITE, id, 1, "");
	for (unsigned i = 0; i < (n % 2 == 0 ? 900 : 40); i++) {
		(void)snprintf(line, sizeof(line),
		    "Contact: <sip:%u@lab.example>;a=%0*u\r\n", i,
		    n % 2 == 0 ? 10 : 150, any(1U << 30));
		add(line);
	}
	sdp();
	key_mgmt(&g.i1, n);
}

static void
make_multipart(uint32_t n)
{
	char id[64], line[128];

	call_id(id, "deep", n);
	begin(INVITE, id, 1, "");
	add("Content-Type: multipart/mixed;boundary=b0\r\n\r\n");
	for (unsigned i = 0; i < 2000; i++) {
		(void)snprintf(line, sizeof(line),
		    "--b%u\r\nContent-Type: multipart/mixed;boundary=b%u\r\n"
		    "\r\n",
		    i, i + 1);
		add(line);
	}
	sdp();
	key_mgmt(&g.i1, n);
}

static void
make_lines(uint32_t n)
{
	char id[64];

	call_id(id, "lines", n);
	begin(INVITE, id, 1, "");
	sdp();
	while (g.len + 24000 < SIP_MOST)
		key_mgmt(&g.i1, any(UINT32_MAX));
	for (unsigned i = 0; i < 5000; i++)
		add("a=key-mgmt:mikey AAAA\r\n");
}

/* One message that fills the call's room, answered, for each Call-ID. */
static void
make_big(uint32_t n)
{
	char id[64];

	call_id(id, "big", n);
	begin(INVITE, id, 1, "");
	sdp();
	key_mgmt(&g.i1, n);
	while (g.len + 80 < SIP_MOST)
		add("a=x-filling:0123456789012345678901234567890123456789\r\n");
}

static void
make_calls(uint32_t n)
{
	char id[64];

	call_id(id, "calls", n);
	begin(OK, id, 1, "b"); /* answered, and lacks all but R_MESSAGE_1 */
	sdp();
	key_mgmt(&g.r1, n);
}

/* One call: exchanges without end, in 8 dialogs. */
static void
make_one(uint32_t n)
{
	char tag[16];

	(void)snprintf(tag, sizeof(tag), "b%u", n / 2 % 8);
	begin(n % 2 == 0 ? INVITE : OK, "one@lab.example", n, tag);
	sdp();
	key_mgmt(n % 2 == 0 ? &g.i1 : &g.r1, n / 2);
}

/* The same, sixteen messages in each, that make all others give way. */
static void
make_crowd(uint32_t n)
{
	static const unsigned most = 16;

	begin(OK, "crowd@lab.example", n, "b");
	sdp();
	for (unsigned i = 0; i < most; i++)
		key_mgmt(i % 2 == 0 ? &g.r1 : &g.i2, n * most + i / 2);
}

/* One call whose keys are changed without end. */
static void
make_updates(uint32_t n)
{
	begin(n % 2 == 0 ? INVITE : OK, "updates@lab.example", n, "b");
	sdp();
	if (n == 0) {
		key_mgmt(&g.i1, 1);
		key_mgmt(&g.r1, 1);
		key_mgmt(&g.i2, 1);
	} else {
		key_mgmt_at(n % 2 == 0 ? &g.update_i1 : &g.update_r1, 1,
		    1 + n / 2);
	}
}

static const struct kind {
	const char *name;
	void (*make)(uint32_t n);
	bool mutate, of_others, attributes;
} kinds[] = {{.name = "good", .make = make_good},
    {.name = "changed", .make = make_good, .mutate = true},
    {.name = "xids", .make = make_good, .of_others = true},
    {.name = "attributes", .make = make_good, .attributes = true},
    {.name = "headers", .make = make_headers},
    {.name = "multipart", .make = make_multipart},
    {.name = "lines", .make = make_lines}, {.name = "big", .make = make_big},
    {.name = "calls", .make = make_calls}, {.name = "one", .make = make_one},
    {.name = "crowd", .make = make_crowd},
    {.name = "updates", .make = make_updates}};

/* A few octets, bits, pieces; seldom of the PDU's own header. */
static void
change(uint8_t *p, size_t len)
{
	const size_t from = any(10) == 0 ? 0 : 40;

	for (uint32_t n = 1 + any(8); n > 0; n--) {
		const size_t at = from + any((uint32_t)(len - from));
		const size_t piece = 1 + any(64);

		g.split |= at < 64; /* with attributes */
		switch (any(4)) {
		case 0:
			p[at] = (uint8_t)any(256);
			break;
		case 1:
			p[at] ^= (uint8_t)(1 << any(8));
			break;
		case 2:
			memset(p + at, "\r\n ;=\"\0\xff"[any(8)],
			    piece < len - at ? piece : len - at);
			break;
		default:
			if (at + 2 * piece < len)
				memcpy(p + at, p + at + piece, piece);
		}
	}
}

/* Tens of thousands of attributes that nobody knows. */
static void
put_attributes(void)
{
	static uint8_t pdu[LAB_X2_PDU_MAX];
	const uint32_t header = 200000;
	struct wr w;

	wr_init(&w, pdu, sizeof(pdu));
	wr_u8(&w, 0);
	wr_u8(&w, 5);
	wr_u16(&w, LAB_X2_PDU);
	wr_u32(&w, header);
	wr_u32(&w, (uint32_t)g.len < 60000 ? (uint32_t)g.len : 60000);
	wr_u16(&w, LAB_X2_SIP);
	wr_u16(&w, LAB_X2_TO_TARGET);
	wr_copy(&w, g.xid, sizeof(g.xid));
	for (size_t i = 0; i < 2; i++)
		wr_u32(&w, 0);
	for (uint16_t t = 100; w.len < header; t++) {
		wr_u16(&w, (uint16_t)(100 + t % 60000));
		wr_u16(&w, 0);
	}
	wr_copy(&w, g.sip, g.len < 60000 ? g.len : 60000);
	(void)link_put(pdu, w.len);
}

static void
put_one(const struct kind *k, uint32_t n)
{
	struct lab_x2_pdu pdu;
	uint8_t *octets = NULL;
	size_t len = 0;

	k->make(n);
	if (k->attributes) {
		put_attributes();
		return;
	}
	lab_x2_init(&pdu);
	memcpy(pdu.xid, g.xid, sizeof(pdu.xid));
	pdu.direction = LAB_X2_TO_TARGET;
	for (size_t i = 0; i < sizeof(pdu.xid) && k->of_others; i++)
		pdu.xid[i] = (uint8_t)any(256);
	rd_init(&pdu.payload, g.sip, g.len);
	if (lab_x2_put(&pdu, &octets, &len) != ERR_OK)
		link_stop("a PDU");
	if (k->mutate)
		change(octets, len);
	(void)link_put(octets, len);
	free(octets);
	/* What came behind it might be taken for its end. */
	if (g.split && link_is_up())
		link_finish();
	g.split = false;
}

/* ---- */

static void
read_mikey(const char *dir, const char *name, struct mikey *out)
{
	char path[4096];
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/%s.bin", dir, name);
	if ((f = fopen(path, "rb")) == NULL)
		link_stop(path);
	out->len = fread(out->octets, 1, sizeof(out->octets), f);
	(void)fclose(f);
}

/* All before it have been taken. */
static bool
acknowledged(void)
{
	uint8_t octets[LAB_X2_KEEPALIVE_LEN], in[4096];
	uint32_t number = 0;
	size_t have = 0, n = 0;
	struct rd r;

	lab_x2_put_keepalive(77, octets);
	for (unsigned i = 0; i < 2; i++) { /* the last one may have gone */
		if (!link_put(octets, sizeof(octets)))
			continue;
		while (link_get(in, sizeof(in), &have)) {
			rd_init(&r, in, have);
			if (lab_x2_get_ack(r, &number, &n) == ERR_OK)
				return number == 77;
		}
		link_drop();
	}
	return false;
}

static bool
act(const char *name, uint32_t n)
{
	const int64_t since = clock_uptime_ms();
	const struct kind *k = NULL;
	bool ok;

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcmp(kinds[i].name, name) == 0)
			k = &kinds[i];
	if (k == NULL)
		return false;
	link_count_anew();
	for (uint32_t i = 0; i < n; i++)
		put_one(k, i);
	ok = acknowledged();
	(void)printf("%s %s: %" PRIu32 " PDUs, %" PRId64
		     " ms, %u connections\n",
	    ok ? "ok    " : "FAILED", name, n, clock_uptime_ms() - since,
	    link_connections());
	(void)fflush(stdout);
	return ok;
}

int
main(int argc, char **argv)
{
	bool ok = true;

	if (argc < 8 || argc % 2 != 0)
		return 64;
	(void)signal(SIGPIPE, SIG_IGN);
	if (hex_get(argv[3], g.xid, sizeof(g.xid)) != ERR_OK)
		return 64;
	read_mikey(argv[4], "i1", &g.i1);
	read_mikey(argv[4], "r1", &g.r1);
	read_mikey(argv[4], "i2", &g.i2);
	read_mikey(argv[4], "u-i1", &g.update_i1);
	read_mikey(argv[4], "u-r1", &g.update_r1);
	g.random = 88172645463325252U ^ strtoull(argv[5], NULL, 10);
	link_begin(argv[1], argv[2], "cscf", NULL);
	for (int i = 6; i < argc; i += 2)
		ok &= act(argv[i], (uint32_t)strtoul(argv[i + 1], NULL, 10));
	link_end();
	return !ok;
}
