/*
 * keywarden init: makes the KMS.  All that can be wrong is looked at before
 * anything is made; what was made here goes again when a later step fails.
 */
#include <sys/stat.h>

#include <stdio.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "appliance/cli.h"
#include "appliance/cli_init.h"
#include "appliance/kms_state.h"
#include "hsm/ibe.h"

/* ---- what is asked for ---- */

/* One that has ended signs nothing any more. */
static enum err
valid_now(const X509 *x, struct why *why)
{
	if (X509_cmp_current_time(X509_get0_notAfter(x)) != 1)
		return why_set(why, ERR_DENIED, "the certificate has ended");
	if (X509_cmp_current_time(X509_get0_notBefore(x)) != -1)
		return why_set(why, ERR_DENIED,
		    "the certificate is not valid yet");
	return ERR_OK;
}

static enum err
read_officer(struct init *t, unsigned i, struct why *why)
{
	const char *eq = strchr(t->officer[i], '=');
	unsigned char *der = NULL;
	struct why what = {""};
	struct rd view;
	BIO *b;
	X509 *x;
	int n;
	enum err rc;

	if (eq == NULL || eq == t->officer[i] ||
	    (size_t)(eq - t->officer[i]) > MAX_NAME)
		return why_set(why, ERR_MALFORMED,
		    "--officer %s: not NAME=CERT.pem", t->officer[i]);
	memcpy(t->name[i], t->officer[i], (size_t)(eq - t->officer[i]));
	if ((b = BIO_new_file(eq + 1, "r")) == NULL)
		return why_errno(why, "--officer %s", t->officer[i]);
	x = PEM_read_bio_X509(b, NULL, NULL, NULL);
	BIO_free(b);
	if (x == NULL || (n = i2d_X509(x, &der)) <= 0) {
		X509_free(x);
		return why_set(why, ERR_MALFORMED,
		    "--officer %s: no PEM certificate in it", t->officer[i]);
	}
	rc = valid_now(x, &what);
	X509_free(x);
	t->cert[i] = der;
	t->cert_len[i] = (size_t)n;
	rd_init(&view, der, (size_t)n);
	if (rc == ERR_OK)
		rc = officers_add(t->set, t->name[i], view, &what);
	return rc == ERR_OK
	    ? ERR_OK
	    : why_set(why, rc, "--officer %s: %s", t->officer[i], what.text);
}

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
	else if (t->n_officers < 2)
		rc = why_set(why, ERR_MALFORMED,
		    "a warrant takes two officers: give --officer at least "
		    "twice");
	else
		rc = officers_new(&t->set);
	for (unsigned i = 0; i < t->n_officers && rc == ERR_OK; i++)
		rc = read_officer(t, i, why);
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
	cli_progress("making IBE parameters and the token's keys (some "
		     "seconds) ...");
	if ((rc = init_make_keys(t, why)) != ERR_OK ||
	    (rc = init_sync_token(t, why)) != ERR_OK)
		return rc;
	cli_progress("reading all of it back in a fresh process ...");
	if ((rc = init_read_back(t, why)) != ERR_OK ||
	    (rc = kms_state_read(t->state_fd, &t->state, &t->state_len, why)) !=
		ERR_OK ||
	    (rc = init_write_log(t, why)) != ERR_OK)
		return rc;
	return init_put_in_force(t, why);
}

static int
report(const struct init *t, bool json)
{
	const struct config *f = t->config;
	struct ibe_strength s;
	json_t *j;

	if (ibe_strength(f->kms_scheme, &s) != ERR_OK)
		return EXIT_REFUSED;
	if (json) {
		j = json_pack("{s:s, s:s, s:s, s:i, s:i, s:b}", "kms",
		    f->kms_uri, "scheme", s.scheme, "period", f->kms_period,
		    "strengthBits", (int)s.bits, "officers", (int)t->n_officers,
		    "testToken", (int)t->make_token);
		return cli_print_json(j);
	}
	(void)printf("KMS %s made: scheme %s, key period %s, %u officers.\n",
	    f->kms_uri, s.scheme, f->kms_period, t->n_officers);
	(void)printf("Note: %s.\n", s.caution);
	if (t->make_token)
		(void)printf("TEST TOKEN: SoftHSM keeps its keys in files "
			     "under %s/%s.\nTake %s/%s/so-pin away from this "
			     "machine; the user PIN is in %s.\n",
		    f->state_dir, STATE_TOKEN, f->state_dir, STATE_TOKEN,
		    f->pin_file);
	(void)printf("Next: start keywardend, then 'keywarden subscriber add' "
		     "and 'keywarden warrant add'.\n");
	return EXIT_DONE;
}

int
cmd_init(const struct command *c, int argc, char **argv)
{
	static struct init t = {.lock_fd = -1, .draft_fd = -1, .state_fd = -1};
	const struct cli_option own[] = {{.name = "officer",
					     .many = t.officer,
					     .most = MAX_OFFICERS,
					     .n = &t.n_officers},
	    {NULL, NULL, NULL, 0, NULL, NULL}};
	struct cli_common common;
	struct why why = {""};
	int code, n;

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
