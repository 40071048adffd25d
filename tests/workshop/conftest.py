"""What the slow tests of the wheel share: commands that must succeed, and the wheel itself."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def run():
    """run(*command, **options): what the command says; the test fails with it where the command does."""

    def run(*command, **options):
        done = subprocess.run(command, capture_output=True, text=True, **options)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


@pytest.fixture(scope="session")
def wheel(run, tmp_path_factory):
    """The wheel, built from the source archive as a release is."""
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "build", "--outdir", str(folder), str(ROOT))
    (wheel,) = folder.glob("dendnet-*.whl")
    return wheel
