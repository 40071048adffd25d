// What is computed: the sizes of a convolution of up to three axes, a dense layer being one without space.
#pragma once
#include <algorithm>
#include <cstdint>

struct Axis {
  long size = 1, out = 1, k = 1, stride = 1, dilation = 1, before = 0;
  long reach() const { return (k - 1) * dilation; }
};

struct Problem {
  long samples, n, m;  // samples, input and output channels
  Axis axis[3];        // axes that are not there have length one
  bool shared;         // whether the taps share their bias

  long places_in() const { return axis[0].size * axis[1].size * axis[2].size; }
  long places_out() const { return axis[0].out * axis[1].out * axis[2].out; }
  long taps() const { return axis[0].k * axis[1].k * axis[2].k; }
  double terms() const { return (double)samples * places_out() * taps() * n * m; }
};

enum Padding { VALID, SAME, CAUSAL };

// x is (samples, *size, n), kernel (*k, n, m); settings are the padding, the strides and the dilations (shapes.py).
inline Problem problem(const int64_t* x, const int64_t* kernel, int rank, bool shared, const int64_t* settings) {
  Problem p;
  p.samples = x[0], p.n = kernel[rank], p.m = kernel[rank + 1], p.shared = shared;
  for (int a = 0; a < rank; a++) {
    Axis& axis = p.axis[3 - rank + a];
    axis.size = x[1 + a], axis.k = kernel[a], axis.stride = settings[1 + a], axis.dilation = settings[1 + rank + a];
    long last = settings[0] == VALID ? axis.size - axis.reach() - 1 : axis.size - 1;
    axis.out = last / axis.stride + 1;
    if (settings[0] == CAUSAL) axis.before = axis.reach();
    if (settings[0] == SAME)
      axis.before = std::max(0L, (axis.out - 1) * axis.stride + axis.reach() + 1 - axis.size) / 2;
  }
  return p;
}
