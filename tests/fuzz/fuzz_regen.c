/*
 * A good exchange of the vectors, spoilt by a list of changes, all the way to
 * the keys.  Whatever is changed: no crash, never "unavailable" (which would
 * blame the token), no octet of an answer with a refusal, and keys only from
 * the K_SESSION or SK that the parties of some exchange do have.
 *
 * Input: u8 row, then changes: u8 kind << 4 | message, u16 where, u8 value.
 */
#include <stdlib.h>
#include <string.h>

#include "exchanges.h"
#include "mikey_split.h"

enum change {
	XOR_MESSAGE, /* an octet of the message */
	SET_MESSAGE,
	XOR_IBAKE, /* an octet of the plaintext, encrypted again */
	SET_IBAKE,
	XOR_ESK,
	SET_ESK,
	CUT_IBAKE, /* the plaintext ends here */
	MORE_IBAKE, /* `where` times this octet behind the plaintext */
	DROP_MESSAGE, /* with value 2 only its IBAKE payload */
	MESSAGE_OF_ROW, /* that of another row in its place */
	XOR_ALL_MESSAGES, /* at the same place in each */
	XOR_ALL_IBAKES,
	XOR_WIRE, /* behind the parser: a process taken over */
	LATER, /* so many hours */
	OTHER_TARGET, /* as another target of the row or of another */
	CUT_MESSAGE
};

struct trial {
	const struct row *row;
	struct plain plain[ROW_MESSAGES][ENV__MAX];
	bool again[ROW_MESSAGES][ENV__MAX]; /* to be encrypted */
	uint8_t message[ROW_MESSAGES][MAX_MIKEY + 8];
	size_t len[ROW_MESSAGES];
	bool esk_touched; /* whose SK nothing vouches for */
};

static struct trial t;
static uint8_t wire[16 * MAX_MIKEY];

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	exchanges_load();
	return 0;
}

static void
put_octet(uint8_t *p, size_t len, size_t where, uint8_t v, bool xor)
{
	if (len > 0)
		p[where % len] = xor? p[where % len] ^ v : v;
}

static void
change_plain(enum change c, unsigned slot, size_t where, uint8_t v)
{
	const bool esk = c == XOR_ESK || c == SET_ESK;
	struct plain *p = &t.plain[slot][esk ? ENV_ESK : ENV_IBAKE];

	if (!p->there)
		return;
	t.again[slot][esk ? ENV_ESK : ENV_IBAKE] = true;
	t.esk_touched |= esk;
	switch (c) {
	case CUT_IBAKE:
		p->len = where < p->len ? where : p->len;
		break;
	case MORE_IBAKE:
		for (size_t i = 0; i < where && p->len < PLAIN_MAX; i++)
			p->octets[p->len++] = v;
		break;
	default:
		put_octet(p->octets, p->len, where, v,
		    c != SET_IBAKE && c != SET_ESK);
	}
}

/* First pass: the plaintexts, then the messages that follow from them. */
static void
change_plains(struct rd in)
{
	while (in.left > 0) {
		const uint8_t head = take_u8(&in);
		const enum change c = (enum change)(head >> 4);
		const size_t where = take_u16(&in);
		const uint8_t v = take_u8(&in);

		if (c == XOR_ALL_IBAKES)
			for (unsigned i = 0; i < ROW_MESSAGES; i++)
				change_plain(c, i, where, v);
		else if (c >= XOR_IBAKE && c <= MORE_IBAKE)
			change_plain(c, (head & 15) % ROW_MESSAGES, where, v);
	}
}

