"""The two public operations: arguments checked, one implementation chosen."""

from collections.abc import Sequence

import keras
from keras import ops

from dendnet.ops import depthwise, standard
from dendnet.ops.arguments import (
    Activation,
    Tensor,
    check_implementation,
    check_reach,
    conv_arguments,
    densified,
    elementwise,
)
from dendnet.ops.implementations import connections, rounded_once
from dendnet.ops.shapes import DENSE


def dac_dense(
    x: Tensor, kernel: Tensor, bias: Tensor, activation: Activation = "relu", implementation: str = "auto"
) -> Tensor:
    r"""Dendrite-activated connections from n inputs to m outputs.

    .. math:: y_j = \sum_{i=1}^{n} w_{ij} \, \mathrm{relu}(x_i + b_{ij})

    Args:
        x: Inputs, ``(..., n)``.
        kernel: Weights w, ``(n, m)``.
        bias: Biases b: ``(n, m)``, one for each connection, or ``(n,)``, one for each input, which is the
            standard pre-activated unit.
        activation: Any elementwise Keras activation, by name or as a function.
        implementation: ``"reference"`` forms every relu(x_i + b_ij), as the definition does; ``"blocked"`` (relu and
            finite biases) never holds them all; ``"native"`` neither, in C++ for the CPU that this machine's compiler
            builds once; ``"fused"`` neither, in kernels for NVIDIA GPUs (torch and JAX); ``"plain"`` is the static
            graph that ``model.export`` takes; ``"auto"`` takes the one that suits size and device.
            A bias of shape ``(n,)`` always runs as the standard layer does.

    Returns:
        Outputs y, ``(..., m)``, in the dtype that the arguments promote to; sums of half-precision terms are
        accumulated in float32.

    Raises:
        ValueError: A shape does not fit, or an argument is not among those named above.

    Example:
        Two inputs, two outputs. Input 1 reaches output 1 with bias 0 and output 2 with bias -2:

        >>> from dendnet.ops import dac_dense
        >>> y = dac_dense([[1.0, 3.0]], kernel=[[1.0, 1.0], [1.0, 1.0]], bias=[[0.0, -2.0], [0.0, -2.0]])
        >>> [float(y_j) for y_j in y[0]]
        [4.0, 1.0]

    Reference:
        Metta et al., arXiv 2301.00924; the chapter "One bias per connection" of the book, equation :eq:`dac`.
    """
    x, kernel, bias = _tensors(x=x, kernel=kernel, bias=bias)
    act = elementwise(activation)
    check_implementation(implementation)
    if len(kernel.shape) != 2:
        raise ValueError(f"kernel must have the shape (n, m). Received: kernel.shape={tuple(kernel.shape)}")
    if len(x.shape) < 1 or x.shape[-1] != kernel.shape[0]:
        raise ValueError(
            f"The last axis of x must be kernel's first, {kernel.shape[0]}. Received: x.shape={tuple(x.shape)}"
        )
    _check_bias(bias, kernel, shared=(kernel.shape[0],), allowed=[tuple(kernel.shape)])
    if len(bias.shape) == 1:
        return standard.dense(x, kernel, bias, act)
    return _by_group(implementation, x, kernel, bias, act, DENSE)


