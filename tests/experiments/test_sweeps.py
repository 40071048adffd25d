"""Sweeps: one failing run stops no other, changed data are not finished, and what diverged is recorded."""

import contextlib
import signal
from types import SimpleNamespace

import keras
import made_up
import pytest

from dendnet import data
from dendnet.experiments import Run, devices, read_plan, read_records, records, training
from dendnet.experiments.__main__ import main

PLAN = """
data = "digits"
networks = [{ model = "mlp", width = 4, layers = 1 }]
units = ["dac", "standard"]
seeds = 2
protocol = { name = "smoke", epochs = 1, batch = 32, examples = 64 }
"""


@pytest.fixture
def sweep(tmp_path, monkeypatch):
    """sweep(*words): status of the plan's sweep on data that are made up; ``sweep.data`` is what is loaded."""
    (tmp_path / "plan.toml").write_text(PLAN)
    made = SimpleNamespace(data=made_up.images(), loads=0)

    def load(*_):
        made.loads += 1
        if isinstance(made.data, Exception):
            raise made.data
        return made.data

    def run(*words):
        return main(["sweep", "plan.toml", *words])

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(data, "load", load)
    monkeypatch.setattr(devices, "prepare", lambda *_: contextlib.nullcontext)  # determinism stays the others' matter
    run.made, run.results, run.runs = made, tmp_path / "results" / "plan.jsonl", read_plan(tmp_path / "plan.toml")
    return run


def done(path):
    return [Run.of(record["run"]) for record in read_records(path)]


def test_a_failing_run_stops_no_other(sweep, tmp_path, capsys):
    """A file lies where the second run's folder should be."""
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / sweep.runs[1].id).write_text("")
    assert sweep() == 1
    assert done(sweep.results) == [sweep.runs[0], *sweep.runs[2:]]
    last = capsys.readouterr().err.split("dendnet: ")[-1].splitlines()
    assert last[0] == "1 of 4 runs failed or diverged:" and len(last) == 2
    assert "[2/4] digits mlp layers=1 width=4 standard seed 0: " in last[1]
    assert "could not be made (File exists); permit it, or choose another folder" in last[1]


def test_data_that_cannot_be_had_are_asked_for_once(sweep, capsys):
    sweep.made.data = data.DataError("x.tar could not be downloaded: no network. Try again.")
    assert sweep() == 1 and sweep.made.loads == 1
    assert "4 of 4 runs failed" in (said := capsys.readouterr().err) and said.count("x.tar") == 8


def test_a_run_that_does_not_suit_the_data_is_what_cannot_be(sweep, capsys):
    sweep.made.data.train = SimpleNamespace(x=sweep.made.data.train.x[:40], y=sweep.made.data.train.y[:40])
    assert sweep() == 2
    assert capsys.readouterr().err.count("examples must be at most the 40 training examples") == 8


def test_changed_data_are_not_finished(sweep, capsys):
    assert sweep() == 0
    before = read_records(sweep.results)
    assert all(record["planned"] == [0, 1] for record in before)
    assert sweep() == 0 and capsys.readouterr().err.count("finished before\n") == 4
    sweep.made.data.checksum = "another"
    assert sweep() == 1
    said = capsys.readouterr().err
    assert "finished before" not in said and "checksum: made up and another" in said
    assert read_records(sweep.results) == before, "an old record was published again"
    assert sweep("--runs", "others") == 0
    assert [one["data"]["checksum"] for one in read_records(sweep.results)] == ["made up"] * 4 + ["another"] * 4
    assert main(["report", str(sweep.results)]) == 0
    assert "| checksum=another | width, checksum=another |" in capsys.readouterr().out


def test_a_record_without_its_newline_is_kept(sweep):
    """``a, b`` and ``c`` without a newline, then one more run."""
    assert sweep("--part", "1/2") == 0
    sweep.results.write_text(sweep.results.read_text().rstrip("\n"))
    assert sweep() == 0
    assert sorted(run.id for run in done(sweep.results)) == sorted(run.id for run in sweep.runs)


def test_other_versions_are_said_and_not_trained_again(sweep, capsys, monkeypatch):
    assert sweep() == 0
    now = records.versions()
    monkeypatch.setattr(records, "versions", lambda: now | {"keras": "99"})
    assert sweep() == 0 and len(done(sweep.results)) == 4
    assert f"finished before, with other versions (keras: {keras.__version__} and 99)" in capsys.readouterr().err


def test_what_diverged_is_a_record_and_stands_beside_the_verdict(sweep, capsys, monkeypatch):
    tested = training.Training.tested

    def wild(self):
        found = tested(self)
        diverges = self.run.unit == "standard" and self.run.seed == 1
        return found | ({"test_loss": float("inf")} if diverges else {})

    monkeypatch.setattr(training.Training, "tested", wild)
    for _ in range(2):
        assert sweep() == 1
        assert "1 of 4 runs failed or diverged:\n    [4/4]" in capsys.readouterr().err
    found = read_records(sweep.results)
    assert [record.get("diverged") for record in found] == [None, None, None, 1]
    assert main(["report", str(sweep.results)]) == 0
    assert "| none: 1 of 2 pairs; standard diverged 1 times |" in capsys.readouterr().out


@pytest.mark.parametrize("number, status", [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_the_sweep(sweep, capsys, monkeypatch, number, status):
    tested = training.Training.tested

    def asked(self):
        signal.raise_signal(number)
        return tested(self)

    with monkeypatch.context() as during:
        during.setattr(training.Training, "tested", asked)
        assert sweep() == status
    assert "interrupted, the run had just come to its end; the same command goes on there" in capsys.readouterr().err
    assert not sweep.results.exists() and sweep() == 0 and done(sweep.results) == sweep.runs


def test_a_signal_before_a_training_says_so(sweep, capsys, monkeypatch):
    def asked(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(data, "load", asked)
    assert sweep() == 130
    assert "interrupted; what was saved before is kept" in capsys.readouterr().err


def test_a_file_that_may_not_be_read_is_named_with_a_remedy(sweep, capsys, monkeypatch):
    sweep.results.parent.mkdir()
    sweep.results.write_text("")

    def shut(self):
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr("pathlib.Path.read_bytes", shut)
    assert sweep() == 1
    said = capsys.readouterr().err
    assert said == "dendnet: results/plan.jsonl cannot be used (Permission denied); permit it, or give another place\n"


@pytest.mark.parametrize("name", ["runs", "results"])
def test_a_name_that_is_too_long_is_said_with_a_remedy(sweep, capsys, name):
    assert sweep(f"--{name}", "x" * 300) == 1
    said = capsys.readouterr().err
    assert "(File name too long); permit it, or " in said and "Traceback" not in said
