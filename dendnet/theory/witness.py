"""A DAC network from 1 to 1 whose bends move one by one, and on how many numbers it and standard networks depend.

Layers, units and knots are counted as in the chapter: l from 1, units from 1, and a layer is *wide* with two units or
more, and *opening* if it is wide and the layer before it is not. Unit 1 of each layer carries x on, never silent.
"""

from itertools import pairwise

import numpy as np

from dendnet.theory.rounding import Weights

SPACE = 3  # knots stand at 3, 6, 9, ..., so that whole numbers lie on both sides of each


def knots(widths):
    """Where each bending connection has its knot: {(l, i, j): x}, with l the layer that it leaves, i and j from 0.

    From the last layer to the first, and of an opening layer the connections into it before those that leave it.
    """
    found = []
    for layer in range(len(widths) - 2, 0, -1):
        if is_opening(widths, layer):
            found += [(layer - 1, 0, j) for j in range(1, widths[layer])]
        found += [(layer, i, j) for i in range(1, widths[layer]) for j in range(widths[layer + 1])]
    return {connection: SPACE * (k + 1) for k, connection in enumerate(found)}


def weights(widths):
    """The network: each layer's kernel and biases, whole numbers."""
    at = knots(widths)
    made = [Weights(np.ones(pair), np.ones(pair)) for pair in pairwise(widths)]  # unit 1 of layer l carries x + l
    for (layer, i, j), x in at.items():
        w, b = made[layer][:2]
        if i == 0:  # into an opening layer: silent, then falling as -relu(x - knot)
            w[i, j], b[i, j] = -1, -(x + layer)
        elif is_opening(widths, layer):  # out of it: active, and silent from its knot on
            w[i, j], b[i, j] = -1, x - at[layer - 1, 0, i]
            b[0, j] += b[i, j]  # so that x + l + 1 arrives before all these knots
        else:  # silent, and active from its knot on
            b[i, j] = -(x + layer)
    return made


def points(widths):
    """Two whole numbers on each of the straight pieces between 0 and the end."""
    pieces = SPACE * np.arange(len(knots(widths)) + 1)
    return (pieces[:, None] + np.array([1, 2])).reshape(-1, 1)


def free_numbers(widths):
    """On how many numbers, each of which can be chosen for itself, the functions near the network depend: rho."""
    inner = range(1, len(widths) - 1)
    out = sum((widths[layer] - 1) * widths[layer + 1] for layer in inner)
    return 2 * out + sum(widths[layer] - 1 for layer in inner if is_opening(widths, layer)) + 2


def standard_numbers(widths):
    """At most this many numbers determine a standard network that is constant on no interval of a segment."""
    hidden = widths[1:-1]
    return sum(n * m for n, m in pairwise(widths)) - sum(n == 1 for n in hidden) + (hidden[-1] == 1)


def is_opening(widths, layer):
    """Whether a layer is wide and the one before it is a single unit."""
    return widths[layer - 1] == 1 < widths[layer]


def equal_slopes(widths):
    """Two straight pieces of equal slope: before the last unit that starts to fall does, and at the end."""
    layer = next(layer for layer in range(1, len(widths)) if is_opening(widths, layer))
    count = len(knots(widths))
    return count - 1 - widths[layer + 1], count
