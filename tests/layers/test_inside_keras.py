"""What Keras's users do with a layer, done with ours."""

import subprocess
import sys

import keras
import numpy as np
import pytest
from every_layer import EVERY, LAST, example
from keras import layers, ops

from dendnet.layers import DACConv2D, DACDense

to_numpy = ops.convert_to_numpy


def trained(model, shape=(4,), epochs=60, **compile_options):
    """The model after fit on y = |x_1|, which it must learn."""
    x = example(shape, N=64)
    y = np.abs(x.reshape(64, -1)[:, :1])
    optimizer = compile_options.pop("optimizer", keras.optimizers.Adam(0.03))
    model.compile(optimizer, "mse", **compile_options)
    history = model.fit(x, y, batch_size=32, epochs=epochs, verbose=0).history["loss"]
    assert history[-1] < 0.5 * history[0], history
    return model


def functional():
    x = keras.Input((4,))
    hidden = layers.Dense(8)(x)
    return keras.Model(x, DACDense(1, use_output_bias=True)(layers.Add()([hidden, DACDense(8)(x)])))


def sequential():
    return keras.Sequential([layers.Dense(8), DACDense(8), DACDense(1, use_output_bias=True)])


class Subclassed(keras.Model):
    def __init__(self):
        super().__init__()
        self.first, self.last = DACDense(8, dendrites=2), DACDense(1, use_output_bias=True)

    def call(self, x):
        return self.last(self.first(x))


@pytest.mark.parametrize("make", [functional, sequential, Subclassed])
def test_fit_evaluate_predict(make):
    model = trained(make())
    x = example((4,), N=5)
    np.testing.assert_allclose(model.predict(x, verbose=0), to_numpy(model(x)), atol=1e-5)


def test_images_of_channels():
    model = keras.Sequential(
        [keras.Input((5, 5, 1)), DACConv2D(4, 3, **LAST), layers.Flatten(), DACDense(1, use_output_bias=True)]
    )
    trained(model, (5, 5, 1))


def test_clone_model():
    model = keras.Sequential([keras.Input((4,)), DACDense(3, dendrites=2, bias_sharing="outputs")])
    clone = keras.models.clone_model(model)
    assert clone.layers[0].get_config() == model.layers[0].get_config()
    assert clone.layers[0] is not model.layers[0]
    clone.set_weights(model.get_weights())
    x = example((4,))
    np.testing.assert_array_equal(to_numpy(clone(x)), to_numpy(model(x)))


def test_time_distributed():
    dense, conv = DACDense(3, bias_initializer="random_normal"), DACConv2D(2, 3, padding="same", **LAST)
    for layer, shape in [(dense, (3, 4)), (conv, (3, 5, 5, 2))]:
        model = keras.Sequential([keras.Input(shape), layers.TimeDistributed(layer)])
        x = example(shape)
        steps = [to_numpy(layer(x[:, t])) for t in range(3)]
        np.testing.assert_allclose(to_numpy(model(x)), np.stack(steps, axis=1), atol=1e-5)


def test_rematerialized_layers_train():
    if not hasattr(keras, "RematScope"):
        pytest.skip("this Keras has no keras.RematScope")
    with keras.RematScope(mode="full"):
        stack = [DACDense(8), DACDense(1, use_output_bias=True)]
    trained(keras.Sequential([keras.Input((4,)), *stack]))


@pytest.mark.parametrize("implementation", ["reference", "auto"])
def test_remat_gives_the_same_gradients(gradients, implementation):
    if not hasattr(keras, "remat"):
        pytest.skip("this Keras has no keras.remat")
    layer = DACDense(3, implementation=implementation, bias_initializer="random_normal")
    x = example((4,))
    layer.build(x.shape)
    plain = gradients(lambda x: ops.sum(layer(x) ** 2), x)
    again = gradients(lambda x: ops.sum(keras.remat(layer)(x) ** 2), x)
    np.testing.assert_allclose(again[0], plain[0], atol=1e-5)


