#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "help.h"
#include "spool_look.h"

void
spool_key_make(struct spool_key *k)
{
	int n;

	*k = (struct spool_key){.rsa = EVP_RSA_gen(3072)};
	assert_non_null(k->rsa);
	n = i2d_PUBKEY(k->rsa, &k->spki);
	assert_true(n > 0);
	k->len = (size_t)n;
}

void
spool_key_done(struct spool_key *k)
{
	OPENSSL_free(k->spki);
	EVP_PKEY_free(k->rsa);
}

struct rd
spool_key_spki(const struct spool_key *k)
{
	struct rd r;

	rd_init(&r, k->spki, k->len);
	return r;
}

/* The same one as before mostly, so the last is kept. */
void
spool_key_unwrap(const struct spool_key *k, const void *wrapped, size_t len,
    uint8_t out[QUEUE_KEY_LEN])
{
	static uint8_t last[QUEUE_WRAPPED_MAX], last_key[QUEUE_KEY_LEN];
	static size_t last_len;
	EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_from_pkey(NULL, k->rsa, NULL);
	uint8_t buf[QUEUE_WRAPPED_MAX];
	size_t n = sizeof(buf);

	if (len == last_len && memcmp(wrapped, last, len) == 0) {
		memcpy(out, last_key, sizeof(last_key));
		EVP_PKEY_CTX_free(c);
		return;
	}
	assert_true(len <= sizeof(last));
	assert_int_equal(EVP_PKEY_decrypt_init(c), 1);
	assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(c,
			     RSA_PKCS1_OAEP_PADDING),
	    1);
	assert_int_equal(EVP_PKEY_decrypt(c, buf, &n, wrapped, len), 1);
	assert_int_equal(n, QUEUE_KEY_LEN);
	memcpy(out, buf, n);
	memcpy(last_key, buf, n);
	memcpy(last, wrapped, len);
	last_len = len;
	EVP_PKEY_CTX_free(c);
}

static sqlite3_stmt *
prepare(sqlite3 *s, const char *text)
{
	sqlite3_stmt *q = NULL;

	if (sqlite3_prepare_v2(s, text, -1, &q, NULL) != SQLITE_OK)
		fail_msg("%s", sqlite3_errmsg(s));
	return q;
}

static void
copy(sqlite3_stmt *q, int column, void *out, size_t len)
{
	assert_int_equal(sqlite3_column_bytes(q, column), len);
	memcpy(out, sqlite3_column_blob(q, column), len);
}

static void
open_row(sqlite3_stmt *q, const struct spool_key *k, struct look_row *r)
{
	struct queue_row row = {.id = (uint64_t)sqlite3_column_int64(q, 0),
	    .number = (uint64_t)sqlite3_column_int64(q, 2),
	    .cin = (uint32_t)sqlite3_column_int64(q, 4),
	    .sequence = (uint32_t)sqlite3_column_int64(q, 5),
	    .created = sqlite3_column_int64(q, 6),
	    .key = (uint64_t)sqlite3_column_int64(q, 7)};
	uint8_t key[QUEUE_KEY_LEN];
	struct rd sealed;

	rd_init(&row.lemf, sqlite3_column_blob(q, 1),
	    (size_t)sqlite3_column_bytes(q, 1));
	copy(q, 3, row.digest, sizeof(row.digest));
	rd_init(&sealed, sqlite3_column_blob(q, 8),
	    (size_t)sqlite3_column_bytes(q, 8));
	*r = (struct look_row){.id = row.id,
	    .number = row.number,
	    .key = row.key,
	    .cin = row.cin,
	    .sequence = row.sequence,
	    .created = row.created};
	assert_true(row.lemf.left <= QUEUE_LEMF_MAX);
	memcpy(r->lemf, row.lemf.p, row.lemf.left);
	memcpy(r->digest, row.digest, sizeof(r->digest));
	spool_key_unwrap(k, sqlite3_column_blob(q, 9),
	    (size_t)sqlite3_column_bytes(q, 9), key);
	r->pdu = malloc(sealed.left);
	assert_non_null(r->pdu);
	assert_int_equal(queue_open(key, &row, sealed, r->pdu, sealed.left,
			     &r->len),
	    ERR_OK);
}