static void
build_message(unsigned i)
{
	static uint8_t der[ENV__MAX][PLAIN_MAX + 512];
	struct split s;
	struct wr w;

	t.len[i] = 0;
	if (t.row->message[i].left == 0)
		return;
	MUST(mikey_split(t.row->message[i], &s));
	for (unsigned k = 0; k < s.n; k++) {
		const bool ibake = s.payload[k].type == SPLIT_IBAKE;
		const enum which_envelope e = ibake ? ENV_IBAKE : ENV_ESK;

		if ((!ibake && s.payload[k].type != SPLIT_ESK) ||
		    !t.again[i][e])
			continue;
		wr_init(&w, der[e], sizeof(der[e]));
		exchanges_encrypt(&t.plain[i][e], &w);
		rd_init(&s.payload[k].data, der[e], w.len);
	}
	wr_init(&w, t.message[i], sizeof(t.message[i]));
	mikey_join(&w, &s);
	MUST(wr_finish(&w, &t.len[i]) == ERR_OK);
}

static void
take_from_row(unsigned slot, const struct row *r, unsigned from)
{
	t.len[slot] = r->message[from].left;
	if (t.len[slot] > 0)
		memcpy(t.message[slot], r->message[from].p, t.len[slot]);
}

/* So that an update asks for keys of the old secret. */
static void
drop_ibake(unsigned slot)
{
	static uint8_t joined[sizeof(t.message[0])];
	struct split s;
	struct rd in;
	struct wr w;
	unsigned n = 0;

	rd_init(&in, t.message[slot], t.len[slot]);
	if (!mikey_split(in, &s))
		return;
	for (unsigned i = 0; i < s.n; i++)
		if (s.payload[i].type != SPLIT_IBAKE)
			s.payload[n++] = s.payload[i];
	s.n = n;
	wr_init(&w, joined, sizeof(joined));
	mikey_join(&w, &s);
	MUST(wr_finish(&w, &t.len[slot]) == ERR_OK);
	memcpy(t.message[slot], joined, t.len[slot]);
}

/* Second pass: the messages themselves and what is around them. */
static void
change_messages(struct rd in, struct regen_in *ask)
{
	while (in.left > 0) {
		const uint8_t head = take_u8(&in);
		const unsigned slot = (head & 15) % ROW_MESSAGES;
		const size_t where = take_u16(&in);
		const uint8_t v = take_u8(&in);
		const struct row *r = NULL;

		switch ((enum change)(head >> 4)) {
		case XOR_MESSAGE:
		case SET_MESSAGE:
			put_octet(t.message[slot], t.len[slot], where, v,
			    head >> 4 == XOR_MESSAGE);
			break;
		case XOR_ALL_MESSAGES:
			for (unsigned i = 0; i < ROW_MESSAGES; i++)
				if (where < t.len[i])
					t.message[i][where] ^= v;
			break;
		case DROP_MESSAGE:
			if (v == 2)
				drop_ibake(slot);
			else
				t.len[slot] = 0;
			break;
		case CUT_MESSAGE:
			if (where < t.len[slot])
				t.len[slot] = where;
			break;
		case MESSAGE_OF_ROW:
			r = exchanges_row((unsigned)where);
			take_from_row(slot, r, v % ROW_MESSAGES);
			break;
		case LATER:
			ask->now += 3600 * (int64_t)where;
			break;
		case OTHER_TARGET:
			r = exchanges_row((unsigned)where);
			ask->target = (struct call_target){r->ids, r->n_ids};
			break;
		default:
			break;
		}
	}
}

/* To the worker and back as octets; false if those are no call. */
static bool
pass_on(const struct call *c, struct call *out, struct rd in)
{
	struct wr w;
	struct rd r;
	size_t len;
	bool touched = false;

	wr_init(&w, wire, sizeof(wire));
	call_put(&w, c);
	MUST(wr_finish(&w, &len) == ERR_OK);
	while (in.left > 0) {
		const bool mine = take_u8(&in) >> 4 == XOR_WIRE;
		const size_t where = take_u16(&in);
		const uint8_t v = take_u8(&in);

		if (mine)
			put_octet(wire, len, where, v, true);
		touched |= mine;
	}
	rd_init(&r, wire, len);
	if (call_get(&r, out) == ERR_OK)
		return true;
	MUST(touched);
	return false;
}

