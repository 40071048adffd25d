// Vectors of numbers as wide as this machine's registers, and work shared among its cores.
//
// The compiler is asked for the machine that it runs on (native.py), so these few lines are all that knows a processor.
#pragma once
#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <thread>
#include <vector>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

// larger(a, b): a where a > b, else b, as the processor's own maximum has it. Compilers make two instructions of it.
#if defined(__AVX512F__)
#define BYTES 64
inline __m512 larger(__m512 a, __m512 b) { return _mm512_max_ps(a, b); }
inline __m512d larger(__m512d a, __m512d b) { return _mm512_max_pd(a, b); }
#elif defined(__AVX__)
#define BYTES 32
inline __m256 larger(__m256 a, __m256 b) { return _mm256_max_ps(a, b); }
inline __m256d larger(__m256d a, __m256d b) { return _mm256_max_pd(a, b); }
#elif defined(__x86_64__)
#define BYTES 16
inline __m128 larger(__m128 a, __m128 b) { return _mm_max_ps(a, b); }
inline __m128d larger(__m128d a, __m128d b) { return _mm_max_pd(a, b); }
#else
#define BYTES 16
template <class V>
inline V larger(V a, V b) {
  return a > b ? a : b;
}
#endif

template <class T>
struct Lanes {
  static constexpr long W = BYTES / sizeof(T);
  typedef T V __attribute__((vector_size(BYTES)));
  typedef T Anywhere __attribute__((vector_size(BYTES), aligned(sizeof(T)), may_alias));

  static V load(const T* from) { return *(const Anywhere*)from; }
  static void store(T* to, V v) { *(Anywhere*)to = v; }
  static V all(T value) { return value - V{}; }  // value + 0 would lose the sign of -0
  static V relu(V a) { return larger(V{}, a); }  // NaN stays, since it is larger than nothing
  static V where_positive(V a, V b) { return a > V{} ? b : V{}; }
  static V load_some(const T* from, long count) {
    if (count >= W) return load(from);
    V v{};
    for (long l = 0; l < count; l++) v[l] = from[l];
    return v;
  }
  static void add_some(T* to, V v, long count) {
    if (count >= W) return store(to, load(to) + v);
    for (long l = 0; l < count; l++) to[l] += v[l];
  }
  static T sum(V v) {
    T total = 0;
    for (long l = 0; l < W; l++) total += v[l];
    return total;
  }
};

// Memory of a thread, aligned to its vectors.
template <class T>
struct Scratch {
  T* data;
  explicit Scratch(long count) : data((T*)std::aligned_alloc(64, (count * sizeof(T) + 127) / 64 * 64)) {
    if (!data) std::abort();
    std::memset((void*)data, 0, count * sizeof(T));
  }
  ~Scratch() { std::free(data); }
  Scratch(const Scratch&) = delete;
  operator T*() { return data; }
};

inline long cores() {
  static const long count = [] {
    const char* asked = std::getenv("OMP_NUM_THREADS");  // what numerical libraries agree on
    long n = asked ? std::atol(asked) : 0;
    return n > 0 ? n : std::max(1L, (long)std::thread::hardware_concurrency());
  }();
  return count;
}

constexpr double LEAST = 1 << 18;  // terms that are worth a thread, which takes some 20 microseconds to start

inline long threads_for(double terms) { return std::max(1L, std::min(cores(), (long)(terms / LEAST))); }

// work(item) for every item, by so many threads, each of which takes the next one.
template <class Work>
void share(long items, long threads, const Work& work) {
  std::atomic<long> next{0};
  auto worker = [&] {
    for (long item; (item = next++) < items;) work(item);
  };
  std::vector<std::thread> others;
  for (long t = 1; t < std::min(threads, items); t++) others.emplace_back(worker);
  worker();
  for (auto& other : others) other.join();
}
