"""The grid that one dendrite-activated layer makes of its inputs: its knots and its cells, in any dimension."""

from math import prod

import numpy as np

from dendnet.geometry.read import dendrites
from dendnet.layers import DACDense
from dendnet.ops.arguments import positive


def knots(layer):
    r"""The distinct knots of each input: :math:`x_i = -b_{ij}`, where some connection of input i bends.

    Args:
        layer: A built :class:`~dendnet.layers.DACDense`.

    Returns:
        A list with a sorted array for each input. Coincident knots appear once; connections of weight zero count.

    Raises:
        ValueError: The layer is no built DACDense, or its filter is not piecewise linear.

    Example:
        >>> import numpy as np
        >>> from dendnet.geometry import knots
        >>> from dendnet.layers import DACDense
        >>> layer = DACDense(3)
        >>> layer.build((None, 2))
        >>> layer.set_weights([np.ones((2, 3)), np.array([[1.0, 0.0, 1.0], [-0.5, 0.5, 2.0]])])
        >>> [x.tolist() for x in knots(layer)]
        [[-1.0, 0.0], [-2.0, -0.5, 0.5]]

    Reference:
        The chapter "Where it bends" of the book, :prf:ref:`thm-cells`.
    """
    if not isinstance(layer, DACDense) or not layer.built:
        raise ValueError(f"layer must be a built DACDense: its knots make a grid. Received: layer={layer!r}")
    return dendrites(layer).knots


def count_cells(layer):
    r"""How many activation cells a dendrite-activated layer makes of its inputs: exactly, however many.

    Input i with :math:`k_i` distinct knots is cut into :math:`k_i + 1` pieces, so there are
    :math:`\prod_i (k_i + 1)` cells: :math:`(S m + 1)^n` if all knots are distinct, and :math:`(S + 1)^n` in a standard
    pre-activated layer.

    Args:
        layer: A built :class:`~dendnet.layers.DACDense`.

    Returns:
        An integer.

    Raises:
        ValueError: As in :func:`knots`.

    Example:
        With knots at -1 and 0, and at -2, -0.5 and 0.5:

        >>> import numpy as np
        >>> from dendnet.geometry import count_cells
        >>> from dendnet.layers import DACDense
        >>> layer = DACDense(3)
        >>> layer.build((None, 2))
        >>> layer.set_weights([np.ones((2, 3)), np.array([[1.0, 0.0, 1.0], [-0.5, 0.5, 2.0]])])
        >>> count_cells(layer)
        12

    Reference:
        The chapter "Where it bends" of the book, :prf:ref:`thm-cells`.
    """
    return prod(len(each) + 1 for each in knots(layer))


def cells(layer, limit=200_000):
    """The activation cells of a dendrite-activated layer, as boxes that may reach to infinity.

    Args:
        layer: A built :class:`~dendnet.layers.DACDense`.
        limit: The most cells that are made.

    Returns:
        ``(cells, n, 2)``: the two ends of each cell along each input. Connection (i, j) is active in a cell if the
        lower end of input i is at least its knot.

    Raises:
        ValueError: As in :func:`knots`, or there are more cells than the limit.

    Example:
        >>> import numpy as np
        >>> from dendnet.geometry import cells
        >>> from dendnet.layers import DACDense
        >>> layer = DACDense(1)
        >>> layer.build((None, 2))
        >>> layer.set_weights([np.ones((2, 1)), np.array([[1.0], [-2.0]])])
        >>> cells(layer).tolist()[0]
        [[-inf, -1.0], [-inf, 2.0]]

    Reference:
        The chapter "Where it bends" of the book, :prf:ref:`thm-cells`.
    """
    count = count_cells(layer)
    if count > positive("limit", limit):
        raise ValueError(f"The layer has more cells than the limit: {count}. Received: limit={limit!r}")
    ends = [np.concatenate([[-np.inf], each, [np.inf]]) for each in knots(layer)]
    intervals = np.indices([len(each) - 1 for each in ends]).reshape(len(ends), -1)
    return np.stack([np.stack([e[k], e[k + 1]], axis=-1) for e, k in zip(ends, intervals, strict=True)], axis=1)
