"""The operation as its definition says it: every relu(x_i + b_ij) is formed, weighted and summed.

Clear and exact, and it holds N x n x m activations at a time: the yardstick for every faster form.
All arrays are channels-last.
"""

from keras import ops

from dendnet.ops import shapes
from dendnet.ops.shapes import DENSE


def connections(x, kernel, bias, activation, geometry):
    """A dense layer where the geometry is DENSE, a convolution otherwise."""
    if geometry == DENSE:
        return dense(x, kernel, bias, activation)
    return conv(x, kernel, bias, activation, geometry)


def dense(x, kernel, bias, activation):
    """y_j = sum_i w_ij act(x_i + b_ij): (..., n), (n, m), (n, m) -> (..., m)."""
    return ops.sum(kernel * activation(x[..., None] + bias), axis=-2)


def conv(x, kernel, bias, activation, geometry):
    """y_j(p) = sum_t sum_i w_tij act(x_i(p + t) + b_ij), with silence beyond the border.

    x is (N, *size, c_in), kernel (*k, c_in, c_out), and bias (c_in, c_out) where the taps t share it, of kernel's shape
    where they do not.
    """
    size, k = ops.shape(x)[1:-1], kernel.shape[:-2]
    out, border = shapes.axes(size, k, geometry)

    def active(b):
        # Padding comes after the activation: a pixel beyond the border gives 0, whatever the bias.
        return ops.pad(activation(x[..., None] + b), [(0, 0), *border, (0, 0), (0, 0)])

    shared = active(bias) if len(bias.shape) == 2 else None
    y = 0.0
    for t in shapes.taps(k):
        a = active(bias[t]) if shared is None else shared
        y = y + ops.sum(kernel[t] * a[(slice(None), *shapes.window(t, out, geometry))], axis=-2)
    return y
