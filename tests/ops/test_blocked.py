"""The blocked and the native form against the oracle and the definition: values, gradients, edges, refusals."""

import importlib
import math

import keras
import numpy as np
import oracle
import pytest
from keras import ops

from dendnet.ops import available_implementations, dac_conv, dac_dense

to_numpy = ops.convert_to_numpy
LAST = {"data_format": "channels_last"}

# N, n, m: on and off the multiples of a block, and down to one
DENSE = [(5, 7, 3), (16, 16, 16), (17, 33, 18), (1, 1, 1), (1, 40, 2), (33, 2, 1)]

# size, k, c_in, c_out, groups, settings
CONV = [
    ((5, 6), (3, 3), 3, 4, 1, dict(padding="same")),
    ((6, 5), (3, 2), 2, 4, 1, dict(padding="same", strides=2)),
    ((7, 5), (2, 3), 2, 3, 1, dict(padding="same", strides=(3, 1))),
    ((7, 8), (3, 3), 2, 3, 1, dict(dilation_rate=2)),
    ((6, 6), (3, 3), 4, 2, 2, dict(padding="same", dilation_rate=(1, 2))),
    ((9, 9), (2, 2), 2, 3, 1, dict(strides=3)),
    ((5, 5), (1, 1), 17, 18, 1, dict(strides=2)),
    ((9, 9), (7, 7), 1, 2, 1, dict(padding="same", strides=2)),
    ((8,), (3,), 2, 3, 1, dict(padding="causal", dilation_rate=2)),
    ((4, 3, 5), (2, 3, 2), 2, 3, 1, dict(padding="same", strides=2)),
]


# XLA takes seconds for each size on TensorFlow: make test-all has the blocked form there, make test-core has it on JAX.
SLOW_BLOCKED = pytest.param("blocked", marks=[pytest.mark.slow] if keras.backend.backend() == "tensorflow" else [])


@pytest.fixture(params=[SLOW_BLOCKED, "native"])
def form(request):
    """Each of the forms that never hold all connections."""
    if request.param not in available_implementations():
        pytest.skip(f"no {request.param} form here: no C++ compiler, or not on {keras.backend.backend()}")
    return request.param


def normal(rng, *shapes):
    return [rng.normal(size=s).astype("float32") for s in shapes]


def agree(f, form, exact, gradients, arrays, dy, scale):
    """Values within 1e-5 of sum |w| (|x| + |b|), gradients those of the definition."""
    fast, definition = (lambda *a, i=i: ops.sum(f(*a, implementation=i) * dy) for i in (form, "reference"))
    y = to_numpy(f(*arrays, implementation=form))
    assert y.shape == exact.shape
    assert (np.abs(y - exact) <= 1e-5 * (scale + 1e-30)).all()
    for found, expected in zip(gradients(fast, *arrays), gradients(definition, *arrays), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5 * (1 + np.abs(expected).max()))


@pytest.mark.parametrize("N, n, m", DENSE)
def test_dense(rng, gradients, N, n, m, form):
    x, w, b = normal(rng, (N, n), (n, m), (n, m))
    dy = ops.convert_to_tensor(normal(rng, (N, m))[0])
    scale = oracle.dense(np.abs(x), np.abs(w), np.abs(b))
    agree(dac_dense, form, oracle.dense(x, w, b), gradients, (x, w, b), dy, scale)


def test_blocked_on_every_backend(rng, gradients):
    """One convolution of the table below, with strides, groups of samples and a border, wherever it is slow."""
    x, w, b = normal(rng, (3, 6, 5, 2), (3, 2, 2, 4), (2, 4))
    settings = dict(padding="same", strides=2)
    exact, scale = oracle.conv(x, w, b, **settings), oracle.conv(*map(np.abs, (x, w, b)), **settings)
    dy = ops.convert_to_tensor(normal(rng, exact.shape)[0])

    def f(*arrays, implementation):
        return dac_conv(*arrays, **settings, **LAST, implementation=implementation)

    agree(f, "blocked", exact, gradients, (x, w, b), dy, scale)


@pytest.mark.parametrize("sharing", ["taps", "none"])
@pytest.mark.parametrize("size, k, c_in, c_out, groups, settings", CONV)
def test_conv(rng, gradients, size, k, c_in, c_out, groups, settings, sharing, form):
    rows = c_in // groups
    x, w = normal(rng, (3, *size, c_in), (*k, rows, c_out))
    (b,) = normal(rng, (rows, c_out) if sharing == "taps" else w.shape)
    exact = oracle.conv(x, w, b, **settings)
    dy = ops.convert_to_tensor(normal(rng, exact.shape)[0])
    scale = oracle.conv(np.abs(x), np.abs(w), np.abs(b), **settings)

    def f(*arrays, implementation):
        return dac_conv(*arrays, **settings, **LAST, implementation=implementation)

    agree(f, form, exact, gradients, (x, w, b), dy, scale)


