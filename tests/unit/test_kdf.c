/*
 * kdf: the PRF chains of computed_vectors.json, the keys and V payloads of the
 * exchanges, and the random secret as two implementations compute it.
 */
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "help.h"
#include "xk/ec.h"
#include "xk/kdf.h"

static struct kdf *kdf;

static int
make(void **state)
{
	(void)state;
	return kdf_new(&kdf) == ERR_OK ? 0 : -1;
}

static int
unmake(void **state)
{
	(void)state;
	kdf_free(&kdf);
	assert_null(kdf);
	kdf_free(&kdf); /* NULL is let through */
	return 0;
}

static void
assert_hex(const uint8_t *got, size_t len, const json_t *o, const char *name)
{
	size_t n;
	uint8_t *want = octets(o, name, &n);

	assert_int_equal(n, len);
	assert_memory_equal(got, want, len);
	free(want);
}

/* ---- PRF chains ---- */

/* constant || cs_id || csb_id || RAND, RFC 3830 clause 4.1.3. */
static struct rd
label(uint8_t buf[64], uint32_t constant, uint8_t cs_id, uint32_t csb_id,
    struct rd rand)
{
	struct wr w;

	wr_init(&w, buf, 64);
	wr_u32(&w, constant);
	wr_u8(&w, cs_id);
	wr_u32(&w, csb_id);
	wr_copy(&w, rand.p, rand.left);
	assert_int_equal(w.rc, ERR_OK);
	return view(buf, w.len);
}

static void
assert_prf(uint8_t prf, struct rd inkey, struct rd lab, const json_t *chain,
    const char *name)
{
	size_t len;
	uint8_t *want = octets(chain, name, &len), got[64 + 1];

	memset(got, 0xaa, sizeof(got));
	assert_int_equal(kdf_prf(kdf, prf, inkey, lab, got, len), ERR_OK);
	assert_memory_equal(got, want, len);
	assert_int_equal(got[len], 0xaa);
	free(want);
}

static void
chain_agrees(uint8_t prf, const json_t *chain, struct rd k_session,
    uint32_t csb, struct rd rand)
{
	uint8_t buf[64], mpk[32], tgk[32], tek[KDF_TEK_LEN], salt[KDF_SALT_LEN];
	const struct rd for_mpk =
	    label(buf, 0x220E99A2, 0xff, 0xffffffff, rand);

	assert_prf(prf, k_session, for_mpk, chain, "MPK128");
	assert_prf(prf, k_session, for_mpk, chain, "MPK256");
	label(buf, 0x1F4D675B, 0xff, 0xffffffff, rand);
	assert_prf(prf, k_session, for_mpk, chain, "TGK128");
	assert_prf(prf, k_session, for_mpk, chain, "TGK256");

	/* As our own functions cut them: to the PRF's output. */
	assert_int_equal(kdf_mpk(kdf, prf, k_session, rand, mpk), ERR_OK);
	assert_int_equal(kdf_tgk(kdf, prf, k_session, rand, tgk), ERR_OK);
	if (prf == MIKEY_PRF_HMAC_SHA256) {
		assert_hex(mpk, 32, chain, "MPK256");
		assert_hex(tgk, 32, chain, "TGK256");
	} else {
		assert_int_equal(kdf_prf_octets(prf), 20);
		assert_hex(mpk, 16, chain, "MPK128");
		assert_hex(tgk, 16, chain, "TGK128");
	}

	/* The vectors go on from keys of 128 bit. */
	label(buf, 0x150533E1, 0xff, csb, rand);
	assert_prf(prf, view(mpk, 16), for_mpk, chain, "msg_encr128");
	label(buf, 0x2D22AC75, 0xff, csb, rand);
	assert_prf(prf, view(mpk, 16), for_mpk, chain, "msg_auth");
	label(buf, 0x29B88916, 0xff, csb, rand);
	assert_prf(prf, view(mpk, 16), for_mpk, chain, "msg_salt112");
	label(buf, 0x1B5C7973, 1, csb, rand);
	assert_prf(prf, view(tgk, 16), for_mpk, chain, "auth160_cs1");
	label(buf, 0x15798CEF, 1, csb, rand);
	assert_prf(prf, view(tgk, 16), for_mpk, chain, "encr128_cs1");
	assert_int_equal(kdf_srtp(kdf, prf, view(tgk, 16), 1, csb, rand, tek,
			     salt),
	    ERR_OK);
	assert_hex(tek, 16, chain, "TEK128_cs1");
	assert_hex(salt, 14, chain, "salt112_cs1");
}

