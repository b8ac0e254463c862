/* softhsm: a SoftHSM token of a test's own, in a directory that goes again. */
#ifndef TESTS_UNIT_SOFTHSM_H
#define TESTS_UNIT_SOFTHSM_H

#include "hsm/hsm.h"

#define SOFTHSM_LABEL "keywarden-test"

struct softhsm {
	char dir[64];
	const char *module;
	struct secret *pin, *so_pin;
};

/* Makes the directory, the configuration and the token; sets the environment.
 */
void softhsm_init(struct softhsm *s);
void softhsm_done(struct softhsm *s);

/* Module and PINs alone, for a process that another one has set up. */
void softhsm_pins(struct softhsm *s);

/* rm -r, for directories under /tmp only. */
void remove_tree(const char *dir);

#endif
