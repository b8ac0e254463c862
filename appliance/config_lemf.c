/* The sections of delivery: hi2, and lemf for each LEMF. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "appliance/config_int.h"

/* libconfuse takes the defaults of lists as char *. */
static char no_pins[] = "{}";

/* As whom all LEMFs are called that have no certificate of their own here. */
cfg_opt_t config_hi2_opts[] = {
    CFG_STR("certificate", NULL, CFGF_NODEFAULT),
    CFG_STR("key", NULL, CFGF_NODEFAULT),
    CFG_END(),
};
/* "profile", then the options of hi2/iri_profile.h in its order. */
#define N_PROFILE_OPTIONS 12
cfg_opt_t config_lemf_opts[] = {
    CFG_STR("profile", "etsi", CFGF_NONE),
    CFG_STR("form", NULL, CFGF_NODEFAULT),
    CFG_STR("ps_version", NULL, CFGF_NODEFAULT),
    CFG_STR("hi2_domain", NULL, CFGF_NODEFAULT),
    CFG_STR("header_time", NULL, CFGF_NODEFAULT),
    CFG_STR("umts_time", NULL, CFGF_NODEFAULT),
    CFG_STR("time_qualifier", NULL, CFGF_NODEFAULT),
    CFG_STR("authorization_country", NULL, CFGF_NODEFAULT),
    CFG_STR("delivery_country", NULL, CFGF_NODEFAULT),
    CFG_STR("operator_id", NULL, CFGF_NODEFAULT),
    CFG_STR("alt_operator_id", NULL, CFGF_NODEFAULT),
    CFG_STR("network_element_id", NULL, CFGF_NODEFAULT),
    CFG_STR("interception_point", NULL, CFGF_NODEFAULT),
    CFG_INT("queue_mib", 1024, CFGF_NONE),
    CFG_INT("queue_days", 0, CFGF_NONE),
    CFG_STR("address", NULL, CFGF_NODEFAULT),
    CFG_STR("name", NULL, CFGF_NODEFAULT),
    CFG_STR("certificate", NULL, CFGF_NODEFAULT),
    CFG_STR("key", NULL, CFGF_NODEFAULT),
    CFG_STR("server_ca", NULL, CFGF_NODEFAULT),
    CFG_STR("crl", NULL, CFGF_NODEFAULT),
    CFG_STR_LIST("pin", no_pins, CFGF_NONE),
    CFG_STR("tls", "1.3", CFGF_NONE),
    CFG_STR("acknowledge", "keep-alive", CFGF_NONE),
    CFG_INT("keep_alive_seconds", 120, CFGF_NONE),
    CFG_INT("answer_seconds", 30, CFGF_NONE),
    CFG_INT("dead_seconds", 60, CFGF_NONE),
    CFG_STR("integrity", "none", CFGF_NONE),
    CFG_STR("hash", "sha256", CFGF_NONE),
    CFG_INT("hash_records", 1000, CFGF_NONE),
    CFG_INT("hash_ms", 1000, CFGF_NONE),
    CFG_INT("sign_hashes", 15, CFGF_NONE),
    CFG_INT("sign_seconds", 30, CFGF_NONE),
    CFG_END(),
};
_Static_assert(N_PROFILE_OPTIONS <= MAX_LEMF_OPTIONS,
    "a LEMF has more options");

static bool
is_name(const char *s)
{
	return s[0] != '\0' && strlen(s) <= MAX_NAME;
}

/* Of a name that stands in lines of what is approved, and in the log. */
static bool
is_plain(const char *s)
{
	for (; *s != '\0'; s++)
		if (*s < ' ' || *s > '~')
			return false;
	return true;
}

static enum err
take_profile(struct config_lemf *l, cfg_t *c, struct why *why)
{
	l->profile = config_str(c, "profile");
	if (!is_name(l->profile))
		return why_set(why, ERR_MALFORMED,
		    "lemf.profile has 1 to %d characters", MAX_NAME);
	for (size_t i = 1; i <= N_PROFILE_OPTIONS; i++) {
		char *value = config_str(c, config_lemf_opts[i].name);

		if (value == NULL)
			continue;
		l->option[l->n_options] = config_lemf_opts[i].name;
		l->value[l->n_options++] = value;
		if (strlen(value) > 255)
			return why_set(why, ERR_MALFORMED,
			    "lemf.%s has at most 255 characters",
			    config_lemf_opts[i].name);
	}
	return ERR_OK;
}

/* ---- how it is reached ---- */

/* The place of an option's word in a list that ends with NULL. */
static enum err
word(const char *section, cfg_t *c, const char *name, const char *const *words,
    unsigned *out, struct why *why)
{
	const char *s = cfg_getstr(c, name);
	char all[64] = "";
	size_t n = 0;

	for (unsigned i = 0; words[i] != NULL; i++) {
		if (strcmp(s, words[i]) == 0) {
			*out = i;
			return ERR_OK;
		}
		n += (size_t)snprintf(all + n, sizeof(all) - n, "%s%s",
		    i == 0 ? "" : ", ", words[i]);
	}
	return why_set(why, ERR_MALFORMED, "%s.%s must be one of %s, is %s",
	    section, name, all, s);
}

