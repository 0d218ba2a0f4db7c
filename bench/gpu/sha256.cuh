// The sha256 puzzle on a GPU: H = SHA-256(seed || be32(part) || be32(counter)), one compression.
//
// Only word 9 of the block varies, so rounds 0..8 and every schedule word that does not depend on
// it are worked out once per part, on the host. What is left is limited by the pipe that does
// shifts and logic (64 lanes a clock and multiprocessor), on which three-input sums are done too.
// The multiply-add pipe beside it is as wide and nearly idle, so SPREAD has it do the sums, as
// x * 1 + y with a 1 the compiler cannot see through. Measured on an H100, hashes a second:
// 16.2e9 as the compiler has it, 14.9e9 with the 1 in a register (three registers to read),
// 18.4e9 with it from constants. Turns as both halves of x * 2^k cost more than they spare.

#pragma once

#include <cstdint>

struct Sha256Part {
  uint32_t mid[8];        // a..h after round 8
  uint32_t a9, e9;        // what round 9 adds to the counter to get the new a and e
  uint32_t kw[22];        // K + W of rounds 10..21 whose word is fixed
  uint32_t w[38];         // the fixed share of words 16..37
  uint32_t limit;         // reported is a hash whose first word is at most this: below the target
                          // but for a share of cost / 2^32 at the edge, for the host to tell
  uint32_t ones[64];      // 1, so many times that the compiler keeps none in a register
  uint32_t one;           // 1 for sums with an immediate, which need it in a register
};

struct Sha256Hits {
  uint32_t count;
  uint32_t counters[16383];
};

// As functions, and not as arrays, so that both sides have them and unrolled code has immediates.
__host__ __device__ constexpr uint32_t sha256_round(int r) {
  constexpr uint32_t k[64] = {
      0x428a2f98u, 0x71374491u, 0xb5c0fbcfu, 0xe9b5dba5u, 0x3956c25bu, 0x59f111f1u,
      0x923f82a4u, 0xab1c5ed5u, 0xd807aa98u, 0x12835b01u, 0x243185beu, 0x550c7dc3u,
      0x72be5d74u, 0x80deb1feu, 0x9bdc06a7u, 0xc19bf174u, 0xe49b69c1u, 0xefbe4786u,
      0x0fc19dc6u, 0x240ca1ccu, 0x2de92c6fu, 0x4a7484aau, 0x5cb0a9dcu, 0x76f988dau,
      0x983e5152u, 0xa831c66du, 0xb00327c8u, 0xbf597fc7u, 0xc6e00bf3u, 0xd5a79147u,
      0x06ca6351u, 0x14292967u, 0x27b70a85u, 0x2e1b2138u, 0x4d2c6dfcu, 0x53380d13u,
      0x650a7354u, 0x766a0abbu, 0x81c2c92eu, 0x92722c85u, 0xa2bfe8a1u, 0xa81a664bu,
      0xc24b8b70u, 0xc76c51a3u, 0xd192e819u, 0xd6990624u, 0xf40e3585u, 0x106aa070u,
      0x19a4c116u, 0x1e376c08u, 0x2748774cu, 0x34b0bcb5u, 0x391c0cb3u, 0x4ed8aa4au,
      0x5b9cca4fu, 0x682e6ff3u, 0x748f82eeu, 0x78a5636fu, 0x84c87814u, 0x8cc70208u,
      0x90befffau, 0xa4506cebu, 0xbef9a3f7u, 0xc67178f2u};
  return k[r];
}
__host__ __device__ constexpr uint32_t sha256_start(int i) {
  constexpr uint32_t h[8] = {0x6a09e667u, 0xbb67ae85u, 0x3c6ef372u, 0xa54ff53au,
                              0x510e527fu, 0x9b05688cu, 0x1f83d9abu, 0x5be0cd19u};
  return h[i];
}

template <bool SPREAD>
struct Sha256 {
  const Sha256Part& part;

