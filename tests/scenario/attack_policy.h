/* attack_policy: what the attempts of attack-policy share. */
#ifndef ATTACK_POLICY_H
#define ATTACK_POLICY_H

#include "policy_play.h"

/* One line: whether it went as it must. */
void expect(bool ok, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Marks what there is to be seen; no key may come until the next. */
void attempt(const char *name);
/* No key came of it, and it was noticed: what went wrong is said. */
void came_to_nothing(bool noticed, const char *what_came_back);

/* A call is granted with the true keys, and an honest change taken. */
void still_works(void);
bool gives_keys(void);
bool takes_changes(void);

/* The change is refused, by the worker and with these words, and stays out. */
void refused_change(const char *name, const struct change *, const char *words);
/* Refused by the worker, with an outcome in the log. */
void refused_grant(const char *name, const struct grant *);

/* ---- the attempts ---- */
void attack_warrants(void);
void attack_grants(void);
void attack_persons(void);
void attack_chain(void);
void attack_replays(void);
void attack_heads(void);
void attack_records(void);
void attack_messages(void);
void attack_clock(void);
void crash_orders(void);
void attack_at_random(uint64_t seed, unsigned n);

#endif