static void
prf_chains_are_those_of_the_vectors(void **state)
{
	static const char *const name[] = {"MIKEY_PRF_sha1",
	    "MIKEY_PRF_sha256"};
	json_t *file = vectors("computed_vectors.json");
	const json_t *in = member(file, "MIKEY_PRF_inputs");
	uint8_t k65[65] = {4}, k32[32], csb_be[4];
	size_t rand_len;
	uint8_t *rand = octets(in, "RAND", &rand_len);
	uint32_t csb;
	struct rd r;

	(void)state;
	for (uint8_t i = 0; i < 64; i++)
		k65[i + 1] = i;
	for (uint8_t i = 0; i < 32; i++)
		k32[i] = i;
	number_be(text(in, "csb_id"), csb_be, 4);
	r = view(csb_be, 4);
	assert_int_equal(rd_u32(&r, &csb), ERR_OK);
	for (uint8_t prf = 0; prf < 2; prf++) {
		const json_t *set = member(file, name[prf]);

		chain_agrees(prf, member(set, "65-byte 04||00..3f"),
		    view(k65, 65), csb, view(rand, rand_len));
		chain_agrees(prf, member(set, "32-byte 00..1f"), view(k32, 32),
		    csb, view(rand, rand_len));
	}
	free(rand);
	json_decref(file);
}

static void
a_prf_has_the_octets_of_its_hash(void **state)
{
	(void)state;
	assert_int_equal(kdf_prf_octets(MIKEY_PRF_SHA1), 20);
	assert_int_equal(kdf_prf_octets(MIKEY_PRF_HMAC_SHA256), 32);
}

static void
prf_output_of_any_length_is_a_prefix_of_the_longer(void **state)
{
	uint8_t whole[200], got[201];

	(void)state;
	for (uint8_t prf = 0; prf < 2; prf++) {
		assert_int_equal(kdf_prf(kdf, prf, view("key", 3),
				     view("label", 5), whole, sizeof(whole)),
		    ERR_OK);
		for (size_t n = 0; n <= sizeof(whole); n++) {
			memset(got, 0x11, sizeof(got));
			assert_int_equal(kdf_prf(kdf, prf, view("key", 3),
					     view("label", 5), got, n),
			    ERR_OK);
			assert_memory_equal(got, whole, n);
			assert_int_equal(got[n], 0x11);
		}
	}
}

/* inkey is cut every 256 bit and the parts' outputs are XORed. */
static void
long_inkeys_are_the_xor_of_their_blocks(void **state)
{
	uint8_t key[100], whole[48], part[48], sum[48];

	(void)state;
	for (size_t i = 0; i < sizeof(key); i++)
		key[i] = (uint8_t)(7 * i);
	for (uint8_t prf = 0; prf < 2; prf++)
		for (size_t n = 1; n <= sizeof(key); n++) {
			memset(sum, 0, sizeof(sum));
			for (size_t at = 0; at < n; at += 32) {
				assert_int_equal(kdf_prf(kdf, prf,
						     view(key + at,
							 n - at < 32 ? n - at
								     : 32),
						     view("l", 1), part, 48),
				    ERR_OK);
				for (size_t i = 0; i < 48; i++)
					sum[i] ^= part[i];
			}
			assert_int_equal(kdf_prf(kdf, prf, view(key, n),
					     view("l", 1), whole, 48),
			    ERR_OK);
			assert_memory_equal(whole, sum, 48);
		}
}

static void
another_prf_is_unsupported(void **state)
{
	uint8_t out[32];

	(void)state;
	for (unsigned prf = 2; prf < 256; prf++) {
		assert_int_equal(kdf_prf(kdf, (uint8_t)prf, view("k", 1),
				     view("l", 1), out, 16),
		    ERR_UNSUPPORTED);
		assert_int_equal(kdf_mpk(kdf, (uint8_t)prf, view("k", 1),
				     view("r", 1), out),
		    ERR_UNSUPPORTED);
		assert_int_equal(kdf_tgk(kdf, (uint8_t)prf, view("k", 1),
				     view("r", 1), out),
		    ERR_UNSUPPORTED);
	}
}

