/*
 * keywarden-df2: a DF2/MF's side of Xk on the command line; keywarden-df2(1).
 * Reads MIKEY messages from files, or finds them in intercepted SIP, asks for
 * the keys and gives them out.
 */
#include <sys/socket.h>

#include <dirent.h>
#include <errno.h>
#include <getopt.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>
#include <openssl/err.h>

#include "appliance/cli_file.h"
#include "appliance/df2_client.h"
#include "base/log.h"
#include "hi2/sip_event.h"
#include "version.h"

enum {
	DF2_KEYS = 0,
	DF2_REFUSED = 1,
	DF2_USAGE = 64,
	DF2_INPUT = 66,
	DF2_CONNECT = 69,
	DF2_PROTOCOL = 76
};

enum slot { I1, R1, I2, R2, FIRST_I1, FIRST_R1, FIRST_I2, SLOTS };

struct order {
	struct df2_where where;
	const char *target, *liid, *out, *sip_dir, *csb;
	bool json;
	struct {
		uint8_t *p;
		size_t len;
	} m[SLOTS];
};

static void
usage(void)
{
	(void)fputs(
	    "usage: keywarden-df2 get-keys --connect HOST:PORT --cert FILE\n"
	    "         --key FILE --ca FILE --target URI MESSAGES [options]\n"
	    "\n"
	    "Asks a KMS over Xk for the session keys of a call and prints "
	    "them.\n"
	    "\n"
	    "MESSAGES: files that hold whole MIKEY messages\n"
	    "  --i1 --r1 --i2 [--r2]          a first exchange\n"
	    "  --i1 --r1 --first-i1 [--first-r1 --first-i2]  a CSB update\n"
	    "or the intercepted SIP\n"
	    "  --sip-dir DIR                  its messages, a file each\n"
	    "  --csb HEX                      which CSB, if there are several\n"
	    "\n"
	    "  --target URI   public KMS identity of the target user\n"
	    "  --liid TEXT    under this warrant only\n"
	    "  --server-name NAME  name in the server's certificate, if it is\n"
	    "                 not HOST\n"
	    "  --out FILE     write the keys there (mode 600) instead of\n"
	    "                 printing them\n"
	    "  --json         JSON; the form that decryptors read\n"
	    "  --version, --help\n"
	    "\n"
	    "Exit codes: 0 keys, 1 refused, 64 usage, 66 input, 69 no\n"
	    "connection, 76 protocol.\n",
	    stdout);
}

static void say(const char *fmt, ...) PRINTF_LIKE(1, 2);

static void
say(const char *fmt, ...)
{
	va_list ap;

	(void)fputs("keywarden-df2: ", stderr);
	va_start(ap, fmt);
	(void)vfprintf(stderr, fmt, ap);
	va_end(ap);
	(void)fputc('\n', stderr);
}

static int misuse(const char *fmt, ...) PRINTF_LIKE(1, 2);

static int
misuse(const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	say("%s ('keywarden-df2 --help' tells more)", text);
	return DF2_USAGE;
}

/* ---- messages out of SIP ---- */

static void
keep(struct order *o, enum slot s, const uint8_t *p, size_t len)
{
	if (o->m[s].p != NULL || (o->m[s].p = malloc(len)) == NULL)
		return; /* the first of a kind is the first exchange's */
	memcpy(o->m[s].p, p, len);
	o->m[s].len = len;
}

/* By data type and CSB ID, never by SIP method. */
static enum err
sort_message(struct order *o, const uint8_t *p, size_t len, struct why *why)
{
	char csb[9];

	if (len < 10 || p[1] < 22 || p[1] > 25)
		return ERR_OK; /* MIKEY, but not of MIKEY-IBAKE */
	hex_put(p + 4, 4, csb);
	if (o->csb == NULL && (o->csb = strdup(csb)) == NULL)
		return ERR_NOMEM;
	if (strcasecmp(o->csb, csb) != 0)
		return o->m[I1].p == NULL || p[1] != 22
		    ? ERR_OK
		    : why_set(why, ERR_MISMATCH,
			  "the SIP holds several calls (CSB %s and %s): choose "
			  "one with --csb",
			  o->csb, csb);
	keep(o, (enum slot)(p[1] - 22), p, len);
	return ERR_OK;
}

static enum err
read_sip(struct order *o, const char *path, struct why *why)
{
	struct sip_event e;
	uint8_t *p;
	size_t len;
	struct rd r;
	enum err rc;

	if ((rc = cli_read_file(path, SIP_MAX, &p, &len, why)) != ERR_OK)
		return rc;
	rd_init(&r, p, len);
	if (sip_event_read(r, &e) != ERR_OK) {
		say("%s is not a SIP message: left out", path);
		free(p);
		return ERR_OK;
	}
	for (unsigned i = 0; i < e.n_mikey && rc == ERR_OK; i++)
		rc = sort_message(o, e.mikey[i].p, e.mikey[i].left, why);
	free(p);
	return rc;
}

