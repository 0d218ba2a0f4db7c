/* Argon2id (RFC 9106) for puzzles; written for the one cost they have, little-endian machines. */
#include "argon2.h"

#include "blake2b.h"

#define SLICES 4u
#define SEGMENT (ARGON2_BLOCKS / SLICES)
#define BLOCK_BYTES 1024u
#define WORDS 128u
#define VERSION 0x13
#define ARGON2ID 2
#define TAG_BYTES 32
#define SALT_BYTES 16

typedef uint64_t four_words __attribute__((vector_size(32)));
typedef void compress_blocks(struct block *, const struct block *, const struct block *, int);

#define LOW 0xffffffffu
#define ENABLED
#define NAME(f) plain_##f
#define PRODUCT(x, y) (((x) & LOW) * ((y) & LOW))
#include "fill.h"
#undef ENABLED
#undef NAME
#undef PRODUCT

#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>
#define ENABLED __attribute__((target("avx2")))
#define NAME(f) avx2_##f
#define PRODUCT(x, y) ((four_words)_mm256_mul_epu32((__m256i)(x), (__m256i)(y)))
#include "fill.h"

static compress_blocks *chosen(void)
{
    return __builtin_cpu_supports("avx2") ? avx2_compress : plain_compress;
}
#else
static compress_blocks *chosen(void)
{
    return plain_compress;
}
#endif

static void put32(uint8_t *at, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        at[i] = (uint8_t)(value >> 8 * i);
}

/* The first hash: of every parameter, the password (part and counter) and the salt. */
static void begun(uint8_t digest[BLAKE2B_LONGEST], const uint8_t salt[SALT_BYTES], uint32_t part,
                  uint32_t counter)
{
    const uint32_t cost[6] = {1, TAG_BYTES, ARGON2_BLOCKS, ARGON2_PASSES, VERSION, ARGON2ID};
    uint8_t message[64] = {0};

    for (int i = 0; i < 6; i++)
        put32(message + 4 * i, cost[i]);
    put32(message + 24, 8);
    put32(message + 28, __builtin_bswap32(part));
    put32(message + 32, __builtin_bswap32(counter));
    put32(message + 36, SALT_BYTES);
    __builtin_memcpy(message + 40, salt, SALT_BYTES);
    blake2b(digest, BLAKE2B_LONGEST, message, sizeof message);
}

/* Block `number` of the first two: a digest stretched over it (3.3). */
static void stretched(struct block *block, const uint8_t first[BLAKE2B_LONGEST], uint32_t number)
{
    uint8_t message[4 + BLAKE2B_LONGEST + 8] = {0}, digest[BLAKE2B_LONGEST];
    uint8_t *out = (uint8_t *)block;

    put32(message, BLOCK_BYTES);
    __builtin_memcpy(message + 4, first, BLAKE2B_LONGEST);
    put32(message + 4 + BLAKE2B_LONGEST, number);
    blake2b(digest, BLAKE2B_LONGEST, message, sizeof message);
    for (uint32_t at = 0; at < BLOCK_BYTES - BLAKE2B_LONGEST; at += BLAKE2B_LONGEST / 2) {
        __builtin_memcpy(out + at, digest, BLAKE2B_LONGEST / 2);
        blake2b(digest, BLAKE2B_LONGEST, digest, BLAKE2B_LONGEST);
    }
    __builtin_memcpy(out + BLOCK_BYTES - BLAKE2B_LONGEST, digest, BLAKE2B_LONGEST);
}

/* The next WORDS random words of a segment whose places do not depend on the password (3.4.1.2). */
static void addressed(struct block *addresses, struct block *input, compress_blocks *compress)
{
    static const struct block zero;

    input->pairs[3][0]++;
    compress(addresses, &zero, input, 0);
    compress(addresses, &zero, addresses, 0);
}

/* Which block a random word means, for the block at `index` of a segment (3.4.2). */
static uint32_t place(uint32_t random, uint32_t pass, uint32_t slice, uint32_t index)
{
    const uint32_t there = pass ? ARGON2_BLOCKS - SEGMENT : slice * SEGMENT;
    const uint32_t start = pass ? (slice + 1) % SLICES * SEGMENT : 0;
    const uint32_t size = there + index - 1;
    const uint64_t x = (uint64_t)random * random >> 32;

    return (start + size - 1 - (uint32_t)(size * x >> 32)) % ARGON2_BLOCKS;
}

static void filled(struct block *memory, uint32_t pass, uint32_t slice, compress_blocks *compress)
{
    const int independent = pass == 0 && slice < SLICES / 2;
    struct block addresses = {0}, input = {0};
    const uint64_t *random = (const uint64_t *)&addresses;

    input.pairs[0][0] = pass;
    input.pairs[1][0] = slice;
    input.pairs[1][1] = ARGON2_BLOCKS;
    input.pairs[2][0] = ARGON2_PASSES;
    input.pairs[2][1] = ARGON2ID;
    for (uint32_t i = 0; i < SEGMENT; i++) {
        if (independent && i % WORDS == 0)
            addressed(&addresses, &input, compress);
        if (pass == 0 && slice == 0 && i < 2)
            continue;
        struct block *now = memory + slice * SEGMENT + i;
        const struct block *last = i || slice ? now - 1 : memory + ARGON2_BLOCKS - 1;
        const uint64_t word = independent ? random[i % WORDS] : last->pairs[0][0];
        compress(now, last, memory + place((uint32_t)word, pass, slice, i), pass > 0);
    }
}

/* The first 64 bits of the tag, as a big-endian number. */
static uint64_t tag_begins(struct block *memory, const uint8_t salt[SALT_BYTES], uint32_t part,
                           uint32_t counter)
{
    uint8_t message[4 + BLOCK_BYTES], digest[BLAKE2B_LONGEST];
    uint64_t begins;

    begun(digest, salt, part, counter);
    stretched(memory, digest, 0);
    stretched(memory + 1, digest, 1);
    for (uint32_t pass = 0; pass < ARGON2_PASSES; pass++)
        for (uint32_t slice = 0; slice < SLICES; slice++)
            filled(memory, pass, slice, chosen());
    put32(message, TAG_BYTES);
    __builtin_memcpy(message + 4, memory + ARGON2_BLOCKS - 1, BLOCK_BYTES);
    blake2b(digest, TAG_BYTES, message, sizeof message);
    __builtin_memcpy(&begins, digest, sizeof begins);
    return __builtin_bswap64(begins);
}

uint32_t argon2_search(struct block *memory, const uint8_t seed[16], uint32_t part, uint64_t from,
                       uint64_t until, uint64_t target)
{
    for (uint64_t n = from; n < until; n++)
        if (tag_begins(memory, seed, part, (uint32_t)n) < target)
            return (uint32_t)n;
    return 0;
}
