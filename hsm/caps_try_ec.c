/* Curves: each product of the token's is computed outside too. */
#include <string.h>

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/evp.h>

#include "hsm/caps_try_int.h"

static const uint8_t probe[] = "keywarden token probe";

/* ---- ECDSA ---- */

enum err
caps_ecdsa_once(struct caps_try *t)
{
	uint8_t sig[HSM_SIGNATURE_MAX];
	size_t n;

	return hsm_sign(t->h, HSM_KEY_HI2, probe, sizeof(probe), sig, &n);
}

enum err
caps_ecdsa(struct caps_try *t)
{
	uint8_t sig[HSM_SIGNATURE_MAX];
	EVP_PKEY *pub = NULL;
	size_t n;
	enum err rc;

	if ((rc = caps_have(t, HSM_KEY_HI2)) != ERR_OK ||
	    (rc = caps_public(t, HSM_KEY_HI2, &pub)) != ERR_OK ||
	    (rc = hsm_sign(t->h, HSM_KEY_HI2, probe, sizeof(probe), sig, &n)) !=
		ERR_OK)
		goto out;
	rc = hsm_verify(pub, probe, sizeof(probe), sig, n);
	if (rc == ERR_MISMATCH)
		rc = caps_missing(t, "its signature does not verify");
	if (rc == ERR_OK) {
		t->around = t->h->raw_public;
		caps_say(t, "its signature verifies%s",
		    t->around ? "; CKA_EC_POINT has no DER around it, and is "
				"read so"
			      : "");
	}
out:
	EVP_PKEY_free(pub);
	return rc;
}

/* ---- the curve ---- */

/* Would the curve be taken with its prime order? */
static bool
takes_subgroup(struct caps_try *t, struct hsm_made *m)
{
	*m = (struct hsm_made){.keep = CK_FALSE,
	    .label = CAPS_TRY_LABEL,
	    .ec_params = ibe_setup_subgroup_params(t->setup)};
	return hsm_make(t->h, HSM_KEY_MASTER, m) == ERR_OK;
}

static void
drop(struct caps_try *t, const struct hsm_made *m)
{
	caps_destroy(t, m->key);
	caps_destroy(t, m->pub);
}

enum err
caps_curve(struct caps_try *t)
{
	uint8_t params[IBE_PARAMS_MAX];
	struct hsm_made *m = &t->made[HSM_KEY_MASTER], sub;
	struct why why;
	struct rd r;
	size_t n;
	enum err rc = caps_have(t, HSM_KEY_MASTER);

	if (rc != ERR_OK) {
		const CK_RV rv = hsm_last.rv;

		why = hsm_last.why;
		if (takes_subgroup(t, &sub)) {
			drop(t, &sub);
			return caps_missing(t,
			    "%.60s with the order of all points; with the "
			    "prime order alone it does",
			    why.text);
		}
		hsm_last.why = why;
		hsm_last.rv = rv;
		return rc;
	}
	rd_init(&r, m->point, sizeof(m->point));
	if (ibe_setup_finish(t->setup, r, params, &n) != ERR_OK)
		return caps_missing(t, "its public point is not on the curve");
	caps_say(t, "a key on it was made");
	return ERR_OK;
}

/* ---- ECDH ---- */

#define POINTS 3
#define STEPS_MOST 8192
#define COORD ((IBE_POINT_MAX - 1) / 2)

struct known {
	uint8_t point[IBE_POINT_MAX];
	uint8_t x[COORD]; /* of its product with the secret */
	const char *what;
};

/* A = [k]G and R = [k]S for k, k + 1, ...: S = [s]G, so R = [s]A. */
struct walk {
	EC_GROUP *group;
	BN_CTX *ctx;
	EC_POINT *s, *a, *r;
	BIGNUM *k;
};

static void
walk_done(struct walk *w)
{
	EC_POINT_free(w->s);
	EC_POINT_free(w->a);
	EC_POINT_free(w->r);
	BN_free(w->k);
	BN_CTX_free(w->ctx);
	EC_GROUP_free(w->group);
}

static bool
walk_begin(struct walk *w, struct rd params, const uint8_t *point)
{
	const unsigned char *p = params.p;

	*w = (struct walk){.ctx = BN_CTX_new(), .k = BN_new()};
	if (w->ctx == NULL || w->k == NULL ||
	    (w->group = d2i_ECPKParameters(NULL, &p, (long)params.left)) ==
		NULL)
		return false;
	w->s = EC_POINT_new(w->group);
	w->a = EC_POINT_new(w->group);
	w->r = EC_POINT_new(w->group);
	return w->s != NULL && w->a != NULL && w->r != NULL &&
	    EC_POINT_oct2point(w->group, w->s, point, IBE_POINT_MAX, w->ctx) ==
	    1 &&
	    BN_rand(w->k, 8 * COORD - 8, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) ==
	    1 &&
	    EC_POINT_mul(w->group, w->a, w->k, NULL, NULL, w->ctx) == 1 &&
	    EC_POINT_mul(w->group, w->r, NULL, w->s, w->k, w->ctx) == 1;
}

static bool
walk_step(struct walk *w)
{
	return EC_POINT_add(w->group, w->a, w->a,
		   EC_GROUP_get0_generator(w->group), w->ctx) == 1 &&
	    EC_POINT_add(w->group, w->r, w->r, w->s, w->ctx) == 1;
}

