/* Argon2id for a page: what holdfast-work's workers call for such puzzles. */
#include "argon2.h"

static uint8_t seed[32];
static struct block memory[ARGON2_BLOCKS];

__attribute__((export_name("seed_at"))) uint8_t *seed_at(void)
{
    return seed;
}

/* The first counter in start <= counter < start + count, at most 2^32, that solves; or 0. */
__attribute__((export_name("search_argon2"))) uint32_t
search_argon2(uint32_t part, uint32_t start, uint32_t count, uint32_t target_hi, uint32_t target_lo)
{
    const uint64_t stop = (uint64_t)start + count, most = (uint64_t)1 << 32;
    const uint64_t target = (uint64_t)target_hi << 32 | target_lo;

    return argon2_search(memory, seed, part, start ? start : 1, stop < most ? stop : most, target);
}

/* The compiler calls these two by name, and there is no C library here. */
__attribute__((no_builtin)) void *memcpy(void *to, const void *from, unsigned long size)
{
    for (unsigned long i = 0; i < size; i++)
        ((uint8_t *)to)[i] = ((const uint8_t *)from)[i];
    return to;
}

__attribute__((no_builtin)) void *memset(void *to, int value, unsigned long size)
{
    for (unsigned long i = 0; i < size; i++)
        ((uint8_t *)to)[i] = (uint8_t)value;
    return to;
}
