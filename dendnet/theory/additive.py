"""How near sums of functions of one variable come to a function on a grid: what no single layer can better."""

from typing import Any, NamedTuple

import numpy as np

from dendnet.theory import arguments


class BestAdditive(NamedTuple):
    """What :func:`best_additive` returns.

    Attributes:
        error: The least largest error of any sum of functions of one coordinate each, on the grid's points.
        parts: These functions: for each axis their values at its points.
        measure: The proof that nothing is nearer, an array over the grid whose sums along each axis' slices are zero,
            whose absolute values sum to 1, and whose product with f sums to ``error``.

    Reference:
        The chapter "What it can represent" of the book, :prf:ref:`thm-product`.
    """

    error: float
    parts: list[Any]
    measure: Any


def best_additive(f, grid) -> BestAdditive:
    r"""The best approximation by a sum of functions of one variable each, on a grid of points.

    .. math:: \min_{g_1, \dots, g_n} \max_{x \in X_1 \times \dots \times X_n}
        \Big| f(x) - \sum_i g_i(x_i) \Big| = \max_{\lambda} \sum_x \lambda(x) f(x)

    A single DAC layer, with however many dendrites, is such a sum, so on every set that contains the grid it errs by
    at least this much. Both sides are linear programs; the measures :math:`\lambda` on the right have
    :math:`\sum_x |\lambda(x)| \le 1` and sum to zero over every x with the same x_i, for each i.

    Args:
        f: Function of points ``(P, n)`` that returns their values ``(P,)``.
        grid: X_1, ..., X_n: for each axis its points.

    Returns:
        A :class:`BestAdditive`: ``error``, ``parts`` and ``measure``.

    Raises:
        ImportError: SciPy is not installed.
        ValueError: The grid has no axes or an empty one, or f gives values that are not finite.

    Example:
        >>> from dendnet.theory import best_additive
        >>> best = best_additive(lambda x: x[:, 0] * x[:, 1], [[0.0, 0.5, 1.0], [0.0, 0.5, 1.0]])
        >>> round(best.error, 6)
        0.25

    Reference:
        The chapter "What it can represent" of the book, :prf:ref:`thm-product`.
    """
    try:
        from scipy import optimize, sparse
    except ImportError as error:
        raise ImportError("best_additive solves a linear program with SciPy: pip install scipy") from error
    axes = [arguments.finite("grid", axis, 1) for axis in grid] if np.iterable(grid) else []
    if not axes or not all(len(axis) for axis in axes):
        raise ValueError(f"grid must name points for each axis. Received: grid={grid!r}")
    sizes = [len(axis) for axis in axes]
    index = np.indices(sizes).reshape(len(sizes), -1)
    points = np.stack([axis[i] for axis, i in zip(axes, index, strict=True)], axis=-1)
    values = np.asarray(f(points), "float64")
    if values.shape != points.shape[:1] or not np.isfinite(values).all():
        raise ValueError(f"f must return one finite number for each point. Received: f(x).shape={values.shape}")
    # The unknowns are all g_i(x_i), then the error t: both g - t <= f and -g - t <= -f at every point.
    starts = np.cumsum([0, *sizes[:-1]])
    rows = np.tile(np.arange(len(values)), len(sizes))
    g = sparse.csr_matrix((np.ones(rows.size), (rows, (index + starts[:, None]).ravel())), (len(values), sum(sizes)))
    t = np.ones((len(values), 1))
    constraints = sparse.bmat([[g, -t], [-g, -t]], format="csr")
    cost = np.append(np.zeros(sum(sizes)), 1.0)
    bounds = [(None, None)] * sum(sizes) + [(0, None)]
    solved = optimize.linprog(cost, constraints, np.append(values, -values), bounds=bounds, method="highs")
    if solved.status != 0:
        raise RuntimeError(f"The linear program was not solved: {solved.message}")
    above, below = -solved.ineqlin.marginals.reshape(2, -1)
    return BestAdditive(float(solved.fun), np.split(solved.x[:-1], starts[1:]), (below - above).reshape(sizes))
