#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "x2_opt.h"

static const char help[] =
    "lab-x2: hands intercepted SIP over as a CSCF does, over X2.\n"
    "\n"
    "  --connect HOST:PORT --ca FILE --cert FILE --key FILE\n"
    "  --xid UUID             repeatable: one PDU for each\n"
    "  --correlation HEX16    else made from the Call-ID\n"
    "  --direction WORD       to, from, or auto (default) with --target URI\n"
    "\n"
    "What is sent, in this order:\n"
    "  --call DIR             a call around i1.bin, r1.bin, i2.bin, r2.bin,\n"
    "                         u-i1.bin, u-r1.bin; repeatable; of\n"
    "                         --from URI --to URI --call-id TEXT\n"
    "  --calls DIR            a call around each folder of a folder, by name\n"
    "    --late-offer --compact --folded --multipart --media-level --cancel\n"
    "    --no-bye --reinvite --callee-updates\n"
    "    --media N            m-lines of each SDP\n"
    "    --fork N             N branches answer; fork-K-r1.bin or r1.bin\n"
    "    --only LIST          of i1,r1,i2,r2,u-i1,u-r1,bye\n"
    "  --sip-dir DIR          the files of a folder by name\n"
    "  --sip FILE...          files; the last option\n"
    "  --raw FILE             octets as they are\n"
    "  --background N         N dialogs of no interest a second, of random\n"
    "                         XIDs, for --seconds S (10)\n"
    "\n"
    "How:\n"
    "  --rate N               PDUs a second\n"
    "  --connections N        spread over so many\n"
    "  --shuffle SEED --duplicate --pieces --coalesce\n"
    "  --break-after N        reset each connection once after N PDUs\n"
    "  --once                 do not connect again when the peer hangs up\n"
    "  --keepalive SECONDS    between keep-alives\n"
    "  --wait-ack SECONDS     end only when all is acknowledged, or fail; 0: when\n"
    "                         it is sent\n"
    "  --type N --format N --major N --no-sequence --no-time --extra-tlv\n"
    "  --nfid TEXT --ipid TEXT\n"
    "  --print-dir DIR        write NNNN.sip instead of sending\n"
    "  --dump FILE            write the PDUs instead of sending\n"
    "\n"
    "Exit status: 0; 1 not sent or not acknowledged; 2 usage.\n";

enum {
	O_FIRST = 256,
	O_CONNECT,
	O_CA,
	O_CERT,
	O_KEY,
	O_XID,
	O_CORRELATION,
	O_DIRECTION,
	O_TARGET,
	O_CALL,
	O_CALLS,
	O_FROM,
	O_TO,
	O_CALL_ID,
	O_FORK,
	O_MEDIA,
	O_ONLY,
	O_SIP_DIR,
	O_SIP,
	O_RAW,
	O_BACKGROUND,
	O_SECONDS,
	O_RATE,
	O_CONNECTIONS,
	O_SHUFFLE,
	O_BREAK_AFTER,
	O_KEEPALIVE,
	O_WAIT_ACK,
	O_TYPE,
	O_FORMAT,
	O_MAJOR,
	O_NFID,
	O_IPID,
	O_PRINT_DIR,
	O_DUMP,
	O_LATE_OFFER,
	O_COMPACT,
	O_FOLDED,
	O_MULTIPART,
	O_MEDIA_LEVEL,
	O_CANCEL,
	O_NO_BYE,
	O_REINVITE,
	O_CALLEE_UPDATES,
	O_DUPLICATE,
	O_PIECES,
	O_COALESCE,
	O_ONCE,
	O_NO_SEQUENCE,
	O_NO_TIME,
	O_EXTRA_TLV
};

#define WITH(name, value) \
	{ \
		name, required_argument, NULL, value \
	}
#define ALONE(name, value) \
	{ \
		name, no_argument, NULL, value \
	}
