"""The subdivision of a box: against brute force, and in every degenerate case by name."""

import itertools

import keras
import numpy as np
import pytest
from chains import chain, dac, dense, forward, random_chain
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dendnet.geometry import count_cells, linear_regions

BOX = ((-1, 1), (-1, 1))
KINDS = {
    "dac": ["dac"],
    "pre-activated": ["pre"],
    "post-activated": ["post"],
    "three dendrites": ["spline"],
    "mixed": ["dac", "post", "pre", "spline"],
}


def on_cells(regions, points, cell):
    """The maps of cells at points."""
    return np.einsum("nk,nkm->nm", np.column_stack([points, np.ones(len(points))]), regions.maps[cell])


def containing(regions, points):
    """How many cells each point lies in, and one of them, by shapely and so by their corners alone."""
    shapely = pytest.importorskip("shapely")
    point, cell = shapely.STRtree(regions.shapes()).query(shapely.points(points), predicate="within")
    found = np.full(len(points), -1)
    found[point] = cell
    return np.bincount(point, minlength=len(points)), found


def check_cover(regions):
    """The cells fill the box, share their edges' ends, and have each a pattern of its own."""
    shapely = pytest.importorskip("shapely")
    (left, right), (low, high) = regions.box
    assert regions.areas.min() > 0
    np.testing.assert_allclose(regions.areas.sum(), (right - left) * (high - low), rtol=1e-12)
    assert shapely.is_valid(regions.shapes()).all() and shapely.coverage_is_valid(regions.shapes())
    assert len(np.unique(regions.pieces, axis=0)) == len(regions)
    assert (regions.pieces[regions.neighbours[:, 0]] != regions.pieces[regions.neighbours[:, 1]]).any(axis=1).all()


@pytest.mark.parametrize("depth", [1, 2, 3, 4])
@pytest.mark.parametrize("kinds", KINDS.values(), ids=KINDS)
def test_ten_thousand_points_lie_in_one_region_each(rng, kinds, depth):
    model = random_chain(rng, depth, 4 if kinds == ["spline"] else 8, kinds)
    regions = linear_regions(model, BOX)
    check_cover(regions)
    points = rng.uniform(-1, 1, (10_000, 2))
    times, cell = containing(regions, points)
    assert (times == 1).all()
    assert np.abs(on_cells(regions, points, cell) - keras.ops.convert_to_numpy(model(points))).max() < 1e-4
    _, patterns = forward(model.layers, points)
    for ours, theirs in zip(regions.patterns().values(), patterns, strict=True):
        assert (ours[cell] == theirs).all()
    assert (regions.locate(points) == cell).all()


COARSE = [-1.0, -0.5, 0.0, 0.0, 0.5, 1.0]
NEARLY = [*COARSE, 1e-6, 1e-9, -1e-11, 3e-12, -1e-12, 2e-13, 1e-15]


@st.composite
def weights(draw, numbers):
    """Of networks with few distinct numbers: knots and corners coincide, weights are zero, sums cancel."""

    def table(rows, columns):
        return np.reshape(
            draw(st.lists(st.sampled_from(numbers), min_size=rows * columns, max_size=rows * columns)), (rows, columns)
        )

    widths = [2, *draw(st.lists(st.integers(1, 4), min_size=1, max_size=4))]
    return [(table(n, m), table(n if draw(st.booleans()) else 1, m)) for n, m in itertools.pairwise(widths)]


def check_points(regions, layers, seed):
    """Points at random lie in one cell each, which has their map."""
    points = np.random.default_rng(seed).uniform((-1.5, -1), (1.5, 1), (300, 2))
    times, cell = containing(regions, points)
    assert (times == 1).all()
    np.testing.assert_allclose(on_cells(regions, points, cell), forward(layers, points)[0], atol=1e-9)


def unlike(weights):
    return [dac(w, b) if len(w) == len(b) else dense(w, b[0], "relu") for w, b in weights]


@given(weights(COARSE), st.integers(0, 2**32 - 1))
@settings(max_examples=40, deadline=None)
def test_coincidences_leave_neither_gaps_nor_overlaps(weights, seed):
    layers = unlike(weights)
    regions = linear_regions(chain(*layers), ((-1.5, 1.5), (-1, 1)))
    check_cover(regions)
    check_points(regions, layers, seed)


# A knot that passes within the tolerance of a corner at a small angle has three vertices on it.
THREE_ON_A_KNOT = [
    ([[-1, -1, -1], [-1, -1, -0.5]], [[-1, -0.5, -0.5]]),
    ([[-1, -1, -1, -1], [-1, -1, -1, 1e-6], [-1, -1, 1e-9, -1e-11]], [[-1, -1, -1e-11, 0]]),
]


