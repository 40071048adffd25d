"""from_standard: the same function on trained models, what becomes what, and what stays with its reason."""

import keras
import numpy as np
import pytest
from every_layer import LAST, example, keras_runs_channels_first
from keras import layers

from dendnet.convert import from_standard
from dendnet.layers import DACConv1D, DACConv2D, DACConv3D, DACDense

to_numpy = keras.ops.convert_to_numpy


def scattered(model, seed=0):
    """The model with every weight away from its start, as after training; batch statistics stay positive."""
    draws = np.random.default_rng(seed)
    for weight in model.weights:
        values = to_numpy(weight) + 0.3 * draws.normal(size=weight.shape)
        weight.assign(np.abs(values) if "variance" in weight.path else values)
    return model


def converted(inputs, outputs, batch=3, tolerance=1e-5):
    """The conversion of a scattered model, once it is seen to compute the same."""
    model = scattered(keras.Model(inputs, outputs))
    conversion = from_standard(model)
    x = [example([size or 7 for size in i.shape[1:]], N=batch, seed=n) for n, i in enumerate(model.inputs)]
    x = x if len(x) > 1 else x[0]
    expected = model.predict(x, verbose=0)
    given = conversion.model.predict(x, verbose=0)
    for y, again in zip(keras.tree.flatten(expected), keras.tree.flatten(given), strict=True):
        np.testing.assert_allclose(again, y, atol=tolerance * np.abs(y).max())
    return conversion


def test_a_trained_model_keeps_its_function_and_trains_on():
    x, y = example((8, 8, 2), N=64), example((3,), N=64, seed=1)
    model = keras.Sequential(
        [
            keras.Input((8, 8, 2)),
            layers.Conv2D(6, 3, activation="relu", **LAST),
            layers.Conv2D(5, 3, padding="same", strides=2, **LAST),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.Conv2D(4, 1, use_bias=False, activation="relu", **LAST),
            layers.Flatten(),
            layers.Dense(6, activation="relu"),
            layers.Dense(3, activation="tanh"),
        ]
    )
    model.compile("adam", "mse")
    model.fit(x, y, epochs=3, verbose=0)
    conversion = from_standard(model)
    new = conversion.model
    np.testing.assert_allclose(new.predict(x, verbose=0), model.predict(x, verbose=0), atol=1e-5)
    before = model.get_weights()
    new.fit(x, y, verbose=0)
    dac = [layer for layer in new.layers if isinstance(layer, (DACConv2D, DACDense))]
    assert len(dac) == 3
    assert all(np.abs(to_numpy(layer.bias)).max() > 0 for layer in dac)
    for old, still in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, still)


UNITS = [
    ((6, 4), lambda: layers.Conv1D(5, 3, padding="causal", **LAST), DACConv1D),
    ((8, 8, 4), lambda: layers.Conv2D(6, 3, groups=2, dilation_rate=2, **LAST), DACConv2D),
    ((4, 8, 8), lambda: layers.Conv2D(6, 3, padding="same", strides=2, data_format="channels_first"), DACConv2D),
    ((4, 5, 6, 2), lambda: layers.Conv3D(3, 2, use_bias=False, **LAST), DACConv3D),
    ((5, 4), lambda: layers.Dense(3, use_bias=False), DACDense),
]


@pytest.mark.parametrize("shape, unit, becomes", UNITS)
def test_every_kind_of_layer(shape, unit, becomes):
    x = keras.Input(shape)
    layer = unit()
    if getattr(layer, "data_format", None) == "channels_first" and not keras_runs_channels_first():
        pytest.skip("Keras's own convolution, which is converted, runs channels-last alone on this machine")
    conversion = converted(x, layer(layers.ReLU()(x)))
    new = conversion.model.get_layer(layer.name)
    assert type(new) is becomes
    assert new.use_output_bias == layer.use_bias
    assert not to_numpy(new.bias).any()


