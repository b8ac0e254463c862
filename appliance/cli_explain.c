/* keywarden explain: what an entry of the audit log says, in sentences. */
#include <stdio.h>
#include <string.h>

#include "appliance/cli_log.h"
#include "appliance/cli_show.h"
#include "policy/rfc3339.h"
#include "xk/mikey.h"
#include "xk/xk_pdu.h"

/* An entry that outlives the reader's step to the next one. */
struct kept {
	bool there;
	struct audit_entry e;
	uint8_t leaf[MAX_AUDIT_LEAF];
};

struct wanted {
	bool last;
	uint64_t number;
	struct kept entry, outcome;
};

static enum err
keep(struct kept *k, const struct audit_entry *e)
{
	struct rd leaf;
	size_t len;
	enum err rc;

	if ((rc = audit_entry_encode(e, k->leaf, &len)) != ERR_OK)
		return rc;
	rd_init(&leaf, k->leaf, len);
	rc = audit_entry_decode(leaf, &k->e);
	k->there = rc == ERR_OK;
	return rc;
}

static bool
has_a_story(const struct audit_entry *e)
{
	return e->type == AUDIT_KEY_INTENT || e->type == AUDIT_KEY_REFUSED ||
	    e->type == AUDIT_CHANGE;
}

static enum err
look(struct wanted *w, const struct audit_entry *e)
{
	if (w->last ? has_a_story(e) : e->number == w->number) {
		w->outcome.there = false;
		return keep(&w->entry, e);
	}
	/* The last word counts. */
	if (w->entry.there && (audit_fields(e->type) & AUDIT_F_REF) &&
	    (e->type == AUDIT_KEY_OUTCOME || e->type == AUDIT_ABANDONED ||
		e->type == AUDIT_SUBSCRIBER_OUTCOME ||
		e->type == AUDIT_QUEUE_KEY_OUTCOME) &&
	    e->ref == w->entry.e.number)
		return keep(&w->outcome, e);
	return ERR_OK;
}

/* ---- sentences ---- */

static void
put(struct rd v)
{
	char text[1024 + 1];
	const size_t n = v.left < sizeof(text) ? v.left : sizeof(text) - 1;

	memcpy(text, v.p, n);
	text[n] = '\0';
	cli_put_text(text);
}

static const char *
when(int64_t realtime_ns, char out[RFC3339_LEN])
{
	return rfc3339_print(realtime_ns / 1000000000, out);
}

/* What to do about a refusal. */
static const char *const advice[XK_REASON__MAX] = {
    [XK_MALFORMED] = "Have the DF2/MF's operator look at what it sends: this "
		     "is no question of warrants.",
    [XK_NO_AUTHORISATION] =
	"If it should have been allowed, 'keywarden warrant list' shows the "
	"warrants with their targets, clients, LIIDs and periods; officers "
	"change that with 'keywarden warrant new', 'extend' or 'resume'.",
    [XK_TARGET_MISMATCH] =
	"Check that the DF2/MF sends the messages of one call, and under "
	"which identity the target takes part in it.",
    [XK_NOT_REPRODUCIBLE] =
	"Check that the DF2/MF sends all messages of the call unaltered, and "
	"that the target's device has the seed that is enrolled ('keywarden "
	"subscriber list').",
    [XK_UNKNOWN_SUBSCRIBER] =
	"Enrol the target: 'keywarden subscriber add', signed by two security "
	"officers.",
    [XK_UNSUPPORTED] = "The call uses what this version does not serve; "
		       "nothing in the configuration changes that.",
    [XK_UNAVAILABLE] = "'keywarden status' tells what is out of order; the "
		       "DF2/MF may ask again.",
    [XK_OVERLOADED] = "The DF2/MF may ask again, and not so much at once; "
		      "token.workers and xk.max_outstanding set what is "
		      "served at a time.",
};