static void
a_rand_of_255_octets_goes_in_whole(void **state)
{
	uint8_t rand[255], a[32], b[32];

	(void)state;
	memset(rand, 9, sizeof(rand));
	assert_int_equal(kdf_mpk(kdf, 1, view("k", 1), view(rand, 255), a),
	    ERR_OK);
	rand[254] ^= 1;
	assert_int_equal(kdf_mpk(kdf, 1, view("k", 1), view(rand, 255), b),
	    ERR_OK);
	assert_memory_not_equal(a, b, 32);
}

/* ---- the exchanges ---- */

struct exchange {
	uint8_t prf;
	uint8_t *k_session, *rand, *msg;
	size_t k_len, rand_len, msg_len;
	uint8_t mpk[32];
	const char *idi, *idr;
	struct mikey_msg m;
};

static void
exchange_init(struct exchange *x, const json_t *e)
{
	*x = (struct exchange){.prf = (uint8_t)number(e, "prf"),
	    .idi = text(member(e, "initiator"), "identity"),
	    .idr = text(member(e, "answering"), "identity")};
	x->k_session = octets(e, "kSession", &x->k_len);
	x->rand = octets(e, "rand", &x->rand_len);
	x->msg = octets(e, "rMessage2", &x->msg_len);
	assert_int_equal(mikey_parse(view(x->msg, x->msg_len),
			     MIKEY_R_MESSAGE_2, &x->m),
	    ERR_OK);
	assert_int_equal(kdf_mpk(kdf, x->prf, view(x->k_session, x->k_len),
			     view(x->rand, x->rand_len), x->mpk),
	    ERR_OK);
}

static void
exchange_done(struct exchange *x)
{
	free(x->k_session);
	free(x->rand);
	free(x->msg);
}

static enum err
check_v(const struct exchange *x)
{
	return kdf_check_v(kdf, &x->m, view(x->mpk, kdf_prf_octets(x->prf)),
	    view(x->rand, x->rand_len), view(x->idi, strlen(x->idi)),
	    view(x->idr, strlen(x->idr)));
}

typedef void exchange_fn(struct exchange *, const json_t *);

static void
each_exchange(exchange_fn *fn)
{
	json_t *file = vectors("exchanges.json"), *e;
	struct exchange x;
	size_t i;

	json_array_foreach (member(file, "exchanges"), i, e) {
		exchange_init(&x, e);
		fn(&x, e);
		exchange_done(&x);
	}
	assert_true(i >= 12);
	json_decref(file);
}

static void
keys_agree(struct exchange *x, const json_t *e)
{
	uint8_t tgk[32];

	assert_hex(x->mpk, kdf_prf_octets(x->prf), e, "mpk");
	assert_int_equal(kdf_tgk(kdf, x->prf, view(x->k_session, x->k_len),
			     view(x->rand, x->rand_len), tgk),
	    ERR_OK);
	assert_hex(tgk, kdf_prf_octets(x->prf), e, "tgk");
}

static void
mpk_and_tgk_are_those_of_the_exchanges(void **state)
{
	(void)state;
	each_exchange(keys_agree);
}

static void
v_holds(struct exchange *x, const json_t *e)
{
	(void)e;
	assert_int_equal(check_v(x), ERR_OK);
}

static void
v_of_every_exchange_holds(void **state)
{
	(void)state;
	each_exchange(v_holds);
}

