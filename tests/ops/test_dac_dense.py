"""dac_dense: numbers by hand, the oracle over a table, gradients, equivalences, and what is refused."""

import itertools

import keras
import numpy as np
import oracle
import pytest
from keras import ops

from dendnet.ops import dac_dense

to_numpy = ops.convert_to_numpy


def arrays(rng, N, n, m, shared=False):
    shapes = [(N, n), (n, m), (n,) if shared else (n, m)]
    return [rng.normal(size=s).astype("float32") for s in shapes]


def bound(x, kernel, bias):
    """What the terms of a sum can add up to: sum_i |w_ij| (|x_i| + |b_ij|)."""
    return oracle.dense(np.abs(x), np.abs(kernel), np.abs(bias)) + 1e-30


def test_numbers_by_hand():
    # y_1 = 2 relu(1 + 0) - relu(-2 + 3) = 1,  y_2 = -relu(1 - 4) + 3 relu(-2 + 2.5) = 1.5
    y = dac_dense([[1.0, -2.0]], [[2.0, -1.0], [-1.0, 3.0]], [[0.0, -4.0], [3.0, 2.5]])
    assert to_numpy(y).tolist() == [[1.0, 1.5]]


@pytest.mark.parametrize("N, n, m", [(1, 1, 1), (3, 5, 4), (2, 1, 7), (4, 6, 1), (0, 3, 2)])
@pytest.mark.parametrize("shared", [False, True])
def test_agrees_with_the_sum(rng, N, n, m, shared):
    x, kernel, bias = arrays(rng, N, n, m, shared)
    y = to_numpy(dac_dense(x, kernel, bias))
    assert y.shape == (N, m)
    assert (np.abs(y - oracle.dense(x, kernel, bias)) <= 1e-6 * bound(x, kernel, bias)).all()


@pytest.mark.parametrize("activation, act", [("tanh", np.tanh), (None, lambda v: v), (ops.square, np.square)])
def test_any_elementwise_activation(rng, activation, act):
    x, kernel, bias = arrays(rng, 3, 4, 5)
    y = to_numpy(dac_dense(x, kernel, bias, activation=activation))
    np.testing.assert_allclose(y, oracle.dense(x, kernel, bias, act), rtol=1e-5, atol=1e-5)


def test_further_leading_axes(rng):
    x, kernel, bias = arrays(rng, 6, 4, 5)
    y = to_numpy(dac_dense(x.reshape(2, 3, 4), kernel, bias))
    np.testing.assert_array_equal(y, to_numpy(dac_dense(x, kernel, bias)).reshape(2, 3, 5))
    one = to_numpy(dac_dense(x[0], kernel, bias))
    assert one.shape == (5,)
    np.testing.assert_allclose(one, y[0, 0], rtol=1e-6)


def test_gradients_against_finite_differences(rng, gradients):
    x, kernel, bias = arrays(rng, 3, 4, 5)
    dy = rng.normal(size=(3, 5)).astype("float32")
    assert np.abs(x[..., None] + bias).min() > 1e-3, "a knot within the step makes the difference quotient wrong"
    found = gradients(lambda x, w, b: ops.sum(dac_dense(x, w, b) * ops.convert_to_tensor(dy)), x, kernel, bias)
    for position, gradient in enumerate(found):

        def value(a, position=position):
            return np.sum(oracle.dense(*[a if k == position else v for k, v in enumerate((x, kernel, bias))]) * dy)

        np.testing.assert_allclose(gradient, oracle.finite_differences(value, (x, kernel, bias)[position]), atol=2e-5)


@pytest.mark.parametrize("shared", [False, True])
def test_gradient_on_a_knot_is_zero(gradients, shared):
    bias = [-1.0] if shared else [[-1.0]]
    found = gradients(lambda x, w, b: ops.sum(dac_dense(x, w, b)), [[1.0]], [[3.0]], bias)
    assert [g.item() for g in found] == [0.0, 0.0, 0.0]


