/* print: a record for people and for programs. */
#ifndef LEMF_PRINT_H
#define LEMF_PRINT_H

#include <stdio.h>

#include <jansson.h>

#include "lemf/order.h"
#include "lemf/sealed.h"

struct print {
	bool keys; /* in clear; else masked, or left out of JSON */
	const struct opener *opener; /* NULL: sealed keys stay so */
};

/*
 * Several lines.  Foreign octets are printed so that a terminal shows nothing
 * but them.  Not ERR_OK: a sealed key did not open; all else is printed.
 */
enum err print_record(FILE *f, const struct print *, const struct record *,
    struct why *why) MUST_CHECK;

/* An object, the caller's.  ERR_NOMEM, or as above with *out set. */
enum err print_json(const struct print *, const struct record *, json_t **out,
    struct why *why) MUST_CHECK;

/* Foreign octets as JSON: as text if they are UTF-8; else each octet as the
 * character of its number.  NULL: no memory. */
json_t *print_octets(struct rd);

/* A member; what jansson cannot have is NULL, and it then keeps nothing. */
void print_set(json_t *, const char *name, json_t *value);
/* A line of standard output; it is freed.  NULL is let through. */
void print_json_line(json_t *);

/* What has been found of a record, in a line; as members of an object. */
void print_event(FILE *f, const struct order_event *);
void print_event_json(json_t *, const struct order_event *);

#define PRINT_TIME_LEN 32
/* "2024-02-29T23:59:50.250500Z", or "" of a record without a time. */
const char *print_time(const struct record *, char out[PRINT_TIME_LEN]);

#endif
