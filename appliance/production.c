#include <sys/stat.h>

#include <limits.h>
#include <string.h>

#include "appliance/production.h"
#include "appliance/sandbox.h"

struct asked {
	const struct config *f;
	bool pin_file;
};

static bool
is_softhsm(const struct asked *a)
{
	return config_is_softhsm(a->f);
}

/* Where a folder is, or, as long as it has not been made, will be. */
static bool
stat_place(const char *path, struct stat *out)
{
	char place[PATH_MAX];
	char *slash;

	if (strlen(path) >= sizeof(place))
		return false;
	memcpy(place, path, strlen(path) + 1);
	while (stat(place, out) == -1) {
		if ((slash = strrchr(place, '/')) == NULL || slash == place)
			return stat("/", out) == 0;
		*slash = '\0';
	}
	return true;
}

/* Who has the disk must not have the PIN with it. */
static bool
pin_on_same_disk(const struct asked *a)
{
	struct stat pin, dir;

	return a->pin_file && stat(a->f->pin_file, &pin) == 0 &&
	    stat_place(a->f->state_dir, &dir) && pin.st_dev == dir.st_dev;
}

static bool
uses_pem_key(const struct asked *a)
{
	return config_uses_pem_key(a->f);
}

static bool
is_not_confined(const struct asked *a)
{
	(void)a;
	return !sandbox_is_built();
}

static bool
leaves_layer_out(const struct asked *a)
{
	return a->f->landlock == 0 || a->f->namespaces != LAYER_YES ||
	    a->f->users != LAYER_YES || a->f->memory_locked != LAYER_YES;
}

/* A pin is not revoked by its CA: it is taken out of the configuration. */
static bool
lemf_without_crl(const struct asked *a)
{
	for (unsigned i = 0; i < a->f->n_lemfs; i++) {
		const struct config_link *k = &a->f->lemf[i].link;

		if (config_is_linked(a->f, &a->f->lemf[i]) &&
		    k->server_ca != NULL && k->crl == NULL && k->n_pins == 0)
			return true;
	}
	return false;
}

static bool
crl_not_said(const struct asked *a)
{
	const char *section[CONFIG_PEERS];

	return config_without_crl(a->f, section) > 0;
}

static const struct {
	bool (*fails)(const struct asked *);
	const char *sentence;
} conditions[] = {
    {is_softhsm, "token.module is SoftHSM, whose keys are files: a TEST TOKEN"},
    {pin_on_same_disk,
	"token.pin_file is on the disk of state_dir: keep the PIN as a systemd "
	"credential or on a file system in memory, or give it by --pin-fd"},
    {is_not_confined,
	"these programs were built without their filters "
	"(KW_SANDBOX=OFF)"},
    {leaves_layer_out,
	"sandbox does not demand each layer: namespaces, users and "
	"memory_locked are \"yes\", landlock is not 0"},
    {uses_pem_key,
	"a key of TLS is a PEM file: in each section key = \"token\""},
    {crl_not_said,
	"a section xk, x2 or xk_client has no crl: a file of lists of revoked "
	"certificates, or \"none\""},
    {lemf_without_crl, "a LEMF with server_ca has neither crl nor pin"},
};

enum err
production_check(const struct config *f, bool pin_file, struct why *why)
{
	const struct asked a = {f, pin_file};

	for (size_t i = 0;
	     f->production && i < sizeof(conditions) / sizeof(*conditions); i++)
		if (conditions[i].fails(&a))
			return why_set(why, ERR_DENIED, "production = true: %s",
			    conditions[i].sentence);
	return ERR_OK;
}
