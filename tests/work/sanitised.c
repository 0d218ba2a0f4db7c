/* Every search over stretches chosen by chance, at the edges too: each method finds what the plain
 * one finds. It is built with the sanitizers, which end it where memory or arithmetic is wrong. */
#include <stdio.h>
#include <stdlib.h>

#include "argon2.h"
#include "solver.h"

#include "sha.h"

static uint64_t chance(void)
{
    static uint64_t state = 88172645463325252u;

    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

static int differs(const char *name, const char *what)
{
    printf("%s: another %s than the plain method's\n", name, what);
    return 1;
}

int main(void)
{
    int wrong = 0;

    for (int turn = 0; turn < 400; turn++) {
        const struct method *plain = METHODS;
        uint32_t seed[8], words[16];
        struct puzzle puzzle;
        struct stamp stamp;

        while (plain[1].name)
            plain++;
        for (int i = 0; i < 8; i++)
            seed[i] = (uint32_t)chance();
        for (int i = 0; i < 16; i++)
            words[i] = (uint32_t)chance();
        puzzle_set(&puzzle, seed, (uint32_t)(turn % 64), UINT64_MAX / (1 + chance() % 300));
        stamp_set(&stamp, seed, words, (uint32_t)(turn % 13), (uint32_t)(chance() % 12));
        const uint64_t until = turn % 2 ? (uint64_t)1 << 32 : 1000 + chance() % 4000000000u;
        const uint64_t from = until - chance() % 300;
        const uint32_t stop = turn % 3 ? (uint32_t)(64 + chance() % 262000 * 64) : STAMP_LETTERS;
        const uint32_t start = stop - 64 * (turn % 2);
        for (const struct method *method = METHODS; method->name; method++) {
            if (!method->here())
                continue;
            if (method->puzzles(&puzzle, from, until) != plain->puzzles(&puzzle, from, until))
                wrong += differs(method->name, "counter");
            if (method->stamps(&stamp, start, stop) != plain->stamps(&stamp, start, stop))
                wrong += differs(method->name, "letters");
        }
    }
    struct block *memory = aligned_alloc(64, ARGON2_BLOCKS * sizeof *memory);
    const uint8_t salt[16] = {0};
    if (!memory || argon2_search(memory, salt, 0, UINT32_MAX, (uint64_t)1 << 32, 0))
        wrong += differs("argon2id", "counter");
    free(memory);
    return wrong > 0;
}
