/* What caller and callee share. */
#include <string.h>

#include <openssl/rand.h>

#define LAB_CALL_INTERNAL
#include "lab_call.h"

#define ROLE_I 1

enum err
lab_ident_set(struct lab_ident *id, const char *text)
{
	const size_t n = strlen(text);

	if (n == 0 || n > LAB_ID_MAX)
		return ERR_TOOBIG;
	memcpy(id->text, text, n + 1);
	id->len = n;
	return ERR_OK;
}

struct rd
lab_ident_rd(const struct lab_ident *id)
{
	struct rd r;

	rd_init(&r, id->text, id->len);
	return r;
}

enum err
lab_call_init(struct lab_call *c)
{
	do {
		if (RAND_bytes((unsigned char *)&c->ssrc, sizeof(c->ssrc)) != 1)
			return ERR_CRYPTO;
	} while (c->ssrc == 0);
	return ERR_OK;
}

void
lab_call_done(struct lab_call *c)
{
	BN_clear_free(c->secret);
	c->secret = NULL;
	explicit_bzero(c->own_point, sizeof(c->own_point));
	explicit_bzero(c->peer_point, sizeof(c->peer_point));
	secret_free(&c->keys);
}

const struct lab_call_keys *
lab_call_keys(const struct lab_call *c)
{
	if (c->keys == NULL)
		return NULL;
	return (const void *)secret_data(c->keys);
}

/*
 * Role 1 is IDRi, 2 is IDRr, as they stand inside our own envelopes.  A phone
 * that misbehaves has a wrong one in the place of its own.
 */
struct env_item
lab_item_id(const struct lab_call *c, uint8_t role)
{
	static const char nobody[] = "sip:nobody@invalid.example";
	const struct lab_ident *id = role == ROLE_I ? &c->idi : &c->idr;
	struct env_item it = {.kind = ENV_ID, .role = role};

	it.data = lab_ident_rd(id);
	if (c->bad_inner_id && c->caller == (role == ROLE_I))
		rd_init(&it.data, nobody, sizeof(nobody) - 1);
	return it;
}

struct env_item
lab_item_point(const struct lab_call *c, const uint8_t *point)
{
	struct env_item it = {.kind = ENV_POINT, .ec = c->ec};

	rd_init(&it.data, point, c->ec->point_len);
	return it;
}

enum err
lab_call_draw(struct lab_call *c, enum lab_role role, struct why *why)
{
	struct lab_draw d = {.seed = secret_data(c->user->seed),
	    .identity = lab_ident_rd(role == LAB_ROLE_X ? &c->idi : &c->idr),
	    .csb_id = c->csb_id,
	    .counter = c->t1};
	uint8_t other[LAB_SEED_LEN];
	enum err rc = ERR_OK;

	rd_init(&d.label, c->user->label, c->user->label_len);
	if (c->own_secret) {
		/* The same drawing from a seed that nobody else has. */
		if (RAND_bytes(other, sizeof(other)) != 1)
			return why_set(why, ERR_CRYPTO, "no random numbers");
		d.seed = other;
	}
	rc = lab_secret(&d, role, c->ec, &c->secret);
	if (rc == ERR_OK)
		rc = lab_ec_base(c->ec, c->secret, c->own_point);
	explicit_bzero(other, sizeof(other));
	if (rc != ERR_OK)
		return why_set(why, rc, "cannot draw the random secret");
	return ERR_OK;
}

void
lab_call_fill(const struct lab_call *c, struct mikey *m, enum mikey_type type,
    uint64_t t)
{
	memset(m, 0, sizeof(*m));
	m->type = type;
	m->v_flag = type != MIKEY_R_MESSAGE_2;
	m->prf = c->prf;
	m->csb_id = c->csb_id;
	m->n_cs = LAB_CALL_CS;
	memcpy(m->cs, c->cs, sizeof(c->cs));
	m->t = t;
	if (type == MIKEY_I_MESSAGE_1 || type == MIKEY_I_MESSAGE_2)
		rd_init(&m->rand, c->rand, c->rand_len);
	m->idi = lab_ident_rd(&c->idi);
	m->idr = lab_ident_rd(&c->idr);
}

enum err
lab_call_seal(struct lab_call *c, struct mikey *m, const struct env *env,
    const struct lab_ident *to, struct wr *out, struct why *why)
{
	const int64_t t = lab_ntp_unix(c->t1);
	uint8_t plain[LAB_IBE_PLAIN_MAX], cipher[LAB_IBE_CIPHER_MAX];
	uint8_t id[LAB_ID_STRING_MAX];
	struct rd r;
	struct wr w;
	size_t len;
	enum err rc;

	wr_init(&w, plain, sizeof(plain));
	env_print(&w, env);
	if ((rc = wr_finish(&w, &len)) != ERR_OK)
		goto out;
	rd_init(&r, plain, len);
	wr_init(&w, cipher, sizeof(cipher));
	if ((rc = lab_ibe_encrypt(c->peer_kms,
		 lab_id_string(lab_ident_rd(to),
		     lab_period_start(c->peer_period, t), id),
		 r, &w)) != ERR_OK)
		goto out;
	rd_init(&m->ibake, cipher, w.len);
	mikey_print(out, m, 0);
	rc = wr_finish(out, &len);
out:
	explicit_bzero(plain, sizeof(plain));
	if (rc != ERR_OK)
		return why_set(why, rc, "cannot make %s: %s",
		    mikey_type_name(m->type), err_str(rc));
	return ERR_OK;
}

