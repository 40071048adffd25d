"""Intervals: by hand, against SciPy's own, and by simulation."""

import math

import numpy as np
import pytest
from scipy import stats

from dendnet.experiments import holm, pairs_needed, t_interval


def test_by_hand():
    """n = 4, mean 2.5, s = √(5/3), t(0.975, 3) = 3.1824: 2.5 ± 3.1824 · 1.29099 / 2."""
    found = t_interval([1, 2, 3, 4])
    assert found.mean == 2.5 and found.deviation == pytest.approx(1.29099, abs=1e-5)
    assert found.low == pytest.approx(0.4457, abs=1e-4) and found.high == pytest.approx(4.5543, abs=1e-4)
    assert found.shown


def test_agrees_with_scipy(rng):
    values = rng.normal(1, 2, 9)
    theirs = stats.ttest_1samp(values, 0).confidence_interval(0.99)
    ours = t_interval(values, comparisons=5)
    np.testing.assert_allclose([ours.low, ours.high], theirs)
    assert ours.level == pytest.approx(0.99)


def test_it_holds_the_mean_as_often_as_it_says(rng):
    """Of 2,000 intervals of 95 % about 5 % miss; of ten corrected ones together about 5 % have one that misses."""
    missed = [t_interval(rng.normal(0, 1, 5)).shown for _ in range(2000)]
    assert abs(np.mean(missed) - 0.05) < 0.02
    families = [any(t_interval(rng.normal(0, 1, 5), 10).shown for _ in range(10)) for _ in range(500)]
    assert abs(np.mean(families) - 0.05) < 0.04


def test_one_pair_shows_nothing():
    found = t_interval([5.0])
    assert not found.shown and found.high == math.inf


def test_pairs_needed_show_it_four_times_in_five(rng):
    n = pairs_needed(deviation=1.5, difference=1.0, comparisons=3)
    share = {k: np.mean([t_interval(rng.normal(1, 1.5, k), 3).low > 0 for _ in range(1500)]) for k in (n - 5, n)}
    assert share[n - 5] < 0.8 - 0.01 and abs(share[n] - 0.8) < 0.04


def test_pairs_needed_grow_as_they_should():
    assert pairs_needed(0.0, 1.73) == 2
    few, more, many = pairs_needed(1, 1.73), pairs_needed(1, 1.73, comparisons=10), pairs_needed(2, 1.73)
    assert few < more < many
    assert pairs_needed(1, -1.73) == few
    assert pairs_needed(1e9, 1e-9) == 100_000


def test_holm_by_hand():
    """0.01 * 4, 0.02 * 3, max(0.03 * 2, before), 0.9."""
    np.testing.assert_allclose(holm([0.9, 0.01, 0.03, 0.02]), [0.9, 0.04, 0.06, 0.06])
    np.testing.assert_allclose(holm([0.4, 0.6]), [0.8, 0.8])
    assert holm([0.3]) == [0.3]


def test_holm_rejects_what_its_procedure_rejects_and_no_less_than_bonferroni(rng):
    """Step down: the k-th smallest is rejected while it is at most α / (m - k + 1)."""
    for _ in range(300):
        p, level = rng.uniform(size=rng.integers(1, 8)) ** 3, 0.05
        rejected, order = np.zeros(len(p), bool), np.argsort(p)
        for k, place in enumerate(order):
            if p[place] > level / (len(p) - k):
                break
            rejected[place] = True
        np.testing.assert_array_equal(holm(p) <= level, rejected)
        assert (holm(p) <= np.minimum(1, len(p) * p)).all()


def test_holm_keeps_the_family_wise_error_rate(rng):
    p = rng.uniform(size=(4000, 9))
    fooled = np.mean([(holm(family) <= 0.05).any() for family in p])
    assert abs(fooled - (1 - (1 - 0.05 / 9) ** 9)) < 0.012


@pytest.mark.parametrize("p_values", [[], [1.1], [-0.1], [float("nan")], [[0.1]], 0.1])
def test_holm_refuses(p_values):
    with pytest.raises(ValueError, match=r"p_values must be numbers from 0 to 1, one at least\. Received: p_values="):
        holm(p_values)


@pytest.mark.parametrize("differences", [[], [float("nan")], [[1.0]], [float("inf"), 1]])
def test_differences_refused(differences):
    with pytest.raises(ValueError, match="Received: differences="):
        t_interval(differences)


@pytest.mark.parametrize("deviation, difference", [(-1, 1), (float("nan"), 1), (1, 0), (1, float("inf"))])
def test_needed_refused(deviation, difference):
    with pytest.raises(ValueError, match="Received: "):
        pairs_needed(deviation, difference)
