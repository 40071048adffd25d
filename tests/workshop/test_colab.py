"""Every notebook as a reader on Colab meets it: the wheel beside Colab's versions, the notebook in an empty folder."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

ROOT = Path(__file__).resolve().parents[2]
VERSIONS = Path(__file__).with_name("colab.txt")
CHAPTERS = sorted((ROOT / "book").glob("*.ipynb"))
every_chapter = pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
pytestmark = pytest.mark.slow


@pytest.fixture(scope="session")
def colab(run, wheel, tmp_path_factory):
    """Where Jupyter finds a kernel for each backend: Colab's packages and, replacing none of them, the wheel."""
    folder = tmp_path_factory.mktemp("colab")
    python, uv = str(folder / "venv/bin/python"), (sys.executable, "-m", "uv")
    make = (*uv, "venv", "-q", str(folder / "venv"), "--python")
    if subprocess.run([*make, "3.13"], env=os.environ | {"PYENV_VERSION": "3.13"}, capture_output=True).returncode:
        run(*make, sys.executable)
    run(*uv, "pip", "install", "-q", "--python", python, "-r", str(VERSIONS))

    def packages():
        return set(run(python, "-m", "pip", "freeze", "--all").splitlines())

    before = packages()
    run(python, "-m", "pip", "install", "--quiet", str(wheel), timeout=60)
    assert before < packages()
    assert [line.split(" @ ")[0] for line in packages() - before] == ["dendnet"]

    for backend in ("tensorflow", "jax"):
        spec = {
            "argv": [python, "-m", "ipykernel_launcher", "-f", "{connection_file}"],
            "display_name": backend,
            "language": "python",
            "env": {"KERAS_BACKEND": backend, "PYTHONPATH": ""},
        }
        place = folder / "kernels" / f"colab-{backend}" / "kernel.json"
        place.parent.mkdir(parents=True)
        place.write_text(json.dumps(spec))
    return folder


@every_chapter
def test_on_tensorflow_every_output_is_the_stored_one(path, colab, run, tmp_path):
    alone = shutil.copy(path, tmp_path)
    options = ("--nbval", "--nbval-kernel-name", "colab-tensorflow", "--nbval-cell-timeout=900")
    options += ("--nbval-sanitize-with", str(ROOT / "tools" / "nbval.cfg"))
    environment = os.environ | {"JUPYTER_PATH": str(colab)}
    said = run(sys.executable, "-m", "pytest", "-q", *options, str(alone), cwd=tmp_path, env=environment)
    assert " passed" in said and "skipped" not in said


@every_chapter
def test_on_jax_every_cell_runs_and_what_is_true_stays_true(path, colab, tmp_path, monkeypatch):
    if 'os.environ[\\"KERAS_BACKEND\\"] = \\"tensorflow\\"' in path.read_text():
        pytest.skip("the chapter itself asks for TensorFlow: it would be the test above")
    monkeypatch.setenv("JUPYTER_PATH", str(colab))
    stored = nbformat.read(path, as_version=4)
    executed = nbformat.read(path, as_version=4)
    resources = {"metadata": {"path": str(tmp_path)}}
    NotebookClient(executed, timeout=900, kernel_name="colab-jax", resources=resources).execute()
    checks = {cell.id: truths(cell) for cell in stored.cells if truths(cell)}
    assert checks
    assert {cell.id: truths(cell) for cell in executed.cells if cell.id in checks} == checks


def truths(cell):
    """The truth values that a compared cell prints, in turn."""
    if cell.cell_type != "code" or "nbval-ignore-output" in cell.metadata.get("tags", []):
        return []
    printed = (output.text for output in cell.outputs if output.get("name") == "stdout")
    return re.findall(r"\b(?:True|False)\b", " ".join(printed))
