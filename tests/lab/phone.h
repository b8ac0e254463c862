/*
 * phone: one call of lab-phone.  phone_run.c waits and sends, phone_a.c and
 * phone_b.c know what to answer, phone_speech.c talks.
 */
#ifndef TESTS_LAB_PHONE_H
#define TESTS_LAB_PHONE_H

#include <stdio.h>

#include "lab_call.h"
#include "lab_rtp.h"
#include "lab_sip.h"
#include "phone_opt.h"

/* RFC 3261 17.1.1.1, in ms. */
#define SIP_T1 INT64_C(500)
#define SIP_T2 INT64_C(4000)
#define SIP_GIVE_UP (64 * SIP_T1)

/* A datagram that is sent again until it is answered. */
struct resend {
	uint8_t *p;
	size_t len;
	struct phone_addr to;
	int64_t due, give_up; /* due 0: not in use */
	int64_t interval, cap;
};
enum { SLOT_INVITE, SLOT_OTHER, SLOT_COUNT };

/* The media of the call. */
struct speech {
	int fd;
	struct phone_addr peer;
	srtp_t tx, rx;
	struct rtp next; /* header of the next packet */
	int16_t *samples;
	size_t n_samples, at;
	unsigned sent, total; /* packets */
	int64_t start; /* ms; 0: not begun */
	int64_t heard; /* ms, when the last good packet came */
	unsigned bad; /* packets that did not authenticate */
	FILE *record; /* sent.ulaw */
	struct rtp_stream received;
};

struct phone {
	struct phone_opt opt;
	struct lab_user user;
	struct lab_ibe *kms, *peer_kms;
	struct lab_call call;
	struct sip_dialog dlg;
	unsigned sdp_version; /* of the last that we made */
	struct speech speech;
	struct resend slot[SLOT_COUNT];
	unsigned datagrams; /* of SIP, sent */
	int sip_fd;
	FILE *log;
	int64_t begin; /* ms */
	int64_t deadline; /* ms, of the state we are in */
	unsigned state; /* of phone_a.c or phone_b.c */
	void *role; /* what that file keeps */
	bool done;
	enum phone_exit result;
};

/* The two roles.  on_timer() is called at least every 20 ms. */
struct phone_role {
	enum err (*start)(struct phone *, struct why *);
	void (*on_sip)(struct phone *, const struct sip *,
	    const struct phone_addr *from);
	void (*on_timer)(struct phone *, int64_t now);
	/* Nothing came before the deadline, or a datagram was given up. */
	void (*on_timeout)(struct phone *);
	void (*free)(struct phone *);
};
extern const struct phone_role phone_role_a, phone_role_b;

/* phone_run.c */
enum err phone_open(struct phone *, struct why *) MUST_CHECK;
void phone_loop(struct phone *, const struct phone_role *);
void phone_note(struct phone *, const char *fmt, ...) PRINTF_LIKE(2, 3);
void phone_end(struct phone *, enum phone_exit, const char *fmt, ...)
    PRINTF_LIKE(3, 4);
void phone_send(struct phone *, const struct phone_addr *, const struct wr *);
void phone_resend(struct phone *, unsigned slot, const struct phone_addr *,
    const struct wr *, int64_t cap);
void phone_stop(struct phone *, unsigned slot);

/* Random hex digits, for tags, branches and Call-IDs; n is even. */
void phone_token(char *out, size_t n);

/* Our SDP with that MIKEY message (length 0: none). */
enum err phone_sdp(struct phone *, struct rd mikey, char *out,
    size_t cap) MUST_CHECK;

/* The MIKEY message of that type in a body; ERR_NOTFOUND. */
enum err phone_find(const struct sip *, enum mikey_type, uint8_t *out,
    size_t cap, struct rd *r) MUST_CHECK;

/* phone_speech.c */
enum err speech_prepare(struct phone *, struct why *) MUST_CHECK;
enum err speech_peer(struct phone *, const struct sip *,
    struct why *) MUST_CHECK;
enum err speech_begin(struct phone *, struct why *) MUST_CHECK;
void speech_timer(struct phone *, int64_t now);
void speech_receive(struct phone *);
void speech_stop(struct phone *); /* send no more */
bool speech_all_sent(const struct phone *);

/* NULL when the peer was heard and every packet was its own. */
const char *speech_complaint(const struct phone *);
enum err speech_save(struct phone *, struct why *) MUST_CHECK;
void speech_done(struct phone *);

#endif
