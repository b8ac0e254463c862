/*
 * speech-make: what an agency gets, for tests: records, written by the
 * product's encoder, and captured SRTP, by a sender of the tests' own.
 */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>
#include <pcap/pcap.h>

#include "help.h"
#include "hi2/iri.h"
#include "srtp_sender.h"

#define SAMPLES 160
#define SENDERS_MAX 64

static const char help[] =
    "speech-make records --out FILE [--profile NAME] [--liid TEXT]\n"
    "    [--correlation HEX16] WHAT...\n"
    "      WHAT: keys:KEYS.json:SIP-FILE, no-keys:SIP-FILE,\n"
    "            from:SIP-FILE, to:SIP-FILE: SIP the target sent or got\n"
    "speech-make srtp --keys KEYS.json --out FILE --said DIR [--packets N]\n"
    "    [--seq N] [--type N] [--lose N]\n"
    "      the streams of the keys, in turn; DIR/ssrc-XXXXXXXX.raw is what\n"
    "      was said: the octets of the payloads\n";

struct make {
	const char *out, *keys, *said, *profile, *liid, *correlation;
	unsigned packets, seq, type, lose;
};

/* The list of them; json_decref() for it. */
static json_t *
load_keys(const char *path)
{
	json_t *all = json_load_file(path, 0, NULL);
	json_t *list = json_incref(json_object_get(all, "keys"));

	json_decref(all);
	if (!json_is_array(list)) {
		fprintf(stderr, "speech-make: %s has no keys\n", path);
		exit(1);
	}
	return list;
}

static void
must(enum err rc, const char *what)
{
	if (rc == ERR_OK)
		return;
	fprintf(stderr, "speech-make: %s: %s\n", what, err_str(rc));
	exit(1);
}

static void
get(const json_t *o, const char *name, void *out, size_t len)
{
	const char *hex = json_string_value(json_object_get(o, name));

	must(hex == NULL ? ERR_NOTFOUND : hex_get(hex, out, len), name);
}

/* ---- records ---- */

static struct iri_key *
iri_keys(const char *path, unsigned *n)
{
	json_t *list = load_keys(path);
	struct iri_key *k = calloc(json_array_size(list), sizeof(*k));

	*n = (unsigned)json_array_size(list);
	for (unsigned i = 0; i < *n; i++) {
		const json_t *o = json_array_get(list, i);
		uint8_t id[5];
		struct rd r = view(id, sizeof(id));

		get(o, "cryptoSessionId", id, sizeof(id));
		get(o, "sessionKey", k[i].tek, sizeof(k[i].tek));
		get(o, "salt", k[i].salt, sizeof(k[i].salt));
		must(rd_u32(&r, &k[i].csb_id), "cryptoSessionId");
		must(rd_u8(&r, &k[i].cs_id), "cryptoSessionId");
	}
	json_decref(list);
	return k;
}

static void
put_record(const struct make *m, const struct iri_profile *p, char *what,
    uint32_t sequence, FILE *f)
{
	const struct rd target = view("sip:alice@example.com", 21);
	struct iri_record r = {.liid = view(m->liid, strlen(m->liid)),
	    .targets = &target,
	    .n_targets = 1,
	    .seconds = 1784116800 + sequence,
	    .sequence = sequence};
	struct iri_key *keys = NULL;
	char *rest = strchr(what, ':'), *sip;
	uint8_t *octets, *out;
	size_t len, cap;

	must(rest == NULL ? ERR_MALFORMED : ERR_OK, what);
	*rest++ = '\0';
	must(hex_get(m->correlation, r.correlation, sizeof(r.correlation)),
	    "--correlation");
	if (strcmp(what, "keys") == 0) {
		must((sip = strchr(rest, ':')) == NULL ? ERR_MALFORMED : ERR_OK,
		    rest);
		*sip++ = '\0';
		r.keys = keys = iri_keys(rest, &r.n_keys);
		rest = sip;
	} else {
		r.event = strcmp(what, "no-keys") == 0 ? IRI_NO_KEYS : IRI_SIP;
		r.initiator = strcmp(what, "from") == 0 ? IRI_ORIGINATING
		    : strcmp(what, "to") == 0		? IRI_TERMINATING
							: IRI_INITIATOR_NA;
	}
	octets = slurp(rest, &len);
	r.sip = view(octets, len);
	cap = iri_max(p, &r);
	out = malloc(cap);
	must(iri_encode(p, &r, out, cap, &len), what);
	if (fwrite(out, 1, len, f) != len)
		must(ERR_IO, m->out);
	free(out);
	free(octets);
	free(keys);
}

