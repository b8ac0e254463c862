#include <string.h>

#include "appliance/hi2_profiles.h"

/* Longer than any option takes, so that it says itself what is wrong. */
#define TEXT_MAX 256

static enum err
read_option(const struct lemf_option *o, struct iri_profile *p, struct why *why)
{
	char name[TEXT_MAX], value[TEXT_MAX];

	if (view_text(o->name, name, sizeof(name)) != ERR_OK ||
	    view_text(o->value, value, sizeof(value)) != ERR_OK)
		return why_set(why, ERR_MALFORMED, "an option's text");
	return iri_profile_set(p, name, value, why);
}

enum err
hi2_profile_read(const struct lemf_settings *l, struct iri_profile *out,
    struct why *why)
{
	char name[TEXT_MAX];
	struct iri_profile p;
	enum err rc;

	if (view_text(l->profile, name, sizeof(name)) != ERR_OK ||
	    iri_profile_named(name, &p) != ERR_OK)
		return why_set(why, ERR_MALFORMED, "no profile of that name");
	for (unsigned i = 0; i < l->n_options; i++)
		if ((rc = read_option(&l->option[i], &p, why)) != ERR_OK)
			return rc;
	if ((rc = iri_profile_check(&p, why)) == ERR_OK)
		*out = p;
	return rc;
}

/* An operator's name is cut nowhere: its own field, or none of its. */
static enum err
make_fallback(struct hi2_profiles *p, struct why *why)
{
	struct iri_profile *f = &p->fallback;
	const struct iri_profile *like = p->n > 0 ? &p->lemf[0].profile : NULL;
	enum err rc;

	if ((rc = iri_profile_named("etsi", f)) != ERR_OK ||
	    (rc = iri_profile_set(f, "operator_id",
		 like != NULL ? like->operator_id : "unknown", why)) !=
		ERR_OK ||
	    (rc = iri_profile_set(f, "alt_operator_id",
		 like != NULL ? iri_profile_alt_operator(like) : "none",
		 why)) != ERR_OK)
		return rc;
	return iri_profile_check(f, why);
}

enum err
hi2_profiles_read(const struct hi2_settings *s, struct hi2_profiles *out,
    struct why *why)
{
	struct hi2_profiles p = {.n = s->n_lemfs};
	struct why one = {""};
	enum err rc;

	for (unsigned i = 0; i < s->n_lemfs; i++) {
		if (view_text(s->lemf[i].name, p.lemf[i].name,
			sizeof(p.lemf[i].name)) != ERR_OK ||
		    s->lemf[i].name.left == 0)
			return why_set(why, ERR_MALFORMED,
			    "a LEMF's name has 1 to %d characters", MAX_NAME);
		rc = hi2_profile_read(&s->lemf[i], &p.lemf[i].profile, &one);
		if (rc != ERR_OK)
			return why_set(why, ERR_MALFORMED, "lemf %s: %s",
			    p.lemf[i].name, one.text);
	}
	if ((rc = make_fallback(&p, why)) == ERR_OK)
		*out = p;
	return rc;
}

const struct iri_profile *
hi2_profile_of(const struct hi2_profiles *p, struct rd lemf, bool *known)
{
	for (unsigned i = 0; i < p->n; i++)
		if (rd_is(&lemf, p->lemf[i].name, strlen(p->lemf[i].name))) {
			*known = true;
			return &p->lemf[i].profile;
		}
	*known = false;
	return &p->fallback;
}
