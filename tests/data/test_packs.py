"""The real data, where their packs lie: in the folder DENDNET_SHARED_DATA, or ../shared/data beside the repository."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from dendnet.data import load
from dendnet.data.dataset import digest

PACKS = Path(os.environ.get("DENDNET_SHARED_DATA") or Path(__file__).resolve().parents[3] / "shared" / "data")


@pytest.fixture
def unpacked(request, tmp_path):
    """unpacked(name): the folder with the pack, written out in its official layout, and the pack's manifest."""

    def unpacked(name):
        if not (PACKS / f"{name}.manifest.json").is_file():
            pytest.skip(f"no pack of {name} in {PACKS}; DENDNET_SHARED_DATA names the folder that has it")
        if name != "sgemm" and not has_avif():
            pytest.skip("unpacking needs a Pillow with AVIF")
        subprocess.run([sys.executable, PACKS / "unpack.py", name, tmp_path / "unpacked"], check=True)
        return tmp_path / "unpacked", json.loads((PACKS / f"{name}.manifest.json").read_text())

    return unpacked


def has_avif():
    try:
        from PIL import features
    except ImportError:
        return False
    return "avif" in features.get_supported()


def test_cifar10(unpacked):
    folder, manifest = unpacked("cifar10")
    data = load("cifar10", folder)
    assert (data.train.x.shape, data.test.x.shape) == ((50_000, 32, 32, 3), (10_000, 32, 32, 3))
    assert digest(data.train.y.astype(np.uint8)) == manifest["sha256_of_source_arrays"]["y_train"]
    assert digest(data.test.y.astype(np.uint8)) == manifest["sha256_of_source_arrays"]["y_test"]
    assert list(data.classes) == manifest["class_names"]
    assert data.reencoded and "not the official one" in data.provenance
    # The official images' mean colours, to a grey level: the colours are in their order.
    np.testing.assert_allclose(data.train.x.mean((0, 1, 2)), np.multiply(255, [0.4914, 0.4822, 0.4465]), atol=1)
    cut = data.validation(5000)
    assert (np.bincount(cut.test.y) == 500).all() and (np.bincount(cut.train.y) == 4500).all()


@pytest.mark.slow
def test_imagenette(unpacked):
    folder, manifest = unpacked("imagenette-64")
    data = load("imagenette", folder, image_size=64)
    assert (data.train.x.shape, data.test.x.shape) == ((9469, 64, 64, 3), (3925, 64, 64, 3))
    for split, part in (("train", data.train), ("val", data.test)):
        assert np.bincount(part.y).tolist() == manifest["counts_per_class"][split]
        assert digest(part.y.astype(np.uint8)) == manifest["sha256_of_source_arrays"][f"y_{split}"]
    assert list(data.classes) == manifest["class_names"] and data.reencoded


def test_sgemm(unpacked):
    folder, manifest = unpacked("sgemm")
    data = load("sgemm", folder)
    assert (data.train.x.shape, data.test.x.shape) == ((193_280, 14), (48_320, 14))
    assert len(data.train) + len(data.test) == manifest["rows"] and not data.reencoded
    np.testing.assert_allclose(data.train.x.mean(0, float), 0, atol=1e-6)
    np.testing.assert_allclose(data.train.x.std(0, float), 1, atol=1e-6)
    np.testing.assert_allclose([data.test.y.mean(), data.test.y.std()], [0, 1], atol=0.02)
