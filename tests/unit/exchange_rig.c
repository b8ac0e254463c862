#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "exchange_rig.h"

static json_t *file;
static struct kms kms[N_KMS];

/* ---- the token ---- */

static enum err
soft_mul(void *ctx, const uint8_t *point, size_t len, uint8_t *x, size_t x_len)
{
	struct soft_token *t = ctx;
	struct t1_point a, r;

	t->muls++;
	if (len != 129 || x_len != 64 ||
	    t1_point_from_be(&a, point + 1, 64, point + 65, 64, &t->curve) !=
		ERR_OK ||
	    t1_mul_vartime(&r, &t->s, &a, &t->curve) != ERR_OK)
		return ERR_HSM;
	fp_to_be(x, &r.x, &t->curve.f);
	return ERR_OK;
}

static enum err
soft_mac(void *ctx, const uint8_t *data, size_t len, uint8_t out[32])
{
	struct soft_token *t = ctx;

	return EVP_Q_mac(NULL, "HMAC", NULL, "SHA256", NULL, t->seed, 32, data,
		   len, out, 32, NULL) == NULL
	    ? ERR_HSM
	    : ERR_OK;
}

/* ---- the vectors ---- */

static void
load_kms(struct kms *k, const json_t *set)
{
	struct why why = {""};
	size_t len;
	uint8_t *der = octets(set, "publicParametersDER", &len);
	struct rd r;
	mpz_t p, q, s;

	rd_init(&r, der, len);
	if (ibe_load("ss512", r, &k->ibe, &why) != ERR_OK)
		fail_msg("%s", why.text);
	free(der);
	assert_int_equal(key_period_by_name(text(set, "period"), &k->period),
	    ERR_OK);
	assert_int_equal(regen_init(&k->regen, k->ibe, k->period), ERR_OK);
	mpz_inits(p, q, s, NULL);
	mpz_set_str(p, text(set, "p"), 0);
	mpz_set_str(q, text(set, "q"), 0);
	mpz_set_str(s, text(set, "masterSecretModPplus1"), 0);
	assert_int_equal(t1_curve_init(&k->token.curve, p, q), ERR_OK);
	fp_exp_from_mpz(&k->token.s, s);
	mpz_clears(p, q, s, NULL);
}

int
rig_load(void **state)
{
	json_t *set;
	size_t i;

	(void)state;
	file = vectors("exchanges.json");
	json_array_foreach (member(file, "ibe"), i, set) {
		assert_true(i < N_KMS);
		load_kms(&kms[i], set);
	}
	assert_int_equal(i, N_KMS);
	return 0;
}

int
rig_free(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_KMS; i++) {
		regen_done(&kms[i].regen);
		ibe_free(&kms[i].ibe);
	}
	json_decref(file);
	return 0;
}

json_t *
rig_file(void)
{
	return file;
}

struct kms *
rig_kms(size_t i)
{
	return &kms[i];
}

json_t *
rig_exchange(long long n)
{
	json_t *e;
	size_t i;

	json_array_foreach (member(file, "exchanges"), i, e)
		if (number(e, "n") == n)
			return e;
	fail_msg("no exchange %lld", n);
	return NULL;
}

void
trial_init(struct trial *t, const json_t *exchange, bool update, size_t row)
{
	const json_t *of = update ? member(exchange, "update") : exchange;
	const json_t *xk = json_array_get(member(of, "xk"), row);
	const char *target = text(xk, "target");
	const json_t *sub = member(member(exchange, "subscribers"), target);
	json_t *dev;
	uint8_t *seed;
	size_t i, len;

	*t = (struct trial){.kms = &kms[number(sub, "ibe")],
	    .exchange = exchange,
	    .update = update ? of : NULL,
	    .xk = xk,
	    .arrival = number(of, "arrival")};
	(void)snprintf(t->what, sizeof(t->what), "%lld %s %s %s",
	    number(exchange, "n"), text(exchange, "kind"), text(xk, "role"),
	    update ? "update" : "first");
	t->pdu = octets(xk, "getKeys", &t->pdu_len);
	t->want = octets(xk, "getKeysResponse", &t->want_len);
	rd_init(&t->ids[t->n_ids++], target, strlen(target));
	json_array_foreach (member(sub, "devices"), i, dev) {
		const char *d = json_string_value(dev);

		rd_init(&t->ids[t->n_ids++], d, strlen(d));
	}
	t->label = octets(sub, "label", &t->label_len);
	seed = octets(sub, "seed", &len);
	assert_int_equal(len, 32);
	memcpy(t->kms->token.seed, seed, 32);
	free(seed);
}

