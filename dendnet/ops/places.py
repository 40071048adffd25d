"""Which place sees which through which tap, as tables of integers: all that the fused kernels know of space.

Places are numbered along all axes of space at once, so that one kernel serves dense layers and convolutions of every
rank, stride, dilation and border; NOWHERE stands for a pixel beyond the border, which is silent.
"""

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from dendnet.ops import shapes

NOWHERE = -1


class Upstream(NamedTuple):
    """For each input place the output places that it reaches, in classes of places that are reached by the same taps.

    With a stride some taps reach a place and others never do; sorted by class, a tile of places shares its taps.
    """

    places: np.ndarray  # (classes, C): the input places of a class, padded with NOWHERE
    reached: np.ndarray  # (classes,): by how many taps it is reached
    taps: np.ndarray  # (classes, L): which they are, padded with NOWHERE
    outputs: np.ndarray  # (classes, L, C): the output place that each reaches through each tap, or NOWHERE


@lru_cache(maxsize=256)
def seen(size, k, geometry):
    """(T, P): the input place q that output place p sees through tap t, or NOWHERE."""
    out, borders = shapes.axes(size, k, geometry)
    table = np.zeros((1, 1), "int32")
    for s, o, taps, stride, d, (before, _) in zip(
        size, out, k, geometry.strides, geometry.dilation_rate, borders, strict=True
    ):
        q = np.arange(o) * stride - before + np.arange(taps)[:, None] * d
        inside = (q >= 0) & (q < s)
        q = table[:, None, :, None] * s + q[None, :, None, :]
        inside = (table[:, None, :, None] >= 0) & inside[None, :, None, :]
        table = np.where(inside, q, NOWHERE).reshape(table.shape[0] * taps, table.shape[1] * o).astype("int32")
    return table


@lru_cache(maxsize=256)
def upstream(size, k, geometry):
    """The same table the other way round, by classes of input places."""
    table = seen(size, k, geometry)
    _, borders = shapes.axes(size, k, geometry)
    inverse = np.full((len(table), np.prod(size, dtype=int)), NOWHERE, "int32")
    t, p = np.nonzero(table >= 0)
    inverse[t, table[t, p]] = p
    of_place = np.zeros((), int)
    for s, stride, (before, _) in zip(size, geometry.strides, borders, strict=True):
        of_place = of_place[..., None] * stride + (np.arange(s) + before) % stride
    classes = [np.flatnonzero(of_place.ravel() == c) for c in np.unique(of_place)]
    taps = [np.flatnonzero((inverse[:, q] >= 0).any(axis=1)) for q in classes]
    C, L = max(map(len, classes)), max(1, *map(len, taps))
    found = Upstream(
        np.full((len(classes), C), NOWHERE, "int32"),
        np.array([len(t) for t in taps], "int32"),
        np.full((len(classes), L), NOWHERE, "int32"),
        np.full((len(classes), L, C), NOWHERE, "int32"),
    )
    for c, (q, t) in enumerate(zip(classes, taps, strict=True)):
        found.places[c, : len(q)] = q
        found.taps[c, : len(t)] = t
        found.outputs[c, : len(t), : len(q)] = inverse[np.ix_(t, q)]
    return found
