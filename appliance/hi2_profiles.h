/*
 * hi2_profiles: how records are encoded for each LEMF of the configuration.
 */
#ifndef APPLIANCE_HI2_PROFILES_H
#define APPLIANCE_HI2_PROFILES_H

#include "appliance/proto_df2.h"
#include "hi2/iri_profile.h"

struct hi2_profiles {
	unsigned n;
	struct {
		char name[MAX_NAME + 1];
		struct iri_profile profile;
	} lemf[MAX_LEMFS];
	struct iri_profile fallback;
};

/* The profile of one LEMF, checked.  ERR_MALFORMED, *out unchanged. */
enum err hi2_profile_read(const struct lemf_settings *, struct iri_profile *out,
    struct why *why) MUST_CHECK;

/*
 * Every profile read and checked.  ERR_MALFORMED with the LEMF's name and what
 * is wrong; *out is then unchanged.
 */
enum err hi2_profiles_read(const struct hi2_settings *,
    struct hi2_profiles *out, struct why *why) MUST_CHECK;

/*
 * The profile of a LEMF.  One that the configuration lacks gets "etsi", with
 * the operator's identifiers of the first LEMF that there is, else "unknown";
 * *known is then false.
 */
const struct iri_profile *hi2_profile_of(const struct hi2_profiles *,
    struct rd lemf, bool *known);

#endif
