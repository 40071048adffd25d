"""The chapter on biology: what it proves of point neurons, attacked with random weights and its own simulation."""

from pathlib import Path

import nbformat
import numpy as np
import pytest

CHAPTER = Path(__file__).resolve().parents[2] / "book" / "biology.ipynb"


@pytest.fixture(scope="module")
def simulate():
    """The chapter's neuron, from its own cell."""
    cells = nbformat.read(CHAPTER, as_version=4).cells
    (source,) = [cell.source for cell in cells if cell.cell_type == "code" and "def simulate(" in cell.source]
    found = {"np": np}
    exec(source, found)
    return found["simulate"]


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
    spikes, _ = simulate(active, "point")
    assert (np.diff(spikes) >= 0).all() and spikes[0] == 0 and spikes[-1] > 100


def test_branches_are_where_it_stops(simulate):
    """More active synapses on one branch may fire a neuron with branches less, so the proof needs the point."""
    spikes, _ = simulate(np.array([[1, 1], [2, 1], [1, 2], [2, 0]]), "passive")
    assert spikes[3] < spikes[0]