static void
v_fails_on_one_change(struct exchange *x, const json_t *e)
{
	const struct exchange good = *x;

	(void)e;
	for (size_t i = 0; i < x->msg_len; i++) {
		x->msg[i] ^= 4;
		assert_int_equal(check_v(x), ERR_MISMATCH);
		x->msg[i] ^= 4;
	}
	for (size_t i = 0; i < kdf_prf_octets(x->prf); i++) {
		x->mpk[i] ^= 0x80;
		assert_int_equal(check_v(x), ERR_MISMATCH);
		x->mpk[i] ^= 0x80;
	}
	x->rand[x->rand_len - 1] ^= 1;
	assert_int_equal(check_v(x), ERR_MISMATCH);
	x->rand[x->rand_len - 1] ^= 1;
	x->m.csb_id ^= 1;
	assert_int_equal(check_v(x), ERR_MISMATCH);
	x->m.csb_id ^= 1;
	x->idi = good.idr;
	x->idr = good.idi;
	assert_int_equal(check_v(x), ERR_MISMATCH);
	x->idi = good.idi;
	x->idr = "";
	assert_int_equal(check_v(x), ERR_MISMATCH);
	x->idr = good.idr;
	assert_int_equal(check_v(x), ERR_OK);
}

static void
v_does_not_hold_with_one_change(void **state)
{
	(void)state;
	each_exchange(v_fails_on_one_change);
}

static void
v_fails_in_form(struct exchange *x, const json_t *e)
{
	const struct mikey_msg good = x->m;

	(void)e;
	for (unsigned alg = 0; alg < 256; alg++) {
		x->m.v.alg = (uint8_t)alg;
		assert_int_equal(check_v(x),
		    alg == x->prf + 1U ? ERR_OK : ERR_MISMATCH);
	}
	x->m = good;
	for (size_t n = 0; n <= good.v.mac.left; n++) {
		x->m.v.mac.left = n;
		assert_int_equal(check_v(x),
		    n == good.v.mac.left ? ERR_OK : ERR_MISMATCH);
	}
	/* NULL: no MAC behind algorithm 0. */
	x->m.v.alg = 0;
	x->m.v.mac = view(NULL, 0);
	assert_int_equal(check_v(x), ERR_MISMATCH);
	x->m = good;
	x->m.v.there = false;
	assert_int_equal(check_v(x), ERR_MISMATCH);
	x->m = good;
	x->m.prf = (uint8_t)(1 - x->prf);
	assert_int_equal(check_v(x), ERR_MISMATCH);
	x->m.prf = 2;
	assert_int_equal(check_v(x), ERR_UNSUPPORTED);
	x->m = good;
}

static void
v_too_long(struct exchange *x, const json_t *e)
{
	uint8_t *more = malloc(x->msg_len + 1);

	(void)e;
	assert_non_null(more);
	memcpy(more, x->msg, x->msg_len);
	more[x->msg_len] = 0;
	assert_int_equal(mikey_parse(view(more, x->msg_len + 1),
			     MIKEY_R_MESSAGE_2, &x->m),
	    ERR_OK);
	assert_int_equal(check_v(x), ERR_MISMATCH);
	free(more);
}

static void
v_of_another_algorithm_or_length_does_not_hold(void **state)
{
	(void)state;
	each_exchange(v_fails_in_form);
	each_exchange(v_too_long);
}

/* ---- the random secret ---- */

struct seed {
	uint8_t s[32];
	enum err fails; /* what mac() gives; ERR_OK for none */
	unsigned fails_at, calls;
};

static enum err
mac(void *ctx, const uint8_t *data, size_t len, uint8_t out[32])
{
	struct seed *s = ctx;

	if (s->calls++ == s->fails_at && s->fails != ERR_OK)
		return s->fails;
	return EVP_Q_mac(NULL, "HMAC", NULL, "SHA256", NULL, s->s, 32, data,
		   len, out, 32, NULL) == NULL
	    ? ERR_HSM
	    : ERR_OK;
}

static struct kdf_seed
seed_of(struct seed *s)
{
	return (struct kdf_seed){mac, s};
}

static uint64_t
hex_u64(const json_t *o, const char *name)
{
	size_t len;
	uint8_t *p = octets(o, name, &len);
	struct rd r = view(p, len);
	uint64_t v;

	assert_int_equal(rd_u64(&r, &v), ERR_OK);
	free(p);
	return v;
}

