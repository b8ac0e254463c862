#include <sys/stat.h>

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "appliance/address.h"
#include "appliance/confine.h"
#include "appliance/reach.h"

static enum err
add_path(struct reach *r, const char *what, const char *path, struct why *why)
{
	struct stat st;

	if (!confine_can_name(path))
		return why_set(why, ERR_MALFORMED,
		    "%s: \"%s\" must be ADDRESS:PORT, or an absolute path "
		    "without a colon that is not the root",
		    what, path);
	if (stat(path, &st) == 0 && S_ISCHR(st.st_mode))
		r->device = true;
	else
		r->local = true;
	return ERR_OK;
}

enum err
reach_add(struct reach *r, const char *what, const char *entry, struct why *why)
{
	struct address a;
	enum err rc;

	if (entry[0] == '/')
		return add_path(r, what, entry, why);
	if ((rc = address_parse(what, entry, &a, why)) != ERR_OK)
		return rc;
	if (r->n_ports == REACH_MOST)
		return why_set(why, ERR_FULL, "%s has at most %d entries", what,
		    REACH_MOST);
	r->port[r->n_ports++] = address_port(&a);
	return ERR_OK;
}

bool
reach_sockets(const struct reach *r)
{
	return r->local || r->n_ports > 0;
}

/* ---- from the supervisor to a process ---- */

void
reach_print(const struct reach *r, char out[REACH_TEXT_MAX])
{
	int n = snprintf(out, REACH_TEXT_MAX, "%u %u %u", r->local ? 1U : 0U,
	    r->device ? 1U : 0U, r->n_ports);

	for (unsigned i = 0; i < r->n_ports; i++)
		n += snprintf(out + n, REACH_TEXT_MAX - (size_t)n, " %" PRIu16,
		    r->port[i]);
}

enum err
reach_read(const char *text, struct reach *out)
{
	char again[REACH_TEXT_MAX];
	unsigned local, device;
	struct reach r = {.n_ports = 0};
	int at = 0, n = 0;

	if (sscanf(text, "%u %u %u%n", &local, &device, &r.n_ports, &at) != 3 ||
	    local > 1 || device > 1 || r.n_ports > REACH_MOST)
		return ERR_MALFORMED;
	for (unsigned i = 0; i < r.n_ports; i++, at += n)
		if (sscanf(text + at, " %" SCNu16 "%n", &r.port[i], &n) != 1 ||
		    r.port[i] == 0)
			return ERR_MALFORMED;
	r.local = local == 1;
	r.device = device == 1;
	reach_print(&r, again); /* what it says in other words is not ours */
	if (strcmp(text, again) != 0)
		return ERR_MALFORMED;
	*out = r;
	return ERR_OK;
}
