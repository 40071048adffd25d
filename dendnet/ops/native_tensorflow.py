"""The native operation on TensorFlow: two operators of the CPU, which any graph may hold, whatever its sizes."""

from functools import cache

import tensorflow as tf

from dendnet.ops import native, shapes
from dendnet.ops.derivatives_tensorflow import differentiable


def run(x, kernel, bias, geometry):
    """The forward pass, with the gradients behind it, to any order."""
    y = differentiable(_forward, _gradients, x, kernel, bias, geometry)
    out, _ = shapes.axes(x.shape[1:-1], kernel.shape[:-2], geometry) if None not in x.shape[1:-1] else (None, None)
    return tf.ensure_shape(y, (x.shape[0], *(out or [None] * (len(x.shape) - 2)), kernel.shape[-1]))


def on_cpu():
    """Whether TensorFlow runs on the processor alone."""
    return not tf.config.list_physical_devices("GPU")


def takes(x):
    """Whether the operators take this x: on a CPU, and in no graph that XLA compiles."""
    from tensorflow.python.ops import control_flow_util

    graph = tf.compat.v1.get_default_graph() if not tf.executing_eagerly() else None
    return on_cpu() and not (graph and control_flow_util.GraphOrParentsInXlaContext(graph))


def _forward(x, kernel, bias, geometry):
    return _operator("forward", x)(x=x, kernel=kernel, bias=bias, settings=native.settings(geometry))


def _gradients(x, kernel, bias, dy, geometry):
    return _operator("gradients", x)(x=x, kernel=kernel, bias=bias, dy=dy, settings=native.settings(geometry))


def _operator(name, x):
    return getattr(library(x.dtype.name), f"dendnet_{name}_{x.dtype.name}")


@cache
def library(dtype):
    """The operators for one type of numbers."""
    return tf.load_op_library(str(native.path(dtype)))
