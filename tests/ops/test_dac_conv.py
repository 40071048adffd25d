"""dac_conv: numbers by hand, the oracle over a table, gradients, the silent border, equivalences, refusals."""

import keras
import numpy as np
import oracle
import pytest
from keras import ops

from dendnet.ops import dac_conv

to_numpy = ops.convert_to_numpy
LAST = {"data_format": "channels_last"}
SHARINGS = ["taps", "none", "outputs"]

# size, k, c_in, c_out, groups, settings
CASES = [
    ((5, 6), (3, 3), 2, 4, 1, {}),
    ((5, 6), (3, 3), 2, 4, 1, dict(padding="same")),
    ((5, 6), (3, 2), 2, 4, 1, dict(padding="same", strides=2)),
    ((7, 4), (2, 3), 2, 4, 1, dict(padding="same", strides=(3, 1))),
    ((7, 8), (3, 3), 2, 3, 1, dict(padding="valid", dilation_rate=2)),
    ((7, 8), (3, 2), 2, 3, 1, dict(padding="same", dilation_rate=(2, 3))),
    ((4, 4), (1, 1), 3, 2, 1, dict(strides=2)),
    ((5, 5), (3, 3), 4, 6, 2, dict(padding="same")),
    ((2, 2), (3, 3), 1, 1, 1, dict(padding="same")),
    ((7,), (3,), 2, 3, 1, dict(padding="causal", dilation_rate=2)),
    ((7,), (4,), 2, 3, 1, dict(padding="causal", strides=2)),
    ((7,), (4,), 2, 3, 1, dict(padding="same", strides=2)),
    ((4, 3, 5), (2, 3, 2), 2, 3, 1, dict(padding="same", strides=2)),
]


def arrays(rng, size, k, c_in, c_out, groups, sharing, N=2):
    rows = c_in // groups
    bias = {"taps": (rows, c_out), "none": (*k, rows, c_out), "outputs": (c_in,)}[sharing]
    shapes = [(N, *size, c_in), (*k, rows, c_out), bias]
    return [rng.normal(size=s).astype("float32") for s in shapes]


def test_numbers_by_hand():
    # One row [1, 2, 4], taps w = [1, 10], bias -1, silent border on the right:
    # [0 + 10 * 1, 1 + 10 * 3, 3 + 10 * silence]
    x = np.array([1.0, 2.0, 4.0]).reshape(1, 3, 1)
    kernel = np.array([1.0, 10.0]).reshape(2, 1, 1)
    y = dac_conv(x, kernel, np.full((1, 1), -1.0), padding="same", **LAST)
    assert to_numpy(y).ravel().tolist() == [10.0, 31.0, 3.0]


@pytest.mark.parametrize("sharing", SHARINGS)
@pytest.mark.parametrize("size, k, c_in, c_out, groups, settings", CASES)
def test_agrees_with_the_sum(rng, size, k, c_in, c_out, groups, settings, sharing):
    x, kernel, bias = arrays(rng, size, k, c_in, c_out, groups, sharing)
    expected = oracle.conv(x, kernel, bias, **settings)
    scale = oracle.conv(np.abs(x), np.abs(kernel), np.abs(bias), **settings) + 1e-30
    y = to_numpy(dac_conv(x, kernel, bias, **settings, **LAST))
    assert y.shape == expected.shape
    assert (np.abs(y - expected) <= 1e-6 * scale).all()


@pytest.mark.parametrize("sharing", SHARINGS)
@pytest.mark.parametrize("size, k, c_in, c_out, groups, settings", [CASES[2], CASES[7], CASES[9], CASES[12]])
def test_channels_first(rng, size, k, c_in, c_out, groups, settings, sharing):
    x, kernel, bias = arrays(rng, size, k, c_in, c_out, groups, sharing)
    last = to_numpy(dac_conv(x, kernel, bias, **settings, **LAST))
    first = dac_conv(np.moveaxis(x, -1, 1), kernel, bias, **settings, data_format="channels_first")
    np.testing.assert_allclose(np.moveaxis(to_numpy(first), 1, -1), last, atol=1e-5)


@pytest.mark.parametrize("sharing", SHARINGS)
@pytest.mark.parametrize("activation, act", [("sigmoid", lambda v: 1 / (1 + np.exp(-v))), ("tanh", np.tanh)])
def test_the_border_is_silent_for_every_activation(rng, activation, act, sharing):
    x, kernel, bias = arrays(rng, (4, 5), (3, 3), 2, 3, 1, sharing)
    y = to_numpy(dac_conv(x, kernel, bias, padding="same", activation=activation, **LAST))
    np.testing.assert_allclose(y, oracle.conv(x, kernel, bias, padding="same", act=act), atol=1e-5)