@pytest.mark.parametrize("settings", [dict(), dict(strides=2)])
def test_pieces_of_the_batch(rng, gradients, monkeypatch, settings, form):
    """A batch in pieces, of which the last overlaps the one before: no sample counts twice."""
    from dendnet.ops import blocked

    monkeypatch.setattr(blocked, "PIECE", 1)
    x, w, b = normal(rng, (37, 5, 4, 3), (3, 2, 3, 6), (3, 6))
    exact = oracle.conv(x, w, b, padding="same", **settings)
    scale = oracle.conv(np.abs(x), np.abs(w), np.abs(b), padding="same", **settings)

    def f(*arrays, implementation):
        return dac_conv(*arrays, padding="same", **settings, **LAST, implementation=implementation)

    agree(f, form, exact, gradients, (x, w, b), ops.convert_to_tensor(normal(rng, exact.shape)[0]), scale)


def test_a_bias_of_minus_infinity_is_silence(rng, gradients, form):
    x, w, b = normal(rng, (5, 4), (4, 3), (4, 3))
    b[0] = -np.inf
    np.testing.assert_allclose(
        to_numpy(dac_dense(x, w, b, implementation=form)), oracle.dense(x[:, 1:], w[1:], b[1:]), atol=1e-5
    )
    found = gradients(lambda *a: ops.sum(dac_dense(*a, implementation=form)), x, w, b)
    assert not any(g[0].any() for g in found[1:]) and all(np.isfinite(g).all() for g in found)


def test_further_leading_axes_and_channels_first(rng, form):
    x, w, b = normal(rng, (2, 3, 5), (5, 4), (5, 4))
    y = to_numpy(dac_dense(x, w, b, implementation=form))
    np.testing.assert_allclose(y.reshape(6, 4), oracle.dense(x.reshape(6, 5), w, b), atol=1e-5)
    x, w, b = normal(rng, (2, 5, 4, 2), (3, 3, 2, 3), (2, 3))
    last = to_numpy(dac_conv(x, w, b, padding="same", **LAST, implementation=form))
    first = dac_conv(np.moveaxis(x, -1, 1), w, b, padding="same", data_format="channels_first", implementation=form)
    np.testing.assert_array_equal(np.moveaxis(to_numpy(first), 1, -1), last)


def test_no_samples(gradients, form):
    x, w, b = (np.ones(s, "float32") for s in [(0, 5), (5, 4), (5, 4)])
    assert tuple(dac_dense(x, w, b, implementation=form).shape) == (0, 4)
    found = gradients(lambda *a: ops.sum(dac_dense(*a, implementation=form)), x, w, b)
    assert [g.shape for g in found] == [(0, 5), (5, 4), (5, 4)] and not any(g.any() for g in found)


def test_gradient_on_a_knot_is_zero(gradients, form):
    found = gradients(lambda *a: ops.sum(dac_dense(*a, implementation=form)), [[1.0]], [[3.0]], [[-1.0]])
    assert [g.item() for g in found] == [0.0, 0.0, 0.0]


def test_infinities_and_nan_in_x_give_what_the_definition_gives(form):
    x = np.array([[np.nan], [np.inf], [-np.inf], [3e38], [1e-30]], "float32")
    w, b = np.array([[2.0, -1.0]], "float32"), np.array([[1.0, -4.0]], "float32")
    with np.errstate(invalid="ignore", over="ignore"):
        expected = to_numpy(dac_dense(x, w, b, implementation="reference"))
    np.testing.assert_allclose(to_numpy(dac_dense(x, w, b, implementation=form)), expected, rtol=1e-5, atol=1e-6)


def test_silent_connections_have_gradients_of_exactly_zero(gradients, form):
    """A far bias costs rounding in the value, never in a gradient."""
    x, w, b = (np.full(s, v, "float32") for s, v in [((20, 3), 0.3), ((3, 2), 1.7), ((3, 2), -1000.1)])
    assert not any(g.any() for g in gradients(lambda *a: ops.sum(dac_dense(*a, implementation=form)), x, w, b))


def test_gradients_at_the_border_are_finite(rng, gradients, form):
    x, w, b = normal(rng, (2, 3, 3, 2), (3, 3, 2, 3), (2, 3))
    found = gradients(lambda *a: ops.sum(dac_conv(*a, padding="same", **LAST, implementation=form)), x, w, b)
    assert all(np.isfinite(g).all() for g in found)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_is_rounded_once(rng, dtype, form):
    x, w, b = (ops.cast(a, dtype) for a in normal(rng, (4, 300), (300, 5), (300, 5)))
    y = dac_dense(x, w, b, implementation=form)
    exact = oracle.dense(*(to_numpy(ops.cast(a, "float32")) for a in (x, w, b)))
    assert keras.backend.standardize_dtype(y.dtype) == dtype
    np.testing.assert_allclose(to_numpy(ops.cast(y, "float32")), exact, rtol=2**-7 if dtype == "bfloat16" else 2**-10,
                               atol=1e-3)  # fmt: skip


