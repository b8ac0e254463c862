/* vectors: what the two halves of lab-vectors share. */
#ifndef TESTS_LAB_VECTORS_H
#define TESTS_LAB_VECTORS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>

#include "lab_ibe.h"
#include "lab_keys.h"
#include "lab_mikey.h"
#include "lab_time.h"

#define BUF_MAX 8192

/* Octets of the file, long enough for any value in it. */
struct buf {
	uint8_t p[BUF_MAX];
	size_t len;
};

/* tests/vectors/exchanges.json; borrowed, it lives to the end. */
json_t *vec_file(void);

/* Members, which must be there and of the right type. */
json_t *vec_member(const json_t *o, const char *name);
const char *vec_text(const json_t *o, const char *name);
long long vec_number(const json_t *o, const char *name);
struct rd vec_text_rd(const json_t *o, const char *name);

/* A string of hex digits as octets, and "0x..." as a number to free. */
void vec_octets(const json_t *o, const char *name, struct buf *out);
BIGNUM *vec_bn(const json_t *o, const char *name);
struct rd vec_rd(const struct buf *);
void vec_assert_same(struct rd a, struct rd b);

/* Number n of the file's KMSs and its master secret modulo q. */
struct lab_ibe *vec_ibe(long long n);
BIGNUM *vec_master(long long n);
enum lab_period vec_period(long long n);

/* The KMS's private key for an id string. */
struct lab_ibe_key *vec_key(long long kms, struct rd id);

/* Every exchange of the file. */
#define FOREACH_EXCHANGE(i, e) \
	json_array_foreach (vec_member(vec_file(), "exchanges"), i, e)

/* vectors_exchange.c: a message, parsed; *m is a view of *b. */
void vec_load(const json_t *o, const char *name, struct buf *b,
    struct mikey *m);

/* Open an envelope with the key for that identity at time t. */
void vec_open(long long kms, struct rd identity, int64_t t, struct rd cipher,
    struct buf *plain, struct env *env);

/* COUNTER tells no date: the file says when the messages arrived. */
int64_t vec_date(const json_t *e, const struct mikey *i1);

/* x or y, drawn from the seed of that identity or of whose device it is. */
BIGNUM *vec_secret(const json_t *e, struct rd identity, const struct mikey *i1,
    enum lab_role role);

/* TEK and salt of every crypto session, as an Xk answer of the file has it. */
void vec_check_keys(const json_t *xk, const struct lab_csb *, struct rd tgk);
void vec_check_v(const struct lab_csb *, struct rd k_session,
    const struct mikey *m, struct rd idi, struct rd idr);

/* The tests. */
void exchanges_parse_and_print_again(void **);
void exchanges_open_with_the_kms_key(void **);
void exchanges_draw_the_secrets(void **);
void exchanges_agree_on_the_keys(void **);
void updates_agree_on_the_keys(void **);
void esk_gives_the_mailbox_keys(void **);
void every_prefix_of_a_message_fails(void **);
void sip_gives_the_mikey_messages(void **);
void sip_headers_are_read_as_written(void **);

#endif
