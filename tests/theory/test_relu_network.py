"""ReLU networks and their twins of dendrites: the same function, widths and depth, within the certified rounding."""

import exact
import keras
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from keras import layers
from theory_settings import DTYPES, box, computed, few

from dendnet.theory import from_relu_network


def relu_network(widths, rng, dtype="float32", scale=1.0, use_bias=True):
    """A Keras model of random weights, and them as (W, c)."""
    stack = [keras.Input((widths[0],), dtype=dtype)]
    for m in widths[1:-1]:
        stack.append(layers.Dense(m, "relu", use_bias=use_bias, dtype=dtype))
    stack.append(layers.Dense(widths[-1], use_bias=use_bias, dtype=dtype))
    model = keras.Sequential(stack)
    model.set_weights([scale * rng.normal(size=w.shape) / np.sqrt(w.shape[0]) for w in model.weights])
    weights = [keras.ops.convert_to_numpy(w) for w in model.weights]
    if not use_bias:
        weights = [a for w in weights for a in (w, np.zeros(w.shape[1], dtype))]
    return model, list(zip(weights[::2], weights[1::2], strict=True))


def test_by_hand():
    """relu(x - 10) + 3 on [-20, 20]: the first layer is x + 20, its next bias -30, and a silent unit gives 3."""
    model = keras.Sequential([keras.Input((1,)), layers.Dense(1, "relu"), layers.Dense(1)])
    model.set_weights([np.array([[1.0]]), np.array([-10.0]), np.array([[1.0]]), np.array([3.0])])
    twin = from_relu_network(model, radius=20.0).network
    first, last = ([keras.ops.convert_to_numpy(w).tolist() for w in layer.weights] for layer in twin.layers)
    assert first == [[[1.0, 0.0]], [[20.0, 0.0]]] and last == [[[1.0], [3.0]], [[-30.0], [1.0]]]
    np.testing.assert_allclose(computed(twin, [[-20.0], [12.0]]), [[3.0], [5.0]])


@few(25)
@given(
    seed=st.integers(0, 2**32 - 1), widths=st.lists(st.integers(1, 6), min_size=2, max_size=7),
    dtype=st.sampled_from(DTYPES), radius=st.sampled_from([1e-2, 1.0, 300.0]),
    scale=st.sampled_from([0.3, 2.0]), use_bias=st.booleans(), use_output_bias=st.booleans(),
)  # fmt: skip
@example(
    seed=0, widths=[4, 6, 6, 6, 6, 6, 3], dtype=DTYPES[-1], radius=1.0, scale=1.0, use_bias=True, use_output_bias=False
)
@example(
    seed=0, widths=[4, 6, 6, 6, 6, 6, 3], dtype="float32", radius=1.0, scale=1.0, use_bias=True, use_output_bias=True
)
def test_the_twin_computes_the_same(seed, widths, dtype, radius, scale, use_bias, use_output_bias):
    rng = np.random.default_rng(seed)
    model, chain = relu_network(widths, rng, dtype, scale, use_bias)
    twin, proof = from_relu_network(model, radius, use_output_bias)
    x = box(rng, widths[0], -radius, radius, dtype)
    y = computed(twin, x)
    assert exact.largest_error(y, exact.relu_network(chain, x)) <= proof.rounding
    assert proof.bound == 0 and proof.radius == radius and proof.dtype == dtype
    one_more = use_bias and not use_output_bias and len(widths) > 2
    assert proof.sizes == (*widths[:-2], widths[-2] + one_more, widths[-1])
    assert proof.parameters == twin.count_params()


def test_the_certificate_is_worth_something():
    """Six layers of six units: their rounding is certified to a thousandth of their outputs."""
    rng = np.random.default_rng(3)
    model, _ = relu_network([4, 6, 6, 6, 6, 6, 3], rng)
    proof = from_relu_network(model, 1.0).certificate
    y = computed(model, box(rng, 4, -1, 1, "float32"))
    assert 0 < proof.rounding < 1e-3 * np.abs(y).max()


def test_a_larger_radius_costs_digits():
    model, _ = relu_network([3, 5, 2], np.random.default_rng(0))
    near, far = (from_relu_network(model, r).certificate.rounding for r in (1.0, 1e4))
    assert 1e3 < far / near < 1e5


def test_relu_layers_of_every_spelling():
    x = inputs = keras.Input((3,))
    for relu in (layers.ReLU(), layers.Activation("relu"), keras.ops.relu):
        x = relu(layers.Dense(4)(x))
    model = keras.Model(inputs, layers.Dense(2)(x))
    twin = from_relu_network(model, 1.0)
    at = np.random.default_rng(0).uniform(-1, 1, (20, 3)).astype("float32")
    np.testing.assert_allclose(computed(twin.network, at), computed(model, at), atol=1e-5)
    assert twin.certificate.sizes == (3, 4, 4, 4, 2)


def sequential(*stack, shape=(3,)):
    return keras.Sequential([keras.Input(shape), *stack])


def with_shortcut():
    x = keras.Input((3,))
    return keras.Model(x, layers.Dense(2)(layers.Dense(3, "relu")(x) + x))


@pytest.mark.parametrize(
    "model",
    [
        lambda: sequential(layers.Dense(2), layers.Dense(2)),
        lambda: sequential(layers.Dense(2, "relu")),
        lambda: sequential(layers.Dense(2, "tanh"), layers.Dense(2)),
        lambda: sequential(layers.ReLU(), layers.Dense(2)),
        lambda: sequential(layers.Dense(2, "relu"), layers.ReLU(), layers.Dense(2)),
        lambda: sequential(layers.Dense(2, "relu"), layers.Dropout(0.5), layers.Dense(2)),
        lambda: sequential(layers.Dense(2, "relu"), layers.Dense(2), shape=(4, 3)),
        lambda: sequential(layers.Dense(2, "relu", dtype="float16"), layers.Dense(2, dtype="float16")),
        lambda: sequential(layers.Dense(2, "relu", dtype="float64"), layers.Dense(2)),
        with_shortcut,
        lambda: keras.Sequential([layers.Dense(2)]),
        lambda: "a network",
    ],
)
def test_refused(model):
    with pytest.raises(ValueError, match="Received: "):
        from_relu_network(model(), 1.0)


@pytest.mark.parametrize("radius", [0.0, -1.0, np.nan, "1"])
def test_a_radius_is_above_zero(radius):
    with pytest.raises(ValueError, match="Received: radius="):
        from_relu_network(sequential(layers.Dense(2)), radius)


def test_weights_must_be_finite():
    model = sequential(layers.Dense(2, kernel_initializer=keras.initializers.Constant(np.inf)))
    with pytest.raises(ValueError, match="finite"):
        from_relu_network(model, 1.0)
