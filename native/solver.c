/* The searches by every instruction set this compiler can make code for; METHODS lists them. */
#include "solver.h"

#include "sha.h"

#define PRAGMA(x) _Pragma(#x)
#define UNROLLED(times) PRAGMA(GCC unroll times)

static int always(void)
{
    return 1;
}

/* One hash at a time, in portable C. */
#define ENABLED
#define LANES 1
#define V uint32_t
#define NAME(f) scalar_##f
#define SPLAT(x) ((uint32_t)(x))
#define ROTATE(x, n) ((x) << (n) | (x) >> (32 - (n)))
#define XOR3(x, y, z) ((x) ^ (y) ^ (z))
#define CHOOSE(x, y, z) ((z) ^ ((x) & ((y) ^ (z))))
#define MAJORITY(x, y, z) ((y) ^ (((x) ^ (y)) & ((y) ^ (z)))) /* x ^ y is the next round's y ^ z */
#define ANY_AT_MOST(x, y) ((x) <= (y))
#define LANE(x, i) (x)
#define scalar_numbered(n) (n)
#define scalar_letters(n) ((uint32_t)LETTERS[n])
#include "lanes.h"
#undef ENABLED
#undef LANES
#undef V
#undef NAME
#undef SPLAT
#undef ROTATE
#undef XOR3
#undef CHOOSE
#undef MAJORITY
#undef ANY_AT_MOST
#undef LANE

#if defined(__x86_64__) && defined(__GNUC__)
#include <cpuid.h>

#include "shani.h"

/* The last letter of STAMP_STEP numbers, each in a word. */
static const uint32_t LAST[STAMP_STEP] = {
#define EIGHT(i) \
    LETTER(i), LETTER(i + 1), LETTER(i + 2), LETTER(i + 3), LETTER(i + 4), LETTER(i + 5), LETTER(i + 6), LETTER(i + 7)
#define LETTER(i) \
    (i) < 26 ? 'A' + (i) : (i) < 52 ? 'a' + (i) - 26 : (i) < 62 ? '0' + (i) - 52 : (i) == 62 ? '+' : '/'
    EIGHT(0), EIGHT(8), EIGHT(16), EIGHT(24), EIGHT(32), EIGHT(40), EIGHT(48), EIGHT(56),
};

/* Eight hashes at a time. */
#define ENABLED __attribute__((target("avx2")))
#define LANES 8
#define V eight
#define NAME(f) avx2_##f
#define SPLAT(x) ((eight)_mm256_set1_epi32((int)(x)))
#define ROTATE(x, n) ((x) << (n) | (x) >> (32 - (n)))
#define XOR3(x, y, z) ((x) ^ (y) ^ (z))
#define CHOOSE(x, y, z) ((z) ^ ((x) & ((y) ^ (z))))
#define MAJORITY(x, y, z) ((y) ^ (((x) ^ (y)) & ((y) ^ (z)))) /* x ^ y is the next round's y ^ z */
#define ANY_AT_MOST(x, y) _mm256_movemask_epi8((__m256i)((x) <= (y)))
#define LANE(x, i) ((x)[i])
typedef uint32_t eight __attribute__((vector_size(32)));
#define avx2_numbered(n) (SPLAT(n) + (eight){0, 1, 2, 3, 4, 5, 6, 7})
#define avx2_letters(n) ((eight)_mm256_loadu_si256((const __m256i *)(LAST + (n))))
static int avx2_here(void)
{
    return __builtin_cpu_supports("avx2");
}
#include "lanes.h"
#undef ENABLED
#undef LANES
#undef V
#undef NAME
#undef SPLAT
#undef ROTATE
#undef XOR3
#undef CHOOSE
#undef MAJORITY
#undef ANY_AT_MOST
#undef LANE

/* Sixteen hashes at a time; this set rotates, and mixes three words by a table of eight bits. */
#define ENABLED __attribute__((target("avx512f")))
#define LANES 16
#define V sixteen
#define NAME(f) avx512_##f
#define SPLAT(x) ((sixteen)_mm512_set1_epi32((int)(x)))
#define ROTATE(x, n) ((sixteen)_mm512_rol_epi32((__m512i)(x), n))
#define BY_TABLE(x, y, z, table) \
    ((sixteen)_mm512_ternarylogic_epi32((__m512i)(x), (__m512i)(y), (__m512i)(z), table))
#define XOR3(x, y, z) BY_TABLE(x, y, z, 0x96)
#define CHOOSE(x, y, z) BY_TABLE(x, y, z, 0xca)
#define MAJORITY(x, y, z) BY_TABLE(x, y, z, 0xe8)
#define ANY_AT_MOST(x, y) _mm512_cmple_epu32_mask((__m512i)(x), (__m512i)(y))
#define LANE(x, i) ((x)[i])
typedef uint32_t sixteen __attribute__((vector_size(64)));
#define avx512_numbered(n) \
    (SPLAT(n) + (sixteen){0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15})
#define avx512_letters(n) ((sixteen)_mm512_loadu_si512(LAST + (n)))
static int avx512_here(void)
{
    return __builtin_cpu_supports("avx512f");
}
#include "lanes.h"

#define X86_METHODS                                                                              \
    {"avx512", avx512_here, avx512_puzzles, avx512_stamps},                                      \
    {"sha-ni", sha_ni_here, sha_ni_puzzles, sha_ni_stamps},                                      \
    {"avx2", avx2_here, avx2_puzzles, avx2_stamps},
#else
#define X86_METHODS
#endif

const struct method METHODS[] = {
    X86_METHODS
    {"scalar", always, scalar_puzzles, scalar_stamps},
    {0},
};
