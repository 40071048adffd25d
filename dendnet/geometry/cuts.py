"""Cutting polygons or a segment into cells along the knots of signals that are affine on each cell.

Signals are known at the vertices, once for all cells that meet there. So cells that touch have the very same vertices,
and never disagree on which side of a knot a vertex lies. A vertex has a level: 2k strictly between knots k - 1 and k,
and 2k + 1 on knot k, which means within the tolerance. An edge is cut at each knot strictly between its ends, once for
both cells that share it.

Knots that are no more than twice the tolerance apart are cut as one, and a cell on which the signal stays within the
tolerance of a knot is not cut there: what would be thinner is no cell, and its area goes to its neighbours.
"""

from abc import ABC, abstractmethod

import numpy as np

PLANE = "plane"  # the name of the vertices' own coordinates among the signals


class Cells(ABC):
    """Cells with vertices, the signals at the vertices, and how each cut made new cells of the old."""

    def __init__(self, points, limit):
        self.signals = {PLANE: np.array(points, "float64")}
        self.limit = limit
        self.history = []

    def cut(self, name, i, knots, tolerance, owner):
        """Cut along the knots, distinct and ascending, of signal i of ``signals[name]``; the layer owns them."""
        x = self.signals[name][:, i]
        middles, pieces, level = levels(x, knots, tolerance)
        low, high = self._range(level)
        within = np.maximum(high // 2 - (low + 1) // 2, 0)
        count = len(within) + within.sum()
        if count > self.limit:
            raise ValueError(
                f"There are more cells than the limit: {count} at signal {i} of layer {owner!r}, and further knots may "
                f"add to them. Take less of the input space, or raise the limit. Received: limit={self.limit!r}"
            )
        strip = (low + 1) // 2
        flat = (low == high) & (low % 2 == 1)
        if flat.any():  # the signal is the knot: below it, as relu'(0) = 0, but where rounding lies clearly above
            least, most = (ends[flat] for ends in self._range(x))
            strip[flat] -= least + most <= 2 * middles[low[flat] // 2]
        parent = None
        if within.any():
            parent, strip = self._slice(name, i, middles, level, within > 0, strip)
        self.history.append((parent, pieces[strip].astype(np.min_scalar_type(len(knots)))))

    @abstractmethod
    def __len__(self):
        """How many cells there are."""

    @abstractmethod
    def _range(self, values):
        """The least and the most value at the vertices of each cell."""

    @abstractmethod
    def _slice(self, name, i, knots, level, cut, strip):
        """Cut the cells that are to be cut, and give the parent of each new cell and its strip between the knots."""

    def pieces(self):
        """The piece of each signal that was cut, (cells, cuts), in the order of the cuts."""
        found, cell = [], np.arange(len(self))
        for parent, piece in reversed(self.history):
            if piece is not None:
                found.append(piece[cell])
            cell = cell if parent is None else parent[cell]
        return np.stack(found[::-1], axis=1) if found else np.zeros((len(self), 0), "uint8")

    def _add(self, name, i, low, high, knots):
        """New vertices where signal i takes the values of the knots on the edges from vertices low to high."""
        x = self.signals[name][:, i]
        share = ((knots - x[low]) / (x[high] - x[low]))[:, None]
        for key, at in self.signals.items():
            self.signals[key] = np.concatenate([at, at[low] + share * (at[high] - at[low])])
        self.signals[name][len(x) :, i] = knots


def levels(x, knots, tolerance):
    """The knots that are told apart, the piece between each two of them, and the levels of the values x."""
    apart = np.diff(knots) > 2 * tolerance
    first, last = np.append(True, apart)[: len(knots)], np.append(apart, True)[: len(knots)]
    middles = (knots[first] + knots[last]) / 2
    k = np.searchsorted(knots[last] + tolerance, x)
    on = np.append(knots[first] - tolerance, np.inf)[k] <= x
    return middles, np.append(np.flatnonzero(first), len(knots)), 2 * k + on


def spread(counts):
    """For counts (2, 1, 3): which of them each place belongs to, and its place there: (0 0 1 2 2 2), (0 1 0 0 1 2)."""
    owner = np.repeat(np.arange(len(counts)), counts)
    return owner, np.arange(len(owner)) - (np.cumsum(counts) - counts)[owner]
