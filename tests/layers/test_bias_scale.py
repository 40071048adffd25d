"""bias_scale: biases b = s beta, the same function with another speed of learning."""

import keras
import numpy as np
import pytest
from every_layer import EVERY, example
from keras import ops

from dendnet.layers import DACConv2D, DACDense, knots_from_data
from dendnet.theory import bias_share

to_numpy = ops.convert_to_numpy
GAUSS = keras.initializers.RandomNormal(0, 0.5, seed=3)


def pair(bias_scale, **options):
    """A plain layer and a scaled one, with the same kernel and biases."""
    start = dict(kernel_initializer=keras.initializers.RandomNormal(0, 1, seed=2), bias_initializer=GAUSS)
    layers = [DACDense(5, **start, **options), DACDense(5, bias_scale=bias_scale, **start, **options)]
    for layer in layers:
        layer.build((None, 8))
    return layers


@pytest.mark.parametrize("bias_scale, s", [(4.0, 4), (3, 3), ("fan_in", 2)])
def test_it_is_the_same_function_of_the_same_biases(bias_scale, s, rng):
    plain, scaled = pair(bias_scale)
    np.testing.assert_allclose(to_numpy(scaled.bias), to_numpy(plain.bias), rtol=1e-6)
    np.testing.assert_allclose(s * to_numpy(scaled.trainable_variables[1]), to_numpy(plain.bias), rtol=1e-6)
    x = rng.normal(size=(6, 8)).astype("float32")
    np.testing.assert_allclose(to_numpy(scaled(x)), to_numpy(plain(x)), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("optimizer, factor", [("SGD", 16), ("Adam", 4)])
def test_a_first_step_moves_biases_by_its_square_or_by_it(optimizer, factor, rng):
    x, y = rng.normal(size=(32, 8)).astype("float32"), rng.normal(size=(32, 5)).astype("float32")
    moves = []
    for layer in pair(4.0):
        model = keras.Sequential([keras.Input((8,)), layer])
        model.compile(getattr(keras.optimizers, optimizer)(1e-3), "mse")
        before = [to_numpy(layer.kernel).copy(), to_numpy(layer.bias).copy()]
        model.fit(x, y, batch_size=32, verbose=0)
        moves.append([to_numpy(v) - b for v, b in zip((layer.kernel, layer.bias), before, strict=True)])
    np.testing.assert_allclose(moves[1][0], moves[0][0], rtol=1e-2, atol=1e-6)
    np.testing.assert_allclose(moves[1][1], factor * moves[0][1], rtol=1e-2, atol=1e-6)


def test_regularizers_and_constraints_are_of_the_biases(rng):
    x, y = rng.normal(size=(32, 8)).astype("float32"), rng.normal(size=(32, 5)).astype("float32")
    options = dict(bias_regularizer=keras.regularizers.L2(0.1), bias_constraint=keras.constraints.NonNeg())
    plain, scaled = pair(4.0, **options)
    for layer in (plain, scaled):
        keras.Sequential([keras.Input((8,)), layer])
    assert float(scaled.losses[0]) == pytest.approx(float(plain.losses[0]), rel=1e-5)
    bounded = DACDense(5, bias_scale=4.0, bias_initializer=GAUSS, bias_constraint=keras.constraints.MaxNorm(0.25))
    model = keras.Sequential([keras.Input((8,)), bounded])
    model.compile(keras.optimizers.SGD(1e-3), "mse")
    model.fit(x, y, verbose=0)
    norms = np.linalg.norm(to_numpy(bounded.bias), axis=0)
    assert norms.max() == pytest.approx(0.25, rel=1e-4)


def test_weights_and_biases_share_alike_with_the_rule():
    """He's start, inputs of variance 1: half of what the first steps change is the biases', whatever the width."""
    for width in (16, 64):
        x = np.random.default_rng(width).normal(size=(64, width)).astype("float32")
        start = dict(kernel_initializer=keras.initializers.HeNormal(1))
        plain, scaled = (DACDense(16, bias_scale=scale, **start) for scale in (1.0, "fan_in"))
        for layer, expected in ((plain, 2 / (2 + width)), (scaled, 0.5)):
            layer.build((None, width))
            (found,) = bias_share(layer, x[:8])
            assert found.share == pytest.approx(expected, rel=0.15)


def test_knots_from_data_lie_where_a_plain_layer_s_do(rng):
    plain, scaled = pair("fan_in", dendrites=2)
    x = rng.normal(size=(50, 8)).astype("float32")
    for layer in (plain, scaled):
        knots_from_data(layer, x)
    np.testing.assert_allclose(to_numpy(scaled.bias), to_numpy(plain.bias), rtol=1e-5)


def test_int8_holds_the_biases(rng):
    _, scaled = pair(4.0)
    before = to_numpy(scaled.bias).copy()
    scaled.quantize("int8")
    assert np.abs(to_numpy(scaled.bias) - before).max() <= np.abs(before).max() / 254 + 1e-6


def test_files_keep_it_and_those_of_before_have_none(tmp_path, rng):
    layer = DACConv2D(3, 3, bias_scale="fan_in", bias_initializer=GAUSS)
    model = keras.Sequential([keras.Input((6, 6, 2)), layer])
    model.save(tmp_path / "model.keras")
    x = rng.normal(size=(2, 6, 6, 2)).astype("float32")
    np.testing.assert_array_equal(to_numpy(keras.models.load_model(tmp_path / "model.keras")(x)), to_numpy(model(x)))
    config = DACDense(3).get_config()
    del config["bias_scale"]
    assert DACDense.from_config(config).bias_scale == 1


@pytest.mark.parametrize("cls, shape, options, size", EVERY)
def test_every_layer_takes_it(cls, shape, options, size):
    plain, scaled = (cls(**size, **options | dict(bias_scale=scale)) for scale in (1.0, 3.0))
    x = example(shape)
    for layer in (plain, scaled):
        layer.build(x.shape)
    scaled.set_weights(
        [w / 3 if v.name == "bias" else w for w, v in zip(plain.get_weights(), plain.weights, strict=True)]
    )
    np.testing.assert_allclose(to_numpy(scaled(x)), to_numpy(plain(x)), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("bad", [0, -1.0, float("nan"), float("inf"), "fan_out", None, True, [1.0]])
def test_what_is_no_scale_is_refused(bad):
    with pytest.raises(ValueError, match=r"bias_scale must be a positive number or 'fan_in'\. Received: bias_scale="):
        DACDense(3, bias_scale=bad)