def test_a_shared_bias_is_relu_and_keras_dense(rng):
    x, kernel, bias = arrays(rng, 7, 6, 5, shared=True)
    dense = keras.layers.Dense(5, use_bias=False)
    dense.build((None, 6))
    dense.set_weights([kernel])
    standard = to_numpy(dense(ops.relu(x + bias)))
    np.testing.assert_array_equal(to_numpy(dac_dense(x, kernel, bias)), standard)
    repeated = np.repeat(bias[:, None], 5, axis=1)
    np.testing.assert_allclose(to_numpy(dac_dense(x, kernel, repeated)), standard, atol=1e-5)


@pytest.mark.parametrize("dtype, epsilon", [("float16", 2**-11), ("bfloat16", 2**-8)])
def test_half_precision_is_accumulated_in_float32(dtype, epsilon):
    # 4096 ones: a sum kept in float16 stops at 2048, in bfloat16 at 256.
    x, kernel, bias = (ops.ones(s, dtype) for s in [(1, 4096), (4096, 2), (4096, 2)])
    y = dac_dense(x, kernel, bias)
    assert keras.backend.standardize_dtype(y.dtype) == dtype
    np.testing.assert_allclose(to_numpy(ops.cast(y, "float32")), 8192.0, rtol=epsilon)


def test_integers_and_lists_become_the_default_float():
    y = dac_dense(np.array([[1, 2]]), [[1], [1]], [[1], [1]])
    assert keras.backend.standardize_dtype(y.dtype) == "float32"
    assert to_numpy(y).tolist() == [[5.0]]


def test_a_nan_or_an_infinity_in_x_shows_in_y():
    y = to_numpy(dac_dense([[np.nan], [np.inf], [-np.inf]], [[2.0]], [[1.0]]))
    np.testing.assert_array_equal(y, [[np.nan], [np.inf], [0.0]])


REFUSED = [
    (dict(kernel=np.ones(3)), "kernel must have the shape (n, m). Received: kernel.shape=(3,)"),
    (dict(x=np.ones((2, 4))), "Received: x.shape=(2, 4)"),
    (dict(x=np.float32(1)), "Received: x.shape=()"),
    (dict(bias=np.ones((2, 3))), "Received: bias.shape=(2, 3)"),
    (dict(activation="softmax"), "Received: activation='softmax'"),
    (dict(activation="threshold"), "Received: activation='threshold'"),
    (dict(activation=ops.softmax), "Received: activation=<function softmax"),
    (dict(activation=keras.layers.Softmax()), "Received: activation=<Softmax"),
    (dict(activation=keras.layers.LeakyReLU), "Received: activation=<class"),
    (dict(activation={"class_name": "x", "config": {}}), "Received: activation={'class_name': 'x'"),
    (dict(activation="no such thing"), "Received: activation='no such thing'"),
    (dict(implementation="fastest"), "Received: implementation='fastest'"),
]


@pytest.mark.parametrize("wrong, said", REFUSED)
def test_refuses(wrong, said):
    arguments = dict(x=np.ones((2, 3)), kernel=np.ones((3, 2)), bias=np.ones((3, 2))) | wrong
    with pytest.raises(ValueError) as error:
        dac_dense(**arguments)
    assert said in str(error.value)


def test_refuses_a_symbolic_tensor():
    with pytest.raises(ValueError, match=r"use the layers in dendnet.layers. Received: x=<KerasTensor"):
        dac_dense(keras.Input((3,)), np.ones((3, 2)), np.ones((3, 2)))


def test_additive_over_its_inputs(rng):
    """One unit sees its inputs apart: f(a, c) - f(a, d) does not depend on a."""
    _, kernel, bias = arrays(rng, 1, 2, 3)
    values = rng.normal(size=4)

    def f(p, q):
        return to_numpy(dac_dense(np.array([[p, q]], "float32"), kernel, bias))

    for a, b in itertools.combinations(values, 2):
        np.testing.assert_allclose(f(a, 1.0) - f(a, -0.5), f(b, 1.0) - f(b, -0.5), atol=1e-5)