def dac_conv(
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
    r"""Dendrite-activated convolution in one, two or three dimensions.

    .. math:: y_j(p) = \sum_{t} \sum_{i=1}^{c_{in}} w_{tij} \, \mathrm{relu}(x_i(p + t) + b_{ij})

    The taps t are the offsets that the kernel, its strides and its dilation give; with groups, i runs over j's group.
    A pixel beyond the border contributes 0, as if its dendrites were silent: zero padding after the activation.

    Args:
        x: Inputs, ``(N, *size, c_in)``, or ``(N, c_in, *size)`` for ``"channels_first"``.
        kernel: Weights w, ``(*k, c_in / groups, c_out)``; the number of groups follows from the shapes.
        bias: Biases b: ``(c_in / groups, c_out)``, shared by the taps of the kernel; of the kernel's shape, one for
            each weight; or ``(c_in,)``, one for each input channel, which is the standard pre-activated unit.
        strides: Pixels from one output to the next, one number or one for each dimension.
        padding: ``"valid"``, ``"same"``, or, in one dimension, ``"causal"``.
        dilation_rate: Pixels from one tap to the next, one number or one for each dimension.
        data_format: ``"channels_last"`` or ``"channels_first"``; None takes Keras's own setting.
        activation: Any elementwise Keras activation, by name or as a function.
        implementation: ``"reference"`` forms every relu(x_i(p) + b_ij), as the definition does; ``"blocked"`` (relu and
            finite biases) never holds them all; ``"native"`` neither, in C++ for the CPU that this machine's compiler
            builds once; ``"fused"`` neither, in kernels for NVIDIA GPUs (torch and JAX); ``"plain"`` is the static
            graph that ``model.export`` takes; ``"auto"`` takes the one that suits size and device.
            A bias of shape ``(c_in,)`` always runs as the standard layer does.

    Returns:
        Outputs y, ``(N, *out, c_out)`` or ``(N, c_out, *out)``, in the dtype that the arguments promote to; sums of
        half-precision terms are accumulated in float32.

    Raises:
        ValueError: A shape does not fit, or an argument is not among those named above.

    Example:
        A row of three pixels under a kernel of two taps with one bias of -1, so that each tap sees relu(x - 1):

        >>> import numpy as np
        >>> from dendnet.ops import dac_conv
        >>> x = np.array([1.0, 2.0, 4.0]).reshape(1, 3, 1)
        >>> y = dac_conv(x, kernel=np.ones((2, 1, 1)), bias=-np.ones((1, 1)), data_format="channels_last")
        >>> [float(v) for v in y[0, :, 0]]
        [1.0, 4.0]

    Reference:
        Metta et al., arXiv 2301.00924; the chapter "One bias per connection" of the book, equation :eq:`dac-conv`.
    """
    x, kernel, bias = _tensors(x=x, kernel=kernel, bias=bias)
    act = elementwise(activation)
    check_implementation(implementation)
    rank = len(kernel.shape) - 2
    if rank not in (1, 2, 3):
        raise ValueError(
            "kernel must have the shape (*k, c_in / groups, c_out) with one to three kernel axes k. "
            f"Received: kernel.shape={tuple(kernel.shape)}"
        )
    if 0 in kernel.shape[:-1]:
        raise ValueError(f"kernel must not be empty. Received: kernel.shape={tuple(kernel.shape)}")
    if len(x.shape) != rank + 2:
        raise ValueError(
            f"x must have {rank + 2} axes: samples, channels, and one for each axis of the kernel. "
            f"Received: x.shape={tuple(x.shape)}"
        )
    geometry, data_format = conv_arguments(
        rank, strides=strides, dilation_rate=dilation_rate, padding=padding, data_format=data_format
    )
    c_in = x.shape[1 if data_format == "channels_first" else -1]
    c_group, c_out = kernel.shape[-2:]
    if not c_in or c_in % c_group or c_out % (c_in // c_group):
        raise ValueError(
            f"x must have as many channels as kernel's axis -2, {c_group}, or a multiple of them (groups) that also "
            f"divides the {c_out} outputs. Received: x.shape={tuple(x.shape)}, data_format={data_format!r}"
        )
    _check_bias(bias, kernel, shared=(c_in,), allowed=[(c_group, c_out), tuple(kernel.shape)])
    size = x.shape[2:] if data_format == "channels_first" else x.shape[1:-1]
    check_reach(size, tuple(kernel.shape[:-2]), geometry)
    if len(bias.shape) == 1:
        return standard.conv(x, kernel, bias, act, geometry, data_format)

    if data_format == "channels_first":
        x = ops.moveaxis(x, 1, rank + 1)
        return ops.moveaxis(_by_group(implementation, x, kernel, bias, act, geometry), rank + 1, 1)
    return _by_group(implementation, x, kernel, bias, act, geometry)


def _tensors(**arguments):
    for name, value in arguments.items():
        if isinstance(value, keras.KerasTensor):
            raise ValueError(
                "The operations work on tensors; in a functional model use the layers in dendnet.layers. "
                f"Received: {name}={value}"
            )
    tensors = [ops.convert_to_tensor(densified(value)) for value in arguments.values()]
    dtypes = {keras.backend.standardize_dtype(t.dtype) for t in tensors}
    if len(dtypes) == 1 and keras.backend.is_float_dtype(*dtypes):
        return tensors
    dtype = keras.backend.result_type(*dtypes, float)
    return [ops.cast(t, dtype) for t in tensors]


def _check_bias(bias, kernel, shared, allowed):
    shape = tuple(bias.shape)
    if shape not in (shared, *allowed):
        expected = " or ".join(str(s) for s in (*allowed, shared))
        raise ValueError(
            f"bias must have the shape {expected} beside a kernel of shape {tuple(kernel.shape)}. "
            f"Received: bias.shape={shape}"
        )


def _by_group(implementation, x, kernel, bias, act, geometry):
    groups = int(x.shape[-1] // kernel.shape[-2])  # torch's tracer makes tensors of sizes
    if implementation in ("auto", "plain") and depthwise.suits(groups, int(kernel.shape[-2])):
        return rounded_once(lambda x, w, b: depthwise.connections(x, w, b, act, geometry), x, kernel, bias)
    parts = zip(*(ops.split(a, groups, axis=-1) if groups > 1 else [a] for a in (x, kernel, bias)), strict=True)
    y = [connections(implementation, x_g, w_g, b_g, act, geometry) for x_g, w_g, b_g in parts]
    return ops.concatenate(y, axis=-1) if groups > 1 else y[0]
