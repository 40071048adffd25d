"""The exact subdivision of a box of the plane into the cells on which a network is affine."""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from dendnet.geometry.cuts import PLANE
from dendnet.geometry.network import ROUNDING, Network
from dendnet.geometry.polygons import Polygons, following, polygon_areas
from dendnet.geometry.read import read
from dendnet.ops.arguments import positive

SAME = 1e-9  # maps are the same where no entry differs by more than this part of the largest entry of any


@dataclass(frozen=True, repr=False)
class Regions:
    r"""A box of the plane, cut into the activation cells of a network; :func:`linear_regions` makes it.

    A cell is a convex polygon on which no connection of the network crosses a knot. Two cells that touch along an edge
    have the edge's two vertices in common and differ in their patterns. On a cell the network is
    :math:`y = A p + c` for the point :math:`p`, and ``maps`` has the rows of :math:`A^\top` and :math:`c`. A linear
    region is made of the cells that are connected by edges across which the map stays the same.

    Args:
        box: The box, ``((left, right), (low, high))``.
        vertices: ``(V, 2)``, each once.
        corners: The vertices of the cells as indices, counterclockwise, one cell after the other.
        starts: ``(cells,)``, where each cell's corners begin.
        pieces: ``(cells, signals)``: on which piece, between the distinct knots of each signal, a cell lies.
        network: The network in steps.

    Reference:
        The chapter "Where it bends" of the book, :prf:ref:`thm-network`.
    """

    box: tuple
    vertices: np.ndarray
    corners: np.ndarray
    starts: np.ndarray
    pieces: np.ndarray
    network: Network = field(repr=False)

    def __len__(self):
        return len(self.starts)

    def __repr__(self):
        return f"<Regions: {len(self)} cells, {self.count} linear regions in {self.box}>"

    def polygon(self, k):
        """The corners of cell k, counterclockwise, ``(corners, 2)``."""
        return self.vertices[self.corners[self.starts[k] :][: self.sizes[k]]]

    @cached_property
    def sizes(self):
        """How many corners each cell has."""
        return np.diff(self.starts, append=len(self.corners))

    @cached_property
    def areas(self):
        """The area of each cell; they sum to the box's."""
        return polygon_areas(self.vertices[self.corners], self.starts)

    @cached_property
    def centres(self):
        """A point within each cell, the mean of its corners, ``(cells, 2)``."""
        return np.add.reduceat(self.vertices[self.corners], self.starts) / self.sizes[:, None]

    @cached_property
    def maps(self):
        """The affine map of each cell, ``(cells, 3, m)``, with its slopes along the coordinates and its value at 0."""
        return self.network.maps(np.eye(3)[:, :2], self.pieces)

    @cached_property
    def edges(self):
        """The edges within the box, ``(edges, 2)``, as the vertices at their ends."""
        return self._sides[0]

    @cached_property
    def neighbours(self):
        """The two cells at each of ``edges``, ``(edges, 2)``."""
        return self._sides[1]

    @cached_property
    def bends(self):
        """Whether the network bends at each of ``edges``, and its map differs between the two cells."""
        first, second = self.maps[self.neighbours[:, 0]], self.maps[self.neighbours[:, 1]]
        return np.abs(first - second).max(axis=(1, 2)) > SAME * np.abs(self.maps).max()

    @cached_property
    def linear(self):
        """The linear region of each cell, numbered from 0."""
        return np.unique(_components(len(self), self.neighbours[~self.bends]), return_inverse=True)[1]

    @property
    def count(self):
        """The number of linear regions."""
        return int(self.linear.max()) + 1

    def patterns(self):
        """The activation patterns by layer, for relu 0 where a connection is silent and 1 where it is active.

        Each is ``(cells, n, S, m)`` for a :class:`~dendnet.layers.DACDense` and ``(cells, n)`` for an activation. Other
        filters than relu have more knots: the number says how many of them a connection has below it.
        """
        return self.network.patterns(self.pieces)

    def locate(self, points):
        """The cell in which each of the points ``(N, 2)`` lies, or -1 outside the box and in what was too thin."""
        points = np.asarray(points, "float64")
        if points.ndim != 2 or points.shape[1] != 2:
            raise ValueError(f"points must be (N, 2). Received: points of shape {points.shape}")
        cells = {row.tobytes(): k for k, row in enumerate(self.pieces)}
        rows = self.network.pieces(points).astype(self.pieces.dtype)
        low, high = np.array(self.box).T
        inside = ((points >= low) & (points <= high)).all(axis=1)
        return np.array([cells.get(row.tobytes(), -1) if ok else -1 for row, ok in zip(rows, inside, strict=True)], int)

    def shapes(self, linear=False):
        """The cells, or the linear regions, as an array of shapely polygons.

        Raises:
            ImportError: shapely is not installed.
        """
        try:
            import shapely
        except ImportError as error:
            raise ImportError("Regions.shapes needs shapely: pip install 'dendnet[geometry]'") from error
        cell = np.arange(len(self)).repeat(self.sizes)
        cells = shapely.polygons(shapely.linearrings(self.vertices[self.corners], indices=cell))
        if not linear:
            return cells
        order = np.argsort(self.linear, kind="stable")
        parts = np.split(cells[order], np.cumsum(np.bincount(self.linear))[:-1])
        return np.array([shapely.coverage_union_all(part) for part in parts])

    @cached_property
    def _sides(self):
        ends = np.sort(
            np.stack([self.corners, self.corners[following(self.starts, len(self.corners))]], axis=1), axis=1
        )
        cell = np.arange(len(self)).repeat(self.sizes)
        order = np.lexsort(ends.T)
        twice = np.flatnonzero((ends[order[1:]] == ends[order[:-1]]).all(axis=1))
        return ends[order[twice]], np.stack([cell[order[twice]], cell[order[twice + 1]]], axis=1)


