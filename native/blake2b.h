/* BLAKE2b (RFC 7693) without a key, of messages that are whole in memory. */
#ifndef HOLDFAST_BLAKE2B_H
#define HOLDFAST_BLAKE2B_H

#include <stdint.h>

#define BLAKE2B_BLOCK 128
#define BLAKE2B_LONGEST 64

static const uint64_t BLAKE2B_FIRST[8] = {
    0x6a09e667f3bcc908, 0xbb67ae8584caa73b, 0x3c6ef372fe94f82b, 0xa54ff53a5f1d36f1,
    0x510e527fade682d1, 0x9b05688c2b3e6c1f, 0x1f83d9abfb41bd6b, 0x5be0cd19137e2179,
};

static const uint8_t BLAKE2B_ORDER[10][16] = {
    {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
    {14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3},
    {11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4},
    {7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8},
    {9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13},
    {2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9},
    {12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11},
    {13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10},
    {6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5},
    {10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0},
};

static inline uint64_t turned(uint64_t x, int right)
{
    return x >> right | x << (64 - right);
}

static inline void blake2b_block(uint64_t state[8], const uint8_t block[BLAKE2B_BLOCK],
                                 uint64_t so_far, int last)
{
    uint64_t v[16], words[16];

    __builtin_memcpy(words, block, sizeof words); /* little-endian machines only */
    for (int i = 0; i < 8; i++) {
        v[i] = state[i];
        v[8 + i] = BLAKE2B_FIRST[i];
    }
    v[12] ^= so_far;
    v[14] ^= last ? UINT64_MAX : 0;
    for (int round = 0; round < 12; round++) {
        const uint8_t *order = BLAKE2B_ORDER[round % 10];
        for (int i = 0; i < 8; i++) {
            const int turn = i / 4; /* first the columns, then the diagonals */
            uint64_t *a = v + i % 4, *b = v + 4 + (i + turn) % 4;
            uint64_t *c = v + 8 + (i + 2 * turn) % 4, *d = v + 12 + (i + 3 * turn) % 4;
            *a += *b + words[order[2 * i]];
            *d = turned(*d ^ *a, 32);
            *c += *d;
            *b = turned(*b ^ *c, 24);
            *a += *b + words[order[2 * i + 1]];
            *d = turned(*d ^ *a, 16);
            *c += *d;
            *b = turned(*b ^ *c, 63);
        }
    }
    for (int i = 0; i < 8; i++)
        state[i] ^= v[i] ^ v[8 + i];
}

/* The digest of `size` bytes (1 to 64) of a message that is not empty. */
static void blake2b(uint8_t *digest, uint32_t size, const uint8_t *message, uint32_t length)
{
    uint64_t state[8];
    uint8_t block[BLAKE2B_BLOCK];
    uint32_t done = 0;

    for (int i = 0; i < 8; i++)
        state[i] = BLAKE2B_FIRST[i];
    state[0] ^= 0x01010000 ^ size;
    for (; length - done > BLAKE2B_BLOCK; done += BLAKE2B_BLOCK)
        blake2b_block(state, message + done, done + BLAKE2B_BLOCK, 0);
    for (uint32_t i = 0; i < BLAKE2B_BLOCK; i++)
        block[i] = done + i < length ? message[done + i] : 0;
    blake2b_block(state, block, length, 1);
    __builtin_memcpy(digest, state, size);
}

#endif
