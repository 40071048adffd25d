"""A chapter can fail: with the operation broken, nbval fails on every chapter that rests on it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CHAPTERS = sorted((ROOT / "book").glob("*.ipynb"))
FILE = "ops/reference.py"
MUTATIONS = {
    "a bias dropped": [("activation(x[..., None] + bias)", "activation(x[..., None] + 0 * bias)")],
    "a bias's sign turned": [("activation(x[..., None] + bias)", "activation(x[..., None] - bias)")],
    "a convolution's bias dropped": [("activation(x[..., None] + b)", "activation(x[..., None] + 0 * b)")],
    "a border that is not silent": [
        ("ops.pad(activation(x[..., None] + b), [(0, 0), *border, (0, 0), (0, 0)])",
         "activation(ops.pad(x[..., None], [(0, 0), *border, (0, 0), (0, 0)]) + b)"),
    ],
}  # fmt: skip


def nbval(chapter, library):
    """Run a chapter on the library in a folder, which comes before the installed one."""
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "--nbval", "--nbval-current-env"]
    return subprocess.run(
        [*command, "--nbval-cell-timeout=600", str(chapter)],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(library)},
        capture_output=True,
        text=True,
    )


@pytest.mark.slow
@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda p: p.stem)
@pytest.mark.parametrize("mutation", MUTATIONS)
def test_a_broken_operation_fails_the_chapter(tmp_path, chapter, mutation):
    shutil.copytree(ROOT / "dendnet", tmp_path / "dendnet")
    broken = tmp_path / "dendnet" / FILE
    source = broken.read_text()
    for right, wrong in MUTATIONS[mutation]:
        assert right in source, "the mutation no longer fits the source"
        source = source.replace(right, wrong)
    broken.write_text(source)
    run = nbval(chapter, tmp_path)
    # The cell that failed is one that speaks of the operation: an output that differs, not a crash at the import.
    assert run.returncode == 1 and "Cell outputs differ" in run.stdout + run.stderr, run.stdout + run.stderr