/* The same where the appliance has taken the call off X2 itself. */
static const char *const hi2_advice[XK_REASON__MAX] = {
    [XK_MALFORMED] = "The phones, or the CSCF that reported them, sent MIKEY "
		     "messages that are none.",
    [XK_NO_AUTHORISATION] =
	"'keywarden warrant list' shows the period; callsBefore covers calls "
	"from before its start.",
    [XK_TARGET_MISMATCH] =
	"Check under which identity the target takes part in its calls, and "
	"that the warrant's XIDs are this target's.",
    [XK_NOT_REPRODUCIBLE] =
	"Check that the CSCF reports all messages of a call, and that the "
	"target's device has the seed that is enrolled ('keywarden subscriber "
	"list').",
    [XK_UNKNOWN_SUBSCRIBER] =
	"Enrol the target: 'keywarden subscriber add', signed by two security "
	"officers.",
    [XK_UNSUPPORTED] =
	"The call uses what this version does not serve; or it has keys, and "
	"the certificates of its LEMFs have all ended, so that none could be "
	"sealed ('keywarden lemf list').",
    [XK_UNAVAILABLE] = "It is tried again by itself; 'keywarden status' "
		       "tells what is out of order.",
    [XK_OVERLOADED] = "It is tried again by itself; token.workers sets what "
		      "is served at a time.",
};

static void
put_hi2_advice(uint8_t reason)
{
	if (reason < XK_REASON__MAX && hi2_advice[reason] != NULL)
		(void)printf("%s\n", hi2_advice[reason]);
}

static void
put_reason(uint8_t reason)
{
	const enum xk_reason r = (enum xk_reason)reason;

	(void)printf("%s (%s)", xk_reason_name(r), xk_reason_text(r));
}

static void
put_advice(uint8_t reason)
{
	if (reason < XK_REASON__MAX && advice[reason] != NULL)
		(void)printf("%s\n", advice[reason]);
}

/* Was it intercepted here, for a LEMF, and not asked for over Xk? */
static bool
for_hi2(const struct audit_entry *e)
{
	return rd_is(&e->client, AUDIT_SELF, strlen(AUDIT_SELF));
}

static void
who_asked(const struct audit_entry *e)
{
	char t[RFC3339_LEN];
	int64_t call;

	(void)printf("Entry %llu: on %s ", (unsigned long long)e->number,
	    when(e->realtime_ns, t));
	if (for_hi2(e))
		(void)printf("this appliance saw a call whose keys are to go "
			     "over HI2, of ");
	else {
		(void)printf("client ");
		put(e->client);
		(void)printf(" asked for the keys of a call of ");
	}
	put(e->target);
	if (e->liid.left > 0) {
		(void)printf(", LIID ");
		put(e->liid);
	}
	(void)printf(".\n");
	if (e->ts_type == MIKEY_TS_COUNTER && e->ts != 0)
		(void)printf("The call has a counter in place of a time.\n");
	else if (e->ts != 0 &&
	    mikey_unix_time((enum mikey_ts)e->ts_type, e->ts, &call) == ERR_OK)
		(void)printf("The call began at %s.\n", rfc3339_print(call, t));
	else
		(void)printf("When the call began is not known.\n");
}

static void
explain_refused(const struct audit_entry *e)
{
	who_asked(e);
	(void)printf("It was refused: ");
	put_reason(e->reason);
	(void)printf(".\n");
	if (e->text.left > 0) {
		(void)printf("In particular: ");
		put(e->text);
		(void)printf(".\n");
	}
	if (!for_hi2(e))
		put_advice(e->reason);
	else
		put_hi2_advice(e->reason);
}

