/* holdfast.work._solver: the searches for Python. Every argument is checked here; the lock is free
 * while a search runs, so each thread can run one. A search cannot be broken off: ask for little.
 */
#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030B0000
#include <Python.h>

#include <stdlib.h>
#include <string.h>
#ifdef __linux__
#include <sys/mman.h>
#endif

#include "argon2.h"
#include "solver.h"

#include "sha.h"

#define COUNTERS ((uint64_t)1 << 32)

static uint32_t big_endian(const char *at)
{
    const unsigned char *byte = (const unsigned char *)at;

    return (uint32_t)byte[0] << 24 | (uint32_t)byte[1] << 16 | (uint32_t)byte[2] << 8 | byte[3];
}

static int wrong(const char *what)
{
    PyErr_SetString(PyExc_ValueError, what);
    return 0;
}

/* Whether the numbers that describe a search are possible; sets an exception where they are not. */
static int possible(long long start, long long count, long long most)
{
    return (start >= 0 && count >= 0 && start <= most && count <= most - start)
           || wrong("start and count lie outside the counters there are");
}

static const struct method *by_name(const char *name)
{
    for (const struct method *method = METHODS; method->name; method++)
        if (strcmp(method->name, name) == 0 && method->here())
            return method;
    wrong("this processor has no such method");
    return NULL;
}

static PyObject *methods(PyObject *self, PyObject *none)
{
    PyObject *names = PyList_New(0);

    (void)self, (void)none;
    for (const struct method *method = METHODS; names && method->name; method++) {
        PyObject *name = method->here() ? PyUnicode_FromString(method->name) : NULL;
        if ((method->here() && !name) || (name && PyList_Append(names, name)))
            Py_CLEAR(names);
        Py_XDECREF(name);
    }
    return names;
}

static PyObject *search_sha256(PyObject *self, PyObject *arguments)
{
    const char *name, *seed;
    Py_ssize_t size;
    unsigned long long target;
    long long part, start, count;
    const struct method *method;
    struct puzzle puzzle;
    uint32_t words[8], found;

    (void)self;
    if (!PyArg_ParseTuple(arguments, "sy#LLLK", &name, &seed, &size, &part, &start, &count, &target)
        || !(method = by_name(name)) || !possible(start, count, COUNTERS))
        return NULL;
    if (size != 32 || part < 0 || part > UINT32_MAX || start == 0)
        return wrong("a seed has 32 bytes, a part 32 bits, and counters start at 1"), NULL;
    for (int i = 0; i < 8; i++)
        words[i] = big_endian(seed + 4 * i);
    puzzle_set(&puzzle, words, (uint32_t)part, target);
    Py_BEGIN_ALLOW_THREADS
    found = method->puzzles(&puzzle, (uint64_t)start, (uint64_t)(start + count));
    Py_END_ALLOW_THREADS
    return PyLong_FromUnsignedLong(found);
}

/* Argon2's memory, in huge pages where the system has them: it is read at random. */
static struct block *argon2_memory(void)
{
    const size_t page = (size_t)2 << 20, size = ARGON2_BLOCKS * sizeof(struct block);
    struct block *memory = aligned_alloc(page, (size + page - 1) / page * page);

#ifdef MADV_HUGEPAGE
    if (memory)
        madvise(memory, (size + page - 1) / page * page, MADV_HUGEPAGE);
#endif
    return memory;
}

static PyObject *search_argon2id(PyObject *self, PyObject *arguments)
{
    const char *seed;
    Py_ssize_t size;
    unsigned long long target;
    long long part, start, count;
    uint8_t salt[16];
    uint32_t found;

    (void)self;
    if (!PyArg_ParseTuple(arguments, "y#LLLK", &seed, &size, &part, &start, &count, &target)
        || !possible(start, count, COUNTERS))
        return NULL;
    if (size != 32 || part < 0 || part > UINT32_MAX || start == 0)
        return wrong("a seed has 32 bytes, a part 32 bits, and counters start at 1"), NULL;
    memcpy(salt, seed, sizeof salt);
    struct block *memory = argon2_memory();
    if (!memory)
        return PyErr_NoMemory();
    Py_BEGIN_ALLOW_THREADS
    found = argon2_search(memory, salt, (uint32_t)part, (uint64_t)start, (uint64_t)(start + count),
                          target);
    Py_END_ALLOW_THREADS
    free(memory);
    return PyLong_FromUnsignedLong(found);
}

