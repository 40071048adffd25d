"""Which place sees which: small tables by hand, and the two directions against each other."""

import numpy as np
import pytest

from dendnet.ops import places
from dendnet.ops.shapes import DENSE, Geometry


def test_a_row_of_three_pixels_under_two_taps():
    assert places.seen((3,), (2,), Geometry((1,), "valid", (1,))).tolist() == [[0, 1], [1, 2]]
    assert places.seen((3,), (2,), Geometry((1,), "causal", (1,))).tolist() == [[-1, 0, 1], [0, 1, 2]]


def test_a_square_numbers_its_places_row_by_row():
    assert places.seen((2, 3), (1, 2), Geometry((1, 1), "same", (1, 1))).tolist() == [
        [0, 1, 2, 3, 4, 5],
        [1, 2, -1, 4, 5, -1],
    ]


def test_dense_has_one_place():
    assert places.seen((), (), DENSE).tolist() == [[0]]
    assert [a.tolist() for a in places.upstream((), (), DENSE)] == [[[0]], [1], [[0]], [[[0]]]]


def test_with_a_stride_a_place_is_reached_by_few_taps():
    """Stride 2, three taps: odd pixels are seen through the middle tap alone, even ones through the outer two."""
    found = places.upstream((4,), (3,), Geometry((2,), "valid", (1,)))
    assert found.places.tolist() == [[0, 2], [1, 3]]
    assert found.reached.tolist() == [2, 1]
    assert found.taps.tolist() == [[0, 2], [1, -1]]
    assert found.outputs.tolist() == [[[0, -1], [-1, 0]], [[0, -1], [-1, -1]]]


@pytest.mark.parametrize(
    "size, k, geometry",
    [
        ((5, 6), (3, 2), Geometry((2, 3), "same", (1, 1))),
        ((7, 4), (2, 3), Geometry((1, 1), "same", (2, 1))),
        ((4, 3, 5), (2, 3, 2), Geometry((2, 1, 2), "valid", (1, 1, 1))),
    ],
)
def test_both_directions_hold_the_same_pairs(size, k, geometry):
    seen, up = places.seen(size, k, geometry), places.upstream(size, k, geometry)
    forward = {(t, p, seen[t, p]) for t, p in np.argwhere(seen >= 0)}
    backward = {(up.taps[c, t], up.outputs[c, t, q], up.places[c, q]) for c, t, q in np.argwhere(up.outputs >= 0)}
    assert forward == backward
    assert sorted(up.places[up.places >= 0]) == list(range(np.prod(size)))
