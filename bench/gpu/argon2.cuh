// Argon2id on a GPU for the puzzle's cost: m = 19456 KiB, t = 2, p = 1, 32 bytes (RFC 9106).
//
// One warp makes one hash. A lane holds four words of the block at hand: word 16g + 4k + j lies
// in register k of lane 4g + j, and in memory at the place that makes every access 16 bytes a
// lane and 512 in a row. A lane reads only what it wrote itself. Rows are mixed by four lanes
// each, with shuffles; the turn to columns and back goes through 1 KiB of shared memory, swizzled
// so that no two lanes meet on a bank. A hash moves 5 x 19 MiB through device memory (two blocks
// a step in the first pass, three in the second), which is what limits it.
//
// The first two quarters of the first pass look where neither password nor salt have a say, so
// those places are worked out once, on the host.

#pragma once

#include <cstdint>

constexpr uint32_t BLOCKS = 19456, PASSES = 2, QUARTER = BLOCKS / 4, TAG_BYTES = 32;
constexpr uint64_t HASH_BYTES = uint64_t(BLOCKS) * 1024;

__device__ __forceinline__ uint64_t mixed(uint64_t x, uint64_t y) {
  uint64_t sum = x + y;
  asm("mad.wide.u32 %0, %1, %2, %0;" : "+l"(sum) : "r"(uint32_t(x)), "r"(uint32_t(y)));
  asm("mad.wide.u32 %0, %1, %2, %0;" : "+l"(sum) : "r"(uint32_t(x)), "r"(uint32_t(y)));
  return sum;
}

__device__ __forceinline__ uint64_t turned(uint64_t x, int bits) {
  const uint32_t low = uint32_t(x), high = uint32_t(x >> 32);
  uint32_t to_low, to_high;
  if (bits == 32) {
    to_low = high, to_high = low;
  } else if (bits == 24) {
    to_low = __byte_perm(low, high, 0x6543), to_high = __byte_perm(low, high, 0x2107);
  } else if (bits == 16) {
    to_low = __byte_perm(low, high, 0x5432), to_high = __byte_perm(low, high, 0x1076);
  } else {
    to_low = __funnelshift_l(high, low, 1), to_high = __funnelshift_l(low, high, 1);
  }
  return uint64_t(to_high) << 32 | to_low;
}

__device__ __forceinline__ void quarter_round(uint64_t (&v)[4]) {
  v[0] = mixed(v[0], v[1]), v[3] = turned(v[3] ^ v[0], 32);
  v[2] = mixed(v[2], v[3]), v[1] = turned(v[1] ^ v[2], 24);
  v[0] = mixed(v[0], v[1]), v[3] = turned(v[3] ^ v[0], 16);
  v[2] = mixed(v[2], v[3]), v[1] = turned(v[1] ^ v[2], 63);
}

struct Lane {
  uint32_t number, next, over, before;  // this lane, and those one, two, three on in its four
  uint32_t row_in[4], row_out[4];       // shared memory, in words: as columns begin, as rows ended
  uint32_t column_in[4], column_out[4];

