"""Networks of dendrites that no standard network of the same widths computes, and how that is known."""

from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from dendnet.theory import exact_rank, layers
from dendnet.theory.rounding import Weights

TRIES = 50  # networks drawn until the Jacobian's rank is large enough


class Separation(NamedTuple):
    """What :func:`separation_example` returns.

    Attributes:
        network: The DAC network, a Sequential model; its weights are integers, or exact in every format.
        kind: ``"knots"``, ``"outputs"`` or ``"rank"``: what is counted.
        reached: Of the DAC network: the places where it bends along the first input, its linearly independent outputs,
            or the rank of its Jacobian.
        limit: The most that a standard network of these widths has.
        points: Where the rank of the Jacobian was computed; None for the other kinds.

    Reference:
        The chapter "What it can represent" of the book, :prf:ref:`thm-power`.
    """

    network: Any
    kind: str
    reached: int
    limit: int
    points: Any = None


def separation_example(architecture) -> Separation:
    r"""A DAC network beyond every standard pre-activated network of the same depth and widths.

    .. math:: \text{standard:} \; y_j = \sum_i w_{ij} \, \mathrm{relu}(x_i + b_i), \qquad
        \text{DAC:} \; y_j = \sum_i w_{ij} \, \mathrm{relu}(x_i + b_{ij})

    - One layer, n to m: output j bends at x_1 = j. All outputs of a standard layer bend at the same place.
    - 1 to m to 1: the network bends at 2m places, a standard one at no more than m + 1.
    - Ending with 1 to m, m two or more: the m outputs are linearly independent. In a standard network the last layer's
      outputs are multiples of one function, relu(z + b).
    - Deeper, or with more inputs: the rank of the Jacobian in the parameters, of the outputs at some points, exceeds
      the dimension of the family of standard networks. Then, near this network, all DAC networks but a set of measure
      zero differ from every standard network. The rank is computed exactly, modulo a prime: the true one is no less.

    Args:
        architecture: The widths from inputs to outputs, two at least.

    Returns:
        A :class:`Separation`: ``network``, ``kind``, ``reached`` > ``limit``, and ``points``.

    Raises:
        ValueError: The architecture is none; or all its layers have one output: then the two families are the same; or
            no drawn network has a large enough rank, as with some hidden layers of one unit: then nothing is shown.

    Example:
        >>> from dendnet.theory import separation_example
        >>> [separation_example(widths)[1:4] for widths in ((1, 2), (1, 5, 1), (2, 1, 3), (2, 3, 3, 1))]
        [('knots', 2, 1), ('knots', 10, 6), ('outputs', 3, 1), ('rank', 23, 20)]

    Reference:
        The chapter "What it can represent" of the book, :prf:ref:`thm-power`.
    """
    widths = tuple(architecture) if isinstance(architecture, (tuple, list)) else ()
    if len(widths) < 2 or not all(isinstance(k, (int, np.integer)) and k is not True and k > 0 for k in widths):
        raise ValueError(f"architecture must be two or more positive integers. Received: architecture={architecture!r}")
    if max(widths[1:]) == 1:
        raise ValueError(
            "architecture must have a layer with two outputs or more: with one output each, standard and DAC layers "
            f"are the same. Received: architecture={architecture!r}"
        )
    if len(widths) == 2:
        return Separation(_model([_one_layer(*widths)]), "knots", widths[1], 1)
    if len(widths) == 3 and widths[0] == widths[2] == 1:
        return Separation(_model(_two_layers(widths[1])), "knots", 2 * widths[1], widths[1] + 1)
    if widths[-2] == 1 < widths[-1]:
        hidden = [Weights(np.ones(pair), np.zeros(pair)) for pair in pairwise(widths[:-1])]
        return Separation(_model([*hidden, _one_layer(1, widths[-1])]), "outputs", widths[-1], 1)
    limit = standard_dimension(widths)
    for seed in range(TRIES):
        weights, points = exact_rank.draw(widths, np.random.default_rng(seed))
        rank = exact_rank.rank(exact_rank.jacobian(weights, points)) if len(points) else 0
        if rank > limit:
            exact = [Weights(w.astype(float), b.astype(float)) for w, b in weights]
            return Separation(_model(exact), "rank", rank, limit, points.astype(float))
    raise ValueError(
        f"architecture must let one of {TRIES} drawn networks have a Jacobian of a rank above {limit}; none has, so "
        f"nothing is shown. Received: architecture={architecture!r}"
    )


def standard_dimension(widths):
    """The parameters of a standard pre-activated network, less one scale for each hidden unit."""
    return sum(n * m + n for n, m in pairwise(widths)) - sum(widths[1:-1])


def _one_layer(n, m):
    """y_j = sum_i relu(x_i - j)."""
    return Weights(np.ones((n, m)), np.tile(-np.arange(float(m)), (n, 1)))


def _two_layers(m):
    """y = sum_j relu(1 - relu(x - 2 j)): each term bends at 2 j and at 2 j + 1."""
    return [
        Weights(-np.ones((1, m)), -2.0 * np.arange(m)[None]),
        Weights(np.ones((m, 1)), np.ones((m, 1))),
    ]


def _model(exact):
    return layers.model(layers.Stack(exact), "float32", name="separation")
