#include <stdlib.h>
#include <string.h>

#include "media/decryptor.h"
#include "media/streams.h"

/*
 * How many tags are computed in looking for keys that no SSRC points to, some
 * 30 s of work: a capture may hold any number of streams that are nobody's.
 */
#define TRIALS_MAX 20000000

struct one {
	struct stream s;
	uint8_t from_ip[16], to_ip[16];
	struct decryptor
	    *decryptor[STREAM_KEYS_MAX]; /* the last that fitted first */
	uint64_t lowest, highest; /* extended sequence numbers */
};

struct streams {
	const struct media_key *keys;
	size_t n_keys;
	streams_take_fn take;
	void *arg;
	struct media_check *check;
	uint64_t trials;
	bool gave_up;
	struct one *one[STREAMS_MAX];
	uint32_t ssrc[STREAMS_MAX]; /* of each, to be looked through */
	size_t n;
	struct stranger stranger[STRANGERS_MAX];
	size_t n_strangers;
	uint8_t buf[DECRYPTOR_PACKET_MAX];
};

/* Which key, and how. */
struct found {
	const struct media_key *key;
	uint32_t roc;
	size_t mki_len;
};

enum err
streams_new(const struct media_key *keys, size_t n_keys, streams_take_fn take,
    void *arg, struct streams **out)
{
	struct streams *s = calloc(1, sizeof(*s));
	enum err rc;

	if (s == NULL)
		return ERR_NOMEM;
	s->keys = keys;
	s->n_keys = n_keys;
	s->take = take;
	s->arg = arg;
	s->trials = TRIALS_MAX;
	if ((rc = media_check_new(&s->check)) != ERR_OK)
		streams_free(&s);
	*out = s;
	return rc;
}

void
streams_free(struct streams **sp)
{
	struct streams *s = *sp;

	if (s == NULL)
		return;
	for (size_t i = 0; i < s->n; i++) {
		for (size_t k = 0; k < STREAM_KEYS_MAX; k++)
			decryptor_free(&s->one[i]->decryptor[k]);
		free(s->one[i]);
	}
	media_check_free(&s->check);
	explicit_bzero(s->buf, sizeof(s->buf));
	free(s);
	*sp = NULL;
}

/* ---- what is known of an SSRC ---- */

static struct one *
find_one(const struct streams *s, uint32_t ssrc, size_t from)
{
	for (size_t i = from; i < s->n; i++)
		if (s->ssrc[i] == ssrc)
			return s->one[i];
	return NULL;
}

static struct stranger *
find_stranger(struct streams *s, uint32_t ssrc)
{
	struct stranger *least = &s->stranger[0];

	for (size_t i = 0; i < s->n_strangers; i++) {
		if (s->stranger[i].ssrc == ssrc)
			return &s->stranger[i];
		if (s->stranger[i].packets < least->packets)
			least = &s->stranger[i];
	}
	if (s->n_strangers < STRANGERS_MAX)
		least = &s->stranger[s->n_strangers++];
	*least = (struct stranger){.ssrc = ssrc};
	return least;
}

/* It is one no more; what was counted of it. */
static uint64_t
forget_stranger(struct streams *s, uint32_t ssrc)
{
	struct stranger *x = find_stranger(s, ssrc);
	const uint64_t packets = x->packets;

	*x = s->stranger[--s->n_strangers];
	return packets;
}

/* ---- looking for the key of a packet ---- */

/* A packet of this SSRC; wide: with what a key does not say, too. */
struct search {
	struct rd packet;
	uint32_t ssrc;
	bool wide;
};

/*
 * The first ROC that a key is tried with: behind that of a packet it has
 * opened, so that what came before does not come again.
 */
static uint32_t
first_roc(const struct streams *s, const struct media_key *k, uint32_t ssrc)
{
	const struct one *o;

	for (size_t from = 0; (o = find_one(s, ssrc, from)) != NULL;
	     from = o->s.index + 1)
		for (size_t i = 0; i < STREAM_KEYS_MAX; i++)
			if (o->decryptor[i] != NULL &&
			    decryptor_key(o->decryptor[i]) == k)
				return decryptor_roc(o->decryptor[i]) + 1;
	return k->roc;
}

static bool
try_key(struct streams *s, const struct media_key *k, const struct search *q,
    struct found *out)
{
	const uint32_t from = first_roc(s, k, q->ssrc),
		       rolls = q->wide ? STREAM_ROLLS_MAX : 0;
	const size_t least = k->mki.left;
	const size_t most = least == 0 && q->wide ? STREAM_MKI_MAX : least;

	if (media_check_use(s->check, k) != ERR_OK)
		return false;
	for (uint32_t i = 0; i <= rolls; i++)
		for (size_t n = least; n <= most; n++) {
			s->trials -= s->trials > 0;
			if (!media_check_fits(s->check, q->packet, from + i, n))
				continue;
			*out = (struct found){k, from + i, n};
			return true;
		}
	return false;
}

