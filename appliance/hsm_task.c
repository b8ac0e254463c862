/*
 * What the token does besides regeneration: enrol a subscriber's seed, issue
 * a private key to its owner's device.
 */
#include <stdlib.h>
#include <string.h>

#include <openssl/x509.h>

#include "appliance/envelope.h"
#include "appliance/hsm_proc.h"
#include "appliance/hsm_watch.h"
#include "base/clock.h"
#include "base/log.h"

#define RESULT_MAX (SUBSCRIBER_MAX + 16384)

static X509 *
parse_cert(struct rd der)
{
	const unsigned char *p = der.p;
	X509 *x = der.left == 0 || der.left > MAX_CERT
	    ? NULL
	    : d2i_X509(NULL, &p, (long)der.left);

	if (x != NULL && p != der.p + der.left) {
		X509_free(x);
		x = NULL;
	}
	return x;
}

/* The seed into the store's form, and for the device if it is new. */
static enum err
make_seed(struct hsm_proc *p, const struct request *q, uint8_t *store,
    size_t *store_len, uint8_t *dev, size_t *dev_len, struct why *why)
{
	unsigned char *spki = NULL;
	struct rd r, cert;
	X509 *x;
	int n;
	enum err rc;

	*dev_len = 0;
	if (q->seed.len > 0) {
		rd_init(&r, q->seed.p, q->seed.len);
		rc = hsm_seed_import(p->token, r, store, store_len);
		return rc != ERR_MISMATCH ? rc
					  : why_set(why, rc,
						"the seed is not wrapped under "
						"this token's import key, or "
						"is not 32 octets long");
	}
	rd_init(&cert, q->cert.p, q->cert.len);
	if ((x = parse_cert(cert)) == NULL)
		return why_set(why, ERR_MALFORMED,
		    "the device's certificate is not one");
	n = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x), &spki);
	X509_free(x);
	if (n <= 0)
		return why_set(why, ERR_MALFORMED,
		    "the device's certificate has no public key");
	rd_init(&r, spki, (size_t)n);
	rc = hsm_seed_generate(p->token, r, store, store_len, dev, dev_len);
	OPENSSL_free(spki);
	return rc != ERR_UNSUPPORTED ? rc
				     : why_set(why, rc,
					   "the device's key must be RSA of "
					   "2048 to 4096 bit");
}

static enum err
not_the_logs(struct why *why)
{
	return why_set(why, ERR_DENIED,
	    "the order is not the one in the audit log");
}

/* Seal a record and put it, with the seed for the device, into the result. */
static enum err
finish_record(struct hsm_proc *p, const struct subscriber *s, struct rd dev,
    uint8_t *out, size_t *len, struct why *why)
{
	uint8_t record[SUBSCRIBER_MAX];
	struct task_subscriber_result result = {.for_device = dev};
	struct wr w;
	size_t n;
	enum err rc;

	wr_init(&w, record, sizeof(record) - HSM_SEAL_LEN);
	subscriber_put(&w, s);
	if ((rc = wr_finish(&w, &n)) != ERR_OK)
		return why_set(why, rc, "the subscriber's record is too long");
	rc = hsm_seal(p->token, HSM_KEY_SEAL_REGISTRY, record, n, record + n);
	if (rc != ERR_OK)
		return rc;
	rd_init(&result.record, record, n + HSM_SEAL_LEN);
	wr_init(&w, out, RESULT_MAX);
	task_subscriber_result_put(&w, &result);
	return wr_finish(&w, len);
}

static void
take_devices(struct subscriber *s, const struct request *q)
{
	s->n_devices = q->devices.n;
	for (unsigned i = 0; i < q->devices.n; i++)
		rd_init(&s->device[i], q->devices.w[i],
		    strlen(q->devices.w[i]));
}

/* One that the token cannot open again would be found out at the first call. */
static enum err
comes_out(struct hsm_proc *p, struct rd store)
{
	struct hsm_seed seed = {.handle = 0};
	enum err rc = hsm_seed_open(p->token, store, &seed);

	hsm_seed_close(p->token, &seed);
	return rc == ERR_MISMATCH ? ERR_HSM : rc;
}