static void
secrets_are_those_of_the_vectors(void **state)
{
	json_t *file = vectors("exchanges.json"), *k;
	bool seen[4] = {false};
	size_t i;

	(void)state;
	json_array_foreach (member(member(file, "kat"), "prg"), i, k) {
		const char *id = text(k, "id");
		const long long role = number(k, "role");
		size_t lab_len, len;
		uint8_t *lab = octets(k, "label", &lab_len);
		uint8_t *s = octets(k, "seed", &len);
		uint8_t got[MAX_SCALAR + 1], want[MAX_SCALAR];
		struct seed seed = {.fails = ERR_OK};
		struct kdf_seed ks = seed_of(&seed);
		const struct kdf_secret_in in = {.role = (enum kdf_role)role,
		    .id = view(id, strlen(id)),
		    .csb_id = (uint32_t)number(k, "csbId"),
		    .c = hex_u64(k, "C"),
		    .label = view(lab, lab_len)};

		assert_int_equal(len, 32);
		memcpy(seed.s, s, 32);
		memset(got, 0xee, sizeof(got));
		seen[role] = true;
		if (role == KDF_ROLE_SK) {
			assert_int_equal(kdf_sk(&ks, &in, got), ERR_OK);
			assert_hex(got, KDF_SK_LEN, k, "sk");
			len = KDF_SK_LEN;
		} else {
			const uint8_t curve = (uint8_t)number(k, "curve");

			len = ec_order_octets(curve);
			assert_int_equal(kdf_secret(&ks, &in, curve, got),
			    ERR_OK);
			number_be(text(k, "secret"), want, len);
			assert_memory_equal(got, want, len);
		}
		assert_int_equal(got[len], 0xee);
		free(lab);
		free(s);
	}
	assert_true(i >= 14 && seen[1] && seen[2] && seen[3]);
	json_decref(file);
}

/* The secrets of the exchanges: x of the Initiator, y of who answered. */
static void
secrets_are_those_of_the_exchanges(void **state)
{
	static const struct {
		const char *who, *secret;
		enum kdf_role role;
	} party[] = {{"initiator", "x", KDF_ROLE_INITIATOR},
	    {"answering", "y", KDF_ROLE_RESPONDER}};
	json_t *file = vectors("exchanges.json"), *e, *sub, *d;
	const char *name;
	size_t i, j;

	(void)state;
	json_array_foreach (member(file, "exchanges"), i, e)
		for (size_t p = 0; p < 2; p++) {
			const char *id =
			    text(member(e, party[p].who), "identity");
			const uint8_t curve = (uint8_t)number(e, "curve");
			const json_t *owner = NULL;
			uint8_t got[MAX_SCALAR], want[MAX_SCALAR];
			struct seed seed = {.fails = ERR_OK};
			struct kdf_seed ks = seed_of(&seed);
			struct kdf_secret_in in = {.role = party[p].role,
			    .id = view(id, strlen(id)),
			    .csb_id = (uint32_t)number(e, "csbId"),
			    .c = hex_u64(member(e, "t1"), "C")};
			size_t len;
			uint8_t *lab, *s;

			json_object_foreach (member(e, "subscribers"), name,
			    sub) {
				if (strcmp(name, id) == 0)
					owner = sub;
				json_array_foreach (member(sub, "devices"), j,
				    d)
					if (strcmp(json_string_value(d), id) ==
					    0)
						owner = sub;
			}
			assert_non_null(owner);
			lab = octets(owner, "label", &len);
			in.label = view(lab, len);
			s = octets(owner, "seed", &len);
			memcpy(seed.s, s, 32);
			len = ec_order_octets(curve);
			assert_int_equal(kdf_secret(&ks, &in, curve, got),
			    ERR_OK);
			number_be(text(e, party[p].secret), want, len);
			assert_memory_equal(got, want, len);
			free(lab);
			free(s);
		}
	json_decref(file);
}

static struct kdf_secret_in
some_input(void)
{
	return (struct kdf_secret_in){.role = KDF_ROLE_INITIATOR,
	    .id = view("sip:a@b", 7),
	    .csb_id = 0x11223344,
	    .c = 0x5566778899aabbccULL,
	    .label = view("lab", 3)};
}

static const uint8_t curves[] = {8, 11, 14};