/* Do the keys come from this K_SESSION or SK? */
static bool
keys_are_of(const struct truth *of, const struct call *c,
    const struct xk_get_keys_response *k, struct kdf *kdf)
{
	uint8_t tgk[KDF_KEY_MAX], tek[KDF_TEK_LEN], salt[KDF_SALT_LEN];
	struct rd key = of->secret;

	if (!of->is_sk) {
		MUST(kdf_tgk(kdf, c->r1.prf, key, call_rand(c), tgk) == ERR_OK);
		rd_init(&key, tgk, kdf_prf_octets(c->r1.prf));
	}
	for (unsigned i = 0; i < k->n_keys; i++) {
		MUST(kdf_srtp(kdf, c->r1.prf, key, (uint8_t)(i + 1),
			 c->r1.csb_id, call_rand(c), tek, salt) == ERR_OK);
		if (memcmp(tek, k->key[i].session_key, sizeof(tek)) != 0 ||
		    memcmp(salt, k->key[i].salt, sizeof(salt)) != 0)
			return false;
	}
	return true;
}

static void
check_answer(const struct call *c, const struct regen_in *ask,
    const struct xk_get_keys_response *k, bool unchanged)
{
	struct kdf *kdf = exchanges_regen(t.row)->kdf;
	enum call_role role;
	struct rd as;
	uint8_t *der;
	size_t len;
	unsigned n;
	const struct truth *of = exchanges_truths(&n);
	bool right = false;

	MUST(k->n_keys == c->r1.n_cs && k->n_keys > 0);
	MUST(call_check(c, &ask->target, &role, &as) == ERR_OK);
	for (unsigned i = 0; i < n && !right; i++)
		right = keys_are_of(&of[i], c, k, kdf);
	MUST(right || (role == CALL_RECIPIENT && t.esk_touched));
	MUST(xk_encode_keys(1, k, &der, &len) == ERR_OK);
	if (unchanged)
		MUST(rd_is(&t.row->answer, der, len));
	xk_der_free(&der, len);
}

static void
ask_for_keys(struct rd in, struct regen_in *ask)
{
	static struct call parsed, call;
	static struct xk_get_keys_response out, none;
	struct rd *m[ROW_MESSAGES];
	struct xk_get_keys k = {.curve = 0};
	enum xk_reason why;

	m[0] = &k.i_message1;
	m[1] = &k.r_message1;
	m[2] = &k.i_message2;
	m[3] = &k.r_message2;
	m[4] = &k.first_i_message1;
	m[5] = &k.first_r_message1;
	m[6] = &k.first_i_message2;
	for (unsigned i = 0; i < ROW_MESSAGES; i++)
		rd_init(m[i], t.message[i], t.len[i]);
	if (call_from_request(&k, &parsed) != XK_GRANTED ||
	    !pass_on(&parsed, &call, in)) {
		MUST(in.left > 0);
		return;
	}
	ask->call = &call;
	memset(&out, 0xa5, sizeof(out));
	why = regen_keys(exchanges_regen(t.row), ask, &out);
	MUST(why != XK_UNAVAILABLE && why < XK_REASON__MAX);
	if (why == XK_GRANTED)
		check_answer(&call, ask, &out, in.left == 0);
	else
		MUST(memcmp(&out, &none, sizeof(out)) == 0);
	MUST(why == XK_GRANTED || in.left > 0);
	regen_wipe(exchanges_regen(t.row));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct regen_in ask = {.now = 0};
	struct rd in;

	if (size > 64)
		return -1; /* changes beyond these only make it slow */
	rd_init(&in, data, size);
	t.row = exchanges_row(take_u8(&in));
	t.esk_touched = false;
	memcpy(t.plain, t.row->plain, sizeof(t.plain));
	memset(t.again, 0, sizeof(t.again));
	change_plains(in);
	for (unsigned i = 0; i < ROW_MESSAGES; i++)
		build_message(i);
	ask.target = (struct call_target){t.row->ids, t.row->n_ids};
	ask.label = t.row->label;
	ask.now = t.row->arrival;
	ask.token = exchanges_token(t.row);
	ask.seed = exchanges_seed(t.row);
	change_messages(in, &ask);
	ask_for_keys(in, &ask);
	return 0;
}
