#include <getopt.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "lab_ec.h"
#include "lab_sip.h"
#include "phone_opt.h"

#define SECONDS_MAX 3600

static const char help[] =
    "lab-phone: one phone of a MIKEY-IBAKE call with SRTP speech.\n"
    "\n"
    "  --role a|b            a calls, b is called\n"
    "  --identity URI        ours; --peer-identity URI: whom a calls\n"
    "  --sip ADDR:PORT       ours; --peer-sip ADDR:PORT: where we send SIP\n"
    "  --rtp ADDR:PORT       ours; the peer's comes from its SDP\n"
    "  --params FILE         DER BFPublicParameters of our KMS\n"
    "  --period WORD         its key period: day (default), week or month\n"
    "  --peer-params FILE, --peer-period WORD\n"
    "                        those of the peer's KMS, when it is another\n"
    "  --device-key FILE     PEM RSA private key of the device\n"
    "  --device-cert FILE    its certificate (optional)\n"
    "  --seed FILE           JSON, wrapped to the device; or\n"
    "  --seed-hex FILE       64 hex digits\n"
    "  --key FILE            JSON, a private key of one period (repeatable)\n"
    "  --wav FILE            what to say: 16-bit mono PCM, 8 kHz; repeated\n"
    "                        when it is short, a tone when it is not given\n"
    "  --seconds N           how long to speak (default 12)\n"
    "  --curve NAME          P-256 (default), P-384, P-521; b follows a\n"
    "  --prf 0|1             PRF function (default 1); b follows a\n"
    "  --timeout N           seconds until a call must stand (default 30)\n"
    "  --out DIR             gets sent.ulaw, sent.wav, received.ulaw and\n"
    "                        phone.log\n"
    "\n"
    "To misbehave:\n"
    "  --own-secret          x or y is random and not from the seed\n"
    "  --bad-inner-id        a wrong identity of ours in our envelopes; the\n"
    "                        peer's inner identities are not checked either\n"
    "  --retarget-identity URI\n"
    "                        b answers under this IDRr (needs its --key)\n"
    "  --lose N              throw away every N-th SIP datagram we send\n"
    "  --first-seq N         first RTP sequence number (default random)\n"
    "\n"
    "For the laboratory's own tests, off by default:\n"
    "  --dump-keys FILE      write the SRTP keys as lab-decrypt reads them\n"
    "\n"
    "Exit status: 0 the call was made; 1 files or sockets; 2 usage; 3 refused\n"
    "by the peer or by a check of ours; 4 time-out.\n";

enum {
	O_ROLE = 256,
	O_IDENTITY,
	O_PEER_IDENTITY,
	O_SIP,
	O_PEER_SIP,
	O_RTP,
	O_PARAMS,
	O_PERIOD,
	O_PEER_PARAMS,
	O_PEER_PERIOD,
	O_DEVICE_KEY,
	O_DEVICE_CERT,
	O_SEED,
	O_SEED_HEX,
	O_KEY,
	O_WAV,
	O_SECONDS,
	O_CURVE,
	O_PRF,
	O_TIMEOUT,
	O_OUT,
	O_OWN_SECRET,
	O_BAD_INNER_ID,
	O_RETARGET,
	O_LOSE,
	O_FIRST_SEQ,
	O_DUMP_KEYS
};