  __device__ explicit Lane(uint32_t lane) : number(lane) {
    const uint32_t group = lane >> 2, j = lane & 3;
    next = (lane & ~3u) | ((j + 1) & 3);
    over = lane ^ 2;
    before = (lane & ~3u) | ((j + 3) & 3);
#pragma unroll
    for (uint32_t k = 0; k < 4; ++k) {
      const uint32_t diagonal = (j + k) & 3;
      row_in[k] = row_place(group, k, j), row_out[k] = row_place(group, k, diagonal);
      column_in[k] = column_place(group, k, j), column_out[k] = column_place(group, k, diagonal);
    }
  }
  __device__ static uint32_t row_place(uint32_t row, uint32_t k, uint32_t j) {
    const uint32_t swizzle = (row & 1) << 1 | (row >> 1 & 1);
    return 16 * row + 4 * (k ^ swizzle) + j;
  }
  // Column c is words 2c and 2c + 1 of each row; its word 4k + j is in row 2k + (j >> 1).
  __device__ static uint32_t column_place(uint32_t column, uint32_t k, uint32_t j) {
    return row_place(2 * k + (j >> 1), column >> 1, 2 * (column & 1) + (j & 1));
  }
  // Both halves of the mixing of sixteen words by four lanes; ends with the diagonals in place.
  __device__ __forceinline__ void mix(uint64_t (&v)[4]) const {
    quarter_round(v);
    v[1] = __shfl_sync(~0u, v[1], next);
    v[2] = __shfl_sync(~0u, v[2], over);
    v[3] = __shfl_sync(~0u, v[3], before);
    quarter_round(v);
  }
  __device__ __forceinline__ void compress(uint64_t (&v)[4], uint64_t* shared) const {
    mix(v);
    exchange(v, shared, row_out, column_in);
    mix(v);
    exchange(v, shared, column_out, row_in);
  }
  __device__ __forceinline__ static void exchange(uint64_t (&v)[4], uint64_t* shared,
                                                  const uint32_t (&to)[4],
                                                  const uint32_t (&from)[4]) {
#pragma unroll
    for (int k = 0; k < 4; ++k) shared[to[k]] = v[k];
    __syncwarp();
#pragma unroll
    for (int k = 0; k < 4; ++k) v[k] = shared[from[k]];
    __syncwarp();
  }
};

// Where word `w` of a block lies in memory, in words.
__host__ __device__ inline uint32_t place_of(uint32_t w) {
  const uint32_t group = w >> 4, k = w >> 2 & 3, lane = 4 * group + (w & 3);
  return (k >> 1) * 64 + lane * 2 + (k & 1);
}

struct Blocks {
  ulonglong2* at;  // of this hash, moved on to this lane

  __device__ __forceinline__ void get(uint64_t (&v)[4], uint32_t block) const {
    const ulonglong2 low = __ldcg(at + block * 64), high = __ldcg(at + block * 64 + 32);
    v[0] = low.x, v[1] = low.y, v[2] = high.x, v[3] = high.y;
  }
  __device__ __forceinline__ void put(const uint64_t (&v)[4], uint32_t block) const {
    __stcg(at + block * 64, make_ulonglong2(v[0], v[1]));
    __stcg(at + block * 64 + 32, make_ulonglong2(v[2], v[3]));
  }
};

// Where the data says to look: `area` blocks back from `start`, recent ones more often.
__device__ __forceinline__ uint32_t looked_up(uint64_t first_word, uint32_t area, uint32_t start) {
  const uint32_t chance = __shfl_sync(~0u, uint32_t(first_word), 0);
  const uint32_t back = __umulhi(area, __umulhi(chance, chance));
  const uint32_t at = start + area - 1 - back;
  return at >= BLOCKS ? at - BLOCKS : at;
}

__device__ __forceinline__ void step(const Lane& lane, const Blocks& blocks, uint64_t* shared,
                                     uint64_t (&v)[4], const uint64_t (&seen)[4],
                                     const uint64_t (&old)[4], uint32_t to) {
  uint64_t kept[4];
#pragma unroll
  for (int k = 0; k < 4; ++k) v[k] ^= seen[k], kept[k] = v[k] ^ old[k];
  lane.compress(v, shared);
#pragma unroll
  for (int k = 0; k < 4; ++k) v[k] ^= kept[k];
  blocks.put(v, to);
}