static void
explain_intent(const struct audit_entry *e, const struct kept *outcome)
{
	char hex[2 * WARRANT_ID_LEN + 1], t[RFC3339_LEN];
	const struct audit_entry *o = &outcome->e;

	who_asked(e);
	hex_put(e->warrant, sizeof(e->warrant), hex);
	(void)printf("Warrant %s allows it%s.\n", hex,
	    e->test ? "; it was a test call under a test warrant" : "");
	if (!outcome->there) {
		(void)printf("What came of it is not in the log: it is under "
			     "way, or the log ends before it.\n");
		return;
	}
	if (o->type == AUDIT_ABANDONED) {
		(void)printf("It was abandoned when the appliance ended or a "
			     "process of it (entry %llu): no key was released "
			     "by it.\nThe DF2/MF may ask again.\n",
		    (unsigned long long)o->number);
		return;
	}
	if (o->reason == XK_GRANTED) {
		(void)printf("%u session key%s released on %s (entry %llu).\n",
		    (unsigned)o->n_keys, o->n_keys == 1 ? " was" : "s were",
		    when(o->realtime_ns, t), (unsigned long long)o->number);
		return;
	}
	(void)printf("No key was released (entry %llu): ",
	    (unsigned long long)o->number);
	put_reason(o->reason);
	(void)printf(".\n");
	if (for_hi2(e))
		put_hi2_advice(o->reason);
	else
		put_advice(o->reason);
}

/* What took effect, by kind; the target is a name or an identity. */
static const char *const effect[REQUEST__MAX] = {
    [REQUEST_WARRANT_ADD] = "a warrant was entered",
    [REQUEST_WARRANT_EXTEND] = "a warrant was extended",
    [REQUEST_WARRANT_END] = "a warrant was given an earlier end",
    [REQUEST_WARRANT_SUSPEND] = "a warrant was suspended",
    [REQUEST_WARRANT_RESUME] = "a suspended warrant was resumed",
    [REQUEST_WARRANT_REVOKE] = "a warrant was revoked for good",
    [REQUEST_PERSON_ADD] = "a person was enrolled",
    [REQUEST_PERSON_REMOVE] = "a person left office",
    [REQUEST_PERSON_CERTIFICATE] = "a person got another certificate",
    [REQUEST_CLIENT_ADD] = "a client was enrolled, or got another certificate",
    [REQUEST_CLIENT_REMOVE] = "a client was removed",
    [REQUEST_CONFIG_SET] = "another configuration was approved",
    [REQUEST_SUBSCRIBER_ADD] = "a subscriber was enrolled",
    [REQUEST_SUBSCRIBER_DEVICES] = "a subscriber's devices were altered",
    [REQUEST_SUBSCRIBER_REMOVE] = "a subscriber was removed",
    [REQUEST_CLOCK_ACCEPT] = "the clock was accepted as it is",
    [REQUEST_LEMF_ADD] = "a LEMF got a certificate, to which keys are sealed",
    [REQUEST_LEMF_REMOVE] = "a LEMF gets keys in clear again",
};

static void
explain_change(const struct audit_entry *e)
{
	static const uint8_t none[WARRANT_ID_LEN];
	char hex[2 * WARRANT_ID_LEN + 1], t[RFC3339_LEN];

	(void)printf("Entry %llu: on %s change %llu of the warrant state took "
		     "effect: %s",
	    (unsigned long long)e->number, when(e->realtime_ns, t),
	    (unsigned long long)e->ref,
	    e->reason < REQUEST__MAX ? effect[e->reason]
				     : "of a kind this version does not know");
	if (e->target.left > 0) {
		(void)printf(": ");
		put(e->target);
	}
	(void)printf(".\n");
	if (e->liid.left > 0) {
		(void)printf("Its LIID is ");
		put(e->liid);
		(void)printf(".\n");
	}
	hex_put(e->warrant, sizeof(e->warrant), hex);
	if (memcmp(e->warrant, none, sizeof(none)) != 0)
		(void)printf("The warrant is %s ('keywarden warrant list').\n",
		    hex);
	(void)printf("Signed by ");
	put(e->text);
	(void)printf(".\n");
}

static void
explain_delivery(const struct audit_entry *e)
{
	(void)printf("It is about %u records for LEMF ", e->n_keys);
	put(e->client);
	(void)printf(".\n");
}