static const struct option options[] = {
    {"help", no_argument, NULL, 'h'},
    {"role", required_argument, NULL, O_ROLE},
    {"identity", required_argument, NULL, O_IDENTITY},
    {"peer-identity", required_argument, NULL, O_PEER_IDENTITY},
    {"sip", required_argument, NULL, O_SIP},
    {"peer-sip", required_argument, NULL, O_PEER_SIP},
    {"rtp", required_argument, NULL, O_RTP},
    {"params", required_argument, NULL, O_PARAMS},
    {"period", required_argument, NULL, O_PERIOD},
    {"peer-params", required_argument, NULL, O_PEER_PARAMS},
    {"peer-period", required_argument, NULL, O_PEER_PERIOD},
    {"device-key", required_argument, NULL, O_DEVICE_KEY},
    {"device-cert", required_argument, NULL, O_DEVICE_CERT},
    {"seed", required_argument, NULL, O_SEED},
    {"seed-hex", required_argument, NULL, O_SEED_HEX},
    {"key", required_argument, NULL, O_KEY},
    {"wav", required_argument, NULL, O_WAV},
    {"seconds", required_argument, NULL, O_SECONDS},
    {"curve", required_argument, NULL, O_CURVE},
    {"prf", required_argument, NULL, O_PRF},
    {"timeout", required_argument, NULL, O_TIMEOUT},
    {"out", required_argument, NULL, O_OUT},
    {"own-secret", no_argument, NULL, O_OWN_SECRET},
    {"bad-inner-id", no_argument, NULL, O_BAD_INNER_ID},
    {"retarget-identity", required_argument, NULL, O_RETARGET},
    {"lose", required_argument, NULL, O_LOSE},
    {"first-seq", required_argument, NULL, O_FIRST_SEQ},
    {"dump-keys", required_argument, NULL, O_DUMP_KEYS},
    {NULL, 0, NULL, 0},
};

enum err
phone_addr_parse(const char *text, struct phone_addr *out)
{
	struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
	    .ai_socktype = SOCK_DGRAM};
	struct addrinfo *ai = NULL;
	const char *colon = strrchr(text, ':'), *host = text;
	size_t n;

	if (colon == NULL || strlen(text) >= sizeof(out->text))
		return ERR_MALFORMED;
	n = (size_t)(colon - text);
	if (n >= 2 && text[0] == '[' && colon[-1] == ']') {
		host++;
		n -= 2;
	}
	if (n == 0 || n >= sizeof(out->host))
		return ERR_MALFORMED;
	memcpy(out->host, host, n);
	out->host[n] = '\0';
	if (getaddrinfo(out->host, colon + 1, &hints, &ai) != 0)
		return ERR_MALFORMED;
	memcpy(&out->ss, ai->ai_addr, ai->ai_addrlen);
	out->len = ai->ai_addrlen;
	freeaddrinfo(ai);
	memcpy(out->text, text, strlen(text) + 1);
	return ERR_OK;
}

/* A number of at most `max`, digits only. */
static enum err
number(const char *text, unsigned long max, unsigned *out)
{
	unsigned long v;
	char *end;

	if (text[0] < '0' || text[0] > '9')
		return ERR_MALFORMED;
	v = strtoul(text, &end, 10);
	if (*end != '\0' || v > max)
		return ERR_MALFORMED;
	*out = (unsigned)v;
	return ERR_OK;
}

/* Options whose value is more than a text. */
static enum err
take_value(struct phone_opt *o, int opt, const char *arg)
{
	unsigned n = 0;
	enum err rc = ERR_OK;

	switch (opt) {
	case O_ROLE:
		o->role = arg[0];
		return strcmp(arg, "a") == 0 || strcmp(arg, "b") == 0
		    ? ERR_OK
		    : ERR_MALFORMED;
	case O_SIP:
		return phone_addr_parse(arg, &o->sip);
	case O_PEER_SIP:
		return phone_addr_parse(arg, &o->peer_sip);
	case O_RTP:
		return phone_addr_parse(arg, &o->rtp);
	case O_PERIOD:
		return lab_period_get(arg, &o->period);
	case O_PEER_PERIOD:
		return lab_period_get(arg, &o->peer_period);
	case O_KEY:
		if (o->n_keys == LAB_USER_KEYS_MAX)
			return ERR_FULL;
		o->key[o->n_keys++] = arg;
		return ERR_OK;
	case O_SECONDS:
		return number(arg, SECONDS_MAX, &o->seconds);
	case O_TIMEOUT:
		return number(arg, SECONDS_MAX, &o->timeout_s);
	case O_LOSE:
		return number(arg, 1000, &o->lose);
	case O_PRF:
		rc = number(arg, 1, &n);
		o->prf = (uint8_t)n;
		return rc;
	case O_FIRST_SEQ:
		rc = number(arg, 65535, &n);
		o->first_seq = (int)n;
		return rc;
	case O_CURVE:
		o->curve = arg;
		return lab_ec_by_name(arg) != NULL ? ERR_OK : ERR_UNSUPPORTED;
	case O_OWN_SECRET:
		o->own_secret = true;
		return ERR_OK;
	case O_BAD_INNER_ID:
		o->bad_inner_id = true;
		return ERR_OK;
	default:
		return ERR_NOTFOUND;
	}
}