/* Carry on SHA-1 over the whole blocks of a stamp's start; the last block is left to the search. */
static void sha1_of_blocks(uint32_t state[5], const char *blocks, Py_ssize_t count)
{
    static const uint32_t first[5] = {
        0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0,
    };
    uint32_t words[80], before[5];

    memcpy(state, first, sizeof first);
    for (Py_ssize_t block = 0; block < count; block++) {
        for (int i = 0; i < 16; i++)
            words[i] = big_endian(blocks + 64 * block + 4 * i);
        memcpy(before, state, sizeof before);
        sha1_rounds(state, words, 0, 80);
        for (int i = 0; i < 5; i++)
            state[i] += before[i];
    }
}

static PyObject *search_sha1(PyObject *self, PyObject *arguments)
{
    const char *name, *text;
    Py_ssize_t size;
    long long bits, start, count;
    const struct method *method;
    struct stamp stamp;
    uint32_t words[16] = {0}, before[5], found;

    (void)self;
    if (!PyArg_ParseTuple(arguments, "sy#LLL", &name, &text, &size, &bits, &start, &count)
        || !(method = by_name(name)) || !possible(start, count, STAMP_LETTERS))
        return NULL;
    const Py_ssize_t rest = size % 64;
    if (size > 1 << 20 || rest % 4 || rest > 48)
        return wrong("four letters after this text are no word of its last block"), NULL;
    if (bits < 0 || bits > 160 || start % STAMP_STEP || count % STAMP_STEP)
        return wrong("bits are 0 to 160, start and count multiples of 64"), NULL;
    sha1_of_blocks(before, text, size / 64);
    for (int i = 0; i < rest / 4; i++)
        words[i] = big_endian(text + size - rest + 4 * i);
    words[rest / 4 + 1] = 0x80000000;
    words[14] = (uint32_t)((uint64_t)(size + 4) >> 29);
    words[15] = (uint32_t)(size + 4) << 3;
    stamp_set(&stamp, before, words, (uint32_t)(rest / 4), (uint32_t)bits);
    Py_BEGIN_ALLOW_THREADS
    found = method->stamps(&stamp, (uint32_t)start, (uint32_t)(start + count));
    Py_END_ALLOW_THREADS
    if (found == NONE)
        Py_RETURN_NONE;
    const uint32_t letters = stamp_letters(found);
    const char word[4] = {(char)(letters >> 24), (char)(letters >> 16), (char)(letters >> 8),
                          (char)letters};
    return PyUnicode_FromStringAndSize(word, 4);
}

static PyMethodDef FUNCTIONS[] = {
    {"methods", methods, METH_NOARGS, "methods() -> the names this processor has, fastest first"},
    {"search_sha256", search_sha256, METH_VARARGS,
     "search_sha256(method, seed, part, start, count, target) -> the counter, or 0"},
    {"search_argon2id", search_argon2id, METH_VARARGS,
     "search_argon2id(seed, part, start, count, target) -> the counter, or 0"},
    {"search_sha1", search_sha1, METH_VARARGS,
     "search_sha1(method, text, bits, start, count) -> four letters to put after it, or None"},
    {0},
};

static PyModuleDef_Slot SLOTS[] = {{0}};

static struct PyModuleDef MODULE = {
    PyModuleDef_HEAD_INIT, "_solver", "The native searches.", 0, FUNCTIONS, SLOTS, 0, 0, 0,
};

PyMODINIT_FUNC PyInit__solver(void)
{
    return PyModuleDef_Init(&MODULE);
}
