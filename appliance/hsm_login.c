#include <unistd.h>

#include "appliance/hsm_login.h"
#include "appliance/production.h"
#include "base/log.h"
#include "base/secret_fd.h"

enum err
hsm_read_pin(int fd, struct secret **out, struct why *why)
{
	const enum err rc = secret_read(fd, out);

	close(fd);
	if (rc == ERR_NOMEM)
		return why_set(why, rc,
		    "no locked memory for the PIN (RLIMIT_MEMLOCK)");
	return rc == ERR_OK
	    ? ERR_OK
	    : why_set(why, ERR_PIN,
		  "the PIN file is empty, unreadable or too long");
}

enum err
hsm_place_get(struct rd settings, struct hsm_place *out)
{
	enum err rc = hsm_settings_get(settings, &out->settings);

	if (rc == ERR_OK)
		rc = view_text(out->settings.module, out->module,
		    sizeof(out->module));
	return rc != ERR_OK
	    ? rc
	    : view_text(out->settings.label, out->label, sizeof(out->label));
}

/* That somebody has tried a wrong PIN is to be seen, before one more does. */
static void
warn_of_pin(uint8_t pin)
{
	static const struct {
		uint8_t says;
		const char *sentence;
	} rows[] = {
	    {HSM_PIN_LOCKED, "the token says that its user PIN is locked now"},
	    {HSM_PIN_FINAL_TRY, "the token says that one PIN try is left"},
	    {HSM_PIN_COUNT_LOW, "the token says that a wrong PIN was tried"},
	    {HSM_PIN_WAS_LOW,
		"before this login a wrong PIN was tried, says the token"},
	    {HSM_PIN_TO_BE_CHANGED,
		"the token says that its user PIN must be changed"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if ((pin & rows[i].says) != 0)
			log_warning("%s", rows[i].sentence);
}

enum err
hsm_log_in(const struct hsm_place *at, int pin_fd, struct hsm **out,
    struct why *why)
{
	struct secret *pin = NULL;
	enum err rc;

	(void)alarm(at->settings.job_seconds);
	if ((rc = hsm_read_pin(pin_fd, &pin, why)) != ERR_OK)
		return rc;
	rc = hsm_open(at->module, at->label, pin, out, why);
	secret_free(&pin);
	if (rc != ERR_OK)
		return rc;
	warn_of_pin(hsm_info(*out)->pin);
	return at->settings.production && hsm_info(*out)->test_token
	    ? why_set(why, ERR_MALFORMED, PRODUCTION_NO_SOFTHSM)
	    : ERR_OK;
}
