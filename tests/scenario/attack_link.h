/*
 * attack_link: the connection of a hostile peer (attack-cscf, attack-client),
 * made again when it is lost.
 */
#ifndef TESTS_ATTACK_LINK_H
#define TESTS_ATTACK_LINK_H

#include <stdbool.h>
#include <stddef.h>

/* `pki` has ca.pem, NAME.pem and NAME.key; `alpn` is asked for, or NULL. */
void link_begin(const char *connect, const char *pki, const char *name,
    const char *alpn);
void link_end(void);

bool link_is_up(void);
/* How many were made since it was counted anew, with one that was up then. */
unsigned link_connections(void);
void link_count_anew(void);

/* False: the other side has had enough; the next one connects anew. */
bool link_put(const void *octets, size_t len);
/* What comes, behind the *have octets of it that are there; false: no more. */
bool link_get(void *octets, size_t cap, size_t *have);
/* In good order, so that nothing that was sent is lost; or at once. */
void link_finish(void);
void link_drop(void);

_Noreturn void link_stop(const char *what);

#endif
