// Dense layers, and convolutions a tap at a time: a term is an addition, a maximum and a multiply-add in registers.
//
// A row is what one output place sees through one tap, n numbers of x, or minus infinity beyond the border.
#pragma once
#include <cmath>

#include "lanes.h"
#include "problem.h"

constexpr long ROWS = 128;    // rows of a piece
constexpr long INPUTS = 128;  // inputs of a piece: their weights and biases stay near a core
constexpr long WIDTH = 512;   // outputs of a piece of the gradients

// The rows of x, and of dx, that the outputs first, first + 1, ... see through tap t; a dense layer's tap is 0.
template <class T>
struct Rows {
  T* row[ROWS];
  Rows(const Problem& p, T* x, T* nowhere, long t, long first, long count) {
    const Axis* axis = p.axis;
    long places = p.places_out(), tap[3] = {t / axis[2].k / axis[1].k, t / axis[2].k % axis[1].k, t % axis[2].k};
    for (long r = 0; r < count; r++) {
      long sample = (first + r) / places, rest = (first + r) % places, q = 0, at[3];
      for (int a = 2; a >= 0; a--) at[a] = rest % axis[a].out, rest /= axis[a].out;
      bool inside = true;
      for (int a = 0; a < 3; a++) {
        long here = at[a] * axis[a].stride - axis[a].before + tap[a] * axis[a].dilation;
        inside = inside && here >= 0 && here < axis[a].size;
        q = q * axis[a].size + here;
      }
      row[r] = inside ? x + (sample * p.places_in() + q) * p.n : nowhere;
    }
  }
};

// y += sum_i w_ij relu(x_i + b_ij) for K rows and two vectors of outputs; w and b come packed, 2 W numbers for each i.
template <class T, int K>
void outputs_of(T* const* x, long first, long inputs, const T* w, const T* b, T* y, long m, long count) {
  using L = Lanes<T>;
  typename L::V sum[K][2] = {};
  for (long i = 0; i < inputs; i++, w += 2 * L::W, b += 2 * L::W) {
    typename L::V w0 = L::load(w), w1 = L::load(w + L::W), b0 = L::load(b), b1 = L::load(b + L::W);
    for (int k = 0; k < K; k++) {
      typename L::V x_i = L::all(x[k][first + i]);
      sum[k][0] += w0 * L::relu(x_i + b0);
      sum[k][1] += w1 * L::relu(x_i + b1);
    }
  }
  for (int k = 0; k < K; k++) {
    L::add_some(y + k * m, sum[k][0], count);
    if (count > L::W) L::add_some(y + k * m + L::W, sum[k][1], count - L::W);
  }
}

template <class T>
void one_tap_forward(const Problem& p, const T* x, const T* kernel, const T* bias, T* y) {
  using L = Lanes<T>;
  long rows = p.samples * p.places_out(), n = p.n, m = p.m, columns = 2 * L::W;
  long threads = threads_for(p.terms());
  long each = std::max(4L, std::min(ROWS, (rows + threads - 1) / threads)), pieces = (rows + each - 1) / each;
  long blocks = (m + columns - 1) / columns;
  long parts = std::max(1L, std::min(blocks, (4 * threads + pieces - 1) / pieces));  // of the outputs, if rows are few
  if (threads == 1) parts = 1;
  std::vector<T> silent(n, -INFINITY);
  share(pieces * parts, threads, [&](long item) {
    long first = item / parts * each, count = std::min(each, rows - first), part = item % parts;
    long from = blocks * part / parts, until = blocks * (part + 1) / parts;
    Scratch<T> w(INPUTS * columns), b(INPUTS * columns);
    for (long r = first; r < first + count; r++)
      std::fill(y + r * m + from * columns, y + r * m + std::min(m, until * columns), T(0));
    for (long t = 0; t < p.taps(); t++) {
      Rows<T> seen(p, (T*)x, silent.data(), t, first, count);
      const T *kernel_t = kernel + t * n * m, *bias_t = bias + (p.shared ? 0 : t * n * m);
      for (long i = 0; i < n; i += INPUTS)
        for (long block = from; block < until; block++) {
          long inputs = std::min(INPUTS, n - i), j = block * columns, width = std::min(columns, m - j);
          for (long u = 0; u < inputs; u++) {
            std::copy_n(kernel_t + (i + u) * m + j, width, w + u * columns);
            std::copy_n(bias_t + (i + u) * m + j, width, b + u * columns);
            std::fill(w + u * columns + width, w + (u + 1) * columns, T(0));
            std::fill(b + u * columns + width, b + (u + 1) * columns, T(0));
          }
          long r = 0;
          T* y_r = y + first * m + j;
          for (; r + 4 <= count; r += 4) outputs_of<T, 4>(seen.row + r, i, inputs, w, b, y_r + r * m, m, width);
          for (; r < count; r++) outputs_of<T, 1>(seen.row + r, i, inputs, w, b, y_r + r * m, m, width);
        }
    }
  });
}

