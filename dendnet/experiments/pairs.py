"""DAC networks against standard ones, seed by seed."""

import math
from dataclasses import dataclass

from dendnet.experiments import identity
from dendnet.experiments.groups import groups, value
from dendnet.experiments.runs import EQUAL_WIDTH
from dendnet.experiments.statistics import Interval, pairs_needed, t_interval

PAPER = 1.73  # points of accuracy, the most that Metta et al. claim over standard ResNets
MATCHES = {"": "equal width", "-parameters": "equal parameters", "-flops": "equal FLOPs"}
AGAINST = {
    unit + match: f"{'APL' if unit == 'apl' else unit}, {said}"
    for unit in EQUAL_WIDTH
    for match, said in MATCHES.items()
}
# What the two of a pair must have in common, beside the seed; each side has a learning rate and the like of its own.
ALIKE = (
    *("backend", "checksum", "validation"),
    *("protocol", "protocol version", "epochs", "batch", "precision", "examples"),
)


@dataclass(frozen=True)
class Comparison:
    """The DAC network against a standard one, seed by seed.

    Args:
        data: Name of the data set.
        network: The network in words.
        variant: Name of the variant of the DAC network, or an empty text.
        against: The standard network's unit.
        measure: ``"accuracy"``, in percent, or ``"rmse"``.
        pairs: For each seed ``(seed, the DAC network's value, the standard one's)``.
        interval: Of DAC minus standard, corrected for the number of comparisons made together.
        needed: Pairs that a difference of the paper's size would need; None where the measure is no accuracy.
        planned: Pairs that there would be if every seed of either side had ended with a number.
        diverged: How many seeds diverged, of the DAC network and of the standard one.
        mixed: Pairs whose two runs were trained with different versions.
        settings: What tells the DAC runs, and the standard ones, from others that are named alike; empty texts mostly.

    Reference:
        The chapter "Full experiments" of the book, section "What was recorded".
    """

    data: str
    network: str
    variant: str
    against: str
    measure: str
    pairs: tuple
    interval: Interval
    needed: int | None
    planned: int = 0
    diverged: tuple = (0, 0)
    mixed: int = 0
    settings: tuple = ("", "")

    @property
    def verdict(self):
        """``"DAC better"``, ``"standard better"`` (or ``"rival"``), ``"not shown"``, or why there is none."""
        other = "standard" if self.against.startswith("standard") else "rival"
        if len(self.pairs) < self.planned:
            text = f"none: {len(self.pairs)} of {self.planned} pairs"
            sides = zip(("DAC", other), self.diverged, strict=True)
            return "; ".join([text, *(f"{side} diverged {count} times" for side, count in sides if count)])
        if not self.interval.shown:
            return "not shown"
        return "DAC better" if (self.interval.mean > 0) == (self.measure == "accuracy") else f"{other} better"


def compare(records, confidence=0.95):
    """Compare DAC networks with the standard ones of the same data, network and seed.

    Runs that differ in any setting, in the data's checksum or in the backend are compared apart, and ``settings`` says
    what tells them apart. A run that diverged is a pair without a number: there is no verdict then, and none where a
    seed is there on one side alone, or was planned and is on neither.

    Args:
        records: Records of runs, as :func:`dendnet.experiments.read_records` gives them, in any order. A variant of the
            DAC network is compared with the standard network's same variant where there is one, and with the plain one
            otherwise; a standard network of equal parameters or FLOPs with the DAC network that it equals.
        confidence: Of all the intervals together.

    Returns:
        A list of :class:`Comparison`, corrected for their number.

    Raises:
        ValueError: The two of a pair were not trained alike, or two records of one run differ.

    Reference:
        The chapter "Full experiments" of the book, section "What was recorded".
    """
    found, known = [], groups(records)
    met_by: dict = {}
    for dac in [group for group in known if group.run.unit == "dac"]:
        for against in AGAINST:
            met = [other for other in _opponents(dac, against, known) if set(dac.records) & set(other.records)]
            alike = [other for other in met if not _unlike(dac, other)]
            found += [(dac, other) for other in alike]
            if met:
                met_by.setdefault((dac.name, against), []).append((dac, met[0], alike))
    for cases in met_by.values():
        if not any(alike for _, _, alike in cases):
            dac, other, _ = cases[0]
            ids = ", ".join(next(iter(group.records.values()))["id"] for group in (dac, other))
            differ = identity.said(_unlike(dac, other))
            raise ValueError(f"The two of a pair must be trained alike. Received: {ids} ({differ})")
    return [_comparison(dac, other, len(found), confidence) for dac, other in found]


def _opponents(dac, against, known):
    """Groups of a standard unit or a rival that the DAC group may be compared with, alike or not."""
    named = [
        other
        for other in known
        if other.run.unit == against
        and (other.run.data, other.run.image_size, other.run.network)
        == (dac.run.data, dac.run.image_size, dac.run.network)
        and (against in EQUAL_WIDTH or other.run.dac_options == dac.run.dac_options)
    ]
    return [other for other in named if other.run.variant == dac.run.variant] or [
        other for other in named if not other.run.variant
    ]


def _unlike(dac, other):
    both = ({name: group.identity[name] for name in ALIKE} for group in (dac, other))
    return identity.differences(*both)


def _comparison(dac, other, count, confidence):
    sides = dac.records, other.records
    seeds = sorted(set(dac.records) & set(other.records))
    of_seeds = [(seed, value(dac.records[seed]), value(other.records[seed])) for seed in seeds]
    pairs = tuple(pair for pair in of_seeds if all(map(math.isfinite, pair)))
    planned = set(dac.records) | set(other.records)
    planned.update(*(record.get("planned", ()) for side in sides for record in side.values()))
    diverged = tuple(sum(not math.isfinite(value(record)) for record in side.values()) for side in sides)
    mixed = sum(_versions(dac.records[seed]) != _versions(other.records[seed]) for seed, _, _ in pairs)
    measure = next(iter(dac.records.values()))["measure"]
    interval = t_interval([a - b for _, a, b in pairs], count, confidence) if pairs else _nothing(count, confidence)
    needed = None
    if measure == "accuracy" and len(pairs) > 1:
        needed = pairs_needed(interval.deviation, PAPER, count, confidence)
    run = dac.run
    return Comparison(
        *(run.data, run.network, run.variant, other.run.unit, measure, pairs, interval, needed),
        *(len(planned), diverged, mixed, (dac.settings, other.settings)),
    )


def _versions(record):
    return {name: record["versions"].get(name) for name in identity.VERSIONS}


def _nothing(count, confidence):
    """The interval of no pair."""
    return Interval(math.nan, -math.inf, math.inf, math.nan, 0, 1 - (1 - confidence) / count)