def _components(count, pairs):
    """The least member of the component of each of ``count`` things, joined by pairs."""
    least = np.arange(count)
    while (apart := least[pairs[:, 0]] != least[pairs[:, 1]]).any():
        roots = np.sort(least[pairs[apart]], axis=1)
        np.minimum.at(least, roots[:, 1], roots[:, 0])
        while (next_least := least[least] != least).any():
            least[next_least] = least[least[next_least]]
    return least


def linear_regions(model, box=((-1, 1), (-1, 1)), limit=200_000):
    r"""The exact subdivision of a box by a network with two inputs.

    The cells of the first layer that bends are cut by the knots of the next, drawn back through the map of each cell,
    and so on. Nothing is sampled, and everything is computed in float64 on the model's weights.

    Coincident knots cut once, and knots outside the range of their signal cut nothing. Connections of weight zero cut
    as all others do, and so do knots at which a sum cancels: they make cells, not linear regions.

    Vertices are rounded, so what is thinner than :math:`2^{-42}`, about 2e-13, is no cell. In a signal that is
    measured against the largest term in the sums that make it: knots so close to each other are cut as one, and a
    knot so close to a vertex goes through it. In the plane it is measured against the box: a cell so thin is left out,
    and leaves a gap as thin.

    Args:
        model: A functional or sequential ``keras.Model`` with one input of two numbers, built of
            :class:`~dendnet.layers.DACDense` and Keras's Dense, ReLU, LeakyReLU, Activation, BatchNormalization (as in
            inference), Add, Concatenate, Flatten and Dropout; the activations are ``"relu"``, ``"leaky_relu"``,
            ``"relu6"`` and ``"linear"``.
        box: ``((left, right), (low, high))``, for the two inputs.
        limit: The most cells that are made.

    Returns:
        :class:`Regions`.

    Raises:
        ValueError: The model has another layer, which the message names, or another form; the box is empty; or there
            are more cells than the limit.

    Example:
        Three outputs have three knots on each of two axes:

        >>> import keras
        >>> from dendnet.geometry import linear_regions
        >>> from dendnet.layers import DACDense
        >>> knots = keras.initializers.RandomUniform(-1, 1, seed=0)
        >>> model = keras.Sequential([keras.Input((2,)), DACDense(3, bias_initializer=knots)])
        >>> regions = linear_regions(model)
        >>> len(regions), (3 + 1) ** 2, round(float(regions.areas.sum()), 9)
        (16, 16, 4.0)

    Reference:
        The chapter "Where it bends" of the book, :prf:ref:`thm-network`.
    """
    network = read(model)
    if network.n != 2:
        raise ValueError(f"The model must have two inputs. Received: {network.n} inputs in model={model!r}")
    polygons = Polygons(box := _checked(box), positive("limit", limit))
    network.subdivide(polygons, polygons.signals[PLANE])
    polygons.drop_slivers(ROUNDING * max(right - left for left, right in box))
    return Regions(box, polygons.signals[PLANE], polygons.corners, polygons.starts, polygons.pieces(), network)


def _checked(box):
    """The box in floats; ValueError where it is none."""
    try:
        (left, right), (low, high) = ((float(start), float(end)) for start, end in box)
        ok = -np.inf < left < right < np.inf and -np.inf < low < high < np.inf
    except (TypeError, ValueError):
        ok = False
    if not ok:
        raise ValueError(f"box must be ((left, right), (low, high)), finite and not empty. Received: box={box!r}")
    return (left, right), (low, high)
