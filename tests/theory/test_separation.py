"""Networks beyond the standard ones: their knots counted from outside, their rank against finite differences."""

from itertools import pairwise, product
from pathlib import Path
from types import ModuleType

import keras
import numpy as np
import oracle
import pytest
from hypothesis import given
from hypothesis import strategies as st
from theory_settings import computed, few

from dendnet.layers import DACDense
from dendnet.theory import separation, separation_example, witness
from dendnet.theory.exact_rank import PRIME, forward, jacobian, rank


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


SHAPES = [(1, *hidden, 1) for depth in (1, 2, 3) for hidden in product((1, 2, 3), repeat=depth) if max(hidden) > 1]
OTHERS = [(2, 2, 1), (3, 1, 2, 2), (2, 3, 3, 1), (4, 4, 4, 4, 2), (1, 2, 1, 2, 1, 2, 1), (1, 2, 2, 1, 1, 2, 1, 1)]


def standard_limit(widths):
    """Weights, biases of wide layers, a constant after a single last unit, less a scale for each hidden unit."""
    core = (1, *widths[1:-1], 1)
    weights = sum(n * m for n, m in pairwise(core))
    return weights + sum(n for n in core[1:-1] if n > 1) + (core[-2] == 1) - sum(core[1:-1])


def certify(widths):
    """All that the theorem says of the network that moves its bends one by one, without rounding."""
    made = separation._by_numbers(widths)
    x, exact = made.points.astype(object), []
    for layer in made.network.layers:
        exact.append([keras.ops.convert_to_numpy(a).astype(int).astype(object) for a in layer.weights])
        x = forward(x, *exact[-1])[2]
    assert [w.shape for w, _ in exact] == list(pairwise(widths))
    slopes = np.diff(x[:, 0])[::2]  # two points on each straight piece, whose ends stand at 3, 6, 9, ...
    assert (made.points[:, 0] == np.arange(1, 3 * len(slopes)).reshape(-1)[np.arange(1, 3 * len(slopes)) % 3 > 0]).all()
    assert (slopes > 0).all() and (np.diff(slopes) != 0).all()
    ends = made.points[1:-1:2].astype(object)
    ends[:, 0] += 1
    standing = 0  # at each end exactly one connection stands on its knot, and at no other whole number any
    for w, b in exact:
        standing = standing + (ends[:, :, None] + b == 0).sum(axis=(1, 2))
        ends = forward(ends, w, b)[2]
    assert (standing == 1).all()
    below = standard_limit(widths)
    if made.equal is not None:
        assert slopes[made.equal[0]] == slopes[made.equal[1]] and made.equal[1] - made.equal[0] in (2, 3)
        assert max(widths[1:-1]) == 2 and widths[-2] == 1
        below -= 1
    assert made.kind == "numbers" and made.rank() == made.reached > made.limit == below


@pytest.mark.parametrize("widths", SHAPES + OTHERS, ids=str)
def test_in_every_shape_dendrites_choose_more_numbers_than_a_standard_network_has(widths):
    certify(widths)


def test_in_1_2_1_1_the_network_is_the_one_that_the_chapter_writes_down():
    def relu(a):
        return np.maximum(a, 0)

    made, x = separation_example((1, 2, 1, 1)), np.arange(10.0)
    y = relu(relu(relu(x + 1) + 4) - relu(3 - relu(x - 3)) + 1)
    assert (keras.ops.convert_to_numpy(made.network(x[:, None]))[:, 0] == y).all()
    assert np.diff(y).tolist() == [1] * 3 + [2] * 3 + [1] * 3
    assert (made.reached, made.limit) == (5, 4)


