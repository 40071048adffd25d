"""A chapter can fail: with what it rests on broken, the operation or the counts, nbval fails on it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CHAPTERS = sorted((ROOT / "book").glob("*.ipynb"))
OPERATION = "ops/reference.py", {
    "a bias dropped": [("activation(x[..., None] + bias)", "activation(x[..., None] + 0 * bias)")],
    "a bias's sign turned": [("activation(x[..., None] + bias)", "activation(x[..., None] - bias)")],
    "a convolution's bias dropped": [("activation(x[..., None] + b)", "activation(x[..., None] + 0 * b)")],
    "a border that is not silent": [
        ("ops.pad(activation(x[..., None] + b), [(0, 0), *border, (0, 0), (0, 0)])",
         "activation(ops.pad(x[..., None], [(0, 0), *border, (0, 0), (0, 0)]) + b)"),
    ],
}  # fmt: skip
BLOCKED = (
    "ops/blocked.py",
    {
        "a bias dropped": [("a = seen + _column(b[", "a = seen + 0 * _column(b[")],
        "a mask turned": [("ops.where(x_r > -_column(", "ops.where(x_r < -_column(")],
        "a mask forgotten": [("ops.where(a > 0, dkernel + a * g, dkernel)", "dkernel + a * g")],
        "a border that is not silent": [("constant_values=-math.inf) if borders", "constant_values=0.0) if borders")],
    },
)
COUNTS = (
    "cost/dendrites.py",
    {
        "a comparison forgotten": [("(BIAS + each) * distinct", "BIAS * distinct")],
        "an activation for every tap": [("len(set(pixels)) for", "len(pixels) for")],
        "biases that outputs share": [("* prod(layer.bias.shape) * prod(", "* layer.bias.shape[0] * prod(")],
    },
)
LISTENERS = (
    "ops/reference.py",
    {
        "a bias dropped": [
            ("kernel * activation(x[..., None] + bias)", "kernel * activation(x[..., None] + 0 * bias)")
        ],
        "a bias's sign turned": [
            ("kernel * activation(x[..., None] + bias)", "kernel * activation(x[..., None] - bias)")
        ],
        "a filter forgotten": [("kernel * activation(x[..., None] + bias)", "kernel * (x[..., None] + bias)")],
        "a bias that listeners share": [
            ("kernel * activation(x[..., None] + bias)", "kernel * activation(x[..., None] + bias[:, :1])")
        ],
    },
)
GEOMETRY = (
    "geometry/steps.py",
    {
        "a hinge on the wrong side": [("[:, None, None, None] - self.bias", "[:, None, None, None] + self.bias")],
        "coincident knots counted twice": [("np.unique(self.hinges[:, i])", "np.sort(self.hinges[:, i], axis=None)")],
        "a map without its offset": [("slopes[passed] * self.bias[i] + offsets", "0 * self.bias[i] + offsets")],
        "an active connection for a silent one": [("< pieces[:, None, None, None]", "<= pieces[:, None, None, None]")],
    },
)
PIECES = (
    "theory/pieces.py",
    {
        "a knot on the other side": [("[-t for t in knots]", "[t for t in knots]")],
        "slopes in place of their changes": [("(t, after - before)", "(t, after)")],
        "a start's sign turned": [("if value * slope > 0", "if value * slope < 0")],
        "a dendrite for a silent start": [("return []", "return [(start, slope)]")],
    },
)
INTERVALS = (
    "experiments/statistics.py",
    {
        "comparisons not counted": [("1 - (1 - confidence) / comparisons\n", "confidence\n")],
        "a deviation of all": [("values.std(ddof=1)", "values.std()")],
        "one degree of freedom too many": [("t.ppf((1 + level) / 2, n - 1)", "t.ppf((1 + level) / 2, n)")],
        "a tail counted once": [("(1 - confidence) / comparisons / 2", "(1 - confidence) / comparisons")],
    },
)
RESTS_ON = {
    "biology": LISTENERS,
    "unit": OPERATION,
    "geometry": GEOMETRY,
    "fast": BLOCKED,
    "cost": COUNTS,
    "universality": PIECES,
    "resnets": INTERVALS,
}
CASES = [
    pytest.param(chapter, file, change, id=f"{chapter.stem}-{name}")
    for chapter in CHAPTERS
    for file, mutations in [RESTS_ON[chapter.stem]]
    for name, change in mutations.items()
]


def nbval(chapter, library):
    """Run a chapter on the library in a folder, which comes before the installed one."""
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "--nbval", "--nbval-current-env"]
    return subprocess.run(
        [*command, "--nbval-cell-timeout=600", "--nbval-sanitize-with=tools/nbval.cfg", str(chapter)],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(library)},
        capture_output=True,
        text=True,
    )


@pytest.mark.slow
@pytest.mark.parametrize("chapter, file, change", CASES)
def test_a_broken_library_fails_the_chapter(tmp_path, chapter, file, change):
    shutil.copytree(ROOT / "dendnet", tmp_path / "dendnet")
    (tmp_path / "results").symlink_to(ROOT / "results")  # beside the library, where a chapter looks for them
    broken = tmp_path / "dendnet" / file
    source = broken.read_text()
    for right, wrong in change:
        assert right in source, "the mutation no longer fits the source"
        source = source.replace(right, wrong)
    broken.write_text(source)
    run = nbval(chapter, tmp_path)
    # The cell that failed speaks of what was broken: an output that differs or an assertion, not a crash at the import.
    said = run.stdout + run.stderr
    assert run.returncode == 1 and ("Cell outputs differ" in said or "AssertionError" in said), said
