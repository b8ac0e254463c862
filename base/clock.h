/* clock: the machine's clocks as plain numbers, for programs. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

/* CLOCK_REALTIME in whole seconds. */
int64_t clock_seconds(void);

/* CLOCK_MONOTONIC in milliseconds. */
int64_t clock_uptime_ms(void);

/* The same in microseconds, for how long something took. */
int64_t clock_uptime_us(void);

#endif
