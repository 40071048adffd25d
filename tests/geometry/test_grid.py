"""The grid of one layer: knots, counts and cells, by hand and in any dimension."""

import keras
import numpy as np
import pytest
from chains import dac, dense

from dendnet.geometry import cells, count_cells, knots
from dendnet.layers import DACConv2D, DACDense


def test_knots_by_hand():
    found = knots(dac(np.ones((2, 3)), [[1, 0, 1], [-0.5, 0.5, 2]]))
    assert [x.tolist() for x in found] == [[-1, 0], [-2, -0.5, 0.5]]


def test_weights_of_zero_have_knots_too():
    assert knots(dac(np.zeros((1, 2)), [[1, 2]]))[0].tolist() == [-2, -1]


@pytest.mark.parametrize("n, m, dendrites", [(1, 1, 1), (2, 3, 1), (3, 4, 1), (2, 2, 3), (7, 5, 2)])
def test_distinct_knots_make_Sm_plus_1_to_the_n(rng, n, m, dendrites):
    layer = dac(np.ones((n * dendrites, m)), rng.normal(size=(n * dendrites, m)), dendrites=dendrites)
    assert count_cells(layer) == (dendrites * m + 1) ** n


def test_a_standard_layer_has_two_to_the_n(rng):
    assert count_cells(dac(np.ones((5, 3)), rng.normal(size=5), bias_sharing="outputs")) == 2**5


def test_a_count_is_exact_where_it_is_astronomical(rng):
    layer = DACDense(99, bias_initializer=keras.initializers.RandomUniform(-1, 1, seed=1))
    layer.build((None, 100))
    distinct = [len(np.unique(row)) for row in keras.ops.convert_to_numpy(layer.bias)]
    count = 1
    for k in distinct:
        count *= k + 1
    assert count_cells(layer) == count > 90**100


def test_coincident_knots_count_once():
    assert count_cells(dac(np.ones((2, 3)), [[0, 0, 0], [0, 1, 1]])) == 2 * 3


def test_a_filter_with_two_knots(rng):
    layer = DACDense(2, dendrite_activation="relu6")
    layer.build((None, 1))
    layer.set_weights([np.ones((1, 2)), np.array([[0.0, 1.0]])])
    assert knots(layer)[0].tolist() == [-1, 0, 5, 6]


def test_cells_fill_space_without_overlap(rng):
    layer = dac(np.ones((3, 2)), rng.normal(size=(3, 2)))
    boxes, points = cells(layer), rng.normal(size=(500, 3))
    within = (points[:, None] > boxes[..., 0]) & (points[:, None] < boxes[..., 1])
    assert boxes.shape == (27, 3, 2) and (within.all(axis=2).sum(axis=1) == 1).all()


def test_within_a_cell_no_connection_changes(rng):
    layer = dac(np.ones((2, 3)), rng.normal(size=(2, 3)))
    bias = keras.ops.convert_to_numpy(layer.bias).astype("float64")
    for box in cells(layer):
        low, high = np.clip(box, -9, 9).T
        points = rng.uniform(low, high, (20, 2))[:, :, None] + bias > 0
        assert (points == (box[:, 0, None] >= -bias)).all()


def test_cells_are_as_many_as_counted(rng):
    layer = dac(np.ones((3, 4)), rng.choice([-1.0, 0.0, 0.5], (3, 4)))
    assert len(cells(layer)) == count_cells(layer)


@pytest.mark.parametrize("function", [knots, count_cells, cells])
@pytest.mark.parametrize("layer", [DACDense(3), dense([[1]], [0]), DACConv2D(2, 3), "layer"])
def test_another_layer_is_refused(function, layer):
    with pytest.raises(ValueError, match=r"built DACDense: its knots make a grid. Received: layer="):
        function(layer)


def test_a_filter_that_is_not_piecewise_linear_is_refused():
    layer = DACDense(3, dendrite_activation="tanh", name="curved")
    layer.build((None, 2))
    with pytest.raises(ValueError, match="Received: activation='tanh' in layer 'curved'"):
        knots(layer)


def test_more_cells_than_the_limit(rng):
    layer = dac(np.ones((9, 9)), rng.normal(size=(9, 9)))
    with pytest.raises(ValueError, match=r"more cells than the limit: 1000000000. Received: limit=200000"):
        cells(layer)
