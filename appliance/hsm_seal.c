/*
 * Keys on their way to LEMFs.  For one that has a certificate in the warrant
 * state each key is sealed here, so that nobody between this process and the
 * LEMF sees it; if all of a warrant's have one, no key leaves in clear.
 *
 * One whose certificate is not valid now gets no keys, rather than in clear.
 */
#include <string.h>

#include <openssl/crypto.h>

#include "appliance/envelope.h"
#include "appliance/hsm_proc.h"
#include "base/clock.h"
#include "base/log.h"
#include "policy/lemf_cert.h"

#define CONTENT_MAX 128 /* one octet says how long it is */

/*
 * The loop does nothing else meanwhile.  A pair of phones chooses how many keys
 * a call has, up to 255: real ones have two or three.
 */
#define SEAL_MS 2000

static struct {
	uint8_t ids[HI2_CS_ID_LEN * MAX_CS];
	uint8_t runs[MAX_IPC_BODY];
} out;

struct work {
	const struct xk_get_keys_response *keys;
	struct rd liid;
	struct wr runs; /* of all LEMFs */
	int64_t until_ms;
};

/*
 * SEQUENCE { liid, cCCSID, cCDecKey, cCSalt OCTET STRING }: with LIID and
 * crypto session inside, no key can be passed off as another call's.
 */
static enum err
content_of(const struct xk_session_key *k, struct rd liid, struct secret *into)
{
	struct wr w;
	size_t len;
	enum err rc;

	wr_init(&w, secret_data(into), secret_len(into));
	wr_u8(&w, 0x30);
	wr_u8(&w,
	    (uint8_t)(2 + liid.left + 2 + sizeof(k->crypto_session_id) + 2 +
		sizeof(k->session_key) + 2 + sizeof(k->salt)));
	wr_u8(&w, 0x04);
	wr_view8(&w, liid.p, liid.left);
	wr_u8(&w, 0x04);
	wr_view8(&w, k->crypto_session_id, sizeof(k->crypto_session_id));
	wr_u8(&w, 0x04);
	wr_view8(&w, k->session_key, sizeof(k->session_key));
	wr_u8(&w, 0x04);
	wr_view8(&w, k->salt, sizeof(k->salt));
	if ((rc = wr_finish(&w, &len)) == ERR_OK)
		secret_truncate(into, len);
	return rc;
}

static enum err
seal_one(struct work *k, X509 *to, const struct xk_session_key *key)
{
	struct secret *content = NULL;
	uint8_t *cms = NULL;
	struct rd in;
	size_t len;
	enum err rc;

	if ((rc = secret_new(CONTENT_MAX, &content)) != ERR_OK)
		return rc;
	if ((rc = content_of(key, k->liid, content)) == ERR_OK) {
		rd_init(&in, secret_data(content), secret_len(content));
		rc = envelope(to, in, &cms, &len);
	}
	secret_free(&content);
	if (rc != ERR_OK)
		return rc;
	wr_view16(&k->runs, cms, len);
	OPENSSL_free(cms);
	return len > HI2_SEALED_KEY_MAX ? ERR_TOOBIG : k->runs.rc;
}

/* All keys to one certificate; what was written of them goes on failure. */
static enum err
seal_all(struct work *k, struct rd cert, struct rd *run)
{
	const unsigned char *p = cert.p;
	X509 *to = d2i_X509(NULL, &p, (long)cert.left);
	const size_t from = k->runs.len;
	enum err rc = to == NULL ? ERR_CRYPTO : ERR_OK;

	for (unsigned i = 0; i < k->keys->n_keys && rc == ERR_OK; i++) {
		rc = clock_uptime_ms() < k->until_ms
		    ? seal_one(k, to, &k->keys->key[i])
		    : ERR_AGAIN;
		if (rc == ERR_OK && k->runs.len - from > HI2_SEALED_MAX)
			rc = ERR_TOOBIG;
	}
	X509_free(to);
	if (rc == ERR_OK) {
		rd_init(run, k->runs.p + from, k->runs.len - from);
		return ERR_OK;
	}
	k->runs.len = from;
	k->runs.rc = ERR_OK;
	return rc;
}

