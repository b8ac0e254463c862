/* What init fixed, and that this token is the one with which it did. */
#include "appliance/hsm_proc.h"

enum err
hsm_load_state(struct hsm_proc *p, struct why *why)
{
	struct rd sealed, seal;
	struct hsm_known_in known;
	enum err rc;

	rc = kms_state_load(p->state_fd, &p->state_octets, &p->state, &sealed,
	    &seal, why);
	if (rc != ERR_OK)
		return rc;
	rc = hsm_seal_check(p->token, HSM_KEY_SEAL_STATE, sealed.p, sealed.left,
	    seal);
	if (rc == ERR_MISMATCH)
		return why_set(why, ERR_MALFORMED,
		    "kms-state was not sealed by this token, or was changed "
		    "since");
	if (rc != ERR_OK)
		return why_set(why, rc, "%s", hsm_why());
	p->state_len = sealed.left + seal.left;
	if ((rc = hsm_load_ibe(&p->state, &p->ibe, why)) != ERR_OK ||
	    (rc = hsm_learn_point(p->token, p->ibe, why)) != ERR_OK)
		return rc;
	known = (struct hsm_known_in){p->ibe, sealed, seal, p->state.import_key,
	    p->state.spool_key, p->state.hi2_key};
	return hsm_known_new(&known, &p->known_answers, why);
}
