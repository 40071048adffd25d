"""to_standard: the same function from Keras's own layers alone, and what it costs."""

import os
import subprocess
import sys

import keras
import numpy as np
import pytest
from every_layer import EVERY, LAST, example
from keras import layers

from dendnet.convert import from_standard, to_standard
from dendnet.layers import DACConv1D, DACConv2D, DACDense

to_numpy = keras.ops.convert_to_numpy


def drawn(model, seed=0):
    draws = np.random.default_rng(seed)
    model.set_weights([draws.normal(size=w.shape) for w in model.weights])
    return model


def same(model, expanded, tolerance=1e-5):
    x = example([size or 5 for size in model.input_shape[1:]], N=3)
    y = to_numpy(model(x))
    np.testing.assert_allclose(to_numpy(expanded(x)), y, atol=tolerance * np.abs(y).max())


@pytest.mark.parametrize("cls, shape, options, size", EVERY)
def test_every_layer(cls, shape, options, size):
    model = drawn(keras.Sequential([keras.Input(shape), cls(**size, **options)]))
    expanded = to_standard(model).model
    assert all(type(layer).__module__.startswith("keras.") for layer in expanded.layers)
    same(model, expanded)


@pytest.mark.parametrize(
    "shape, unit",
    [
        ((3, 4), lambda: DACDense(3, dendrites=2)),
        ((2, 3, 4), lambda: DACDense(3, bias_sharing="outputs")),
        ((None, 4), lambda: DACDense(3, use_output_bias=True)),
        ((None, None, 4), lambda: DACConv2D(4, 3, 2, "same", groups=2, dendrites=2, **LAST)),
        ((6, 4), lambda: DACConv1D(4, 3, groups=2, bias_sharing="none", **LAST)),
        ((6, 4), lambda: DACConv1D(4, 3, groups=2, dendrites=2, bias_sharing="outputs", **LAST)),
        ((4, 6), lambda: DACConv1D(3, 3, padding="causal", bias_sharing="outputs", data_format="channels_first")),
        ((4, 6, None), lambda: DACConv2D(3, 3, 2, "same", bias_sharing="outputs", data_format="channels_first")),
    ],
)
def test_further_axes_groups_and_dendrites(shape, unit):
    model = drawn(keras.Sequential([keras.Input(shape), unit()]))
    same(model, to_standard(model).model)


def test_a_trained_model():
    model = keras.Sequential(
        [
            keras.Input((8, 8, 2)),
            DACConv2D(6, 3, padding="same", dendrites=2, **LAST),
            layers.BatchNormalization(),
            DACConv2D(4, 3, strides=2, **LAST),
            layers.Flatten(),
            DACDense(3, use_output_bias=True),
        ]
    )
    model.compile("adam", "mse")
    model.fit(example((8, 8, 2), N=64), example((3,), N=64), epochs=3, verbose=0)
    same(model, to_standard(model).model)


def test_there_and_back_is_the_standard_layer_again():
    """Zero biases, or equal ones for all outputs, need no expansion."""
    x = keras.Input((6, 6, 4))
    standard = keras.Model(x, layers.Conv2D(5, 3, padding="same", name="unit", **LAST)(layers.ReLU()(x)))
    dac = from_standard(standard).model
    back = to_standard(dac)
    assert back.model.count_params() == standard.count_params()
    assert back.costs["unit"].startswith("4 activated channels instead of 4, 185 weights")
    dac.get_layer("unit").bias.assign(np.repeat(np.arange(4.0)[:, None], 5, axis=1))
    assert to_standard(dac).costs["unit"].startswith("4 activated channels instead of 4")
    same(dac, to_standard(dac).model)


def test_a_shared_layer_and_a_model_inside():
    u, v = keras.Input((4,)), keras.Input((4,))
    shared = DACDense(4, name="shared", bias_initializer="random_normal")
    inside = keras.Sequential(
        [keras.Input((4,)), DACDense(2, name="d", bias_initializer="random_normal")], name="inner"
    )
    model = keras.Model([u, v], inside(layers.Add()([shared(u), shared(v)])))
    expansion = to_standard(model)
    assert list(expansion.costs) == ["shared", "inner/d"]
    x = [example((4,)), example((4,), seed=1)]
    np.testing.assert_allclose(to_numpy(expansion.model(x)), to_numpy(model(x)), atol=1e-5)


def test_the_cost_is_printed(capsys):
    model = keras.Sequential([keras.Input((4,)), DACDense(3, name="unit", bias_initializer="random_normal")], name="m")
    expansion = to_standard(model)
    said = "Expanded in m:\n  unit: 12 activated channels instead of 4, 48 weights instead of 24\n"
    assert capsys.readouterr().out == said == f"{expansion}\n"
    assert expansion.model.count_params() == 48


def test_float64_stays_exact():
    if keras.backend.backend() != "tensorflow":
        pytest.skip("Keras's own Dense and Conv compute in float64 on TensorFlow alone")
    unit = DACDense(3, dtype="float64", bias_initializer="random_normal")
    model = drawn(keras.Sequential([keras.Input((4,), dtype="float64"), unit]))
    same(model, to_standard(model).model, tolerance=1e-13)


def test_loads_without_dendnet(tmp_path):
    model = drawn(keras.Sequential([keras.Input((5, 5, 2)), DACConv2D(3, 3, padding="same", **LAST)]))
    to_standard(model).model.save(tmp_path / "model.keras")
    x = example((5, 5, 2))
    np.savez(tmp_path / "run.npz", x=x, y=to_numpy(model(x)))
    program = """
import sys, keras, numpy as np
run, model = np.load("run.npz"), keras.saving.load_model("model.keras")
np.testing.assert_allclose(keras.ops.convert_to_numpy(model(run["x"])), run["y"], atol=1e-5)
assert "dendnet" not in sys.modules
print("the same")
"""
    run = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, env=os.environ, capture_output=True, text=True)
    assert run.stdout.strip() == "the same", run.stderr


class Own(keras.Model):
    def call(self, x):
        return x


REFUSED = [
    (lambda: Own(), "Received: model="),
    (lambda: keras.Sequential([keras.Input((2, 4)), layers.TimeDistributed(DACDense(3))]), "inside another layer"),
    (
        lambda: keras.Sequential([keras.Input((1, 1, 1, 1, 4)), DACDense(3, bias_initializer="random_normal")]),
        "at most three axes",
    ),
]


@pytest.mark.parametrize("model, said", REFUSED)
def test_refuses(model, said):
    with pytest.raises(ValueError) as error:
        to_standard(model())
    assert said in str(error.value)
