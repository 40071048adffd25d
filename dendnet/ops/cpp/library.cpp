// The library that native.py compiles, for one type of numbers: plain functions on addresses, for torch and for a first
// try, and what the backend wants beside them.
#include "connections.h"

#ifndef REAL
#define REAL float
#endif

extern "C" void dendnet_forward(const int64_t* x_shape, const int64_t* kernel_shape, int rank, int shared,
                                const int64_t* settings, const REAL* x, const REAL* kernel, const REAL* bias, REAL* y) {
  forward(problem(x_shape, kernel_shape, rank, shared, settings), x, kernel, bias, y);
}

extern "C" void dendnet_gradients(const int64_t* x_shape, const int64_t* kernel_shape, int rank, int shared,
                                  const int64_t* settings, const REAL* x, const REAL* kernel, const REAL* bias,
                                  const REAL* dy, REAL* dx, REAL* dkernel, REAL* dbias) {
  gradients(problem(x_shape, kernel_shape, rank, shared, settings), x, kernel, bias, dy, dx, dkernel, dbias);
}

#if defined(FOR_TENSORFLOW)
#include "tensorflow.h"
#elif defined(FOR_JAX)
#include "jax.h"
#endif