/* Options whose value is a text; NULL for another. */
static const char **
text_of(struct phone_opt *o, int opt)
{
	switch (opt) {
	case O_IDENTITY:
		return &o->identity;
	case O_PEER_IDENTITY:
		return &o->peer_identity;
	case O_PARAMS:
		return &o->params;
	case O_PEER_PARAMS:
		return &o->peer_params;
	case O_DEVICE_KEY:
		return &o->device_key;
	case O_DEVICE_CERT:
		return &o->device_cert;
	case O_SEED:
		return &o->seed;
	case O_SEED_HEX:
		return &o->seed_hex;
	case O_WAV:
		return &o->wav;
	case O_OUT:
		return &o->out;
	case O_RETARGET:
		return &o->retarget;
	case O_DUMP_KEYS:
		return &o->dump_keys;
	default:
		return NULL;
	}
}

static bool
plain_uri(const char *s)
{
	return s == NULL ||
	    (strlen(s) <= LAB_ID_MAX && s[0] != '\0' &&
		strpbrk(s, " <>\"\r\n\t;") == NULL && strchr(s, ':') != NULL);
}

/* What must be there, and what must fit together. */
static const char *
complaint(const struct phone_opt *o)
{
	if (o->role == '\0' || o->identity == NULL || o->params == NULL ||
	    o->device_key == NULL || o->out == NULL || o->sip.len == 0 ||
	    o->peer_sip.len == 0 || o->rtp.len == 0)
		return "--role, --identity, --sip, --peer-sip, --rtp, --params,"
		       " --device-key and --out are needed";
	if (o->role == 'a' && o->peer_identity == NULL)
		return "--role a needs --peer-identity";
	if ((o->seed == NULL) == (o->seed_hex == NULL))
		return "give --seed or --seed-hex";
	if (o->n_keys == 0)
		return "give --key";
	if (o->retarget != NULL && o->role != 'b')
		return "--retarget-identity is for --role b";
	if (!plain_uri(o->identity) || !plain_uri(o->peer_identity) ||
	    !plain_uri(o->retarget))
		return "an identity is a plain URI of at most 255 octets,"
		       " without parameters";
	if (o->seconds == 0 || o->timeout_s == 0 || o->lose == 1)
		return "--seconds and --timeout start at 1, --lose at 2";
	return NULL;
}

int
phone_opt_parse(struct phone_opt *o, int argc, char **argv)
{
	const char **text, *why;
	int opt, at = 0;

	memset(o, 0, sizeof(*o));
	o->seconds = 12;
	o->timeout_s = 30;
	o->curve = "P-256";
	o->prf = 1;
	o->first_seq = -1;
	while ((opt = getopt_long(argc, argv, "h", options, &at)) != -1) {
		if (opt == 'h') {
			(void)fputs(help, stdout);
			return PHONE_OK + 1;
		}
		if (opt == '?') /* getopt has said which */
			return PHONE_USAGE + 1;
		if ((text = text_of(o, opt)) != NULL) {
			*text = optarg;
		} else if (take_value(o, opt, optarg) != ERR_OK) {
			log_error("--%s: bad value \"%s\"", options[at].name,
			    optarg);
			return PHONE_USAGE + 1;
		}
	}
	why = optind < argc ? "an argument that is no option" : complaint(o);
	if (why != NULL) {
		log_error("%s (see --help)", why);
		return PHONE_USAGE + 1;
	}
	return 0;
}
