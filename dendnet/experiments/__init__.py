"""Experiments that go on where they were stopped, with many seeds and honest intervals.

``python -m dendnet.experiments run|sweep|report`` is the command line; the chapter "Full experiments" shows it.
"""

from dendnet.experiments.pairs import Comparison, compare
from dendnet.experiments.plans import read as read_plan
from dendnet.experiments.protocols import PROTOCOLS, Protocol
from dendnet.experiments.records import RESULTS
from dendnet.experiments.records import read as read_records
from dendnet.experiments.runs import Run
from dendnet.experiments.statistics import Interval, holm, pairs_needed, t_interval
from dendnet.experiments.storage import Trouble
from dendnet.experiments.training import Diverged, train

__all__ = [
    "PROTOCOLS",
    "RESULTS",
    "Comparison",
    "Diverged",
    "Interval",
    "Protocol",
    "Run",
    "Trouble",
    "compare",
    "holm",
    "pairs_needed",
    "read_plan",
    "read_records",
    "t_interval",
    "train",
]
