"""CIFAR's binary files against records written byte by byte."""

import numpy as np
import packed
import pytest

from dendnet.data import DataError, load
from dendnet.data import cifar as reader
from dendnet.data.dataset import digest

NAMES = {"cifar10": ("cifar-10-batches-bin", 5), "cifar100": ("cifar-100-binary", 1)}


@pytest.fixture(params=["cifar10", "cifar100"])
def folder(request, tmp_path, rng, small_cifar):
    """(name, folder, images, labels): the files of either set with two records each."""
    name = request.param
    files, images, labels = packed.cifar(name, rng)
    small_cifar(name)
    return name, packed.write(tmp_path / NAMES[name][0], files), images, labels


def test_images_and_labels_in_order(folder):
    name, path, images, labels = folder
    data = load(name, path)
    count = 2 * NAMES[name][1]
    np.testing.assert_array_equal(data.train.x, images[:count])
    np.testing.assert_array_equal(data.test.x, images[count:])
    np.testing.assert_array_equal(np.r_[data.train.y, data.test.y], labels)
    assert data.train.x.dtype == np.uint8 and data.train.y.dtype == np.int64
    assert data.classes[0] == "class0" and len(data.classes) == {"cifar10": 10, "cifar100": 100}[name]
    assert (data.name, data.task, data.source) == (name, "classification", str(path))


@pytest.mark.parametrize("side", [16, 8])
def test_smaller_images_are_means_over_blocks(folder, side):
    name, path, images, _ = folder
    data, block = load(name, path, image_size=side), 32 // side
    assert data.train.x.shape == (2 * NAMES[name][1], side, side, 3) and data.train.x.dtype == np.uint8
    exact = images[0, :block, -block:].astype(float).mean((0, 1))
    np.testing.assert_allclose(data.train.x[0, 0, -1], exact, atol=0.5)
    assert load(name, path, image_size=32).checksum == load(name, path).checksum != data.checksum
    assert data.reencoded == load(name, path).reencoded


def test_the_folder_above_is_found_too(folder):
    name, path, *_ = folder
    assert load(name, path.parent).checksum == load(name, str(path)).checksum


def test_a_file_that_is_cut_off_is_named(folder):
    name, path, *_ = folder
    file = path / ("data_batch_3.bin" if name == "cifar10" else "train.bin")
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(DataError, match=rf"{file.name} must have \d+ bytes and has \d+"):
        load(name, path)


def test_a_label_that_no_class_has_is_named(folder):
    name, path, *_ = folder
    file = path / ("test_batch.bin" if name == "cifar10" else "test.bin")
    content = bytearray(file.read_bytes())
    content[0 if name == "cifar10" else 1] = 100
    file.write_bytes(content)
    with pytest.raises(DataError, match=rf"{file.name} has a class number above"):
        load(name, path)


def test_names_that_are_too_few_are_refused(folder):
    name, path, *_ = folder
    file = path / reader.LAYOUTS[name].names
    file.write_text("cat\ndog\n")
    with pytest.raises(DataError, match=rf"{file.name} must name \d+ classes, not 2"):
        load(name, path)


def test_a_folder_that_lacks_a_file_is_refused(folder):
    name, path, *_ = folder
    (path / reader.LAYOUTS[name].names).unlink()
    with pytest.raises(ValueError, match=r"data_dir must hold the unpacked cifar.* Received: data_dir="):
        load(name, path)


@pytest.mark.parametrize(("name", "trained", "test"), [("cifar10", 10, "test_batch.bin"), ("cifar100", 2, "test.bin")])
def test_official_images_are_known_by_their_digest(tmp_path, rng, small_cifar, name, trained, test):
    files, images, _ = packed.cifar(name, rng)
    small_cifar(name, official=(digest(images[:trained]), digest(images[trained:])))
    official = load(name, packed.write(tmp_path / "official", files))
    assert not official.reencoded and "number by number" in official.provenance
    changed = bytearray(files[test])
    changed[-1] ^= 1
    other = load(name, packed.write(tmp_path / "other", files | {test: bytes(changed)}))
    assert other.reencoded and "not the official one" in other.provenance
    assert other.checksum != official.checksum
