/* The values of lab-exchange's options. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define EXCHANGE_OPT_INTERNAL
#include "exchange_opt.h"

/* Digits only, at most `max`. */
static enum err
number(const char *text, unsigned long long max, unsigned long long *out)
{
	const size_t n = strlen(text);

	if (n == 0 || n > 19 || strspn(text, "0123456789") != n)
		return ERR_MALFORMED;
	*out = strtoull(text, NULL, 10);
	return *out <= max ? ERR_OK : ERR_TOOBIG;
}

static enum err
hex(const char *text, size_t max, struct exchange_hex *out)
{
	out->len = strlen(text) / 2;
	if (out->len == 0 || out->len > max)
		return ERR_TOOBIG;
	return hex_get(text, out->p, out->len);
}

/* "2026-03-01T12:00:00Z", with "+01:00" for Z or "." and digits before it. */
static enum err
rfc3339(const char *text, int64_t *out)
{
	struct tm tm = {0}, same;
	const char *end = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
	long h, m;
	time_t t;

	if (end == NULL || end - text != 19)
		return ERR_MALFORMED;
	same = tm;
	t = timegm(&same); /* puts a day that is not there into its place */
	if (same.tm_mday != tm.tm_mday || same.tm_min != tm.tm_min)
		return ERR_MALFORMED;
	if (*end == '.')
		end += 1 + strspn(end + 1, "0123456789");
	*out = (int64_t)t;
	if (strcmp(end, "Z") == 0)
		return ERR_OK;
	if ((*end != '+' && *end != '-') || strlen(end) != 6 || end[3] != ':')
		return ERR_MALFORMED;
	h = strtol(end + 1, NULL, 10);
	m = strtol(end + 4, NULL, 10);
	*out += (*end == '+' ? -60 : 60) * (60 * h + m);
	return h <= 23 && m <= 59 ? ERR_OK : ERR_MALFORMED;
}

/* Number of a word in a list that ends in NULL. */
static enum err
word(const char *text, const char *const *words, unsigned *out)
{
	for (unsigned i = 0; words[i] != NULL; i++) {
		if (strcmp(text, words[i]) == 0) {
			*out = i;
			return ERR_OK;
		}
	}
	return ERR_NOTFOUND;
}

/* Options whose value is a text. */
static const char **
text_of(struct exchange_opt *o, int opt)
{
	if (opt >= O_SEED && opt < O_SEED + WHO__MAX)
		return &o->seed_file[opt - O_SEED];
	switch (opt) {
	case O_PARAMS:
	case O_PARAMS_I:
	case O_PARAMS_R:
		return &o->params[opt - O_PARAMS];
	case O_ID + WHO_INITIATOR:
		return &o->spec.initiator.identity;
	case O_ID + WHO_RESPONDER:
		return &o->spec.responder.identity;
	case O_ID + WHO_ANSWERING:
		return &o->spec.answering.identity;
	case O_OUT:
		return &o->out;
	case O_KEYS:
		return &o->keys;
	case O_UPDATE_KEYS:
		return &o->update_keys;
	case O_RECIPIENT_KEYS:
		return &o->recipient_keys;
	default:
		return NULL;
	}
}

static bool *
flag_of(struct exchange_opt *o, int opt)
{
	switch (opt) {
	case O_KV_INTERVAL:
		return &o->spec.kv_interval;
	case O_GENERAL_EXT:
		return &o->spec.general_ext;
	case O_ESK_I1:
		return &o->spec.esk_in_i1;
	case O_DEFERRED:
		return &o->spec.deferred;
	case O_UPDATE_NO_IBAKE:
		return &o->spec.update_no_ibake;
	case O_UPDATE_NO_IDS:
		return &o->spec.update_no_ids;
	case O_LIST_FAULTS:
		return &o->list_faults;
	default:
		return NULL;
	}
}

/* Options whose value is octets; the views are set when all is read. */
static enum err
take_hex(struct exchange_opt *o, int opt, const char *arg)
{
	struct exchange_spec *s = &o->spec;
	struct exchange_hex csb;
	struct rd r;
	enum err rc;

	if (opt >= O_LABEL && opt < O_LABEL + WHO__MAX)
		return hex(arg, LAB_LABEL_MAX, &o->label[opt - O_LABEL]);
	switch (opt) {
	case O_SP:
		if (s->n_sp_i == EXCHANGE_SP_MAX)
			return ERR_FULL;
		return hex(arg, EXCHANGE_HEX_MAX, &o->sp_i[s->n_sp_i++]);
	case O_SP_R:
		if (s->n_sp_r == EXCHANGE_SP_MAX)
			return ERR_FULL;
		return hex(arg, EXCHANGE_HEX_MAX, &o->sp_r[s->n_sp_r++]);
	case O_MKI:
		return hex(arg, 255, &o->mki_r);
	case O_MKI_I:
		return hex(arg, 255, &o->mki_i);
	case O_CSB:
		if ((rc = hex(arg, 4, &csb)) != ERR_OK)
			return rc;
		s->has_csb = true;
		rd_init(&r, csb.p, csb.len);
		return rd_u32(&r, &s->csb_id);
	default:
		return ERR_NOTFOUND;
	}
}