static enum err
read_sip_dir(struct order *o, struct why *why)
{
	struct dirent **names = NULL;
	const int n = scandir(o->sip_dir, &names, NULL, alphasort);
	enum err rc = ERR_OK;

	if (n < 0)
		return why_errno(why, "%s", o->sip_dir);
	if (sip_event_start() != ERR_OK)
		rc = why_set(why, ERR_NOMEM, "out of memory");
	for (int i = 0; i < n; i++) {
		char *path;

		if (names[i]->d_name[0] != '.' && rc == ERR_OK &&
		    asprintf(&path, "%s/%s", o->sip_dir, names[i]->d_name) !=
			-1) {
			rc = read_sip(o, path, why);
			free(path);
		}
		free(names[i]);
	}
	free(names);
	return rc;
}

/* ---- what comes back ---- */

static void
hex_member(json_t *j, const char *name, const void *p, size_t len)
{
	char hex[2 * MAX_SP_LEN + 1];

	hex_put(p, len, hex);
	json_object_set_new(j, name, json_string(hex));
	explicit_bzero(hex, sizeof(hex));
}

static json_t *
keys_json(const struct xk_get_keys_response *r)
{
	json_t *root = json_object(), *list = json_array();

	for (unsigned i = 0; i < r->n_keys; i++) {
		const struct xk_session_key *k = &r->key[i];
		json_t *j = json_object();

		hex_member(j, "cryptoSessionId", k->crypto_session_id, 5);
		hex_member(j, "sessionKey", k->session_key, 16);
		hex_member(j, "salt", k->salt, 14);
		if (k->has_ssrc)
			json_object_set_new(j, "ssrc", json_integer(k->ssrc));
		if (k->has_roc)
			json_object_set_new(j, "roc", json_integer(k->roc));
		if (k->policy.left > 0)
			hex_member(j, "policy", k->policy.p, k->policy.left);
		if (k->mki.left > 0)
			hex_member(j, "mki", k->mki.p, k->mki.left);
		json_array_append_new(list, j);
	}
	json_object_set_new(root, "keys", list);
	if (r->has_sk)
		hex_member(root, "sk", r->sk, 16);
	return root;
}

static char *
keys_text(const struct xk_get_keys_response *r)
{
	char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);

	if (f == NULL)
		return NULL;
	for (unsigned i = 0; i < r->n_keys; i++) {
		char id[11], key[33], salt[29];

		hex_put(r->key[i].crypto_session_id, 5, id);
		hex_put(r->key[i].session_key, 16, key);
		hex_put(r->key[i].salt, 14, salt);
		(void)fprintf(f,
		    "crypto session %s  key %s  salt %s  ssrc %08x\n", id, key,
		    salt, r->key[i].ssrc);
	}
	(void)fclose(f);
	return text;
}

static int
give_out(const struct order *o, const struct xk_get_keys_response *r)
{
	char *text;
	struct why why = {""};
	json_t *j;
	int code = DF2_KEYS;

	if (o->json) {
		j = keys_json(r);
		text = json_dumps(j, JSON_INDENT(2));
		json_decref(j);
	} else
		text = keys_text(r);
	if (text == NULL)
		return DF2_PROTOCOL;
	if (o->out == NULL)
		(void)puts(text);
	else if (cli_write_file(o->out, text, strlen(text), 0600, &why) !=
	    ERR_OK) {
		say("%s", why.text);
		code = DF2_INPUT;
	}
	explicit_bzero(text, strlen(text));
	free(text);
	return code;
}

static int
refused(const struct order *o, const struct xk_refusal *f)
{
	char text[4 * MAX_REFUSAL_TEXT + 1];

	(void)log_escape(f->text.p, f->text.left, text, sizeof(text));
	if (o->json)
		(void)printf("{\"refusal\":\"%s\"}\n",
		    xk_reason_name(f->reason));
	say("refused: %s (%s)", xk_reason_name(f->reason), text);
	return DF2_REFUSED;
}

/* ---- the request ---- */

static struct rd
message(const struct order *o, enum slot s)
{
	struct rd r;

	rd_init(&r, o->m[s].p, o->m[s].len);
	return r;
}

