"""The plans of the repository can be read, and what is in results/ is what they say."""

import re
from pathlib import Path

import numpy as np
import pytest

from dendnet.experiments import compare, read_plan, read_records

ROOT = Path(__file__).resolve().parents[2]
PLANS = sorted((ROOT / "plans").glob("*.toml"))
RESULTS = sorted((ROOT / "results").glob("*.jsonl"))


@pytest.mark.parametrize("plan", PLANS, ids=lambda path: path.stem)
def test_plans_can_be_read(plan):
    assert read_plan(plan)


@pytest.mark.parametrize("path", RESULTS, ids=lambda path: path.stem)
def test_records_say_where_they_come_from_and_are_of_their_plan(path):
    planned = {run.id for run in read_plan(ROOT / "plans" / f"{path.stem}.toml")}
    found = read_records(path)
    assert found and len({record["id"] for record in found}) == len(found)
    for record in found:
        assert record["id"] in planned
        assert re.fullmatch("[0-9a-f]{40}", record["commit"])
        assert record["value"] == record["metrics"][-1][f"test_{record['measure']}"]
        assert len(record["metrics"]) == record["run"]["protocol"]["epochs"] == len(record["times"]["seconds"])
        assert {"command", "versions", "device", "seed", "data", "weights"} <= set(record)
        assert re.fullmatch("[0-9a-f]{64}", record["data"]["checksum"])
        assert not re.search("/(root|tmp|home|work)/", record["data"]["source"] + record["command"])


def compares(path):
    """Whether a results file's plan sets DAC networks against standard ones on test data."""
    planned = read_plan(ROOT / "plans" / f"{path.stem}.toml")
    return {"dac", "standard"} <= {run.unit for run in planned} and not any(run.validation for run in planned)


@pytest.mark.parametrize("path", [path for path in RESULTS if compares(path)], ids=lambda path: path.stem)
def test_comparisons_have_five_pairs_at_least_and_are_balanced(path):
    found = compare(read_records(path))
    assert found and min(one.interval.pairs for one in found) >= 5
    assert not any(record["run"]["validation"] for record in read_records(path))


# The standard network's unit, and mean, low and high of DAC minus standard, as dendnet 0.1 reported them.
REPORTED = {
    "cifar10": [
        ("standard", 0.53800, -0.78825, 1.86425),
        ("standard-parameters", 1.79000, -0.46485, 4.04485),
    ],
    "cifar10_deeper": [
        ("standard", 0.36800, 0.20913, 0.52687),
    ],
    "cifar10_short": [
        ("standard", 0.26200, -0.01176, 0.53576),
        ("standard-parameters", -0.07000, -0.41105, 0.27105),
    ],
    "imagenette": [
        ("standard", 1.31975, 0.99068, 1.64881),
    ],
    "imagenette_short": [
        ("standard", 0.40764, -0.77883, 1.59411),
        ("standard-parameters", 0.82548, -0.81845, 2.46940),
    ],
    "sgemm": [
        ("standard", -0.02020, -0.02283, -0.01756),
        ("standard-parameters", -0.00274, -0.00570, 0.00022),
        ("standard", -0.01637, -0.01803, -0.01471),
        ("standard-parameters", -0.00861, -0.01064, -0.00658),
        ("standard", -0.01486, -0.01614, -0.01358),
        ("standard-parameters", -0.01060, -0.01184, -0.00936),
    ],
    "sgemm_ablations": [
        ("standard", -0.01828, -0.02490, -0.01165),
        ("standard", -0.00250, -0.00316, -0.00184),
        ("standard", 0.00509, 0.00096, 0.00922),
        ("standard", -0.01777, -0.02329, -0.01225),
        ("standard", -0.00915, -0.01563, -0.00267),
        ("standard", -0.02417, -0.03072, -0.01763),
        ("standard", -0.02881, -0.03351, -0.02411),
    ],
}


@pytest.mark.parametrize("name", REPORTED)
def test_what_was_recorded_is_reported_as_before(name):
    found = compare(read_records(ROOT / "results" / f"{name}.jsonl"))
    assert [one.against for one in found] == [against for against, *_ in REPORTED[name]]
    shown = [(one.interval.mean, one.interval.low, one.interval.high) for one in found]
    np.testing.assert_allclose(shown, [numbers for _, *numbers in REPORTED[name]], atol=6e-6)
    assert all(one.settings == ("", "") and one.planned == one.interval.pairs for one in found)


def test_the_same_network_with_two_rates_is_two_rows():
    """In the files of the repository: dendnet 0.1 gave the row of the one or the other, whichever was read last."""
    files = [read_records(ROOT / "results" / f"cifar10_short{part}.jsonl") for part in ("", "_settings")]
    found = compare([*files[0], *files[1]])
    assert found == compare([*files[1], *files[0]])
    assert [(one.settings[1], one.verdict) for one in found if one.against == "standard"] == [
        ("learning_rate=0.4", "not shown"),
        ("learning_rate=0.8", "DAC better"),
    ]
