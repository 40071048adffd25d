"""The exact break points of a network on a segment, in any dimension."""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from dendnet.geometry.cuts import PLANE
from dendnet.geometry.intervals import Intervals
from dendnet.geometry.network import Network
from dendnet.geometry.read import read
from dendnet.geometry.regions import SAME
from dendnet.ops.arguments import positive


@dataclass(frozen=True, repr=False)
class Pieces:
    """A segment from a to b, cut into the activation cells of a network; :func:`regions_along` makes it.

    Args:
        a: Where it begins, ``(n,)``.
        b: Where it ends, ``(n,)``.
        ends: ``(cells + 1,)``, ascending from 0 to 1: cell k has the points a + t (b - a) for t between ends k and
            k + 1.
        pieces: ``(cells, signals)``: on which piece, between the distinct knots of each signal, a cell lies.
        network: The network in steps.

    Reference:
        The chapter "Where it bends" of the book, section "On a segment".
    """

    a: np.ndarray
    b: np.ndarray
    ends: np.ndarray
    pieces: np.ndarray
    network: Network = field(repr=False)

    def __len__(self):
        return len(self.ends) - 1

    def __repr__(self):
        return f"<Pieces: {len(self)} cells, {self.count} linear pieces>"

    @property
    def breaks(self):
        """Where the pattern changes, as t between 0 and 1."""
        return self.ends[1:-1]

    @property
    def points(self):
        """The points at ``ends``, ``(cells + 1, n)``."""
        return self.a + self.ends[:, None] * (self.b - self.a)

    @cached_property
    def maps(self):
        """The affine map of each cell, ``(cells, 2, m)``, with the slope along t and the value at t = 0."""
        return self.network.maps(np.stack([self.b - self.a, self.a]), self.pieces)

    @cached_property
    def bends(self):
        """Whether the network bends at each of ``breaks``, and its map changes there."""
        return np.abs(np.diff(self.maps, axis=0)).max(axis=(1, 2), initial=0) > SAME * np.abs(self.maps).max()

    @property
    def count(self):
        """The number of linear pieces, which are cells, merged where the map stays the same."""
        return int(self.bends.sum()) + 1

    @property
    def values(self):
        """The network at ``ends``, ``(cells + 1, m)``."""
        slope, offset = self.maps[[*range(len(self)), -1]].swapaxes(0, 1)
        return slope * self.ends[:, None] + offset

    def patterns(self):
        """The activation patterns by layer, as :meth:`Regions.patterns` has them."""
        return self.network.patterns(self.pieces)


def regions_along(model, a, b, limit=200_000):
    """Where a network breaks on the segment from a to b, exactly, in any dimension.

    The rules of :func:`linear_regions` hold here too: what is thinner than rounding is no cell.

    Args:
        model: As in :func:`linear_regions`, with any number n of inputs.
        a: Where the segment begins, n numbers.
        b: Where it ends.
        limit: The most cells that are made.

    Returns:
        :class:`Pieces`.

    Raises:
        ValueError: As in :func:`linear_regions`; or a and b are no two points of n numbers.

    Example:
        relu(x + 1/2) - 2 relu(x - 1/2) on the way from -1 to 1 breaks after a quarter and after three:

        >>> import keras, numpy as np
        >>> from dendnet.geometry import regions_along
        >>> from dendnet.layers import DACDense
        >>> model = keras.Sequential([keras.Input((1,)), DACDense(1, dendrites=2)])
        >>> model.set_weights([np.array([[1.0], [-2.0]]), np.array([[0.5], [-0.5]])])
        >>> along = regions_along(model, [-1.0], [1.0])
        >>> along.breaks.tolist(), along.values[:, 0].tolist()
        ([0.25, 0.75], [0.0, 0.0, 1.0, 0.5])

    Reference:
        The chapter "Where it bends" of the book, section "On a segment".
    """
    network = read(model)
    ends = [np.asarray(end, "float64") for end in (a, b)]
    if any(end.shape != (network.n,) or not np.isfinite(end).all() for end in ends) or (ends[0] == ends[1]).all():
        raise ValueError(f"a and b must be two points of {network.n} finite numbers each. Received: a={a!r}, b={b!r}")
    segment = Intervals([[0.0], [1.0]], positive("limit", limit))
    network.subdivide(segment, np.stack(ends))
    return Pieces(ends[0], ends[1], segment.signals[PLANE][:, 0], segment.pieces(), network)
