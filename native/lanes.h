/* One hash in each lane of a vector, or one in all. Included once per instruction set, which says:
 *
 *   LANES, V          how many, and the type: uint32_t, or a vector of them
 *   NAME(f), ENABLED  this set's name of a function, and the attribute that allows its instructions
 *   SPLAT(x)          a vector with x in every lane
 *   ROTATE(x, n)      every lane of x rotated left by n, 0 < n < 32
 *   ANY_AT_MOST(x, y) whether a lane of x is at most y's, unsigned
 *   LANE(x, i)        lane i of x
 *   CHOOSE, MAJORITY, XOR3(x, y, z)
 */

#define NUMBERED NAME(numbered)
#define SUM256_0(x) XOR3(ROTATE(x, 30), ROTATE(x, 19), ROTATE(x, 10))
#define SUM256_1(x) XOR3(ROTATE(x, 26), ROTATE(x, 21), ROTATE(x, 7))
#define MIX256_0(x) XOR3(ROTATE(x, 25), ROTATE(x, 14), (x) >> 3)
#define MIX256_1(x) XOR3(ROTATE(x, 15), ROTATE(x, 13), (x) >> 10)

#define ROUND256(a, b, c, d, e, f, g, h, added)                                                  \
    do {                                                                                         \
        h += (added) + SUM256_1(e) + CHOOSE(e, f, g);                                            \
        d += h;                                                                                  \
        h += SUM256_0(a) + MAJORITY(a, b, c);                                                    \
    } while (0)

#define NEXT256(w, i)                                                                            \
    (w[i] += MIX256_0(w[(i + 1) & 15]) + w[(i + 9) & 15] + MIX256_1(w[(i + 14) & 15]))

/* A round whose word no counter changes, and one whose word is the known part and `more`. */
#define KNOWN256(a, b, c, d, e, f, g, h, r)                                                      \
    ROUND256(a, b, c, d, e, f, g, h, SPLAT(words[r] + SHA256_K[r]))

#define PARTLY256(a, b, c, d, e, f, g, h, r, more)                                               \
    do {                                                                                         \
        w[(r) & 15] = (more) + SPLAT(words[r]);                                                  \
        ROUND256(a, b, c, d, e, f, g, h, w[(r) & 15] + SPLAT(SHA256_K[r]));                      \
    } while (0)

#define MIXED256(a, b, c, d, e, f, g, h, i)                                                      \
    ROUND256(a, b, c, d, e, f, g, h, NEXT256(w, i) + SPLAT(SHA256_K[r + i]))

ENABLED static uint32_t NAME(puzzles)(const struct puzzle *puzzle, uint64_t from, uint64_t until)
{
    const uint32_t *words = puzzle->words, *after = puzzle->after;
    const uint32_t high = (uint32_t)(puzzle->target >> 32);

    for (uint64_t n = from; n < until; n += LANES) {
        const V counter = NUMBERED((uint32_t)n);
        V a = SPLAT(after[0]) + counter, b = SPLAT(after[1]), c = SPLAT(after[2]);
        V d = SPLAT(after[3]), e = SPLAT(after[4]) + counter, f = SPLAT(after[5]);
        V g = SPLAT(after[6]), h = SPLAT(after[7]), w[16];

        KNOWN256(a, b, c, d, e, f, g, h, 10);
        KNOWN256(h, a, b, c, d, e, f, g, 11);
        KNOWN256(g, h, a, b, c, d, e, f, 12);
        KNOWN256(f, g, h, a, b, c, d, e, 13);
        KNOWN256(e, f, g, h, a, b, c, d, 14);
        KNOWN256(d, e, f, g, h, a, b, c, 15);
        PARTLY256(c, d, e, f, g, h, a, b, 16, counter);
        KNOWN256(b, c, d, e, f, g, h, a, 17);
        PARTLY256(a, b, c, d, e, f, g, h, 18, MIX256_1(w[0]));
        KNOWN256(h, a, b, c, d, e, f, g, 19);
        PARTLY256(g, h, a, b, c, d, e, f, 20, MIX256_1(w[2]));
        KNOWN256(f, g, h, a, b, c, d, e, 21);
        PARTLY256(e, f, g, h, a, b, c, d, 22, MIX256_1(w[4]));
        PARTLY256(d, e, f, g, h, a, b, c, 23, w[0]);
        PARTLY256(c, d, e, f, g, h, a, b, 24, MIX256_1(w[6]) + MIX256_0(counter));
        PARTLY256(b, c, d, e, f, g, h, a, 25, MIX256_1(w[7]) + w[2] + counter);
        PARTLY256(a, b, c, d, e, f, g, h, 26, MIX256_1(w[8]));
        PARTLY256(h, a, b, c, d, e, f, g, 27, MIX256_1(w[9]) + w[4]);
        PARTLY256(g, h, a, b, c, d, e, f, 28, MIX256_1(w[10]));
        PARTLY256(f, g, h, a, b, c, d, e, 29, MIX256_1(w[11]) + w[6]);
        PARTLY256(e, f, g, h, a, b, c, d, 30, MIX256_1(w[12]) + w[7]);
        PARTLY256(d, e, f, g, h, a, b, c, 31, MIX256_1(w[13]) + w[8] + MIX256_0(w[0]));
        w[1] = SPLAT(words[17]);
        w[3] = SPLAT(words[19]);
        w[5] = SPLAT(words[21]);
        UNROLLED(2)
        for (int r = 32; r < 64; r += 16) {
            MIXED256(c, d, e, f, g, h, a, b, 0);
            MIXED256(b, c, d, e, f, g, h, a, 1);
            MIXED256(a, b, c, d, e, f, g, h, 2);
            MIXED256(h, a, b, c, d, e, f, g, 3);
            MIXED256(g, h, a, b, c, d, e, f, 4);
            MIXED256(f, g, h, a, b, c, d, e, 5);
            MIXED256(e, f, g, h, a, b, c, d, 6);
            MIXED256(d, e, f, g, h, a, b, c, 7);
            MIXED256(c, d, e, f, g, h, a, b, 8);
            MIXED256(b, c, d, e, f, g, h, a, 9);
            MIXED256(a, b, c, d, e, f, g, h, 10);
            MIXED256(h, a, b, c, d, e, f, g, 11);
            MIXED256(g, h, a, b, c, d, e, f, 12);
            MIXED256(f, g, h, a, b, c, d, e, 13);
            MIXED256(e, f, g, h, a, b, c, d, 14);
            MIXED256(d, e, f, g, h, a, b, c, 15);
        }
        c += SPLAT(SHA256_FIRST[0]);
        if (!ANY_AT_MOST(c, SPLAT(high)))
            continue;
        d += SPLAT(SHA256_FIRST[1]);
        for (uint32_t i = 0; i < LANES && n + i < until; i++)
            if (((uint64_t)LANE(c, i) << 32 | LANE(d, i)) < puzzle->target)
                return (uint32_t)(n + i);
    }
    return 0;
}

