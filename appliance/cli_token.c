/* keywarden token probe: what a token can do, and what follows from it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "appliance/cli.h"
#include "appliance/cli_secret.h"
#include "appliance/cli_token.h"
#include "appliance/reach.h"
#include "appliance/spawn.h"

#define STEP_SECONDS 60
#define IDLE_MS 1000
#define MAX_SECONDS 3600

extern char **environ;

struct asked {
	const char *module, *label, *slot, *pin_file, *idle, *seconds;
	const char *calls[REACH_MOST];
	unsigned n_calls;
	bool quick, json;
};

/* ---- for people ---- */

static void
print_head(const struct probe *p)
{
	(void)printf("Token \"%s\" in slot %llu: %s, %s, serial %s%s\n\n",
	    p->label, (unsigned long long)p->slot, p->manufacturer, p->model,
	    p->serial, p->test_token ? "; TEST TOKEN" : "");
}

static void
print_one(const struct probe *p, enum cap c)
{
	static const char *const word[CAP_STATE__MAX] = {[CAP_UNTRIED] = "-",
	    [CAP_WORKS] = "yes",
	    [CAP_AROUND] = "around",
	    [CAP_MISSING] = "NO",
	    [CAP_LOST] = "LOST"};
	const struct cap_result *r = &p->caps.of[c];

	(void)printf("%-7s %s%s%s",
	    r->state == CAP_MISSING && cap_row(c)->lack == NULL
		? "no"
		: word[r->state],
	    cap_row(c)->name, r->text[0] == '\0' ? "" : ": ", r->text);
	if (r->tenths > 0)
		(void)printf("; %u.%u in a second", r->tenths / 10,
		    r->tenths % 10);
	(void)printf("\n        %s\n", cap_row(c)->use);
}

/* As soon as it is known: some steps take seconds. */
static void
heard(void *ctx, const struct probe *p, enum cap c)
{
	const struct asked *a = ctx;

	if (a->json)
		return;
	if (c == CAP_LOGIN)
		print_head(p);
	print_one(p, c);
	(void)fflush(stdout);
}

/* ---- verdict ---- */

static int
verdict(const struct probe *p, struct why *why)
{
	switch (caps_judge(&p->caps, CAP__MAX, why)) {
	case ERR_OK:
		(void)why_set(why, ERR_OK, "%s",
		    p->test_token
			? "usable, as a TEST TOKEN: for trials; \"production "
			  "= true\" refuses it"
			: "usable");
		return EXIT_DONE;
	case ERR_UNSUPPORTED:
		return EXIT_REFUSED;
	default:
		return EXIT_NOT_RUNNING;
	}
}

static json_t *
checks_json(const struct caps *c)
{
	json_t *all = json_array();

	for (enum cap i = 0; i < CAP__MAX; i++) {
		const struct cap_row *row = cap_row(i);
		const struct cap_result *r = &c->of[i];
		json_t *one = json_pack("{s:s, s:s, s:s, s:s, s:s, s:b}",
		    "check", row->key, "name", row->name, "state",
		    cap_state_name(r->state), "seen", r->text, "use", row->use,
		    "needed", (int)(row->lack != NULL));

		if (r->tenths > 0)
			json_object_set_new(one, "perSecond",
			    json_real(r->tenths / 10.0));
		json_array_append_new(all, one);
	}
	return all;
}

static int
report(const struct probe *p, const struct asked *a)
{
	struct why why = {""};
	const int code = verdict(p, &why);

	if (!a->json) {
		(void)printf("\nVerdict: %s\n", why.text);
		return code;
	}
	(void)cli_print_json(
	    json_pack("{s:{s:s, s:s, s:s, s:s, s:I}, s:o, s:b, s:b, s:s}",
		"token", "label", p->label, "manufacturer", p->manufacturer,
		"model", p->model, "serial", p->serial, "slot",
		(json_int_t)p->slot, "checks", checks_json(&p->caps), "usable",
		(int)(code == EXIT_DONE), "testToken", (int)p->test_token,
		"verdict", why.text));
	return code;
}

/* ---- what is asked for ---- */

