"""The operation as an exporter wants it: a static graph of slices, products and sums, whatever the implementation.

What the fast forms are made of, loops and functions compiled inside the graph, loads in some engines and fails in
others. So while `model.export` traces a model the definition is written out instead: some inputs at a time, which keeps
the temporaries of an engine that fuses nothing near PIECE times its outputs, and with outputs and inputs on one axis,
since engines for phones take few axes.
"""

import itertools
import sys
from types import FrameType

import keras
from keras import ops

from dendnet.ops import reference, shapes
from dendnet.ops.shapes import DENSE

PIECE = 16  # inputs whose connections stand in the graph as one tensor
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
    pieces = [slice(first, first + PIECE) for first in range(0, kernel.shape[-2], PIECE)]
    compute = _dense if geometry == DENSE else _conv
    return sum(compute(x[..., i], kernel[..., i, :], bias[..., i, :], activation, geometry) for i in pieces)


def _dense(x, kernel, bias, activation, _):
    """As reference.dense, on at most three axes."""
    y = reference.dense(ops.reshape(x, (-1, kernel.shape[0])), kernel, bias, activation)
    return ops.reshape(y, (*_all_but_channels(x), kernel.shape[1]))


def _conv(x, kernel, bias, activation, geometry):
    """As reference.conv, with the activation of connection (i, j) in channel i * c_out + j."""
    *k, c_in, c_out = map(int, kernel.shape)  # torch's tracer makes tensors of sizes
    repeated = ops.repeat(x, c_out, axis=-1)
    border = _border(ops.shape(x)[1:-1], k, geometry)

    def active(b):
        return ops.pad(activation(repeated + ops.reshape(b, (-1,))), [(0, 0), *border, (0, 0)])

    def window(tap):
        """What a tap sees, counted from both ends, so that it holds for sizes that are not known yet."""
        for t, taps, d, stride in zip(tap, k, geometry.dilation_rate, geometry.strides, strict=True):
            yield slice(t * d, (t - taps + 1) * d or None, stride)

    shared = active(bias) if len(bias.shape) == 2 else None
    total = 0.0
    for tap in itertools.product(*map(range, k)):
        a = active(bias[tap]) if shared is None else shared
        total = total + a[(slice(None), *window(tap))] * ops.reshape(kernel[tap], (-1,))
    y = ops.sum(ops.reshape(total, (-1, c_in, c_out)), axis=1)
    return ops.reshape(y, (*_all_but_channels(total), c_out))


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