/* As two have approved it: a new record. */
static enum err
new_record(struct hsm_proc *p, const struct request *q, uint64_t number,
    uint8_t *out, size_t *len, struct why *why)
{
	uint8_t store[HSM_SEED_BLOB_MAX], dev[HSM_DEVICE_BLOB_MAX];
	struct subscriber s = {.created = clock_seconds(),
	    .number = number,
	    .test = q->test};
	size_t store_len, dev_len;
	struct rd for_device;
	enum err rc;

	rc = make_seed(p, q, store, &store_len, dev, &dev_len, why);
	if (rc != ERR_OK)
		return rc;
	rd_init(&s.seed, store, store_len);
	if ((rc = comes_out(p, s.seed)) != ERR_OK)
		return rc;
	rd_init(&s.identity, q->identity, strlen(q->identity));
	take_devices(&s, q);
	rd_init(&s.label, q->label.p, q->label.len);
	rd_init(&s.device_cert, q->cert.p, q->cert.len);
	rd_init(&for_device, dev, dev_len);
	return finish_record(p, &s, for_device, out, len, why);
}

/* The record before, with other devices. */
static enum err
other_devices(struct hsm_proc *p, const struct request *q,
    const struct task_subscriber *t, uint8_t *out, size_t *len, struct why *why)
{
	struct subscriber s;
	struct rd none;
	enum err rc;

	if ((rc = hsm_open_record(p->token, t->record, &s)) == ERR_HSM ||
	    rc == ERR_PIN)
		return rc;
	if (rc != ERR_OK || s.number != q->record ||
	    !rd_is(&s.identity, q->identity, strlen(q->identity)))
		return why_set(why, ERR_MISMATCH,
		    "the subscriber's record is not the one that the request "
		    "is about");
	s.number = t->number;
	take_devices(&s, q);
	rd_init(&none, NULL, 0);
	return finish_record(p, &s, none, out, len, why);
}

/* What the warrant state says about this number is what is done, no more. */
static enum err
make_record(struct hsm_proc *p, const struct audit_entry *e, struct rd body,
    uint8_t *out, size_t *len, struct why *why)
{
	struct change_known c = {.kind = REQUEST__MAX};
	uint8_t hash[DIGEST_LEN];
	struct request *q = NULL;
	struct task_subscriber t;
	enum err rc;

	if (task_subscriber_get(body, &t) != ERR_OK)
		return why_set(why, ERR_MALFORMED, "not a subscriber");
	if (!p->current || !authority_record_stands(p->authority, t.number) ||
	    authority_change(p->authority, t.number, &c) != ERR_OK)
		return why_set(why, ERR_DENIED,
		    "no change of this number asks for a record");
	if ((rc = digest_of(t.request, hash)) != ERR_OK)
		return why_set(why, rc, "SHA-256 failed");
	if (memcmp(hash, c.hash, sizeof(c.hash)) != 0)
		return why_set(why, ERR_DENIED,
		    "the request is not the one that was approved");
	if ((rc = request_parse(t.request, &q, why)) != ERR_OK)
		return rc;
	if (!rd_is(&e->target, q->identity, strlen(q->identity)))
		rc = not_the_logs(why);
	else if (q->kind == REQUEST_SUBSCRIBER_ADD)
		rc = new_record(p, q, t.number, out, len, why);
	else
		rc = other_devices(p, q, &t, out, len, why);
	request_free(&q);
	return rc;
}

static bool
belongs_to(const struct subscriber *s, const struct rd *identity)
{
	if (rd_equal(&s->identity, identity))
		return true;
	for (unsigned i = 0; i < s->n_devices; i++)
		if (rd_equal(&s->device[i], identity))
			return true;
	return false;
}

/* The key in locked memory, the envelope out. */
static enum err
issue(struct hsm_proc *p, X509 *to, struct rd id, uint8_t **cms, size_t *len)
{
	const struct ibe_token token = hsm_ibe_token(p->token);
	struct secret *key = NULL;
	struct rd in;
	size_t n;
	enum err rc;

	if ((rc = secret_new(IBE_PARAMS_MAX, &key)) != ERR_OK)
		return rc;
	rc = ibe_private_key(p->ibe, &token, id, secret_data(key), &n);
	if (rc == ERR_OK) {
		rd_init(&in, secret_data(key), n);
		rc = envelope(to, in, cms, len);
	}
	secret_free(&key);
	return rc;
}

