"""The distance from sums of functions of one variable: primal and dual, and what is known by hand."""

import sys

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from theory_settings import few

from dendnet.layers import DACDense
from dendnet.theory import best_additive

side = np.linspace(0, 1, 9)


def product(x):
    return x[:, 0] * x[:, 1]


def test_the_product_is_a_quarter_away():
    best = best_additive(product, [side, side])
    assert best.error == pytest.approx(0.25, abs=1e-9)
    assert np.argwhere(np.abs(best.measure) > 1e-9).tolist() == [[0, 0], [0, 8], [8, 0], [8, 8]]  # the four corners


def test_a_sum_is_met():
    best = best_additive(lambda x: np.sin(x[:, 0]) + x[:, 1] ** 2 - x[:, 2], [side, side, side[:3]])
    assert best.error == pytest.approx(0, abs=1e-9)


@few(15)
@given(seed=st.integers(0, 2**32 - 1), sizes=st.lists(st.integers(1, 6), min_size=1, max_size=3))
def test_primal_and_dual_agree(seed, sizes):
    """The parts err by no more, and no sum by less: the measure sees none of them, and has total mass 1."""
    rng = np.random.default_rng(seed)
    values = rng.normal(size=sizes)
    best = best_additive(lambda x: values[tuple(x.astype(int).T)], [np.arange(k) for k in sizes])
    total = sum(
        np.reshape(part, [-1 if i == axis else 1 for i in range(len(sizes))]) for axis, part in enumerate(best.parts)
    )
    assert np.abs(values - total).max() == pytest.approx(best.error, abs=1e-9)
    assert (best.measure * values).sum() == pytest.approx(best.error, abs=1e-9)
    assert np.abs(best.measure).sum() <= 1 + 1e-9
    for axis in range(len(sizes)):
        others = tuple(i for i in range(len(sizes)) if i != axis)
        np.testing.assert_allclose(best.measure.sum(axis=others), 0, atol=1e-9)


def layer(w, b, dendrites):
    made = DACDense(1, dendrites=dendrites)
    made.build((None, 2))
    made.set_weights([np.array(w)[:, None], np.array(b)[:, None]])
    return made


def on_the_square(made):
    x = np.stack(np.meshgrid(np.linspace(0, 1, 65), np.linspace(0, 1, 65)), axis=-1).reshape(-1, 2).astype("float32")
    return np.abs(keras.ops.convert_to_numpy(made(x))[:, 0] - product(x)).max()


def test_two_dendrites_attain_a_quarter_and_one_a_third():
    """x/2 + y/2 - 1/4 = 3/4 relu(x) - 1/4 relu(x + 1) + 1/2 relu(y); and x/3 + y/3."""
    assert on_the_square(layer([0.75, -0.25, 0.5, 0.0], [0.0, 1.0, 0.0, 0.0], 2)) == pytest.approx(1 / 4, abs=1e-6)
    assert on_the_square(layer([1 / 3, 1 / 3], [0.0, 0.0], 1)) == pytest.approx(1 / 3, abs=1e-6)


def test_no_layer_with_one_dendrite_is_nearer_than_a_third():
    """The theorem's attackers: many random layers, and the corners' errors alone, of 200,000 more."""
    rng = np.random.default_rng(0)
    w, b = rng.normal(size=(2, 200_000)), rng.normal(size=(2, 200_000))
    zero, one = w * np.maximum(b, 0), w * np.maximum(1 + b, 0)
    corners = [zero[0] + zero[1], zero[0] + one[1], one[0] + zero[1], one[0] + one[1] - 1]
    assert np.abs(corners).max(axis=0).min() >= 1 / 3
    nearest = np.abs(corners).max(axis=0).argsort()[:3]
    for at in nearest:
        assert on_the_square(layer(w[:, at], b[:, at], 1)) >= 1 / 3 - 1e-6


@pytest.mark.parametrize(
    "f, grid",
    [
        (product, []),
        (product, 3),
        (product, [side, []]),
        (product, [side, [0.0, np.nan]]),
        (product, [side, [[0.0]]]),
        (lambda x: x, [side, side]),
        (lambda x: x[:, 0] + np.inf, [side, side]),
    ],
)
def test_refused(f, grid):
    with pytest.raises(ValueError, match="Received: "):
        best_additive(f, grid)


def test_without_scipy_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "scipy", None)
    with pytest.raises(ImportError, match="pip install scipy"):
        best_additive(product, [side, side])
