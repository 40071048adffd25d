"""The project's own promises: one version, one address, lower bounds, and one clear line where something is missing."""

import ast
import importlib.metadata
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

import dendnet

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

import stamp  # noqa: E402

JOBS = yaml.safe_load((ROOT / ".github/workflows/tests.yml").read_text())["jobs"]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def make(*arguments, **environment):
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("MAKE", "MFLAGS"))}
    return subprocess.run(["make", *arguments], cwd=ROOT, env=clean | environment, capture_output=True, text=True)


def test_one_version():
    assert importlib.metadata.version("dendnet") == dendnet.__version__
    assert "version" in PROJECT["dynamic"]


def test_runtime_requirements_are_lower_bounds():
    extras = PROJECT["optional-dependencies"]
    for requirement in [*PROJECT["dependencies"], *extras["tensorflow"], *extras["jax"], *extras["torch"]]:
        assert re.fullmatch(r"[\w-]+>=[\d.]+", requirement), requirement


def test_every_pin_names_no_index():
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    pins = [line for line in lines if line and not line.lstrip().startswith("#")]
    assert pins and all(re.match(r"[\w.-]+==", line) for line in pins)


def test_the_address_agrees_everywhere():
    for path in stamp.stamped():
        text = path.read_text()
        assert stamp.address() in text, path.name
        assert set(re.findall(r"https://github\.com/[\w.-]+/dendnet", text)) <= {stamp.address()}, path.name


def test_a_stamp_reaches_every_file(tmp_path):
    for path in [ROOT / "pyproject.toml", *stamp.stamped()]:
        target = tmp_path / path.relative_to(ROOT)
        target.parent.mkdir(exist_ok=True)
        shutil.copy(path, target)
    stamp.stamp(tmp_path, "https://github.com/someone/dendrites")
    for path in [tmp_path / "pyproject.toml", *stamp.stamped(tmp_path)]:
        text = path.read_text()
        assert "github.com/someone/dendrites" in text and stamp.address() not in text, path.name


def test_a_stamp_refuses_what_is_no_address():
    with pytest.raises(SystemExit, match="Received: 'somewhere'"):
        stamp.stamp(new="somewhere")


def test_the_readme_says_what_was_recorded():
    """Its ratios are the least and the most median of the records, its times those of the two commands."""
    text = " ".join((ROOT / "README.md").read_text().split())
    said = re.search(r"took ([\d.]+) to ([\d.]+) times .* forward pass and ([\d.]+) to ([\d.]+) times .* step", text)
    rows = []
    for backend in ("tensorflow", "jax"):
        rows += json.loads((ROOT / "results" / f"operation_{backend}.json").read_text())["rows"]
    rows = [row for row in rows if row["case"].startswith("ResNet-20") and "1x1" not in row["case"]]
    for part, bounds in [("forward", said.groups()[:2]), ("step", said.groups()[2:])]:
        medians = [statistics.median(row[part]["blocked"]) for row in rows]
        assert bounds == (f"{min(medians):.1f}", f"{max(medians):.1f}")
    said = re.search(
        r"first step took ([\d.]+) times .* TensorFlow, ([\d.]+) on JAX and ([\d.]+) on torch, "
        r"and a later one ([\d.]+), ([\d.]+) and ([\d.]+) times",
        text,
    )
    rows = [
        json.loads((ROOT / "results" / f"start_{b}.json").read_text())["rows"] for b in ("tensorflow", "jax", "torch")
    ]
    medians = [statistics.median(row[name]["ratios"]) for name in ("first", "later") for row in rows]
    assert said.groups() == tuple(f"{median:.1f}" for median in medians)
    onednn = json.loads((ROOT / "results" / "start_tensorflow_onednn.json").read_text())
    assert "TF_ENABLE_ONEDNN_OPTS=1" in onednn["command"]
    said = re.search(r"where TensorFlow has oneDNN, .*?, ([\d.]+) times", text)
    assert said[1] == f"{statistics.median(onednn['rows']['later']['ratios']):.1f}"
    said = re.search(
        r"a training step of ResNet-20 .* took ([\d.]+) times .* ([\d.]+) times .* ([\d.]+) times in", text
    )
    larger = re.search(r"ResNet-18 at 64 pixels took ([\d.]+), ([\d.]+) and ([\d.]+) times", text)
    for name, found in (("jax_h100", said), ("jax_resnet18_h100", larger)):
        steps = json.loads((ROOT / "results" / f"training_{name}.json").read_text())["rows"]
        assert found.groups() == tuple(f"{row['ratio'][1]:.1f}" for row in steps)
    seconds = json.loads((ROOT / "results" / "two_commands.json").read_text())
    assert f"`make book` took {seconds['make book, seconds']} seconds" in text
    assert f"`make test` {seconds['make test, seconds'] / 60:.0f} minutes" in text


def test_every_record_says_where_it_comes_from():
    for path in (ROOT / "results").glob("*.json"):
        record = json.loads(path.read_text())
        assert {"command", "commit", "versions", "device", "seed", "data"} <= set(record), path.name
        assert re.fullmatch("[0-9a-f]{40}", record["commit"]), path.name


def test_no_record_knows_a_machine_s_folders():
    for path in (ROOT / "results").iterdir():
        assert not re.search(r"[\"'= ]/(tmp|home|root|work|Users|mnt|content)/", path.read_text()), path.name


def one_line(run, *words):
    """The command failed, and said why in one line of its own, before make's."""
    said = [line for line in run.stderr.splitlines() if line.startswith("dendnet:")]
    assert run.returncode and len(said) == 1, run.stderr
    for word in words:
        assert word in said[0]


