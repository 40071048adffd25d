// The unit of Metta et al. (arXiv 2301.00924) on the processor: y_j(p) = sum_t sum_i w_tij relu(x_i(p + t) + b_ij).
//
// Whatever the sizes, these few functions are compiled once; no backend's compiler sees them. Arrays are contiguous and
// channels-last; bias is (n, m), or of the kernel's shape.
#pragma once
#include "one_tap.h"
#include "stencil_gradients.h"

template <class T>
void forward(const Problem& p, const T* x, const T* kernel, const T* bias, T* y) {
  if (p.terms() == 0) return (void)std::fill_n(y, p.samples * p.places_out() * p.m, T(0));
  if (p.shared && p.taps() > 1) return stencil_forward(p, x, kernel, bias, y);
  one_tap_forward(p, x, kernel, bias, y);
}

// Shares of the samples, and of the inputs: two shares of the samples must not add to the same sum, so that each has
// sums of its own, which are added at the end; shares of the inputs need none.
template <class T>
void gradients(const Problem& p, const T* x, const T* kernel, const T* bias, const T* dy, T* dx, T* dkernel, T* dbias) {
  long n = p.n, m = p.m, weights = p.taps() * n * m, biases = p.shared ? n * m : weights;
  std::fill_n(dx, p.samples * p.places_in() * n, T(0));
  std::fill_n(dkernel, weights, T(0));
  std::fill_n(dbias, biases, T(0));
  if (p.terms() == 0) return;
  bool stencil = p.shared && p.taps() > 1;
  long items = stencil ? Cut(p, false).items() : p.samples, threads = threads_for(2 * p.terms());
  long by_inputs = std::min(threads, std::max(1L, n / 16)), by_items = std::min(items, threads / by_inputs);
  long sums = weights + (stencil ? biases : weights);
  Scratch<T> partial((by_items - 1) * sums), active(stencil ? 0 : weights);
  share(by_inputs * by_items, threads, [&](long part) {
    long s = part / by_inputs, c = part % by_inputs;
    T* own = partial + (s - 1) * sums;
    T *dw = s ? own : dkernel, *rest = s ? own + weights : stencil ? dbias : (T*)active;
    long from = items * s / by_items, until = items * (s + 1) / by_items;
    long i_from = n * c / by_inputs, i_until = n * (c + 1) / by_inputs, places = p.places_out();
    if (stencil)
      stencil_share(p, x, kernel, bias, dy, dx, dw, rest, from, until, i_from, i_until);
    else
      one_tap_share(p, x, kernel, bias, dy, dx, dw, rest, from * places, until * places, i_from, i_until);
  });
  T* rest = stencil ? dbias : (T*)active;
  for (long s = 0; s < by_items - 1; s++) {
    const T* own = partial + s * sums;
    for (long l = 0; l < weights; l++) dkernel[l] += own[l];
    for (long l = weights; l < sums; l++) rest[l - weights] += own[l];
  }
  if (!stencil)
    for (long l = 0; l < weights; l++) dbias[l] = kernel[l] * active[l];
}
