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

run, model = np.load("run.npz"), keras.saving.load_model("model.keras")
count, tolerance = len(model.outputs), float(sys.argv[1])
again = keras.models.clone_model(model)
again.load_weights("model.weights.h5")
for loaded in (model, again):
    for k, w in enumerate(loaded.weights):
        assert np.array_equal(run[f"w{k}"], keras.ops.convert_to_numpy(w)), w.path
for k, y in enumerate(model.predict([run[f"x{k}"] for k in range(count)], verbose=0)):
    error = np.abs(y - run[f"y{k}"]).max() / np.abs(run[f"y{k}"]).max()
    assert error <= tolerance, (k, error)
print("the same on", keras.backend.backend())
"""


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A folder with a model of all layers side by side, its weights, and what it gives."""
    folder = tmp_path_factory.mktemp("saved")
    inputs = [keras.Input(shape) for _, shape, _, _ in EVERY]
    outputs = [cls(**size, **options)(x) for x, (cls, _, options, size) in zip(inputs, EVERY, strict=True)]
    model = keras.Model(inputs, outputs)
    draws = np.random.default_rng(0)
    model.set_weights([draws.normal(size=w.shape) for w in model.weights])
    x = [example(shape, seed=seed) for seed, (_, shape, _, _) in enumerate(EVERY)]
    y = model.predict(x, verbose=0)
    model.save(folder / "model.keras")
    model.save_weights(folder / "model.weights.h5")
    arrays = {"w": map(to_numpy, model.weights), "x": x, "y": y}
    np.savez(folder / "run.npz", **{f"{name}{k}": a for name, each in arrays.items() for k, a in enumerate(each)})
    return folder


def load(folder, backend, tolerance):
    command = [sys.executable, "-c", LOAD, str(tolerance)]
    run = subprocess.run(
        command, cwd=folder, env=os.environ | {"KERAS_BACKEND": backend}, capture_output=True, text=True
    )
    assert run.stdout.strip() == f"the same on {backend}", run.stderr


def test_loads_bit_by_bit(saved):
    load(saved, HERE, tolerance=0)


@pytest.mark.parametrize("backend", ELSEWHERE)
def test_loads_on_another_backend(saved, backend):
    load(saved, backend, tolerance=1e-5)