void
trial_done(struct trial *t)
{
	free(t->pdu);
	free(t->want);
	free(t->label);
}

void
each_trial(trial_fn *fn)
{
	json_t *e;
	size_t i;

	json_array_foreach (member(file, "exchanges"), i, e)
		for (int u = 0; u < 2; u++) {
			const json_t *of =
			    u == 0 ? e : json_object_get(e, "update");
			const size_t n =
			    of == NULL ? 0 : json_array_size(member(of, "xk"));
			struct trial t;

			for (size_t row = 0; row < n; row++) {
				trial_init(&t, e, u == 1, row);
				fn(&t);
				trial_done(&t);
			}
		}
}

enum xk_reason
trial_run(struct trial *t, const struct xk_get_keys *k,
    struct xk_get_keys_response *out)
{
	static struct call parsed, call;
	static uint8_t wire[16 * MAX_MIKEY];
	struct regen_in in = {.call = &call,
	    .target = {t->ids, t->n_ids},
	    .now = t->arrival,
	    .token = {soft_mul, &t->kms->token},
	    .seed = {soft_mac, &t->kms->token}};
	enum xk_reason why;
	struct wr w;
	struct rd r;
	size_t len;

	if ((why = call_from_request(k, &parsed)) != XK_GRANTED)
		return why;
	wr_init(&w, wire, sizeof(wire));
	call_put(&w, &parsed);
	assert_int_equal(wr_finish(&w, &len), ERR_OK);
	assert_true(len <= call_put_max(&parsed));
	rd_init(&r, wire, len);
	assert_int_equal(call_get(&r, &call), ERR_OK);
	assert_int_equal(rd_end(&r), ERR_OK);
	rd_init(&in.label, t->label, t->label_len);
	return regen_keys(&t->kms->regen, &in, out);
}

/* ---- requests ---- */

static void
msg_from(struct msg *m, struct rd r)
{
	assert_true(r.left <= sizeof(m->b));
	m->len = r.left;
	if (r.left > 0)
		memcpy(m->b, r.p, r.left);
}

void
request_init(struct request *q, const struct trial *t)
{
	struct xk_msg m;
	uint32_t id;
	struct rd r;

	rd_init(&r, t->pdu, t->pdu_len);
	assert_int_equal(xk_pdu_decode(r, &m, &id), ERR_OK);
	assert_int_equal(m.type, XK_GET_KEYS);
	msg_from(&q->part[I_MESSAGE_1], m.u.get_keys.i_message1);
	msg_from(&q->part[R_MESSAGE_1], m.u.get_keys.r_message1);
	msg_from(&q->part[I_MESSAGE_2], m.u.get_keys.i_message2);
	msg_from(&q->part[R_MESSAGE_2], m.u.get_keys.r_message2);
	msg_from(&q->part[FIRST_I_MESSAGE_1], m.u.get_keys.first_i_message1);
	msg_from(&q->part[FIRST_R_MESSAGE_1], m.u.get_keys.first_r_message1);
	msg_from(&q->part[FIRST_I_MESSAGE_2], m.u.get_keys.first_i_message2);
	xk_msg_free(&m);
}

void
request_set(struct request *q, enum part part, const json_t *of,
    const char *name)
{
	size_t len;
	uint8_t *p = octets(of, name, &len);
	struct rd r;

	rd_init(&r, p, len);
	msg_from(&q->part[part], r);
	free(p);
}