static int
take_numbers(const struct command *c, const struct asked *a, struct probe *p)
{
	uint64_t idle = IDLE_MS / 1000, seconds = STEP_SECONDS;

	if (a->slot != NULL && a->label != NULL)
		return cli_misuse(c, "--label or --slot, not both");
	if (a->slot != NULL &&
	    number_get(a->slot, UINT64_MAX, &p->order.slot) != ERR_OK)
		return cli_misuse(c, "--slot: a number");
	p->order.by_slot = a->slot != NULL;
	if (a->idle != NULL &&
	    number_get(a->idle, MAX_PROBE_IDLE_MS / 1000, &idle) != ERR_OK)
		return cli_misuse(c, "--idle: 0 to %d seconds",
		    MAX_PROBE_IDLE_MS / 1000);
	if (a->seconds != NULL &&
	    (number_get(a->seconds, MAX_SECONDS, &seconds) != ERR_OK ||
		seconds == 0))
		return cli_misuse(c, "--seconds: 1 to %d", MAX_SECONDS);
	p->order.idle_ms = (uint32_t)idle * 1000;
	p->order.quick = a->quick;
	p->seconds = (unsigned)seconds;
	return EXIT_DONE;
}

/* Of a module that is named; else they are the configuration's. */
static int
take_calls(const struct command *c, const struct asked *a)
{
	struct reach r = {.n_ports = 0};
	char text[REACH_TEXT_MAX];
	struct why why = {""};

	if (a->n_calls == 0)
		return EXIT_DONE;
	if (a->module == NULL)
		return cli_misuse(c,
		    "--calls goes with --module: without it token.calls "
		    "counts");
	for (unsigned i = 0; i < a->n_calls; i++)
		if (reach_add(&r, "--calls", a->calls[i], &why) != ERR_OK)
			return cli_misuse(c, "%s", why.text);
	reach_print(&r, text);
	return setenv(REACH_ENV, text, 1) == 0 ? EXIT_DONE : EXIT_CONFIG;
}

/* Module, token, PIN and environment are those that keywardend would take. */
static void
take_config(const struct config *f, struct asked *a, struct probe *p)
{
	a->module = f->token_module;
	if (a->label == NULL && a->slot == NULL)
		a->label = f->token_label;
	if (a->pin_file == NULL)
		a->pin_file = f->pin_file;
	p->env = spawn_hsm_env(f);
	p->state = config_path(f, STATE_KMS);
}

static enum err
run(struct asked *a, struct probe *p, struct why *why)
{
	char what[MAX_NAME + 32];
	enum err rc;

	rd_init(&p->order.module, a->module, strlen(a->module));
	rd_init(&p->order.label, a->label,
	    a->label == NULL ? 0 : strlen(a->label));
	if (p->order.label.left > 32)
		return why_set(why, ERR_TOOBIG,
		    "a token's label has at most 32 characters");
	(void)snprintf(what, sizeof(what), "PIN of the token%s%.32s",
	    a->label == NULL ? "" : " ", a->label == NULL ? "" : a->label);
	if ((rc = cli_secret(a->pin_file, what, &p->pin, why)) != ERR_OK)
		return rc;
	cli_progress("trying the token (some seconds) ...");
	rc = probe_run(p, heard, a, why);
	secret_free(&p->pin);
	return rc;
}

int
cmd_token_probe(const struct command *c, int argc, char **argv)
{
	static struct probe p;
	struct asked a = {.module = NULL};
	const struct cli_option own[] = {{.name = "module", .one = &a.module},
	    {.name = "label", .one = &a.label},
	    {.name = "slot", .one = &a.slot},
	    {.name = "pin-file", .one = &a.pin_file},
	    {.name = "idle", .one = &a.idle},
	    {.name = "seconds", .one = &a.seconds},
	    {.name = "calls",
		.many = a.calls,
		.most = REACH_MOST,
		.n = &a.n_calls},
	    {.name = "quick", .flag = &a.quick}, {.name = NULL}};
	struct cli_common common;
	struct config *f = NULL;
	struct why why = {""};
	int code, n;
	enum err rc;

	if ((n = cli_options(c, argc, argv, own, &common, &code)) == -1)
		return code;
	if (n != 0)
		return cli_usage(c, EXIT_USAGE);
	if ((code = take_numbers(c, &a, &p)) != EXIT_DONE ||
	    (code = take_calls(c, &a)) != EXIT_DONE)
		return code;
	a.json = common.json;
	p.env = environ;
	if (a.module == NULL) {
		if ((code = cli_config(&common, &f)) != EXIT_DONE)
			return code;
		take_config(f, &a, &p);
	}
	if ((rc = run(&a, &p, &why)) != ERR_OK)
		cli_error("%s", why.text);
	code = rc == ERR_OK ? report(&p, &a) : EXIT_CONFIG;
	if (f != NULL)
		spawn_env_free(p.env);
	free(p.state);
	config_free(&f);
	return code;
}