// Fills one hash's memory a warp; blocks 0 and 1 are there. `places`: where steps 2.. look.
__global__ void __launch_bounds__(32, 28)
    argon2_fill(ulonglong2* memory, const uint16_t* __restrict__ places) {
  __shared__ uint64_t shared[128];
  const Lane lane(threadIdx.x);
  const Blocks blocks{memory + uint64_t(blockIdx.x) * (HASH_BYTES / 16) + threadIdx.x};
  const uint64_t none[4] = {};
  uint64_t v[4], seen[4];
  blocks.get(v, 1);
  blocks.get(seen, places[2]);
  for (uint32_t i = 2; i < 2 * QUARTER; ++i) {
    uint64_t ahead[4] = {};
    if (i + 1 < 2 * QUARTER) blocks.get(ahead, places[i + 1]);  // never the block in the making
    step(lane, blocks, shared, v, seen, none, i);
#pragma unroll
    for (int k = 0; k < 4; ++k) seen[k] = ahead[k];
  }
  for (uint32_t i = 2 * QUARTER; i < BLOCKS; ++i) {
    blocks.get(seen, looked_up(v[0], i - 1, 0));
    step(lane, blocks, shared, v, seen, none, i);
  }
  for (uint32_t quarter = 0; quarter < 4; ++quarter) {
    const uint32_t start = quarter == 3 ? 0 : (quarter + 1) * QUARTER;
    for (uint32_t i = 0; i < QUARTER; ++i) {
      uint64_t old[4];
      blocks.get(seen, looked_up(v[0], 3 * QUARTER + i - 1, start));
      blocks.get(old, quarter * QUARTER + i);
      step(lane, blocks, shared, v, seen, old, quarter * QUARTER + i);
    }
  }
}

