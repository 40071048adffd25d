"""Piecewise linear functions on one axon: exact, with the parameters that the theorem counts, and not one more."""

import exact
import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from theory_settings import DTYPES, computed, few

from dendnet.theory import piecewise_linear


def dendrites(x, y):
    """The theorem's count for knots in general position: one for each piece, or one more."""
    slope = (y[1] - y[0]) / (x[1] - x[0])
    return len(x) - 1 + (y[0] * slope < 0 or (slope == 0 != y[0])) - (y[0] == slope == 0)


@pytest.mark.parametrize(
    "y, count",
    [
        ([0.0, 1.0, 0.0], 2),  # starts at zero
        ([1.0, 2.0, 0.0], 2),  # starts with the sign of its slope
        ([-1.0, -2.0, 0.0], 2),
        ([1.0, 0.5, 2.0], 3),  # against its sign
        ([-1.0, 0.5, 3.0], 3),
        ([1.0, 1.0, 2.0], 3),  # flat, and not zero
        ([0.0, 0.0, 2.0], 1),  # flat at zero: silent
        ([1.0, 2.0, 3.0], 1),  # one piece after all
        ([0.0, 0.0, 0.0], 1),  # a layer has one dendrite at least
    ],
)
def test_dendrites_by_hand(y, count):
    unit, proof = piecewise_linear([0.0, 1.0, 2.0], y)
    np.testing.assert_allclose(computed(unit, [[0.0], [1.0], [2.0]])[:, 0], y, atol=1e-6)
    assert unit.dendrites == count and proof.parameters == unit.count_params() == 2 * count


@few(40)
@given(
    seed=st.integers(0, 2**32 - 1), pieces=st.integers(1, 64), dtype=st.sampled_from(DTYPES),
    start=st.sampled_from(["any", "zero", "silent", "flat"]), scale=st.sampled_from([1e-3, 1.0, 1e3]),
    origin=st.sampled_from([0.0, -0.3, 50.0]),
)  # fmt: skip
def test_every_function_is_met_within_rounding(seed, pieces, dtype, start, scale, origin):
    rng = np.random.default_rng(seed)
    x = origin + np.cumsum(rng.uniform(0.05, 1.0, pieces + 1))
    y = scale * rng.normal(size=pieces + 1)
    y[0] = {"zero": 0.0, "silent": 0.0}.get(start, y[0])
    y[1] = {"silent": 0.0, "flat": y[0]}.get(start, y[1])
    unit, proof = piecewise_linear(x, y, dtype)
    at = np.concatenate([x, rng.uniform(x[0], x[-1], 60)]).astype(dtype)
    at = at[(at >= x[0]) & (at <= x[-1])]
    found = computed(unit, at[:, None])[:, 0]
    assert exact.largest_error(found, exact.piecewise_linear(x, y, at)) <= proof.rounding
    assert proof.bound == 0 and (proof.low, proof.high) == (x[0], x[-1])
    expected = max(dendrites(x, y), 1)
    assert proof.parameters == unit.count_params() == 2 * expected
    # Twice the sum of what each dendrite can carry, times a few roundings for each: no bound is a blank cheque.
    w, b = (np.abs(keras.ops.convert_to_numpy(a)).astype("float64") for a in unit.weights)
    size = (w * (np.abs(x).max() + b)).sum()
    assert proof.rounding <= (expected + 8) * np.finfo(dtype).eps * size + 100 * np.finfo(dtype).tiny


def test_up_to_a_constant_one_dendrite_a_piece_is_enough():
    """f - f(x_0) starts at zero: whatever the first slope, the next layer's biases can own the constant."""
    rng = np.random.default_rng(0)
    for first in (-1.0, 0.0, 1.0):
        y = np.array([2.0, 2.0 + first, *rng.normal(size=5)])
        assert piecewise_linear(np.arange(7.0), y - y[0]).network.dendrites == 6 - (first == 0)


@few(40)
@given(seed=st.integers(0, 2**32 - 1), k=st.integers(1, 6))
def test_units_of_k_dendrites_start_as_the_theorem_says(seed, k):
    """An attack on it: whatever k dendrites make with k pieces starts at zero or with the sign of its first slope."""
    rng = np.random.default_rng(seed)
    w, t = rng.normal(size=k), rng.uniform(-2, 1, k)
    x = np.concatenate([[0.0], np.sort(t[t > 0]), [1.0]])
    y = (w * np.maximum(x[:, None] - t, 0)).sum(axis=1)
    pieces, slope = len(x) - 1, (y[1] - y[0]) / (x[1] - x[0])
    assert pieces < k or abs(y[0]) < 1e-12 or y[0] * slope > 0
    assert piecewise_linear(x, y).network.dendrites <= k


def test_no_unit_with_fewer_dendrites_bends_as_often():
    """Each interior bend needs a knot of its own there: the layer's knots inside the interval are exactly the bends."""
    rng = np.random.default_rng(1)
    x, y = np.arange(9.0), rng.normal(size=9)
    bias = keras.ops.convert_to_numpy(piecewise_linear(x, y).network.bias)[:, 0]
    inside = -bias[(-bias > x[0]) & (-bias < x[-1])]
    np.testing.assert_allclose(inside, x[1:-1])


@pytest.mark.parametrize(
    "x, y",
    [
        ([0.0, 1.0], [0.0, np.nan]),
        ([0.0, np.inf], [0.0, 1.0]),
        ([1.0, 0.0], [0.0, 1.0]),
        ([0.0, 0.0], [0.0, 1.0]),
        ([0.0], [1.0]),
        ([0.0, 1.0, 2.0], [0.0, 1.0]),
        ([[0.0, 1.0]], [[0.0, 1.0]]),
        ([0.0, 1e-300], [0.0, 1e300]),
        ([0.0, 1e-30], [0.0, 1e30]),
        ("ab", [0.0, 1.0]),
    ],
)
def test_refused(x, y):
    with pytest.raises(ValueError, match="Received: "):
        piecewise_linear(x, y, "float32")
