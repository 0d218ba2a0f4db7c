/* The searches by the processor's own SHA instructions (x86: SHA extensions).
 *
 * Each of these instructions waits several cycles for the one before it of the same hash, so the
 * hashes of STREAMS counters, which do not wait for each other, go side by side.
 */
#include <immintrin.h>

#define SHA_NI __attribute__((target("sha,sse4.1")))
#define STREAMS 4
#define EACH for (int s = 0; s < STREAMS; s++)

static int sha_ni_here(void)
{
    unsigned a, b, c, d;
    return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b >> 29 & 1)
           && __builtin_cpu_supports("sse4.1");
}

static inline __m128i four(const uint32_t words[4])
{
    return _mm_loadu_si128((const __m128i *)words);
}

/* Four rounds of each stream: m[i] holds the words of rounds 4i to 4i + 3, modulo 16. */
#define FOUR256(i)                                                                               \
    EACH {                                                                                       \
        const __m128i added = _mm_add_epi32(m[(i) & 3][s], four(SHA256_K + 4 * (i)));            \
        cdgh[s] = _mm_sha256rnds2_epu32(cdgh[s], abef[s], added);                                \
        abef[s] = _mm_sha256rnds2_epu32(abef[s], cdgh[s], _mm_shuffle_epi32(added, 0x0e));       \
    }

/* The words of the four rounds i, out of those of the sixteen rounds before. */
#define NEXT256(i)                                                                               \
    EACH {                                                                                       \
        const __m128i nine = _mm_alignr_epi8(m[((i) + 3) & 3][s], m[((i) + 2) & 3][s], 4);       \
        const __m128i begun = _mm_sha256msg1_epu32(m[(i) & 3][s], m[((i) + 1) & 3][s]);          \
        m[(i) & 3][s] = _mm_sha256msg2_epu32(_mm_add_epi32(begun, nine), m[((i) + 3) & 3][s]);   \
    }

SHA_NI static uint32_t sha_ni_puzzles(const struct puzzle *puzzle, uint64_t from, uint64_t until)
{
    const uint32_t *words = puzzle->words;
    const uint32_t high = (uint32_t)(puzzle->target >> 32);
    uint32_t state[8];

    for (int i = 0; i < 8; i++)
        state[i] = SHA256_FIRST[i];
    sha256_begun(state, words, 8);
    const __m128i abef_8 = _mm_set_epi32((int)state[0], (int)state[1], (int)state[4], (int)state[5]);
    const __m128i cdgh_8 = _mm_set_epi32((int)state[2], (int)state[3], (int)state[6], (int)state[7]);
    for (uint64_t n = from; n < until; n += STREAMS) {
        __m128i m[4][STREAMS], abef[STREAMS], cdgh[STREAMS];
        EACH {
            abef[s] = abef_8;
            cdgh[s] = cdgh_8;
            m[0][s] = four(words);
            m[1][s] = four(words + 4);
            m[2][s] = _mm_insert_epi32(four(words + 8), (int)(n + s), 1);
            m[3][s] = four(words + 12);
        }
        FOUR256(2) FOUR256(3)
        NEXT256(4) FOUR256(4) NEXT256(5) FOUR256(5) NEXT256(6) FOUR256(6) NEXT256(7) FOUR256(7)
        NEXT256(8) FOUR256(8) NEXT256(9) FOUR256(9) NEXT256(10) FOUR256(10) NEXT256(11) FOUR256(11)
        NEXT256(12) FOUR256(12) NEXT256(13) FOUR256(13) NEXT256(14) FOUR256(14)
        NEXT256(15) FOUR256(15)
        EACH {
            const uint32_t a = (uint32_t)_mm_extract_epi32(abef[s], 3) + SHA256_FIRST[0];
            if (a > high)
                continue;
            const uint32_t b = (uint32_t)_mm_extract_epi32(abef[s], 2) + SHA256_FIRST[1];
            if (((uint64_t)a << 32 | b) < puzzle->target && n + s < until)
                return (uint32_t)(n + s);
        }
    }
    return 0;
}

#undef FOUR256
#undef NEXT256

/* Four rounds of SHA-1; e is the state's fifth word before them, and kept for the next four. */
#define FOUR1(i)                                                                                 \
    EACH {                                                                                       \
        const __m128i added = _mm_sha1nexte_epu32(e[s], m[(i) & 3][s]);                          \
        e[s] = abcd[s];                                                                          \
        abcd[s] = _mm_sha1rnds4_epu32(abcd[s], added, (i) / 5);                                  \
    }

#define NEXT1(i)                                                                                 \
    EACH {                                                                                       \
        const __m128i begun = _mm_sha1msg1_epu32(m[(i) & 3][s], m[((i) + 1) & 3][s]);            \
        m[(i) & 3][s] = _mm_sha1msg2_epu32(_mm_xor_si128(begun, m[((i) + 2) & 3][s]),            \
                                           m[((i) + 3) & 3][s]);                                 \
    }

SHA_NI static uint32_t sha_ni_stamps(const struct stamp *stamp, uint32_t from, uint32_t until)
{
    const uint32_t *before = stamp->before;
    const uint32_t highest = stamp_highest(stamp->bits);
    const __m128i first = _mm_set_epi32((int)before[0], (int)before[1], (int)before[2],
                                        (int)before[3]);
    const __m128i fifth = _mm_set_epi32((int)before[4], 0, 0, 0);
    __m128i words[4], place[4]; /* last first, as the instructions take them */

    for (int i = 0; i < 4; i++) {
        const uint32_t at = stamp->at - 4 * (uint32_t)i, *w = stamp->words + 4 * i;
        words[i] = _mm_set_epi32((int)w[0], (int)w[1], (int)w[2], (int)w[3]);
        place[i] = _mm_set_epi32(-(at == 0), -(at == 1), -(at == 2), -(at == 3));
    }
    for (uint32_t n = from; n < until; n += STREAMS) {
        __m128i m[4][STREAMS], abcd[STREAMS], e[STREAMS];
        EACH {
            const __m128i letters = _mm_set1_epi32((int)stamp_letters(n + s));
            abcd[s] = first;
            e[s] = fifth;
            for (int i = 0; i < 4; i++)
                m[i][s] = _mm_or_si128(words[i], _mm_and_si128(place[i], letters));
        }
        EACH {
            const __m128i added = _mm_add_epi32(e[s], m[0][s]);
            e[s] = abcd[s];
            abcd[s] = _mm_sha1rnds4_epu32(abcd[s], added, 0);
        }
        FOUR1(1) FOUR1(2) FOUR1(3)
        NEXT1(4) FOUR1(4) NEXT1(5) FOUR1(5) NEXT1(6) FOUR1(6) NEXT1(7) FOUR1(7)
        NEXT1(8) FOUR1(8) NEXT1(9) FOUR1(9) NEXT1(10) FOUR1(10) NEXT1(11) FOUR1(11)
        NEXT1(12) FOUR1(12) NEXT1(13) FOUR1(13) NEXT1(14) FOUR1(14) NEXT1(15) FOUR1(15)
        NEXT1(16) FOUR1(16) NEXT1(17) FOUR1(17) NEXT1(18) FOUR1(18) NEXT1(19) FOUR1(19)
        EACH {
            const uint32_t a = (uint32_t)_mm_extract_epi32(abcd[s], 3) + before[0];
            if (a <= highest && stamp_good(stamp, n + s))
                return n + s;
        }
    }
    return NONE;
}

#undef FOUR1
#undef NEXT1
#undef EACH