struct xk_get_keys
request_keys(const struct request *q)
{
	struct rd r[PART__MAX];

	for (int i = 0; i < PART__MAX; i++)
		rd_init(&r[i], q->part[i].b, q->part[i].len);
	return (struct xk_get_keys){
	    .i_message1 = r[I_MESSAGE_1],
	    .r_message1 = r[R_MESSAGE_1],
	    .i_message2 = r[I_MESSAGE_2],
	    .r_message2 = r[R_MESSAGE_2],
	    .first_i_message1 = r[FIRST_I_MESSAGE_1],
	    .first_r_message1 = r[FIRST_R_MESSAGE_1],
	    .first_i_message2 = r[FIRST_I_MESSAGE_2],
	};
}

enum xk_reason
request_run(struct trial *t, const struct request *q,
    struct xk_get_keys_response *out)
{
	const struct xk_get_keys k = request_keys(q);

	return trial_run(t, &k, out);
}

/* ---- payloads ---- */

static size_t
u16_at(const struct msg *m, size_t at)
{
	assert_true(at + 2 <= m->len);
	return (size_t)m->b[at] << 8 | m->b[at + 1];
}

/* Octets of the payload that starts there: RFC 3830 clause 6, RFC 6267. */
static size_t
payload_len(const struct msg *m, uint8_t type, size_t at)
{
	switch (type) {
	case 5: /* T: types 0 and 1 have 64 bit */
		return m->b[at + 1] < 2 ? 10 : 6;
	case 9: /* V stands last */
		return m->len - at;
	case 10: /* SP */
	case 14: /* IDR */
		return 5 + u16_at(m, at + 3);
	case 11: /* RAND */
		return 2U + m->b[at + 1];
	case 21: /* General Extension */
		return 4 + u16_at(m, at + 2);
	case 22: /* IBAKE */
	case 23: /* ESK */
		return 3 + u16_at(m, at + 1);
	default:
		fail_msg("payload %u", type);
		return 0;
	}
}

bool
msg_find(const struct msg *m, uint8_t type, unsigned nth, struct payload *out)
{
	struct payload p = {.number_at = 2, .at = 10};

	assert_true(m->len > 10);
	for (p.at += 9U * m->b[8]; m->b[p.number_at] != 0;) {
		p.type = m->b[p.number_at];
		p.len = payload_len(m, p.type, p.at);
		assert_true(p.at + p.len <= m->len);
		if (p.type == type && nth-- == 0) {
			*out = p;
			return true;
		}
		p.number_at = p.at;
		p.at += p.len;
	}
	return false;
}

static void
splice(struct msg *m, size_t at, size_t old_len, const void *p, size_t len)
{
	assert_true(m->len - old_len + len <= sizeof(m->b));
	memmove(m->b + at + len, m->b + at + old_len, m->len - at - old_len);
	if (len > 0)
		memcpy(m->b + at, p, len);
	m->len = m->len - old_len + len;
}

void
msg_remove(struct msg *m, uint8_t type, unsigned nth)
{
	struct payload p;

	assert_true(msg_find(m, type, nth, &p));
	m->b[p.number_at] = m->b[p.at];
	splice(m, p.at, p.len, NULL, 0);
}

void
msg_set_envelope(struct msg *m, uint8_t type, const void *data, size_t len)
{
	struct payload p;

	assert_true(msg_find(m, type, 0, &p));
	splice(m, p.at + 3, p.len - 3, data, len);
	m->b[p.at + 1] = (uint8_t)(len >> 8);
	m->b[p.at + 2] = (uint8_t)len;
}

void
msg_insert(struct msg *m, uint8_t behind, unsigned nth, uint8_t type,
    const void *payload, size_t len)
{
	struct payload p;

	assert_true(msg_find(m, behind, nth, &p));
	splice(m, p.at + p.len, 0, payload, len);
	m->b[p.at + p.len] = m->b[p.at];
	m->b[p.at] = type;
}