static int
records(const struct make *m, char **what)
{
	FILE *f = fopen(m->out, "wb");
	struct iri_profile p;
	struct why why;

	must(f == NULL ? ERR_IO : ERR_OK, m->out);
	must(iri_profile_named(m->profile, &p), m->profile);
	must(iri_profile_set(&p, "operator_id", "LAB", &why), "operator_id");
	for (uint32_t i = 0; what[i] != NULL; i++)
		put_record(m, &p, what[i], i, f);
	return fclose(f) == 0 ? 0 : 1;
}

/* ---- SRTP ---- */

static void
init_sender(struct sender *s, const struct make *m, const json_t *o, unsigned i)
{
	const char *policy = json_string_value(json_object_get(o, "policy"));
	const char *mki = json_string_value(json_object_get(o, "mki"));
	uint8_t octets[1024];

	sender_init(s, (uint8_t)i,
	    (uint32_t)json_integer_value(json_object_get(o, "ssrc")));
	if (s->ssrc == 0)
		s->ssrc = 0x5a000000 + i; /* as one that nobody announced */
	s->roc = (uint32_t)json_integer_value(json_object_get(o, "roc"));
	s->seq = (uint16_t)m->seq;
	s->type = (uint8_t)m->type;
	if (policy != NULL) {
		must(hex_get(policy, octets, strlen(policy) / 2), "policy");
		must(rules_read(view(octets, strlen(policy) / 2),
			 &s->key.rules),
		    "policy");
	}
	if (mki != NULL) {
		s->mki_len = strlen(mki) / 2;
		must(hex_get(mki, s->mki, s->mki_len), "mki");
	}
	get(o, "sessionKey", s->key.key, s->key.rules.key_len);
	get(o, "salt", s->key.salt, s->key.rules.salt_len);
}

/* Ethernet with a VLAN tag, IPv6, UDP: what the lab's tap does not write. */
static void
put_frame(pcap_dumper_t *d, const struct sender *s, unsigned n, unsigned packet)
{
	uint8_t frame[SENDER_PACKET_MAX + 128],
	    address[16] = {0x20, 1, 0xd, 0xb8};
	const uint16_t len = (uint16_t)(8 + s->len);
	struct pcap_pkthdr h = {.ts = {.tv_sec = 1784116800 + packet / 50,
				    .tv_usec = packet % 50 * 20000 + n}};
	struct wr w;

	wr_init(&w, frame, sizeof(frame));
	wr_copy(&w, "\2\0\0\0\0\1\2\0\0\0\0\2\x81\0\0\7\x86\xdd", 18);
	wr_u32(&w, 6U << 28);
	wr_u16(&w, len);
	wr_u16(&w, 17 << 8 | 64);
	address[15] = (uint8_t)(1 + n);
	wr_copy(&w, address, sizeof(address));
	address[15] = 200;
	wr_copy(&w, address, sizeof(address));
	wr_u16(&w, (uint16_t)(40000 + 2 * n));
	wr_u16(&w, 41000);
	wr_u16(&w, len);
	wr_u16(&w, 0);
	wr_copy(&w, s->packet, s->len);
	must(w.rc, "a frame");
	h.caplen = h.len = (bpf_u_int32)w.len;
	pcap_dump((u_char *)d, &h, frame);
}