// One input i, K rows, all columns of a piece: sums over rows for dw and the mask, over columns for dx.
template <class T, int K>
void gradients_of(T* const* x, T* const* dx, long i, const T* w, const T* b, const T* dy, T* dw, T* active, long width) {
  using L = Lanes<T>;
  typename L::V x_i[K], dx_i[K] = {};
  for (int k = 0; k < K; k++) x_i[k] = L::all(x[k][i]);
  for (long j = 0; j < width; j += L::W) {
    typename L::V w_j = L::load(w + j), b_j = L::load(b + j), dw_j = L::load(dw + j), active_j = L::load(active + j);
    for (int k = 0; k < K; k++) {
      typename L::V a = x_i[k] + b_j, passed = L::where_positive(a, L::load(dy + k * width + j));
      dw_j += L::relu(a) * passed;  // and not a * passed: an input of minus infinity is silent
      active_j += passed;
      dx_i[k] += w_j * passed;
    }
    L::store(dw + j, dw_j);
    L::store(active + j, active_j);
  }
  for (int k = 0; k < K; k++) dx[k][i] += L::sum(dx_i[k]);
}

// dx, dw and sum_p dy_j [x_i + b_ij > 0] for the rows and inputs of one share; dx and the sums begin at zero.
template <class T>
void one_tap_share(const Problem& p, const T* x, const T* kernel, const T* bias, const T* dy, T* dx, T* dw, T* active,
                   long from, long until, long i_from, long i_until) {
  using L = Lanes<T>;
  long n = p.n, m = p.m, most = std::min(WIDTH, (m + L::W - 1) / L::W * L::W);
  Scratch<T> dy_piece(ROWS * most), w(most), b(most), dw_i(most), active_i(most), nobody(n);
  std::vector<T> silent(n, -INFINITY);
  for (long first = from; first < until; first += ROWS)
    for (long j = 0; j < m; j += most) {
      long count = std::min(ROWS, until - first), width = std::min(most, m - j);
      long full = (width + L::W - 1) / L::W * L::W;
      for (long r = 0; r < count; r++) {
        std::copy_n(dy + (first + r) * m + j, width, dy_piece + r * full);
        std::fill(dy_piece + r * full + width, dy_piece + (r + 1) * full, T(0));
      }
      for (long t = 0; t < p.taps(); t++) {
        Rows<T> seen(p, (T*)x, silent.data(), t, first, count), reached(p, dx, nobody, t, first, count);
        for (long i = i_from; i < i_until; i++) {
          long at = (t * n + i) * m + j;
          std::copy_n(kernel + at, width, (T*)w), std::copy_n(bias + (p.shared ? i * m + j : at), width, (T*)b);
          std::fill(w + width, w + full, T(0)), std::fill(b + width, b + full, T(0));
          std::fill(dw_i + 0, dw_i + full, T(0)), std::fill(active_i + 0, active_i + full, T(0));
          long r = 0;
          for (; r + 4 <= count; r += 4)
            gradients_of<T, 4>(seen.row + r, reached.row + r, i, w, b, dy_piece + r * full, dw_i, active_i, full);
          for (; r < count; r++)
            gradients_of<T, 1>(seen.row + r, reached.row + r, i, w, b, dy_piece + r * full, dw_i, active_i, full);
          for (long l = 0; l < width; l++) dw[at + l] += dw_i[l], active[at + l] += active_i[l];
        }
      }
    }
}
