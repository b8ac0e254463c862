/* lab_time: clocks, NTP timestamps and key periods. */
#ifndef TESTS_LAB_TIME_H
#define TESTS_LAB_TIME_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

/* Milliseconds that only go forward; the start is arbitrary. */
int64_t lab_ms(void);

/* Now as NTP-UTC, 64 bit. */
uint64_t lab_ntp_now(void);

/* Unix seconds of an NTP time; seconds below 2^31 are of the era of 2036. */
int64_t lab_ntp_unix(uint64_t ntp);

enum lab_period { LAB_DAY, LAB_WEEK, LAB_MONTH };
enum err lab_period_get(const char *name, enum lab_period *out) MUST_CHECK;

/* First second of the period that contains `unix_s`, and of the next. */
int64_t lab_period_start(enum lab_period, int64_t unix_s);
int64_t lab_period_end(enum lab_period, int64_t unix_s);

/* "YYYYMMDD" of the UTC day. */
#define LAB_DATE_LEN 8
void lab_date(int64_t unix_s, char out[LAB_DATE_LEN + 1]);

/* "YYYYMMDDHHMMSSZ" and back. */
#define LAB_STAMP_LEN 15
void lab_stamp(int64_t unix_s, char out[LAB_STAMP_LEN + 1]);
enum err lab_stamp_get(const char *text, int64_t *out) MUST_CHECK;

#endif