@pytest.mark.parametrize(
    "change",
    [
        ("SPACE * (k + 1)", "SPACE"),
        ("w[i, j], b[i, j] = -1, -(x + layer)", "w[i, j], b[i, j] = 1, -(x + layer)"),
        ("w[i, j], b[i, j] = -1, x - at", "w[i, j], b[i, j] = 1, x - at"),
        ("b[0, j] += b[i, j]", "b[0, j] += 0"),
        ("b[i, j] = -(x + layer)\n    return", "b[i, j] = -(x + layer - 1)\n    return"),
        ("range(len(widths) - 2, 0, -1)", "range(1, len(widths) - 1)"),
        ("    return made", "    for _, b, *_ in made:\n        b[:] = b[:, :1]\n    return made"),
        ("if is_opening(widths, layer)) + 2", "if is_opening(widths, layer)) + 3"),
        ("+ (hidden[-1] == 1)", ""),
        ("return count - 1 - widths[layer + 1], count", "return count - 2 - widths[layer + 1], count"),
    ],
    ids=[
        "one place",
        "rising",
        "dying upwards",
        "not level",
        "off its place",
        "early",
        "shared",
        "rho",
        "limit",
        "equal",
    ],
)
def test_a_broken_construction_is_not_certified(monkeypatch, change):
    source = Path(witness.__file__).read_text()
    assert change[0] in source, "the mutation no longer fits the source"
    broken = ModuleType("broken")
    exec(compile(source.replace(*change), "witness.py", "exec"), broken.__dict__)
    monkeypatch.setattr(separation, "witness", broken)
    shapes = [(1, 2, 2, 1), (1, 2, 2, 1, 1), (1, 3, 3, 1), (1, 1, 2, 1, 1)]
    with pytest.raises((AssertionError, ValueError)):  # on one of them at least
        for widths in shapes:
            certify(widths)


def standard_network(rng, widths, low, high):
    """A random one from 1 to 1, whose single units stay above their knots on [low, high]: [(kernel, bias), ...]."""
    x, made = np.arange(low, high + 1).astype(object)[:, None], []
    for n, m in pairwise(widths):
        w = rng.choice([-3, -2, -1, 1, 2, 3], (n, m)).astype(object)
        b = 1 - np.sort(x, axis=0)[rng.integers(0, len(x), n) if n > 1 else [0], np.arange(n)]
        made.append((w, np.repeat(b[:, None], m, axis=1)))
        x = forward(x, *made[-1])[2]
    return made


def tied(matrix, widths):
    """The Jacobian in shared biases: its columns of one unit's biases summed."""
    found, at = [], 0
    for n, m in pairwise(widths):
        found += [matrix[:, at : at + n * m], matrix[:, at + n * m : at + 2 * n * m].reshape(-1, n, m).sum(axis=2)]
        at += 2 * n * m
    return np.concatenate(found, axis=1) % PRIME


@pytest.mark.parametrize("widths", [(1, 2, 1), (1, 3, 1), (1, 2, 2, 1), (1, 3, 3, 1), (1, 2, 1, 1), (1, 1, 3, 1, 1)])
def test_no_standard_network_without_a_constant_piece_has_more(widths):
    """An attack: the ranks of random standard networks. Some reach the limit, so that it cannot be lowered."""
    rng, ranks = np.random.default_rng(0), []
    for _ in range(300):
        made = standard_network(rng, widths, -60, 60)
        x = points = np.arange(-60, 61).astype(object)[:, None]
        off = np.ones(len(x), bool)
        for w, b in made:
            off &= (x[:, :, None] + b != 0).all(axis=(1, 2))
            x = forward(x, w, b)[2]
        ranks.append(rank(tied(jacobian(made, points[off]), widths)))
    assert max(ranks) == standard_limit(widths)


@pytest.mark.parametrize("widths", [(1, 2, 1, 1), (1, 2, 2, 1, 1), (1, 2, 1, 2, 1, 1)])
def test_no_standard_slope_comes_back_after_as_many_bends(widths):
    """An attack on the case of equality: the first slope of a run of pieces that are not constant, and the last."""
    rng, count, seen = np.random.default_rng(1), 1 + widths[2], 0
    x = np.linspace(-4, 4, 1001)
    for _ in range(1000):
        y = x[:, None]
        for n, m in pairwise(widths):
            b = 1e-3 - y.min(axis=0) if n == 1 else rng.normal(size=n)
            y = np.maximum(y + b, 0) @ rng.normal(size=(n, m))
        slopes = np.diff(y[:, 0]) / np.diff(x)
        pieces = slopes[1:][(np.abs(np.diff(slopes)) < 1e-9) & np.r_[True, np.abs(np.diff(slopes, 2)) > 1e-9]]
        for i in range(len(pieces) - count):
            run = pieces[i : i + count + 1]
            if np.abs(run).min() > 1e-9:
                seen += 1
                assert abs(run[0] - run[-1]) > 1e-9
    assert seen > 20