static enum err
issue_key(struct hsm_proc *p, const struct audit_entry *e, struct rd body,
    uint8_t *out, size_t *len, struct why *why)
{
	uint8_t id_octets[MAX_PUBLIC_ID + 8], *cms = NULL;
	struct task_key_result result;
	struct subscriber s;
	struct task_key t;
	struct rd id;
	size_t cms_len;
	struct wr w;
	X509 *to;
	enum err rc;

	if (task_key_get(body, &t) != ERR_OK)
		return why_set(why, ERR_MALFORMED, "not a key order");
	if (!rd_equal(&e->target, &t.identity))
		return not_the_logs(why);
	rc = hsm_open_record(p->token, t.subscriber, &s);
	if (rc == ERR_HSM || rc == ERR_PIN)
		return rc;
	if (rc != ERR_OK)
		return why_set(why, ERR_MISMATCH,
		    "the subscriber's record was not sealed by this token");
	if (!p->current || !authority_record_stands(p->authority, s.number))
		return why_set(why, ERR_DENIED,
		    "the subscriber's record is not the last one");
	if (!belongs_to(&s, &t.identity))
		return why_set(why, ERR_DENIED,
		    "the identity is neither the subscriber's nor one of its "
		    "devices'");
	if ((to = parse_cert(s.device_cert)) == NULL)
		return why_set(why, ERR_NOTFOUND,
		    "the subscriber was enrolled without a device certificate: "
		    "there is nobody to issue to");
	rc = key_period_id(p->state.period, t.identity, t.at, id_octets);
	if (rc == ERR_OK) {
		rd_init(&id, id_octets, t.identity.left + 8);
		rc = issue(p, to, id, &cms, &cms_len);
	}
	X509_free(to);
	if (rc != ERR_OK)
		return rc;
	result.not_before = key_period_start(p->state.period, t.at);
	result.not_after = key_period_end(p->state.period, t.at);
	rd_init(&result.enveloped, cms, cms_len);
	wr_init(&w, out, RESULT_MAX);
	task_key_result_put(&w, &result);
	rc = wr_finish(&w, len);
	OPENSSL_free(cms);
	return rc;
}

/* Else policy could have one thing written and another one done. */
static bool
log_has_task(const struct msg_task *t, struct audit_entry *e)
{
	return audit_entry_decode(t->entry, e) == ERR_OK &&
	    e->type == AUDIT_SUBSCRIBER_INTENT && audit_has_digest(e, t->body);
}

static enum err
do_task(struct hsm_proc *p, const struct msg_task *t, uint8_t *out, size_t *len,
    struct why *why)
{
	struct audit_entry e;

	if (!log_has_task(t, &e))
		return not_the_logs(why);
	switch (t->kind) {
	case TASK_SUBSCRIBER:
		return make_record(p, &e, t->body, out, len, why);
	case TASK_KEY_ISSUE:
		return issue_key(p, &e, t->body, out, len, why);
	case TASK__MAX:
		break;
	}
	return ERR_INTERNAL;
}

enum err
hsm_on_task(void *ctx, const struct ipc_frame *f)
{
	static uint8_t out[RESULT_MAX];
	struct hsm_proc *p = ctx;
	struct msg_result result;
	struct why why = {""};
	struct msg_task t;
	size_t len = 0;
	struct wr w;
	enum err rc;

	if (msg_task_get(f->body, &t) != ERR_OK)
		return ERR_MALFORMED;
	hsm_watch_work();
	hsm_doubt_token(p); /* what it makes now is kept for years */
	result.rc = do_task(p, &t, out, &len, &why);
	hsm_watch_done();
	if (result.rc == ERR_HSM || result.rc == ERR_PIN)
		hsm_token_failed(p, "a task");
	rd_init(&result.result, out, len);
	if (result.rc != ERR_OK) {
		if (why.text[0] == '\0')
			(void)why_set(&why, result.rc, "%s",
			    err_str(result.rc));
		rd_init(&result.result, why.text, strlen(why.text));
	}
	if ((rc = ipc_begin(p->audit, MSG_TASK_RESULT, f->id,
		 result.result.left + 16, &w)) != ERR_OK)
		return rc;
	msg_result_put(&w, &result);
	return ipc_commit(p->audit, &w);
}
