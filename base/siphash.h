/*
 * siphash: SipHash-2-4 (Aumasson, Bernstein), a keyed hash for tables whose
 * keys come from outside: without its key nobody can choose collisions.
 */
#ifndef BASE_SIPHASH_H
#define BASE_SIPHASH_H

#include <stdint.h>

#include "base/bytes.h"

#define SIPHASH_KEY 16

uint64_t siphash(const uint8_t key[SIPHASH_KEY], struct rd octets);

#endif
