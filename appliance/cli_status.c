/* keywarden status: whether it serves, and what is out of order. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "appliance/cli.h"
#include "appliance/cli_show.h"
#include "base/clock.h"

#define MAX_WAIT 86400
#define STATUS_SECONDS 2

/* Lists of revoked certificates that are not in force, or not for long. */
static void
print_crls(const json_t *j)
{
	const json_t *a = json_object_get(j, "crls"), *o;
	size_t i;

	json_array_foreach (a, i, o) {
		const char *state = cli_str(o, "state");

		if (strcmp(state, "endsSoon") == 0)
			(void)printf("LIST OF REVOKED CERTIFICATES ENDS: "
				     "%s.crl, at %s: bring the next one\n",
			    cli_str(o, "section"), cli_str(o, "ends"));
		else if (strcmp(state, "inForce") != 0)
			(void)printf("NO LIST OF REVOKED CERTIFICATES IN "
				     "FORCE: %s.crl: peers are refused\n",
			    cli_str(o, "section"));
	}
}

/* ---- the token ---- */

static unsigned
in_state(const json_t *j, const char *state)
{
	const json_t *w;
	unsigned n = 0;
	size_t i;

	json_array_foreach (json_object_get(j, "token"), i, w)
		n += strcmp(cli_str(w, "state"), state) == 0;
	return n;
}

static void
print_worker(const json_t *w)
{
	const json_t *pin = json_object_get(w, "pin");
	const char *state = cli_str(w, "state");
	const long long wait = cli_count(w, "nextInMs");

	(void)printf("%s: %s", cli_str(w, "process"), state);
	if (strcmp(state, "serving") == 0)
		(void)printf(", %lld call(s), half of them within %.1f ms, "
			     "all within %.1f ms; self-test %s",
		    cli_count(w, "calls"), (double)cli_count(w, "p50Us") / 1000,
		    (double)cli_count(w, "maxUs") / 1000,
		    cli_str(w, "selfTest"));
	else if (json_object_get(w, "nextInMs") != NULL)
		(void)printf(", next try in %lld s", (wait + 999) / 1000);
	if (cli_count(w, "restarts") > 0)
		(void)printf("; started again %lld time(s)",
		    cli_count(w, "restarts"));
	if (json_is_string(json_object_get(w, "cause"))) {
		(void)printf(", last because: ");
		cli_put_text(cli_str(w, "cause"));
	}
	(void)printf("\n");
	if (json_array_size(pin) > 0)
		(void)printf("TOKEN PIN: %s\n",
		    json_string_value(
			json_array_get(pin, json_array_size(pin) - 1)));
}

static void
print_token(const json_t *j)
{
	const json_t *workers = json_object_get(j, "token"), *w;
	size_t i;

	json_array_foreach (workers, i, w)
		print_worker(w);
	if (in_state(j, "pinRefused") > 0)
		(void)printf("PIN REFUSED: nobody logs in to the token before "
			     "you act: put the right PIN into the PIN file, "
			     "then reload\n");
	if (in_state(j, "selfTestFailed") > 0 &&
	    in_state(j, "selfTestFailed") == json_array_size(workers))
		(void)printf("TOKEN ANSWERS WRONGLY: the self-test fails on "
			     "every process: look at the token\n");
}

/* What persons have to act on, each on a line of its own. */
static void
print_faults(const json_t *j)
{
	if (cli_is(j, "stateOld"))
		(void)printf("OLD STATE: the registry is older than the audit "
			     "log: bring the last one back\n");
	if (cli_count(j, "workers") == 0)
		(void)printf("NO HSM WORKER: the journal says why\n");
	if (cli_is(j, "audit") && !cli_is(j, "logHasRoom"))
		(void)printf("AUDIT LOG FULL: make room, or raise "
			     "audit.most_mib and reload\n");
	if (json_is_false(json_object_get(j, "configApproved")))
		(void)printf("CONFIGURATION NOT APPROVED: 'keywarden config "
			     "show', then 'keywarden config approve'\n");
	if (cli_is(j, "clockStopped"))
		(void)printf(
		    "CLOCK STEPPED BACK: put it right, then 'keywarden "
		    "clock accept'\n");
	if (json_is_false(json_object_get(j, "clockSynchronised")))
		(void)printf("clock not synchronised: is chronyd running?\n");
	if (cli_is(j, "production"))
		(void)printf("production: what is for trials is refused\n");
	print_crls(j);
	if (cli_is(j, "testToken"))
		(void)printf("TEST TOKEN: the keys are files of this "
			     "machine\n");
}