__constant__ uint8_t BLAKE2B_ORDER[10][16] = {
    {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
    {14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3},
    {11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4},
    {7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8},
    {9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13},
    {2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9},
    {12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11},
    {13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10},
    {6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5},
    {10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0}};
__constant__ uint64_t BLAKE2B_START[8] = {
    0x6a09e667f3bcc908ull, 0xbb67ae8584caa73bull, 0x3c6ef372fe94f82bull, 0xa54ff53a5f1d36f1ull,
    0x510e527fade682d1ull, 0x9b05688c2b3e6c1full, 0x1f83d9abfb41bd6bull, 0x5be0cd19137e2179ull};

__device__ void blake2b_begin(uint64_t (&h)[8], uint32_t bytes_out) {
  for (int i = 0; i < 8; ++i) h[i] = BLAKE2B_START[i];
  h[0] ^= 0x01010000u ^ bytes_out;
}

__device__ void blake2b_block(uint64_t (&h)[8], const uint64_t (&m)[16], uint64_t bytes_so_far,
                              bool last) {
  uint64_t v[16];
  for (int i = 0; i < 8; ++i) v[i] = h[i], v[i + 8] = BLAKE2B_START[i];
  v[12] ^= bytes_so_far;
  if (last) v[14] = ~v[14];
  for (int r = 0; r < 12; ++r) {
    const uint8_t* order = BLAKE2B_ORDER[r % 10];
    for (int i = 0; i < 8; ++i) {
      const int shift = i >> 2;
      uint64_t &a = v[i & 3], &b = v[4 + ((i + shift) & 3)], &c = v[8 + ((i + 2 * shift) & 3)],
               &d = v[12 + ((i + 3 * shift) & 3)];
      a += b + m[order[2 * i]], d = turned(d ^ a, 32);
      c += d, b = turned(b ^ c, 24);
      a += b + m[order[2 * i + 1]], d = turned(d ^ a, 16);
      c += d, b = turned(b ^ c, 63);
    }
  }
  for (int i = 0; i < 8; ++i) h[i] ^= v[i] ^ v[i + 8];
}

__device__ inline uint32_t swapped(uint32_t x) { return __byte_perm(x, 0, 0x0123); }

// Blocks 0 and 1 of each hash, a thread each: password be32(part) || be32(counter), 16 bytes salt.
__global__ void argon2_begin(uint64_t* memory, uint32_t hashes, uint64_t salt0, uint64_t salt1,
                             uint32_t part, uint32_t first) {
  const uint32_t thread = blockIdx.x * blockDim.x + threadIdx.x;
  const uint32_t number = thread >> 1, which = thread & 1;
  if (number >= hashes) return;
  const auto pair = [](uint32_t low, uint32_t high) { return uint64_t(high) << 32 | low; };
  uint64_t h[8], m[16] = {};
  m[0] = pair(1, TAG_BYTES), m[1] = pair(BLOCKS, PASSES), m[2] = pair(0x13, 2);
  m[3] = pair(8, swapped(part)), m[4] = pair(swapped(first + number), 16);
  m[5] = salt0, m[6] = salt1;  // then no secret and no associated data: two zero lengths
  blake2b_begin(h, 64);
  blake2b_block(h, m, 64, true);
  uint64_t* block = memory + (uint64_t(number) * BLOCKS + which) * 128;
  m[0] = pair(1024, uint32_t(h[0]));
  for (int i = 1; i < 8; ++i) m[i] = h[i - 1] >> 32 | h[i] << 32;
  m[8] = pair(uint32_t(h[7] >> 32), which), m[9] = 0;
  for (int i = 0; i < 31; ++i) {
    blake2b_begin(h, 64);
    blake2b_block(h, m, i == 0 ? 76 : 64, true);
    for (int k = 0; k < 16; ++k) m[k] = k < 8 ? h[k] : 0;
    for (int k = 0; k < (i == 30 ? 8 : 4); ++k) block[place_of(4 * i + k)] = h[k];
  }
}

// The tag of each hash, a thread each: BLAKE2b of 32 bytes over its length and the last block.
__global__ void argon2_end(const uint64_t* memory, uint32_t hashes, uint64_t* tags) {
  const uint32_t number = blockIdx.x * blockDim.x + threadIdx.x;
  if (number >= hashes) return;
  const uint64_t* block = memory + (uint64_t(number) * BLOCKS + BLOCKS - 1) * 128;
  uint64_t h[8], m[16], before = uint64_t(TAG_BYTES) << 32;
  blake2b_begin(h, TAG_BYTES);
  for (int b = 0; b < 8; ++b) {
    for (int k = 0; k < 16; ++k) {
      const uint64_t word = block[place_of(16 * b + k)];
      m[k] = before >> 32 | word << 32;
      before = word;
    }
    blake2b_block(h, m, 128 * (b + 1), false);
  }
  for (int k = 0; k < 16; ++k) m[k] = k == 0 ? before >> 32 : 0;
  blake2b_block(h, m, 1028, true);
  for (int k = 0; k < 4; ++k) tags[number * 4 + k] = h[k];
}

// Host: the mixing of one block in plain words, for the places alone.
inline void argon2_mix(uint64_t (&block)[128]) {
  const auto turn = [](uint64_t x, int bits) { return x >> bits | x << (64 - bits); };
  const auto mixed = [](uint64_t x, uint64_t y) {
    return x + y + 2 * uint64_t(uint32_t(x)) * uint32_t(y);
  };
  uint64_t was[128];
  for (int i = 0; i < 128; ++i) was[i] = block[i];
  for (int half = 0; half < 2; ++half) {
    for (int line = 0; line < 8; ++line) {
      const auto word = [&](int i) -> uint64_t& {
        return half == 0 ? block[16 * line + i] : block[16 * (i >> 1) + 2 * line + (i & 1)];
      };
      for (int i = 0; i < 8; ++i) {
        const int shift = i >> 2, j = i & 3;
        uint64_t &a = word(j), &b = word(4 + ((j + shift) & 3));
        uint64_t &c = word(8 + ((j + 2 * shift) & 3)), &d = word(12 + ((j + 3 * shift) & 3));
        a = mixed(a, b), d = turn(d ^ a, 32), c = mixed(c, d), b = turn(b ^ c, 24);
        a = mixed(a, b), d = turn(d ^ a, 16), c = mixed(c, d), b = turn(b ^ c, 63);
      }
    }
  }
  for (int i = 0; i < 128; ++i) block[i] ^= was[i];
}

inline void argon2_places(uint16_t* places) {
  uint64_t address[128] = {};
  for (uint32_t i = 2; i < 2 * QUARTER; ++i) {
    const uint32_t quarter = i / QUARTER, index = i % QUARTER;
    if (index % 128 == 0 || i == 2) {
      for (auto& word : address) word = 0;
      address[2] = quarter, address[3] = BLOCKS, address[4] = PASSES, address[5] = 2;
      address[6] = index / 128 + 1;
      argon2_mix(address);
      argon2_mix(address);
    }
    const uint64_t chance = uint32_t(address[index % 128]);
    const uint64_t back = (uint64_t(i - 1) * (chance * chance >> 32)) >> 32;
    places[i] = uint16_t(i - 2 - back);
  }
}