static const struct option options[] = {
    ALONE("help", 'h'),
    WITH("connect", O_CONNECT),
    WITH("ca", O_CA),
    WITH("cert", O_CERT),
    WITH("key", O_KEY),
    WITH("xid", O_XID),
    WITH("correlation", O_CORRELATION),
    WITH("direction", O_DIRECTION),
    WITH("target", O_TARGET),
    WITH("call", O_CALL),
    WITH("calls", O_CALLS),
    WITH("from", O_FROM),
    WITH("to", O_TO),
    WITH("call-id", O_CALL_ID),
    WITH("fork", O_FORK),
    WITH("media", O_MEDIA),
    WITH("only", O_ONLY),
    WITH("sip-dir", O_SIP_DIR),
    WITH("sip", O_SIP),
    WITH("raw", O_RAW),
    WITH("background", O_BACKGROUND),
    WITH("seconds", O_SECONDS),
    WITH("rate", O_RATE),
    WITH("connections", O_CONNECTIONS),
    WITH("shuffle", O_SHUFFLE),
    WITH("break-after", O_BREAK_AFTER),
    WITH("keepalive", O_KEEPALIVE),
    WITH("wait-ack", O_WAIT_ACK),
    WITH("type", O_TYPE),
    WITH("format", O_FORMAT),
    WITH("major", O_MAJOR),
    WITH("nfid", O_NFID),
    WITH("ipid", O_IPID),
    WITH("print-dir", O_PRINT_DIR),
    WITH("dump", O_DUMP),
    ALONE("late-offer", O_LATE_OFFER),
    ALONE("compact", O_COMPACT),
    ALONE("folded", O_FOLDED),
    ALONE("multipart", O_MULTIPART),
    ALONE("media-level", O_MEDIA_LEVEL),
    ALONE("cancel", O_CANCEL),
    ALONE("no-bye", O_NO_BYE),
    ALONE("reinvite", O_REINVITE),
    ALONE("callee-updates", O_CALLEE_UPDATES),
    ALONE("duplicate", O_DUPLICATE),
    ALONE("pieces", O_PIECES),
    ALONE("coalesce", O_COALESCE),
    ALONE("once", O_ONCE),
    ALONE("no-sequence", O_NO_SEQUENCE),
    ALONE("no-time", O_NO_TIME),
    ALONE("extra-tlv", O_EXTRA_TLV),
    {NULL, 0, NULL, 0},
};

/* Where a text or a number of the command line goes. */
static const char **
text_of(struct x2_opt *o, int opt)
{
	switch (opt) {
	case O_CONNECT:
		return &o->link.connect;
	case O_CA:
		return &o->link.ca;
	case O_CERT:
		return &o->link.cert;
	case O_KEY:
		return &o->link.key;
	case O_TARGET:
		return &o->target;
	case O_FROM:
		return &o->call.from;
	case O_TO:
		return &o->call.to;
	case O_CALL_ID:
		return &o->call.call_id;
	case O_CALLS:
		return &o->calls;
	case O_SIP_DIR:
		return &o->sip_dir;
	case O_RAW:
		return &o->raw;
	case O_NFID:
		return &o->like.nfid;
	case O_IPID:
		return &o->like.ipid;
	case O_PRINT_DIR:
		return &o->print_dir;
	case O_DUMP:
		return &o->dump;
	default:
		return NULL;
	}
}

static bool *
flag_of(struct x2_opt *o, int opt)
{
	switch (opt) {
	case O_LATE_OFFER:
		return &o->call.late_offer;
	case O_COMPACT:
		return &o->call.compact;
	case O_FOLDED:
		return &o->call.folded;
	case O_MULTIPART:
		return &o->call.multipart;
	case O_MEDIA_LEVEL:
		return &o->call.media_level;
	case O_CANCEL:
		return &o->call.cancel;
	case O_REINVITE:
		return &o->call.reinvite;
	case O_CALLEE_UPDATES:
		return &o->call.callee_updates;
	case O_DUPLICATE:
		return &o->duplicate;
	case O_COALESCE:
		return &o->link.coalesce;
	case O_ONCE:
		return &o->link.once;
	case O_NO_SEQUENCE:
		return &o->no_sequence;
	case O_NO_TIME:
		return &o->no_time;
	case O_EXTRA_TLV:
		return &o->like.extra;
	default:
		return NULL;
	}
}

static bool
number(const char *s, unsigned long least, unsigned long most,
    unsigned long *out)
{
	char *end;

	if (s[0] < '0' || s[0] > '9')
		return false;
	*out = strtoul(s, &end, 10);
	return *end == '\0' && *out >= least && *out <= most;
}