static enum err
take_words(struct config_link *k, cfg_t *c, struct why *why)
{
	static const char *const tls[] = {"1.3", "1.2", NULL};
	static const char *const rule[] = {"sent", "keep-alive", "acknowledged",
	    NULL};
	static const char *const integrity[] = {"none", "hash", "signature",
	    NULL};
	static const char *const hash[] = {"sha256", "sha384", "sha512", NULL};
	unsigned v[4] = {0};
	enum err rc;

	if ((rc = word(k->section, c, "tls", tls, &v[0], why)) != ERR_OK ||
	    (rc = word(k->section, c, "acknowledge", rule, &v[1], why)) !=
		ERR_OK ||
	    (rc = word(k->section, c, "integrity", integrity, &v[2], why)) !=
		ERR_OK ||
	    (rc = word(k->section, c, "hash", hash, &v[3], why)) != ERR_OK)
		return rc;
	k->how.tls12 = v[0] == 1;
	k->how.rule = (enum link_rule)v[1];
	k->how.integrity = (enum link_integrity)v[2];
	k->how.hash = (enum link_hash)v[3];
	return ERR_OK;
}

static enum err
take_times(struct config_link *k, cfg_t *c, struct why *why)
{
	struct link_settings *h = &k->how;
	const struct number n[] = {{"keep_alive_seconds", 0, 86400,
				       &h->keep_alive_seconds},
	    {"answer_seconds", 1, 3600, &h->answer_seconds},
	    {"dead_seconds", 1, 86400, &h->dead_seconds},
	    {"hash_records", 1, 4096, &h->hash_records},
	    {"hash_ms", 10, 60000, &h->hash_ms},
	    {"sign_hashes", 1, 1000, &h->sign_hashes},
	    {"sign_seconds", 1, 3600, &h->sign_seconds}};
	enum err rc =
	    config_nums(c, k->section, n, sizeof(n) / sizeof(n[0]), why);

	if (rc == ERR_OK && h->dead_seconds < h->answer_seconds)
		rc = why_set(why, ERR_MALFORMED,
		    "%s.dead_seconds must not be below answer_seconds",
		    k->section);
	/* Else nobody would notice that it has gone. */
	if (rc == ERR_OK && h->keep_alive_seconds == 0 && h->rule != LINK_SENT)
		rc = why_set(why, ERR_MALFORMED,
		    "%s.keep_alive_seconds may be 0 only where acknowledge is "
		    "\"sent\"",
		    k->section);
	return rc;
}

static enum err
take_pins(struct config_link *k, cfg_t *c, struct why *why)
{
	static const char kind[] = "sha256:";
	const unsigned n = cfg_size(c, "pin");

	if (n > MAX_LEMF_PINS)
		return why_set(why, ERR_MALFORMED, "%s.pin has at most %d",
		    k->section, MAX_LEMF_PINS);
	for (unsigned i = 0; i < n; i++) {
		const char *s = cfg_getnstr(c, "pin", i);

		if (strncmp(s, kind, sizeof(kind) - 1) != 0 ||
		    hex_get(s + sizeof(kind) - 1, k->pin[i], DIGEST_LEN) !=
			ERR_OK)
			return why_set(why, ERR_MALFORMED,
			    "%s.pin must be sha256: and 64 hexadecimal digits, "
			    "the SHA-256 of a certificate's DER",
			    k->section);
		k->n_pins = i + 1;
	}
	return ERR_OK;
}

/* Who is taken for the LEMF. */
static enum err
check_trust(const struct config_link *k, struct why *why)
{
	if (k->server_ca == NULL && k->n_pins == 0)
		return why_set(why, ERR_MALFORMED,
		    "%s: address needs server_ca, or pin, or both", k->section);
	if (k->crl != NULL && k->server_ca == NULL)
		return why_set(why, ERR_MALFORMED,
		    "%s: crl needs server_ca, whose lists they are",
		    k->section);
	if (strlen(k->address) > 255 ||
	    (k->name != NULL && strlen(k->name) > 255))
		return why_set(why, ERR_MALFORMED,
		    "%s: address and name have at most 255 characters",
		    k->section);
	return ERR_OK;
}

/* Its own, or the one that all LEMFs are shown. */
static char *
own_or(cfg_t *c, cfg_t *hi2, const char *name)
{
	char *own = config_str(c, name);

	return own != NULL ? own : config_str(hi2, name);
}

