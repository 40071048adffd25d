"""The plans of the repository can be read, and what is in results/ is what they say."""

import re
from pathlib import Path

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