static enum err
check_inner_ids(const struct lab_call *c, const struct env *env,
    struct why *why)
{
	const struct lab_ident *want = &c->idi;

	for (size_t i = 0; i < env->n; i++) {
		const struct env_item *it = &env->item[i];

		if (it->kind != ENV_ID)
			continue;
		if (!c->bad_inner_id &&
		    !rd_is(&it->data, want->text, want->len))
			return why_set(why, ERR_MISMATCH,
			    "identities in the envelope are not those outside");
		want = &c->idr;
	}
	return ERR_OK;
}

enum err
lab_call_open(struct lab_call *c, struct rd ibake, struct rd us,
    const enum env_kind *kinds, size_t n, uint8_t *plain, struct env *env,
    struct why *why)
{
	const struct lab_ibe_key *key;
	struct rd r;
	size_t len = 0;
	enum err rc;

	if (ibake.p == NULL)
		return why_set(why, ERR_MALFORMED, "no IBAKE payload");
	key = lab_user_key(c->user, us, lab_ntp_unix(c->t1));
	if (key == NULL)
		return why_set(why, ERR_NOTFOUND,
		    "no private key for this identity and the time of the"
		    " call");
	if ((rc = lab_ibe_decrypt(c->kms, key, ibake, plain, &len)) != ERR_OK)
		return why_set(why, rc, "the envelope does not open");
	rd_init(&r, plain, len);
	if ((rc = env_parse(r, env)) != ERR_OK)
		return why_set(why, rc, "the envelope's content is malformed");
	if (!env_is(env, kinds, n))
		return why_set(why, ERR_MALFORMED,
		    "the envelope does not hold what it should");
	return check_inner_ids(c, env, why);
}

enum err
lab_call_same(const struct lab_call *c, const struct mikey *m,
    enum mikey_type type, uint64_t t, struct why *why)
{
	if (m->type != type)
		return why_set(why, ERR_MISMATCH, "%s where %s should be",
		    mikey_type_name(m->type), mikey_type_name(type));
	if (m->csb_id != c->csb_id || m->prf != c->prf)
		return why_set(why, ERR_MISMATCH,
		    "CSB ID or PRF are another exchange's");
	if (m->t_type != MIKEY_T_NTP_UTC || m->t != t)
		return why_set(why, ERR_MISMATCH, "T is not that sent");
	if (m->n_cs != LAB_CALL_CS)
		return why_set(why, ERR_MISMATCH,
		    "the number of crypto sessions has changed");
	return ERR_OK;
}

enum err
lab_call_returned(const struct lab_call *c, const struct env_item *it,
    struct why *why)
{
	if (it->ec != c->ec ||
	    !rd_is(&it->data, c->own_point, c->ec->point_len))
		return why_set(why, ERR_MISMATCH,
		    "the point that came back is not the one sent");
	return ERR_OK;
}

enum err
lab_call_peer_point(struct lab_call *c, const struct env_item *it,
    struct why *why)
{
	if (it->ec != c->ec)
		return why_set(why, ERR_UNSUPPORTED,
		    "the peer's point is on another curve");
	if (!lab_ec_good(c->ec, it->data))
		return why_set(why, ERR_MALFORMED,
		    "the peer's point is not on the curve");
	memcpy(c->peer_point, it->data.p, it->data.left);
	return ERR_OK;
}

static enum err
derive(struct lab_call *c, struct lab_call_keys *k)
{
	const size_t len = lab_prf_len(c->prf);
	struct lab_csb csb = {.prf = c->prf, .id = c->csb_id};
	uint8_t mpk[LAB_PRF_MAX];
	struct rd point, session, tgk;
	enum err rc;

	rd_init(&csb.rand, c->rand, c->rand_len);
	rd_init(&point, c->peer_point, c->ec->point_len);
	rd_init(&session, k->k_session, c->ec->point_len);
	rd_init(&tgk, k->tgk, len);
	if ((rc = lab_ec_mul(c->ec, c->secret, point, k->k_session)) !=
		ERR_OK ||
	    (rc = lab_mpk(&csb, session, mpk)) != ERR_OK ||
	    (rc = lab_auth_key(&csb, mpk, k->auth)) != ERR_OK ||
	    (rc = lab_tgk(&csb, session, k->tgk)) != ERR_OK)
		goto out;
	for (uint8_t i = 0; i < LAB_CALL_CS; i++)
		if ((rc = lab_tek(&csb, tgk, (uint8_t)(i + 1), k->tek[i],
			 k->salt[i])) != ERR_OK)
			goto out;
out:
	explicit_bzero(mpk, sizeof(mpk));
	return rc;
}

enum err
lab_call_derive(struct lab_call *c, struct why *why)
{
	struct secret *s = NULL;
	enum err rc;

	if ((rc = secret_new(sizeof(struct lab_call_keys), &s)) != ERR_OK)
		return why_set(why, rc, "no locked memory for the keys");
	if ((rc = derive(c, (void *)secret_data(s))) != ERR_OK) {
		secret_free(&s);
		return why_set(why, rc, "cannot derive the session keys");
	}
	secret_free(&c->keys);
	c->keys = s;
	return ERR_OK;
}

enum err
lab_call_mac(const struct lab_call *c, struct rd covered, uint8_t *out)
{
	return lab_v(c->prf, lab_call_keys(c)->auth, covered,
	    lab_ident_rd(&c->idi), lab_ident_rd(&c->idr), out);
}