RELUS = [
    lambda x: layers.ReLU()(x),
    lambda x: layers.Activation("relu")(x),
    lambda x: keras.ops.relu(x),
    lambda x: keras.activations.relu(x),
    lambda x: layers.Dense(4, activation="relu")(x),
]


@pytest.mark.parametrize("relu", RELUS)
def test_every_spelling_of_relu(relu):
    x = keras.Input((4,))
    assert len(converted(x, layers.Dense(3)(relu(x))).converted) == 1


PADS = [
    # (size, pad, kernel, stride): of ResNet50V2 the first two kinds, then what padding="same" cannot say.
    ((8, 8), 1, 3, 1, True),
    ((8, 8), 1, 3, 2, False),
    ((9, 9), 1, 3, 2, True),
    ((8, 8), ((0, 1), (0, 1)), 3, 2, True),
    ((8, 8), 2, 3, 1, False),
    ((8, 8), ((2, 0), (1, 1)), 3, 1, False),
    ((8, 7), 3, 2, 3, False),
    ((None, None), 1, 3, 1, True),
    ((None, None), 1, 3, 2, False),
]


@pytest.mark.parametrize("size, pad, kernel, stride, own", PADS)
def test_padding_is_taken_over_and_silent_wherever_biases_move(size, pad, kernel, stride, own):
    x = keras.Input((*size, 2))
    padded = layers.ZeroPadding2D(pad, **LAST)(layers.ReLU()(x))
    conversion = converted(x, layers.Conv2D(3, kernel, stride, name="unit", **LAST)(padded))
    unit = conversion.model.get_layer("unit")
    assert unit.padding == ("same" if own else "valid")
    # All dendrites of channel i move by b_i: the standard model with that b_i before its ReLU must follow.
    b = np.array([0.7, 1.3], "float32")
    unit.bias.assign(np.repeat(b[:, None], 3, axis=1))
    seen = example([s or 7 for s in size] + [2])
    active = keras.ops.pad(np.maximum(seen + b, 0), [(0, 0), *layers.ZeroPadding2D(pad).padding, (0, 0)])
    expected = keras.ops.conv(active, unit.kernel, stride, "valid", "channels_last") + unit.output_bias
    np.testing.assert_allclose(conversion.model.predict(seen, verbose=0), to_numpy(expected), atol=1e-5)


def test_two_paddings_and_a_same_convolution():
    x = keras.Input((6, 6, 2))
    padded = layers.ZeroPadding2D((0, 1), **LAST)(layers.ZeroPadding2D((1, 0), **LAST)(layers.ReLU()(x)))
    assert converted(x, layers.Conv2D(3, 3, **LAST)(padded)).model.layers[-1].padding == "same"
    assert len(converted(x, layers.Conv2D(3, 3, 2, "same", **LAST)(padded)).converted) == 1


def test_a_relu_that_others_read_stays_for_them():
    x = keras.Input((6, 6, 4))
    a = layers.Conv2D(4, 1, activation="relu", name="first", **LAST)(x)
    y = layers.Conv2D(4, 3, padding="same", name="second", **LAST)(a)
    conversion = converted(x, [layers.Add()([a, y]), a])
    assert list(conversion.converted) == ["second"]
    assert conversion.model.get_layer("first").activation is keras.activations.linear


def test_a_shared_layer():
    u, v = keras.Input((4,)), keras.Input((4,))
    shared = layers.Dense(3, name="shared")
    both = converted([u, v], layers.Add()([shared(layers.ReLU()(u)), shared(layers.ReLU()(v))]))
    assert list(both.converted) == ["shared"]
    assert len(both.model.get_layer("shared")._inbound_nodes) == 2
    one = converted([u, v], layers.Add()([shared(layers.ReLU()(u)), shared(v)]))
    assert one.kept == {"shared": "its input is the model's"}


