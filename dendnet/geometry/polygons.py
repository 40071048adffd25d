"""Convex polygons of the plane that are cut along knots."""

import numpy as np

from dendnet.geometry.cuts import PLANE, Cells, spread


def following(starts, count):
    """For each of ``count`` corners the place of the next corner of the same polygon."""
    after = np.arange(1, count + 1)
    after[np.append(starts[1:], count) - 1] = starts
    return after


def polygon_areas(corners, starts):
    """The areas of polygons with corners (corners, 2), counterclockwise, measured from each one's first corner."""
    sizes = np.diff(starts, append=len(corners))
    x, y = (corners - corners[starts].repeat(sizes, axis=0)).T
    after = following(starts, len(corners))
    return np.add.reduceat(x * y[after] - x[after] * y, starts) / 2


class Polygons(Cells):
    """Convex polygons that fill a box of the plane.

    ``corners`` has the vertices of all cells, counterclockwise, one cell after the other; ``starts`` where each begins.
    """

    def __init__(self, box, limit):
        (left, right), (low, high) = box
        super().__init__([[left, low], [right, low], [right, high], [left, high]], limit)
        self.corners, self.starts = np.arange(4), np.array([0])

    def __len__(self):
        return len(self.starts)

    def _range(self, values):
        at = values[self.corners]
        return np.minimum.reduceat(at, self.starts), np.maximum.reduceat(at, self.starts)

    def drop_slivers(self, width):
        """Leave out polygons that are nowhere wider than this; they come of rounding."""
        at = self.signals[PLANE][self.corners]
        sides = np.linalg.norm(at[following(self.starts, len(at))] - at, axis=1)
        wide = polygon_areas(at, self.starts) > width * np.maximum.reduceat(sides, self.starts)
        sizes = np.diff(self.starts, append=len(at))
        self.corners = self.corners[wide.repeat(sizes)]
        self.starts = np.cumsum(sizes[wide]) - sizes[wide]
        self.history.append((np.flatnonzero(wide), None))

    def _slice(self, name, i, knots, level, cut, strip):
        sizes = np.diff(self.starts, append=len(self.corners))
        cell = np.repeat(np.arange(len(self)), sizes)
        after = self.corners[following(self.starts, len(self.corners))]
        sliced = np.flatnonzero(cut[cell])
        vertex, level, owner = self._with_crossings(name, i, knots, level, self.corners[sliced], after[sliced])
        # A vertex on knot k belongs to the strips on both of its sides, k and k + 1.
        each, second = spread(1 + level % 2)
        part = np.stack([cell[sliced][owner][each], level[each] // 2 + second])
        order = np.lexsort(part[::-1])
        part, vertex, level = part[:, order], vertex[each][order], level[each][order]
        begins = np.flatnonzero(np.append(True, (np.diff(part) != 0).any(axis=0)))
        lengths = np.diff(begins, append=len(vertex))
        # A strip that only touches its cell has its vertices on one knot, or fewer than three.
        thick = np.minimum.reduceat(level, begins) != np.maximum.reduceat(level, begins)
        real = (lengths > 2) & (thick | (level[begins] % 2 == 0))
        # Within the tolerance of a knot there may be more vertices than the two where it enters and leaves the cell.
        # The others belong to the strip below alone: the strips meet along one segment, and neither reaches over it.
        shared = (level == 2 * part[1] - 1) & (part[1] > strip[part[0]])
        after = following(begins, len(vertex))
        both = shared & shared[after]
        inner = np.zeros(len(vertex), bool)
        inner[after] = both & both[after]
        kept = np.repeat(real, lengths) & ~inner
        lengths = np.append(sizes[~cut], np.add.reduceat(kept, begins, dtype=int)[real])
        self.corners = np.append(self.corners[~cut[cell]], vertex[kept])
        self.starts = np.cumsum(lengths) - lengths
        new = part[:, begins[real]]
        return np.append(np.flatnonzero(~cut), new[0]).astype("int32"), np.append(strip[~cut], new[1])

    def _with_crossings(self, name, i, knots, level, a, b):
        """Vertices, levels and edges on the way along the edges from a to b, each with its start and its crossings."""
        rising = level[a] < level[b]
        low, high = np.where(rising, a, b), np.where(rising, b, a)
        first = (level[low] + 1) // 2
        counts = np.maximum(level[high] // 2 - first, 0)
        crossed = np.flatnonzero(counts)
        _, one, number = np.unique(
            low[crossed] * len(level) + high[crossed], return_index=True, return_inverse=True
        )  # the two cells at an edge meet it in opposite directions, and share its crossings
        one = crossed[one]
        new = np.zeros(len(a), int)
        new[crossed] = len(level) + (np.cumsum(counts[one]) - counts[one])[number]
        edge, place = spread(counts[one])
        k = first[one][edge] + place
        self._add(name, i, low[one][edge], high[one][edge], knots[k])
        level = np.append(level, 2 * k + 1)
        owner, place = spread(1 + counts)
        inner = np.where(rising[owner], place - 1, counts[owner] - place)
        vertex = np.where(place == 0, a[owner], new[owner] + inner)
        return vertex, level[vertex], owner
