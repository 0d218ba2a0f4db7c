/* The solver for a page: what holdfast-work's workers call (native/web/README.md).
 *
 * A page loads it, so it is short: loops stay loops, but where turning them loses no speed.
 */
#define FOR_PAGES
#include "solver.h"

#include "sha.h"

#define ROTATE(x, n) ((x) << (n) | (x) >> (32 - (n)))
#define XOR3(x, y, z) ((x) ^ (y) ^ (z))
#define SUM_0(x) XOR3(ROTATE(x, 30), ROTATE(x, 19), ROTATE(x, 10))
#define SUM_1(x) XOR3(ROTATE(x, 26), ROTATE(x, 21), ROTATE(x, 7))
#define MIX_0(x) XOR3(ROTATE(x, 25), ROTATE(x, 14), (x) >> 3)
#define MIX_1(x) XOR3(ROTATE(x, 15), ROTATE(x, 13), (x) >> 10)
#define ROLLED _Pragma("clang loop unroll(disable)")

#ifdef __wasm_simd128__
#include <wasm_simd128.h>
#define LANES 4
#define SPLAT(x) ((V)wasm_i32x4_splat((int)(x)))
#define ANY_AT_MOST(x, y) wasm_v128_any_true(wasm_u32x4_le((v128_t)(x), (v128_t)(y)))
#define LANE(x, i) ((x)[i])
#define NUMBERED(n) (SPLAT(n) + (V){0, 1, 2, 3})
#define SCHEDULED _Pragma("clang loop unroll_count(3)")
typedef uint32_t V __attribute__((vector_size(16)));
#else
#define LANES 1
#define SPLAT(x) ((uint32_t)(x))
#define ANY_AT_MOST(x, y) ((x) <= (y))
#define LANE(x, i) (x)
#define NUMBERED(n) (n)
#define SCHEDULED ROLLED
typedef uint32_t V;
#endif

static uint32_t found(const struct puzzle *puzzle, uint64_t from, uint64_t until)
{
    const uint32_t *after = puzzle->after, high = (uint32_t)(puzzle->target >> 32);
    V w[64], known[31];

    for (int i = 0; i < 16; i++)
        w[i] = SPLAT(puzzle->words[i]);
    for (int i = 16; i < 31; i++)
        known[i] = w[i - 16] + MIX_0(w[i - 15]);
    for (uint64_t n = from; n < until; n += LANES) {
        const V counter = NUMBERED((uint32_t)n);
        V a = SPLAT(after[0]) + counter, b = SPLAT(after[1]), c = SPLAT(after[2]);
        V d = SPLAT(after[3]), e = SPLAT(after[4]) + counter, f = SPLAT(after[5]);
        V g = SPLAT(after[6]), h = SPLAT(after[7]), bc = b ^ c;

        w[COUNTER_AT] = counter;
        known[COUNTER_AT + 15] = w[COUNTER_AT - 1] + MIX_0(counter);
        known[COUNTER_AT + 16] = counter + MIX_0(w[COUNTER_AT + 1]);
        SCHEDULED
        for (int i = 16; i < 31; i++)
            w[i] = known[i] + w[i - 7] + MIX_1(w[i - 2]);
        SCHEDULED
        for (int i = 31; i < 64; i++)
            w[i] = w[i - 16] + MIX_0(w[i - 15]) + w[i - 7] + MIX_1(w[i - 2]);
        ROLLED
        for (int i = COUNTER_AT + 1; i < 64; i++) {
            const V first = h + w[i] + SPLAT(SHA256_K[i]) + SUM_1(e) + (g ^ (e & (f ^ g)));
            const V ab = a ^ b, second = SUM_0(a) + (b ^ (ab & bc)); /* of three, the most */
            h = g, g = f, f = e, e = d + first;
            d = c, c = b, b = a, a = first + second;
            bc = ab;
        }
        a += SPLAT(SHA256_FIRST[0]);
        if (!ANY_AT_MOST(a, SPLAT(high)))
            continue;
        b += SPLAT(SHA256_FIRST[1]);
        for (uint32_t i = 0; i < LANES && n + i < until; i++)
            if (((uint64_t)LANE(a, i) << 32 | LANE(b, i)) < puzzle->target)
                return (uint32_t)(n + i);
    }
    return 0;
}

static uint8_t seed[32];

__attribute__((export_name("seed_at"))) uint8_t *seed_at(void)
{
    return seed;
}

/* The first counter in start <= counter < start + count, at most 2^32, that solves; or 0. */
__attribute__((export_name("search"))) uint32_t
search(uint32_t part, uint32_t start, uint32_t count, uint32_t target_hi, uint32_t target_lo)
{
    const uint64_t stop = (uint64_t)start + count, most = (uint64_t)1 << 32;
    struct puzzle puzzle;
    uint32_t words[8];

    for (int i = 0; i < 8; i++)
        words[i] = __builtin_bswap32(((const uint32_t *)seed)[i]);
    puzzle_set(&puzzle, words, part, (uint64_t)target_hi << 32 | target_lo);
    return found(&puzzle, start ? start : 1, stop < most ? stop : most);
}