/* The others say what they say in their text. */
static void
explain_other(const struct audit_entry *e)
{
	char t[RFC3339_LEN];

	(void)printf("Entry %llu, %s, on %s.\n", (unsigned long long)e->number,
	    audit_type_name(e->type), when(e->realtime_ns, t));
	if (e->type == AUDIT_HEAD && e->ref == 0)
		(void)printf("An hsm worker has sealed the warrant state as "
			     "init made it.\n");
	else if (e->type == AUDIT_HEAD)
		(void)printf("An hsm worker has judged change %llu itself and "
			     "sealed the state behind it: it is in effect.\n",
		    (unsigned long long)e->ref);
	if ((audit_fields(e->type) & AUDIT_F_TEXT) && e->type != AUDIT_HEAD &&
	    e->text.left > 0) {
		put(e->text);
		(void)printf("\n");
	}
	if (e->type == AUDIT_QUEUE_KEY_INTENT)
		(void)printf("The token was to unwrap data key %llu of the "
			     "queue, so that records can be delivered.\n",
		    (unsigned long long)e->ref);
	if (e->type == AUDIT_DELIVERY)
		explain_delivery(e);
	if (e->type == AUDIT_KEY_OUTCOME || e->type == AUDIT_ABANDONED ||
	    e->type == AUDIT_SUBSCRIBER_OUTCOME ||
	    e->type == AUDIT_QUEUE_KEY_OUTCOME)
		(void)printf("It is what came of entry %llu: 'keywarden "
			     "explain %llu'.\n",
		    (unsigned long long)e->ref, (unsigned long long)e->ref);
}

static int
explain(const struct wanted *w, bool json)
{
	const struct audit_entry *e = &w->entry.e;

	if (json) {
		json_t *j = json_object();

		json_object_set_new(j, "entry", cli_entry_json(e));
		if (w->outcome.there)
			json_object_set_new(j, "outcome",
			    cli_entry_json(&w->outcome.e));
		return cli_print_json(j);
	}
	if (e->type == AUDIT_KEY_REFUSED)
		explain_refused(e);
	else if (e->type == AUDIT_KEY_INTENT)
		explain_intent(e, &w->outcome);
	else if (e->type == AUDIT_CHANGE)
		explain_change(e);
	else
		explain_other(e);
	return EXIT_DONE;
}

/* Through the whole log, for the last word may be its last entry. */
static int
find(struct log_reading *t, struct wanted *w)
{
	struct audit_entry e;
	struct why why = {""};
	enum err rc;

	while ((rc = cli_log_next(t, &e, &why)) == ERR_OK)
		if (look(w, &e) != ERR_OK)
			return EXIT_REFUSED;
	if (rc != ERR_NOTFOUND) {
		cli_error("%s", why.text);
		return EXIT_UNSOUND;
	}
	if (w->entry.there)
		return EXIT_DONE;
	if (w->last)
		cli_error("the log has no key request and no change yet");
	else
		cli_error("the log has no entry %llu: it ends before it "
			  "('keywarden audit show' lists them)",
		    (unsigned long long)w->number);
	return EXIT_REFUSED;
}

int
cmd_explain(const struct command *c, int argc, char **argv)
{
	static struct wanted w;
	struct log_reading t = {.fd = -1};
	const struct cli_option own[] = {{.name = "log", .one = &t.log},
	    {.name = "last", .flag = &w.last}, {.name = NULL}};
	int code = EXIT_DONE, n;

	if ((n = cli_options(c, argc, argv, own, &t.common, &code)) == -1)
		return code;
	if (n != (w.last ? 0 : 1))
		return cli_usage(c, EXIT_USAGE);
	if (!w.last &&
	    number_get(argv[argc - 1], INT64_MAX, &w.number) != ERR_OK)
		return cli_misuse(c, "%s: not the number of an entry",
		    argv[argc - 1]);
	if ((code = cli_log_open(&t)) == EXIT_DONE &&
	    (code = find(&t, &w)) == EXIT_DONE)
		code = explain(&w, t.common.json);
	cli_log_close(&t);
	return code;
}
