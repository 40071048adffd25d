"""Continuous piecewise linear functions on an interval as dendrites on one axon, with the fewest parameters."""

from fractions import Fraction
from itertools import pairwise

import numpy as np

from dendnet.theory import arguments, certificate, layers, rounding


def piecewise_linear(knots_x, values, dtype=None) -> certificate.Construction:
    r"""The unit with the fewest dendrites that equals a continuous piecewise linear function on an interval.

    .. math:: f(x) = \sum_{s=1}^{S} w_s \, \mathrm{relu}(x + b_s) \quad \text{for } x_0 \le x \le x_k

    A dendrite stands at every place where f bends. What is left of the interval decides on the rest: none where f
    starts as zero; one where f(x_0) is zero or has the sign of the first slope, so that a function with k pieces has
    k dendrites and 2k parameters; two elsewhere.

    Args:
        knots_x: x_0 < x_1 < ... < x_k, the interval's ends and the places between them where f may bend.
        values: f(x_0), ..., f(x_k).
        dtype: ``"float32"`` or ``"float64"``; None takes Keras's own setting.

    Returns:
        A :class:`Construction`: ``network``, a built :class:`dendnet.layers.DACDense` of one input and one output
        with S dendrites, and ``certificate``, whose ``bound`` is 0.

    Raises:
        ValueError: The arguments are not finite, not sorted or not as many, or a weight does not fit into dtype, or
            a number on the way to an output may overflow in it.

    Example:
        A hat: it starts as zero and bends three times.

        >>> import numpy as np
        >>> from dendnet.theory import piecewise_linear
        >>> hat = piecewise_linear([0.0, 1.0, 2.0, 3.0, 4.0], [0.0, 0.0, 1.0, 0.0, 0.0])
        >>> [float(y) for y in hat.network(np.array([[0.5], [1.5], [3.5]]))[:, 0]], hat.certificate.parameters
        ([0.0, 0.5, 0.0], 6)

    Reference:
        The chapter "What it can represent" of the book, :prf:ref:`thm-economy`.
    """
    dtype = arguments.float_dtype(dtype)
    x, y = (arguments.finite(name, a, 1) for name, a in (("knots_x", knots_x), ("values", values)))
    if len(x) != len(y) or len(x) < 2:
        raise ValueError(f"knots_x and values must be as many, two at least. Received: {len(x)} and {len(y)}")
    if (np.diff(x) <= 0).any():
        raise ValueError(f"knots_x must increase. Received: knots_x={knots_x!r}")
    stack = layers.Stack([weights(x, y)])
    return certificate.certified(layers.layer(stack.weights[0], dtype), stack, x[0], x[-1], dtype)


def weights(x, y):
    """The exact weights of the unit through the points (x, y)."""
    knots, changes = _dendrites([Fraction(v) for v in x.tolist()], [Fraction(v) for v in y.tolist()])
    try:
        kernel, bias = (np.array([[float(v)] for v in each]) for each in (changes, [-t for t in knots]))
    except OverflowError as error:
        raise ValueError(f"Slopes and knots must not overflow. Received: x={x}, y={y}") from error
    return rounding.Weights(kernel, bias, dendrites=len(knots))


def _dendrites(x, y):
    """Knots and changes of slope, exactly, from left to right; where nothing bends and f is zero, one of weight 0."""
    slopes = [(y[i + 1] - y[i]) / (x[i + 1] - x[i]) for i in range(len(x) - 1)]
    bends = [(t, after - before) for t, (before, after) in zip(x[1:], pairwise(slopes), strict=False)]
    dendrites = _first(x[0], y[0], slopes[0], x[-1] - x[0]) + [(t, w) for t, w in bends if w]
    return zip(*(dendrites or [(x[0], Fraction(0))]), strict=True)


def _first(start, value, slope, length):
    """The dendrites that give value and slope at the interval's start; their knots lie at or left of it."""
    if slope == value == 0:
        return []
    if value * slope > 0 or (value == 0 and slope):
        return [(start - value / slope, slope)]
    return [(start - length, value / length), (start, slope - value / length)]