static enum hi2_keys_how
seal_for(struct hsm_proc *p, struct work *k, struct rd lemf, struct rd cert,
    struct rd *run)
{
	static struct log_limit limit;
	struct why why = {""};
	char name[MAX_NAME + 1];
	int64_t now;
	enum err rc;

	rc = hsm_now(p, &now) ? lemf_cert_check(cert, now, &why) : ERR_DENIED;
	if (rc == ERR_OK && (rc = seal_all(k, cert, run)) != ERR_OK)
		(void)why_set(&why, rc, "%s",
		    rc == ERR_AGAIN ? "it takes too long" : err_str(rc));
	if (rc == ERR_OK)
		return HI2_KEYS_SEALED;
	if (view_text(lemf, name, sizeof(name)) != ERR_OK)
		name[0] = '\0';
	log_limited(&limit, 5,
	    "%u keys cannot be sealed for LEMF %s, which gets none: %s",
	    k->keys->n_keys, name, why.text);
	return HI2_KEYS_NONE;
}

/* The octets that a message may still have for sealed keys. */
static size_t
room_of(const struct msg_hi2_keys *m)
{
	const size_t used = msg_hi2_keys_max(m);

	return used < MAX_IPC_BODY ? MAX_IPC_BODY - used : 0;
}

/* For each LEMF with a certificate, in order; false: the answer is none. */
static bool
seal_keys(struct hsm_proc *p, struct msg_hi2_keys *m, struct rd cert[],
    struct xk_get_keys_response *keys)
{
	struct work k = {.keys = keys,
	    .liid = m->to.liid,
	    .until_ms = clock_uptime_ms() + SEAL_MS};
	uint64_t epoch;
	struct wr ids;

	if (msg_answer_get(m->answer, &epoch, keys) != ERR_OK)
		return false;
	wr_init(&ids, out.ids, sizeof(out.ids));
	for (unsigned i = 0; i < keys->n_keys; i++)
		wr_copy(&ids, keys->key[i].crypto_session_id, HI2_CS_ID_LEN);
	rd_init(&m->ids, out.ids, ids.len);
	wr_init(&k.runs, out.runs, room_of(m));
	for (unsigned i = 0; i < m->to.n_lemfs; i++)
		if (m->how[i] == HI2_KEYS_SEALED)
			m->how[i] = seal_for(p, &k, m->to.lemf[i], cert[i],
			    &m->sealed[i]);
	return true;
}

static bool
any(const struct msg_hi2_keys *m, enum hi2_keys_how how)
{
	for (unsigned i = 0; i < m->to.n_lemfs; i++)
		if (m->how[i] == how)
			return true;
	return false;
}

void
hsm_seal_keys(struct hsm_proc *p, struct msg_hi2_keys *m)
{
	struct rd cert[MAX_WARRANT_LEMFS];
	struct secret *held = NULL;
	struct rd none;
	void *keys;

	rd_init(&none, NULL, 0);
	for (unsigned i = 0; i < m->to.n_lemfs; i++)
		m->how[i] =
		    authority_lemf_named(p->authority, m->to.lemf[i], &cert[i])
		    ? HI2_KEYS_SEALED
		    : HI2_KEYS_CLEAR;
	if (!any(m, HI2_KEYS_SEALED))
		return;
	if (secret_new(sizeof(struct xk_get_keys_response), &held) != ERR_OK)
		fatal("no locked memory for keys");
	keys = secret_data(held);
	if (!seal_keys(p, m, cert, keys))
		fatal("an answer of this process that is none");
	secret_free(&held);
	if (!any(m, HI2_KEYS_SEALED))
		m->ids = none;
	if (!any(m, HI2_KEYS_CLEAR))
		m->answer = none;
	if (m->answer.left == 0 && m->ids.left == 0)
		m->reason = XK_UNSUPPORTED;
}
