#include <stdbool.h>
#include <string.h>

#include "hi2/iri_profile.h"

/* Beyond `etsi` only what is known of a country; docs/HI2-PROFILES.md. */
static const struct {
	const char *name;
	enum iri_form form;
	char country[IRI_COUNTRY_LEN + 1];
} named[] = {
    {"etsi", IRI_FORM_PARAMETERS, "--"},
    {"etsi-form1", IRI_FORM_CONTENT, "--"},
    {"de", IRI_FORM_PARAMETERS, "DE"},
    {"nl", IRI_FORM_PARAMETERS, "NL"},
};
#define N_NAMED (sizeof(named) / sizeof(named[0]))

enum err
iri_profile_named(const char *name, struct iri_profile *out)
{
	for (size_t i = 0; i < N_NAMED; i++) {
		if (strcmp(named[i].name, name) != 0)
			continue;
		*out = (struct iri_profile){.form = named[i].form,
		    .ps_version = 43,
		    .hi2_release = 15,
		    .hi2_version = 5,
		    .header_time = IRI_HEADER_BOTH,
		    .umts_time = IRI_UMTS_LOCAL,
		    .qualifier = IRI_QUALIFIER_NONE};
		memcpy(out->authorization_country, named[i].country,
		    sizeof(named[i].country));
		return ERR_OK;
	}
	return ERR_NOTFOUND;
}

const char *
iri_profile_name(size_t i)
{
	return i < N_NAMED ? named[i].name : NULL;
}

/*
 * The numbers of the modules that the encoder has been tried against; another
 * release may have moved a field.
 */
static bool
domain_known(unsigned release, unsigned version)
{
	return (release == 15 && version == 5) ||
	    (release == 16 && version == 1);
}

static bool
set_form(struct iri_profile *p, const char *v)
{
	if (strcmp(v, "parameters") == 0)
		p->form = IRI_FORM_PARAMETERS;
	else if (strcmp(v, "content") == 0)
		p->form = IRI_FORM_CONTENT;
	else
		return false;
	return true;
}

static bool
set_ps_version(struct iri_profile *p, const char *v)
{
	if (strcmp(v, "40") == 0)
		p->ps_version = 40;
	else if (strcmp(v, "43") == 0)
		p->ps_version = 43;
	else
		return false;
	return true;
}

static bool
set_hi2_domain(struct iri_profile *p, const char *v)
{
	const bool r15 = strcmp(v, "r15v5") == 0;

	if (!r15 && strcmp(v, "r16v1") != 0)
		return false;
	p->hi2_release = r15 ? 15 : 16;
	p->hi2_version = r15 ? 5 : 1;
	return true;
}

static bool
set_header_time(struct iri_profile *p, const char *v)
{
	if (strcmp(v, "generalized") == 0)
		p->header_time = IRI_HEADER_GENERALIZED;
	else if (strcmp(v, "microsecond") == 0)
		p->header_time = IRI_HEADER_MICROSECOND;
	else if (strcmp(v, "both") == 0)
		p->header_time = IRI_HEADER_BOTH;
	else
		return false;
	return true;
}

static bool
set_umts_time(struct iri_profile *p, const char *v)
{
	if (strcmp(v, "local") == 0)
		p->umts_time = IRI_UMTS_LOCAL;
	else if (strcmp(v, "utc") == 0)
		p->umts_time = IRI_UMTS_UTC;
	else
		return false;
	return true;
}

static bool
set_qualifier(struct iri_profile *p, const char *v)
{
	static const char *const word[] = {"unknown", "interception",
	    "mediation", "aggregation"};

	if (v[0] == '\0') {
		p->qualifier = IRI_QUALIFIER_NONE;
		return true;
	}
	for (size_t i = 0; i < sizeof(word) / sizeof(word[0]); i++)
		if (strcmp(v, word[i]) == 0) {
			p->qualifier = (enum iri_qualifier)i;
			return true;
		}
	return false;
}

static bool
country(const char *s, size_t n)
{
	return n == IRI_COUNTRY_LEN &&
	    (memcmp(s, "--", n) == 0 ||
		(s[0] >= 'A' && s[0] <= 'Z' && s[1] >= 'A' && s[1] <= 'Z'));
}

static bool
visible(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (s[i] <= ' ' || s[i] > '~')
			return false;
	return true;
}

/* X.680 table 10: what a PrintableString may hold. */
static bool
printable(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if ((s[i] < 'A' || s[i] > 'Z') && (s[i] < 'a' || s[i] > 'z') &&
		    (s[i] < '0' || s[i] > '9') &&
		    memchr(" '()+,-./:=?", s[i], 12) == NULL)
			return false;
	return true;
}