#define ROUND1(a, b, c, d, e, chosen, added)                                                     \
    do {                                                                                         \
        e += (added) + ROTATE(a, 5) + chosen(b, c, d);                                           \
        b = ROTATE(b, 30);                                                                       \
    } while (0)

#define NEXT1(i)                                                                                 \
    (w[(i) & 15] = ROTATE(XOR3(w[(i) & 15], w[((i) + 2) & 15], w[((i) + 8) & 15])                \
                              ^ w[((i) + 13) & 15], 1))

#define FIVE1(i, chosen, k)                                                                      \
    do {                                                                                         \
        ROUND1(a, b, c, d, e, chosen, NEXT1(i) + SPLAT(k));                                      \
        ROUND1(e, a, b, c, d, chosen, NEXT1((i) + 1) + SPLAT(k));                                \
        ROUND1(d, e, a, b, c, chosen, NEXT1((i) + 2) + SPLAT(k));                                \
        ROUND1(c, d, e, a, b, chosen, NEXT1((i) + 3) + SPLAT(k));                                \
        ROUND1(b, c, d, e, a, chosen, NEXT1((i) + 4) + SPLAT(k));                                \
    } while (0)

#define TWENTY1(i, chosen, k)                                                                    \
    do {                                                                                         \
        FIVE1(i, chosen, k);                                                                     \
        FIVE1((i) + 5, chosen, k);                                                               \
        FIVE1((i) + 10, chosen, k);                                                              \
        FIVE1((i) + 15, chosen, k);                                                              \
    } while (0)

ENABLED static uint32_t NAME(stamps)(const struct stamp *stamp, uint32_t from, uint32_t until)
{
    const uint32_t *after = stamp->after, *k = SHA1_K;
    const uint32_t highest = stamp_highest(stamp->bits);

    for (uint32_t n = from; n < until; n += LANES) {
        V w[16];
        for (int i = 0; i < 16; i++)
            w[i] = SPLAT(stamp->words[i]);
        w[stamp->at] = SPLAT(stamp_letters(n) & ~0xffu) + NAME(letters)(n % STAMP_STEP);

        V a = SPLAT(after[0]), b = SPLAT(after[1]), c = SPLAT(after[2]);
        V d = SPLAT(after[3]), e = SPLAT(after[4]);
        for (uint32_t i = stamp->at; i < 16; i++) {
            ROUND1(a, b, c, d, e, CHOOSE, w[i] + SPLAT(k[0]));
            const V next = e;
            e = d, d = c, c = b, b = a, a = next;
        }
        ROUND1(a, b, c, d, e, CHOOSE, NEXT1(16) + SPLAT(k[0]));
        ROUND1(e, a, b, c, d, CHOOSE, NEXT1(17) + SPLAT(k[0]));
        ROUND1(d, e, a, b, c, CHOOSE, NEXT1(18) + SPLAT(k[0]));
        ROUND1(c, d, e, a, b, CHOOSE, NEXT1(19) + SPLAT(k[0]));
        const V four = a;
        a = b, b = c, c = d, d = e, e = four;
        TWENTY1(20, XOR3, k[1]);
        TWENTY1(40, MAJORITY, k[2]);
        TWENTY1(60, XOR3, k[3]);
        a += SPLAT(stamp->before[0]);
        if (!ANY_AT_MOST(a, SPLAT(highest)))
            continue;
        for (uint32_t i = 0; i < LANES; i++)
            if (LANE(a, i) <= highest && stamp_good(stamp, n + i))
                return n + i;
    }
    return NONE;
}

#undef ROUND1
#undef NEXT1
#undef FIVE1
#undef TWENTY1

#undef NUMBERED
#undef SUM256_0
#undef SUM256_1
#undef MIX256_0
#undef MIX256_1
#undef ROUND256
#undef NEXT256
#undef KNOWN256
#undef PARTLY256
#undef MIXED256