static int
ask(struct order *o)
{
	struct xk_get_keys k = {.i_message1 = message(o, I1),
	    .r_message1 = message(o, R1),
	    .i_message2 = message(o, I2),
	    .r_message2 = message(o, R2),
	    .first_i_message1 = message(o, FIRST_I1),
	    .first_r_message1 = message(o, FIRST_R1),
	    .first_i_message2 = message(o, FIRST_I2)};
	struct df2 *d = NULL;
	struct why why = {""};
	struct xk_msg m;
	int code;
	enum err rc;

	rd_init(&k.public_kms_identity, o->target, strlen(o->target));
	if (o->liid != NULL)
		rd_init(&k.liid, o->liid, strlen(o->liid));
	if (df2_open(&o->where, &d, &why) != ERR_OK) {
		say("%s", why.text);
		return DF2_CONNECT;
	}
	if ((rc = df2_get_keys(d, 1, &k, &m, &why)) != ERR_OK) {
		say("%s", why.text);
		df2_close(&d);
		/* In TLS 1.3 a client's certificate is refused only now. */
		return rc == ERR_CLOSED ? DF2_CONNECT
		    : rc == ERR_TOOBIG	? DF2_INPUT
					: DF2_PROTOCOL;
	}
	if (m.type == XK_GET_KEYS_RESPONSE)
		code = give_out(o, m.u.keys);
	else if (m.type == XK_REFUSAL)
		code = refused(o, &m.u.refusal);
	else {
		say("an answer of another kind");
		code = DF2_PROTOCOL;
	}
	xk_msg_free(&m);
	df2_close(&d);
	return code;
}

static const struct option longs[] = {{"i1", required_argument, NULL, I1},
    {"r1", required_argument, NULL, R1}, {"i2", required_argument, NULL, I2},
    {"r2", required_argument, NULL, R2},
    {"first-i1", required_argument, NULL, FIRST_I1},
    {"first-r1", required_argument, NULL, FIRST_R1},
    {"first-i2", required_argument, NULL, FIRST_I2},
    {"connect", required_argument, NULL, 'C'},
    {"cert", required_argument, NULL, 'c'},
    {"key", required_argument, NULL, 'k'}, {"ca", required_argument, NULL, 'a'},
    {"server-name", required_argument, NULL, 'n'},
    {"target", required_argument, NULL, 't'},
    {"liid", required_argument, NULL, 'l'},
    {"out", required_argument, NULL, 'o'},
    {"sip-dir", required_argument, NULL, 's'},
    {"csb", required_argument, NULL, 'b'}, {"json", no_argument, NULL, 'j'},
    {"version", no_argument, NULL, 'v'}, {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0}};

/* Options into the order; an exit code, or -1 to go on. */
static int
options(struct order *o, int argc, char **argv)
{
	struct why why = {""};
	int c;

	opterr = 0;
	while ((c = getopt_long(argc, argv, ":", longs, NULL)) != -1) {
		const char **const text[128] = {['C'] = &o->where.address,
		    ['c'] = &o->where.cert,
		    ['k'] = &o->where.key,
		    ['a'] = &o->where.ca,
		    ['n'] = &o->where.name,
		    ['t'] = &o->target,
		    ['l'] = &o->liid,
		    ['o'] = &o->out,
		    ['s'] = &o->sip_dir,
		    ['b'] = &o->csb};

		if (c >= 0 && c < SLOTS) {
			free(o->m[c].p);
			o->m[c].p = NULL;
			if (cli_read_file(optarg, MAX_MIKEY, &o->m[c].p,
				&o->m[c].len, &why) != ERR_OK) {
				say("%s", why.text);
				return DF2_INPUT;
			}
		} else if (c == 'j')
			o->json = true;
		else if (c == 'v') {
			puts("keywarden " KEYWARDEN_VERSION);
			return DF2_KEYS;
		} else if (c == 'h') {
			usage();
			return DF2_KEYS;
		} else if (c > 0 && c < 128 && text[c] != NULL)
			*text[c] = optarg;
		else
			return misuse("%s: %s", argv[optind - 1],
			    c == ':' ? "something must follow"
				     : "no such option");
	}
	return -1;
}

int
main(int argc, char **argv)
{
	static struct order o;
	struct why why = {""};
	int code;

	if (argc > 1 && strcmp(argv[1], "get-keys") == 0) {
		argc--;
		argv++;
	} else if (argc < 2 ||
	    (strcmp(argv[1], "--help") != 0 &&
		strcmp(argv[1], "--version") != 0))
		return misuse("what?  get-keys is what it can do");
	if ((code = options(&o, argc, argv)) != -1)
		return code;
	if (optind != argc)
		return misuse("%s: not an option", argv[optind]);
	if (o.where.address == NULL || o.where.cert == NULL ||
	    o.where.key == NULL || o.where.ca == NULL || o.target == NULL)
		return misuse("get-keys takes --connect, --cert, --key, --ca "
			      "and --target");
	if (o.out != NULL && cli_file_is_new(o.out, &why) != ERR_OK) {
		say("%s", why.text);
		return DF2_INPUT;
	}
	if (o.sip_dir != NULL && read_sip_dir(&o, &why) != ERR_OK) {
		say("%s", why.text);
		return DF2_INPUT;
	}
	if (o.m[I1].p == NULL || o.m[R1].p == NULL) {
		say("I_MESSAGE_1 and R_MESSAGE_1 are needed%s",
		    o.sip_dir != NULL ? ", and not in the SIP" : "");
		return DF2_INPUT;
	}
	code = ask(&o);
	for (unsigned i = 0; i < SLOTS; i++)
		free(o.m[i].p);
	return code;
}
