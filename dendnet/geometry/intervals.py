"""Pieces of a segment that are cut at knots."""

import numpy as np

from dendnet.geometry.cuts import PLANE, Cells, spread


class Intervals(Cells):
    """The pieces of a segment, in order: piece k lies between vertices k and k + 1."""

    def __len__(self):
        return len(self.signals[PLANE]) - 1

    def _range(self, values):
        return np.minimum(values[:-1], values[1:]), np.maximum(values[:-1], values[1:])

    def _slice(self, name, i, knots, level, cut, strip):
        rising = level[:-1] < level[1:]
        low, high = self._range(level)
        first, last = (low + 1) // 2, high // 2
        piece, place = spread(np.maximum(last - first, 0))
        k = np.where(rising[piece], first[piece] + place, last[piece] - 1 - place)
        vertices = len(level)
        self._add(name, i, piece + ~rising[piece], piece + rising[piece], knots[k])
        order = np.argsort(np.append(np.arange(vertices), piece + 0.5), kind="stable")
        self.signals.update({key: at[order] for key, at in self.signals.items()})
        level = np.append(level, 2 * k + 1)[order]
        parent = np.append(np.arange(vertices), piece)[order][:-1]
        return parent, np.where(cut[parent], (self._range(level)[0] + 1) // 2, strip[parent])
