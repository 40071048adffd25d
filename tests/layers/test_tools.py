"""What tools for Keras's layers do with ours: they look for an activation, and they feed sparse inputs."""

import warnings

import keras
import numpy as np
import pytest
from every_layer import LAST, example
from keras import layers, ops

from dendnet.layers import DACConv2D, DACDense
from dendnet.ops import dac_dense

HERE = keras.backend.backend()
to_numpy = ops.convert_to_numpy


@ops.custom_gradient
def guided(x):
    """relu, through which only gradients above 0 flow back (Springenberg et al., arXiv 1412.6806)."""

    def grad(*args, upstream=None):
        upstream = args[0] if upstream is None else upstream  # torch hands over x as well
        return ops.relu(upstream) * ops.cast(x > 0, upstream.dtype)

    return ops.relu(x), grad


def test_the_activation_is_what_the_connections_do():
    assert DACDense(2).activation is keras.activations.relu
    assert DACDense(2, dendrite_activation="tanh").activation is keras.activations.tanh
    assert "activation" not in DACDense(2).get_config()


def test_guided_backpropagation(gradients):
    """The loop of tools that know nothing of dendrites: every relu they find becomes the guided one."""
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((6,)), layers.Dense(8, activation="relu"), DACDense(8), DACDense(1)])
    x = example((6,))
    y, plain = to_numpy(model(x)), gradients(lambda x: ops.sum(model(x)), x)[0]
    replaced = [layer for layer in model.layers if getattr(layer, "activation", None) is keras.activations.relu]
    assert replaced == model.layers
    for layer in replaced:
        layer.activation = guided
    np.testing.assert_allclose(to_numpy(model(x)), y, atol=1e-5)
    found = gradients(lambda x: ops.sum(model(x)), x)[0]
    w0, c0 = (to_numpy(w) for w in model.layers[0].weights)
    z = x @ w0 + c0
    h = np.maximum(z, 0)
    (w1, b1), (w2, b2) = ([to_numpy(v) for v in layer.weights] for layer in model.layers[1:])
    h1 = np.einsum("ij,nij->nj", w1, np.maximum(h[:, :, None] + b1, 0))

    def back(upstream, x, w, b):
        return (np.maximum(upstream[:, None, :] * w, 0) * (x[:, :, None] + b > 0)).sum(axis=-1)

    d = back(back(np.ones((2, 1)), h1, w2, b2), h, w1, b1)
    expected = (np.maximum(d, 0) * (z > 0)) @ w0.T
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert not np.allclose(found, plain, atol=1e-3)


def test_an_output_has_no_activation_to_take_away():
    layer = DACDense(2)
    with pytest.raises(ValueError, match="The output of DACDense is linear already"):
        layer.activation = "linear"
    with pytest.raises(ValueError, match="activation must be one that Keras knows"):
        layer.activation = "fastest"
    assert layer.activation is keras.activations.relu


def sparse(x):
    if HERE == "tensorflow":
        import tensorflow as tf

        return tf.sparse.from_dense(x)
    from jax.experimental.sparse import BCOO

    return BCOO.fromdense(x)


@pytest.mark.skipif(HERE == "torch", reason="Keras has no sparse tensors on torch")
def test_sparse_inputs_are_made_dense_with_one_warning():
    x = np.where(example((6,), N=8) > 0.5, example((6,), N=8), 0)
    for layer in (DACDense(3, dendrites=2), DACDense(3, bias_sharing="outputs")):
        layer.build((None, 6))
        layer.bias.assign(np.random.default_rng(0).normal(size=layer.bias.shape))
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("default")
            for _ in range(3):
                y = layer(sparse(x))
        assert [str(w.message) for w in said if "sparse input dense" in str(w.message)], said
        assert len([w for w in said if "sparse input dense" in str(w.message)]) == 1
        np.testing.assert_allclose(to_numpy(y), to_numpy(layer(x)), atol=1e-6)
    kernel, bias = np.ones((6, 2), "float32"), np.ones((6, 2), "float32")
    with pytest.warns(UserWarning, match="sparse input dense"):
        y = dac_dense(sparse(x), kernel, bias)
    np.testing.assert_allclose(to_numpy(y), to_numpy(dac_dense(x, kernel, bias)), atol=1e-6)


@pytest.mark.skipif(HERE == "torch", reason="Keras has no sparse tensors on torch")
@pytest.mark.filterwarnings("ignore:A dendrite-activated")
def test_a_model_with_a_sparse_input_trains():
    x = np.where(example((6,), N=8) > 0.5, example((6,), N=8), 0)
    inputs = keras.Input((6,), sparse=True)
    model = keras.Model(inputs, DACDense(1)(inputs))
    np.testing.assert_allclose(to_numpy(model(sparse(x))), to_numpy(model.layers[-1](x)), atol=1e-6)
    model.compile("sgd", "mse", jit_compile=False)
    before = to_numpy(model.layers[-1].bias)
    assert np.isfinite(model.train_on_batch(sparse(x), np.ones((8, 1))))
    assert not np.array_equal(to_numpy(model.layers[-1].bias), before)


def test_convolutions_have_it_too():
    assert DACConv2D(2, 3, dendrite_activation="gelu", **LAST).activation is keras.activations.gelu
