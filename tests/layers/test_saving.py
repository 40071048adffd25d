"""Saved models in fresh processes that import dendnet: bit by bit on one backend, within rounding on the others."""

import importlib.util
import os
import subprocess
import sys

import keras
import numpy as np
import pytest
from every_layer import EVERY, example

to_numpy = keras.ops.convert_to_numpy
HERE = keras.backend.backend()
ELSEWHERE = [b for b in ("tensorflow", "jax", "torch") if b != HERE and importlib.util.find_spec(b)]

LOAD = """
import sys
import dendnet, keras, numpy as np

for number in range(int(sys.argv[1])):
    run, model = np.load(f"{number}.npz"), keras.saving.load_model(f"{number}.keras")
    for k, w in enumerate(model.weights):
        assert np.array_equal(run[f"arr_{k}"], keras.ops.convert_to_numpy(w)), (number, w.path)
    again = keras.models.clone_model(model)
    again.load_weights(f"{number}.weights.h5")
    for loaded in (model, again):
        y = loaded.predict(run["x"], verbose=0)
        error = np.abs(y - run["y"]).max() / np.abs(run["y"]).max()
        assert error <= float(sys.argv[2]), (number, error)
print("the same on", keras.backend.backend())
"""


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A folder with every layer's model and weights, and what it gives."""
    folder = tmp_path_factory.mktemp("saved")
    for number, (cls, shape, options, size) in enumerate(EVERY):
        model = keras.Sequential([keras.Input(shape), cls(**size, **options)])
        draws = np.random.default_rng(number)
        model.set_weights([draws.normal(size=w.shape) for w in model.weights])
        x = example(shape)
        model.save(folder / f"{number}.keras")
        model.save_weights(folder / f"{number}.weights.h5")
        np.savez(folder / f"{number}.npz", *[to_numpy(w) for w in model.weights], x=x, y=model.predict(x, verbose=0))
    return folder


def load(folder, backend, tolerance):
    command = [sys.executable, "-c", LOAD, str(len(EVERY)), str(tolerance)]
    run = subprocess.run(
        command, cwd=folder, env=os.environ | {"KERAS_BACKEND": backend}, capture_output=True, text=True
    )
    assert run.stdout.strip() == f"the same on {backend}", run.stderr


def test_loads_bit_by_bit(saved):
    load(saved, HERE, tolerance=0)


@pytest.mark.parametrize("backend", ELSEWHERE)
def test_loads_on_another_backend(saved, backend):
    load(saved, backend, tolerance=1e-5)