static void
print_confinement(const json_t *j)
{
	const json_t *c = json_object_get(j, "confinement");

	const char *namespaces =
	    json_string_value(json_object_get(c, "namespaces"));

	(void)printf("processes: %s, Landlock %lld, namespaces: %s, %s, %s\n",
	    cli_is(c, "filter") ? "filters" : "NO FILTER",
	    cli_count(c, "landlock"), namespaces == NULL ? "?" : namespaces,
	    cli_is(c, "users") ? "a user each" : "one user",
	    cli_is(c, "memoryLocked") ? "memory locked"
				      : "memory not locked as a whole");
}

/* The DF2/MF, where the role is on. */
static void
print_df2(const json_t *j)
{
	const json_t *x2 = json_object_get(j, "x2"),
		     *hi2 = json_object_get(j, "hi2");

	if (x2 == NULL)
		return;
	(void)printf("x2 %s: %lld connection(s), %lld calls held, %lld "
		     "message(s) taken, %lld of no warrant dropped, %lld "
		     "waiting for their records\n",
	    cli_is(x2, "up") ? "up" : "DOWN", cli_count(x2, "connections"),
	    cli_count(x2, "calls"), cli_count(x2, "sip"),
	    cli_count(x2, "noWarrant"), cli_count(x2, "waiting"));
	(void)printf("hi2 %s: %lld record(s) with keys, %lld that there are "
		     "none, %lld of SIP; %lld waiting, %lld octets\n",
	    cli_is(hi2, "up") ? "up" : "DOWN", cli_count(hi2, "keys"),
	    cli_count(hi2, "noKeys"), cli_count(hi2, "sip"),
	    cli_count(hi2, "waiting"), cli_count(hi2, "octets"));
	if (cli_count(hi2, "alarms") > 0)
		(void)printf("DELIVERY: %lld LEMF(s) not reached, or with a "
			     "queue that is nearly full: 'keywarden "
			     "delivery'\n",
		    cli_count(hi2, "alarms"));
	if (cli_count(hi2, "unknownLemf") > 0)
		(void)printf("LEMF WITHOUT A SECTION: a warrant names one "
			     "that the configuration lacks\n");
}

static int
print_status(json_t *j, bool json)
{
	const bool serving = cli_is(j, "serving");

	if (json) {
		(void)cli_print_json(j);
		return serving ? EXIT_DONE : EXIT_REFUSED;
	}
	(void)printf("%s: %lld hsm worker(s) ready, audit %s, xk %s; change "
		     "%lld, %lld warrants (%lld in force), %lld subscribers, "
		     "%lld clients, %lld requests waiting\n",
	    serving ? "serving" : "NOT SERVING", cli_count(j, "workers"),
	    !cli_is(j, "audit")		  ? "down"
		: cli_is(j, "logHasRoom") ? "up"
					  : "up, its log full",
	    cli_is(j, "xk") ? "up" : "down", cli_count(j, "head"),
	    cli_count(j, "warrants"), cli_count(j, "warrantsInForce"),
	    cli_count(j, "subscribers"), cli_count(j, "clients"),
	    cli_count(j, "requests"));
	print_df2(j);
	print_token(j);
	print_confinement(j);
	print_faults(j);
	json_decref(j);
	return serving ? EXIT_DONE : EXIT_REFUSED;
}

int
cmd_status(const struct command *c, int argc, char **argv)
{
	const char *wait = NULL;
	const struct cli_option own[] = {{.name = "wait", .one = &wait},
	    {NULL, NULL, NULL, 0, NULL, NULL}};
	const struct timespec nap = {0, 100000000};
	struct config *f = NULL;
	struct cli_common common;
	struct why why = {""};
	json_t *j = NULL;
	uint64_t seconds = 0;
	int64_t deadline;
	int code, n;
	enum err rc;

	if ((n = cli_options(c, argc, argv, own, &common, &code)) == -1)
		return code;
	if (n != 0)
		return cli_usage(c, EXIT_USAGE);
	if (wait != NULL && number_get(wait, MAX_WAIT, &seconds) != ERR_OK)
		return cli_misuse(c, "--wait: 0 to %d seconds", MAX_WAIT);
	deadline = clock_uptime_ms() + 1000 * (int64_t)seconds;
	if ((code = cli_config(&common, &f)) != EXIT_DONE)
		return code;
	for (;;) {
		rc = cli_try(f, STATUS_SECONDS, MSG_CLI_STATUS, NULL, 0, &j,
		    &why);
		if (clock_uptime_ms() >= deadline ||
		    (rc == ERR_OK &&
			json_is_true(json_object_get(j, "serving"))))
			break;
		json_decref(j);
		j = NULL;
		(void)nanosleep(&nap, NULL);
	}
	config_free(&f);
	if (rc == ERR_OK)
		return print_status(j, common.json);
	cli_error("%s", why.text);
	return EXIT_NOT_RUNNING;
}
