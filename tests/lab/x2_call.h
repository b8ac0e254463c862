/*
 * x2_call: the SIP messages of a call (RFC 3261, 3262, 3311) around MIKEY
 * messages that are there already, in the order in which a CSCF sees them.
 */
#ifndef TESTS_LAB_X2_CALL_H
#define TESTS_LAB_X2_CALL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

/* What a message of the call is good for; PART_NONE: for nothing here. */
enum x2_part {
	PART_NONE,
	PART_I1,
	PART_R1,
	PART_I2,
	PART_R2,
	PART_U_I1,
	PART_U_R1,
	PART_BYE,
	PART__MAX
};
/* "i1", "u-r1", "bye"; PART__MAX for anything else. */
enum x2_part x2_part_of(const char *name, size_t len);

struct x2_call_opt {
	const char *from, *to; /* URIs of who calls and who is called */
	const char *call_id;
	bool late_offer; /* the callee makes the offer, with I_MESSAGE_1 */
	bool compact, folded; /* the form of headers */
	bool multipart; /* SDP behind another part */
	bool media_level; /* key-mgmt below the media line */
	bool cancel; /* the caller gives up after the ringing */
	bool bye;
	bool reinvite; /* an update comes in INVITE, else in UPDATE */
	bool callee_updates; /* and who sends I_MESSAGE_1 of it */
	unsigned media; /* m-lines; below each what media_level puts there */
	unsigned fork; /* branches that answer; 1: no fork */
	unsigned only; /* bits 1 << PART_...; 0: the whole call */
};

/* SIP messages; x2_list_done() frees them. */
struct x2_list {
	struct rd *m;
	size_t n, cap;
};
void x2_list_add(struct x2_list *, const void *p, size_t len);
void x2_list_done(struct x2_list *);

/*
 * A call around i1.bin, r1.bin, i2.bin, r2.bin, u-i1.bin and u-r1.bin of a
 * folder, as far as they are there; branch K of a fork answers with
 * fork-K-r1.bin, or r1.bin.  `dir` NULL: a call that nothing is to be got
 * from.  Appends to the list.
 */
enum err x2_call_make(const struct x2_call_opt *, const char *dir,
    struct x2_list *, struct why *) MUST_CHECK;

#endif
