/* cms: a CMS SignedData as this project takes it, read from octets. */
#ifndef POLICY_CMS_H
#define POLICY_CMS_H

#include "base/bytes.h"
#include "base/error.h"

struct CMS_ContentInfo_st;

/*
 * One ContentInfo, BER as OpenSSL reads it, with id-data inside and nothing
 * behind it; the caller's to CMS_ContentInfo_free().  ERR_TOOBIG over
 * MAX_SIGNED_DOC, ERR_MALFORMED.
 */
enum err cms_parse(struct rd, struct CMS_ContentInfo_st **out,
    struct why *) MUST_CHECK;

/* A view of the content, as long as it lives. */
struct rd cms_content(struct CMS_ContentInfo_st *);

#endif