/* All keys that say this SSRC; 0: that say none. */
static bool
try_keys(struct streams *s, uint32_t ssrc, const struct search *q,
    struct found *out)
{
	for (size_t i = 0; i < s->n_keys; i++) {
		if (s->keys[i].ssrc != ssrc)
			continue;
		if (s->trials == 0 && (q->wide || ssrc == 0)) {
			s->gave_up = true;
			return false;
		}
		if (try_key(s, &s->keys[i], q, out))
			return true;
	}
	return false;
}

/*
 * The `missed`-th packet in which no key fits: keys of its SSRC are tried each
 * time, all others and all that can be at the first, second, fourth, ...
 */
static bool
find_key(struct streams *s, uint32_t ssrc, struct rd packet, uint64_t missed,
    struct found *out)
{
	struct search q = {packet, ssrc, false};

	if (ssrc != 0 && try_keys(s, ssrc, &q, out))
		return true;
	if ((missed & (missed - 1)) != 0)
		return false;
	if (try_keys(s, 0, &q, out))
		return true;
	q.wide = true;
	return (ssrc != 0 && try_keys(s, ssrc, &q, out)) ||
	    try_keys(s, 0, &q, out);
}

/* ---- one packet ---- */

static void
copy_address(struct rd from, uint8_t *to, struct rd *view)
{
	memcpy(to, from.p, from.left);
	rd_init(view, to, from.left);
}

static enum err
new_one(struct streams *s, uint32_t ssrc, const struct media_key *key,
    const struct packet *udp, struct one **out, struct why *why)
{
	struct one *o;

	if (s->n == STREAMS_MAX)
		return why_set(why, ERR_FULL,
		    "over %d streams: take a capture of fewer calls",
		    STREAMS_MAX);
	if ((o = calloc(1, sizeof(*o))) == NULL)
		return why_set(why, ERR_NOMEM, "no memory for a stream");
	o->s = (struct stream){.index = s->n,
	    .ssrc = ssrc,
	    .key = key,
	    .from = udp->from,
	    .to = udp->to};
	copy_address(udp->from_ip, o->from_ip, &o->s.from_ip);
	copy_address(udp->to_ip, o->to_ip, &o->s.to_ip);
	o->s.packets = o->s.failed = forget_stranger(s, ssrc);
	s->ssrc[s->n] = ssrc;
	s->one[s->n++] = o;
	*out = o;
	return ERR_OK;
}

/* The place for it is in front; who stands last may have to go. */
static void
push(struct one *o, struct decryptor *decryptor)
{
	decryptor_free(&o->decryptor[STREAM_KEYS_MAX - 1]);
	memmove(&o->decryptor[1], &o->decryptor[0],
	    (STREAM_KEYS_MAX - 1) * sizeof(o->decryptor[0]));
	o->decryptor[0] = decryptor;
}

static void
to_front(struct one *o, size_t i)
{
	struct decryptor *decryptor = o->decryptor[i];

	memmove(&o->decryptor[1], &o->decryptor[0],
	    i * sizeof(o->decryptor[0]));
	o->decryptor[0] = decryptor;
}

/* The extended number nearest to the highest so far (RFC 3711 clause 3.3.1). */
static uint64_t
extend(const struct one *o, uint16_t seq)
{
	const uint64_t turn = 0x10000;
	uint64_t guess;

	if (o->s.opened == 0)
		return turn + seq; /* room for what came before the first */
	guess = (o->highest & ~(turn - 1)) | seq;
	if (guess + turn / 2 < o->highest)
		return guess + turn;
	if (guess > o->highest + turn / 2 && guess >= turn)
		return guess - turn;
	return guess;
}

static void
count(struct one *o, uint16_t seq, int64_t us)
{
	const uint64_t at = extend(o, seq);

	if (o->s.opened == 0) {
		o->lowest = o->highest = at;
		o->s.first_us = us;
	}
	o->lowest = at < o->lowest ? at : o->lowest;
	o->highest = at > o->highest ? at : o->highest;
	o->s.last_us = us;
	o->s.opened++;
	o->s.key = decryptor_key(o->decryptor[0]);
	o->s.lost = o->highest - o->lowest + 1 > o->s.opened
	    ? o->highest - o->lowest + 1 - o->s.opened
	    : 0;
}

/* Opened by the first of the decryptors: tell. */
static enum err
tell(struct streams *s, struct one *o, int64_t us, const struct packet *udp,
    struct rd clear, struct why *why)
{
	struct stream_packet p = {.stream = &o->s,
	    .us = us,
	    .udp = udp,
	    .whole = clear};
	struct rd payload, cipher;
	struct rtp h;