/* What is hashed: role, ID with its length, CSB ID, C, label, each counts. */
static void
every_part_of_the_context_counts(void **state)
{
	struct seed seed = {.fails = ERR_OK};
	struct kdf_seed ks = seed_of(&seed);
	uint8_t base[MAX_SCALAR], got[MAX_SCALAR];

	(void)state;
	for (size_t c = 0; c < sizeof(curves); c++) {
		const size_t len = ec_order_octets(curves[c]);
		struct kdf_secret_in in = some_input(), changed[7];

		assert_int_equal(kdf_secret(&ks, &in, curves[c], base), ERR_OK);
		for (size_t i = 0; i < 7; i++)
			changed[i] = in;
		changed[0].role = KDF_ROLE_RESPONDER;
		changed[1].id = view("sip:a@c", 7);
		changed[2].id = view("sip:a@", 6);
		changed[3].csb_id ^= 0x80000000U;
		changed[4].c ^= 0x8000000000000000ULL;
		changed[5].label = view("la", 2);
		changed[6].label = view("", 0);
		for (size_t i = 0; i < 7; i++) {
			assert_int_equal(kdf_secret(&ks, &changed[i], curves[c],
					     got),
			    ERR_OK);
			assert_memory_not_equal(got, base, len);
		}
		seed.s[31] ^= 1;
		assert_int_equal(kdf_secret(&ks, &in, curves[c], got), ERR_OK);
		assert_memory_not_equal(got, base, len);
		seed.s[31] ^= 1;
	}
}

static void
secrets_are_from_1_to_n_less_1(void **state)
{
	struct seed seed = {.fails = ERR_OK};
	struct kdf_seed ks = seed_of(&seed);
	static const uint8_t zero[MAX_SCALAR];
	uint8_t got[MAX_SCALAR];

	(void)state;
	for (size_t c = 0; c < sizeof(curves); c++)
		for (uint32_t i = 0; i < 2000; i++) {
			struct kdf_secret_in in = some_input();
			const size_t len = ec_order_octets(curves[c]);

			in.csb_id = i;
			assert_int_equal(kdf_secret(&ks, &in, curves[c], got),
			    ERR_OK);
			assert_true(memcmp(got, ec_order(curves[c]), len) < 0);
			assert_true(memcmp(got, zero, len) > 0);
		}
}

/* The seed's MAC stubbed, so that K is all zeros or all ones. */
static enum err
constant_mac(void *ctx, const uint8_t *data, size_t len, uint8_t out[32])
{
	(void)data;
	(void)len;
	memset(out, *(const uint8_t *)ctx, 32);
	return ERR_OK;
}

static void
the_least_k_gives_1(void **state)
{
	uint8_t fill = 0, got[MAX_SCALAR];
	const struct kdf_seed ks = {constant_mac, &fill};

	(void)state;
	for (size_t c = 0; c < sizeof(curves); c++) {
		const struct kdf_secret_in in = some_input();
		const size_t len = ec_order_octets(curves[c]);

		assert_int_equal(kdf_secret(&ks, &in, curves[c], got), ERR_OK);
		for (size_t i = 0; i < len; i++)
			assert_int_equal(got[i], i == len - 1);
	}
}

static void
another_curve_is_unsupported(void **state)
{
	struct seed seed = {.fails = ERR_OK};
	struct kdf_seed ks = seed_of(&seed);
	const struct kdf_secret_in in = some_input();
	uint8_t got[MAX_SCALAR], mark[MAX_SCALAR];

	(void)state;
	memset(mark, 0x77, sizeof(mark));
	for (unsigned c = 0; c < 256; c++) {
		if (ec_order_octets((uint8_t)c) != 0)
			continue;
		memcpy(got, mark, sizeof(got));
		assert_int_equal(kdf_secret(&ks, &in, (uint8_t)c, got),
		    ERR_UNSUPPORTED);
		assert_memory_equal(got, mark, sizeof(got));
	}
	assert_int_equal(seed.calls, 0);
}

