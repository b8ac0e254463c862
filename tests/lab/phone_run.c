#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/rand.h>

#include "base/log.h"
#include "phone.h"

#define TICK_MS 20
#define DATAGRAM_MAX 65535

static void note(struct phone *, const char *fmt, va_list) PRINTF_LIKE(2, 0);

static void
note(struct phone *p, const char *fmt, va_list ap)
{
	char text[512], safe[1024];
	int n = vsnprintf(text, sizeof(text), fmt, ap);

	if (p->log == NULL || n < 0)
		return;
	(void)log_escape(text, strlen(text), safe, sizeof(safe));
	(void)fprintf(p->log, "%7lld ms  %s\n",
	    (long long)(lab_ms() - p->begin), safe);
	(void)fflush(p->log);
}

void
phone_note(struct phone *p, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	note(p, fmt, ap);
	va_end(ap);
}

void
phone_end(struct phone *p, enum phone_exit how, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	if (p->done)
		return;
	va_start(ap, fmt);
	note(p, fmt, ap);
	va_end(ap);
	if (how != PHONE_OK) {
		va_start(ap, fmt);
		(void)vsnprintf(text, sizeof(text), fmt, ap);
		va_end(ap);
		log_error("%s", text);
	}
	p->result = how;
	p->done = true;
}

void
phone_token(char *out, size_t n)
{
	uint8_t b[32];

	if (n / 2 > sizeof(b) || RAND_bytes(b, (int)(n / 2)) != 1)
		fatal("no random numbers");
	hex_put(b, n / 2, out);
}

static enum err
udp(const struct phone_addr *a, int *fd, struct why *why)
{
	*fd = socket(a->ss.ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
	    0);
	if (*fd == -1)
		return why_errno(why, "cannot make a socket");
	if (bind(*fd, (const struct sockaddr *)&a->ss, a->len) == -1)
		return why_errno(why, "cannot bind %s", a->text);
	return ERR_OK;
}

enum err
phone_open(struct phone *p, struct why *why)
{
	enum err rc;

	if ((rc = udp(&p->opt.sip, &p->sip_fd, why)) != ERR_OK)
		return rc;
	return udp(&p->opt.rtp, &p->speech.fd, why);
}

static void
send_to(struct phone *p, const struct phone_addr *to, const uint8_t *b,
    size_t len)
{
	p->datagrams++;
	if (p->opt.lose > 0 && p->datagrams % p->opt.lose == 0) {
		phone_note(p, "lost a datagram on purpose");
		return;
	}
	/* What the network refuses is as lost as what it drops. */
	if (sendto(p->sip_fd, b, len, 0, (const struct sockaddr *)&to->ss,
		to->len) == -1)
		phone_note(p, "sending SIP failed: %s", strerror(errno));
}

void
phone_send(struct phone *p, const struct phone_addr *to, const struct wr *w)
{
	size_t len;

	if (wr_finish(w, &len) != ERR_OK)
		fatal("a SIP message is over %d octets", SIP_MAX);
	send_to(p, to, w->p, len);
}

void
phone_resend(struct phone *p, unsigned slot, const struct phone_addr *to,
    const struct wr *w, int64_t cap)
{
	struct resend *s = &p->slot[slot];
	const int64_t now = lab_ms();

	phone_send(p, to, w);
	phone_stop(p, slot);
	if ((s->p = malloc(w->len)) == NULL)
		fatal("no memory");
	memcpy(s->p, w->p, w->len);
	s->len = w->len;
	s->to = *to;
	s->interval = SIP_T1;
	s->cap = cap;
	s->due = now + SIP_T1;
	s->give_up = now + SIP_GIVE_UP;
}

void
phone_stop(struct phone *p, unsigned slot)
{
	free(p->slot[slot].p);
	p->slot[slot] = (struct resend){0};
}

static void
resend_due(struct phone *p, const struct phone_role *role, int64_t now)
{
	for (unsigned i = 0; i < SLOT_COUNT && !p->done; i++) {
		struct resend *s = &p->slot[i];

		if (s->due == 0 || now < s->due)
			continue;
		if (now >= s->give_up) {
			phone_stop(p, i);
			role->on_timeout(p);
			continue;
		}
		phone_note(p, "no answer: sent again");
		send_to(p, &s->to, s->p, s->len);
		s->interval *= 2;
		if (s->interval > s->cap)
			s->interval = s->cap;
		s->due = now + s->interval;
	}
}

/* Everything that waits on the SIP socket. */
static void
read_sip(struct phone *p, const struct phone_role *role)
{
	static uint8_t buf[DATAGRAM_MAX];
	static struct sip msg;
	struct phone_addr from = {.len = sizeof(from.ss)};
	ssize_t n;

	while (!p->done &&
	    (n = recvfrom(p->sip_fd, buf, sizeof(buf), 0,
		 (struct sockaddr *)&from.ss, &from.len)) >= 0) {
		if (sip_parse(buf, (size_t)n, &msg) == ERR_OK)
			role->on_sip(p, &msg, &from);
		else
			phone_note(p, "ignored a datagram that is no SIP");
		from.len = sizeof(from.ss);
	}
}

void
phone_loop(struct phone *p, const struct phone_role *role)
{
	struct pollfd fds[2] = {{.fd = p->sip_fd, .events = POLLIN},
	    {.fd = p->speech.fd, .events = POLLIN}};
	int64_t now;

	while (!p->done) {
		if (poll(fds, 2, TICK_MS / 2) == -1 && errno != EINTR)
			fatal("poll: %s", strerror(errno));
		read_sip(p, role);
		speech_receive(p);
		now = lab_ms();
		speech_timer(p, now);
		resend_due(p, role, now);
		if (!p->done)
			role->on_timer(p, now);
		if (!p->done && p->deadline != 0 && now >= p->deadline)
			role->on_timeout(p);
	}
}

enum err
phone_sdp(struct phone *p, struct rd mikey, char *out, size_t cap)
{
	const struct sockaddr_in *in4 = (const void *)&p->opt.rtp.ss;
	const struct sockaddr_in6 *in6 = (const void *)&p->opt.rtp.ss;
	struct sdp s = {.ip6 = p->opt.rtp.ss.ss_family == AF_INET6};

	memcpy(s.addr, p->opt.rtp.host, sizeof(s.addr));
	s.port = ntohs(s.ip6 ? in6->sin6_port : in4->sin_port);
	s.session = p->call.ssrc;
	s.version = ++p->sdp_version;
	return sdp_print(&s, mikey, out, cap);
}

enum err
phone_find(const struct sip *m, enum mikey_type type, uint8_t *out, size_t cap,
    struct rd *r)
{
	size_t len = 0;
	enum err rc;

	for (size_t i = 0;; i++) {
		rc = sdp_mikey(m->body, m->body_len, i, out, cap, &len);
		if (rc == ERR_NOTFOUND)
			return rc;
		/* Data type is the second octet of every MIKEY message. */
		if (rc == ERR_OK && len >= 2 && out[1] == type) {
			rd_init(r, out, len);
			return ERR_OK;
		}
	}
}
