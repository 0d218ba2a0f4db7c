/* What the solver's two algorithms take and give, whoever runs them (see lanes.h and shani.h). */
#ifndef HOLDFAST_SOLVER_H
#define HOLDFAST_SOLVER_H

#include <stdint.h>

/* A part of a puzzle: SHA-256 over the seed (8 words), the part and a counter, 40 bytes in all.
 *
 * A counter changes word 9 alone. What follows from the other words is worked out once: the state
 * before round 10 but for the counter, and how much of each later word of the schedule is known.
 */
struct puzzle {
    uint32_t words[32];   /* the schedule, of each word what no counter changes */
    uint32_t after[8];    /* the state before round 10, as counter 0 has it */
    uint64_t target;      /* the digest's first 64 bits must stay below it */
};

#define COUNTER_AT 9

/* A search goes over from <= counter < until <= 2^32 and returns the first that solves, or 0. */
typedef uint32_t puzzle_search(const struct puzzle *puzzle, uint64_t from, uint64_t until);

#ifndef FOR_PAGES
/* A stamp that lacks four letters of its counter: they are one word of its last block. */
struct stamp {
    uint32_t before[5];   /* the state before the last block */
    uint32_t words[16];   /* the last block; the letters' place is 0 */
    uint32_t after[5];    /* the state before round `at` */
    uint32_t at;          /* the letters' place, 0 to 12 */
    uint32_t bits;        /* how many leading zero bits the digest must have, 0 to 160 */
};

#define STAMP_LETTERS (1u << 24)   /* ways to choose four letters of 64 */
#define STAMP_STEP 64u             /* a search goes in steps of the last letter's 64 */
#define NONE UINT32_MAX

/* Goes over from <= number < until <= STAMP_LETTERS, both multiples of STAMP_STEP; NONE if none. */
typedef uint32_t stamp_search(const struct stamp *stamp, uint32_t from, uint32_t until);

struct method {
    const char *name;
    int (*here)(void);    /* whether this processor can */
    puzzle_search *puzzles;
    stamp_search *stamps;
};

extern const struct method METHODS[];   /* fastest first, ended by one without a name */
#endif

#endif
