/* attack_cscf_link: the connection of attack-cscf, made again when it is lost.
 */
#ifndef TESTS_ATTACK_CSCF_LINK_H
#define TESTS_ATTACK_CSCF_LINK_H

#include <stdbool.h>
#include <stddef.h>

/* `pki` has ca.pem, cscf.pem and cscf.key. */
void link_begin(const char *connect, const char *pki);
void link_end(void);

bool link_is_up(void);
/* How many were made since it was counted anew, with one that was up then. */
unsigned link_connections(void);
void link_count_anew(void);

/* False: the other side has had enough; the next one connects anew. */
bool link_put(const void *octets, size_t len);
/* All before it have been taken. */
bool link_acknowledged(void);
/* In good order, so that nothing that was sent is lost; or at once. */
void link_finish(void);
void link_drop(void);

_Noreturn void link_stop(const char *what);

#endif
