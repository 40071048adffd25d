"""The standard pre-activated unit, y = W^T act(x + b): what is left when all outputs share one bias per input.

It runs on the backend's own matrix product and convolution, so it costs what Keras's own layers cost.
"""

import keras
from keras import ops

from dendnet.ops import shapes


def dense(x, kernel, bias, activation):
    """y_j = sum_i w_ij act(x_i + b_i): (..., n), (n, m), (n,) -> (..., m)."""
    # Keras's product on torch makes float32 of float64, in its own Dense too: the dtype at least is kept.
    return ops.cast(ops.matmul(activation(x + bias), kernel), x.dtype)


def conv(x, kernel, bias, activation, geometry, data_format):
    """relu, then Keras's convolution: its zero padding is silent because it comes after the activation."""
    rank, on_tensorflow = len(kernel.shape) - 2, keras.backend.backend() == "tensorflow"
    channels_first = data_format == "channels_first"
    if channels_first and on_tensorflow:
        # Its convolutions on a CPU know channels-first only through oneDNN, and there only in float32 and in a graph.
        y = conv(ops.moveaxis(x, 1, -1), kernel, bias, activation, geometry, "channels_last")
        return ops.moveaxis(y, -1, 1)
    a, padding = activation(x + (ops.reshape(bias, (-1, *[1] * rank)) if channels_first else bias)), geometry.padding
    if padding == "causal":
        past = shapes.border(None, kernel.shape[0], geometry.strides[0], geometry.dilation_rate[0], padding)
        a = ops.pad(a, [(0, 0), (0, 0), past] if channels_first else [(0, 0), past, (0, 0)])
        padding = "valid"
    empty = on_tensorflow and x.shape[0] == 0
    if empty:  # oneDNN gives no samples the inputs' shape: one silent sample goes along
        a = ops.pad(a, [(0, 1)] + [(0, 0)] * (rank + 1))
    y = ops.conv(a, kernel, geometry.strides, padding, data_format, geometry.dilation_rate)
    return y[:0] if empty else y
