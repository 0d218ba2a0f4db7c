// What one GPU does for an attacker: sha256 and argon2id puzzle hashes a second, as JSON.
//
//   attacker SEED_HEX SHA256_COST ARGON2ID_COST
//
// Every hash is the puzzle's own and is compared with its target; the counters found and a sample
// of the Argon2id tags are in the output, so that they can be checked elsewhere.

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "argon2.cuh"
#include "sha256.cuh"

static void must(cudaError_t result, const char* what) {
  if (result == cudaSuccess) return;
  std::fprintf(stderr, "attacker: %s: %s\n", what, cudaGetErrorString(result));
  std::exit(1);
}

class Clock {
 public:
  Clock() {
    must(cudaEventCreate(&from_), "event");
    must(cudaEventCreate(&to_), "event");
  }
  void begin() { must(cudaEventRecord(from_), "event"); }
  double seconds() {
    must(cudaEventRecord(to_), "event");
    must(cudaEventSynchronize(to_), "a kernel failed");
    must(cudaGetLastError(), "a launch failed");
    float ms = 0;
    must(cudaEventElapsedTime(&ms, from_, to_), "event");
    return ms / 1000.0;
  }

 private:
  cudaEvent_t from_, to_;
};

static double middle(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const size_t n = values.size();
  return n % 2 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

static void print_list(const char* name, const std::vector<double>& values) {
  std::printf("\"%s\": [", name);
  for (size_t i = 0; i < values.size(); ++i) std::printf("%s%.6g", i ? ", " : "", values[i]);
  std::printf("]");
}

// --- sha256 ---------------------------------------------------------------------------------

struct Search {
  const char* name;
  const void* kernel;
};

static const Search SEARCHES[] = {
    {"as compiled", (const void*)sha256_search<false>},
    {"sums on the multiply-add pipe", (const void*)sha256_search<true>},
};
static constexpr uint64_t ALL_COUNTERS = (uint64_t(1) << 32) - 1;  // 1 .. 2^32 - 1

// Seconds for `count` counters from 1; the hits are left in `hits`.
static double searched(const Search& search, int processors, Sha256Part part, uint64_t count,
                       Sha256Hits* hits, Clock& clock) {
  int fitting = 0;
  must(cudaOccupancyMaxActiveBlocksPerMultiprocessor(&fitting, search.kernel, 256, 0), "occupancy");
  must(cudaMemset(hits, 0, sizeof(uint32_t)), "memory");
  uint64_t first = 1;
  void* arguments[] = {&part, &first, &count, &hits};
  clock.begin();
  const dim3 grid(processors * fitting), block(256);
  must(cudaLaunchKernel(search.kernel, grid, block, arguments, 0, nullptr), search.name);
  return clock.seconds();
}

static std::vector<uint32_t> found(const Sha256Hits* hits) {
  std::vector<uint32_t> raw(16384);
  must(cudaMemcpy(raw.data(), hits, sizeof(Sha256Hits), cudaMemcpyDeviceToHost), "hits");
  if (raw[0] > 16383) {
    std::fprintf(stderr, "attacker: more hits than there is room for: take a higher cost\n");
    std::exit(1);
  }
  std::vector<uint32_t> counters(raw.begin() + 1, raw.begin() + 1 + raw[0]);
  std::sort(counters.begin(), counters.end());
  return counters;
}

static void sha256(const uint8_t* seed, uint64_t cost, int processors) {
  constexpr int RUNS = 21;
  Clock clock;
  Sha256Hits* hits;
  must(cudaMalloc(&hits, sizeof(Sha256Hits)), "memory");
  const Search* best = nullptr;
  double least = 0;
  std::printf("\"sha256\": {\"cost\": %llu, \"ways\": {", (unsigned long long)cost);
  for (const Search& search : SEARCHES) {
    std::vector<double> rates;
    for (int run = 0; run < 4; ++run) {
      const Sha256Part part = sha256_part(seed, 0, cost);
      const double s = searched(search, processors, part, ALL_COUNTERS, hits, clock);
      if (run) rates.push_back(ALL_COUNTERS / s);  // the first one warms up
    }
    const double rate = middle(rates);
    std::printf("%s\"%s\": %.6g", &search == SEARCHES ? "" : ", ", search.name, rate);
    if (rate > least) least = rate, best = &search;
  }
  std::printf("}, \"way\": \"%s\", ", best->name);
  std::vector<double> rates;
  std::vector<std::vector<uint32_t>> parts;
  for (int run = 0; run < RUNS; ++run) {
    const Sha256Part part = sha256_part(seed, run, cost);
    const double s = searched(*best, processors, part, ALL_COUNTERS, hits, clock);
    rates.push_back(ALL_COUNTERS / s);
    parts.push_back(found(hits));
  }
  print_list("hashes_per_s", rates);
  std::printf(", \"found\": [");
  for (size_t p = 0; p < parts.size(); ++p) {
    std::printf("%s[", p ? ", " : "");
    for (size_t i = 0; i < parts[p].size(); ++i) std::printf("%s%u", i ? "," : "", parts[p][i]);
    std::printf("]");
  }
  // Each hit of a short range, at a low cost, so that a miss shows.
  for (const Search& search : SEARCHES) {
    searched(search, processors, sha256_part(seed, 7, 1000), 1000000, hits, clock);
    std::printf("%s[", &search == SEARCHES ? "], \"million\": [" : ", ");
    const std::vector<uint32_t> all = found(hits);
    for (size_t i = 0; i < all.size(); ++i) std::printf("%s%u", i ? "," : "", all[i]);
    std::printf("]");
  }
  std::printf("]}");
  must(cudaFree(hits), "memory");
}

// --- argon2id -------------------------------------------------------------------------------

struct Argon2 {
  ulonglong2* memory;
  uint16_t* places;
  uint64_t* tags;
  uint64_t salt[2];

  double run(uint32_t hashes, uint32_t part, uint32_t first, Clock& clock) const {
    clock.begin();
    uint64_t* words = (uint64_t*)memory;
    const uint32_t begin = (2 * hashes + 63) / 64, end = (hashes + 63) / 64;
    argon2_begin<<<begin, 64>>>(words, hashes, salt[0], salt[1], part, first);
    argon2_fill<<<hashes, 32>>>(memory, places);
    argon2_end<<<end, 64>>>(words, hashes, tags);
    return clock.seconds();
  }
};

// Bytes a second that a plain copy inside the card's memory reads and writes: the ceiling.
static double copied(uint8_t* memory, size_t bytes, Clock& clock) {
  std::vector<double> rates;
  for (int run = 0; run < 6; ++run) {
    clock.begin();
    must(cudaMemcpyAsync(memory, memory + bytes, bytes, cudaMemcpyDeviceToDevice), "copy");
    const double s = clock.seconds();
    if (run) rates.push_back(2.0 * bytes / s);
  }
  return middle(rates);
}

static void argon2(const uint8_t* seed, uint64_t cost, int processors) {
  constexpr int RUNS = 15;
  Clock clock;
  size_t available = 0, total = 0;
  must(cudaMemGetInfo(&available, &total), "memory");
  const uint32_t room = uint32_t((available - (size_t(1) << 30)) / HASH_BYTES);
  std::vector<uint16_t> places(2 * QUARTER);
  argon2_places(places.data());
  Argon2 gpu;
  must(cudaMalloc(&gpu.memory, room * HASH_BYTES), "memory");
  must(cudaMalloc(&gpu.places, places.size() * 2), "memory");
  must(cudaMalloc(&gpu.tags, room * TAG_BYTES), "memory");
  must(cudaMemcpy(gpu.places, places.data(), places.size() * 2, cudaMemcpyHostToDevice), "places");
  must(cudaMemset(gpu.memory, 0xa5, room * HASH_BYTES), "memory");  // nothing may rest on zeros
  must(cudaMemset(gpu.tags, 0xa5, room * TAG_BYTES), "memory");
  std::memcpy(gpu.salt, seed, 16);

  std::printf("\"copy_bytes_per_s\": %.6g,\n",
              copied((uint8_t*)gpu.memory, room * HASH_BYTES / 2, clock));
  std::printf("\"argon2id\": {\"cost\": %llu, \"m_kib\": %u, \"t\": %u, \"p\": 1, \"in_flight\": {",
              (unsigned long long)cost, BLOCKS, PASSES);
  uint32_t best = 0;
  double most = 0;
  std::vector<uint32_t> sizes;
  for (uint32_t each = 6; each * processors <= room; each += 3) sizes.push_back(each * processors);
  sizes.push_back(room);
  for (uint32_t hashes : sizes) {
    gpu.run(hashes, 0, 1, clock);
    std::vector<double> rates;
    for (int run = 0; run < 3; ++run) rates.push_back(hashes / gpu.run(hashes, 0, 1, clock));
    std::printf("%s\"%u\": %.6g", hashes == sizes[0] ? "" : ", ", hashes, middle(rates));
    if (middle(rates) > most) most = middle(rates), best = hashes;
  }
  std::printf("}, \"hashes_at_once\": %u, ", best);
  std::vector<double> rates;
  std::string hits, samples;
  std::vector<uint64_t> tags(size_t(best) * 4);
  for (int run = 0; run < RUNS; ++run) {
    const uint32_t first = 1 + run * best;
    rates.push_back(best / gpu.run(best, 0, first, clock));
    must(cudaMemcpy(tags.data(), gpu.tags, tags.size() * 8, cudaMemcpyDeviceToHost), "tags");
    for (uint32_t i = 0; i < best; ++i) {
      const uint64_t top = __builtin_bswap64(tags[4 * i]);
      if (top < ~uint64_t(0) / cost) hits += (hits.empty() ? "" : ", ") + std::to_string(first + i);
      if (i % 61 != uint32_t(run)) continue;
      samples += (samples.empty() ? "\"" : ", \"") + std::to_string(first + i) + "\": \"";
      for (uint32_t b = 0; b < TAG_BYTES; ++b) {
        char two[3];
        std::snprintf(two, sizeof two, "%02x", ((const uint8_t*)&tags[4 * i])[b]);
        samples += two;
      }
      samples += "\"";
    }
  }
  print_list("hashes_per_s", rates);
  std::printf(", \"tried\": %u, \"found\": [%s], \"tags\": {%s}}", RUNS * best, hits.c_str(),
              samples.c_str());
  must(cudaFree(gpu.memory), "memory");
}

int main(int count, char** words) {
  if (count != 4 || std::strlen(words[1]) != 64) {
    std::fprintf(stderr, "usage: attacker SEED_HEX SHA256_COST ARGON2ID_COST\n");
    return 2;
  }
  uint8_t seed[32];
  for (int i = 0; i < 32; ++i) {
    unsigned byte = 0;
    if (std::sscanf(words[1] + 2 * i, "%2x", &byte) != 1) {
      std::fprintf(stderr, "attacker: the seed is not 64 hex digits\n");
      return 2;
    }
    seed[i] = uint8_t(byte);
  }
  cudaDeviceProp device;
  int driver = 0, mhz = 0;
  must(cudaGetDeviceProperties(&device, 0), "no GPU to be had");
  must(cudaDriverGetVersion(&driver), "driver");
  must(cudaDeviceGetAttribute(&mhz, cudaDevAttrClockRate, 0), "clock");
  std::printf("{\"device\": \"%s\", \"processors\": %d, \"memory_gib\": %.1f, \"clock_mhz\": %d, "
              "\"compute\": \"%d.%d\", \"cuda_compiler\": \"%d.%d\", \"cuda_driver\": \"%d.%d\",\n",
              device.name, device.multiProcessorCount, device.totalGlobalMem / 1073741824.0,
              mhz / 1000, device.major, device.minor, __CUDACC_VER_MAJOR__, __CUDACC_VER_MINOR__,
              driver / 1000, driver % 1000 / 10);
  sha256(seed, std::strtoull(words[2], nullptr, 10), device.multiProcessorCount);
  std::printf(",\n");
  argon2(seed, std::strtoull(words[3], nullptr, 10), device.multiProcessorCount);
  std::printf("}\n");
  return 0;
}
