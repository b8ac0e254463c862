/* A whole MIKEY message, right or deliberately wrong. */
#include <string.h>

#include "exchange_int.h"

/* Payload numbers: RFC 3830 6.1, RFC 6043, RFC 6267 6.1. */
enum payload {
	NP_LAST = 0,
	NP_T = 5,
	NP_V = 9,
	NP_SP = 10,
	NP_RAND = 11,
	NP_IDR = 14,
	NP_GENERAL = 21,
	NP_IBAKE = 22,
	NP_ESK = 23
};

#define NP_UNKNOWN 77
#define VERSION 1
#define TYPE_KEY_RESP 21
#define MAP_SRTP 0
#define MAP_EMPTY 1
#define GENERAL_SDP_IDS 1
#define TS_NONE_SUCH 5
#define PRF_NONE_SUCH 2
#define ROLE_KMS 3
#define RAND_TOO_SHORT 8
#define PARTS_MAX 16

/* Payloads in their order: the body of one starts where its `from` says. */
struct build {
	const struct exchange_spec *spec;
	const struct exchange_draft *d;
	uint8_t octets[EXCHANGE_OCTETS_MAX];
	struct wr w;
	struct {
		uint8_t number;
		size_t from;
	} part[PARTS_MAX + 1];
	size_t n;
};

static bool
at(const struct build *b, enum fault f)
{
	return exchange_fault_at(b->spec, f, b->d->which);
}

/* What is written next is the body of this payload. */
static void
start(struct build *b, uint8_t number)
{
	if (b->n == PARTS_MAX) {
		b->w.rc = ERR_FULL;
		return;
	}
	b->part[b->n].number = number;
	b->part[b->n++].from = b->w.len;
}

/* The type that has the same length and is not this. */
static uint8_t
other_type(uint8_t type)
{
	static const uint8_t other[] = {[MIKEY_T_NTP_UTC] = MIKEY_T_NTP,
	    [MIKEY_T_NTP] = MIKEY_T_NTP_UTC,
	    [MIKEY_T_COUNTER] = MIKEY_T_NTP_UTC_32,
	    [MIKEY_T_NTP_UTC_32] = MIKEY_T_COUNTER};

	return other[type];
}

static void
add_t(struct build *b)
{
	uint8_t type = (uint8_t)b->spec->ts_type;

	if (at(b, FAULT_T_MISSING))
		return;
	start(b, NP_T);
	if (at(b, FAULT_TS_MIXED))
		wr_u8(&b->w, other_type(type));
	else
		wr_u8(&b->w, at(b, FAULT_TS_UNKNOWN) ? TS_NONE_SUCH : type);
	if (type == MIKEY_T_COUNTER)
		wr_u32(&b->w, (uint32_t)b->d->t);
	else if (type == MIKEY_T_NTP_UTC_32)
		wr_u32(&b->w, (uint32_t)(b->d->t >> 32));
	else
		wr_u64(&b->w, b->d->t);
}

static void
add_rand(struct build *b)
{
	static const uint8_t extra[16] = {1};
	uint8_t octets[255];
	size_t len = b->d->rand.left;

	if (at(b, FAULT_RAND_EXTRA)) {
		start(b, NP_RAND);
		wr_view8(&b->w, extra, sizeof(extra));
	}
	if (b->d->rand.p == NULL || at(b, FAULT_RAND_MISSING))
		return;
	memcpy(octets, b->d->rand.p, len);
	if (at(b, FAULT_RAND_OTHER))
		octets[0] ^= 1;
	if (at(b, FAULT_RAND_SHORT))
		len = RAND_TOO_SHORT;
	start(b, NP_RAND);
	wr_view8(&b->w, octets, len);
}

