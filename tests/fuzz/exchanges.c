#include <stdlib.h>
#include <string.h>

#include <jansson.h>
#include <openssl/evp.h>

#include "bf_block_put.h"
#include "exchanges.h"
#include "hsm/bf_der.h"
#include "mikey_split.h"
#include "xk/bf_block.h"

#define KMS_N 3
#define ROWS_MAX 64
#define TRUTHS_MAX 64
#define COORD 64

struct kms {
	struct ibe *ibe;
	struct bf *bf; /* for encrypting with a rho of our choice */
	struct regen regen;
	struct t1_curve curve;
	struct fp_exp s;
};

static json_t *file; /* rows have views of its strings */
static struct kms kms[KMS_N];
static struct row rows[ROWS_MAX];
static unsigned n_rows, n_truths;
static struct truth truths[TRUTHS_MAX];

static const char *
text(const json_t *o, const char *name)
{
	const char *s = json_string_value(json_object_get(o, name));

	MUST(s != NULL);
	return s;
}

static struct rd
octets(const json_t *o, const char *name)
{
	const char *hex = text(o, name);
	const size_t n = strlen(hex) / 2;
	uint8_t *p = malloc(n > 0 ? n : 1);
	struct rd r;

	MUST(p != NULL && hex_get(hex, p, n) == ERR_OK);
	rd_init(&r, p, n);
	return r;
}

static void
load_kms(struct kms *k, const json_t *set)
{
	struct why why;
	struct rd der = octets(set, "publicParametersDER");
	enum key_period period;
	struct bf_public b;
	mpz_t s;

	MUST(ibe_load("ss512", der, &k->ibe, &why) == ERR_OK);
	MUST(key_period_by_name(text(set, "period"), &period) == ERR_OK);
	MUST(regen_init(&k->regen, k->ibe, period) == ERR_OK);
	bf_public_init(&b);
	MUST(bf_public_decode(der, &b, &why) == ERR_OK);
	MUST(bf_new(b.p, b.q, b.point_p, b.point_ppub, b.hash, &k->bf) ==
	    ERR_OK);
	MUST(t1_curve_init(&k->curve, b.p, b.q) == ERR_OK);
	bf_public_clear(&b);
	mpz_init_set_str(s, text(set, "masterSecretModPplus1"), 0);
	fp_exp_from_mpz(&k->s, s);
	mpz_clear(s);
	own_free(&der);
}

/* ---- the token ---- */

static enum err
soft_mul(void *ctx, const uint8_t *point, size_t len, uint8_t *x, size_t x_len)
{
	const struct kms *k = ctx;
	struct t1_point a, r;

	MUST(len == 1 + 2 * COORD && x_len == COORD && point[0] == 4);
	/* ibe_open() sends only points of the curve. */
	MUST(t1_point_from_be(&a, point + 1, COORD, point + 1 + COORD, COORD,
		 &k->curve) == ERR_OK);
	if (t1_mul_vartime(&r, &k->s, &a, &k->curve) != ERR_OK)
		return ERR_HSM;
	fp_to_be(x, &r.x, &k->curve.f);
	return ERR_OK;
}

static enum err
soft_mac(void *ctx, const uint8_t *data, size_t len, uint8_t out[32])
{
	const struct row *r = ctx;

	MUST(EVP_Q_mac(NULL, "HMAC", NULL, "SHA256", NULL, r->seed, 32, data,
		 len, out, 32, NULL) != NULL);
	return ERR_OK;
}

struct regen *
exchanges_regen(const struct row *r)
{
	return &kms[r->kms].regen;
}

struct ibe_token
exchanges_token(const struct row *r)
{
	return (struct ibe_token){soft_mul, &kms[r->kms]};
}

struct kdf_seed
exchanges_seed(const struct row *r)
{
	return (struct kdf_seed){soft_mac, &rows[r - rows]};
}

void
exchanges_encrypt(const struct plain *p, struct wr *out)
{
	static uint8_t w[PLAIN_MAX];
	uint8_t rho[20], x[COORD], y[COORD], v[20];
	struct bf *bf = kms[p->kms].bf;
	struct t1_point u;
	struct rd rx, ry, rv, rw;

	memset(rho, 0x5a, sizeof(rho));
	MUST(bf_encrypt(bf, p->id, p->id_len, rho, p->octets, p->len, &u, v,
		 w) == ERR_OK);
	fp_to_be(x, &u.x, &bf->curve.f);
	fp_to_be(y, &u.y, &bf->curve.f);
	rd_init(&rx, x, sizeof(x));
	rd_init(&ry, y, sizeof(y));
	rd_init(&rv, v, sizeof(v));
	rd_init(&rw, w, p->len);
	while (rx.left > 1 && rx.p[0] == 0)
		(void)take_u8(&rx);
	while (ry.left > 1 && ry.p[0] == 0)
		(void)take_u8(&ry);
	bf_block_put(out, rx, ry, rv, rw);
}

/* ---- opening the envelopes of the vectors ---- */

/* For whom: an identity of the exchange, dated by one of these times. */
static bool
open_for(struct plain *p, const struct ibe_envelope *e, unsigned k,
    const char *identity, int64_t t)
{
	const struct ibe_token token = {soft_mul, &kms[k]};
	struct rd id;
	size_t which;

	rd_init(&id, identity, strlen(identity));
	MUST(e->w.left <= PLAIN_MAX && id.left <= MAX_PUBLIC_ID);
	if (key_period_id(kms[k].regen.period, id, t, p->id) != ERR_OK)
		return false;
	p->id_len = id.left + 8;
	rd_init(&id, p->id, p->id_len);
	p->kms = k;
	p->len = e->w.left;
	p->there = ibe_open(kms[k].ibe, &token, &id, 1, e, p->octets, &which) ==
	    ERR_OK;
	return p->there;
}

