"""Knots from data: quantiles by hand, every layer against NumPy, whole models, and what must be refused."""

import keras
import numpy as np
import pytest
from every_layer import EVERY, LAST, example
from keras import layers, ops

from dendnet.layers import DACConv2D, DACDense, knots_from_data

to_numpy = ops.convert_to_numpy


def knots(layer):
    return -to_numpy(layer.bias)


def test_one_dendrite_for_each_of_four_outputs():
    layer = DACDense(4)
    knots_from_data(layer, np.arange(9.0)[:, None])
    assert sorted(knots(layer)[0]) == [1, 3, 5, 7]


def test_three_dendrites_share_out_the_distribution():
    layer = DACDense(2, dendrites=3)
    knots_from_data(layer, np.linspace(0, 12, 1001)[:, None])
    by_output = np.sort(knots(layer), axis=0).T
    assert sorted(by_output.round(6).tolist()) == [[1, 5, 9], [3, 7, 11]]


def test_a_standard_bias_goes_to_the_median():
    layer = DACDense(5, bias_sharing="outputs")
    knots_from_data(layer, np.array([[0.0, 5.0], [1.0, 5.0], [10.0, 5.0]]))
    assert knots(layer).tolist() == [1, 5]


def test_a_value_counts_once():
    layer = DACDense(1, dendrites=2)
    knots_from_data(layer, np.array([0.0] * 95 + [1, 2, 3, 4])[:, None])
    assert knots(layer).ravel().tolist() == [1, 3]


def test_no_output_has_all_the_low_knots():
    layer = DACDense(4)
    knots_from_data(layer, example((50,), N=64))
    ranks = knots(layer).argsort(axis=1)
    assert len({tuple(row) for row in ranks}) > 10


@pytest.mark.parametrize("cls, shape, options, size", EVERY)
def test_every_layer_has_the_quantiles_of_its_inputs(cls, shape, options, size):
    """As sets, dendrite by dendrite, computed from the weights' documented layout."""
    options = {name: value for name, value in options.items() if name != "bias_constraint"}
    layer = cls(**size, **options)
    x = example(shape, N=16)
    knots_from_data(layer, x)
    first = options.get("data_format") == "channels_first"
    c = x.shape[1 if first else -1]
    columns = (np.moveaxis(x, 1, -1) if first else x).reshape(-1, c)
    S, groups, found = layer.dendrites, getattr(layer, "groups", 1), knots(layer)
    if layer.bias_sharing == "outputs":
        found = found.reshape(c, S)
    else:  # (taps, c_in / groups, S, groups, outputs of a group) -> (c_in, all dendrites of that input)
        found = found.reshape(-1, c // groups, S, groups, layer.kernel.shape[-1] // groups)
        found = found.transpose(3, 1, 2, 0, 4).reshape(c, -1)
    K = found.shape[1]
    expected = np.quantile(columns, (np.arange(K) + 0.5) / K, axis=0).T
    np.testing.assert_allclose(np.sort(found, axis=1), expected, atol=1e-6)


def test_each_layer_sees_what_the_layer_before_now_gives():
    first, last = DACConv2D(3, 3, **LAST), DACDense(2, dendrites=2)
    inner = keras.Sequential([keras.Input((4, 5, 3)), layers.Flatten(), last])
    model = keras.Sequential([keras.Input((6, 7, 2)), first, inner])
    x = example((6, 7, 2), N=32)
    knots_from_data(model, x, seed=3)
    seen = to_numpy(first(x)).reshape(32, -1)
    expected = np.quantile(seen, (np.arange(4) + 0.5) / 4, axis=0).T
    np.testing.assert_allclose(np.sort(knots(last).reshape(-1, 4), axis=1), expected, atol=1e-5)
    again = keras.models.clone_model(model)
    again.set_weights(model.get_weights())
    knots_from_data(again, x, seed=3)
    for a, b in zip(again.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_layer_that_is_called_often_goes_by_all_it_sees():
    layer, x = DACDense(4), example((3, 2), N=32)
    knots_from_data(keras.Sequential([keras.Input((3, 2)), layers.TimeDistributed(layer)]), x)
    expected = np.quantile(x.reshape(-1, 2), (np.arange(4) + 0.5) / 4, axis=0).T
    np.testing.assert_allclose(np.sort(knots(layer), axis=1), expected, atol=1e-6)


class Subclassed(keras.Model):
    def __init__(self):
        super().__init__()
        self.first, self.last = DACDense(8), DACDense(1, use_output_bias=True)

    def call(self, x):
        return self.last(self.first(x))


def test_a_model_that_is_not_built_and_learns_afterwards():
    x = example((4,), N=64)
    y = np.abs(x[:, :1])
    model = Subclassed()
    knots_from_data(model, x)
    assert knots(model.first).std() > 0.3
    model.compile(keras.optimizers.Adam(0.03), "mse")
    history = model.fit(x, y, batch_size=32, epochs=30, verbose=0).history["loss"]
    assert history[-1] < 0.5 * history[0]


def test_training_shows_the_batchs_own_statistics_and_leaves_the_running_ones():
    def made():
        return keras.Sequential([keras.Input((3,)), layers.BatchNormalization(), DACDense(8)])

    x = 100 + 10 * example((3,), N=64)
    plain, training = made(), made()
    knots_from_data(plain, x)
    knots_from_data(training, x, training=True)
    assert knots(plain.layers[-1]).min() > 50
    assert np.abs(knots(training.layers[-1])).max() < 5
    for model in (plain, training):
        np.testing.assert_array_equal(to_numpy(model.layers[0].moving_mean), 0)


def test_half_precision_and_constraints():
    layer = DACDense(4, dtype="mixed_bfloat16", bias_constraint="non_neg")
    knots_from_data(layer, np.arange(-4.0, 5.0)[:, None])
    assert sorted(knots(layer)[0]) == [-3, -1, 0, 0]


def unreached():
    x = keras.Input((4,))
    model = Subclassed()
    model.extra = DACDense(2)
    model.extra.build((None, 4))
    return model, model(x) is None


REFUSED = [
    (lambda: knots_from_data(keras.Sequential([keras.Input((4,)), layers.Dense(2)]), example((4,))), "must have a"),
    (lambda: knots_from_data(DACDense(2), np.array([[0.0], [np.nan]])), "must see finite numbers"),
    (lambda: knots_from_data(DACDense(2), np.zeros((0, 3))), "Received: 0 values"),
    (lambda: knots_from_data(DACDense(2, dtype="int8_from_float32"), example((4,))), "Biases in int8"),
    (lambda: knots_from_data(unreached()[0], example((4,))), "Received: none for ['dac_dense"),
]


@pytest.mark.parametrize("call, said", REFUSED)
def test_refuses(call, said):
    with pytest.raises(ValueError) as error:
        call()
    assert said in str(error.value)


def test_what_is_refused_changes_nothing():
    model = keras.Sequential([keras.Input((2,)), DACDense(3), DACDense(2)])
    model.layers[0].kernel.assign(np.full((2, 3), np.inf))
    before = model.get_weights()
    with pytest.raises(ValueError, match="must see finite numbers"):
        knots_from_data(model, example((2,)))
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    assert "call" not in vars(model.layers[0])
