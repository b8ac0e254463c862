/*
 * hi2c_told: for fuzz_hi2c: what hi2 and the LEMF get of keywarden-hi2c, held
 * against its promise, and what the LEMF says.
 */
#ifndef HI2C_TOLD_H
#define HI2C_TOLD_H

#include "appliance/hi2c_proc.h"
#include "channel.h"
#include "hi2/tri.h"

#define LEMF_STREAM 262144
#define LEMF_ASKS 1024
#define SIGNS 16

extern struct hi2c process;

/* In the place of tls_link.c. */
struct tls_link {
	bool up;
};
extern struct tls_link line;
void line_down(const char *why);

/* In the place of the loop and the clock. */
struct stand {
	int64_t now, due; /* INT64_MAX: no timer */
	uv_timer_cb then;
	bool full; /* hi2 does not read: that ends the process */
	bool strange; /* hi2 has said what a sound one does not */
};
extern struct stand stand;

struct told {
	/* hi2 */
	enum link_state state;
	uint32_t epoch; /* of the last LINK that was open; 0: none */
	uint64_t last, sent, delivered; /* numbers */
	uint32_t signs[SIGNS]; /* asked for and not answered */
	unsigned n_signs;
	uint64_t asked_signs; /* ever */
	/* the LEMF, of this connection */
	uint8_t stream[LEMF_STREAM], in[2 * DELIVER_IN_MAX];
	size_t len, in_len;
	struct rd said; /* just now, of memory of its own */
	uint64_t got, confirmed; /* numbers */
	struct {
		enum tri_kind answer;
		uint32_t number;
		uint64_t got;
	} ask[LEMF_ASKS];
	unsigned n_asks;
};
extern struct told told;

extern struct iri_profile lemf_profile;

/* The record of that number. */
size_t lemf_record(uint64_t number, uint8_t *out, size_t cap);

/* A connection is there. */
void lemf_begins(void);
void lemf_reads(size_t most);
void lemf_says(struct rd octets);
/* A TRI; the answer to the oldest question that asks for something new. */
void lemf_answers(uint8_t kind, uint32_t number);
void lemf_answers_next(void);

#endif
