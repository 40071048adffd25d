"""Break points on a segment: by hand, against dense sampling, and against the subdivision of the plane."""

import keras
import numpy as np
import pytest
from chains import chain, dac, dense, forward, random_chain

from dendnet.geometry import linear_regions, regions_along


def test_by_hand():
    """relu(x + 1/2) - 2 relu(x - 1/2) from -1 to 1."""
    along = regions_along(chain(dac([[1], [-2]], [[0.5], [-0.5]], dendrites=2), inputs=1), [-1], [1])
    assert along.breaks.tolist() == [0.25, 0.75] and along.points[:, 0].tolist() == [-1, -0.5, 0.5, 1]
    assert along.values[:, 0].tolist() == [0, 0, 1, 0.5]
    assert along.maps[:, :, 0].tolist() == [[0, 0], [2, -0.5], [-2, 2.5]]
    assert [p[:, 0, :, 0].tolist() for p in along.patterns().values()] == [[[0, 0], [1, 0], [1, 1]]]
    assert repr(along) == "<Pieces: 3 cells, 3 linear pieces>"


@pytest.mark.parametrize("inputs", [1, 2, 5, 40])
@pytest.mark.parametrize("depth", [1, 3])
def test_points_between_breaks(rng, depth, inputs):
    model = random_chain(rng, depth, 8, ["dac", "post"], inputs=inputs)
    a, b = rng.uniform(-1, 1, (2, inputs))
    along = regions_along(model, a, b)
    assert (np.diff(along.ends) > 0).all() and along.ends[0] == 0 and along.ends[-1] == 1
    t = np.sort(rng.uniform(0, 1, 2000))
    cell = np.searchsorted(along.ends, t) - 1
    values, patterns = forward(model.layers, a + t[:, None] * (b - a))
    np.testing.assert_allclose(along.maps[cell, 0] * t[:, None] + along.maps[cell, 1], values, atol=1e-10)
    for ours, theirs in zip(along.patterns().values(), patterns, strict=True):
        assert (ours[cell] == theirs).all()


def test_it_crosses_the_cells_of_the_plane(rng):
    model = random_chain(rng, 3, 6, ["dac", "post"])
    a, b = np.array([-0.9, -0.7]), np.array([0.8, 0.95])
    along, regions = regions_along(model, a, b), linear_regions(model)
    middles = a + (along.ends[:-1, None] + along.ends[1:, None]) / 2 * (b - a)
    cell = regions.locate(middles)
    assert (cell >= 0).all() and (np.diff(cell) != 0).all()
    assert (regions.pieces[cell] == along.pieces).all()


def test_a_way_back_breaks_in_the_same_places(rng):
    model = random_chain(rng, 2, 6, ["dac"], inputs=4)
    a, b = rng.uniform(-1, 1, (2, 4))
    there, back = regions_along(model, a, b), regions_along(model, b, a)
    np.testing.assert_allclose(there.breaks, 1 - back.breaks[::-1], atol=1e-12)
    assert (there.pieces == back.pieces[::-1]).all()


def test_breaks_that_bend_nothing_are_merged():
    """relu(x) - relu(-x) = x, and a connection of weight zero."""
    model = chain(dense([[1, -1]], [0, 0], "relu"), dense([[1], [-1]], [0]), inputs=1)
    along = regions_along(model, [-1], [1])
    assert (len(along), along.count) == (2, 1)
    along = regions_along(chain(dac([[0]], [[0]]), inputs=1), [-1], [1])
    assert (len(along), along.count, along.bends.tolist()) == (2, 1, [False])


def test_a_segment_along_a_knot_lies_below_it():
    along = regions_along(chain(dac([[1], [1]], [[0], [0]])), [0, -1], [0, 1])
    assert along.breaks.tolist() == [0.5] and along.pieces.tolist() == [[0, 0], [0, 1]]


def test_a_segment_without_a_break():
    along = regions_along(chain(dac([[1]], [[5]]), inputs=1), [0], [1])
    assert len(along) == 1 and along.count == 1 and along.values.tolist() == [[5], [6]]


def test_a_network_that_bends_nowhere():
    along = regions_along(chain(keras.layers.Dense(2), inputs=3), np.zeros(3), np.ones(3))
    assert len(along) == 1 and along.maps.shape == (1, 2, 2) and along.patterns() == {}


@pytest.mark.parametrize("a, b", [([0], [0]), ([0, 1], [1, 2]), ([0], [np.inf]), (0, 1)])
def test_wrong_ends_are_refused(a, b):
    with pytest.raises(ValueError, match=r"two points of 1 finite numbers each. Received: a="):
        regions_along(chain(dac([[1]], [[0]]), inputs=1), a, b)


def test_more_cells_than_the_limit(rng):
    with pytest.raises(ValueError, match="limit=5"):
        regions_along(random_chain(rng, 2, 8, ["dac"], inputs=3), -np.ones(3), np.ones(3), limit=5)
