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

#if defined(__AVX512F__)
#define BYTES 64
#elif defined(__AVX__)
#define BYTES 32
#else
#define BYTES 16
#endif

template <class T>
struct Lanes {
  static constexpr long W = BYTES / sizeof(T);
  typedef T V __attribute__((vector_size(BYTES)));
  typedef T Anywhere __attribute__((vector_size(BYTES), aligned(sizeof(T)), may_alias));

  static V load(const T* from) { return *(const Anywhere*)from; }
  static void store(T* to, V v) { *(Anywhere*)to = v; }
  static V all(T value) { return value - V{}; }  // value + 0 would lose the sign of -0
  static V relu(V a) { return a < V{} ? V{} : a; }  // NaN stays
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
