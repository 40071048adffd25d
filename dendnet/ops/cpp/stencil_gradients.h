// The gradients of stencil.h, by boxes of input places: what comes back to a place is summed over the taps before it
// passes the mask, which its taps share, and then serves dx and the biases both.
//
//     g_ij(q) = sum_t w_tij dy_j(q - t),   dx_i(q) = sum_j [x_i(q) + b_ij > 0] g_ij(q),
//     db_ij = sum_q [x_i(q) + b_ij > 0] g_ij(q),   dw_tij = sum_q relu(x_i(q) + b_ij) dy_j(q - t)
#pragma once
#include "stencil.h"

// Input places side by side, and the taps through which outputs see them: reads until the given one.
struct Run {
  long place, length, step, ends;
};

// For K neighbours of a run: their part of dx, and what they add to db and dw.
template <class T, int K>
inline void back_through(const Read* reads, long count, const T* w, const T* dy, const T* x, typename Lanes<T>::V b,
                         long k, typename Lanes<T>::V* dx, typename Lanes<T>::V& db, T* dw) {
  using L = Lanes<T>;
  typename L::V g[K] = {}, a[K];
  add_taps<T, K, 1>(g, reads, count, w, dy, k, 1);
  for (int u = 0; u < K; u++) {
    a[u] = L::relu(L::all(x[u]) + b);
    typename L::V passed = L::where_positive(a[u], g[u]);
    dx[u] += passed;
    db += passed;
  }
  for (long r = 0; r < count; r++) {
    const T* from = dy + (reads[r].from + k) * L::W;
    typename L::V even = L::load(dw + reads[r].tap * L::W), odd{};
    for (int u = 0; u < K; u += 2) even += a[u] * L::load(from + u * L::W);
    for (int u = 1; u < K; u += 2) odd += a[u] * L::load(from + u * L::W);
    L::store(dw + reads[r].tap * L::W, even + odd);
  }
}

// dx, and what the items add to dw and db, for inputs i_from to i_until.
template <class T>
void stencil_share(const Problem& p, const T* x, const T* kernel, const T* bias, const T* dy, T* dx, T* dw, T* db,
                   long from, long until, long i_from, long i_until) {
  using L = Lanes<T>;
  typedef typename L::V V;
  const Axis* axis = p.axis;
  long n = p.n, m = p.m, taps = p.taps(), blocks = (m + L::W - 1) / L::W;
  Cut cut(p, false);
  bool along_samples = cut.group > 1;
  auto floor_of = [](long a, long b) { return a >= 0 ? a / b : -((b - 1 - a) / b); };
  for (long item = from; item < until; item++) {
    Interval box[3], samples = cut.at(item, p, false, box);
    long group = samples.size();
    Field field;
    field.group = group;
    for (int d = 0; d < 3; d++) {
      field.from[d] = floor_of(box[d].from + axis[d].before - axis[d].reach(), axis[d].stride);
      field.size[d] = floor_of(box[d].until - 1 + axis[d].before, axis[d].stride) + 1 - field.from[d];
    }
    std::vector<Read> reads;
    std::vector<Run> runs;
    long phases = along_samples ? box[2].size() : std::min(axis[2].stride, box[2].size());
    for (long a = box[0].from; a < box[0].until; a++)
      for (long b = box[1].from; b < box[1].until; b++)
        for (long c = box[2].from; c < box[2].from + phases; c++) {
          long in[3] = {a, b, c};
          for (long t = 0; t < taps; t++) {
            long tap[3] = {t / axis[2].k / axis[1].k, t / axis[2].k % axis[1].k, t % axis[2].k}, at[3];
            bool seen = true;
            for (int d = 0; d < 3; d++) {
              long moved = in[d] + axis[d].before - tap[d] * axis[d].dilation;
              at[d] = floor_of(moved, axis[d].stride);
              seen = seen && at[d] * axis[d].stride == moved;
              if (d < 2 || along_samples) seen = seen && at[d] >= 0 && at[d] < axis[d].out;
            }
            if (seen) reads.push_back({t, field.at(at[0], at[1], at[2])});
          }
          long place = (a * axis[1].size + b) * axis[2].size + c;
          long length = along_samples ? group : (box[2].until - c + axis[2].stride - 1) / axis[2].stride;
          runs.push_back({place, length, along_samples ? p.places_in() : axis[2].stride, (long)reads.size()});
        }
    long places = (box[0].size()) * box[1].size() * box[2].size() * group, around = field.places() * L::W;
    Scratch<T> out(around * blocks), x_i(places), back(places * L::W), w(taps * L::W), dw_ij(taps * L::W);
    Interval inner[3];
    for (int d = 0; d < 3; d++)
      inner[d] = {std::max(0L, field.from[d]), std::min(axis[d].out, field.from[d] + field.size[d])};
    for (long a = inner[0].from; a < inner[0].until; a++)
      for (long b = inner[1].from; b < inner[1].until; b++)
        for (long c = inner[2].from; c < inner[2].until; c++)
          for (long s = 0; s < group; s++) {
            const T* at = dy + ((samples.from + s) * p.places_out() + (a * axis[1].out + b) * axis[2].out + c) * m;
            T* to = out + (field.at(a, b, c) + s) * L::W;
            for (long block = 0; block < blocks; block++)
              L::store(to + block * around, L::load_some(at + block * L::W, m - block * L::W));
          }
    for (long i = i_from; i < i_until; i++) {
      T* next = x_i;
      for (const Run& run : runs)
        for (long k = 0; k < run.length; k++)
          *next++ = x[(samples.from * p.places_in() + run.place + k * run.step) * n + i];
      std::memset((void*)back.data, 0, places * sizeof(V));
      for (long block = 0; block < blocks; block++) {
        long j = block * L::W, width = std::min(L::W, m - j);
        V b_ij = L::load_some(bias + i * m + j, width), db_ij{};
        for (long t = 0; t < taps; t++) {
          L::store(w + t * L::W, L::load_some(kernel + (t * n + i) * m + j, width));
          L::store(dw_ij + t * L::W, V{});
        }
        const T *dy_j = out + block * around, *x_run = x_i;
        V* dx_run = (V*)back.data;
        long start = 0;
        for (const Run& run : runs) {
          const Read* read = reads.data() + start;
          long count = run.ends - start, k = 0;
          for (; k + 8 <= run.length; k += 8)
            back_through<T, 8>(read, count, w, dy_j, x_run + k, b_ij, k, dx_run + k, db_ij, dw_ij);
          for (; k + 4 <= run.length; k += 4)
            back_through<T, 4>(read, count, w, dy_j, x_run + k, b_ij, k, dx_run + k, db_ij, dw_ij);
          for (; k < run.length; k++)
            back_through<T, 1>(read, count, w, dy_j, x_run + k, b_ij, k, dx_run + k, db_ij, dw_ij);
          start = run.ends, x_run += run.length, dx_run += run.length;
        }
        L::add_some(db + i * m + j, db_ij, width);
        for (long t = 0; t < taps; t++) L::add_some(dw + (t * n + i) * m + j, L::load(dw_ij + t * L::W), width);
      }
      const V* sums = (const V*)back.data;
      for (const Run& run : runs)
        for (long k = 0; k < run.length; k++)
          dx[(samples.from * p.places_in() + run.place + k * run.step) * n + i] = L::sum(*sums++);
    }
  }
}
