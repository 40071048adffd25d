// Convolutions whose taps share their biases: each activation is computed once, and each tap reads it from the cache.
//
// With nine taps a term is a multiply-add and a ninth of an addition and of a maximum, in place of one of each.
// The work goes by boxes of an image, and by one input i and one vector of outputs j within a box: for these all
// activations of the box are held at once. A run is the axis along which neighbours in memory are computed side by
// side: the last axis of the image, or, where that is short, the samples of a group.
#pragma once
#include "lanes.h"
#include "problem.h"

constexpr long BOX = 512;  // places of a box, each a vector of outputs
constexpr long SHORT = 8;  // a last axis of fewer places is no run
constexpr long GROUP = 8;  // samples side by side

struct Interval {
  long from, until;
  long size() const { return until - from; }
};

// How the images are cut: groups of samples, and boxes of each axis.
struct Cut {
  long group, groups, each[3], boxes[3];

  Cut(const Problem& p, bool outputs) {
    auto length = [&](int a) { return outputs ? p.axis[a].out : p.axis[a].size; };
    group = length(2) < SHORT ? std::min(GROUP, p.samples) : 1;
    groups = (p.samples + group - 1) / group;
    long most = BOX / group;
    for (int a = 2; a >= 0; a--) {
      long parts = (length(a) + most - 1) / most;
      each[a] = (length(a) + parts - 1) / parts;
      boxes[a] = (length(a) + each[a] - 1) / each[a];
      most = std::max(1L, most / each[a]);
    }
  }
  long items() const { return groups * boxes[0] * boxes[1] * boxes[2]; }
  // The samples and the box of an item.
  Interval at(long item, const Problem& p, bool outputs, Interval* box) const {
    for (int a = 2; a >= 0; a--) {
      long length = outputs ? p.axis[a].out : p.axis[a].size, from = item % boxes[a] * each[a];
      box[a] = {from, std::min(length, from + each[a])};
      item /= boxes[a];
    }
    return {item * group, std::min(p.samples, (item + 1) * group)};
  }
};

// A vector for each place of a box and its surroundings, and each sample of a group.
struct Field {
  long from[3], size[3], group;
  long places() const { return size[0] * size[1] * size[2] * group; }
  long at(long a, long b, long c) const {
    return (((a - from[0]) * size[1] + b - from[1]) * size[2] + c - from[2]) * group;
  }
};

// A tap that a run reads: its number, and where it reads.
struct Read {
  long tap, from;
};

// sum_k += sum_t w_t A_(t, k) for K neighbours of a run, STEP places apart, or step where STEP is 0.
template <class T, int K, int STEP>
inline void add_taps(typename Lanes<T>::V* sum, const Read* reads, long count, const T* w, const T* A, long k,
                     long step) {
  if (STEP) step = STEP;
  using L = Lanes<T>;
  typename L::V s[K];
  for (int u = 0; u < K; u++) s[u] = sum[u];
  for (long r = 0; r < count; r++) {
    typename L::V w_t = L::load(w + reads[r].tap * L::W);
    const T* a = A + (reads[r].from + k * step) * L::W;
    for (int u = 0; u < K; u++) s[u] += w_t * L::load(a + u * step * L::W);
  }
  for (int u = 0; u < K; u++) sum[u] = s[u];
}

template <class T, int STEP>
void add_run(typename Lanes<T>::V* sum, long run, const Read* reads, long count, const T* w, const T* A, long step) {
  long k = 0;
  for (; k + 8 <= run; k += 8) add_taps<T, 8, STEP>(sum + k, reads, count, w, A, k, step);
  for (; k + 4 <= run; k += 4) add_taps<T, 4, STEP>(sum + k, reads, count, w, A, k, step);
  for (; k < run; k++) add_taps<T, 1, STEP>(sum + k, reads, count, w, A, k, step);
}

