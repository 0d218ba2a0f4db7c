/* Argon2id (RFC 9106) with the one cost that puzzles have: 19 MiB, two passes, one lane. */
#ifndef HOLDFAST_ARGON2_H
#define HOLDFAST_ARGON2_H

#include <stdint.h>

#define ARGON2_BLOCKS 19456u /* of 1 KiB */
#define ARGON2_PASSES 2u
#define PAIRS 64

typedef uint64_t pair __attribute__((vector_size(16)));
struct block {
    pair pairs[PAIRS];
};

/* The first counter in from <= counter < until <= 2^32 whose hash of part and counter, salted with
 * the seed's first 16 bytes, begins with 64 bits below the target; or 0. `memory` holds
 * ARGON2_BLOCKS blocks and needs no contents. */
uint32_t argon2_search(struct block *memory, const uint8_t seed[16], uint32_t part, uint64_t from,
                       uint64_t until, uint64_t target);

#endif
