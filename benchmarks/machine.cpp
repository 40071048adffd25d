// What this machine can do: instructions in registers and bytes from memory, by one thread.
//
// Each line of output is one round: the processor's seconds, what was done in them (multiply-adds with whatever stands before each,
// or bytes), and its kind. benchmarks/roofline.py compiles and reads it.
#include <cstdio>
#include <ctime>

#include "../dendnet/ops/cpp/lanes.h"

using L = Lanes<float>;
typedef L::V V;
constexpr long SUMS = 12;         // independent ones, so that no addition waits for the one before
constexpr long STEPS = 1 << 17;   // in a round, which is then over before another program has its turn
constexpr long LENGTH = 1 << 25;  // numbers in an array of the triad: far larger than any cache
constexpr long PARTS = 16;        // of these arrays, a round each
enum Kind { MULTIPLY_ADD, MAX, ADD_AND_MAX };  // what one term is made of, beside its multiply-add

#if defined(__x86_64__)
#define NEW(v) asm volatile("" : "+x"(v))  // the compiler must take v for another value, and computes from it again
#else
#define NEW(v) asm volatile("" : "+w"(v))
#endif

template <int KIND>
float terms(long steps) {
  V s[SUMS] = {}, x = L::all(1.0f), w = L::all(1e-6f), b = L::all(0.5f);
  for (long step = 0; step < steps; step++)
    for (long k = 0; k < SUMS; k++) {
      NEW(x);
      V a = KIND == ADD_AND_MAX ? x + b : x;
      s[k] += w * (KIND == MULTIPLY_ADD ? a : L::relu(a));
    }
  V total{};
  for (V each : s) total += each;
  return L::sum(total);
}

double now() {  // of the processor, which does not go on while another program runs
  timespec time;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return time.tv_sec + 1e-9 * time.tv_nsec;
}

template <class Work>
void timed(const char* kind, double done, const Work& work) {
  double start = now();
  work();
  std::printf("%.9f %.0f %s\n", now() - start, done, kind);
}

int main(int, char** words) {
  long rounds = std::atol(words[1]);
  Scratch<float> a(LENGTH), b(LENGTH), c(LENGTH);
  volatile float kept = 0;
  for (long round = 0; round < rounds; round++) {
    timed("multiply-add", STEPS * SUMS * L::W, [&] { kept = kept + terms<MULTIPLY_ADD>(STEPS); });
    timed("max, multiply-add", STEPS * SUMS * L::W, [&] { kept = kept + terms<MAX>(STEPS); });
    timed("add, max, multiply-add", STEPS * SUMS * L::W, [&] { kept = kept + terms<ADD_AND_MAX>(STEPS); });
    // Two arrays are read and one is written, whose lines are read before: four times its bytes.
    timed("bytes", 16.0 * LENGTH / PARTS, [&] {
      long part = LENGTH / PARTS, first = round % PARTS * part;
      for (long l = first; l < first + part; l++) a.data[l] = b.data[l] + 3 * c.data[l];
    });
  }
  return kept < 0;
}
