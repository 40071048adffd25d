"""The wheel alone, in an empty environment beside one Keras backend, passes the library's tests."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
def test_the_wheel_stands_alone(tmp_path):
    def run(*command, **options):
        done = subprocess.run(command, capture_output=True, text=True, **options)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    run(sys.executable, "-m", "build", "--outdir", str(tmp_path), str(ROOT))
    (wheel,) = tmp_path.glob("dendnet-*.whl")
    run(sys.executable, "-m", "uv", "venv", "-q", "--python", sys.executable, str(tmp_path / "venv"))
    python = str(tmp_path / "venv" / "bin" / "python")
    run(sys.executable, "-m", "uv", "pip", "install", "-q", "--python", python, f"{wheel}[jax]", "pytest", "hypothesis")

    away = tmp_path / "away"
    shutil.copytree(ROOT / "tests", away / "tests", ignore=shutil.ignore_patterns("book", "workshop", "__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", away)
    environment = {"KERAS_BACKEND": "jax", "PATH": ""}
    where = run(python, "-c", "import dendnet; print(dendnet.__file__)", cwd=away, env=environment)
    assert Path(where.strip()).is_relative_to(tmp_path / "venv")
    assert (Path(where.strip()).parent / "py.typed").exists()
    assert " passed" in run(python, "-m", "pytest", "-q", "tests", cwd=away, env=environment)
