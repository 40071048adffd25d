"""The standard pre-activated unit, y = W^T act(x + b): what is left when all outputs share one bias per input.

It runs on the backend's own matrix product and convolution, so it costs what Keras's own layers cost.
"""

from keras import ops

from dendnet.ops import shapes


def dense(x, kernel, bias, activation):
    """y_j = sum_i w_ij act(x_i + b_i): (..., n), (n, m), (n,) -> (..., m)."""
    # Keras's product on torch makes float32 of float64, in its own Dense too: the dtype at least is kept.
    return ops.cast(ops.matmul(activation(x + bias), kernel), x.dtype)


def conv(x, kernel, bias, activation, geometry, data_format):
    """relu, then Keras's convolution: its zero padding is silent because it comes after the activation."""
    rank, (strides, padding, dilation_rate) = len(kernel.shape) - 2, geometry
    channels_first = data_format == "channels_first"
    a = activation(x + (ops.reshape(bias, (-1, *[1] * rank)) if channels_first else bias))
    if padding == "causal":
        past = shapes.border(None, kernel.shape[0], strides[0], dilation_rate[0], padding)
        a = ops.pad(a, [(0, 0), (0, 0), past] if channels_first else [(0, 0), past, (0, 0)])
        padding = "valid"
    return ops.conv(a, kernel, strides, padding, data_format, dilation_rate)