static void
add_id(struct build *b, struct rd id, uint8_t role)
{
	const bool i = role == 1;
	uint8_t type = LAB_ID_TYPE_URI;

	if (id.p == NULL || at(b, i ? FAULT_IDI_MISSING : FAULT_IDR_MISSING))
		return;
	if (at(b, i ? FAULT_IDI_OTHER : FAULT_IDR_OTHER))
		rd_init(&id, EXCHANGE_STRANGER, strlen(EXCHANGE_STRANGER));
	if (!i && at(b, FAULT_ID_NAI))
		type = 0;
	if (!i && at(b, FAULT_ID_ROLE))
		role = ROLE_KMS;
	start(b, NP_IDR);
	wr_u8(&b->w, role);
	wr_u8(&b->w, type);
	wr_view16(&b->w, id.p, id.left);
}

/* One SP with SRTP parameters: AES-CM, key of `key`, salt of `salt` octets. */
static void
add_policy(struct build *b, uint8_t prot, uint8_t key, uint8_t salt, bool cut)
{
	/* Its own number, unless nothing else has 0. */
	const bool taken = b->spec->n_sp_i + b->spec->n_sp_r > 0;
	const uint8_t params[] = {0, 1, 1, 1, 1, key, 4, 1, salt, 2, 1, 1};

	start(b, NP_SP);
	wr_u8(&b->w, taken ? 200 : 0);
	wr_u8(&b->w, prot);
	wr_view16(&b->w, params, sizeof(params) - (cut ? 1 : 0));
}

static void
add_policies(struct build *b)
{
	for (size_t i = 0; i < b->d->n_sp; i++) {
		start(b, NP_SP);
		wr_copy(&b->w, b->d->sp[i].p, b->d->sp[i].left);
	}
	if (at(b, FAULT_SP_KEY))
		add_policy(b, 0, 32, 14, false);
	if (at(b, FAULT_SP_SALT))
		add_policy(b, 0, 16, 16, false);
	if (at(b, FAULT_SP_PROT))
		add_policy(b, 7, 16, 14, false);
	if (at(b, FAULT_SP_MALFORMED))
		add_policy(b, 0, 16, 14, true);
	for (int i = 0; i < 2 && at(b, FAULT_SP_TWICE); i++)
		add_policy(b, 0, 16, 14, false);
}

static void
add_extension(struct build *b)
{
	static const char ids[] = "mikey";

	if (b->spec->general_ext) {
		start(b, NP_GENERAL);
		wr_u8(&b->w, GENERAL_SDP_IDS);
		wr_view16(&b->w, ids, sizeof(ids) - 1);
	}
	if (at(b, FAULT_UNKNOWN_PAYLOAD)) {
		start(b, NP_UNKNOWN);
		wr_u16(&b->w, 0);
	}
}

static void
add_envelope(struct build *b, uint8_t number, struct rd cipher)
{
	if (cipher.p == NULL)
		return;
	start(b, number);
	wr_view16(&b->w, cipher.p, cipher.left);
}

static void
add_payloads(struct build *b)
{
	const struct exchange_draft *d = b->d;

	add_t(b);
	add_rand(b);
	add_id(b, d->idi, 1);
	add_id(b, d->idr, 2);
	add_policies(b);
	add_extension(b);
	if (!at(b, FAULT_IBAKE_MISSING))
		add_envelope(b, NP_IBAKE, d->ibake);
	if (at(b, FAULT_IBAKE_TWICE))
		add_envelope(b, NP_IBAKE, d->ibake);
	if (!at(b, FAULT_ESK_MISSING))
		add_envelope(b, NP_ESK, d->esk);
	if (d->auth != NULL && !at(b, FAULT_V_MISSING))
		start(b, NP_V); /* its body is put by add_v() */
	b->part[b->n].from = b->w.len;
}

static uint8_t
data_type(enum exchange_message m)
{
	static const uint8_t types[] = {[EXCHANGE_I1] = MIKEY_I_MESSAGE_1,
	    [EXCHANGE_R1] = MIKEY_R_MESSAGE_1,
	    [EXCHANGE_I2] = MIKEY_I_MESSAGE_2,
	    [EXCHANGE_R2] = MIKEY_R_MESSAGE_2,
	    [EXCHANGE_U_I1] = MIKEY_I_MESSAGE_1,
	    [EXCHANGE_U_R1] = MIKEY_R_MESSAGE_1};

	return types[m];
}