@given(weights(NEARLY), st.integers(0, 2**32 - 1))
@example([(np.array(w), np.array(b)) for w, b in THREE_ON_A_KNOT], 0)
@settings(max_examples=40, deadline=None)
def test_what_nearly_coincides_leaves_no_more_than_rounding(weights, seed):
    """Here cells may be thinner than rounding, and are left out: the rest fills the box up to that."""
    layers = unlike(weights)
    regions = linear_regions(chain(*layers), ((-1.5, 1.5), (-1, 1)))
    assert regions.areas.min() > 0 and abs(regions.areas.sum() - 6) < 1e-9
    assert len(np.unique(regions.pieces, axis=0)) == len(regions)
    check_points(regions, layers, seed)


def test_a_layers_grid():
    """Two inputs, knots at -1/2 and 1/4, and at 0 and 1/2: nine cells with these areas."""
    regions = linear_regions(chain(dac(np.ones((2, 2)), [[0.5, -0.25], [0.0, -0.5]])), BOX)
    assert len(regions) == 9
    widths, heights = [0.5, 0.75, 0.75], [1, 0.5, 0.5]
    np.testing.assert_allclose(np.sort(regions.areas), np.sort(np.outer(widths, heights).ravel()))


@pytest.mark.parametrize("m", [1, 2, 5, 9])
def test_a_layer_has_m_plus_1_to_the_n(rng, m):
    layer = dac(rng.normal(size=(2, m)), rng.uniform(-1, 1, (2, m)))
    assert len(linear_regions(chain(layer), BOX)) == (m + 1) ** 2 == count_cells(layer)


def test_a_post_activated_layer_has_zaslavskys_number(rng):
    angle = rng.uniform(0, np.pi, 6)
    layer = dense([np.cos(angle), np.sin(angle)], rng.uniform(-0.1, 0.1, 6), "relu")
    assert len(linear_regions(chain(layer), ((-100, 100), (-100, 100)))) == 1 + 6 + 15


@pytest.mark.parametrize("knots", [(1, 1, 1), (3, 0, 2, 4), (5, 5, 5, 5, 5)])
def test_behind_a_dense_layer_each_bias_is_a_line_and_each_signal_a_bundle(rng, knots):
    n, m = len(knots), max(max(knots), 1)
    bias = np.full((n, m), 1e9)  # a knot that no point of the box reaches
    for row, count in zip(bias, knots, strict=True):
        row[:count] = rng.normal(size=count)
    model = chain(dense(rng.normal(size=(2, n)), rng.normal(size=n)), dac(rng.normal(size=(n, m)), bias))
    crossings = sum(one * other for one, other in itertools.combinations(knots, 2))
    assert len(linear_regions(model, ((-1e4, 1e4), (-1e4, 1e4)))) == 1 + sum(knots) + crossings


def test_parallel_bundles_do_not_cross(rng):
    model = chain(dense([[1, 0, 2], [0, 1, 0]], np.zeros(3)), dac(rng.normal(size=(3, 4)), rng.normal(size=(3, 4))))
    assert len(linear_regions(model, ((-1e4, 1e4), (-1e4, 1e4)))) == (8 + 1) * (4 + 1)


def test_one_region_by_hand():
    """relu(x - 1/2) + 2 relu(y) on the two sides of both knots."""
    regions = linear_regions(chain(dac([[1], [2]], [[-0.5], [0]])), BOX)
    (cell,) = regions.locate([[0.75, 0.5]])
    assert regions.maps[cell, :, 0].tolist() == [1, 2, -0.5]
    assert regions.patterns()[next(iter(regions.patterns()))][cell].ravel().tolist() == [1, 1]
    assert sorted(map(tuple, regions.polygon(cell))) == [(0.5, 0), (0.5, 1), (1, 0), (1, 1)]
    np.testing.assert_allclose(regions.centres[cell], [0.75, 0.5])


def test_coincident_knots_cut_once():
    assert len(linear_regions(chain(dac(np.ones((2, 3)), np.zeros((2, 3)))), BOX)) == 4


def test_knots_outside_the_box_cut_nothing():
    assert len(linear_regions(chain(dac(np.ones((2, 2)), [[3, -3], [1, -1]])), BOX)) == 1


def test_weights_of_zero_make_cells_but_no_linear_regions():
    regions = linear_regions(chain(dac([[0, 0], [1, 1]], np.zeros((2, 2)))), BOX)
    assert (len(regions), regions.count) == (4, 2)


def test_sums_that_cancel_make_cells_but_no_linear_regions():
    """relu(x) - relu(-x) = x."""
    regions = linear_regions(chain(dense([[1, -1], [0, 0]], [0, 0], "relu"), dense([[1], [-1]], [0])), BOX)
    assert (len(regions), regions.count) == (2, 1)
    np.testing.assert_allclose(regions.maps[:, :, 0], [[1, 0, 0], [1, 0, 0]])


