/*
 * lab-spool: what a LEMF would be sent, out of the queue of keywarden-hi2, in
 * place of the delivery.  It goes by docs/PROTOCOL.md A11 and shares no code
 * with the appliance.
 */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <sqlite3.h>

#include "base/log.h"
#include "lab_spool.h"
#include "lab_store.h"

#define RECORD_MAX (1024 * 1024)
#define NONCE_LEN 12
#define TAG_LEN 16
#define STATE_MAX (1024 * 1024)

static const char help[] =
    "lab-spool: the records that wait in the queue of keywarden-hi2, opened\n"
    "with the token, as PS-PDUs back to back.\n"
    "\n"
    "  --spool FILE      the queue; it may be in use\n"
    "  --kms-state FILE  says so if the queue is another KMS state's\n"
    "  --module SO       the token's PKCS#11 module\n"
    "  --label L         the token's label\n"
    "  --pin-file F      its user PIN\n"
    "  --lemf NAME       of this LEMF alone\n"
    "  --out FILE        gets the PS-PDUs, in the order of each LEMF's queue\n"
    "  --list            print what is readable of each row; the token is\n"
    "                    needed for --out only\n"
    "\n"
    "Exit status: 0; 1 when there is no record, one does not open, or files\n"
    "or token cannot be read; 2 usage.\n";

struct options {
	const char *spool, *state, *module, *label, *pin_file, *lemf, *out;
	bool list;
};

struct row {
	uint64_t id; /* of version 1 of the queue, else 0 */
	uint64_t number, key;
	struct rd lemf, digest, sealed, wrapped;
	uint32_t cin, sequence;
	int64_t created;
};

/* ---- a row ---- */

static struct rd
blob(sqlite3_stmt *q, int column)
{
	struct rd r;

	rd_init(&r, sqlite3_column_blob(q, column),
	    (size_t)sqlite3_column_bytes(q, column));
	return r;
}

static void
get_row(sqlite3_stmt *q, struct row *r)
{
	*r = (struct row){.id = (uint64_t)sqlite3_column_int64(q, 0),
	    .lemf = blob(q, 1),
	    .number = (uint64_t)sqlite3_column_int64(q, 2),
	    .digest = blob(q, 3),
	    .cin = (uint32_t)sqlite3_column_int64(q, 4),
	    .sequence = (uint32_t)sqlite3_column_int64(q, 5),
	    .created = sqlite3_column_int64(q, 6),
	    .key = (uint64_t)sqlite3_column_int64(q, 7),
	    .sealed = blob(q, 8),
	    .wrapped = blob(q, 9)};
}

static void
list_row(const struct row *r)
{
	char digest[2 * 32 + 1] = "", lemf[80];

	if (r->digest.left == 32)
		hex_put(r->digest.p, 32, digest);
	(void)printf("lemf %s\tnumber %" PRIu64 "\tliid %.16s"
		     "\tcin %" PRIu32 "\tsequence %" PRIu32 "\tcreated %" PRId64
		     "\tkey %" PRIu64 "\toctets %zu\n",
	    log_escape(r->lemf.p, r->lemf.left, lemf, sizeof(lemf)), r->number,
	    digest, r->cin, r->sequence, r->created, r->key,
	    r->sealed.left - (NONCE_LEN + TAG_LEN));
}

/* The row as it was authenticated. */
static enum err
authenticated(const struct row *r, uint8_t out[512], size_t *len)
{
	static const char version[] = "keywarden spool 1"; /* with its NUL */
	struct wr w;

	wr_init(&w, out, 512);
	wr_copy(&w, version, sizeof(version));
	wr_u64(&w, r->id);
	wr_view8(&w, r->lemf.p, r->lemf.left);
	wr_u64(&w, r->number);
	wr_copy(&w, r->digest.p, r->digest.left);
	wr_u32(&w, r->cin);
	wr_u32(&w, r->sequence);
	wr_i64(&w, r->created);
	wr_u64(&w, r->key);
	return wr_finish(&w, len);
}