static void
open_one(struct plain *p, struct rd der, const struct row *r,
    const int64_t *times, size_t n_times)
{
	static const char *const who[] = {"intended", "initiator", "answering"};
	struct ibe_envelope e;

	MUST(bf_block_parse(der, &e.u_x, &e.u_y, &e.v, &e.w) == ERR_OK);
	for (size_t t = 0; t < n_times; t++)
		for (size_t i = 0; i < 3; i++) {
			const json_t *o = json_object_get(r->exchange, who[i]);

			if (open_for(p, &e,
				(unsigned)json_integer_value(
				    json_object_get(o, "ibe")),
				text(o, "identity"), times[t]))
				return;
		}
	must_failed("every envelope opens", __FILE__, __LINE__);
}

static void
make_ready(struct row *r)
{
	struct mikey_msg m;
	struct split s;
	int64_t t[3];
	size_t n = 1;

	t[0] = r->arrival;
	for (unsigned i = 0; i < ROW_MESSAGES; i += 4) /* i1, first_i1 */
		if (r->message[i].left > 0) {
			(void)!mikey_parse(r->message[i],
			    MIKEY_UPDATE_I_MESSAGE_1, &m);
			if (mikey_unix_time(m.ts_type, m.ts, &t[n]) == ERR_OK)
				n++;
		}
	for (unsigned i = 0; i < ROW_MESSAGES; i++) {
		if (r->message[i].left == 0)
			continue;
		MUST(mikey_split(r->message[i], &s));
		for (unsigned k = 0; k < s.n; k++)
			if (s.payload[k].type == SPLIT_IBAKE)
				open_one(&r->plain[i][ENV_IBAKE],
				    s.payload[k].data, r, t, n);
			else if (s.payload[k].type == SPLIT_ESK)
				open_one(&r->plain[i][ENV_ESK],
				    s.payload[k].data, r, t, n);
	}
	r->ready = true;
}

/* ---- loading ---- */

static void
take_messages(struct row *r)
{
	struct xk_msg m; /* never freed: the views are kept */
	const struct xk_get_keys *k = &m.u.get_keys;
	uint32_t id;

	MUST(xk_pdu_decode(r->pdu, &m, &id) == ERR_OK);
	r->message[0] = own_copy(k->i_message1);
	r->message[1] = own_copy(k->r_message1);
	r->message[2] = own_copy(k->i_message2);
	r->message[3] = own_copy(k->r_message2);
	r->message[4] = own_copy(k->first_i_message1);
	r->message[5] = own_copy(k->first_r_message1);
	r->message[6] = own_copy(k->first_i_message2);
	xk_msg_free(&m);
}

static void
load_rows(const json_t *exchange, const json_t *part)
{
	const json_t *list = json_object_get(part, "xk"), *sub, *devices;

	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *xk = json_array_get(list, i);
		struct row *r = &rows[n_rows++];
		struct rd seed;

		MUST(n_rows <= ROWS_MAX);
		sub = json_object_get(json_object_get(exchange, "subscribers"),
		    text(xk, "target"));
		r->kms =
		    (unsigned)json_integer_value(json_object_get(sub, "ibe"));
		r->exchange = exchange;
		r->pdu = octets(xk, "getKeys");
		r->answer = octets(xk, "getKeysResponse");
		r->label = octets(sub, "label");
		r->arrival =
		    json_integer_value(json_object_get(part, "arrival"));
		seed = octets(sub, "seed");
		MUST(seed.left == sizeof(r->seed));
		memcpy(r->seed, seed.p, sizeof(r->seed));
		own_free(&seed);
		rd_init(&r->ids[r->n_ids++], text(xk, "target"),
		    strlen(text(xk, "target")));
		devices = json_object_get(sub, "devices");
		for (size_t d = 0; d < json_array_size(devices); d++) {
			const char *s =
			    json_string_value(json_array_get(devices, d));

			rd_init(&r->ids[r->n_ids++], s, strlen(s));
		}
		take_messages(r);
	}
}

static void
load_truth(const json_t *o, const char *name)
{
	if (json_object_get(o, name) == NULL)
		return;
	MUST(n_truths < TRUTHS_MAX);
	truths[n_truths++] =
	    (struct truth){octets(o, name), strcmp(name, "sk") == 0};
}

void
exchanges_load(void)
{
	const json_t *list;

	file = json_load_file(KW_VECTORS "/exchanges.json", 0, NULL);
	MUST(file != NULL);
	list = json_object_get(file, "exchanges");
	for (size_t i = 0; i < KMS_N; i++)
		load_kms(&kms[i],
		    json_array_get(json_object_get(file, "ibe"), i));
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *e = json_array_get(list, i);
		const json_t *update = json_object_get(e, "update");

		load_rows(e, e);
		load_truth(e, "kSession");
		load_truth(e, "sk");
		if (update != NULL) {
			load_rows(e, update);
			load_truth(update, "kSession");
		}
	}
}

unsigned
exchanges_rows(void)
{
	return n_rows;
}

const struct row *
exchanges_row(unsigned i)
{
	struct row *r = &rows[i % n_rows];

	if (!r->ready)
		make_ready(r);
	return r;
}

const struct truth *
exchanges_truths(unsigned *n)
{
	*n = n_truths;
	return truths;
}
