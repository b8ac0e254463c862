#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#define EXCHANGE_OPT_INTERNAL
#include "exchange_opt.h"

#define EXIT_USAGE 2

static const char help[] =
    "lab-exchange: makes up MIKEY-IBAKE exchanges without any private key and\n"
    "without a network, for tests.\n"
    "\n"
    "  --params FILE           DER BFPublicParameters of the KMS; or\n"
    "  --initiator-params FILE, --responder-params FILE\n"
    "  --period WORD           its key period: day (default), week or month; or\n"
    "  --initiator-period WORD, --responder-period WORD\n"
    "  --initiator URI         --initiator-seed FILE (64 hex digits)\n"
    "                          --initiator-label HEX\n"
    "  --responder URI         the same\n"
    "  --answering URI         who answers, when it is not the responder; the\n"
    "                          same, seed and label as the responder's if not\n"
    "                          given\n"
    "  --out DIR               gets i1.bin r1.bin i2.bin r2.bin, and with\n"
    "                          --update u-i1.bin u-r1.bin: whole messages\n"
    "  --keys FILE             the true session keys as JSON\n"
    "  --count N               N exchanges in DIR/0000, DIR/0001 and so on;\n"
    "                          the FILEs are then names in these folders\n"
    "  --random-seed N         all randomness from this number (not the time)\n"
    "\n"
    "  --time RFC3339          T of I_MESSAGE_1 (default now)\n"
    "  --ts-type WORD          ntp-utc (default), ntp, counter, ntp-utc-32\n"
    "  --counter N             T with --ts-type counter; the date of the keys\n"
    "                          is that of --time\n"
    "  --curve NAME            P-256 (default), P-384, P-521\n"
    "  --prf 0|1               default 1\n"
    "  --csb HEX8              CSB ID (default random)\n"
    "  --cs N                  crypto sessions (default 1)\n"
    "  --roc N                 ROC in the map from R_MESSAGE_1 on\n"
    "  --rand-len N            octets of RAND (default 16)\n"
    "  --sp HEX, --sp-r HEX    SP of I_MESSAGE_1, R_MESSAGE_1 from Policy no\n"
    "                          on (up to 4 times); the map names them in turn\n"
    "  --mki HEX, --mki-i HEX  KV SPI of ECCPTr, of ECCPTi\n"
    "  --kv-interval           KV Interval in points without KV SPI\n"
    "  --inner-form idr|id     identities inside (default idr)\n"
    "  --general-ext           a General Extension payload in every message\n"
    "  --esk-i1                an ESK in I_MESSAGE_1, for the responder\n"
    "  --deferred              who answers could not open I_MESSAGE_1\n"
    "  --recipient-keys FILE   the keys from SK\n"
    "\n"
    "  --update by-initiator|by-responder\n"
    "                          a CSB update follows\n"
    "  --update-time RFC3339   its T (default 10 seconds later)\n"
    "  --update-no-ibake, --update-no-ids\n"
    "                          without them\n"
    "  --update-cs N           its crypto sessions (default as before)\n"
    "  --update-keys FILE      its keys; mki is that of ECCPTr, which only who\n"
    "                          began the update can see\n"
    "\n"
    "  --fault NAME[@MESSAGE]  (repeatable) MESSAGE is i1, r1, i2, r2, u-i1,\n"
    "                          u-r1 or esk, where it makes sense\n"
    "  --list-faults           name, what else it needs, what Xk answers for\n"
    "                          the initiator, who answered and an ESK's\n"
    "                          recipient as target (with update: of one begun\n"
    "                          by the initiator), meaning\n"
    "\n"
    "Exit status: 0, 1 on failure, 2 usage.\n";

