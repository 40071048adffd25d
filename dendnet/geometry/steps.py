"""What a network does, one step after the other, in float64: to numbers, and to the affine maps of whole cells.

A step takes arrays ``(..., rows, n)`` and gives ``(..., rows, m)``. ``one`` says what the constant 1 is on each row:
``[1]`` for numbers, which have one row, and ``[0, ..., 0, 1]`` for an affine map, whose rows are its slopes along the
coordinates and its offset. So one formula serves both.

Steps with ``knots`` bend: signal i changes its piece at each of ``knots[i]``, distinct and ascending. Piece k lies
between knots k - 1 and k, and a knot belongs to the piece below it.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from dendnet.geometry.filters import Filter


@dataclass(frozen=True)
class Sum:
    """The sum of signals, as Add has it."""

    name: str

    def values(self, one, *x):
        """y, or its maps."""
        return sum(x)

    def magnitude(self, *x):
        """A bound for |y| and for each term of its sum, from such bounds for the signals; so for every step."""
        return sum(x)


@dataclass(frozen=True)
class Join:
    """Signals side by side, as Concatenate has them."""

    name: str

    def values(self, one, *x):
        """y, or its maps."""
        return np.concatenate(x, axis=-1)

    def magnitude(self, *x):
        """The bounds, side by side."""
        return np.concatenate(x)


@dataclass(frozen=True)
class Affine:
    """y = x W + c, for W (n, m) and c (m,)."""

    name: str
    kernel: np.ndarray
    bias: np.ndarray

    def values(self, one, x):
        """y, or its maps."""
        return x @ self.kernel + one[:, None] * self.bias

    def magnitude(self, x):
        """Bounds for the terms."""
        return x @ np.abs(self.kernel) + np.abs(self.bias)


@dataclass(frozen=True)
class Elementwise:
    """y_i = f(x_i) for n signals."""

    name: str
    n: int
    filter: Filter

    @property
    def knots(self):
        """The filter's, for every signal."""
        return [np.array(self.filter.knots, "float64")] * self.n

    def values(self, one, x):
        """y."""
        return self.filter(x)

    def maps(self, one, x, pieces):
        """The maps of y on cells, from those of x and the piece of each signal, (cells, n)."""
        slopes, offsets = np.array(self.filter.slopes), self.filter.offsets
        return slopes[pieces][:, None, :] * x + one[:, None] * offsets[pieces][:, None, :]

    def pattern(self, pieces):
        """How many knots of the filter lie below each signal."""
        return pieces

    def magnitude(self, x):
        """Bounds for the terms."""
        return np.maximum(np.abs(self.filter(x)), np.abs(self.filter(-x)))


@dataclass(frozen=True)
class Dendrites:
    """y_j = sum_i sum_s w_ijs f(x_i + b_ijs) + c_j, for w and b of (n, S, m)."""

    name: str
    kernel: np.ndarray
    bias: np.ndarray
    output_bias: np.ndarray
    filter: Filter

    @cached_property
    def hinges(self):
        """Where each connection bends, (knots of the filter, n, S, m)."""
        return np.array(self.filter.knots, "float64")[:, None, None, None] - self.bias

    @cached_property
    def knots(self):
        """The distinct hinges of each input."""
        return [np.unique(self.hinges[:, i]) for i in range(len(self.kernel))]

    def passed(self, i, pieces):
        """How many knots of its filter each connection of input i has below it on these pieces, (pieces, S, m)."""
        below = np.searchsorted(self.knots[i], self.hinges[:, i])[None] < pieces[:, None, None, None]
        return below.sum(axis=1)

    def values(self, one, x):
        """y."""
        y = np.tile(self.output_bias, (*x.shape[:-1], 1))
        for i, s in np.ndindex(*self.kernel.shape[:2]):
            y += self.kernel[i, s] * self.filter(x[..., i, None] + self.bias[i, s])
        return y

    def maps(self, one, x, pieces):
        """The maps of y on cells, from those of x and the piece of each signal, (cells, n)."""
        slopes, offsets = np.array(self.filter.slopes), self.filter.offsets
        y = np.tile(one[:, None] * self.output_bias, (len(pieces), 1, 1))
        for i, weights in enumerate(self.kernel):
            passed = self.passed(i, np.arange(len(self.knots[i]) + 1))
            slope = (weights * slopes[passed]).sum(axis=1)
            offset = (weights * (slopes[passed] * self.bias[i] + offsets[passed])).sum(axis=1)
            k = pieces[:, i]
            y += slope[k][:, None, :] * x[:, :, i, None] + one[:, None] * offset[k][:, None, :]
        return y

    def pattern(self, pieces):
        """How many knots of its filter each connection has below it: for relu 0, silent, or 1, active."""
        return np.stack([self.passed(i, k) for i, k in enumerate(pieces.T)], axis=1)

    def magnitude(self, x):
        """Bounds for the terms."""
        ends = [np.abs(self.filter(end[:, None, None] + self.bias)) for end in (x, -x)]
        return (np.abs(self.kernel) * np.maximum(*ends)).sum(axis=(0, 1)) + np.abs(self.output_bias)