static enum err
take_link(struct config_link *k, cfg_t *c, cfg_t *hi2, struct why *why)
{
	const bool own = cfg_getstr(c, "certificate") != NULL;
	enum err rc;

	if (asprintf(&k->section, "lemf %s", cfg_title(c)) == -1) {
		k->section = NULL;
		return why_set(why, ERR_NOMEM, "out of memory");
	}
	k->address = config_str(c, "address");
	k->name = config_str(c, "name");
	k->certificate = own_or(c, hi2, "certificate");
	k->key = own_or(c, hi2, "key");
	k->server_ca = config_str(c, "server_ca");
	k->crl = config_crl(c);
	if ((rc = take_words(k, c, why)) != ERR_OK ||
	    (rc = take_times(k, c, why)) != ERR_OK ||
	    (rc = take_pins(k, c, why)) != ERR_OK || k->address == NULL)
		return rc;
	if (!is_plain(cfg_title(c)))
		return why_set(why, ERR_MALFORMED,
		    "lemf: the name of one with an address is printable ASCII");
	if (own != (cfg_getstr(c, "key") != NULL))
		return why_set(why, ERR_MALFORMED,
		    "%s: certificate and key come together", k->section);
	/* In TLS 1.2 what is signed names neither end. */
	if (k->how.tls12 && config_key_in_token(k->key))
		return why_set(why, ERR_MALFORMED,
		    "%s: a key in the token signs for TLS 1.3 alone: tls must "
		    "be \"1.3\", or key a file",
		    k->section);
	return check_trust(k, why);
}

static enum err
take_lemf(struct config *f, cfg_t *c, cfg_t *hi2, struct why *why)
{
	struct config_lemf *l = &f->lemf[f->n_lemfs++];
	const struct number n[] = {{"queue_mib", 1, 1 << 24, &l->queue_mib},
	    {"queue_days", 0, 36500, &l->queue_days}};
	enum err rc;

	l->name = strdup(cfg_title(c));
	if (!is_name(l->name))
		return why_set(why, ERR_MALFORMED,
		    "lemf: a name has 1 to %d characters", MAX_NAME);
	if ((rc = take_profile(l, c, why)) != ERR_OK ||
	    (rc = take_link(&l->link, c, hi2, why)) != ERR_OK)
		return rc;
	return config_nums(c, l->link.section, n, sizeof(n) / sizeof(n[0]),
	    why);
}

enum err
config_take_lemfs(struct config *f, cfg_t *root, struct why *why)
{
	const unsigned n = cfg_size(root, "lemf");
	enum err rc = ERR_OK;

	if (n > MAX_LEMFS)
		return why_set(why, ERR_MALFORMED, "at most %d lemf sections",
		    MAX_LEMFS);
	for (unsigned i = 0; i < n && rc == ERR_OK; i++)
		rc = take_lemf(f, cfg_getnsec(root, "lemf", i),
		    cfg_getsec(root, "hi2"), why);
	return rc;
}

void
config_free_lemfs(struct config *f)
{
	for (unsigned i = 0; i < f->n_lemfs; i++) {
		struct config_lemf *l = &f->lemf[i];

		for (unsigned k = 0; k < l->n_options; k++)
			free(l->value[k]);
		free(l->name);
		free(l->profile);
		free(l->link.section);
		free(l->link.address);
		free(l->link.name);
		free(l->link.certificate);
		free(l->link.key);
		free(l->link.server_ca);
		free(l->link.crl);
	}
}

bool
config_is_linked(const struct config *f, const struct config_lemf *l)
{
	return config_is_df2(f) && l->link.address != NULL;
}

const struct config_lemf *
config_link_named(const struct config *f, const char *name)
{
	for (unsigned i = 0; i < f->n_lemfs; i++)
		if (config_is_linked(f, &f->lemf[i]) &&
		    strcmp(f->lemf[i].name, name) == 0)
			return &f->lemf[i];
	return NULL;
}

const struct config_lemf *
config_link_in(const struct config *f, unsigned slot)
{
	for (unsigned i = 0; i < f->n_lemfs; i++)
		if (config_is_linked(f, &f->lemf[i]) && f->lemf[i].slot == slot)
			return &f->lemf[i];
	return NULL;
}

/* What an old process still says must not be taken for a new one's. */
static uint8_t
free_slot(const bool taken[MAX_LEMFS], const bool old[MAX_LEMFS])
{
	for (uint8_t i = 0; i < MAX_LEMFS; i++)
		if (!taken[i] && !old[i])
			return i;
	for (uint8_t i = 0; i < MAX_LEMFS; i++)
		if (!taken[i])
			return i;
	return 0; /* not reached: there are no more LEMFs than slots */
}

void
config_slots(struct config *f, const struct config *before)
{
	bool taken[MAX_LEMFS] = {false}, old[MAX_LEMFS] = {false};

	for (uint8_t i = 0; before != NULL && i < MAX_LEMFS; i++)
		old[i] = config_link_in(before, i) != NULL;
	for (unsigned pass = 0; pass < 2; pass++)
		for (unsigned i = 0; i < f->n_lemfs; i++) {
			struct config_lemf *l = &f->lemf[i];
			const struct config_lemf *was = before == NULL
			    ? NULL
			    : config_link_named(before, l->name);

			if (!config_is_linked(f, l) ||
			    (was != NULL) == (pass == 1))
				continue;
			l->slot =
			    was != NULL ? was->slot : free_slot(taken, old);
			taken[l->slot] = true;
		}
}