@pytest.mark.parametrize("activation", ["relu", "gelu", "tanh"])
@pytest.mark.parametrize("sharing", SHARINGS)
def test_gradients_at_the_border_are_finite(rng, gradients, activation, sharing):
    x, kernel, bias = arrays(rng, (3, 3), (3, 3), 2, 3, 1, sharing)
    found = gradients(
        lambda x, w, b: ops.sum(dac_conv(x, w, b, padding="same", activation=activation, **LAST)), x, kernel, bias
    )
    assert all(np.isfinite(g).all() for g in found)


@pytest.mark.parametrize("sharing", SHARINGS)
@pytest.mark.parametrize("settings", [dict(padding="same", strides=2), dict(dilation_rate=2)])
def test_gradients_against_finite_differences(rng, gradients, sharing, settings):
    x, kernel, bias = arrays(rng, (5, 5), (2, 2), 2, 2, 1, sharing, N=1)
    y = oracle.conv(x, kernel, bias, **settings)
    dy = ops.convert_to_tensor(rng.normal(size=y.shape), "float32")
    broad = bias if sharing == "outputs" else bias.reshape(-1, 2, 2)[:, None, None]
    meets = x[0, None] + broad if sharing == "outputs" else x[0][None, ..., None] + broad
    assert np.abs(meets).min() > 1e-4, "a knot within the step makes the difference quotient wrong"
    found = gradients(lambda x, w, b: ops.sum(dac_conv(x, w, b, **settings, **LAST) * dy), x, kernel, bias)
    for position, gradient in enumerate(found):

        def value(a, position=position):
            tensors = [a if i == position else v for i, v in enumerate((x, kernel, bias))]
            return np.sum(oracle.conv(*tensors, **settings) * to_numpy(dy))

        np.testing.assert_allclose(gradient, oracle.finite_differences(value, (x, kernel, bias)[position]), atol=5e-5)


@pytest.mark.parametrize("settings", [{}, dict(padding="same"), dict(padding="same", strides=2), dict(dilation_rate=2)])
def test_a_shared_bias_is_relu_and_keras_conv2d(rng, settings):
    x, kernel, bias = arrays(rng, (6, 7), (3, 3), 4, 5, 1, "outputs")
    layer = keras.layers.Conv2D(5, 3, use_bias=False, **settings, **LAST)
    layer.build((None, 6, 7, 4))
    layer.set_weights([kernel])
    standard = to_numpy(layer(ops.relu(x + bias)))
    np.testing.assert_array_equal(to_numpy(dac_conv(x, kernel, bias, **settings, **LAST)), standard)
    repeated = np.repeat(bias[:, None], 5, axis=1)
    np.testing.assert_allclose(to_numpy(dac_conv(x, kernel, repeated, **settings, **LAST)), standard, atol=1e-4)


def test_equal_taps_make_the_two_sharings_one(rng):
    x, kernel, bias = arrays(rng, (5, 5), (3, 3), 2, 3, 1, "taps")
    every = np.broadcast_to(bias, kernel.shape)
    taps, none = (to_numpy(dac_conv(x, kernel, b, padding="same", **LAST)) for b in (bias, every))
    np.testing.assert_allclose(taps, none, atol=1e-5)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64"])
@pytest.mark.parametrize("size, k, c_in, c_out, groups, settings", [CASES[2], CASES[7], CASES[9], CASES[12]])
def test_a_shared_bias_runs_in_every_layout_and_dtype(rng, size, k, c_in, c_out, groups, settings, dtype):
    if dtype == "float64" and keras.backend.backend() == "jax":
        pytest.skip("JAX computes in float32 unless told otherwise before it starts")
    x, kernel, bias = arrays(rng, size, k, c_in, c_out, groups, "outputs")
    expected, scale = oracle.conv(x, kernel, bias, **settings), oracle.conv(*map(np.abs, (x, kernel, bias)), **settings)
    for axis, data_format in [(1, "channels_first"), (-1, "channels_last")]:
        tensors = [ops.cast(a, dtype) for a in (np.moveaxis(x, -1, axis), kernel, bias)]
        y = dac_conv(*tensors, **settings, data_format=data_format)
        assert keras.backend.standardize_dtype(y.dtype) == dtype
        y = np.moveaxis(to_numpy(ops.cast(y, "float32")), axis, -1)
        assert (np.abs(y - expected) <= {"float16": 2**-9, "bfloat16": 2**-6, "float64": 1e-6}[dtype] * scale).all()