static bool
walk_read(struct walk *w, struct known *out)
{
	uint8_t r[IBE_POINT_MAX];

	if (EC_POINT_point2oct(w->group, w->a, POINT_CONVERSION_UNCOMPRESSED,
		out->point, sizeof(out->point), w->ctx) != IBE_POINT_MAX ||
	    EC_POINT_point2oct(w->group, w->r, POINT_CONVERSION_UNCOMPRESSED, r,
		sizeof(r), w->ctx) != IBE_POINT_MAX)
		return false;
	memcpy(out->x, r + 1, COORD);
	return true;
}

/*
 * One as they come, one that looks like DER when it is raw (its x begins with
 * the length of the rest), one whose product begins with a zero octet, which
 * some tokens leave out.
 */
static enum err
known_products(const struct caps_try *t, struct known k[POINTS])
{
	struct known now = {.what = NULL};
	bool have[POINTS] = {false};
	struct walk w;
	bool ok = walk_begin(&w, ibe_setup_ec_params(t->setup),
	    t->made[HSM_KEY_MASTER].point);

	for (unsigned i = 0; ok && i < STEPS_MOST; i++) {
		if (!(ok = walk_read(&w, &now)))
			break;
		for (unsigned j = 0; j < POINTS; j++) {
			const bool fits = j == 0 ||
			    (j == 1 ? now.point[1] == IBE_POINT_MAX - 2
				    : now.x[0] == 0);

			if (have[j] || !fits)
				continue;
			memcpy(k[j].point, now.point, sizeof(now.point));
			memcpy(k[j].x, now.x, sizeof(now.x));
			have[j] = true;
		}
		if (have[0] && have[1] && have[2])
			break;
		ok = walk_step(&w);
	}
	walk_done(&w);
	return ok && have[0] && have[1] && have[2] ? ERR_OK : ERR_CRYPTO;
}

/* What came of one form: how many of the products were right. */
struct form {
	unsigned right;
	size_t got; /* octets of the first that was not */
	CK_RV rv;
	struct why why;
	const char *wrong; /* which */
};

static void
try_form(struct caps_try *t, enum caps_point form, const struct known k[POINTS],
    struct form *out)
{
	uint8_t x[COORD];
	size_t got;

	*out = (struct form){.right = 0};
	for (unsigned i = 0; i < POINTS; i++) {
		enum err rc;

		hsm_last.rv = CKR_OK;
		rc = hsm_derive(t->h, t->made[HSM_KEY_MASTER].key, form,
		    k[i].point, IBE_POINT_MAX, x, COORD, &got);
		if (rc == ERR_OK && memcmp(x, k[i].x, COORD) == 0) {
			out->right++;
			continue;
		}
		out->got = got;
		out->rv = hsm_last.rv;
		out->why = hsm_last.why;
		out->wrong = k[i].what;
		return;
	}
}

/* With the prime order in its parameters a token may cut x to that length. */
static bool
cuts_to_order(struct caps_try *t)
{
	struct hsm_made m;
	uint8_t x[COORD];
	size_t got;
	bool cuts;

	if (!takes_subgroup(t, &m))
		return false;
	cuts = hsm_derive(t->h, m.key, t->point, m.point, IBE_POINT_MAX, x,
		   COORD, &got) != ERR_OK;
	drop(t, &m);
	return cuts;
}

static enum err
no_form(struct caps_try *t, const struct form *f)
{
	hsm_last.rv = f->rv;
	if (f->rv != CKR_OK) {
		hsm_last.why = f->why;
		return ERR_HSM;
	}
	if (f->got > 0 && f->got < COORD)
		return caps_missing(t, "of %d octets of x it gives %zu", COORD,
		    f->got);
	return caps_missing(t, "a product is wrong: that of %s", f->wrong);
}

static void
say_how(struct caps_try *t, const struct form *raw)
{
	const char *form = "points in DER", *other = ", raw ones too";
	const bool cuts = cuts_to_order(t);

	if (t->point == CAPS_POINT_RAW)
		form = "points raw, not in DER: they are given so", other = "";
	else if (raw->right > 0 && raw->right < POINTS)
		other = "; raw ones are mistaken now and then: none are given";
	else if (raw->right == 0)
		other = ", not raw ones";
	t->around = t->point == CAPS_POINT_RAW || cuts;
	caps_say(t, "%s%s%s", form, other,
	    cuts ? "; x is cut to the length of the order: it gets that of "
		   "all points"
		 : "");
}

enum err
caps_ecdh(struct caps_try *t)
{
	struct known k[POINTS] = {{.what = "any point"},
	    {.what = "a point that looks like DER"},
	    {.what = "a point whose product begins with 0"}};
	struct form der, raw;
	enum err rc = known_products(t, k);

	if (rc != ERR_OK)
		return why_set(&hsm_last.why, rc, "OpenSSL does not multiply");
	try_form(t, CAPS_POINT_DER, k, &der);
	try_form(t, CAPS_POINT_RAW, k, &raw);
	if (der.right < POINTS && raw.right < POINTS)
		return no_form(t,
		    der.right > 0 || der.got > 0 || raw.rv != CKR_OK ? &der
								     : &raw);
	t->point = der.right == POINTS ? CAPS_POINT_DER : CAPS_POINT_RAW;
	say_how(t, &raw);
	hsm_last.rv = CKR_OK;
	return ERR_OK;
}

enum err
caps_ecdh_once(struct caps_try *t)
{
	const struct hsm_made *m = &t->made[HSM_KEY_MASTER];
	uint8_t x[COORD];
	size_t got;

	return hsm_derive(t->h, m->key, t->point, m->point, IBE_POINT_MAX, x,
	    COORD, &got);
}
