"""Models that nobody here wrote, with random weights: keras.applications' ResNet50V2 and MobileNetV3."""

import keras
import numpy as np
import pytest
from every_layer import example

from dendnet.convert import from_standard
from dendnet.layers import DACConv2D

to_numpy = keras.ops.convert_to_numpy
SHAPE = (32, 32, 3)


def seen_data(model, seed=0):
    """The model as after some training: batch statistics, scales and shifts away from their start."""
    draws = np.random.default_rng(seed)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            gamma, beta, mean, variance = layer.get_weights()
            shifts = [0.3 * draws.normal(size=w.shape) for w in (beta, mean)]
            scales = [draws.uniform(0.5, 1.5, size=w.shape) for w in (gamma, variance)]
            layer.set_weights([gamma * scales[0], beta + shifts[0], mean + shifts[1], variance * scales[1]])
    return model


def assert_same_function(model, conversion):
    x = example(SHAPE)
    y = model.predict(x, verbose=0)
    np.testing.assert_allclose(conversion.model.predict(x, verbose=0), y, atol=1e-4 * np.abs(y).max())


@pytest.fixture
def channels_last():
    before = keras.config.image_data_format()
    keras.config.set_image_data_format("channels_last")
    yield
    keras.config.set_image_data_format(before)


@pytest.mark.slow
def test_resnet50v2(channels_last):
    options = dict(weights=None, input_shape=SHAPE, classes=10, classifier_activation=None)
    model = seen_data(keras.applications.ResNet50V2(**options))
    convolutions = [layer for layer in model.layers if isinstance(layer, keras.layers.Conv2D)]
    conversion = from_standard(model)
    dac = [layer for layer in conversion.model.layers if isinstance(layer, DACConv2D)]
    assert (len(convolutions), len(dac), len(conversion.converted)) == (53, 52, 52)
    assert list(conversion.kept) == ["conv1_conv", "predictions"]
    assert not any(isinstance(layer, keras.layers.ZeroPadding2D) for layer in conversion.model.layers[4:])
    assert_same_function(model, conversion)

    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    conversion.model.compile(keras.optimizers.SGD(0.01), loss)
    conversion.model.fit(example(SHAPE, N=4), np.arange(4), verbose=0)
    moved = [np.abs(to_numpy(layer.bias)).max() > 0 for layer in dac]
    assert all(moved), moved
    assert all(np.isfinite(w).all() for w in conversion.model.get_weights())


@pytest.mark.slow
def test_mobilenetv3(channels_last):
    options = dict(weights=None, input_shape=SHAPE, classes=10, classifier_activation=None)
    model = seen_data(keras.applications.MobileNetV3Small(**options))
    conversion = from_standard(model)
    dac = [layer for layer in conversion.model.layers if isinstance(layer, DACConv2D)]
    units = (keras.layers.Conv2D, keras.layers.DepthwiseConv2D)
    assert len(dac) == len(conversion.converted) > 0
    assert len(conversion.converted) + len(conversion.kept) == sum(isinstance(la, units) for la in model.layers)
    reasons = " ".join(conversion.kept.values())
    assert "DepthwiseConv2D is not among the layers that are converted" in reasons
    assert "not from a ReLU" in reasons
    assert_same_function(model, conversion)