@pytest.mark.parametrize("sharing", SHARINGS)
@pytest.mark.parametrize("padding, out", [("same", 5), ("valid", 3)])
def test_no_samples(rng, gradients, sharing, padding, out):
    x, kernel, bias = arrays(rng, (5, 5), (3, 3), 2, 3, 1, sharing, N=0)
    assert tuple(dac_conv(x, kernel, bias, padding=padding, **LAST).shape) == (0, out, out, 3)
    first = dac_conv(np.moveaxis(x, -1, 1), kernel, bias, padding=padding, data_format="channels_first")
    assert tuple(first.shape) == (0, 3, out, out)
    dx, dkernel, _ = gradients(lambda x, w, b: ops.sum(dac_conv(x, w, b, padding=padding, **LAST)), x, kernel, bias)
    assert dx.shape == x.shape and not dkernel.any()


def test_no_samples_in_a_graph(rng):
    if keras.backend.backend() != "tensorflow":
        pytest.skip("the graph is TensorFlow's")
    import tensorflow as tf

    @tf.function
    def gradients(*tensors):
        with tf.GradientTape() as tape:
            tape.watch(tensors)
            y = dac_conv(*tensors, **LAST)
            value = tf.reduce_sum(y * y)
        return y, tape.gradient(value, tensors)

    x, kernel, bias = map(tf.constant, arrays(rng, (5, 5), (3, 3), 2, 3, 1, "outputs", N=0))
    y, (dx, dkernel, dbias) = gradients(x, kernel, bias)
    assert y.shape == (0, 3, 3, 3) and dx.shape == x.shape and not np.any(dkernel) and not np.any(dbias)


def test_half_precision_is_accumulated_in_float32():
    x, kernel, bias = (ops.ones(s, "bfloat16") for s in [(1, 3, 3, 500), (3, 3, 500, 1), (500, 1)])
    y = dac_conv(x, kernel, bias, **LAST)
    assert keras.backend.standardize_dtype(y.dtype) == "bfloat16"
    np.testing.assert_allclose(to_numpy(ops.cast(y, "float32")), 9000.0, rtol=2**-8)


REFUSED = [
    (dict(kernel=np.ones((2, 3))), "one to three kernel axes k. Received: kernel.shape=(2, 3)"),
    (dict(x=np.ones((2, 5, 2))), "x must have 4 axes"),
    (dict(x=np.ones((2, 5, 5, 3))), "Received: x.shape=(2, 5, 5, 3), data_format='channels_last'"),
    (dict(x=np.ones((2, 5, 5, 4))), "divides the 3 outputs. Received: x.shape=(2, 5, 5, 4)"),
    (dict(x=np.ones((2, 5, 5, 0))), "Received: x.shape=(2, 5, 5, 0)"),
    (dict(x=np.ones((2, 2, 5, 2))), "A kernel that spans 3 pixels leaves no output of an axis of 2"),
    (dict(kernel=np.ones((0, 3, 2, 3))), "Received: kernel.shape=(0, 3, 2, 3)"),
    (dict(kernel=np.ones((3, 3, 0, 3))), "Received: kernel.shape=(3, 3, 0, 3)"),
    (dict(strides=True), "Received: strides=True"),
    (dict(bias=np.ones((3,))), "Received: bias.shape=(3,)"),
    (dict(strides=0), "strides must be a positive integer or 2 of them. Received: strides=0"),
    (dict(strides=1.5), "Received: strides=1.5"),
    (dict(strides=(1, 2, 1)), "Received: strides=(1, 2, 1)"),
    (dict(dilation_rate="x"), "Received: dilation_rate='x'"),
    (dict(strides=2, dilation_rate=2), "cannot both exceed 1"),
    (dict(padding="causal"), "Received: padding='causal'"),
    (dict(data_format="NHWC"), "Received: data_format='NHWC'"),
    (dict(activation="softmax"), "Received: activation='softmax'"),
    (dict(implementation="fastest"), "Received: implementation='fastest'"),
]


@pytest.mark.parametrize("wrong, said", REFUSED)
def test_refuses(wrong, said):
    arguments = dict(x=np.ones((2, 5, 5, 2)), kernel=np.ones((3, 3, 2, 3)), bias=np.ones((2, 3)), **LAST) | wrong
    with pytest.raises(ValueError) as error:
        dac_conv(**arguments)
    assert said in str(error.value)
