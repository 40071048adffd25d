"""dac_conv_transpose: numbers by hand, the oracle over a table, Keras's own layer, gradients, refusals."""

import keras
import numpy as np
import oracle
import pytest
from every_layer import LAST
from keras import ops

from dendnet.ops import available_implementations, dac_conv_transpose

to_numpy = ops.convert_to_numpy
CASES = [
    ((4,), (3,), dict(strides=2)),
    ((4,), (2,), dict(strides=3)),
    ((3,), (3,), dict(dilation_rate=2)),
    ((3, 4), (3, 2), dict(strides=(2, 1), padding="same")),
    ((3, 4), (4, 3), dict(strides=2, padding="same")),
    ((3, 4), (1, 3), dict(strides=2, padding="valid")),
    ((3, 3), (3, 2), dict(padding="same", dilation_rate=(1, 2))),
    ((2, 3, 2), (2, 3, 3), dict(strides=2, padding="same")),
]


def arrays(rng, size, k, sharing, c_in=3, c_out=2):
    bias = {"taps": (c_in, c_out), "none": (*k, c_in, c_out), "outputs": (c_in,)}[sharing]
    return [rng.normal(size=s).astype("float32") for s in [(2, *size, c_in), (*k, c_in, c_out), bias]]


def test_numbers_by_hand():
    """Pixels 1 and 3, taps 1, 10, 100, stride 2, bias -0.5: the middle output gets 100 * 0.5 and 1 * 2.5."""
    x, kernel = np.array([1.0, 3.0]).reshape(1, 2, 1), np.array([1.0, 10.0, 100.0]).reshape(3, 1, 1)
    y = dac_conv_transpose(x, kernel, np.full((1, 1), -0.5), strides=2, **LAST)
    assert to_numpy(y).ravel().tolist() == [0.5, 5.0, 52.5, 25.0, 250.0]


def test_what_lies_between_the_pixels_has_no_dendrites():
    """An inserted zero would give relu(0 + 1); an output that no tap reaches is 0."""
    y = dac_conv_transpose(np.zeros((1, 2, 1)), np.ones((1, 1, 1)), np.ones((1, 1)), strides=2, **LAST)
    assert to_numpy(y).ravel().tolist() == [1.0, 0.0, 1.0, 0.0]


@pytest.mark.parametrize("implementation", [name for name in available_implementations() if name != "fused"])
@pytest.mark.parametrize("sharing", ["taps", "none", "outputs"])
@pytest.mark.parametrize("size, k, settings", CASES)
def test_agrees_with_the_sum(rng, size, k, settings, sharing, implementation):
    x, kernel, bias = arrays(rng, size, k, sharing)
    expected = oracle.conv_transpose(x, kernel, bias, **settings)
    y = to_numpy(dac_conv_transpose(x, kernel, bias, **settings, **LAST, implementation=implementation))
    assert y.shape == expected.shape
    np.testing.assert_allclose(y, expected, rtol=1e-5, atol=1e-5)
    first = dac_conv_transpose(np.moveaxis(x, -1, 1), kernel, bias, **settings, data_format="channels_first")
    np.testing.assert_allclose(np.moveaxis(to_numpy(first), 1, -1), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("size, k, settings", CASES)
def test_shared_biases_are_relu_and_keras(rng, size, k, settings):
    x, kernel, bias = arrays(rng, size, k, "outputs")
    layer = getattr(keras.layers, f"Conv{len(k)}DTranspose")(2, k, **settings, use_bias=False, **LAST)
    layer.build(x.shape)
    layer.set_weights([np.swapaxes(kernel, -1, -2)])
    try:
        expected = to_numpy(layer(np.maximum(x + bias, 0)))
    except Exception as error:
        if "do not yet support dilation rates" not in str(error):
            raise
        pytest.skip("Keras's own layer, which ours is compared with, takes no dilation on this machine")
    np.testing.assert_allclose(to_numpy(dac_conv_transpose(x, kernel, bias, **settings, **LAST)), expected, atol=1e-5)


def test_every_activation(rng):
    x, kernel, bias = arrays(rng, (3, 4), (3, 3), "taps")
    y = to_numpy(dac_conv_transpose(x, kernel, bias, strides=2, activation="tanh", **LAST))
    np.testing.assert_allclose(y, oracle.conv_transpose(x, kernel, bias, strides=2, act=np.tanh), atol=1e-5)


@pytest.mark.parametrize(
    "changed, received",
    [
        (dict(padding="causal"), "Received: padding='causal'"),
        (dict(kernel=np.ones((3, 3))), r"Received: kernel.shape=\(3, 3\)"),
        (dict(x=np.ones((1, 4, 5))), r"Received: x.shape=\(1, 4, 5\)"),
        (dict(bias=np.ones((2,))), r"Received: bias.shape=\(2,\)"),
        (dict(strides=2, dilation_rate=2), r"Received: strides=\(2,\), dilation_rate=\(2,\)"),
        (dict(implementation="fastest"), "Received: implementation='fastest'"),
    ],
)
def test_what_does_not_fit_is_refused(changed, received):
    arguments = dict(x=np.ones((1, 4, 3)), kernel=np.ones((2, 3, 2)), bias=np.ones((3, 2))) | LAST | changed
    with pytest.raises(ValueError, match=received):
        dac_conv_transpose(**arguments)
