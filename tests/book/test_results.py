"""The results explorer moves numbers that were computed beforehand."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools"))

import moving


def test_its_numbers_are_what_the_results_are_now():
    assert moving.DATA.read_text() == moving.data(), "run make moving"


def test_the_calculators_times_are_what_is_recorded():
    assert moving.LAYERS.read_text() == moving.layers(), "run make moving"