static bool
take_number(struct x2_opt *o, int opt, const char *s)
{
	unsigned long n;

	if (!number(s, 0, 1000000000, &n))
		return false;
	switch (opt) {
	case O_FORK:
		o->call.fork = (unsigned)n;
		return n >= 1 && n <= 16;
	case O_MEDIA:
		o->call.media = (unsigned)n;
		return n >= 1 && n <= 16;
	case O_BACKGROUND:
		o->background = (unsigned)n;
		return true;
	case O_SECONDS:
		o->seconds = (unsigned)n;
		return true;
	case O_RATE:
		o->rate = (unsigned)n;
		return true;
	case O_CONNECTIONS:
		o->connections = (unsigned)n;
		return n >= 1 && n <= X2_CONNECTIONS_MAX;
	case O_SHUFFLE:
		o->shuffle = true;
		o->seed = n;
		return true;
	case O_BREAK_AFTER:
		o->link.break_after = (unsigned)n;
		return true;
	case O_KEEPALIVE:
		o->link.keepalive_ms = 1000 * (int64_t)n;
		return true;
	case O_WAIT_ACK:
		o->wait_ack_s = (unsigned)n;
		return true;
	case O_TYPE:
		o->like.type = (uint16_t)n;
		return n <= UINT16_MAX;
	case O_FORMAT:
		o->like.format = (uint16_t)n;
		return n <= UINT16_MAX;
	case O_MAJOR:
		o->like.major = (uint8_t)n;
		return n <= UINT8_MAX;
	default:
		return false;
	}
}

static bool
take_direction(struct x2_opt *o, const char *s)
{
	static const char *const words[] = {"auto", "to", "from"};

	for (unsigned i = 0; i < 3; i++)
		if (strcmp(words[i], s) == 0) {
			o->direction = (enum x2_say_direction)i;
			return true;
		}
	return false;
}

static bool
take_only(struct x2_opt *o, const char *s)
{
	for (;;) {
		const size_t n = strcspn(s, ",");
		const enum x2_part part = x2_part_of(s, n);

		if (part == PART__MAX)
			return false;
		o->call.only |= 1U << part;
		if (s[n] == '\0')
			return true;
		s += n + 1;
	}
}

static bool
take(struct x2_opt *o, int opt, const char *s)
{
	switch (opt) {
	case O_XID:
		return o->n_xids < X2_XIDS_MAX &&
		    lab_x2_uuid(s, o->xid[o->n_xids++]) == ERR_OK;
	case O_CORRELATION:
		o->has_correlation = true;
		return hex_get(s, o->correlation, sizeof(o->correlation)) ==
		    ERR_OK;
	case O_DIRECTION:
		return take_direction(o, s);
	case O_CALL:
		if (o->n_dirs == X2_CALLS_MAX)
			return false;
		o->dirs[o->n_dirs++] = s;
		return true;
	case O_ONLY:
		return take_only(o, s);
	case O_NO_BYE:
		o->call.bye = false;
		return true;
	case O_PIECES:
		o->link.pieces = 4;
		return true;
	default:
		return take_number(o, opt, s);
	}
}

static const char *
complaint(const struct x2_opt *o)
{
	const bool sends = o->print_dir == NULL && o->dump == NULL;

	if (sends &&
	    (o->link.connect == NULL || o->link.ca == NULL ||
		o->link.cert == NULL || o->link.key == NULL))
		return "give --connect, --ca, --cert and --key";
	if (o->n_xids == 0 && o->print_dir == NULL &&
	    (o->n_dirs + o->n_files > 0 || o->sip_dir != NULL ||
		o->calls != NULL))
		return "give --xid";
	if ((o->n_dirs > 0 || o->calls != NULL) &&
	    (o->call.from == NULL || o->call.to == NULL))
		return "--call needs --from and --to";
	if (o->link.coalesce && o->link.pieces > 0)
		return "--pieces and --coalesce exclude each other";
	return NULL;
}

int
x2_opt_parse(struct x2_opt *o, int argc, char **argv)
{
	const char *text, **where;
	bool *flag;
	int opt, at = 0;

	*o = (struct x2_opt){.connections = 1,
	    .seconds = 10,
	    .call = {.bye = true, .fork = 1, .media = 1}};
	lab_x2_init(&o->like);
	while ((opt = getopt_long(argc, argv, "+h", options, &at)) != -1) {
		if (opt == 'h') {
			(void)fputs(help, stdout);
			return X2_OK + 1;
		}
		if (opt == '?')
			return X2_USAGE + 1;
		if (opt == O_SIP) {
			o->files = argv + optind - 1;
			o->n_files = (unsigned)(argc - optind + 1);
			optind = argc;
		} else if ((where = text_of(o, opt)) != NULL) {
			*where = optarg;
		} else if ((flag = flag_of(o, opt)) != NULL) {
			*flag = true;
		} else if (!take(o, opt, optarg)) {
			log_error("--%s: %s is not allowed", options[at].name,
			    optarg);
			return X2_USAGE + 1;
		}
	}
	text = optind < argc ? "an argument that is no option" : complaint(o);
	if (text != NULL) {
		log_error("%s (see --help)", text);
		return X2_USAGE + 1;
	}
	return 0;
}