@pytest.mark.parametrize("widths", [(1, 1, 2), (2, 1, 3), (1, 1, 1, 1, 2), (3, 1, 1, 4)])
def test_outputs_of_one_hidden_unit_are_independent_as_no_standard_networks_are(widths):
    made = separation_example(widths)
    n, m = widths[0], widths[-1]
    assert made[1:] == ("outputs", m, 1, None, None) and made.rank() is None
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
    rng, weights = np.random.default_rng(0), []
    x = points = rng.integers(-500, 500, (20, 2)).astype(object)
    for n, m in pairwise((2, 3, 2, 2)):
        w = rng.choice([-3, -2, -1, 1, 2, 3], (n, m)).astype(object)
        b = 1 - np.sort(x, axis=0)[rng.integers(0, 10, (n, m)), np.arange(n)[:, None]]
        weights.append((w, b))
        x = forward(x, w, b)[2]
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


def test_a_unit_for_each_connection_makes_a_standard_network_of_it():
    rng, r = np.random.default_rng(0), 3.0
    x = rng.uniform(-r, r, (50, 2))
    widths = (2, 3, 2, 2)
    layers = [(rng.normal(size=pair), rng.normal(size=pair)) for pair in pairwise(widths)]
    y = x
    for w, b in layers:
        y = oracle.dense(y, w, b)
    copied = oracle.dense(x, np.repeat(np.eye(2), 3, axis=1), np.full((2, 6), r)) - r  # x_i for each connection (i, j)
    for k, (w, b) in enumerate(layers):
        n, m = w.shape
        following = widths[k + 2] if k + 2 < len(widths) else 1
        kernel = np.zeros((n * m, m * following))
        for i, j in np.ndindex(n, m):
            kernel[i * m + j, j * following : (j + 1) * following] = w[i, j]
        copied = oracle.dense(copied, kernel, np.repeat(b.reshape(-1, 1), m * following, axis=1))
    np.testing.assert_allclose(copied, y, atol=1e-9)


@pytest.mark.parametrize("m", [4, 5, 8, 50])
def test_at_equal_parameters_each_has_more_of_something(m):
    k = (4 * m - 1) // 3

    def parameters(units, sharing):
        network = keras.Sequential([keras.Input((1,))])
        for outputs in (units, 1):
            network.add(DACDense(outputs, bias_sharing=sharing))
        return network.count_params()

    assert parameters(k, "outputs") <= parameters(m, "none") < parameters(k + 1, "outputs")
    assert 2 * m > k + 1 and k > m  # bends, and independent slopes


def test_biases_alone_select_the_units_that_are_needed():
    """The proof's construction: |x| - 1/2 max(x, 0) from random units, all others switched off."""
    rng = np.random.default_rng(0)
    u, v = rng.normal(size=(2, 200_000))
    wanted = [(0.5, 1.0), (-0.5, 2.0)]
    chosen = [int(np.argmin((u - a) ** 2 + (v - b) ** 2)) for a, b in wanted]
    x = np.linspace(-1, 1, 101)[:, None]
    c = -np.abs(u) * 2 - 1
    c[chosen] = -u[chosen]  # takes back what the first bias, 1, adds
    with_biases = [oracle.dense(oracle.dense(x[a : a + 1], u[None], np.ones((1, len(u)))), v[:, None], c[:, None])
                   for a in (0, 25, 50, 75, 100)]  # fmt: skip
    exact = np.abs(x) - np.maximum(x, 0) / 2
    np.testing.assert_allclose(np.concatenate(with_biases), exact[::25], atol=0.02)
