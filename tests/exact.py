"""ReLU networks and piecewise linear functions once more, without any rounding: in fractions."""

from fractions import Fraction

import numpy as np

fractions = np.vectorize(Fraction, otypes=[object])


def relu_network(chain, x):
    """x through every (W, c), with a ReLU between each two, exactly; numbers of any float format."""
    x = fractions(x)
    for index, (w, c) in enumerate(chain):
        x = (np.maximum(x, 0) if index else x) @ fractions(w) + fractions(c)
    return x


def piecewise_linear(knots, values, x):
    """The function through the points (knots, values), exactly."""
    knots, values, x = (fractions(np.asarray(a, "float64")) for a in (knots, values, x))
    piece = np.clip([sum(knots <= v) - 1 for v in x], 0, len(knots) - 2)
    t = (x - knots[piece]) / (knots[piece + 1] - knots[piece])
    return values[piece] + t * (values[piece + 1] - values[piece])


def largest_error(y, exact):
    """The largest |y - exact| of floats and fractions."""
    return max(map(abs, (fractions(np.asarray(y, "float64")) - exact).ravel()))
