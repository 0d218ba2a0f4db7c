/* The constants and single rounds of SHA-1 and SHA-256 (FIPS 180-4), for one hash at a time. */
#ifndef HOLDFAST_SHA_H
#define HOLDFAST_SHA_H

#include "solver.h"

static const uint32_t SHA256_FIRST[8] = {
    0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
};

static const uint32_t SHA256_K[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

#ifndef FOR_PAGES
static const char LETTERS[64] = {
    'A', 'B', 'C', 'D', 'E', 'F', 'G', 'H', 'I', 'J', 'K', 'L', 'M', 'N', 'O', 'P',
    'Q', 'R', 'S', 'T', 'U', 'V', 'W', 'X', 'Y', 'Z', 'a', 'b', 'c', 'd', 'e', 'f',
    'g', 'h', 'i', 'j', 'k', 'l', 'm', 'n', 'o', 'p', 'q', 'r', 's', 't', 'u', 'v',
    'w', 'x', 'y', 'z', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', '+', '/',
};

static const uint32_t SHA1_K[4] = {0x5a827999, 0x6ed9eba1, 0x8f1bbcdc, 0xca62c1d6};
#endif

static inline uint32_t rotated(uint32_t x, int left)
{
    return x << left | x >> (32 - left);
}

/* The state after some rounds, at most 16: those for which the block's own words are enough. */
static inline void sha256_begun(uint32_t state[8], const uint32_t words[16], int rounds)
{
    for (int i = 0; i < rounds; i++) {
        const uint32_t a = state[0], b = state[1], c = state[2], e = state[4];
        const uint32_t sum_1 = rotated(e, 26) ^ rotated(e, 21) ^ rotated(e, 7);
        const uint32_t chosen = (e & state[5]) ^ (~e & state[6]);
        const uint32_t first = state[7] + sum_1 + chosen + SHA256_K[i] + words[i];
        const uint32_t sum_0 = rotated(a, 30) ^ rotated(a, 19) ^ rotated(a, 10);
        for (int j = 7; j > 0; j--)
            state[j] = state[j - 1];
        state[4] += first;
        state[0] = first + sum_0 + ((a & b) ^ (a & c) ^ (b & c));
    }
}

#ifndef FOR_PAGES
static inline uint32_t sha256_mix_0(uint32_t x)
{
    return rotated(x, 25) ^ rotated(x, 14) ^ x >> 3;
}

static inline uint32_t sha256_mix_1(uint32_t x)
{
    return rotated(x, 15) ^ rotated(x, 13) ^ x >> 10;
}

/* Of the schedule's next sixteen words, the part that no counter changes. */
static inline void puzzle_known(uint32_t words[32])
{
    uint32_t changed = 1u << COUNTER_AT; /* a bit for each word */

    for (int i = 16; i < 32; i++) {
        const int from[4] = {i - 16, i - 15, i - 7, i - 2};
        const uint32_t added[4] = {words[i - 16], sha256_mix_0(words[i - 15]), words[i - 7],
                                   sha256_mix_1(words[i - 2])};
        words[i] = 0;
        for (int j = 0; j < 4; j++) {
            if (changed >> from[j] & 1)
                changed |= 1u << i;
            else
                words[i] += added[j];
        }
    }
}
#endif

/* A part of a puzzle, ready for a search. */
static inline void puzzle_set(struct puzzle *puzzle, const uint32_t seed[8], uint32_t part,
                              uint64_t target)
{
    uint32_t *words = puzzle->words;

    for (int i = 0; i < 8; i++) {
        words[i] = seed[i];
        puzzle->after[i] = SHA256_FIRST[i];
        words[8 + i] = 0;
    }
    words[8] = part;
    words[10] = 0x80000000;
    words[15] = 40 * 8;
    sha256_begun(puzzle->after, words, COUNTER_AT + 1);
    puzzle->target = target;
#ifndef FOR_PAGES
    puzzle_known(words);
#endif
}

#ifndef FOR_PAGES
/* The state after the rounds first to stop - 1 of SHA-1, at most 80; `words` grows to as many. */
static inline void sha1_rounds(uint32_t state[5], uint32_t words[80], uint32_t first, uint32_t stop)
{
    for (uint32_t i = first; i < stop; i++) {
        const uint32_t b = state[1], c = state[2], d = state[3];
        const uint32_t parity = b ^ c ^ d, chosen = (b & c) | (~b & d);
        const uint32_t f = i < 20 ? chosen : i / 20 == 2 ? (b & c) | (b & d) | (c & d) : parity;
        if (i >= 16)
            words[i] = rotated(words[i - 3] ^ words[i - 8] ^ words[i - 14] ^ words[i - 16], 1);
        const uint32_t next = rotated(state[0], 5) + f + state[4] + SHA1_K[i / 20] + words[i];
        state[4] = d;
        state[3] = c;
        state[2] = rotated(b, 30);
        state[1] = state[0];
        state[0] = next;
    }
}

/* The word of four letters that a number below STAMP_LETTERS stands for, first letter first. */
static inline uint32_t stamp_letters(uint32_t number)
{
    uint32_t word = 0;
    for (int i = 0; i < 4; i++)
        word |= (uint32_t)LETTERS[number >> 6 * i & 63] << 8 * i;
    return word;
}

/* The highest first word of a digest that has so many leading zero bits, as far as one word tells. */
static inline uint32_t stamp_highest(uint32_t bits)
{
    return bits >= 32 ? 0 : UINT32_MAX >> bits;
}

static inline int stamp_good(const struct stamp *stamp, uint32_t number)
{
    uint32_t words[80], state[5], bits = stamp->bits;

    for (int i = 0; i < 16; i++)
        words[i] = stamp->words[i];
    words[stamp->at] = stamp_letters(number);
    for (int i = 0; i < 5; i++)
        state[i] = stamp->before[i];
    sha1_rounds(state, words, 0, 80);
    for (int i = 0; i < 5; i++) {
        if (state[i] + stamp->before[i] > stamp_highest(bits))
            return 0;
        bits -= bits > 32 ? 32 : bits;
    }
    return 1;
}

static inline void stamp_set(struct stamp *stamp, const uint32_t before[5],
                             const uint32_t words[16], uint32_t at, uint32_t bits)
{
    uint32_t scratch[80];

    for (int i = 0; i < 16; i++)
        stamp->words[i] = scratch[i] = words[i];
    for (int i = 0; i < 5; i++)
        stamp->before[i] = stamp->after[i] = before[i];
    stamp->words[at] = 0;
    stamp->at = at;
    stamp->bits = bits;
    sha1_rounds(stamp->after, scratch, 0, at);
}
#endif

#endif
