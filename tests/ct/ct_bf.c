/*
 * Opening an envelope: secret is x of [s]U, as the token gives it, and all
 * that follows from it (pairing, rho, the plaintext, l).  Then the private
 * key of a user, and encryption, whose secret is rho.
 */
#include <string.h>

#include "ct.h"
#include "hsm/bf.h"

/* The first parameter set of tests/vectors/exchanges.json. */
static const char p_hex[] =
    "ad80a2cc5a3454e3dde1ce070f3259658e9a31a0fd4a80b477c9100667299770"
    "3a9d0820c784a9f1dd87640ae1e3613153090f04c9a3a38329cd63ae466a75af";
static const char q_hex[] = "fffffffffffffffff7ffffffffffffffffffffff";
static const char point_p[2][129] =
    {"ec5ab2ba7d9ebb6ae1f3d800c04d7a0834a5fd394b60a0062e3098a86533a6e1"
     "41be209034176c07f803d086298527ed1bb22cf85504693b82af47edbb968b3",
	"9b3378e042b95917eae08486c33112496a6ffecffb51ac2a934d8a40101ee516"
	"acc7d0836ac9de36b9770b124a7b1e8d93678a06a748493857167bb5c3b15e3f"};
static const char point_ppub[2][129] =
    {"514a125689fe76a44a3cd65e7a9c791597b677109f5644e5d60985be5ee845d2"
     "a1111fd60aa50f31267c379b5f30c4125c2cd3e02a92c7dc7567437518961109",
	"227fc2e5ce4005f3b5022c9a95ae93baef55017755ab931dfff4ca3c9664f10d"
	"5d5ec9d39f1fbae033f7eb7554f781e319099b93728c40e7e942376a0010823e"};
static const char master[] =
    "78053dec631c209ddeaaf134c5399999dcd0470de01a9a228279d82e4dd5bddf"
    "918973bcc86630c751ecbe66f2b435517750e6edafe2a643ac4b44b268bf088c";

static struct bf *
load(void)
{
	mpz_t p, q, pp[2], pub[2];
	struct bf *bf = NULL;

	mpz_init_set_str(p, p_hex, 16);
	mpz_init_set_str(q, q_hex, 16);
	for (int i = 0; i < 2; i++) {
		mpz_init_set_str(pp[i], point_p[i], 16);
		mpz_init_set_str(pub[i], point_ppub[i], 16);
	}
	MUST(bf_new(p, q, pp, pub, "SHA1", &bf) == ERR_OK);
	mpz_clears(p, q, pp[0], pp[1], pub[0], pub[1], NULL);
	return bf;
}

/* x of [s]A, as the token would give it, then secret. */
static void
token(uint8_t x[64], const struct t1_point *a, const struct bf *bf)
{
	struct t1_point r;
	struct fp_exp k;
	mpz_t s;

	mpz_init_set_str(s, master, 16);
	fp_exp_from_mpz(&k, s);
	MUST(t1_mul_vartime(&r, &k, a, &bf->curve) == ERR_OK);
	fp_to_be(x, &r.x, &bf->curve.f);
	mpz_clear(s);
	CT_SECRET(x, 64);
}

static void
run(struct bf *bf)
{
	static const uint8_t id[] = "sip:alice@example.com20260101";
	uint8_t rho[20], m[150], v[20], w[150], x[64], out[150];
	struct t1_point u, q_id, s_id;
	struct t1_lines *lines;
	struct rd rv, rw;

	memset(rho, 0x11, sizeof(rho));
	memset(m, 0x22, sizeof(m));
	CT_SECRET(rho, sizeof(rho));
	CT_SECRET(m, sizeof(m));
	MUST(bf_encrypt(bf, id, 29, rho, m, sizeof(m), &u, v, w) == ERR_OK);
	CT_PUBLIC(&u, sizeof(u)); /* the ciphertext */
	CT_PUBLIC(v, sizeof(v));
	CT_PUBLIC(w, sizeof(w));
	MUST(bf_hash_to_point(bf, id, 29, NULL, &q_id) == ERR_OK);
	MUST(t1_lines_new(&q_id, &bf->curve, &lines) == ERR_OK);
	rd_init(&rv, v, sizeof(v));
	rd_init(&rw, w, sizeof(w));
	for (int i = 0; i < 3; i++) {
		token(x, &u, bf);
		MUST(bf_open(bf, lines, x, &u, rv, rw, out) == ERR_OK);
		CT_PUBLIC(out, sizeof(out));
		MUST(out[0] == 0x22 && out[149] == 0x22);
	}
	token(x, &q_id, bf);
	MUST(bf_private_key(bf, &q_id, x, &s_id) == ERR_OK);
	/* one that does not open: the same work */
	v[0] ^= 1;
	rd_init(&rv, v, sizeof(v));
	token(x, &u, bf);
	MUST(bf_open(bf, lines, x, &u, rv, rw, out) == ERR_MISMATCH);
	t1_lines_free(&lines);
}

/* valgrind hides ADX from cpuid and runs it all the same. */
#ifdef __x86_64__
static void
use_adx(struct fp_field *f)
{
	f->mul = fp_mul_adx;
}
#else
static void
use_adx(struct fp_field *f)
{
	(void)f;
}
#endif

int
main(void)
{
	struct bf *bf;

	MUST_BE_UNDER_VALGRIND;
	bf = load();
	fp_use_portable(&bf->curve.f);
	run(bf);
	use_adx(&bf->curve.f);
	run(bf);
	bf_free(&bf);
	return 0;
}