  __device__ __forceinline__ static uint32_t multiplied(uint32_t x, uint32_t one, uint32_t y) {
    uint32_t sum;
    asm("mad.lo.u32 %0, %1, %2, %3;" : "=r"(sum) : "r"(x), "r"(one), "r"(y));
    return sum;
  }
  // x + y; `r` is the round, which picks the 1.
  __device__ __forceinline__ uint32_t add(int r, uint32_t x, uint32_t y) const {
    return SPREAD ? multiplied(x, part.ones[r], y) : x + y;
  }
  __device__ __forceinline__ static uint32_t turn(uint32_t x, int bits) {
    return __funnelshift_r(x, x, bits);
  }
  __device__ __forceinline__ static uint32_t small0(uint32_t x) {
    return turn(x, 7) ^ turn(x, 18) ^ x >> 3;
  }
  __device__ __forceinline__ static uint32_t small1(uint32_t x) {
    return turn(x, 17) ^ turn(x, 19) ^ x >> 10;
  }
  // One round; `word` is W, or K + W where that is fixed.
  __device__ __forceinline__ void round(int r, uint32_t a, uint32_t b, uint32_t c, uint32_t& d,
                                        uint32_t e, uint32_t f, uint32_t g, uint32_t& h,
                                        uint32_t word, bool fixed) const {
    const uint32_t big0 = turn(a, 2) ^ turn(a, 13) ^ turn(a, 22);
    const uint32_t big1 = turn(e, 6) ^ turn(e, 11) ^ turn(e, 25);
    const uint32_t choice = (e & f) ^ (~e & g);
    const uint32_t majority = (a & b) ^ (a & c) ^ (b & c);
    uint32_t t = add(r, h, word);
    if (!fixed) t = SPREAD ? multiplied(t, part.one, sha256_round(r)) : t + sha256_round(r);
    t = add(r, add(r, t, choice), big1);
    d = add(r, d, t);
    h = add(r, add(r, t, majority), big0);
  }
};

template <bool SPREAD>
__device__ __forceinline__ uint32_t sha256_first_word(const Sha256Part& part,
                                                      const Sha256<SPREAD>& s, uint32_t n) {
  uint32_t W[64];
  uint32_t a = part.mid[0], b = part.mid[1], c = part.mid[2], d = part.mid[3];
  uint32_t e = part.mid[4], f = part.mid[5], g = part.mid[6], h = part.mid[7];
  // Round 9 with the letters already turned by one.
  h = g; g = f; f = e; e = s.add(9, n, part.e9);
  d = c; c = b; b = a; a = s.add(9, n, part.a9);

  W[16] = s.add(16, n, part.w[16]);
  W[18] = s.add(18, s.small1(W[16]), part.w[18]);
  W[20] = s.add(20, s.small1(W[18]), part.w[20]);
  W[22] = s.add(22, s.small1(W[20]), part.w[22]);
  W[23] = s.add(23, W[16], part.w[23]);
  W[24] = s.add(24, s.add(24, s.small1(W[22]), s.small0(n)), part.w[24]);
  W[25] = s.add(25, s.add(25, s.add(25, s.small1(W[23]), W[18]), n), part.w[25]);
  W[26] = s.add(26, s.small1(W[24]), part.w[26]);
  W[27] = s.add(27, s.small1(W[25]), W[20]);
  W[28] = s.add(28, s.small1(W[26]), part.w[28]);
  W[29] = s.add(29, s.small1(W[27]), W[22]);
  W[30] = s.add(30, s.add(30, s.small1(W[28]), W[23]), part.w[30]);
  W[31] = s.add(31, s.add(31, s.add(31, s.small1(W[29]), W[24]), s.small0(W[16])), part.w[31]);
  W[32] = s.add(32, s.add(32, s.add(32, s.small1(W[30]), W[25]), W[16]), part.w[32]);
  W[33] = s.add(33, s.add(33, s.add(33, s.small1(W[31]), W[26]), s.small0(W[18])), part.w[33]);
  W[34] = s.add(34, s.add(34, s.add(34, s.small1(W[32]), W[27]), W[18]), part.w[34]);
  W[35] = s.add(35, s.add(35, s.add(35, s.small1(W[33]), W[28]), s.small0(W[20])), part.w[35]);
  W[36] = s.add(36, s.add(36, s.add(36, s.small1(W[34]), W[29]), W[20]), part.w[36]);
  W[37] = s.add(37, s.add(37, s.add(37, s.small1(W[35]), W[30]), s.small0(W[22])), part.w[37]);

#pragma unroll
  for (int r = 10; r < 64; ++r) {
    if (r >= 38) {
      const uint32_t recent = s.add(r, s.small1(W[r - 2]), W[r - 7]);
      W[r] = s.add(r, s.add(r, recent, s.small0(W[r - 15])), W[r - 16]);
    }
    const bool fixed = r < 16 || r == 17 || r == 19 || r == 21;
    s.round(r, a, b, c, d, e, f, g, h, fixed ? part.kw[r] : W[r], fixed);
    const uint32_t last = h;
    h = g; g = f; f = e; e = d; d = c; c = b; b = a; a = last;
  }
  return a + sha256_start(0);
}

