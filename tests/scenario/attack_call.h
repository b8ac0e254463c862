/* attack_call: a call out of a folder of lab-exchange, as processes say it. */
#ifndef ATTACK_CALL_H
#define ATTACK_CALL_H

#include "base/bytes.h"

/* Of i1.bin, r1.bin and i2.bin; ends the program if it cannot. */
struct rd attack_call(const char *dir);

#endif
