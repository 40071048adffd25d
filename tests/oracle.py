"""The operation once more, in float64 NumPy with a loop for every sum: what every implementation is held against."""

import itertools

import numpy as np


def relu(x):
    return np.maximum(x, 0.0)


def dense(x, kernel, bias, act=relu):
    """y_j = sum_i w_ij act(x_i + b_ij) for x (N, n); bias (n, m) or (n,)."""
    x, kernel, bias = (np.asarray(a, "float64") for a in (x, kernel, bias))
    bias = bias if bias.ndim == 2 else np.repeat(bias[:, None], kernel.shape[1], axis=1)
    y = np.zeros((len(x), kernel.shape[1]))
    for sample, j, i in itertools.product(range(len(x)), range(kernel.shape[1]), range(kernel.shape[0])):
        y[sample, j] += kernel[i, j] * act(x[sample, i] + bias[i, j])
    return y


def conv(x, kernel, bias, strides=1, padding="valid", dilation_rate=1, act=relu):
    """The convolution on channels-last x, output by output, tap by tap; beyond the border nothing is added."""
    x, kernel, bias = (np.asarray(a, "float64") for a in (x, kernel, bias))
    rank = kernel.ndim - 2
    strides = np.broadcast_to(strides, rank)
    dilation = np.broadcast_to(dilation_rate, rank)
    size, k = np.array(x.shape[1:-1]), np.array(kernel.shape[:-2])
    reach = (k - 1) * dilation
    if padding == "valid":
        out, first = (size - reach - 1) // strides + 1, np.zeros(rank, int)
    else:
        out = -(-size // strides)
        first = reach if padding == "causal" else np.maximum((out - 1) * strides + reach + 1 - size, 0) // 2
    c_group, c_out = kernel.shape[-2:]
    per_group = c_out // (x.shape[-1] // c_group)
    y = np.zeros((len(x), *out, c_out))
    for p in np.ndindex(*out):
        for t in np.ndindex(*k):
            q = np.array(p) * strides - first + np.array(t) * dilation
            if (q < 0).any() or (q >= size).any():
                continue
            for j, i in itertools.product(range(c_out), range(c_group)):
                channel = j // per_group * c_group + i
                b = {1: lambda: bias[channel], 2: lambda: bias[i, j]}.get(bias.ndim, lambda: bias[(*t, i, j)])()  # noqa: B023
                y[(slice(None), *p, j)] += kernel[(*t, i, j)] * act(x[(slice(None), *q, channel)] + b)
    return y


def finite_differences(f, array, h=1e-5):
    """The gradient of the number f(array) by central differences, entry by entry."""
    array = np.array(array, "float64")
    gradient = np.zeros_like(array)
    for index in np.ndindex(*array.shape):
        there, back = array.copy(), array.copy()
        there[index] += h
        back[index] -= h
        gradient[index] = (f(there) - f(back)) / (2 * h)
    return gradient
