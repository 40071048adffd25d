"""The blocked operation on TensorFlow: forward and backward each compiled by XLA, whatever the model around them does.

Reverse mode works once; second derivatives are refused with a sentence, since XLA compiles no gradient of a loop.
"""

from functools import cache

import tensorflow as tf

from dendnet.ops import blocked


def run(x, kernel, bias, geometry):
    """The blocked forward pass, with blocked.gradients behind it."""
    arrays = [tf.convert_to_tensor(a) for a in (x, kernel, bias)]  # a custom gradient takes no variables
    return _compiled(geometry, tuple(tuple(a.shape) for a in arrays))(*arrays)


@cache
def _compiled(geometry, shapes):
    """The operation for one geometry and one set of shapes, so that no function is ever traced twice."""

    @tf.function(jit_compile=True, autograph=False)
    def forward(x, kernel, bias):
        return blocked.forward(x, kernel, bias, geometry)

    @tf.function(jit_compile=True, autograph=False)
    def gradients(x, kernel, bias, dy):
        return blocked.gradients(x, kernel, bias, dy, geometry)

    @tf.custom_gradient
    def once(x, kernel, bias, dy):
        return _untaped(gradients, x, kernel, bias, dy), _refuse_second_derivatives

    @tf.custom_gradient
    def connections(x, kernel, bias):
        return _untaped(forward, x, kernel, bias), lambda dy: once(x, kernel, bias, dy)

    return connections


def _untaped(function, *tensors):
    """The function's values without a record of how they came about: the gradient is written by hand."""
    return function(*map(tf.stop_gradient, tensors))


def _refuse_second_derivatives(*_):
    raise NotImplementedError(
        "implementation='blocked' has first derivatives only on TensorFlow; implementation='reference' has all."
    )