static void
put_header(const struct build *b, struct wr *w)
{
	const struct exchange_draft *d = b->d;
	const bool empty = at(b, FAULT_MAP_TYPE);
	const size_t n_cs = at(b, FAULT_CS_ZERO) ? 0 : d->n_cs;
	uint8_t prf = b->spec->prf;
	bool v_flag = d->auth == NULL; /* no answer is asked for with V */

	if (at(b, FAULT_PRF_OTHER))
		prf ^= 1;
	if (at(b, FAULT_PRF_UNKNOWN))
		prf = PRF_NONE_SUCH;
	v_flag = v_flag != at(b, FAULT_V_FLAG);
	wr_u8(w, VERSION + (at(b, FAULT_VERSION) ? 1 : 0));
	wr_u8(w, at(b, FAULT_DATA_TYPE) ? TYPE_KEY_RESP : data_type(d->which));
	wr_u8(w, b->n > 0 ? b->part[0].number : NP_LAST);
	wr_u8(w, (uint8_t)((v_flag ? 0x80 : 0) | prf));
	wr_u32(w, at(b, FAULT_CSB) ? d->csb_id ^ 1 : d->csb_id);
	wr_u8(w, (uint8_t)n_cs);
	wr_u8(w, empty ? MAP_EMPTY : MAP_SRTP);
	for (size_t i = 0; i < n_cs && !empty; i++) {
		wr_u8(w, d->cs[i].policy);
		wr_u32(w, d->cs[i].ssrc);
		wr_u32(w, d->cs[i].roc);
	}
}

/* V over all that is in `w` with its own algorithm, then the MAC. */
static enum err
put_v(const struct build *b, struct wr *w)
{
	const struct exchange_draft *d = b->d;
	uint8_t key[LAB_PRF_MAX] = {0}, mac[LAB_PRF_MAX];
	uint8_t prf = b->spec->prf;
	struct rd covered;
	size_t len;
	enum err rc;

	memcpy(key, d->auth, lab_prf_len(prf));
	if (at(b, FAULT_V_OTHER_ALG))
		prf ^= 1;
	len = lab_prf_len(prf);
	wr_u8(w, at(b, FAULT_V_NULL) ? 0 : (uint8_t)(prf + 1));
	if (w->rc != ERR_OK || at(b, FAULT_V_NULL))
		return w->rc;
	rd_init(&covered, w->p, w->len);
	if ((rc = lab_v(prf, key, covered, d->mac_idi, d->mac_idr, mac)) !=
	    ERR_OK)
		return rc;
	if (at(b, FAULT_V_WRONG))
		mac[len - 1] ^= 1;
	wr_copy(w, mac, at(b, FAULT_V_SHORT) ? len - 1 : len);
	return w->rc;
}

enum err
exchange_message_put(const struct exchange_spec *spec,
    const struct exchange_draft *d, struct exchange_octets *out)
{
	struct build b = {.spec = spec, .d = d};
	struct wr w;
	enum err rc;

	wr_init(&b.w, b.octets, sizeof(b.octets));
	add_payloads(&b);
	if (b.w.rc != ERR_OK)
		return b.w.rc;
	wr_init(&w, out->p, sizeof(out->p));
	put_header(&b, &w);
	for (size_t i = 0; i < b.n; i++) {
		const size_t from = b.part[i].from;

		wr_u8(&w, i + 1 < b.n ? b.part[i + 1].number : NP_LAST);
		if (b.part[i].number == NP_V) {
			if ((rc = put_v(&b, &w)) != ERR_OK)
				return rc;
			break;
		}
		wr_copy(&w, b.octets + from, b.part[i + 1].from - from);
	}
	if (w.rc == ERR_OK && at(&b, FAULT_TRUNCATED))
		w.len--;
	if (at(&b, FAULT_TRAILING))
		wr_u8(&w, 0);
	return wr_finish(&w, &out->len);
}
