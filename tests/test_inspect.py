"""Connections that do nothing: exact counts on constructed networks, and outputs that stay without them."""

import keras
import numpy as np
import pytest
from every_layer import EVERY, LAST, example

from dendnet import inspect
from dendnet.layers import DACConv1D, DACDense

to_numpy = keras.ops.convert_to_numpy


def unit(**options):
    return keras.Sequential([keras.Input((2,)), DACDense(3, name="unit", **options)])


def given(model, *weights):
    model.set_weights([np.array(w) for w in weights])


X = np.array([[-1.0, 2.0], [1.0, 4.0]], "float32")  # input 1 in [-1, 1], input 2 in [2, 4]
KERNEL = np.array([[1.0, 0.0, 3.0], [0.0, 5.0, 6.0]])


def test_counts_by_hand():
    """Silent: bias -1 on input 1 (at most 0) and -4 on input 2; always active: biases 2 and -1."""
    model = unit()
    given(model, KERNEL, [[-1.0, 2.0, 0.0], [-4.0, -3.0, -1.0]])
    (found,) = inspect.connections(model, X)
    assert found == ("unit", 6, 2, 2, 3, 2)
    assert inspect.connections(model, X, batch_size=1) == [found]


def test_shared_biases_and_several_dendrites():
    model = unit(bias_sharing="outputs", dendrites=2)
    given(model, np.ones((4, 3)), [-1.0, 1.5, -4.0, 0.0])
    assert inspect.connections(model, X) == [("unit", 12, 6, 0, 6, 6)]


def test_groups_see_their_own_channels():
    """Channel 1 is at most 1, channel 2 at most 2; a bias of -1 silences the first group alone."""
    model = keras.Sequential([keras.Input((3, 2)), DACConv1D(2, 2, groups=2, name="conv", **LAST)])
    given(model, np.ones((2, 1, 2)), [[-1.0, -1.0]])
    x = np.array([[[0, 2], [1, 1], [0.5, 0]]], "float32")
    assert inspect.connections(model, x) == [("conv", 4, 2, 0, 2, 0)]


def test_other_activations_are_left_out_and_nothing_stays_behind():
    model = keras.Sequential([keras.Input((2,)), DACDense(3, dendrite_activation="tanh"), DACDense(1, name="last")])
    assert [found.name for found in inspect.connections(model, X)] == ["last"]
    model.compile("sgd", "mse")
    model.fit(X, X[:, :1], verbose=0)


@pytest.mark.parametrize("cls, shape, options, size", EVERY)
def test_pruned_outputs_are_the_same(cls, shape, options, size):
    options = {name: value for name, value in options.items() if name != "implementation"}
    model = keras.Sequential([keras.Input(shape), cls(**size, **options)])
    draws = np.random.default_rng(0)
    drawn = [2 * draws.normal(size=w.shape) for w in model.weights]
    given(model, *[np.where(np.abs(w) < 0.5, 0, w) for w in drawn])
    x = example(shape)
    pruned = inspect.prune(model, x)
    np.testing.assert_array_equal(to_numpy(pruned(x)), to_numpy(model(x)))
    for before, after in zip(inspect.connections(model, x), inspect.connections(pruned, x), strict=True):
        assert after.zero == before.idle > 0


def test_models_within_models_keep_their_own_masks():
    inner = keras.Sequential([keras.Input((2,)), DACDense(2, name="unit")])
    model = keras.Sequential([keras.Input((2,)), DACDense(2, name="unit"), inner])
    given(model, np.ones((2, 2)), [[-5.0, 0.0], [0.0, 0.0]], np.ones((2, 2)), [[0.0, 0.0], [0.0, -99.0]])
    pruned = inspect.prune(model, X)
    assert [found.zero for found in inspect.connections(pruned, X)] == [1, 1]
    np.testing.assert_array_equal(to_numpy(pruned(X)), to_numpy(model(X)))
    assert [found.zero for found in inspect.connections(model, X)] == [0, 0]


@pytest.mark.parametrize(
    "call, received",
    [
        (lambda: inspect.connections("model", X), "Received: model='model'"),
        (lambda: inspect.connections(unit(), X[:0]), r"Received: len\(x\)=0"),
        (lambda: inspect.connections(unit(), X, 0), "Received: batch_size=0"),
    ],
)
def test_what_does_not_fit_is_refused(call, received):
    with pytest.raises(ValueError, match=received):
        call()
