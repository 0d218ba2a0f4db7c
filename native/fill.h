/* Argon2's compression (RFC 9106, 3.5 and 3.6). Included once per instruction set, which says:
 *
 *   NAME(f), ENABLED   this set's name of a function, and the attribute that allows its instructions
 *   PRODUCT(x, y)      of four pairs of 64-bit words, the low halves multiplied
 */

#define MIXED(x, y) ((x) + (y) + 2 * PRODUCT(x, y))
#define TURNED(x, right) ((x) >> (right) | (x) << (64 - (right)))
#define SHIFTED(x, i) __builtin_shufflevector(x, x, (i) & 3, ((i) + 1) & 3, ((i) + 2) & 3, ((i) + 3) & 3)

#define QUARTERS(a, b, c, d)                                                                     \
    do {                                                                                         \
        a = MIXED(a, b);                                                                         \
        d = TURNED(d ^ a, 32);                                                                   \
        c = MIXED(c, d);                                                                         \
        b = TURNED(b ^ c, 24);                                                                   \
        a = MIXED(a, b);                                                                         \
        d = TURNED(d ^ a, 16);                                                                   \
        c = MIXED(c, d);                                                                         \
        b = TURNED(b ^ c, 63);                                                                   \
    } while (0)

/* One permutation of sixteen words: four vectors, each of two pairs, `step` pairs apart. */
ENABLED static inline void NAME(permute)(pair *words, int step)
{
    four_words v[4];

    for (int i = 0; i < 4; i++)
        v[i] = __builtin_shufflevector(words[2 * i * step], words[(2 * i + 1) * step], 0, 1, 2, 3);
    QUARTERS(v[0], v[1], v[2], v[3]);
    v[1] = SHIFTED(v[1], 1);
    v[2] = SHIFTED(v[2], 2);
    v[3] = SHIFTED(v[3], 3);
    QUARTERS(v[0], v[1], v[2], v[3]);
    v[1] = SHIFTED(v[1], 3);
    v[2] = SHIFTED(v[2], 2);
    v[3] = SHIFTED(v[3], 1);
    for (int i = 0; i < 4; i++) {
        words[2 * i * step] = __builtin_shufflevector(v[i], v[i], 0, 1);
        words[(2 * i + 1) * step] = __builtin_shufflevector(v[i], v[i], 2, 3);
    }
}

/* Mix two blocks into a third; `onto` keeps what the third held, by exclusive or. */
ENABLED static void NAME(compress)(struct block *out, const struct block *x, const struct block *y,
                                   int onto)
{
    pair mixed[PAIRS], kept[PAIRS];

    for (int i = 0; i < PAIRS; i++) {
        mixed[i] = x->pairs[i] ^ y->pairs[i];
        kept[i] = onto ? mixed[i] ^ out->pairs[i] : mixed[i];
    }
    for (int i = 0; i < 8; i++)
        NAME(permute)(mixed + 8 * i, 1);
    for (int i = 0; i < 8; i++)
        NAME(permute)(mixed + i, 8);
    for (int i = 0; i < PAIRS; i++)
        out->pairs[i] = kept[i] ^ mixed[i];
}

#undef MIXED
#undef TURNED
#undef SHIFTED
#undef QUARTERS