static int64_t
one(sqlite3 *s, const char *text)
{
	sqlite3_stmt *q = prepare(s, text);
	int64_t v;

	assert_int_equal(sqlite3_step(q), SQLITE_ROW);
	v = sqlite3_column_int64(q, 0);
	sqlite3_finalize(q);
	return v;
}

static bool
same_call(const struct look_row *a, const struct look_row *b)
{
	return strcmp(a->lemf, b->lemf) == 0 && a->cin == b->cin &&
	    memcmp(a->digest, b->digest, sizeof(a->digest)) == 0;
}

/*
 * Numbers go up by one from the first row of a LEMF, or of a call, on; those
 * of a call begin again with, and behind, a reset.
 */
static void
check_numbers(const struct look *l)
{
	for (unsigned i = 0; i < l->n; i++) {
		bool lemf = false, call = false;

		for (unsigned k = i; k-- > 0 && !(lemf && call);) {
			const struct look_row *a = &l->row[k], *b = &l->row[i];

			if (!lemf && strcmp(a->lemf, b->lemf) == 0) {
				assert_int_equal(b->number, a->number + 1);
				lemf = true;
			}
			if (!call && same_call(a, b)) {
				if (b->sequence != 0)
					assert_int_equal(b->sequence,
					    a->sequence + 1);
				call = true;
			}
		}
	}
}

/* What is counted is what is there. */
static void
check_counts(sqlite3 *s, const struct look *l)
{
	uint64_t octets = 0;

	for (unsigned i = 0; i < l->n; i++)
		octets += l->row[i].len;
	assert_int_equal(one(s, "SELECT coalesce(sum(records), 0) FROM lemfs"),
	    l->n);
	assert_int_equal(one(s, "SELECT coalesce(sum(octets), 0) FROM lemfs"),
	    octets);
	assert_int_equal(
	    one(s,
		"SELECT count(*) FROM keys AS k WHERE records <>"
		" (SELECT count(*) FROM records WHERE key = k.id) +"
		" (SELECT count(*) FROM aside WHERE key = k.id)"),
	    0);
	assert_int_equal(one(s,
			     "SELECT count(*) FROM lemfs AS l WHERE next <= "
			     "(SELECT max(place & ((1 << 40) - 1)) FROM records"
			     " WHERE place >> 40 = l.id)"),
	    0);
}

void
look(const char *path, const struct spool_key *k, struct look *out)
{
	sqlite3 *s = NULL;
	sqlite3_stmt *q;
	int step;

	*out = (struct look){NULL, 0, 0};
	assert_int_equal(sqlite3_open(path, &s), SQLITE_OK);
	out->row = calloc((size_t)one(s, "SELECT count(*) FROM records") + 1,
	    sizeof(*out->row));
	assert_non_null(out->row);
	q = prepare(s,
	    "SELECT r.id, l.name, r.place & ((1 << 40) - 1), liid, cin,"
	    " sequence, created, key, sealed, wrapped FROM records AS r"
	    " JOIN lemfs AS l ON r.place >> 40 = l.id"
	    " JOIN keys AS k ON r.key = k.id ORDER BY r.place");
	while ((step = sqlite3_step(q)) == SQLITE_ROW)
		open_row(q, k, &out->row[out->n++]);
	assert_int_equal(step, SQLITE_DONE);
	sqlite3_finalize(q);
	assert_int_equal(one(s, "SELECT count(*) FROM records"), out->n);
	out->n_keys = (unsigned)one(s, "SELECT count(*) FROM keys");
	check_numbers(out);
	check_counts(s, out);
	assert_int_equal(sqlite3_close(s), SQLITE_OK);
}

void
look_done(struct look *l)
{
	for (unsigned i = 0; i < l->n; i++)
		free(l->row[i].pdu);
	free(l->row);
}

void
look_exec(const char *path, const char *statements)
{
	sqlite3 *s = NULL;

	assert_int_equal(sqlite3_open(path, &s), SQLITE_OK);
	if (sqlite3_exec(s, statements, NULL, NULL, NULL) != SQLITE_OK)
		fail_msg("%s", sqlite3_errmsg(s));
	assert_int_equal(sqlite3_close(s), SQLITE_OK);
}
