"""Recorded runs in groups: those of one group differ in nothing but the seed."""

import json
import math
from collections import defaultdict
from dataclasses import dataclass, field

from dendnet.experiments import identity
from dendnet.experiments.runs import Run

OUTCOME = ("value", "diverged", "weights", "metrics")
SHOWN = ("value", "diverged", "device", "commit")


@dataclass
class Group:
    """Runs that differ in nothing but the seed, and the versions.

    Args:
        run: One of them.
        identity: What they have in common.
        records: By seed.
        settings: What tells them from other groups of the same name, as ``"learning_rate=0.1"``; mostly empty.
    """

    run: Run
    identity: dict
    records: dict = field(default_factory=dict)
    settings: str = ""

    @property
    def name(self):
        """What a reader knows them by."""
        return self.run.data, self.run.network, self.run.variant, self.run.unit


def value(record):
    """The measure of a run: an accuracy in percent, an rmse as it is; NaN where it diverged."""
    if record["value"] is None:
        return math.nan
    return record["value"] * (100 if record["measure"] == "accuracy" else 1)


def groups(records):
    """The records in groups, in the order in which the first of each was begun: that of the lines has no part in it.

    Raises:
        ValueError: Two records of one run differ in what came out.
    """
    found: dict = {}
    for record in sorted(records, key=lambda one: (one["times"].get("starts", []), json.dumps(one, sort_keys=True))):
        one = identity.of_record(record)
        common = identity.without(one, "seed", *identity.VERSIONS)
        group = found.setdefault(identity.key(common), Group(Run.of(record["run"]), common))
        before = group.records.setdefault(one["seed"], record)
        if _text(before, OUTCOME) != _text(record, OUTCOME):
            unlike = identity.differences(identity.of_record(before), one)
            unlike |= identity.differences(*({name: each.get(name) for name in SHOWN} for each in (before, record)))
            raise ValueError(
                f"A run must have one record, or several that agree: report these one by one. Received: {record['id']} "
                f"twice ({identity.said(unlike)})"
            )
    named = defaultdict(list)
    for group in found.values():
        named[group.name].append(group)
    for namesakes in named.values():
        for group in namesakes:
            others = [identity.differences(group.identity, other.identity) for other in namesakes]
            names = [name for name in group.identity if any(name in differ for differ in others)]
            group.settings = ", ".join(f"{name}={identity.short(name, group.identity[name])}" for name in names)
    return list(found.values())


def _text(record, names):
    return json.dumps([record.get(name) for name in names])