def test_the_same_map_in_two_places_makes_two_linear_regions():
    """relu(x + 1/2) - 2 relu(x) + relu(x - 1/2) is 0 on both of its sides."""
    bump = dac([[1], [-2], [1], [0], [0], [0]], [[0.5], [0], [-0.5], [0], [0], [0]], dendrites=3)
    regions = linear_regions(chain(bump), BOX)
    at = [regions.linear[regions.locate([[x, -0.5]])[0]] for x in (-0.75, 0.75)]
    assert regions.count == 4 and at[0] != at[1]


def test_knots_nearer_than_rounding_are_cut_as_one():
    """2^-50 apart, which float32 biases can be next to zero: no cell between them, and no area lost."""
    regions = linear_regions(chain(dac(np.ones((2, 2)), [[0, 2.0**-50], [5, 5]])), BOX)
    assert regions.pieces[:, 0].tolist() == [0, 2]
    np.testing.assert_allclose(regions.areas, [2, 2])


def test_knots_a_little_farther_apart_are_not():
    regions = linear_regions(chain(dac(np.ones((2, 2)), [[0, 2.0**-40], [5, 5]])), BOX)
    assert sorted(regions.pieces[:, 0].tolist()) == [0, 1, 2]
    np.testing.assert_allclose(regions.areas.min(), 2.0**-39)


def test_a_knot_through_a_vertex_leaves_no_sliver():
    """Three lines that meet in the origin cut the plane into six."""
    lines = dense([[1, 0, 1], [0, 1, -1]], [0, 0, 0], "relu")
    regions = linear_regions(chain(lines), BOX)
    assert len(regions) == 6 and len(regions.vertices) == 4 + 4 + 1


def test_a_signal_that_stays_on_its_knot_is_silent():
    """Where the first layer is silent, the second's signal is 0, which is its knot."""
    regions = linear_regions(chain(dac([[1], [0]], [[0], [0]]), dac([[1]], [[0]])), BOX)
    (cell,) = regions.locate([[-0.5, -0.5]])
    assert [p[cell].ravel().tolist() for p in regions.patterns().values()] == [[0, 0], [0]]
    assert len(regions) == 4 and regions.count == 2


def test_a_signal_on_a_knot_that_no_binary_fraction_is():
    """The second layer's signal is 0.1 in float32 wherever the first is silent, and its knot is there."""
    model = chain(dac([[1], [0]], [[0], [0]], [0.1]), dac([[1]], [[-0.1]]))
    regions, points = linear_regions(model, BOX), np.array([[-0.5, -0.5], [0.5, 0.5]])
    for ours, theirs in zip(regions.patterns().values(), forward(model.layers, points)[1], strict=True):
        assert (ours[regions.locate(points)] == theirs).all()


def test_a_box_of_any_place_and_size(rng):
    model = random_chain(rng, 2, 6, ["dac"])
    large = linear_regions(model, ((-1, 1), (-1, 1)))
    small = linear_regions(model, ((0.2, 0.3), (-0.5, 0.1)))
    check_cover(small)
    points = rng.uniform((0.2, -0.5), (0.3, 0.1), (1000, 2))
    ours, theirs = small.locate(points), large.locate(points)
    np.testing.assert_allclose(small.maps[ours], large.maps[theirs])
    assert (large.locate([[1.5, 0.0], [0.0, -1.01]]) == -1).all()


def test_linear_regions_as_shapes(rng):
    shapely = pytest.importorskip("shapely")
    regions = linear_regions(random_chain(rng, 2, 6, ["dac"]), BOX)
    shapes = regions.shapes(linear=True)
    assert len(shapes) == regions.count < len(regions)
    np.testing.assert_allclose(shapely.area(shapes), np.bincount(regions.linear, regions.areas))


def test_repr_says_the_counts():
    assert repr(linear_regions(chain(dac([[1], [1]], [[0], [0]])))).startswith("<Regions: 4 cells, 4 linear regions")


def test_more_cells_than_the_limit(rng):
    model = random_chain(rng, 3, 8, ["dac"])
    with pytest.raises(ValueError, match=r"more cells than the limit: \d+ at signal \d+ of layer .* limit=50"):
        linear_regions(model, BOX, limit=50)


@pytest.mark.parametrize("box", [((1, -1), (-1, 1)), ((0, 0), (0, 1)), (0, 1), ((0, np.inf), (0, 1)), "box"])
def test_an_empty_box_is_refused(box):
    with pytest.raises(ValueError, match="box must be"):
        linear_regions(chain(dac([[1], [1]], [[0], [0]])), box)


def test_three_inputs_are_refused():
    with pytest.raises(ValueError, match=r"two inputs.* 3 inputs"):
        linear_regions(keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)]))


def test_points_of_another_shape_are_refused():
    with pytest.raises(ValueError, match=r"Received: points of shape \(2,\)"):
        linear_regions(chain(dac([[1], [1]], [[0], [0]]))).locate([0, 0])


def test_a_limit_that_is_no_number_is_refused():
    with pytest.raises(ValueError, match="Received: limit=0"):
        linear_regions(chain(dac([[1], [1]], [[0], [0]])), limit=0)
