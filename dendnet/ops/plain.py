"""The operation as an exporter wants it: a static graph of sums and products, whatever the implementation.

What the fast forms are made of, loops and functions compiled inside the graph, loads in some engines and fails in
others. So while `model.export` traces a model, and for ``implementation="plain"``, the definition is written out, some
inputs at a time, on at most four axes where there are two of space, since engines for phones take few.

The sum over inputs, and over taps along the last axis of space, is a depthwise convolution: its window lies over
inputs i, its channels are the outputs j, and its constant is w, which is where quantizers look for weights.
"""

import itertools
import math
import sys
from types import FrameType

import keras
from keras import ops

from dendnet.ops import shapes
from dendnet.ops.shapes import DENSE

FEW = 2**18  # activations of a sample that stand in the graph as one tensor
PIECE = 16  # inputs of one tensor at the least, where all together have more activations
EXPORTERS = (
    "keras.src.export",
    "tensorflow.python.saved_model",
    "tensorflow.lite",
    "tf2onnx",
    "jax.experimental.jax2tf",
    "jax2onnx",
)


def exporting(x):
    """Whether an exporter is tracing: torch says so itself, elsewhere one stands among the callers."""
    match keras.backend.backend():
        case "tensorflow":
            import tensorflow as tf

            return not tf.executing_eagerly() and _called_by(EXPORTERS)
        case "jax":
            import jax

            return isinstance(x, jax.core.Tracer) and _called_by(EXPORTERS)
        case "torch":
            import torch

            by_torch = getattr(torch.compiler, "is_exporting", torch.compiler.is_compiling)  # torch 2.4 has the latter
            return by_torch() or torch.onnx.is_in_onnx_export()
    return False


def connections(x, kernel, bias, activation, geometry):
    """The operation on channels-last x without groups, a piece of the inputs at a time."""
    n, size = int(kernel.shape[-2]), _piece(x, kernel)
    pieces = [slice(first, first + size) for first in range(0, n, size)]
    compute = _dense if geometry == DENSE else _conv
    return sum(compute(x[..., i], kernel[..., i, :], bias[..., i, :], activation, geometry) for i in pieces)


def _piece(x, kernel):
    """How many inputs' connections stand in the graph as one tensor: all, where a sample has few activations."""
    places = x.shape[1:-1]
    if not all(isinstance(size, int) for size in places):
        return PIECE
    return max(PIECE, FEW // max(1, math.prod(places) * int(kernel.shape[-1])))


def _dense(x, kernel, bias, activation, _):
    n, m = map(int, kernel.shape)
    a = activation(ops.reshape(x, (-1, n, 1)) + bias)
    return ops.reshape(_weighted(ops.reshape(a, (-1, 1, n, m)), kernel[None]), (*_all_but_channels(x), m))


def _conv(x, kernel, bias, activation, geometry):
    """A window for each tap, or for each row of taps where they share a bias and lie side by side."""
    *k, n, m = map(int, kernel.shape)  # torch's tracer makes tensors of sizes
    size = ops.shape(x)[1:-1]
    border = _border(size, k, geometry)
    shares = len(bias.shape) == 2
    by_row = shares and geometry.dilation_rate[-1] == 1
    stride = geometry.strides[-1] if by_row else 1

    def active(b):
        a = activation(ops.reshape(x, (-1, *_flat(size), n, 1)) + b)
        return ops.pad(ops.reshape(a, (-1, *size, n * m)), [(0, 0), *border, (0, 0)])

    def seen(tap):
        """What a tap sees, counted from both ends, so that it holds for sizes that are not known yet."""
        for t, taps, d, step in zip(tap, k, geometry.dilation_rate, geometry.strides, strict=False):
            yield slice(t * d, (t - taps + 1) * d or None, step)

    shared = active(bias) if shares else None
    total = 0.0
    for tap in itertools.product(*map(range, k[:-1] if by_row else k)):
        a = (active(bias[tap]) if shared is None else shared)[(slice(None), *seen(tap))]
        places = (-1, *ops.shape(a)[1:-2])
        w = kernel[tap] if by_row else kernel[tap][None]
        total = total + _weighted(ops.reshape(a, (-1, ops.shape(a)[-2], n, m)), w, stride)
    return ops.reshape(total, (*places, ops.shape(total)[1], m))


def _weighted(a, kernel, stride=1):
    """Activations (rows, width, n, m) under taps and inputs (k, n, m): (rows, new width, 1, m)."""
    return ops.depthwise_conv(a, kernel[..., None], stride, data_format="channels_last")


def _flat(size):
    """The places of space on one axis, which the batch joins where their number is not known yet."""
    return (math.prod(map(int, size)),) if all(isinstance(s, int) for s in size) else ()


def _border(size, k, geometry):
    if keras.backend.backend() == "torch":
        size = map(int, size)
    elif geometry.padding == "same" and max(geometry.strides) == 1:
        size = k  # any size has the same border
    axes = zip(size, k, geometry.strides, geometry.dilation_rate, strict=True)
    return [shapes.border(*axis, geometry.padding) for axis in axes]


def _all_but_channels(x):
    """x's axes but the last for a reshape, with -1 for the batch where the rest is known: exporters like that best."""
    shape = ops.shape(x)[:-1]
    return (-1, *shape[1:]) if shape and all(isinstance(s, int) for s in shape[1:]) else shape


def _called_by(modules):
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        if frame.f_globals.get("__name__", "").startswith(modules):
            return True
        frame = frame.f_back
    return False