def test_auto_takes_a_fast_form_for_many_terms(monkeypatch):
    """Many terms go to it, few and other activations to the definition."""
    from dendnet.ops import implementations

    taken = []
    monkeypatch.setattr(implementations, "_computed", lambda chosen, x, w, *_: taken.append(chosen) or x @ w)
    monkeypatch.setattr(implementations, "FEW_TERMS", {keras.backend.backend(): 2**17})
    for n, activation in [(8, "relu"), (512, "tanh"), (512, "relu")]:
        dac_dense(ops.ones((4, n)), ops.ones((n, n)), ops.ones((n, n)), activation=activation)
    fast = [name for name in ("blocked", "native", "fused") if name in available_implementations()][-1]
    assert taken == ["reference", "reference", fast]


def test_refuses_other_activations(form):
    x, w, b = np.ones((2, 3)), np.ones((3, 2)), np.ones((3, 2))
    with pytest.raises(ValueError, match="computes relu alone"):
        dac_dense(x, w, b, activation="tanh", implementation=form)


@pytest.mark.parametrize("shapes", [[(3, 4), (4, 2), (4, 2)], [(3, 5, 4, 2), (3, 3, 2, 3), (2, 3)]])
def test_second_derivatives_are_those_of_the_definition(rng, gradients, form, monkeypatch, shapes):
    """A gradient penalty: the square of the gradient, differentiated, a sample at a time."""
    derivatives = importlib.import_module(f"dendnet.ops.derivatives_{keras.backend.backend()}")
    monkeypatch.setattr(derivatives, "TERMS", 1)
    arrays = normal(rng, *shapes)

    def penalty(*arrays, implementation):
        return sum(ops.sum(g**2) for g in penalised(arrays, implementation))

    def penalised(arrays, implementation):
        def cubed(*arrays):
            if arrays[1].ndim == 2:
                return ops.sum(dac_dense(*arrays, implementation=implementation) ** 3)
            return ops.sum(dac_conv(*arrays, padding="same", strides=2, **LAST, implementation=implementation) ** 3)

        match keras.backend.backend():
            case "tensorflow":
                import tensorflow as tf

                with tf.GradientTape() as tape:
                    tape.watch(arrays)
                    value = cubed(*arrays)
                return tape.gradient(value, arrays)
            case "jax":
                import jax

                return jax.grad(cubed, argnums=(0, 1, 2))(*arrays)
        import torch

        return torch.autograd.grad(cubed(*arrays), arrays, create_graph=True)

    each = [gradients(lambda *a, i=i: penalty(*a, implementation=i), *arrays) for i in (form, "reference")]
    for found, expected in zip(*each, strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5 * np.abs(expected).max())


def test_per_example_gradients_and_forward_mode_on_jax(rng, form):
    """vmap gives each sample's gradient; forward mode is refused, and works in the definition."""
    jax = pytest.importorskip("jax")
    if keras.backend.backend() != "jax":
        pytest.skip("JAX's own transformations")
    x, w, b = (ops.convert_to_tensor(a) for a in normal(rng, (6, 20), (20, 18), (20, 18)))

    def squares(w, b, x, i):
        return ops.sum(dac_dense(x[None], w, b, implementation=i) ** 2)

    each = [jax.vmap(lambda x, i=i: jax.grad(squares)(w, b, x, i))(x) for i in ("blocked", "reference")]
    np.testing.assert_allclose(*map(to_numpy, each), rtol=1e-4, atol=1e-4)
    with pytest.raises(TypeError, match="forward-mode"):
        jax.jvp(lambda x: dac_dense(x, w, b, implementation=form), (x,), (x,))
    assert jax.jvp(lambda x: dac_dense(x, w, b, implementation="reference"), (x,), (x,))[1].shape == (6, 18)


def test_temporaries_of_a_step_do_not_grow_with_the_batch(form):
    """By XLA's own account, on JAX, whose core TensorFlow shares."""
    if keras.backend.backend() != "jax":
        pytest.skip("asks JAX's compiler")
    import jax

    def step(x, w, b):
        y, back = jax.vjp(lambda *a: dac_conv(*a, padding="same", **LAST, implementation=form), x, w, b)
        return y, back(y)

    def held(N):
        given = [jax.ShapeDtypeStruct(s, "float32") for s in [(N, 32, 32, 16), (3, 3, 16, 16), (16, 16)]]
        return jax.jit(step).lower(*given).compile().memory_analysis().temp_size_in_bytes

    assert held(512) < 1.1 * held(128)


def test_a_step_through_many_layers_keeps_their_inputs_alone(form):
    """No layer's gradients are made room for before their turn; again by XLA's account, on JAX."""
    if keras.backend.backend() != "jax":
        pytest.skip("asks JAX's compiler")
    import jax

    def loss(weights, x):
        for w, b in weights:
            x = dac_conv(x, w, b, padding="same", **LAST, implementation=form)
        return ops.sum(x)

    def held(layers, size=(64, 16, 16, 16)):
        weights = layers * [tuple(jax.ShapeDtypeStruct(s, "float32") for s in [(3, 3, 16, 16), (16, 16)])]
        compiled = jax.jit(jax.grad(loss)).lower(weights, jax.ShapeDtypeStruct(size, "float32")).compile()
        return compiled.memory_analysis().temp_size_in_bytes / (4 * math.prod(size))

    assert held(8) - held(4) < 1.2 * 4