static const struct option options[] = {
    {"help", no_argument, NULL, 'h'},
    {"params", required_argument, NULL, O_PARAMS},
    {"initiator-params", required_argument, NULL, O_PARAMS_I},
    {"responder-params", required_argument, NULL, O_PARAMS_R},
    {"period", required_argument, NULL, O_PERIOD},
    {"initiator-period", required_argument, NULL, O_PERIOD_I},
    {"responder-period", required_argument, NULL, O_PERIOD_R},
    {"initiator", required_argument, NULL, O_ID + WHO_INITIATOR},
    {"responder", required_argument, NULL, O_ID + WHO_RESPONDER},
    {"answering", required_argument, NULL, O_ID + WHO_ANSWERING},
    {"initiator-seed", required_argument, NULL, O_SEED + WHO_INITIATOR},
    {"responder-seed", required_argument, NULL, O_SEED + WHO_RESPONDER},
    {"answering-seed", required_argument, NULL, O_SEED + WHO_ANSWERING},
    {"initiator-label", required_argument, NULL, O_LABEL + WHO_INITIATOR},
    {"responder-label", required_argument, NULL, O_LABEL + WHO_RESPONDER},
    {"answering-label", required_argument, NULL, O_LABEL + WHO_ANSWERING},
    {"out", required_argument, NULL, O_OUT},
    {"keys", required_argument, NULL, O_KEYS},
    {"update-keys", required_argument, NULL, O_UPDATE_KEYS},
    {"recipient-keys", required_argument, NULL, O_RECIPIENT_KEYS},
    {"count", required_argument, NULL, O_COUNT},
    {"random-seed", required_argument, NULL, O_RANDOM_SEED},
    {"time", required_argument, NULL, O_TIME},
    {"ts-type", required_argument, NULL, O_TS_TYPE},
    {"counter", required_argument, NULL, O_COUNTER},
    {"curve", required_argument, NULL, O_CURVE},
    {"prf", required_argument, NULL, O_PRF},
    {"csb", required_argument, NULL, O_CSB},
    {"cs", required_argument, NULL, O_CS},
    {"roc", required_argument, NULL, O_ROC},
    {"rand-len", required_argument, NULL, O_RAND_LEN},
    {"sp", required_argument, NULL, O_SP},
    {"sp-r", required_argument, NULL, O_SP_R},
    {"mki", required_argument, NULL, O_MKI},
    {"mki-i", required_argument, NULL, O_MKI_I},
    {"kv-interval", no_argument, NULL, O_KV_INTERVAL},
    {"inner-form", required_argument, NULL, O_INNER_FORM},
    {"general-ext", no_argument, NULL, O_GENERAL_EXT},
    {"esk-i1", no_argument, NULL, O_ESK_I1},
    {"deferred", no_argument, NULL, O_DEFERRED},
    {"update", required_argument, NULL, O_UPDATE},
    {"update-time", required_argument, NULL, O_UPDATE_TIME},
    {"update-no-ibake", no_argument, NULL, O_UPDATE_NO_IBAKE},
    {"update-no-ids", no_argument, NULL, O_UPDATE_NO_IDS},
    {"update-cs", required_argument, NULL, O_UPDATE_CS},
    {"fault", required_argument, NULL, O_FAULT},
    {"list-faults", no_argument, NULL, O_LIST_FAULTS},
    {NULL, 0, NULL, 0},
};

static bool
plain_uri(const char *s)
{
	return s == NULL ||
	    (strlen(s) <= LAB_ID_MAX && s[0] != '\0' && strchr(s, ':') != NULL);
}

/* What must be there, and what must fit together. */
static const char *
complaint(const struct exchange_opt *o)
{
	const struct exchange_spec *s = &o->spec;

	if (o->params[0] == NULL &&
	    (o->params[1] == NULL || o->params[2] == NULL))
		return "give --params, or --initiator-params and"
		       " --responder-params";
	if (s->initiator.identity == NULL || s->responder.identity == NULL ||
	    o->seed_file[WHO_INITIATOR] == NULL ||
	    o->seed_file[WHO_RESPONDER] == NULL || o->out == NULL)
		return "--initiator, --initiator-seed, --responder,"
		       " --responder-seed and --out are needed";
	if (!plain_uri(s->initiator.identity) ||
	    !plain_uri(s->responder.identity) ||
	    !plain_uri(s->answering.identity))
		return "an identity is a URI of at most 255 octets";
	if (s->update == EXCHANGE_NO_UPDATE &&
	    (s->update_no_ibake || s->update_no_ids || s->has_update_time ||
		s->update_cs > 0 || o->update_keys != NULL))
		return "--update-... needs --update";
	if (o->recipient_keys != NULL && !s->deferred && !s->esk_in_i1)
		return "--recipient-keys needs --deferred or --esk-i1";
	if (s->has_counter && s->ts_type != MIKEY_T_COUNTER)
		return "--counter needs --ts-type counter";
	return NULL;
}

