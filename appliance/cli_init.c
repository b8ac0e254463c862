/*
 * keywarden init: makes the KMS.  All that can be wrong is looked at before
 * anything is made; what was made here goes again when a later step fails.
 */
#include <sys/stat.h>

#include <stdio.h>
#include <string.h>

#include "appliance/cli.h"
#include "appliance/cli_init.h"
#include "appliance/kms_state.h"
#include "appliance/production.h"
#include "hsm/ibe.h"

/* ---- what is asked for ---- */

static enum err
check_order(struct init *t, struct why *why)
{
	struct ibe_strength strength;
	enum key_period period;
	enum err rc;

	if (t->config->kms_uri == NULL)
		rc = why_set(why, ERR_MALFORMED,
		    "kms.uri is not set in the configuration");
	else if (ibe_strength(t->config->kms_scheme, &strength) != ERR_OK)
		rc = why_set(why, ERR_UNSUPPORTED, "kms.scheme %s is not known",
		    t->config->kms_scheme);
	else if (key_period_by_name(t->config->kms_period, &period) != ERR_OK)
		rc = why_set(why, ERR_UNSUPPORTED,
		    "kms.period must be day, week or month");
	else if ((rc = production_check(t->config, true, why)) == ERR_OK &&
	    (rc = config_matters(t->config, t->matters, sizeof(t->matters),
		 why)) == ERR_OK)
		rc = init_read_people(t, why);
	return rc;
}

/* ---- all of it ---- */

static enum err
make_kms(struct init *t, struct why *why)
{
	enum err rc;

	if ((rc = check_order(t, why)) != ERR_OK ||
	    (rc = init_state_dir(t, why)) != ERR_OK)
		return rc;
	if (config_is_softhsm(t->config)) {
		cli_progress("making a SoftHSM token under %s ...",
		    t->config->state_dir);
		if ((rc = init_softhsm(t, why)) != ERR_OK)
			return rc;
	}
	if ((rc = init_make_head(t, why)) != ERR_OK)
		return rc;
	cli_progress("making IBE parameters and the token's keys (some "
		     "seconds) ...");
	if ((rc = init_make_keys(t, why)) != ERR_OK ||
	    (rc = init_sync_token(t, why)) != ERR_OK)
		return rc;
	cli_progress("reading all of it back in a fresh process ...");
	if ((rc = init_read_back(t, why)) != ERR_OK ||
	    (rc = init_sync_head(t, why)) != ERR_OK ||
	    (rc = kms_state_read(t->state_fd, &t->state, &t->state_len, why)) !=
		ERR_OK ||
	    (rc = init_write_log(t, why)) != ERR_OK)
		return rc;
	return init_put_in_force(t, why);
}

static int
report_json(const struct init *t, const struct ibe_strength *s)
{
	const struct config *f = t->config;
	json_t *persons = json_array(), *clients = json_array();

	for (unsigned i = 0; i < t->n_persons; i++)
		json_array_append_new(persons,
		    json_pack("{s:s, s:s}", "name", t->person[i].name, "role",
			role_name(t->person[i].role)));
	for (unsigned i = 0; i < t->n_clients; i++)
		json_array_append_new(clients, json_string(t->client[i].name));
	return cli_print_json(
	    json_pack("{s:s, s:s, s:s, s:i, s:o, s:o, s:s, s:b}", "kms",
		f->kms_uri, "scheme", s->scheme, "period", f->kms_period,
		"strengthBits", (int)s->bits, "persons", persons, "clients",
		clients, "config", t->matters, "testToken",
		(int)t->make_token));
}

static int
report(const struct init *t, bool json)
{
	const struct config *f = t->config;
	struct ibe_strength s;

	if (ibe_strength(f->kms_scheme, &s) != ERR_OK)
		return EXIT_REFUSED;
	if (json)
		return report_json(t, &s);
	(void)printf("KMS %s made: scheme %s, key period %s.\n", f->kms_uri,
	    s.scheme, f->kms_period);
	for (unsigned i = 0; i < t->n_persons; i++)
		(void)printf("  %-16s %s\n", role_name(t->person[i].role),
		    t->person[i].name);
	for (unsigned i = 0; i < t->n_clients; i++)
		(void)printf("  %-16s %s\n", "client", t->client[i].name);
	(void)printf("Note: %s.\n", s.caution);
	if (t->make_token)
		(void)printf("TEST TOKEN: SoftHSM keeps its keys in files "
			     "under %s/%s.\nTake %s/%s/so-pin away from this "
			     "machine; the user PIN is in %s.\n",
		    f->state_dir, STATE_TOKEN, f->state_dir, STATE_TOKEN,
		    f->pin_file);
	(void)printf("Next: start keywardend, then 'keywarden subscriber add' "
		     "and 'keywarden warrant new'.\n");
	return EXIT_DONE;
}

int
cmd_init(const struct command *c, int argc, char **argv)
{
	static struct init t = {.lock_fd = -1,
	    .draft_fd = -1,
	    .state_fd = -1,
	    .head_fd = -1};
	static const char *const role_option[ROLE__MAX] = {"officer",
	    "security-officer", "engineer", "auditor"};
	struct cli_option own[ROLE__MAX + 2] = {{.name = "client",
	    .many = t.client_arg,
	    .most = MAX_CLIENTS,
	    .n = &t.n_client_args}};
	struct cli_common common;
	struct why why = {""};
	int code, n;

	for (unsigned i = 0; i < ROLE__MAX; i++)
		own[1 + i] = (struct cli_option){.name = role_option[i],
		    .many = t.person_arg[i],
		    .most = MAX_INIT_PERSONS,
		    .n = &t.n_person_args[i]};
	(void)umask(077);
	if ((n = cli_options(c, argc, argv, own, &common, &code)) == -1)
		return code;
	if (n != 0)
		return cli_usage(c, EXIT_USAGE);
	if ((code = cli_config(&common, &t.config)) != EXIT_DONE)
		return code;
	if (make_kms(&t, &why) != ERR_OK) {
		cli_error("%s", why.text);
		init_undo(&t);
		return EXIT_CONFIG;
	}
	return report(&t, common.json);
}