static enum err
open_row(const struct row *r, const uint8_t key[SPOOL_KEY_LEN],
    uint8_t out[RECORD_MAX], size_t *len)
{
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	struct rd in = r->sealed, nonce, body;
	uint8_t aad[512], tag[TAG_LEN];
	size_t aad_len = 0;
	enum err rc = ERR_MALFORMED;
	int n = 0;

	if (c == NULL || authenticated(r, aad, &aad_len) != ERR_OK ||
	    rd_view(&in, NONCE_LEN, &nonce) != ERR_OK || in.left < TAG_LEN ||
	    in.left - TAG_LEN > RECORD_MAX ||
	    rd_view(&in, in.left - TAG_LEN, &body) != ERR_OK ||
	    rd_copy(&in, tag, sizeof(tag)) != ERR_OK)
		goto out;
	rc = ERR_CRYPTO;
	if (EVP_DecryptInit_ex(c, EVP_aes_256_gcm(), NULL, key, nonce.p) == 1 &&
	    EVP_DecryptUpdate(c, NULL, &n, aad, (int)aad_len) == 1 &&
	    EVP_DecryptUpdate(c, out, &n, body.p, (int)body.left) == 1 &&
	    EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, TAG_LEN, tag) == 1 &&
	    EVP_DecryptFinal_ex(c, out + n, &n) == 1) {
		*len = body.left;
		rc = ERR_OK;
	}
out:
	EVP_CIPHER_CTX_free(c);
	return rc;
}

/* ---- the queue ---- */

struct run {
	const struct options *o;
	struct spool_token *token;
	FILE *out;
	uint64_t key; /* whose octets `octets` are; 0: none yet */
	uint8_t octets[SPOOL_KEY_LEN];
	unsigned n;
};

static enum err
take_row(struct run *u, const struct row *r, struct why *why)
{
	static uint8_t record[RECORD_MAX];
	size_t len = 0;
	enum err rc;

	if (r->sealed.left < NONCE_LEN + TAG_LEN)
		return why_set(why, ERR_MALFORMED,
		    "number %" PRIu64 ": no record", r->number);
	if (u->o->list)
		list_row(r);
	u->n++;
	if (u->out == NULL)
		return ERR_OK;
	if (r->key != u->key) {
		rc = spool_token_unwrap(u->token, r->wrapped, u->octets, why);
		if (rc != ERR_OK)
			return rc;
		u->key = r->key;
	}
	if ((rc = open_row(r, u->octets, record, &len)) != ERR_OK)
		return why_set(why, rc, "number %" PRIu64 " does not open",
		    r->number);
	if (fwrite(record, 1, len, u->out) != len)
		rc = why_errno(why, "%s", u->o->out);
	explicit_bzero(record, len);
	return rc;
}

static enum err
check_state(sqlite3 *s, const char *path, struct why *why)
{
	uint8_t *octets = NULL, hash[32];
	sqlite3_stmt *q = NULL;
	size_t len = 0;
	struct rd had;
	enum err rc = lab_slurp(path, STATE_MAX, &octets, &len, why);

	if (rc != ERR_OK)
		return rc;
	if (EVP_Digest(octets, len, hash, NULL, EVP_sha256(), NULL) != 1 ||
	    sqlite3_prepare_v2(s, "SELECT kms FROM spool", -1, &q, NULL) !=
		SQLITE_OK ||
	    sqlite3_step(q) != SQLITE_ROW)
		rc = why_set(why, ERR_MALFORMED, "the queue: %s",
		    sqlite3_errmsg(s));
	else {
		had = blob(q, 0);
		if (!rd_is(&had, hash, sizeof(hash)))
			rc = why_set(why, ERR_MISMATCH,
			    "the queue is of another KMS state than %s", path);
	}
	sqlite3_finalize(q);
	free(octets);
	return rc;
}

static enum err
each_row(sqlite3 *s, struct run *u, struct why *why)
{
	sqlite3_stmt *q = NULL;
	enum err rc = ERR_OK;
	int step = SQLITE_ERROR;
	struct row r;

	if (sqlite3_prepare_v2(s,
		"SELECT r.id, l.name, r.place & ((1 << 40) - 1), liid, cin,"
		" sequence, created, key, sealed, wrapped FROM records AS r"
		" JOIN lemfs AS l ON l.id = r.place >> 40"
		" JOIN keys AS k ON k.id = r.key"
		" WHERE ?1 IS NULL OR l.name = CAST(?1 AS BLOB)"
		" ORDER BY r.place",
		-1, &q, NULL) == SQLITE_OK &&
	    (u->o->lemf == NULL ||
		sqlite3_bind_text(q, 1, u->o->lemf, -1, SQLITE_STATIC) ==
		    SQLITE_OK))
		while (rc == ERR_OK && (step = sqlite3_step(q)) == SQLITE_ROW) {
			get_row(q, &r);
			rc = take_row(u, &r, why);
		}
	if (rc == ERR_OK && step != SQLITE_DONE)
		rc = why_set(why, ERR_MALFORMED, "the queue: %s",
		    sqlite3_errmsg(s));
	sqlite3_finalize(q);
	return rc;
}

