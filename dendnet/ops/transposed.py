"""The transposed convolution: each pixel gives, through its dendrites, to the outputs that its taps reach."""

import math
from collections.abc import Sequence

import keras
from keras import ops

from dendnet.ops.arguments import Activation, Tensor, check_transposed_padding, conv_arguments
from dendnet.ops.operation import _tensors, dac_dense
from dendnet.ops.shapes import span


def dac_conv_transpose(
    x: Tensor,
    kernel: Tensor,
    bias: Tensor,
    strides: int | Sequence[int] = 1,
    padding: str = "valid",
    dilation_rate: int | Sequence[int] = 1,
    data_format: str | None = None,
    activation: Activation = "relu",
    implementation: str = "auto",
) -> Tensor:
    r"""Dendrite-activated transposed convolution in one, two or three dimensions.

    .. math:: y_j(p) = \sum_{q, t:\, s q + t = p} \; \sum_{i=1}^{c_{in}} w_{tij} \, \mathrm{relu}(x_i(q) + b_{ij})

    Only true pixels q of the input contribute. The zeros that a textbook inserts between them are no pixels: their
    dendrites, which would give relu(b_ij), do not exist. So ``bias_sharing="outputs"`` is relu followed by Keras's own
    transposed convolution, and an output that no tap reaches is 0.

    Args:
        x: Inputs, ``(N, *size, c_in)``, or ``(N, c_in, *size)`` for ``"channels_first"``.
        kernel: Weights w, ``(*k, c_in, c_out)``; Keras's own has the last two the other way round.
        bias: Biases b: ``(c_in, c_out)``, shared by the taps of the kernel; of the kernel's shape, one for each weight;
            or ``(c_in,)``, one for each input channel, which is the standard pre-activated unit.
        strides: Pixels s of the output from one input to the next, one number or one for each dimension.
        padding: ``"valid"`` keeps all that some tap reaches, ``"same"`` s times the input's size.
        dilation_rate: Pixels from one tap to the next, one number or one for each dimension.
        data_format: ``"channels_last"`` or ``"channels_first"``; None takes Keras's own setting.
        activation: Any elementwise Keras activation, by name or as a function.
        implementation: As in :func:`dendnet.ops.dac_dense`, which computes what each tap of a pixel gives.

    Returns:
        Outputs y, ``(N, *out, c_out)`` or ``(N, c_out, *out)``, sized as by Keras's own layers.

    Raises:
        ValueError: A shape does not fit, or an argument is not among those named above.

    Example:
        Two pixels, stride 2, two taps and one bias of -1: each pixel gives relu(x - 1) to two outputs of its own.

        >>> import numpy as np
        >>> from dendnet.ops import dac_conv_transpose
        >>> x = np.array([1.0, 3.0]).reshape(1, 2, 1)
        >>> kernel = np.array([1.0, 10.0]).reshape(2, 1, 1)
        >>> y = dac_conv_transpose(x, kernel, -np.ones((1, 1)), strides=2, data_format="channels_last")
        >>> [float(v) for v in y[0, :, 0]]
        [0.0, 0.0, 2.0, 20.0]

    Reference:
        The chapter "One bias per connection" of the book, equation :eq:`dac-conv`.
    """
    x, kernel, bias = _tensors(x=x, kernel=kernel, bias=bias)
    rank = len(kernel.shape) - 2
    if rank not in (1, 2, 3) or len(x.shape) != rank + 2:
        raise ValueError(
            "kernel must have the shape (*k, c_in, c_out) with one to three kernel axes k, and x as many axes. "
            f"Received: kernel.shape={tuple(kernel.shape)}, x.shape={tuple(x.shape)}"
        )
    check_transposed_padding(padding)
    geometry, data_format = conv_arguments(
        rank, strides=strides, dilation_rate=dilation_rate, padding=padding, data_format=data_format
    )
    first = data_format == "channels_first"
    *k, c_in, c_out = map(int, kernel.shape)
    if x.shape[1 if first else -1] != c_in:
        raise ValueError(
            f"x must have the {c_in} channels of kernel's axis -2. "
            f"Received: x.shape={tuple(x.shape)}, data_format={data_format!r}"
        )
    if tuple(bias.shape) not in ((c_in,), (c_in, c_out), tuple(kernel.shape)):
        raise ValueError(
            f"bias must have the shape {(c_in,)}, {(c_in, c_out)} or that of the kernel, {tuple(kernel.shape)}. "
            f"Received: bias.shape={tuple(bias.shape)}"
        )
    if first:
        x = ops.moveaxis(x, 1, -1)
    if len(bias.shape) == 2:
        bias = ops.broadcast_to(bias, kernel.shape)
    given = dac_dense(x, _taps_last(kernel), _taps_last(bias), activation, implementation)
    y = _reached(given, k, c_out, geometry)
    return ops.moveaxis(y, -1, 1) if first else y


def output_size(size, k, stride, dilation, padding):
    """The output's size along one axis, or None where the input's is unknown."""
    if size is None:
        return None
    return size * stride + (max(span(k, dilation) - stride, 0) if padding == "valid" else 0)


def _taps_last(array):
    """(*k, c_in, c_out) as (c_in, taps * c_out); biases that outputs share as they are."""
    if len(array.shape) == 1:
        return array
    taps = math.prod(map(int, array.shape[:-2]))
    c_in, c_out = map(int, array.shape[-2:])
    return ops.reshape(ops.transpose(ops.reshape(array, (taps, c_in, c_out)), (1, 0, 2)), (c_in, taps * c_out))


def _reached(given, k, c_out, geometry):
    """What each tap of each pixel gives, (N, *size, taps * c_out), added up where it arrives: (N, *out, c_out)."""
    dtype = keras.backend.standardize_dtype(given.dtype)
    y = ops.cast(given, "float32") if dtype in ("float16", "bfloat16") else given
    size = [int(s) if keras.backend.backend() == "torch" else s for s in ops.shape(y)[1:-1]]
    for axis, (taps, stride, dilation) in enumerate(zip(k, geometry.strides, geometry.dilation_rate, strict=True)):
        # Axes before this one are done, and the first of the taps that are left are this one's.
        after, rest = math.prod(size[axis + 1 :]), math.prod(k[axis + 1 :]) * c_out
        y = ops.transpose(ops.reshape(y, (-1, size[axis], after, taps, rest)), (0, 1, 3, 2, 4))
        out = output_size(size[axis], taps, stride, dilation, geometry.padding)
        cut = max(span(taps, dilation) - stride, 0) // 2 if geometry.padding == "same" else 0
        y = _along(ops.reshape(y, (-1, size[axis], taps, after * rest)), stride, dilation)[:, cut : cut + out]
        size[axis] = out
    return ops.cast(ops.reshape(y, (-1, *size, c_out)), dtype)


def _along(given, stride, dilation):
    """(N, size, taps, rest) added up along one axis: as many taps at a time as there are pixels to a stride."""
    size, taps, rest = ops.shape(given)[1:]
    rounds, step = -(-taps // stride), stride * dilation
    given = ops.pad(given, [(0, 0), (0, 0), (0, rounds * stride - taps), (0, 0)])
    y = 0.0
    for r in range(rounds):
        part = ops.reshape(given[:, :, r * stride : (r + 1) * stride], (-1, size * stride, rest))
        y = y + ops.pad(part, [(0, 0), (r * step, (rounds - 1 - r) * step), (0, 0)])
    return y
