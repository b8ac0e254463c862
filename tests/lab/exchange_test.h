/* exchange_test: what the two halves of the test of lab_exchange share. */
#ifndef TESTS_LAB_EXCHANGE_TEST_H
#define TESTS_LAB_EXCHANGE_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "exchange_int.h"
#include "exchange_judge.h"

#define ALICE "sip:alice@example.com"
#define BOB "sip:bob@example.net"
#define DESK "sip:desk@devices.example.net"
#define MAILBOX "sip:vm@mail.example.net"

/* Noon of a Wednesday, 2026-07-15. */
#define NOON INT64_C(1784116800)

/* Alice calls Bob, both with the file's first KMS; seeded. */
struct exchange_spec test_spec(void);

/* The file's KMS `n` for one of the two. */
void test_use_kms(struct exchange_kms *, size_t n);
const struct judge_kms *test_kms(const struct exchange_kms *);

/* Somebody else than Bob answers, with his seed or one of his own. */
void test_answer_as(struct exchange_spec *, const char *identity, bool own);

/* An exchange of that kind; it lives until the next call. */
const struct exchange *test_make(const struct exchange_spec *);

/* What Keywarden should say about it, asked for one of the parties. */
enum test_target { TEST_INITIATOR, TEST_RESPONDER, TEST_RECIPIENT };
const struct judge_out *test_judge(const struct exchange_spec *,
    const struct exchange *, enum test_target, bool update);

void test_assert_keys(const struct exchange_keys *,
    const struct exchange_keys *);

bool test_same_messages(const struct exchange *, const struct exchange *);

/* The tests that are not in exchange_test.c. */
void both_phones_accept(void **);
void every_fault_is_what_it_says(void **);
void every_fault_makes_a_difference(void **);
void unknown_faults_are_refused(void **);

#endif