int
exchange_opt_parse(struct exchange_opt *o, int argc, char **argv)
{
	const char *text;
	struct why why;
	int opt, at = 0;

	memset(o, 0, sizeof(*o));
	exchange_spec_init(&o->spec);
	while ((opt = getopt_long(argc, argv, "h", options, &at)) != -1) {
		if (opt == 'h') {
			(void)fputs(help, stdout);
			return 0 + 1;
		}
		if (opt == '?') /* getopt has said which */
			return EXIT_USAGE + 1;
		if (exchange_value_take(o, opt, optarg, &why) != ERR_OK) {
			log_error("--%s: %s", options[at].name, why.text);
			return EXIT_USAGE + 1;
		}
	}
	text = optind < argc ? "an argument that is no option"
	    : o->list_faults ? NULL
			     : complaint(o);
	if (text != NULL) {
		log_error("%s (see --help)", text);
		return EXIT_USAGE + 1;
	}
	return 0;
}

static enum err
load_seed(struct exchange_opt *o, enum exchange_who who, struct why *why)
{
	struct lab_user user = {.n_keys = 0};
	enum err rc;

	rc = lab_seed_hex_load(&user, o->seed_file[who], why);
	if (rc == ERR_OK)
		memcpy(o->seed[who], secret_data(user.seed), LAB_SEED_LEN);
	lab_user_done(&user);
	return rc;
}

/* Own seed and label, or those of somebody before. */
static enum err
load_party(struct exchange_opt *o, enum exchange_who who,
    struct exchange_party *p, struct why *why)
{
	const bool borrow = who == WHO_ANSWERING && o->seed_file[who] == NULL;
	const struct exchange_hex *label = &o->label[who];
	enum err rc;

	if (p->identity == NULL)
		return ERR_OK;
	if (borrow && label->len == 0)
		label = &o->label[WHO_RESPONDER];
	rd_init(&p->label, label->p, label->len);
	p->seed = o->seed[borrow ? WHO_RESPONDER : who];
	if (!borrow && (rc = load_seed(o, who, why)) != ERR_OK)
		return rc;
	return ERR_OK;
}

static enum err
load_params(struct exchange_opt *o, size_t i, struct exchange_kms *kms,
    struct why *why)
{
	const char *path = o->params[i + 1];
	size_t len = 0;
	enum err rc;

	if (path == NULL)
		path = o->params[0];
	rc = lab_slurp(path, LAB_IBE_PARAMS_MAX, &o->der[i], &len, why);
	if (rc == ERR_OK)
		rd_init(&kms->params, o->der[i], len);
	return rc;
}

enum err
exchange_opt_load(struct exchange_opt *o, struct why *why)
{
	struct exchange_spec *s = &o->spec;
	enum err rc;

	if ((rc = load_params(o, 0, &s->kms_i, why)) != ERR_OK ||
	    (rc = load_params(o, 1, &s->kms_r, why)) != ERR_OK ||
	    (rc = load_party(o, WHO_INITIATOR, &s->initiator, why)) != ERR_OK ||
	    (rc = load_party(o, WHO_RESPONDER, &s->responder, why)) != ERR_OK ||
	    (rc = load_party(o, WHO_ANSWERING, &s->answering, why)) != ERR_OK)
		return rc;
	for (size_t i = 0; i < s->n_sp_i; i++)
		rd_init(&s->sp_i[i], o->sp_i[i].p, o->sp_i[i].len);
	for (size_t i = 0; i < s->n_sp_r; i++)
		rd_init(&s->sp_r[i], o->sp_r[i].p, o->sp_r[i].len);
	if (o->mki_i.len > 0)
		rd_init(&s->mki_i, o->mki_i.p, o->mki_i.len);
	if (o->mki_r.len > 0)
		rd_init(&s->mki_r, o->mki_r.p, o->mki_r.len);
	return ERR_OK;
}

void
exchange_opt_done(struct exchange_opt *o)
{
	explicit_bzero(o->seed, sizeof(o->seed));
	free(o->der[0]);
	free(o->der[1]);
	o->der[0] = o->der[1] = NULL;
}