def test_missing_python_says_so(tmp_path):
    run = make("book", f"VENV={tmp_path}/venv", "PYTHON=/nowhere/python3")
    one_line(run, "Python is missing", "/nowhere/python3")


def test_old_python_says_so(tmp_path):
    old = tmp_path / "python3"
    old.write_text('#!/bin/sh\n[ "$1" = --version ] && echo Python 3.9.2\nexit 1\n')
    old.chmod(0o755)
    one_line(make("test", f"VENV={tmp_path}/venv", f"PYTHON={old}"), "3.11 or newer", "Python 3.9.2")


def test_missing_disk_says_so(tmp_path):
    one_line(make("book", f"VENV={tmp_path}/venv", MIN_DISK_MB="999999999"), "999999999 MB of free disk")


def test_missing_make_says_so():
    run = subprocess.run(
        [shutil.which("bash"), ".ci/run"], cwd=ROOT, env={"PATH": "/nowhere"}, capture_output=True, text=True
    )
    one_line(run, "make is missing")


def commands(target):
    """What a target of the Makefile would run."""
    return make("-n", target).stdout.splitlines()


def test_the_core_is_tested_with_onednn_and_without():
    """TensorFlow has oneDNN on by itself on some processors alone: CI says so in one run, and no in the other."""
    (without,) = [line for line in commands("test-without-onednn") if "pytest" in line]
    assert without.startswith("TF_ENABLE_ONEDNN_OPTS=0 ")
    assert {"tests/ops", "tests/layers", "tests/convert"} <= set(without.split())
    steps = (ROOT / ".ci" / "run").read_text().splitlines()
    assert "TF_ENABLE_ONEDNN_OPTS=1 make test" in steps
    assert any(step.startswith("make ") and "test-without-onednn" in step.split() for step in steps)
    steps = [step for job in JOBS.values() for step in job["steps"] if "run" in step]
    assert any(s["run"] == "make test-without-onednn" for s in steps)
    on = [s["run"].split() for s in steps if s.get("env", {}).get("TF_ENABLE_ONEDNN_OPTS") == "1"]
    assert any(words[0] == "make" and "test" in words for words in on)


def test_the_workflow_runs_all_that_test_all_does():
    needs = re.search(r"^test-all: (.*?)  ##", (ROOT / "Makefile").read_text(), re.MULTILINE).group(1).split()
    runs = [step["run"] for job in JOBS.values() for step in job["steps"] if "run" in step]
    made = {word for run in runs if run.startswith("make ") for word in run.split()[1:]}
    assert set(needs) <= made
    (last,) = [line for line in commands("test-all") if '-m "slow' in line]
    (marks,) = re.findall(r'-m "([^"]*)"', last)
    assert any(f'pytest tests -m "{marks}"' in run for run in runs)


def test_the_changelog_speaks_of_this_version_or_of_the_next():
    headings = re.findall(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert headings[0] == "Unreleased" or headings[0] == dendnet.__version__
    assert len(headings) == len(set(headings))


def test_contributors_are_told_of_things_that_exist():
    text = (ROOT / "CONTRIBUTING.md").read_text()
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"`make ([a-z-]+)`", text)) <= targets
    for path in re.findall(r"`((?:book|tests|tools|results|benchmarks)/[\w./]*)`", text):
        assert (ROOT / path).exists(), path


def test_cleaning_drops_what_changes_from_run_to_run(tmp_path):
    import nbformat

    chapter = ROOT / "book" / "unit.ipynb"
    notebook = nbformat.read(chapter, as_version=4)
    cell = next(cell for cell in notebook.cells if cell.cell_type == "code" and cell.outputs)
    cell.outputs.insert(0, nbformat.v4.new_output("stream", name="stderr", text="a warning"))
    cell.metadata["execution"] = {"iopub.execute_input": "2026-01-01"}
    dirty = tmp_path / "unit.ipynb"
    nbformat.write(notebook, dirty)
    subprocess.run([sys.executable, ROOT / "tools" / "notebooks.py", "--clean", dirty], check=True)
    assert dirty.read_text() == chapter.read_text()


def imports(path):
    """(module, name) for all that a file takes from the project itself."""
    for node in ast.walk(ast.parse(path.read_text())):
        if (
            isinstance(node, ast.ImportFrom)
            and not node.level
            and node.module.split(".")[0] in ("dendnet", "benchmarks")
        ):
            yield from ((node.module, each.name) for each in node.names)


def there(module, name):
    """Whether a module of the project is a file, and gives the name (or has a module of that name)."""
    base = ROOT / module.replace(".", "/")
    file = base.with_suffix(".py") if base.with_suffix(".py").is_file() else base / "__init__.py"
    return file.is_file() and (name in file.read_text() or (base / name).with_suffix(".py").is_file())


@pytest.mark.parametrize(
    "path", sorted([*ROOT.glob("benchmarks/*.py"), *ROOT.glob("tools/*.py")]), ids=lambda p: p.name
)
def test_what_is_run_by_hand_imports_what_is_there(path):
    """Benchmarks and tools need torch, Triton or a GPU: no other test imports them all."""
    assert [pair for pair in imports(path) if not there(*pair)] == []


def test_an_import_of_what_is_gone_is_seen(tmp_path):
    (tmp_path / "a.py").write_text("from dendnet.experiments.gone import schedule\nfrom dendnet.data import cifar\n")
    assert [pair for pair in imports(tmp_path / "a.py") if not there(*pair)] == [
        ("dendnet.experiments.gone", "schedule")
    ]
