"""The wheel alone, in an empty environment beside one Keras backend: no module is missing, and the layers work."""

import shutil
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
def test_the_wheel_stands_alone(run, wheel, tmp_path):
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
    recorded = where.strip().replace("__init__.py", "results")
    assert {path.name for path in Path(recorded).iterdir()} == {path.name for path in (ROOT / "results").iterdir()}
    modules = "import dendnet, pkgutil; print(*(m.name for m in pkgutil.walk_packages(dendnet.__path__, 'dendnet.')))"
    expected = {".".join(path.relative_to(ROOT).with_suffix("").parts) for path in (ROOT / "dendnet").rglob("*.py")}
    found = set(run(python, "-c", modules, cwd=away, env=environment).split())
    assert {name.removesuffix(".__init__") for name in expected} == found | {"dendnet"}
    tests = ["tests/test_import.py", "tests/layers/test_layers.py", "tests/ops/test_dac_dense.py", "tests/models"]
    assert " passed" in run(python, "-m", "pytest", "-q", *tests, cwd=away, env=environment)