static FILE *
open_said(const struct make *m, const struct sender *s)
{
	char path[1024];
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/ssrc-%08" PRIx32 ".raw", m->said,
	    s->ssrc);
	f = fopen(path, "wb");
	must(f == NULL ? ERR_IO : ERR_OK, path);
	return f;
}

/* Each sender says something of its own; what gets lost was silence. */
static int
srtp(const struct make *m)
{
	static struct sender sender[SENDERS_MAX];
	FILE *said[SENDERS_MAX];
	pcap_t *p = pcap_open_dead(DLT_EN10MB, 65535);
	pcap_dumper_t *d = pcap_dump_open(p, m->out);
	json_t *list = load_keys(m->keys);
	const unsigned n = (unsigned)json_array_size(list);

	must(d == NULL ? ERR_IO : ERR_OK, m->out);
	must(n > SENDERS_MAX ? ERR_TOOBIG : ERR_OK, m->keys);
	for (unsigned i = 0; i < n; i++) {
		init_sender(&sender[i], m, json_array_get(list, i), i);
		said[i] = open_said(m, &sender[i]);
	}
	for (unsigned k = 0; k < m->packets; k++)
		for (unsigned i = 0; i < n; i++) {
			const bool lost = m->lose > 0 && k % m->lose == 1;
			uint8_t voice[SAMPLES];

			for (unsigned j = 0; j < SAMPLES; j++)
				voice[j] = lost
				    ? 0xff
				    : (uint8_t)(0x40 +
					  (i * 37 + j * (k + 1)) % 63);
			sender_next(&sender[i], voice, sizeof(voice));
			if (!lost)
				put_frame(d, &sender[i], i, k);
			if (fwrite(voice, 1, sizeof(voice), said[i]) !=
			    sizeof(voice))
				must(ERR_IO, m->said);
		}
	for (unsigned i = 0; i < n; i++)
		if (fclose(said[i]) != 0)
			must(ERR_IO, m->said);
	must(pcap_dump_flush(d) == 0 ? ERR_OK : ERR_IO, m->out);
	pcap_dump_close(d);
	pcap_close(p);
	json_decref(list);
	return 0;
}

int
main(int argc, char **argv)
{
	static const struct option options[] = {
	    {"out", required_argument, NULL, 'o'},
	    {"keys", required_argument, NULL, 'k'},
	    {"said", required_argument, NULL, 's'},
	    {"profile", required_argument, NULL, 'p'},
	    {"liid", required_argument, NULL, 'l'},
	    {"correlation", required_argument, NULL, 'c'},
	    {"packets", required_argument, NULL, 'n'},
	    {"seq", required_argument, NULL, 'q'},
	    {"type", required_argument, NULL, 't'},
	    {"lose", required_argument, NULL, 'e'},
	    {NULL, 0, NULL, 0},
	};
	struct make m = {.profile = "etsi",
	    .liid = "LIID-1",
	    .correlation = "0102030405060708",
	    .packets = 100,
	    .seq = 7};
	const char **text[] = {['o'] = &m.out,
	    ['k'] = &m.keys,
	    ['s'] = &m.said,
	    ['p'] = &m.profile,
	    ['l'] = &m.liid,
	    ['c'] = &m.correlation};
	unsigned *number_of[] = {['n'] = &m.packets,
	    ['q'] = &m.seq,
	    ['t'] = &m.type,
	    ['e'] = &m.lose};
	int opt;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1)
		if (opt == '?')
			goto usage;
		else if (opt < (int)(sizeof(text) / sizeof(text[0])) &&
		    text[opt] != NULL)
			*text[opt] = optarg;
		else
			*number_of[opt] = (unsigned)strtoul(optarg, NULL, 0);
	argv += optind;
	if (m.out == NULL || *argv == NULL)
		goto usage;
	if (strcmp(*argv, "records") == 0)
		return records(&m, argv + 1);
	if (strcmp(*argv, "srtp") == 0 && m.keys != NULL && m.said != NULL)
		return srtp(&m);
usage:
	fputs(help, stderr);
	return 64;
}
