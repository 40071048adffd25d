"""The bounds of rounding, attacked: random layers and boxes, sums of many terms, subnormals, cancelling constants."""

from itertools import pairwise

import exact
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from theory_settings import DTYPES, box, computed, few

from dendnet.ops import available_implementations
from dendnet.theory import certificate, layers, piecewise_linear, rounding


def by_fractions(x, stack):
    """The stack's exact outputs at x."""
    x = exact.fractions(x)
    for layer in stack.weights:
        w, b = exact.fractions(layer.kernel), exact.fractions(layer.bias)
        x = (np.maximum(np.repeat(x, layer.dendrites, axis=-1)[..., None] + b, 0) * w).sum(axis=-2)
        x = x if layer.output_bias is None else x + exact.fractions(layer.output_bias)
    return x


CERTIFIED = [name for name in ("reference", "blocked", "native") if name in available_implementations()]


@few(20)
@given(
    seed=st.integers(0, 2**32 - 1), widths=st.lists(st.integers(1, 7), min_size=2, max_size=4),
    dendrites=st.integers(1, 3), dtype=st.sampled_from(DTYPES), output_bias=st.booleans(),
    low=st.sampled_from([-1.0, 0.0, 3.0, -1e3]), length=st.sampled_from([0.0, 1e-3, 1.0, 1e4]),
    size=st.sampled_from([1.0, 1e-3, 1e3]), implementation=st.sampled_from(CERTIFIED),
)  # fmt: skip
def test_layers_stay_within_their_bounds(
    seed, widths, dendrites, dtype, output_bias, low, length, size, implementation
):
    rng = np.random.default_rng(seed)
    stack = layers.Stack(
        [
            rounding.Weights(
                rng.normal(size=(n * dendrites, m)),
                size * rng.normal(size=(n * dendrites, m)),
                rng.normal(size=m) if output_bias else None,
                dendrites,
            )
            for n, m in pairwise(widths)
        ]
    )
    network = layers.model(stack, dtype, name="drawn")
    for layer in network.layers:
        layer.implementation = implementation
    x = box(rng, widths[0], low, low + length, "float64", count=12)
    bounds = rounding.inputs(low, low + length, widths[0], dtype)
    for layer in stack.weights:
        bounds = rounding.through(bounds, layer, dtype)
    y, expected = computed(network, x.astype(dtype)), by_fractions(x, stack)
    assert exact.largest_error(y, expected) <= bounds.error.max()
    floats = expected.astype(float)  # rounded here
    assert (floats >= bounds.low - 1e-12 * np.abs(floats)).all() and (floats <= bounds.high + 1e-12 * abs(floats)).all()


@pytest.mark.parametrize("n", [1, 300, 5000])
def test_long_sums(n):
    """Equal terms, whose roundings all go one way."""
    exactly = rounding.Weights(np.full((n, 1), 0.1), np.full((n, 1), 0.7))
    stack = layers.Stack([exactly])
    network = layers.model(stack, "float32", name="long")
    x = np.full((2, n), 0.3, "float32")
    bound = rounding.through(rounding.inputs(0.0, 1.0, n, "float32"), exactly, "float32").error.max()
    assert exact.largest_error(computed(network, x), by_fractions(x, stack)) <= bound


def test_sums_too_long_for_a_bound_are_refused():
    many = rounding.Weights(np.ones((2**22 + 1, 1)), np.zeros((2**22 + 1, 1)))
    with pytest.raises(ValueError, match="Received: 4,194,305 terms"):
        rounding.through(rounding.inputs(0.0, 1.0, 2**22 + 1, "float32"), many, "float32")


def test_a_broken_line_that_overflows_has_no_certificate():
    with pytest.raises(ValueError, match=r"overflow in float32. Received: a sum that may reach size=3e\+39"):
        piecewise_linear([0.0, 10.0], [0.0, 3e39], "float32")
    with pytest.raises(ValueError, match=r"overflow in float32. Received: an input that may reach size=1e\+39"):
        rounding.inputs(-1e39, 0.0, 1, "float32")


def test_a_chain_that_overflows_has_no_certificate():
    """Every weight fits, and every layer but the last."""
    one, huge = np.ones((1, 1)), np.full((1, 1), 1e30)
    stack = layers.Stack([rounding.Weights(huge, one), rounding.Weights(huge, one)])
    assert not np.isfinite(computed(layers.model(stack, "float32", name="huge"), np.ones((1, 1)))).any()
    with pytest.raises(ValueError, match=r"overflow in float32. Received: a sum that may reach size="):
        certificate.rounding_of(stack, -1.0, 1.0, "float32")


def test_a_sum_that_overflows_only_in_part_is_refused():
    """Equal terms of both signs cancel, but not in every order; the output bias counts too."""
    kernel = np.array([[3e38], [3e38], [-3e38]])
    exactly = rounding.Weights(kernel, np.zeros((3, 1)))
    with_bias = rounding.Weights(kernel[:1], np.zeros((1, 1)), np.array([-3e38]))
    for layer in (exactly, with_bias):
        with pytest.raises(ValueError, match="overflow in float32"):
            rounding.through(rounding.inputs(0.0, 1.0, layer.inputs, "float32"), layer, "float32")


def test_numbers_that_underflow():
    exactly = rounding.Weights(np.full((3, 1), 1e-30), np.zeros((3, 1)))
    stack = layers.Stack([exactly])
    x = np.full((1, 3), 1e-12, "float32")
    bound = rounding.through(rounding.inputs(0.0, 1e-12, 3, "float32"), exactly, "float32").error.max()
    y = computed(layers.model(stack, "float32", name="small"), x)
    assert exact.largest_error(y, by_fractions(x, stack)) <= bound < 1e-35


def test_silent_dendrites_add_nothing():
    bounds = rounding.inputs(-1.0, 1.0, 1, "float32")
    silent = rounding.through(bounds, rounding.Weights(np.array([[1e9]]), np.array([[-2.0]])), "float32")
    assert silent.low == silent.high == 0 and silent.error < 1e-36


def test_no_more_count_than_can_be_active():
    """A thousand hats of which two are active at a time: the bound is that of two."""
    bounds = rounding.Box(np.full(1000, -5.0), np.zeros(1000), np.full(1000, 1e-6))
    last = rounding.Weights(np.ones((1000, 1)), np.ones((1000, 1)))
    two, all_of_them = (rounding.through(bounds, last, "float32", k).error.item() for k in (2, None))
    assert 2e-6 < two < 3e-6 and all_of_them > 1e-3
    far_off = bounds._replace(error=np.full(1000, 0.6))  # so wrong that silent ones may speak
    assert rounding.through(far_off, last, "float32", 2).error.item() > 600


@pytest.mark.skipif("float64" in DTYPES, reason="this backend computes in float64")
def test_a_float64_that_would_be_float32_is_refused():
    with pytest.raises(ValueError, match="jax_enable_x64"):
        rounding.inputs(0.0, 1.0, 1, "float64")
