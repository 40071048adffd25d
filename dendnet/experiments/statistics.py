"""What differences of pairs show, and what they do not."""

import math
from dataclasses import dataclass

import numpy as np

from dendnet.experiments import checks


@dataclass(frozen=True)
class Interval:
    """A mean difference of pairs with its t interval.

    Args:
        mean: Mean of the differences.
        low, high: Ends of the interval.
        deviation: Standard deviation of the differences; NaN for one pair.
        pairs: Their number.
        level: Confidence of this interval by itself: 1 - α/m where m are compared.

    Reference:
        The chapter "Full experiments" of the book, equation :eq:`paired-interval`.
    """

    mean: float
    low: float
    high: float
    deviation: float
    pairs: int
    level: float

    @property
    def shown(self):
        """Whether 0 lies outside. Where it lies inside, nothing is shown, which is not the same as no difference."""
        return not self.low <= 0 <= self.high


def t_interval(differences, comparisons=1, confidence=0.95):
    """Student's interval of a mean difference, wide enough for m comparisons at once (Bonferroni).

        mean ± t(1 - α / 2m, n - 1) s / √n,   α = 1 - confidence

    If each of m intervals misses its true mean with probability α/m, all of them hold theirs with probability
    1 - α at least, whatever they have to do with each other. The differences are taken to be independent and normal.

    Args:
        differences: The n differences, one for each pair.
        comparisons: The number m of comparisons made together.
        confidence: 1 - α of all of them.

    Returns:
        An :class:`Interval`; without end for one pair.

    Raises:
        ValueError: There is no difference, or one that is no finite number.

    Example:
        >>> from dendnet.experiments import t_interval
        >>> found = t_interval([1.0, 2.0, 3.0])
        >>> round(found.low, 2), round(found.high, 2), found.shown
        (-0.48, 4.48, False)

    Reference:
        The chapter "Full experiments" of the book, equation :eq:`paired-interval`.
    """
    values = np.asarray(differences, "float64")
    if values.ndim != 1 or not values.size or not np.isfinite(values).all():
        raise ValueError(f"differences must be finite numbers, one at least. Received: differences={differences!r}")
    checks.integer("comparisons", comparisons, least=1)
    n, mean, level = len(values), float(values.mean()), 1 - (1 - confidence) / comparisons
    if n == 1:
        return Interval(mean, -math.inf, math.inf, math.nan, n, level)
    deviation = float(values.std(ddof=1))
    half = float(_stats().t.ppf((1 + level) / 2, n - 1)) * deviation / math.sqrt(n)
    return Interval(mean, mean - half, mean + half, deviation, n, level)


def holm(p_values):
    """p-values of comparisons made together, adjusted by Holm's method.

        p'_(k) = max over i <= k of min(1, (m - i + 1) p_(i)),   p_(1) <= ... <= p_(m)

    Calling those differences shown whose adjusted value is at most α keeps the probability of one false statement or
    more, the family-wise error rate, at α at most, whatever the p-values have to do with each other. It shows all that
    Bonferroni's correction shows, and may show more.

    Args:
        p_values: One p-value for each of the m comparisons.

    Returns:
        The adjusted p-values, a NumPy array in the same order.

    Raises:
        ValueError: There is no p-value, or one is no number from 0 to 1.

    Example:
        >>> from dendnet.experiments import holm
        >>> [round(float(p), 3) for p in holm([0.03, 0.01, 0.04])]
        [0.06, 0.03, 0.06]

    Reference:
        Holm, Scandinavian Journal of Statistics 6 (1979) 65-70; the chapter "Full experiments" of the book, section
        "How it was decided".
    """
    p = np.asarray(p_values, "float64")
    if p.ndim != 1 or not p.size or not ((p >= 0) & (p <= 1)).all():
        raise ValueError(f"p_values must be numbers from 0 to 1, one at least. Received: p_values={p_values!r}")
    order = np.argsort(p)
    adjusted = np.empty_like(p)
    adjusted[order] = np.maximum.accumulate(np.minimum(1, np.arange(len(p), 0, -1) * p[order]))
    return adjusted


def pairs_needed(deviation, difference, comparisons=1, confidence=0.95, power=0.8, most=100_000):
    """How many pairs a true difference would need to be shown, four times in five.

    The least n at which the t interval of :func:`t_interval` excludes 0 with probability ``power``, where the
    differences are normal with this mean and deviation: n differences give a noncentral t.

    Args:
        deviation: Standard deviation of the differences of pairs.
        difference: The true mean.
        comparisons: The number m of comparisons made together.
        confidence: 1 - α of all of them.
        power: Probability of showing it.
        most: Where to stop looking.

    Returns:
        The number of pairs, 2 at least; ``most`` where that many would not do.

    Raises:
        ValueError: ``deviation`` is negative or not finite, or ``difference`` is 0 or not finite.

    Example:
        >>> from dendnet.experiments import pairs_needed
        >>> pairs_needed(deviation=1.0, difference=1.73)
        5

    Reference:
        The chapter "Full experiments" of the book, section "The noise, and what pairs do about it".
    """
    checks.number("deviation", deviation, least=0)
    if not math.isfinite(difference) or not difference:
        raise ValueError(f"difference must be a finite number other than 0. Received: difference={difference!r}")
    if not deviation:
        return 2
    stats, tail = _stats(), (1 - confidence) / comparisons / 2

    def shows(n):
        bound = stats.t.ppf(1 - tail, n - 1)
        return stats.nct.sf(bound, n - 1, abs(difference) / deviation * math.sqrt(n)) >= power

    low, high = 1, 2
    while high < most and not shows(high):
        low, high = high, min(2 * high, most)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if shows(middle) else (middle, high)
    return high


def _stats():
    try:
        from scipy import stats
    except ImportError as error:
        raise ImportError("Intervals need SciPy: pip install scipy") from error
    return stats
