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
    c_group, c_out = kernel.shape[-2:]
    per_group = c_out // (x.shape[-1] // c_group)
    out, seen = _seen(x.shape[1:-1], kernel.shape[:-2], strides, padding, dilation_rate)
    y = np.zeros((len(x), *out, c_out))
    for p, t, q in seen:
        for j, i in itertools.product(range(c_out), range(c_group)):
            channel = j // per_group * c_group + i
            b = {1: lambda: bias[channel], 2: lambda: bias[i, j]}.get(bias.ndim, lambda: bias[(*t, i, j)])()  # noqa: B023
            y[(slice(None), *p, j)] += kernel[(*t, i, j)] * act(x[(slice(None), *q, channel)] + b)
    return y


def conv_transpose(x, kernel, bias, strides=1, padding="valid", dilation_rate=1, act=relu):
    """The transposed convolution on channels-last x: every pixel and tap adds to the one place that they reach."""
    x, kernel, bias = (np.asarray(a, "float64") for a in (x, kernel, bias))
    *k, c_in, c_out = kernel.shape
    strides, dilation = (np.broadcast_to(a, len(k)) for a in (strides, dilation_rate))
    size, beyond = np.array(x.shape[1:-1]), np.maximum((np.array(k) - 1) * dilation + 1 - strides, 0)
    out = size * strides + (beyond if padding == "valid" else 0)
    first = beyond // 2 if padding == "same" else np.zeros(len(k), int)
    y = np.zeros((len(x), *out, c_out))
    for q, t in itertools.product(np.ndindex(*size), np.ndindex(*k)):
        p = np.array(q) * strides + np.array(t) * dilation - first
        if (p >= 0).all() and (p < out).all():
            for i, j in itertools.product(range(c_in), range(c_out)):
                b = {1: lambda: bias[i], 2: lambda: bias[i, j]}.get(bias.ndim, lambda: bias[(*t, i, j)])()  # noqa: B023
                y[(slice(None), *p, j)] += kernel[(*t, i, j)] * act(x[(slice(None), *q, i)] + b)
    return y


def gradients(x, kernel, bias, dy, strides=1, padding="valid", dilation_rate=1):
    """dx, dkernel and dbias of the convolution, or of dense x (N, n), without groups; relu'(0) = 0.

    With |kernel| and |dy| they are the sums of their terms' magnitudes.
    """
    x, kernel, bias, dy = (np.asarray(a, "float64") for a in (x, kernel, bias, dy))
    _, seen = _seen(x.shape[1:-1], kernel.shape[:-2], strides, padding, dilation_rate)
    dx, dkernel, dbias = (np.zeros_like(a) for a in (x, kernel, bias))
    for p, t, q in seen:
        b, db = (a[t] if bias.ndim == kernel.ndim else a for a in (bias, dbias))
        active = x[(slice(None), *q, slice(None), None)] + b
        upstream = dy[(slice(None), *p, None)]
        through = (active > 0) * kernel[t] * upstream
        dx[(slice(None), *q)] += through.sum(axis=2)
        dkernel[t] += (relu(active) * upstream).sum(axis=0)
        db += through.sum(axis=0)
    return dx, dkernel, dbias


def _seen(size, k, strides, padding, dilation_rate):
    """The output's size, and (p, t, q) for every output place p and tap t that see a pixel q within the border."""
    size, k = np.array(size, int), np.array(k, int)
    strides, dilation = (np.broadcast_to(a, len(k)) for a in (strides, dilation_rate))
    reach = (k - 1) * dilation
    if padding == "valid":
        out, first = (size - reach - 1) // strides + 1, np.zeros(len(k), int)
    else:
        out = -(-size // strides)
        first = reach if padding == "causal" else np.maximum((out - 1) * strides + reach + 1 - size, 0) // 2
    seen = []
    for p, t in itertools.product(np.ndindex(*out), np.ndindex(*k)):
        q = np.array(p, int) * strides - first + np.array(t, int) * dilation
        if (q >= 0).all() and (q < size).all():
            seen.append((p, t, tuple(q)))
    return out, seen


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
