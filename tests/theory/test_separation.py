"""Networks beyond the standard ones: their knots counted from outside, their rank against finite differences."""

from itertools import pairwise

import keras
import numpy as np
import oracle
import pytest
from hypothesis import given
from hypothesis import strategies as st
from theory_settings import computed, few

from dendnet.theory import separation_example
from dendnet.theory.exact_rank import PRIME, draw, forward, jacobian, rank
from dendnet.theory.separation import standard_dimension


def bends(network, x):
    """The places in x, evenly spaced, at which some output of a network of one input bends."""
    y = computed(network, x[:, None].astype("float32")).astype("float64")
    return x[1:-1][np.abs(np.diff(y, 2, axis=0)).max(axis=1) > 1e-4]


@pytest.mark.parametrize("n, m", [(1, 2), (3, 2), (2, 5)])
def test_each_output_of_a_layer_bends_where_no_other_does(n, m):
    made = separation_example((n, m))
    x = np.linspace(-2, m + 1, 4 * (m + 3) + 1)
    at = np.zeros((len(x), n), "float32")
    at[:, 0] = x
    y = computed(made.network, at)
    for j in range(m):
        assert x[1:-1][np.abs(np.diff(y[:, j], 2)) > 1e-4].tolist() == [j]
    assert made[1:4] == ("knots", m, 1)


def test_no_standard_layer_is_nearer_than_an_eighth():
    """An attack: on the segment a standard layer is w_j relu(x_1 - t) + C_j, with one knot for all outputs."""
    rng = np.random.default_rng(0)
    x = np.linspace(0, 1.5, 31)
    t, w = rng.uniform(-1, 2, (20_000, 1)), rng.normal(size=(2, 20_000, 1))
    errors = [w[j] * np.maximum(x - t, 0) - np.maximum(x - j, 0) for j in (0, 1)]
    assert (np.ptp(errors, axis=2) / 2).max(axis=0).min() >= 1 / 8  # C_j at its best


@pytest.mark.parametrize("m", [2, 3, 7])
def test_one_to_m_to_one_bends_at_2m_places(m):
    made = separation_example((1, m, 1))
    assert bends(made.network, np.linspace(-1, 2 * m, 4 * (2 * m + 1) + 1)).tolist() == list(range(2 * m))
    assert made[1:4] == ("knots", 2 * m, m + 1)


@few(20)
@given(seed=st.integers(0, 2**32 - 1), m=st.integers(1, 8))
def test_no_standard_network_bends_at_more_than_m_plus_1(seed, m):
    """An attack on the theorem: random standard networks 1 to m to 1, their bends counted between cell after cell."""
    rng = np.random.default_rng(seed)
    v, w, a, c = rng.normal(size=(1, m)), rng.normal(size=(m, 1)), rng.normal(size=1), rng.normal(size=m)
    x = np.linspace(-30, 30, 100_001)[:, None]
    y = np.maximum(np.maximum(x + a, 0) @ v + c, 0) @ w
    slopes = np.diff(y[:, 0]) / np.diff(x[:, 0])
    bent = np.abs(np.diff(slopes)) > 1e-6
    assert (bent[1:] & ~bent[:-1]).sum() + bent[0] <= m + 1


@pytest.mark.parametrize("widths", [(2, 3, 3, 1), (1, 3, 2), (3, 2, 1), (1, 2, 2, 1), (1, 1, 2, 2), (4, 4, 4, 4, 2)])
def test_the_rank_is_beyond_every_standard_network(widths):
    made = separation_example(widths)
    pairs = list(pairwise(widths))
    most = 2 * sum(n * m for n, m in pairs) - sum(widths[1:-1])  # a scale of each hidden unit changes nothing
    assert made.kind == "rank" and standard_dimension(widths) == made.limit < made.reached <= most
    assert [layer.kernel.shape for layer in made.network.layers] == pairs
    y, x = computed(made.network, made.points.astype("float32")), made.points
    for layer in made.network.layers:
        x = oracle.dense(x, *(keras.ops.convert_to_numpy(w) for w in layer.weights))
    np.testing.assert_allclose(y, x, rtol=1e-5, atol=1e-4 * np.abs(x).max())


@pytest.mark.parametrize("widths", [(1, 1, 2), (2, 1, 3), (1, 1, 1, 1, 2), (3, 2, 1, 4)])
def test_outputs_of_one_hidden_unit_are_independent_as_no_standard_networks_are(widths):
    made = separation_example(widths)
    n, m = widths[0], widths[-1]
    assert made[1:] == ("outputs", m, 1, None)
    assert [layer.kernel.shape for layer in made.network.layers] == list(pairwise(widths))
    t = np.arange(1.0, m + 1)
    c = np.prod(widths[1:-2])
    y = computed(made.network, np.repeat(t[:, None] / (c * n), n, axis=1).astype("float32"))
    np.testing.assert_allclose(y, np.maximum(t[:, None] - np.arange(m), 0), atol=1e-5)  # triangular
    rng = np.random.default_rng(0)  # the same network, its biases shared
    x = rng.normal(size=(20, n))
    for a, b in pairwise(widths):
        x = np.maximum(x + rng.normal(size=a), 0) @ rng.normal(size=(a, b))
    assert np.linalg.matrix_rank(x) <= 1


def test_the_jacobian_is_that_of_finite_differences():
    weights, points = draw((2, 3, 2, 2), np.random.default_rng(0))
    found = jacobian(weights, points).astype(object)
    found = np.where(found > PRIME // 2, found - PRIME, found).astype(float)
    column = 0
    for k in range(len(weights)):
        for which in (0, 1):
            for index in np.ndindex(weights[k][which].shape):
                outputs = []
                for step in (1e-4, -1e-4):
                    moved = [[np.array(a, float) for a in pair] for pair in weights]
                    moved[k][which][index] += step
                    x = points.astype(float)
                    for w, b in moved:
                        x = forward(x, w, b)[2]
                    outputs.append(x.ravel())
                np.testing.assert_allclose(found[:, column], (outputs[0] - outputs[1]) / 2e-4, rtol=1e-5, atol=1e-3)
                column += 1
    assert column == found.shape[1]


@few(20)
@given(seed=st.integers(0, 2**32 - 1), size=st.integers(1, 12), r=st.integers(0, 12))
def test_rank(seed, size, r):
    rng = np.random.default_rng(seed)
    a = rng.integers(-9, 10, (size + 3, r)) @ rng.integers(-9, 10, (r, size))
    assert rank(a.astype("int64") % PRIME) == (np.linalg.matrix_rank(a) if r else 0)


@pytest.mark.parametrize("widths", [(3,), (1, 1), (4, 1), (4, 1, 1), (2, 0), (2, -1), (2, 1.5), (True, 2), "12", 3])
def test_refused(widths):
    with pytest.raises(ValueError, match="Received: architecture="):
        separation_example(widths)


def test_where_no_certificate_is_found_nothing_is_claimed():
    with pytest.raises(ValueError, match="nothing is shown"):
        separation_example((1, 2, 1, 1))
