/*
 * iri_profile: how one LEMF wants its IRI records encoded.  TS 102 232-1 and
 * TS 33.108 leave these choices to the operator and the agency;
 * docs/HI2-PROFILES.md has a sheet for each named profile.
 */
#ifndef HI2_IRI_PROFILE_H
#define HI2_IRI_PROFILE_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* The alternative of UMTSIRI (TS 102 232-1 annex A), by its tag. */
enum iri_form { IRI_FORM_PARAMETERS = 0, IRI_FORM_CONTENT = 1 };

/* Which times the PS header carries (clause 5.2.6): a set of bits. */
enum iri_header_time {
	IRI_HEADER_GENERALIZED = 1, /* timeStamp [5], milliseconds */
	IRI_HEADER_MICROSECOND = 2, /* microSecondTimeStamp [7] */
	IRI_HEADER_BOTH = 3
};

/* The alternative of TimeStamp in the 33.108 record. */
enum iri_umts_time {
	/*
	 * localTime [0]: GeneralizedTime in UTC, so with Z, milliseconds, and
	 * winterSummerIndication notProvided(0), as UTC has no summer.
	 */
	IRI_UMTS_LOCAL,
	IRI_UMTS_UTC /* utcTime [1]: seconds, two digits of the year */
};

/* timeStampQualifier [8] of the PS header. */
enum iri_qualifier {
	IRI_QUALIFIER_NONE = -1, /* the field is left out */
	IRI_QUALIFIER_UNKNOWN = 0,
	IRI_QUALIFIER_INTERCEPTION = 1,
	IRI_QUALIFIER_MEDIATION = 2,
	IRI_QUALIFIER_AGGREGATION = 3
};

#define IRI_COUNTRY_LEN 2
#define IRI_OPERATOR_MAX 16 /* operatorIdentifier, clause 5.2.4 */
#define IRI_ALT_OPERATOR_MAX 5 /* operator-Identifier of TS 101 671 */
#define IRI_ELEMENT_MAX 16
#define IRI_POINT_MAX 8

/* All texts are printable ASCII; an empty one is a field left out. */
struct iri_profile {
	enum iri_form form;
	uint8_t ps_version; /* 40 or 43: last arc of li-psDomainId */
	uint8_t hi2_release, hi2_version; /* 15, 5 or 16, 1: hi2DomainId */
	enum iri_header_time header_time;
	enum iri_umts_time umts_time;
	enum iri_qualifier qualifier;
	char authorization_country[IRI_COUNTRY_LEN + 1]; /* "--": unknown */
	char delivery_country[IRI_COUNTRY_LEN + 1];
	char operator_id[IRI_OPERATOR_MAX + 1]; /* must be set */
	/* Of the 33.108 record; empty: operator_id, if that is short enough. */
	char alt_operator_id[IRI_ALT_OPERATOR_MAX + 1];
	char network_element_id[IRI_ELEMENT_MAX + 1];
	char interception_point[IRI_POINT_MAX + 1];
};

/*
 * A built-in profile, without the operator's own identifiers: operator_id must
 * be set before iri_profile_check() accepts it.  ERR_NOTFOUND, and *out
 * unchanged, if there is none of that name.
 */
enum err iri_profile_named(const char *name,
    struct iri_profile *out) MUST_CHECK;

/* The name of built-in profile i; NULL behind the last. */
const char *iri_profile_name(size_t i);

/*
 * Set one option from the text of a configuration file.  An empty value takes
 * an optional field away.  ERR_NOTFOUND: no such option.  ERR_MALFORMED: a
 * value that the option does not take.  *p is unchanged on failure, and `why`
 * (which may be NULL) names the option and what it takes.
 *
 *	form                   parameters, content
 *	ps_version             40, 43
 *	hi2_domain             r15v5, r16v1
 *	header_time            generalized, microsecond, both
 *	umts_time              local, utc
 *	time_qualifier         empty, unknown, interception, mediation,
 *	                       aggregation
 *	authorization_country  two capital letters, or --
 *	delivery_country       empty, two capital letters, or --
 *	operator_id            1 to 16 characters
 *	alt_operator_id        empty, or 1 to 5 characters
 *	network_element_id     empty, or 1 to 16 characters
 *	interception_point     empty, or 1 to 8 characters of PrintableString
 */
enum err iri_profile_set(struct iri_profile *p, const char *option,
    const char *value, struct why *why) MUST_CHECK;

/* The name of option i; NULL behind the last. */
const char *iri_profile_option(size_t i);

/*
 * Whether records can be encoded by it: every value in its range, operator_id
 * set, and an operator id for the 33.108 record.  ERR_MALFORMED.
 */
enum err iri_profile_check(const struct iri_profile *p,
    struct why *why) MUST_CHECK;

/* The operator id of the 33.108 record; of a checked profile 1 to 5 octets. */
const char *iri_profile_alt_operator(const struct iri_profile *p);

#endif