// Tries the counters first, first + threads, ... of `count`; counter 0 is nobody's answer.
template <bool SPREAD>
__global__ void __launch_bounds__(256)
    sha256_search(const __grid_constant__ Sha256Part part, uint64_t first, uint64_t count,
                  Sha256Hits* hits) {
  const Sha256<SPREAD> s{part};
  const uint64_t threads = uint64_t(gridDim.x) * blockDim.x;
  for (uint64_t i = uint64_t(blockIdx.x) * blockDim.x + threadIdx.x; i < count; i += threads) {
    const uint32_t n = uint32_t(first + i);
    if (sha256_first_word<SPREAD>(part, s, n) <= part.limit && n != 0) {
      const uint32_t at = atomicAdd(&hits->count, 1u);
      if (at < 16383) hits->counters[at] = n;
    }
  }
}

// The fixed share of one part. `seed` is 32 bytes; `cost` the hashes expected for one hit.
inline Sha256Part sha256_part(const uint8_t* seed, uint32_t number, uint64_t cost) {
  const auto turn = [](uint32_t x, int bits) { return x >> bits | x << (32 - bits); };
  const auto small0 = [&](uint32_t x) { return turn(x, 7) ^ turn(x, 18) ^ x >> 3; };
  const auto small1 = [&](uint32_t x) { return turn(x, 17) ^ turn(x, 19) ^ x >> 10; };
  uint32_t W[64] = {};  // word 9 and all that hang on it stay 0, so that sums leave them out
  for (int i = 0; i < 8; ++i) {
    const uint8_t* b = seed + 4 * i;
    W[i] = uint32_t(b[0]) << 24 | b[1] << 16 | b[2] << 8 | b[3];
  }
  W[8] = number;
  W[10] = 0x80000000u;
  W[15] = 320;  // bits
  Sha256Part part = {};
  for (int r = 16; r < 38; ++r) {
    const bool fixed = r == 17 || r == 19 || r == 21;
    part.w[r] = small1(W[r - 2]) + W[r - 7] + small0(W[r - 15]) + W[r - 16];
    if (fixed) W[r] = part.w[r];
  }
  for (int r = 10; r < 22; ++r) part.kw[r] = sha256_round(r) + W[r];
  uint32_t v[8];
  for (int i = 0; i < 8; ++i) v[i] = sha256_start(i);
  for (int r = 0; r < 10; ++r) {
    const uint32_t t = v[7] + (turn(v[4], 6) ^ turn(v[4], 11) ^ turn(v[4], 25)) +
                       ((v[4] & v[5]) ^ (~v[4] & v[6])) + sha256_round(r) + W[r];
    const uint32_t u = (turn(v[0], 2) ^ turn(v[0], 13) ^ turn(v[0], 22)) +
                       ((v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]));
    if (r == 9) {
      part.a9 = t + u;
      part.e9 = v[3] + t;
      break;
    }
    for (int i = 7; i > 0; --i) v[i] = v[i - 1];
    v[4] += t;
    v[0] = t + u;
  }
  for (int i = 0; i < 8; ++i) part.mid[i] = v[i];
  part.limit = uint32_t(0xffffffffu / cost);
  part.one = 1;
  for (auto& one : part.ones) one = 1;
  return part;
}
