/* x2_plan: all that lab-x2 is to send, read and composed before it starts. */
#ifndef TESTS_LAB_X2_PLAN_H
#define TESTS_LAB_X2_PLAN_H

#include "x2_opt.h"

struct x2_planned {
	bool raw; /* the payload's octets are all */
	struct lab_x2_pdu pdu; /* views into the list */
};

struct x2_plan {
	const struct x2_opt *opt;
	struct x2_list list; /* the SIP messages, then what is raw */
	struct x2_planned *p;
	size_t n, cap;
	struct lab_x2_numbers *numbers;
};

/* Reads files and makes calls. */
enum err x2_plan_load(struct x2_plan *, const struct x2_opt *,
    struct why *) MUST_CHECK;
/* The PDUs of the list, in the order in which they go out. */
void x2_plan_order(struct x2_plan *);
void x2_plan_done(struct x2_plan *);

/* The octets of one; the caller frees them. */
void x2_plan_octets(const struct x2_plan *, size_t i, uint8_t **, size_t *len);

/* A dialog of people that nobody asks about; the same for each XID. */
void x2_plan_background(struct x2_plan *,
    void (*put)(void *ctx, uint8_t *, size_t), void *ctx);

/* NNNN.sip for each message; the PDUs back to back in one file. */
enum err x2_plan_print(const struct x2_plan *, const char *dir,
    struct why *) MUST_CHECK;
enum err x2_plan_dump(const struct x2_plan *, const char *file,
    struct why *) MUST_CHECK;

#endif
