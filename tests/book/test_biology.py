"""The chapter on biology: what it proves of point neurons, attacked with random weights and its own simulation."""

import numpy as np
import pytest
from neuron import simulation


@pytest.fixture(scope="module")
def simulate():
    return simulation()


def test_no_weights_tell_lists_of_equal_sums_apart(rng):
    """The last q is what the other sums leave over."""
    for n, k in [(2, 1), (4, 2), (4, 3), (9, 5)]:
        p, q = rng.integers(-3, 4, (2, 2000, k, n))
        q[:, -1] += p.sum(axis=1) - q.sum(axis=1)
        w = rng.integers(-9, 10, (2000, n, 1))
        assert not ((p @ w).min(axis=1) > (q @ w).max(axis=1)).any()
        other = q - 9 * np.sign(w).transpose(0, 2, 1)  # sums that differ can be told apart
        assert ((p @ w).min(axis=1) > (other @ w).max(axis=1)).any()


def test_a_point_neuron_fires_no_less_the_more_conductance_it_has(simulate):
    active = np.linspace(0, 40, 400)[:, None]
    spikes, *_ = simulate(active, "point")
    assert (np.diff(spikes) >= 0).all() and spikes[0] == 0 and spikes[-1] > 100


def test_branches_are_where_it_stops(simulate):
    """More active synapses on one branch may fire a neuron with branches less, so the proof needs the point."""
    spikes, *_ = simulate(np.array([[1, 1], [2, 1], [1, 2], [2, 0]]), "passive")
    assert spikes[3] < spikes[0]


def test_one_more_synapse_never_lowers_a_count(simulate):
    """So neither neuron computes exclusive or."""
    counts = {kind: simulate([[i, j] for i in range(5) for j in range(5)], kind)[0] for kind in ("passive", "active")}
    for spikes in counts.values():
        table = spikes.reshape(5, 5)
        assert (np.diff(table, axis=0) >= 0).all() and (np.diff(table, axis=1) >= 0).all() and table.any()


def test_passive_branches_saturate_and_active_ones_amplify(simulate):
    for kind, reached in (("passive", [38.6, 39.8, 39.6, 49.8]), ("active", [21.2, 24.1, 25.3, 59.8])):
        *_, highest = simulate([[1, 0], [1, 1], [1, 2], [2, 0]], kind)
        np.testing.assert_allclose(highest[:, 0], reached, atol=0.06)
