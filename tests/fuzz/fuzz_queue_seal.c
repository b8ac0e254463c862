/*
 * Rows of the queue on a disk that somebody else writes: what was sealed opens
 * under the same key and row, and nothing else does; a key that records are
 * sealed to is RSA of a length that holds.
 *
 * Input: u8 faults, u8 table, u64 id, u8 length and name, u64 number, u64 time,
 * u8 length and record, then: octets to open in place of it, if there are any.
 * With the fault OTHER_PUBLIC: DER of a public key behind the faults.
 */
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "fuzz.h"
#include "hi2/queue_seal.h"

/* Faults: bits. */
enum {
	OTHER_KEY = 1,
	OTHER_ROW = 2,
	OTHER_OCTET = 4,
	OTHER_LENGTH = 8,
	NO_ROOM = 16,
	OTHER_PUBLIC = 128
};

static struct queue_sealer *sealer;

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	EVP_PKEY *k = EVP_RSA_gen(3072);
	uint8_t *der = NULL;
	struct why why;
	struct rd spki;
	int n;

	(void)argc;
	(void)argv;
	MUST(k != NULL && (n = i2d_PUBKEY(k, &der)) > 0);
	rd_init(&spki, der, (size_t)n);
	MUST(queue_sealer_new(spki, &sealer, &why) == ERR_OK);
	MUST(queue_sealer_wrapped(sealer).left == 384);
	OPENSSL_free(der);
	EVP_PKEY_free(k);
	return 0;
}

static void
public_key(struct rd in)
{
	struct queue_sealer *s = NULL;
	struct rd spki = own_copy(in);
	struct why why = {""};

	if (queue_sealer_new(spki, &s, &why) == ERR_OK) {
		MUST(queue_sealer_wrapped(s).left >= 384);
		MUST(queue_sealer_wrapped(s).left <= QUEUE_WRAPPED_MAX);
	} else
		MUST(s == NULL && why.text[0] != '\0');
	queue_sealer_free(&s);
	own_free(&spki);
}

static size_t
seal(const struct queue_row *row, struct rd record, uint8_t out[512])
{
	const enum err rc =
	    queue_seal(sealer, row, record, out, 512, &(size_t){0});
	const bool good = record.left > 0 && row->lemf.left <= QUEUE_LEMF_MAX &&
	    (row->lemf.left > 0 || row->table == QUEUE_INTAKE);

	MUST((rc == ERR_OK) == good && (good || rc == ERR_TOOBIG));
	return good ? record.left + QUEUE_SEAL_LEN : 0;
}

static void
open_row(const uint8_t *key, const struct queue_row *row, struct rd sealed,
    size_t cap, const struct rd *want)
{
	uint8_t *out = malloc(cap + 1);
	struct rd own = own_copy(sealed);
	size_t len = SIZE_MAX;
	enum err rc;

	MUST(out != NULL);
	rc = queue_open(key, row, own, out, cap, &len);
	MUST((rc == ERR_OK) == (want != NULL));
	if (want != NULL)
		MUST(rd_is(want, out, len));
	else
		MUST(len == SIZE_MAX);
	if (rc == ERR_CRYPTO) /* erased */
		for (size_t i = 0; i < sealed.left - QUEUE_SEAL_LEN; i++)
			MUST(out[i] == 0);
	own_free(&own);
	free(out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t octets[512], key[QUEUE_KEY_LEN], faults;
	struct queue_row row = {.table = QUEUE_RECORDS};
	struct rd in, record, sealed;
	bool good;

	rd_init(&in, data, size);
	faults = take_u8(&in);
	if (faults & OTHER_PUBLIC) {
		public_key(in);
		return 0;
	}
	row.table = (enum queue_table)(take_u8(&in) % QUEUE__MAX);
	row.id = take_u64(&in);
	row.lemf = take_view8(&in);
	row.number = take_u64(&in);
	row.created = (int64_t)take_u64(&in);
	record = take_view8(&in);
	rd_init(&sealed, octets, seal(&row, record, octets));
	good = sealed.left > 0 && in.left == 0;
	if (in.left > 0)
		sealed = in;
	memcpy(key, queue_sealer_key(sealer), sizeof(key));
	key[7] ^= faults & OTHER_KEY;
	row.cin ^= faults & OTHER_ROW;
	if (sealed.p == octets && sealed.left > 0) {
		octets[row.number % sealed.left] ^= faults & OTHER_OCTET;
		sealed.left -= faults & OTHER_LENGTH;
	}
	good &= (faults &
		    (OTHER_KEY | OTHER_ROW | OTHER_OCTET | OTHER_LENGTH |
			NO_ROOM)) == 0;
	open_row(key, &row, sealed, faults & NO_ROOM ? 0 : 4096,
	    good ? &record : NULL);
	explicit_bzero(key, sizeof(key));
	return 0;
}