template <class T>
void stencil_forward(const Problem& p, const T* x, const T* kernel, const T* bias, T* y) {
  using L = Lanes<T>;
  typedef typename L::V V;
  const Axis* axis = p.axis;
  long n = p.n, m = p.m, taps = p.taps(), blocks = (m + L::W - 1) / L::W;
  Cut cut(p, true);
  long threads = threads_for(p.terms());
  long parts = threads == 1 ? 1 : std::min(blocks, (4 * threads + cut.items() - 1) / cut.items());
  share(cut.items() * parts, threads, [&](long item) {
    Interval box[3], samples = cut.at(item / parts, p, true, box);
    long part = item % parts, group = samples.size();
    bool along_samples = cut.group > 1;
    Field field;
    field.group = group;
    for (int a = 0; a < 3; a++) {
      field.from[a] = box[a].from * axis[a].stride - axis[a].before;
      field.size[a] = (box[a].size() - 1) * axis[a].stride + axis[a].reach() + 1;
    }
    // Every run, the taps that reach into the image from it, and where they read.
    std::vector<Read> reads;
    std::vector<long> ends;
    long run = along_samples ? group : box[2].size(), step = along_samples ? 1 : axis[2].stride;
    for (long a = box[0].from; a < box[0].until; a++)
      for (long b = box[1].from; b < box[1].until; b++)
        for (long c = box[2].from; c < (along_samples ? box[2].until : box[2].from + 1); c++) {
          long out[3] = {a, b, c};
          for (long t = 0; t < taps; t++) {
            long tap[3] = {t / axis[2].k / axis[1].k, t / axis[2].k % axis[1].k, t % axis[2].k}, at[3];
            bool inside = true;
            for (int d = 0; d < 3; d++) {
              at[d] = out[d] * axis[d].stride - axis[d].before + tap[d] * axis[d].dilation;
              if (d < 2 || along_samples) inside = inside && at[d] >= 0 && at[d] < axis[d].size;
            }
            if (inside) reads.push_back({t, field.at(at[0], at[1], at[2])});
          }
          ends.push_back(reads.size());
        }
    Scratch<T> A(field.places() * L::W), sums(ends.size() * run * L::W), w(taps * L::W);
    V* sum = (V*)(T*)sums;
    Interval inner[3];
    for (int d = 0; d < 3; d++)
      inner[d] = {std::max(0L, field.from[d]), std::min(axis[d].size, field.from[d] + field.size[d])};
    // The numbers of x that the box sees, input by input, since every vector of outputs reads them again.
    long seen = inner[0].size() * inner[1].size() * inner[2].size() * group;
    Scratch<T> x_box(seen * n);
    T* next = x_box;
    for (long a = inner[0].from; a < inner[0].until; a++)
      for (long b = inner[1].from; b < inner[1].until; b++)
        for (long c = inner[2].from; c < inner[2].until; c++)
          for (long s = 0; s < group; s++, next++) {
            long q = (a * axis[1].size + b) * axis[2].size + c;
            const T* x_q = x + ((samples.from + s) * p.places_in() + q) * n;
            for (long i = 0; i < n; i++) next[i * seen] = x_q[i];
          }
    for (long block = blocks * part / parts; block < blocks * (part + 1) / parts; block++) {
      long j = block * L::W, width = std::min(L::W, m - j);
      std::memset((void*)sum, 0, ends.size() * run * sizeof(V));
      for (long i = 0; i < n; i++) {
        V b_ij = L::load_some(bias + i * m + j, width);
        for (long t = 0; t < taps; t++) L::store(w + t * L::W, L::load_some(kernel + (t * n + i) * m + j, width));
        const T* x_i = x_box + i * seen;
        for (long a = inner[0].from; a < inner[0].until; a++)
          for (long b = inner[1].from; b < inner[1].until; b++) {
            T* to = A + field.at(a, b, inner[2].from) * L::W;
            for (long c = 0; c < inner[2].size() * group; c++, to += L::W)
              L::store(to, L::relu(L::all(*x_i++) + b_ij));
          }
        V* of_run = sum;
        long start = 0;
        for (long end : ends) {
          const Read* read = reads.data() + start;
          if (step == 1)
            add_run<T, 1>(of_run, run, read, end - start, w, A, step);
          else
            add_run<T, 0>(of_run, run, read, end - start, w, A, step);
          start = end, of_run += run;
        }
      }
      const V* from = sum;
      for (long a = box[0].from; a < box[0].until; a++)
        for (long b = box[1].from; b < box[1].until; b++)
          for (long c = box[2].from; c < box[2].until; c++)
            for (long s = 0; s < group; s++) {
              long place = (a * axis[1].out + b) * axis[2].out + c;
              T* to = y + ((samples.from + s) * p.places_out() + place) * m + j;
              V v = *from++;
              for (long l = 0; l < width; l++) to[l] = v[l];
            }
    }
  });
}
