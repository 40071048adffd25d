"""Networks of dendrites that no standard network of the same widths computes, and how that is known."""

from itertools import pairwise
from typing import Any, NamedTuple

import keras
import numpy as np

from dendnet.theory import exact_rank, layers, witness
from dendnet.theory.rounding import Weights


class Separation(NamedTuple):
    """What :func:`separation_example` returns.

    Attributes:
        network: The DAC network, a Sequential model; its weights are whole numbers.
        kind: ``"knots"``, ``"outputs"`` or ``"numbers"``: what is counted.
        reached: Of the DAC network: the places where it bends along the first input, its linearly independent outputs,
            or on how many numbers, each of which can be chosen for itself, the functions near it depend.
        limit: The most that a standard network of these widths has.
        points: Where the Jacobian of the first output in all the weights and biases has the rank ``reached``; None for
            the other kinds.
        equal: Two of the network's straight pieces, counted from 0, whose slopes stay equal whatever the weights near
            it; ``limit`` is then of the standard networks with this property. None if ``limit`` is of all of them.

    Reference:
        The chapter "What it can represent" of the book, :prf:ref:`thm-power`.
    """

    network: Any
    kind: str
    reached: int
    limit: int
    points: Any = None
    equal: tuple[int, int] | None = None

    def rank(self):
        """The rank of that Jacobian modulo a prime, without rounding: the true one is no less. None without points."""
        if self.points is None:
            return None
        exact = [[_whole(each) for each in layer.weights] for layer in self.network.layers]
        exact[-1] = [each[:, :1] for each in exact[-1]]
        return exact_rank.rank(exact_rank.jacobian(exact, self.points.astype(object)))


def separation_example(architecture) -> Separation:
    r"""A DAC network beyond the standard pre-activated networks of the same depth and widths, wherever there is one.

    .. math:: \text{standard:} \; y_j = \sum_i w_{ij} \, \mathrm{relu}(x_i + b_i), \qquad
        \text{DAC:} \; y_j = \sum_i w_{ij} \, \mathrm{relu}(x_i + b_{ij})

    - One layer, n to m: output j bends at x_1 = j. All outputs of a standard layer bend at the same place.
    - 1 to m to 1: the network bends at 2m places, a standard one at no more than m + 1.
    - All hidden layers of one unit, m outputs: they are linearly independent. In a standard network they are multiples
      of one function, relu(z + b).
    - All others: along the first input the first output rises, and bends at 3, 6, 9, ...; its bends and slopes depend
      on more numbers than any standard network without a constant piece has. So near this network all DAC networks
      but a set of measure zero differ from every standard network of these widths.

    Args:
        architecture: The widths from inputs to outputs, two at least.

    Returns:
        A :class:`Separation`: ``network``, ``kind``, ``reached`` > ``limit``, ``points`` and ``equal``.

    Raises:
        ValueError: The architecture is none; or all its layers have one output: then the two families are the same.

    Example:
        >>> from dendnet.theory import separation_example
        >>> [separation_example(widths)[1:4] for widths in ((1, 2), (1, 5, 1), (2, 1, 3), (2, 3, 3, 1))]
        [('knots', 2, 1), ('knots', 10, 6), ('outputs', 3, 1), ('numbers', 20, 15)]

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
    if max(widths[1:-1]) == 1:
        hidden = [Weights(np.ones(pair), np.zeros(pair)) for pair in pairwise(widths[:-1])]
        return Separation(_model([*hidden, _one_layer(1, widths[-1])]), "outputs", widths[-1], 1)
    return _by_numbers(widths)


def _by_numbers(widths):
    """The network of :mod:`~dendnet.theory.witness` from the first input to the first output; the rest is zero."""
    core = (1, *widths[1:-1], 1)
    given = []
    for (w, b, *_), pair in zip(witness.weights(core), pairwise(widths), strict=True):
        given.append(Weights(np.zeros(pair), -np.ones(pair)))
        for whole, part in zip(given[-1][:2], (w, b), strict=True):
            whole[: len(part), : part.shape[1]] = part
    points = np.pad(witness.points(core), [(0, 0), (0, widths[0] - 1)])
    reached, limit = witness.free_numbers(core), witness.standard_numbers(core)
    equal = witness.equal_slopes(core) if reached == limit else None
    return Separation(_model(given), "numbers", reached, limit if equal is None else limit - 1, points, equal)


def _whole(weight):
    """A weight as integers of any size."""
    return keras.ops.convert_to_numpy(weight).astype(int).astype(object)


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
