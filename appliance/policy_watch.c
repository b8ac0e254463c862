/*
 * What must be in order for anything to be released: the clock, the approved
 * configuration, certificates of LEMFs.  What goes wrong, and when it is well
 * again, is an entry in the log.
 */
#include <sys/timex.h>

#include <string.h>
#include <time.h>

#include "appliance/policy_cli.h"
#include "base/clock.h"
#include "base/log.h"

#define TICK_MS 60000
#define LEMF_CERT_DAYS 14 /* there is to be another one so long before */

/* ---- alarms ---- */

/* That it is over, and what it is. */
static const char *const texts[ALARM__MAX][2] = {
    [ALARM_CONFIG] = {"the configuration in use is the approved one again",
	"the configuration in use is not the approved one: nothing is "
	"released"},
    [ALARM_CLOCK] = {"the clock was accepted",
	"the clock is behind the time that has gone by: nothing is released "
	"until clock.accept"},
    [ALARM_SYNC] = {"the machine's clock is synchronised again",
	"the machine's clock is not synchronised"},
    [ALARM_LEMF] = {"the certificates of all LEMFs that have one are good for "
		    "a while again",
	"the certificate of a LEMF has ended or ends within 14 days, and no "
	"key goes to it then: 'keywarden lemf list' shows which"},
    [ALARM_CRL] = {"all lists of revoked certificates are in force for a while "
		   "again",
	"a list of revoked certificates has ended or ends soon, or cannot be "
	"read, and its peers are refused then: 'keywarden status' shows which"},
};

static void
set_alarm(struct policy *p, enum alarm a, bool is)
{
	if (p->alarm[a] == is)
		return;
	p->alarm[a] = is;
	if (is)
		log_warning("%s", texts[a][1]);
	else
		log_info("%s", texts[a][0]);
	policy_send_alarms(p);
}

void
policy_send_alarms(struct policy *p)
{
	for (unsigned a = 0; a < ALARM__MAX && p->audit != NULL; a++) {
		struct audit_entry e = {.type = AUDIT_ALARM};
		const char *text = texts[a][p->alarm[a]];
		struct pending *d;
		uint32_t id;

		if (p->alarm[a] == p->alarm_told[a] ||
		    (d = policy_pending(p, PENDING_ALARM, &id)) == NULL)
			continue;
		rd_init(&e.text, text, strlen(text));
		d->alarm = a;
		p->alarm_told[a] = p->alarm[a];
		if (policy_record_entry(p, &e, id) != ERR_OK) {
			p->alarm_told[a] = !p->alarm[a];
			slots_drop(p->pending, id);
		}
	}
}

/* ---- the clock ---- */

static int64_t
boot_seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return (int64_t)ts.tv_sec;
}

int64_t
policy_now(struct policy *p)
{
	const int64_t now =
	    clock_guard_now(&p->clock, clock_seconds(), boot_seconds());

	set_alarm(p, ALARM_CLOCK, p->clock.stopped);
	return now;
}

int64_t
policy_now_for(struct policy *p, enum request_kind k)
{
	return k == REQUEST_CLOCK_ACCEPT ? clock_seconds() : policy_now(p);
}

void
policy_clock_start(struct policy *p)
{
	clock_guard_init(&p->clock, clock_seconds(), boot_seconds(),
	    authority_time(p->authority));
	(void)policy_now(p);
}

void
policy_clock_floor(struct policy *p, int64_t floor)
{
	const bool stopped = p->clock.stopped;

	if (floor <= policy_now(p))
		return;
	clock_guard_init(&p->clock, clock_seconds(), boot_seconds(), floor);
	p->clock.stopped |= stopped;
	(void)policy_now(p);
}

void
policy_clock_accept(struct policy *p)
{
	clock_guard_accept(&p->clock, clock_seconds(), boot_seconds());
	set_alarm(p, ALARM_CLOCK, false);
}

/* As the kernel has it from who sets the clock; only read. */
static bool
is_synchronised(void)
{
	struct timex t = {.modes = 0};
	const int state = adjtimex(&t);

	return state != -1 && state != TIME_ERROR &&
	    (t.status & STA_UNSYNC) == 0;
}

/* ---- certificates of LEMFs ---- */

void
policy_lemfs_judge(struct policy *p)
{
	const int64_t then = policy_now(p) + LEMF_CERT_DAYS * 86400LL;
	bool is = false;

	for (unsigned i = 0; i < authority_lemfs(p->authority); i++)
		is |= !persons_cert_valid(authority_lemf(p->authority, i).cert,
		    then);
	set_alarm(p, ALARM_LEMF, is);
}

/* ---- lists of revoked certificates ---- */

void
policy_crls_are(struct policy *p, struct rd body)
{
	bool is = false;

	octets_done(&p->crls_octets);
	if (octets_of(body, &p->crls_octets) != ERR_OK)
		fatal("out of memory");
	if (msg_crls_get(octets_view(&p->crls_octets), &p->crls) != ERR_OK)
		fatal("bad states of lists");
	for (unsigned i = 0; i < p->crls.n; i++)
		is |= p->crls.of[i].is.state > CRL_GOOD;
	set_alarm(p, ALARM_CRL, is);
}

/* ---- the configuration ---- */

static bool
is_approved(const struct policy *p)
{
	uint8_t digest[DIGEST_LEN];

	return digest_of(octets_view(&p->config), digest) == ERR_OK &&
	    memcmp(digest, authority_config(p->authority), DIGEST_LEN) == 0;
}

void
policy_config_judge(struct policy *p)
{
	if (is_approved(p))
		p->config_approved = true;
	set_alarm(p, ALARM_CONFIG, !p->config_approved);
}

static void
note_reload(struct policy *p)
{
	static const char text[] = "configuration read again";
	struct audit_entry e = {.type = AUDIT_CONFIG};

	if (digest_of(octets_view(&p->config), e.digest) != ERR_OK)
		fatal("SHA-256 failed");
	rd_init(&e.text, text, sizeof(text) - 1);
	policy_note(p, &e);
}

void
policy_config_use(struct policy *p, struct rd text, bool starting)
{
	octets_done(&p->config);
	if (octets_of(text, &p->config) != ERR_OK)
		fatal("out of memory");
	p->config_approved = is_approved(p);
	if (!p->config_approved)
		log_error("the configuration differs from the approved one in "
			  "what matters: nothing is released until it is "
			  "approved, or changed back and read again");
	if (!starting)
		note_reload(p);
	set_alarm(p, ALARM_CONFIG, !p->config_approved);
}

const char *
policy_stopped(struct policy *p)
{
	(void)policy_now(p);
	if (p->service.state_old)
		return "the warrant state is an older one";
	if (!p->config_approved)
		return "the configuration in use is not the approved one";
	if (p->clock.stopped)
		return "the clock is behind";
	return p->joined ? NULL : "the audit process has not the warrant state";
}

/* ---- the timer ---- */

static void
on_tick(uv_timer_t *t)
{
	struct policy *p = t->data;

	(void)policy_now(p);
	set_alarm(p, ALARM_SYNC, !is_synchronised());
	policy_lemfs_judge(p);
	policy_send_alarms(p);
	policy_requests_expire(p);
	policy_change_next(p);
}

void
policy_watch_start(struct policy *p)
{
	p->tick.data = p;
	if (uv_timer_init(&p->loop, &p->tick) != 0 ||
	    uv_timer_start(&p->tick, on_tick, 0, TICK_MS) != 0)
		fatal("no timer");
}