static enum err
take_number(struct exchange_opt *o, int opt, const char *arg)
{
	struct exchange_spec *s = &o->spec;
	const unsigned long long max = opt == O_RANDOM_SEED ? INT64_MAX
	    : opt == O_COUNTER || opt == O_ROC		    ? UINT32_MAX
	    : opt == O_COUNT				    ? EXCHANGE_COUNT_MAX
	    : opt == O_PRF				    ? 1
							    : 255;
	unsigned long long n = 0;
	enum err rc = number(arg, max, &n);

	switch (opt) {
	case O_COUNT:
		o->count = (unsigned)n;
		return n > 0 ? rc : ERR_MALFORMED;
	case O_RANDOM_SEED:
		s->seeded = true;
		s->random_seed = n;
		return rc;
	case O_COUNTER:
		s->has_counter = true;
		s->counter = (uint32_t)n;
		return rc;
	case O_ROC:
		s->roc = (uint32_t)n;
		return rc;
	case O_PRF:
		s->prf = (uint8_t)n;
		return rc;
	case O_CS:
		s->n_cs = (size_t)n;
		return rc;
	case O_UPDATE_CS:
		s->update_cs = (size_t)n;
		return rc;
	case O_RAND_LEN:
		s->rand_len = (size_t)n;
		return rc;
	default:
		return ERR_NOTFOUND;
	}
}

static enum err
take_word(struct exchange_opt *o, int opt, const char *arg)
{
	static const char *const types[] = {"ntp-utc", "ntp", "counter",
	    "ntp-utc-32", NULL};
	static const char *const updates[] = {"", "by-initiator",
	    "by-responder", NULL};
	static const char *const forms[] = {"idr", "id", NULL};
	struct exchange_spec *s = &o->spec;
	unsigned n = 0;
	enum err rc;

	switch (opt) {
	case O_PERIOD:
		if ((rc = lab_period_get(arg, &s->kms_i.period)) == ERR_OK)
			s->kms_r.period = s->kms_i.period;
		return rc;
	case O_PERIOD_I:
		return lab_period_get(arg, &s->kms_i.period);
	case O_PERIOD_R:
		return lab_period_get(arg, &s->kms_r.period);
	case O_TIME:
		s->has_time = true;
		return rfc3339(arg, &s->time);
	case O_UPDATE_TIME:
		s->has_update_time = true;
		return rfc3339(arg, &s->update_time);
	case O_TS_TYPE:
		rc = word(arg, types, &n);
		s->ts_type = (enum mikey_t)n;
		return rc;
	case O_UPDATE:
		rc = word(arg, updates, &n);
		s->update = (enum exchange_update)n;
		return n > 0 ? rc : ERR_MALFORMED;
	case O_INNER_FORM:
		rc = word(arg, forms, &n);
		s->inner_id = n == 1;
		return rc;
	case O_CURVE:
		s->ec = lab_ec_by_name(arg);
		return s->ec != NULL ? ERR_OK : ERR_UNSUPPORTED;
	default:
		return ERR_NOTFOUND;
	}
}

enum err
exchange_value_take(struct exchange_opt *o, int opt, const char *arg,
    struct why *why)
{
	const char **text = text_of(o, opt);
	bool *flag = flag_of(o, opt);
	enum err rc;

	if (text != NULL) {
		*text = arg;
		return ERR_OK;
	}
	if (flag != NULL) {
		*flag = true;
		return ERR_OK;
	}
	if (opt == O_FAULT)
		return exchange_fault_add(&o->spec, arg, why);
	if ((rc = take_word(o, opt, arg)) == ERR_NOTFOUND &&
	    (rc = take_hex(o, opt, arg)) == ERR_NOTFOUND)
		rc = take_number(o, opt, arg);
	return rc == ERR_OK ? rc : why_set(why, rc, "bad value \"%s\"", arg);
}
