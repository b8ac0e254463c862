/* state: what the token has forgotten: sessions, login, handles, itself. */
#ifndef P11FAULT_STATE_H
#define P11FAULT_STATE_H

#include "p11fault.h"

/* As after C_Initialize: all is well again. */
void state_reset(void);
void state_reset_objects(void); /* part of it */
bool state_initialized(void);
void state_set_initialized(bool yes);

void state_opened(CK_SESSION_HANDLE s, CK_SLOT_ID slot);
void state_closed(CK_SESSION_HANDLE s);
void state_closed_all(CK_SLOT_ID slot);
void state_used(CK_SESSION_HANDLE s);
bool state_session_dead(CK_SESSION_HANDLE s);

/* Close, at the real module too, what has been idle for so long; 0: all. */
void state_drop_sessions(unsigned long idle_ms);

void state_remove_device(void);
bool state_removed(void);

/* Log out at the real module, and remember until state_logged_in(). */
void state_log_out(void);
void state_logged_in(void);
bool state_logged_out(void);

/* What is read wrongly from a secret that ECDH made. */
struct marks {
	bool ecdh;
	bool wrong;
	unsigned long keep; /* octets that are left of it; RULE_NO_ARG: all */
};
void state_make_stale(void);
bool state_stale(CK_OBJECT_HANDLE o);
void state_made(CK_OBJECT_HANDLE o, const struct marks *marks);
void state_found(CK_OBJECT_HANDLE o);
void state_destroyed(CK_OBJECT_HANDLE o);
bool state_marks(CK_OBJECT_HANDLE o, struct marks *out);

/* A table of `n` entries, grown; never NULL. */
void *state_grow(void *table, size_t n, size_t size);

#endif