	if (rtp_parse(udp->payload, &h, &cipher) != ERR_OK ||
	    rtp_parse(clear, &p.rtp, &payload) != ERR_OK)
		return ERR_OK;
	count(o, h.seq, us);
	if (rd_view(&cipher, payload.left, &p.cipher) != ERR_OK ||
	    rtp_unpad(&p.rtp, &payload) != ERR_OK)
		return ERR_OK;
	p.payload = payload;
	return s->take(s->arg, &p, why);
}

/*
 * libsrtp2 looks at the number first: a packet that came before, or one of
 * another sender?
 */
static bool
is_repeated(struct streams *s, const struct decryptor *d, struct rd packet)
{
	const struct media_key *k = decryptor_key(d);
	const size_t mki_len = decryptor_tail(d) - k->rules.tag_len;
	const uint32_t roc = decryptor_roc(d);

	return media_check_use(s->check, k) == ERR_OK &&
	    (media_check_fits(s->check, packet, roc, mki_len) ||
		media_check_fits(s->check, packet, roc - 1, mki_len));
}

/* With a key that opened something before.  ERR_CRYPTO: none does. */
static enum err
open_with_known(struct streams *s, struct one *o, struct rd packet,
    struct rd *clear)
{
	enum err rc = ERR_CRYPTO;

	for (size_t i = 0; i < STREAM_KEYS_MAX && o->decryptor[i] != NULL;
	     i++) {
		rc = decryptor_open(o->decryptor[i], packet, s->buf, clear);
		if (rc == ERR_OK)
			to_front(o, i);
		if (rc == ERR_EXISTS &&
		    !is_repeated(s, o->decryptor[i], packet))
			rc = ERR_CRYPTO;
		if (rc != ERR_CRYPTO)
			return rc;
	}
	return rc;
}

/* To the stream of that call, which may be a new one. */
static enum err
open_with_new(struct streams *s, const struct found *f,
    const struct packet *udp, uint32_t ssrc, struct one **out, struct why *why)
{
	struct decryptor *decryptor = NULL;
	struct one *o = NULL;
	size_t from = 0;
	enum err rc;

	while ((o = find_one(s, ssrc, from)) != NULL &&
	    o->s.key->call != f->key->call)
		from = o->s.index + 1;
	if ((rc = decryptor_new(f->key, ssrc, f->roc, f->mki_len,
		 &decryptor)) != ERR_OK)
		return why_set(why, rc, "libsrtp2 does not take a key");
	if (o == NULL &&
	    (rc = new_one(s, ssrc, f->key, udp, &o, why)) != ERR_OK) {
		decryptor_free(&decryptor);
		return rc;
	}
	push(o, decryptor);
	*out = o;
	return ERR_OK;
}

enum err
streams_datagram(void *streams, int64_t us, const struct packet *udp,
    struct why *why)
{
	struct streams *s = streams;
	struct rd payload, clear = {NULL, 0};
	struct one *o, *known = NULL;
	struct stranger *x = NULL;
	struct found f;
	struct rtp h;
	enum err rc;

	if (rtp_parse(udp->payload, &h, &payload) != ERR_OK)
		return ERR_OK;
	/* SSRCs of different calls may be the same. */
	for (size_t from = 0; (o = find_one(s, h.ssrc, from)) != NULL;
	     from = o->s.index + 1) {
		known = o;
		rc = open_with_known(s, o, udp->payload, &clear);
		if (rc == ERR_CRYPTO)
			continue;
		o->s.packets++;
		if (rc == ERR_OK)
			return tell(s, o, us, udp, clear, why);
		o->s.repeated++;
		return ERR_OK;
	}
	if (known == NULL)
		x = find_stranger(s, h.ssrc);
	if (find_key(s, h.ssrc, udp->payload,
		1 + (known != NULL ? known->s.failed : x->packets), &f)) {
		if ((rc = open_with_new(s, &f, udp, h.ssrc, &o, why)) != ERR_OK)
			return rc;
		known = o; /* and a stranger no more */
		if (open_with_known(s, o, udp->payload, &clear) == ERR_OK) {
			o->s.packets++;
			return tell(s, o, us, udp, clear, why);
		}
	}
	if (known != NULL) {
		known->s.packets++;
		known->s.failed++;
	} else {
		x->packets++;
	}
	return ERR_OK;
}

size_t
streams_n(const struct streams *s)
{
	return s->n;
}

const struct stream *
streams_at(const struct streams *s, size_t i)
{
	return &s->one[i]->s;
}

size_t
streams_n_strangers(const struct streams *s)
{
	return s->n_strangers;
}

const struct stranger *
streams_stranger(const struct streams *s, size_t i)
{
	return &s->stranger[i];
}

bool
streams_gave_up(const struct streams *s)
{
	return s->gave_up;
}