def test_gradient_accumulation():
    """Two halves of a batch, accumulated, move the weights as the whole batch does."""

    def after(batch_size, **options):
        keras.utils.set_random_seed(0)
        model = keras.Sequential([keras.Input((4,)), DACDense(3), DACDense(1)])
        model.compile(keras.optimizers.SGD(0.1, **options), "mse")
        x = example((4,), N=16)
        model.fit(x, np.abs(x[:, :1]), batch_size=batch_size, shuffle=False, verbose=0)
        return model.get_weights()

    halves = after(8, gradient_accumulation_steps=2)
    for half, whole in zip(halves, after(16), strict=True):
        np.testing.assert_allclose(half, whole, atol=1e-5)


def test_constraints_hold_after_a_step():
    layer = DACDense(8, kernel_constraint=keras.constraints.MaxNorm(0.5), bias_constraint="non_neg")
    trained(keras.Sequential([keras.Input((4,)), layer, layers.Dense(1)]))
    assert (np.linalg.norm(to_numpy(layer.kernel), axis=0) <= 0.5 + 1e-6).all()
    assert (to_numpy(layer.bias) >= 0).all()
    assert to_numpy(layer.bias).any()


def test_regularizers_add_their_losses():
    options = dict(kernel_regularizer="l2", bias_regularizer="l1", activity_regularizer="l2")
    layer = DACDense(2, bias_initializer="ones", **options)
    layer(example((4,)))
    assert len(layer.losses) == 3
    kernel, bias = to_numpy(layer.kernel), to_numpy(layer.bias)
    assert any(np.isclose(float(loss), 0.01 * (kernel**2).sum()) for loss in layer.losses)
    assert any(np.isclose(float(loss), 0.01 * np.abs(bias).sum()) for loss in layer.losses)


def test_frozen_layers_stay():
    model = keras.Sequential([keras.Input((4,)), DACDense(8, trainable=False), layers.Dense(1)])
    before = [to_numpy(w).copy() for w in model.layers[0].weights]
    trained(model)
    for weight, old in zip(model.layers[0].weights, before, strict=True):
        np.testing.assert_array_equal(to_numpy(weight), old)
    assert not model.layers[0].trainable_weights


@pytest.mark.slow
@pytest.mark.parametrize("cls, shape, options, size", EVERY)
def test_keras_own_harness(cls, shape, options, size):
    testing = pytest.importorskip("keras.src.testing", reason="this Keras ships without its tests' harness")
    case = type("Case", (testing.TestCase,), {"runTest": lambda self: None})()
    case.setUp()
    layer = cls(**size, **options)
    case.run_layer_test(
        cls,
        init_kwargs=size | options,
        input_shape=(2, *shape),
        expected_output_shape=layer.compute_output_shape((2, *shape)),
        expected_num_trainable_weights=2 + bool(options.get("use_output_bias")),
        expected_num_losses=sum(option.endswith("regularizer") for option in options),
        supports_masking=cls is DACDense,
    )


@pytest.mark.slow
@pytest.mark.skipif(keras.backend.backend() != "torch", reason="the other backends compile in test_layers.py")
def test_torch_compiles_a_training_step():
    model = keras.Sequential([keras.Input((6, 6, 2)), DACConv2D(3, 3, **LAST), layers.Flatten(), DACDense(1)])
    model.compile("sgd", "mse", jit_compile=True)
    x = example((6, 6, 2), N=8)
    before = model.get_weights()
    assert np.isfinite(model.fit(x, np.ones((8, 1)), verbose=0).history["loss"][0])
    assert all(not np.array_equal(old, new) for old, new in zip(before, model.get_weights(), strict=True))


AROUND = """
import warnings
import keras, torch
from dendnet.layers import DACDense
model = keras.Sequential([keras.Input((4,)), DACDense(3), DACDense(2, implementation="blocked")])
with warnings.catch_warnings(record=True) as said:
    warnings.simplefilter("always")
    torch.compile(model, backend="eager")(torch.ones(2, 4))
ours = [str(w.message) for w in said if "dendnet" in str(w.message)]
print(ours or "nothing")
"""


@pytest.mark.skipif(keras.backend.backend() != "torch", reason="torch.compile is torch's")
def test_torch_compile_says_nothing_of_our_caches():
    """In a process of its own, for torch warns once."""
    run = subprocess.run([sys.executable, "-c", AROUND], capture_output=True, text=True)
    assert run.stdout.strip().endswith("nothing"), run.stdout + run.stderr
