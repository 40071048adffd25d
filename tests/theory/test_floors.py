"""Floors of an error: met by hand, broken by no network that they speak of, and met by what has no such bound."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from theory_settings import few

from dendnet.theory import additive_floor, readout_floor


def tables(seed, levels=4, n=2, m=5, rows=60):
    rng = np.random.default_rng(seed)
    return rng, rng.integers(0, levels, (rows, n)), rng.normal(size=(rows, m))


def test_two_units_of_four():
    assert readout_floor([[0], [1], [2], [3]], np.eye(4), 2).error == pytest.approx(1 / 16)
    assert readout_floor([[0], [1], [2], [3]], np.eye(4), 3).error == pytest.approx(0, abs=1e-15)


def test_weights_are_the_shares_of_the_rows():
    """Three rows of input 0 and one of input 1: a constant is nearest at 3/4, off by 3/16 on average."""
    floor = readout_floor([[0], [0], [0], [1]], [[1], [1], [1], [0]], 0)
    assert floor.error == pytest.approx(3 / 16)


def test_noise_is_what_equal_inputs_disagree_about():
    for floor in (readout_floor([[7], [7]], [[0], [1]], 5), additive_floor([[7], [7]], [[0], [1]])):
        assert (floor.noise, floor.excess) == pytest.approx((0.25, 0))


def test_exclusive_or_is_no_sum():
    inputs = [[0, 0], [0, 1], [1, 0], [1, 1]]
    assert additive_floor(inputs, [[0], [1], [1], [0]]).error == pytest.approx(0.25)
    assert additive_floor(inputs, [[0], [1], [5], [6]]).error == pytest.approx(0)


@few(20)
@given(seed=st.integers(0, 2**32 - 1), units=st.integers(0, 4))
def test_no_readout_is_below(seed, units):
    """The best readout, by least squares, of random hidden units, and of the best ones, which meets the floor."""
    rng, inputs, targets = tables(seed)
    floor = readout_floor(inputs, targets, units)
    cells, at = np.unique(inputs, axis=0, return_inverse=True)
    hidden = np.maximum(cells @ rng.normal(size=(2, units)) + rng.normal(size=units), 0)

    def least(features):
        read = np.concatenate([features[at.reshape(-1)], np.ones((len(targets), 1))], axis=1)
        return np.mean((read @ np.linalg.lstsq(read, targets, rcond=None)[0] - targets) ** 2)

    assert least(hidden) >= floor.error - 1e-12
    share = np.bincount(at.reshape(-1)) / len(inputs)
    means = np.stack([np.bincount(at.reshape(-1), t) for t in targets.T], 1) / np.bincount(at.reshape(-1))[:, None]
    centred = np.sqrt(share)[:, None] * (means - share @ means)
    best = np.linalg.svd(centred)[0][:, :units] / np.sqrt(share)[:, None]
    assert least(best) == pytest.approx(floor.error)


@few(20)
@given(seed=st.integers(0, 2**32 - 1), dendrites=st.integers(1, 3))
def test_no_dac_layer_is_below_the_additive_floor(seed, dendrites):
    """Random knots, the best weights for them, and as many knots as values, which meet the floor."""
    rng, inputs, targets = tables(seed)
    floor = additive_floor(inputs, targets)
    for output, target in enumerate(targets.T):
        knots = rng.uniform(-1, 4, (2, dendrites))
        alone = additive_floor(inputs, targets[:, output : output + 1]).error
        for where, meets in ((knots, False), (np.tile([-1.0, 0, 1, 2], (2, 1)), True)):
            hinges = np.maximum(inputs[:, :, None] - where, 0).reshape(len(inputs), -1)
            read = np.concatenate([hinges, np.ones((len(inputs), 1))], axis=1)
            error = np.mean((read @ np.linalg.lstsq(read, target, rcond=None)[0] - target) ** 2)
            assert error >= alone - 1e-12
            assert not meets or error == pytest.approx(alone)
    each = [additive_floor(inputs, targets[:, j : j + 1]).error for j in range(targets.shape[1])]
    assert floor.error == pytest.approx(np.mean(each))


def test_a_dac_layer_goes_below_the_readout_floor():
    """Thermometers: eight listeners of one signal, each exact with a knot of its own, and two hidden units for all."""
    x = np.linspace(0, 1, 17)[:, None]
    targets = np.maximum(x - np.arange(8) / 8, 0)
    assert readout_floor(x, targets, 2).error > 1e-4
    assert additive_floor(x, targets).error == pytest.approx(0, abs=1e-15)


@pytest.mark.parametrize(
    ("inputs", "targets", "units", "message"),
    [
        ([[0.0]], [[1.0]], -1, "units must be a whole number of 0 or more. Received: units=-1"),
        ([[0.0]], [[1.0]], True, "units must be a whole number of 0 or more. Received: units=True"),
        ([[0.0]], [[1.0], [2.0]], 1, "Received: inputs.shape=(1, 1), targets.shape=(2, 1)"),
        (np.zeros((0, 2)), np.zeros((0, 1)), 1, "none may be empty"),
        ([0.0], [[1.0]], 1, "inputs must have 2 axes"),
        ([[0.0]], [[np.nan]], 1, "targets must be finite"),
    ],
)
def test_refused(inputs, targets, units, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        readout_floor(inputs, targets, units)
    if "units" not in message:
        with pytest.raises(ValueError, match=re.escape(message)):
            additive_floor(inputs, targets)