def test_models_inside():
    def inner(kind):
        if kind == "sequential":
            return keras.Sequential([keras.Input((4,)), layers.ReLU(), layers.Dense(5, name="d")], name="inner")
        x = keras.Input((4,))
        return keras.Model(x, layers.Dense(5, name="d")(layers.ReLU()(x)), name="inner")

    for kind in ("sequential", "functional"):
        x = keras.Input((4,))
        conversion = converted(x, layers.Dense(2, name="last")(layers.ReLU()(inner(kind)(x))))
        assert list(conversion.converted) == ["last", "inner/d"]


def test_precision_regularizers_and_freezing_are_kept():
    x = keras.Input((4,))
    unit = layers.Dense(
        3,
        "sigmoid",
        dtype="mixed_bfloat16",
        kernel_regularizer="l2",
        bias_regularizer="l1",
        activity_regularizer="l1",
        name="unit",
    )
    unit.trainable = False
    conversion = from_standard(keras.Model(x, unit(layers.ReLU(dtype="mixed_bfloat16")(x))))
    new = conversion.model.get_layer("unit")
    assert (new.compute_dtype, new.trainable) == ("bfloat16", False)
    assert isinstance(new.kernel_regularizer, keras.regularizers.L2)
    assert conversion.model.get_layer("unit_activation").activity_regularizer is not None
    assert conversion.converted["unit"].endswith("without the bias's regularizer and constraint")


KEPT = [
    (lambda x: layers.Dense(3, name="unit")(keras.activations.relu(x, max_value=1.0)), "(ReLU), not from a ReLU"),
    (lambda x: layers.Dense(3, name="unit")(x), "its input is the model's"),
    (lambda x: layers.Dense(3, name="unit")(layers.ReLU(max_value=6.0, name="r6")(x)), "r6 (ReLU), not from a ReLU"),
    (lambda x: layers.Dense(3, name="unit")(layers.LeakyReLU(name="leaky")(x)), "its input comes from leaky"),
    (lambda x: layers.Dense(3, name="unit")(layers.Activation("hard_swish", name="h")(x)), "its input comes from h"),
    (
        lambda x: layers.DepthwiseConv2D(3, name="unit", **LAST)(layers.ReLU()(x)),
        "DepthwiseConv2D is not among",
    ),
    (
        lambda x: layers.Conv2D(3, 3, name="unit", **LAST)(layers.MaxPooling2D(name="p", **LAST)(layers.ReLU()(x))),
        "its input comes from p (MaxPooling2D), not from a ReLU",
    ),
]


@pytest.mark.parametrize("unit, reason", KEPT)
def test_what_stays_says_why(unit, reason):
    x = keras.Input((8, 8, 4))
    conversion = converted(x, unit(x))
    assert not conversion.converted
    assert reason in conversion.kept["unit"]


def test_the_report_is_printed(capsys):
    x = keras.Input((4,))
    model = keras.Model(x, layers.Dense(3, name="unit")(layers.ReLU()(x)), name="tiny")
    conversion = from_standard(model)
    expected = "Converted 1 of 1 dense and convolutional layers of tiny:\n  unit: DACDense with an output bias\n"
    assert capsys.readouterr().out == expected == f"{conversion}\n"


def test_saved_and_loaded_again(tmp_path):
    x = keras.Input((8, 8, 2))
    padded = layers.ZeroPadding2D(1, **LAST)(layers.ReLU()(x))
    model = converted(x, layers.Conv2D(3, 3, 2, **LAST)(padded)).model
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    seen = example((8, 8, 2))
    np.testing.assert_array_equal(again.predict(seen, verbose=0), model.predict(seen, verbose=0))


class Own(keras.Model):
    def __init__(self):
        super().__init__()
        self.unit = layers.Dense(3)

    def call(self, x):
        return self.unit(keras.ops.relu(x))


@pytest.mark.parametrize("model", [Own, lambda: keras.Sequential([layers.Dense(3)]), lambda: layers.Dense(3)])
def test_refuses_what_has_no_graph(model):
    with pytest.raises(ValueError) as error:
        from_standard(model())
    assert "Received: model=" in str(error.value)