static enum err
read_queue(struct run *u, struct why *why)
{
	struct spool_copy copy;
	sqlite3 *s = NULL;
	enum err rc;

	if ((rc = spool_copy_make(u->o->spool, &copy, why)) != ERR_OK)
		return rc;
	/* Nobody else has the copy, so no shared memory beside it. */
	if (sqlite3_open(copy.db, &s) != SQLITE_OK ||
	    sqlite3_exec(s, "PRAGMA locking_mode = EXCLUSIVE", NULL, NULL,
		NULL) != SQLITE_OK)
		rc = why_set(why, ERR_IO, "%s: %s", copy.db, sqlite3_errmsg(s));
	if (rc == ERR_OK && u->o->state != NULL)
		rc = check_state(s, u->o->state, why);
	if (rc == ERR_OK)
		rc = each_row(s, u, why);
	(void)sqlite3_close(s);
	spool_copy_done(&copy);
	if (rc == ERR_OK && u->n == 0)
		rc = why_set(why, ERR_NOTFOUND, "no record waits");
	return rc;
}

/* ---- the program ---- */

static enum err
open_token(struct run *u, struct why *why)
{
	const struct options *o = u->o;
	uint8_t *pin = NULL;
	char text[256];
	size_t len = 0;
	enum err rc;

	if ((rc = lab_slurp(o->pin_file, sizeof(text) - 1, &pin, &len, why)) !=
	    ERR_OK)
		return rc;
	memcpy(text, pin, len);
	text[len] = '\0';
	text[strcspn(text, "\r\n")] = '\0';
	rc = spool_token_open(o->module, o->label, text, &u->token, why);
	explicit_bzero(text, sizeof(text));
	explicit_bzero(pin, len);
	free(pin);
	return rc;
}

static enum err
run(const struct options *o, struct why *why)
{
	struct run u = {.o = o};
	enum err rc = ERR_OK;

	if (o->out != NULL) {
		if ((rc = open_token(&u, why)) == ERR_OK &&
		    (u.out = fopen(o->out, "wb")) == NULL)
			rc = why_errno(why, "%s", o->out);
	}
	if (rc == ERR_OK)
		rc = read_queue(&u, why);
	if (u.out != NULL && fclose(u.out) != 0 && rc == ERR_OK)
		rc = why_errno(why, "%s", o->out);
	explicit_bzero(u.octets, sizeof(u.octets));
	spool_token_close(&u.token);
	return rc;
}

static bool
parse(int argc, char **argv, struct options *o)
{
	static const struct option longs[] = {{"spool", 1, NULL, 's'},
	    {"kms-state", 1, NULL, 'k'}, {"module", 1, NULL, 'm'},
	    {"label", 1, NULL, 'l'}, {"pin-file", 1, NULL, 'p'},
	    {"lemf", 1, NULL, 'f'}, {"out", 1, NULL, 'o'},
	    {"list", 0, NULL, 'i'}, {"help", 0, NULL, 'h'}, {NULL, 0, NULL, 0}};
	int c;

	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1)
		switch (c) {
		case 's':
			o->spool = optarg;
			break;
		case 'k':
			o->state = optarg;
			break;
		case 'm':
			o->module = optarg;
			break;
		case 'l':
			o->label = optarg;
			break;
		case 'p':
			o->pin_file = optarg;
			break;
		case 'f':
			o->lemf = optarg;
			break;
		case 'o':
			o->out = optarg;
			break;
		case 'i':
			o->list = true;
			break;
		case 'h':
			(void)fputs(help, stdout);
			exit(0);
		default:
			return false;
		}
	return optind == argc && o->spool != NULL &&
	    (o->list || o->out != NULL) &&
	    (o->out == NULL ||
		(o->module != NULL && o->label != NULL && o->pin_file != NULL));
}

int
main(int argc, char **argv)
{
	struct options o = {.spool = NULL};
	struct why why = {""};

	log_init("lab-spool", LOG_LVL_INFO);
	if (!parse(argc, argv, &o)) {
		(void)fputs(help, stderr);
		return 2;
	}
	if (run(&o, &why) != ERR_OK) {
		log_error("%s", why.text);
		return 1;
	}
	return 0;
}
