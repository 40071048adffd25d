"""The blocked operation on TensorFlow: forward and backward each compiled by XLA, whatever the model around them does.

Reverse mode works to any order, from the second on by the definition.
"""

from functools import cache

import tensorflow as tf

from dendnet.ops import blocked
from dendnet.ops.derivatives_tensorflow import differentiable


def run(x, kernel, bias, geometry):
    """The blocked forward pass, with blocked.gradients behind it."""
    return differentiable(_forward, _gradients, x, kernel, bias, geometry)


def _forward(*arrays_and_geometry):
    return _compiled(blocked.forward, *arrays_and_geometry)


def _gradients(*arrays_and_geometry):
    return _compiled(blocked.gradients, *arrays_and_geometry)


def _compiled(function, *arrays_and_geometry):
    *arrays, geometry = arrays_and_geometry
    return _program(function, geometry, tuple(tuple(a.shape) for a in arrays))(*arrays)


@cache
def _program(function, geometry, shapes):
    """The function for one geometry and one set of shapes, so that none is ever traced twice."""

    @tf.function(jit_compile=True, autograph=False)
    def program(*arrays):
        return function(*arrays, geometry)

    return program