static void
labels_and_ids_have_limits(void **state)
{
	static uint8_t big[MAX_MIKEY + 1];
	struct seed seed = {.fails = ERR_OK};
	struct kdf_seed ks = seed_of(&seed);
	struct kdf_secret_in in = some_input();
	uint8_t got[MAX_SCALAR];

	(void)state;
	in.label = view(big, 64);
	assert_int_equal(kdf_secret(&ks, &in, 8, got), ERR_OK);
	in.label = view(big, 65);
	assert_int_equal(kdf_secret(&ks, &in, 8, got), ERR_TOOBIG);
	in.label = view(big, 64);
	in.id = view(big, MAX_MIKEY);
	assert_int_equal(kdf_secret(&ks, &in, 14, got), ERR_OK);
	in.id = view(big, MAX_MIKEY + 1);
	assert_int_equal(kdf_secret(&ks, &in, 14, got), ERR_TOOBIG);
	in.role = KDF_ROLE_SK;
	assert_int_equal(kdf_sk(&ks, &in, got), ERR_TOOBIG);
	in = some_input();
	in.role = KDF_ROLE_SK;
	in.label = view(big, 65);
	assert_int_equal(kdf_sk(&ks, &in, got), ERR_TOOBIG);
}

static void
the_seeds_failure_is_passed_on(void **state)
{
	struct kdf_secret_in in = some_input();
	uint8_t got[MAX_SCALAR], mark[MAX_SCALAR];

	(void)state;
	memset(mark, 0x77, sizeof(mark));
	for (size_t c = 0; c < sizeof(curves); c++) {
		struct seed seed = {.fails = ERR_OK};
		struct kdf_seed ks = seed_of(&seed);
		unsigned calls;

		assert_int_equal(kdf_secret(&ks, &in, curves[c], got), ERR_OK);
		calls = seed.calls;
		assert_int_equal(calls,
		    (ec_order_bits(curves[c]) + 64 + 255) / 256);
		for (unsigned at = 0; at < calls; at++) {
			seed = (struct seed){.fails = ERR_HSM, .fails_at = at};
			memcpy(got, mark, sizeof(got));
			assert_int_equal(kdf_secret(&ks, &in, curves[c], got),
			    ERR_HSM);
			assert_memory_equal(got, mark, sizeof(got));
		}
	}
	struct seed seed = {.fails = ERR_CLOSED};
	struct kdf_seed ks = seed_of(&seed);

	in.role = KDF_ROLE_SK;
	assert_int_equal(kdf_sk(&ks, &in, got), ERR_CLOSED);
}

static void
roles_are_not_mixed_up(void **state)
{
	struct seed seed = {.fails = ERR_OK};
	struct kdf_seed ks = seed_of(&seed);
	struct kdf_secret_in in = some_input();
	uint8_t got[MAX_SCALAR];

	(void)state;
	assert_int_not_equal(kdf_sk(&ks, &in, got), ERR_OK);
	in.role = KDF_ROLE_RESPONDER;
	assert_int_not_equal(kdf_sk(&ks, &in, got), ERR_OK);
	in.role = KDF_ROLE_SK;
	assert_int_not_equal(kdf_secret(&ks, &in, 8, got), ERR_OK);
	assert_int_equal(seed.calls, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(prf_chains_are_those_of_the_vectors),
	    cmocka_unit_test(a_prf_has_the_octets_of_its_hash),
	    cmocka_unit_test(
		prf_output_of_any_length_is_a_prefix_of_the_longer),
	    cmocka_unit_test(long_inkeys_are_the_xor_of_their_blocks),
	    cmocka_unit_test(another_prf_is_unsupported),
	    cmocka_unit_test(a_rand_of_255_octets_goes_in_whole),
	    cmocka_unit_test(mpk_and_tgk_are_those_of_the_exchanges),
	    cmocka_unit_test(v_of_every_exchange_holds),
	    cmocka_unit_test(v_does_not_hold_with_one_change),
	    cmocka_unit_test(v_of_another_algorithm_or_length_does_not_hold),
	    cmocka_unit_test(secrets_are_those_of_the_vectors),
	    cmocka_unit_test(secrets_are_those_of_the_exchanges),
	    cmocka_unit_test(every_part_of_the_context_counts),
	    cmocka_unit_test(secrets_are_from_1_to_n_less_1),
	    cmocka_unit_test(the_least_k_gives_1),
	    cmocka_unit_test(another_curve_is_unsupported),
	    cmocka_unit_test(labels_and_ids_have_limits),
	    cmocka_unit_test(the_seeds_failure_is_passed_on),
	    cmocka_unit_test(roles_are_not_mixed_up),
	};

	return cmocka_run_group_tests(tests, make, unmake);
}
