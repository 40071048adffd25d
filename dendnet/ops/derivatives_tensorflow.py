"""Derivatives to any order on TensorFlow of an operation whose first ones are written by hand.

From the second on they are those of the definition, a piece of the batch at a time.
"""

import math

import tensorflow as tf

from dendnet.ops import reference

TERMS = 2**22  # relu(x_i + b_ij) that are held at once


def differentiable(forward, gradients, x, kernel, bias, geometry):
    """forward(x, kernel, bias, geometry), whose gradient is gradients(x, kernel, bias, dy, geometry)."""

    @tf.custom_gradient
    def twice(x, kernel, bias, dy):
        found = gradients(*map(tf.stop_gradient, (x, kernel, bias, dy)), geometry)
        return tuple(found), lambda *upstream: _second(x, kernel, bias, dy, upstream, geometry)

    @tf.custom_gradient
    def once(x, kernel, bias):
        y = forward(*map(tf.stop_gradient, (x, kernel, bias)), geometry)
        return y, lambda dy: twice(x, kernel, bias, dy)

    # A custom gradient takes no variables.
    return once(*map(tf.convert_to_tensor, (x, kernel, bias)))


def _second(x, kernel, bias, dy, upstream, geometry):
    """What upstream gradients of dx, dkernel and dbias give back to x, kernel, bias and dy."""
    ux, uk, ub = upstream
    size = tf.math.maximum(1, TERMS // tf.math.maximum(1, tf.reduce_prod(tf.shape(x)[1:-1]) * math.prod(kernel.shape)))
    count = tf.shape(x)[0]

    def piece(start, dx, dk, db, ddy):
        some = slice(start, tf.math.minimum(start + size, count))
        each = [x[some], kernel, bias, dy[some]]
        with tf.GradientTape() as outer:
            outer.watch(each)
            with tf.GradientTape() as inner:
                inner.watch(each[:3])
                y = reference.connections(each[0], kernel, bias, tf.nn.relu, geometry)
            first = inner.gradient(y, each[:3], each[3])
            total = sum(tf.reduce_sum(g * u) for g, u in zip(first, (ux[some], uk, ub), strict=True))
        back = outer.gradient(total, each, unconnected_gradients="zero")
        index = start // size
        return start + size, dx.write(index, back[0]), dk + back[1], db + back[2], ddy.write(index, back[3])

    def kept():
        return tf.TensorArray(x.dtype, size=0, dynamic_size=True, infer_shape=False)

    start = (tf.constant(0), kept(), tf.zeros_like(kernel), tf.zeros_like(bias), kept())
    _, dx, dk, db, ddy = tf.while_loop(lambda start, *_: start < count, piece, start, parallel_iterations=1)
    whole = [tf.cond(count > 0, a.concat, lambda a=like: tf.zeros_like(a)) for a, like in ((dx, x), (ddy, dy))]
    return tf.reshape(whole[0], tf.shape(x)), dk, db, tf.reshape(whole[1], tf.shape(dy))
