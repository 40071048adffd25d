"""Networks of dendrites that come as near to a function on [0, 1]^d as asked, with the proof in numbers."""

from typing import Any, NamedTuple

import numpy as np

from dendnet.ops.arguments import positive
from dendnet.theory import arguments, certificate, layers, pieces
from dendnet.theory.certificate import Certificate
from dendnet.theory.hats import hats, points
from dendnet.theory.modulus import check, modulus_of
from dendnet.theory.rounding import Weights


class Approximation(NamedTuple):
    """What :func:`approximate` returns: the network, its certificate, and the grid's cells N along each side.

    Reference:
        The chapter "What it can represent" of the book, :prf:ref:`thm-approximate`.
    """

    network: Any
    certificate: Certificate
    cells: int


def approximate(f, dim, epsilon, lipschitz=None, modulus=None, dtype=None, memory=2**28) -> Approximation:
    r"""A network of dendrites within epsilon of a continuous function on [0, 1]^d, rounding included.

    .. math:: \hat f(x) = \sum_{v \in \{0, \dots, N\}^d} f(v / N) \,
        \mathrm{relu}\big(1 - \max(0, N x - v) - \max(0, v - N x)\big)

    It interpolates f on Kuhn's triangulation of a grid of N cells a side. Its bound is
    :math:`L \sqrt d / (2N)` for a Lipschitz constant L, :math:`\omega(\sqrt d / N)` for a modulus of continuity
    :math:`\omega`, with Euclidean distances. The search for N starts from the least whose bound alone is at most
    epsilon and adds cells until bound and certified rounding together are; it skips no power of two, whose grid points
    are exact. In one dimension the network is a single unit with a dendrite for each
    grid point. From two on, its dendrites make each hat function, and the last layer weights them.

    Args:
        f: Function of points ``(P, dim)`` that returns their values ``(P,)``.
        dim: d, the number of inputs.
        epsilon: The largest error allowed, above 0.
        lipschitz: L, with \|f(x) - f(y)\| <= L \|x - y\|.
        modulus: The function omega, in its place: \|f(x) - f(y)\| <= omega(\|x - y\|); it must not decrease.
        dtype: ``"float32"`` or ``"float64"``; None takes Keras's own setting.
        memory: The largest size of the weights, in bytes; to build them takes several times as much.

    Returns:
        An :class:`Approximation`. ``certificate.error`` is at most epsilon if f has the modulus that was named.

    Raises:
        ValueError: An argument is not as described; f's values at two grid points differ by more than they may; the
            weights of the next grid to try would take more memory than allowed, with the size that they would have;
            or rounding alone may add epsilon on a power of two, where the search gives up: other grids may do better.

    Example:
        >>> import numpy as np
        >>> from dendnet.theory import approximate
        >>> distance = approximate(lambda x: np.linalg.norm(x - 0.5, axis=1), dim=2, epsilon=0.1, lipschitz=1.0)
        >>> distance.cells, distance.certificate.parameters, distance.certificate.error <= 0.1
        (8, 1881, True)

    Reference:
        The chapter "What it can represent" of the book, :prf:ref:`thm-approximate`.
    """
    dtype = arguments.float_dtype(dtype)
    d = positive("dim", dim)
    epsilon = arguments.above_zero("epsilon", epsilon)
    memory = positive("memory", memory)
    if not callable(f):
        raise ValueError(f"f must be a function of points (P, dim). Received: f={f!r}")
    bound_of, omega = modulus_of(lipschitz, modulus, d)
    cells = _first(bound_of, epsilon)
    while True:
        _check_memory(cells, epsilon, d, dtype, memory)
        values = _values(f, d, cells)
        check(values, d, cells, omega)
        stack = _on_a_line(values, cells) if d == 1 else _of_hats(values, d, cells)
        rounded = certificate.rounding_of(stack, 0.0, 1.0, dtype)
        if bound_of(cells) + rounded <= epsilon:
            network = layers.model(stack, dtype, name="approximation")
            proof = certificate.certified(network, stack, 0.0, 1.0, dtype, bound_of(cells)).certificate
            return Approximation(network, proof, cells)
        if rounded >= epsilon and cells.bit_count() == 1:
            raise ValueError(
                f"epsilon must leave room for rounding in {dtype}, which may add {rounded:.2g} on the last grid tried, "
                f"of {cells} cells a side; this proves nothing of other grids. Received: epsilon={epsilon}"
            )
        cells = _more(bound_of, epsilon - rounded, cells)


def _first(bound_of, epsilon):
    """The least N whose bound is at most epsilon."""
    high = 1
    while bound_of(high) > epsilon:
        if high > 2**52:
            raise ValueError(f"The modulus of continuity must fall below epsilon near 0. Received: epsilon={epsilon}")
        high *= 2
    return _between(bound_of, epsilon, high // 2, high)


def _more(bound_of, left, cells):
    """The least N > cells whose bound is at most left; the next power of two if that comes first."""
    return _between(bound_of, left, cells, 2 ** cells.bit_length())


def _between(bound_of, left, low, high):
    """The least N above low whose bound is at most left, high at most."""
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if bound_of(middle) > left else (low, middle)
    return high


def _check_memory(cells, epsilon, d, dtype, memory):
    """ValueError where the weights would not fit."""
    count = parameters(d, cells)
    size = count * np.dtype(dtype).itemsize
    if size > memory:
        raise ValueError(
            f"memory={memory} bytes must hold the weights: {cells:,} cells a side make {count:,} parameters, "
            f"{size / 2**30:,.3g} GiB in {dtype}. Received: epsilon={epsilon}, dim={d}"
        )


def parameters(d, cells):
    """The parameters of the network on a grid; for d = 1 at most."""
    if d == 1:
        return 2 * (cells + 1)
    one = hats(d, 1)
    copies, edges = one.axons
    shared = sum(layer.kernel.size + layer.bias.size for layer in (copies, *one.rounds))
    return shared + (cells + 1) ** d * ((2 * edges.inputs + 1) * one.channels + 2)


def _values(f, d, cells):
    grid = points(d, cells) / cells
    values = np.asarray(f(grid), "float64")
    if values.shape != grid.shape[:1] or not np.isfinite(values).all():
        raise ValueError(
            f"f must return one finite number for each of {len(grid)} points. "
            f"Received: shape {values.shape}, all finite: {bool(np.isfinite(values).all())}"
        )
    return values


def _on_a_line(values, cells):
    return layers.Stack([pieces.weights(np.arange(cells + 1) / cells, values)])


def _of_hats(values, d, cells):
    made = hats(d, cells)
    last = Weights(values[:, None], np.ones((len(values), 1)))
    stack = [*made.axons, *made.rounds, last]
    shapes = {len(made.axons): (len(values), made.channels), len(stack) - 1: (len(values),)}
    return layers.Stack(stack, shapes, active=3**d)