/* Options that are one of a few words, and options that are a text. */
static const struct option {
	const char *name, *takes;
	bool (*set)(struct iri_profile *, const char *); /* NULL: a text */
	size_t at, max; /* of the text, without its NUL */
	bool optional;
	bool (*allowed)(const char *, size_t);
} options[] = {
    {"form", "parameters or content", .set = set_form},
    {"ps_version", "40 or 43", .set = set_ps_version},
    {"hi2_domain", "r15v5 or r16v1", .set = set_hi2_domain},
    {"header_time", "generalized, microsecond or both", .set = set_header_time},
    {"umts_time", "local or utc", .set = set_umts_time},
    {"time_qualifier",
	"nothing, unknown, interception, mediation or aggregation",
	.set = set_qualifier},
    {"authorization_country", "two capital letters, or --",
	.at = offsetof(struct iri_profile, authorization_country),
	.max = IRI_COUNTRY_LEN, .allowed = country},
    {"delivery_country", "nothing, two capital letters, or --",
	.at = offsetof(struct iri_profile, delivery_country),
	.max = IRI_COUNTRY_LEN, .optional = true, .allowed = country},
    {"operator_id", "1 to 16 visible ASCII characters",
	.at = offsetof(struct iri_profile, operator_id),
	.max = IRI_OPERATOR_MAX, .allowed = visible},
    {"alt_operator_id", "nothing, or 1 to 5 visible ASCII characters",
	.at = offsetof(struct iri_profile, alt_operator_id),
	.max = IRI_ALT_OPERATOR_MAX, .optional = true, .allowed = visible},
    {"network_element_id", "nothing, or 1 to 16 visible ASCII characters",
	.at = offsetof(struct iri_profile, network_element_id),
	.max = IRI_ELEMENT_MAX, .optional = true, .allowed = visible},
    {"interception_point",
	"nothing, or 1 to 8 letters, digits and '()+,-./:=? or spaces",
	.at = offsetof(struct iri_profile, interception_point),
	.max = IRI_POINT_MAX, .optional = true, .allowed = printable},
};
#define N_OPTIONS (sizeof(options) / sizeof(options[0]))

static bool
text_good(const struct option *o, const char *s)
{
	const size_t n = strnlen(s, o->max + 1);

	if (n == 0)
		return o->optional;
	return n <= o->max && o->allowed(s, n);
}

enum err
iri_profile_set(struct iri_profile *p, const char *option, const char *value,
    struct why *why)
{
	for (size_t i = 0; i < N_OPTIONS; i++) {
		const struct option *o = &options[i];
		char *at = (char *)p + o->at;

		if (strcmp(o->name, option) != 0)
			continue;
		if (o->set != NULL ? !o->set(p, value) : !text_good(o, value))
			return why_set(why, ERR_MALFORMED, "%s must be %s",
			    o->name, o->takes);
		if (o->set == NULL) {
			memset(at, 0, o->max + 1);
			memcpy(at, value, strlen(value));
		}
		return ERR_OK;
	}
	return why_set(why, ERR_NOTFOUND,
	    "no such option of an IRI profile; see docs/HI2-PROFILES.md");
}

const char *
iri_profile_option(size_t i)
{
	return i < N_OPTIONS ? options[i].name : NULL;
}

const char *
iri_profile_alt_operator(const struct iri_profile *p)
{
	return p->alt_operator_id[0] != '\0' ? p->alt_operator_id
					     : p->operator_id;
}

enum err
iri_profile_check(const struct iri_profile *p, struct why *why)
{
	const char *wrong = NULL;

	if (p->form != IRI_FORM_PARAMETERS && p->form != IRI_FORM_CONTENT)
		wrong = "form";
	else if (p->ps_version != 40 && p->ps_version != 43)
		wrong = "ps_version";
	else if (!domain_known(p->hi2_release, p->hi2_version))
		wrong = "hi2_domain";
	else if (p->header_time < IRI_HEADER_GENERALIZED ||
	    p->header_time > IRI_HEADER_BOTH)
		wrong = "header_time";
	else if (p->umts_time != IRI_UMTS_LOCAL && p->umts_time != IRI_UMTS_UTC)
		wrong = "umts_time";
	else if (p->qualifier < IRI_QUALIFIER_NONE ||
	    p->qualifier > IRI_QUALIFIER_AGGREGATION)
		wrong = "time_qualifier";
	for (size_t i = 0; i < N_OPTIONS; i++) {
		const struct option *o = &options[i];
		const bool good = o->set != NULL
		    ? wrong == NULL || strcmp(wrong, o->name) != 0
		    : text_good(o, (const char *)p + o->at);

		if (!good)
			return why_set(why, ERR_MALFORMED, "%s must be %s",
			    o->name, o->takes);
	}
	/* A cut id could be another operator's, so it is never cut. */
	if (strlen(iri_profile_alt_operator(p)) > IRI_ALT_OPERATOR_MAX)
		return why_set(why, ERR_MALFORMED,
		    "operator_id is longer than %d characters: the 33.108 "
		    "record needs an alt_operator_id",
		    IRI_ALT_OPERATOR_MAX);
	return ERR_OK;
}
