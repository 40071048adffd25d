"""The cut for validation, and the checksum of what was read."""

import hashlib

import numpy as np
import pytest

from dendnet.data import Dataset, Split
from dendnet.data.dataset import checksum, digest, stratified


def dataset(y, task="classification", x=None):
    """A data set whose x numbers the samples."""
    x = np.arange(len(y), dtype="float32")[:, None] if x is None else x
    train, test = Split(x, y), Split(x[:1], y[:1])
    return Dataset("made up", train, test, task, None, checksum(train, test), False, "made up", "here")


def drawn(cut):
    return cut.test.x.ravel().astype(int).tolist()


def test_the_cut_is_of_the_training_part_and_in_its_order():
    whole = dataset(np.array([0, 1] * 10))
    cut = whole.validation(6)
    assert len(cut.train) == 14 and len(cut.test) == 6
    assert sorted([*cut.train.x.ravel(), *cut.test.x.ravel()]) == list(range(20))
    for side in (cut.train, cut.test):
        assert (np.diff(side.x.ravel()) > 0).all()
        np.testing.assert_array_equal(side.y, whole.train.y[side.x.ravel().astype(int)])


def test_the_cut_is_the_same_on_every_version_of_numpy():
    assert drawn(dataset(np.array([0, 1] * 10)).validation(6, seed=1)) == [4, 7, 11, 12, 18, 19]
    assert drawn(dataset(np.zeros((10, 1), "float32"), "regression").validation(0.3, seed=1)) == [2, 6, 9]


@pytest.mark.parametrize("counts, part, shares", [
    ((50, 30, 20), 10, (5, 3, 2)),
    ((50, 30, 20), 0.5, (25, 15, 10)),
    ((5, 3, 2), 5, (3, 1, 1)),  # exact shares 2.5, 1.5, 1: the first of the equal remainders takes the sample left
    ((1, 1, 1), 1, (1, 0, 0)),
    ((7, 0, 3), 1, (1, 0, 0)),
])  # fmt: skip
def test_each_class_gives_its_share(counts, part, shares):
    y = np.repeat(np.arange(3), counts)
    cut = dataset(y).validation(part)
    assert tuple(np.bincount(cut.test.y, minlength=3)) == shares


def test_seeds_draw_differently_and_repeatably():
    whole = dataset(np.zeros(1000, int))
    assert drawn(whole.validation(10, 5)) == drawn(whole.validation(10, 5)) != drawn(whole.validation(10, 6))


def test_a_cut_has_a_checksum_of_its_own():
    whole = dataset(np.zeros(100, int))
    found = {whole.checksum, *(whole.validation(part, seed).checksum for part in (10, 20) for seed in (0, 1))}
    assert len(found) == 5 and whole.validation(10).checksum == whole.validation(0.1).checksum


def test_a_mapped_array_stays_mapped(tmp_path, rng):
    images = rng.integers(0, 256, (50, 4, 4, 3)).astype("uint8")
    np.save(tmp_path / "x.npy", images)
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    whole, plain = (dataset(np.arange(50) % 5, x=x) for x in (mapped, images))
    cut, again = whole.validation(10), whole.validation(20).validation(10)
    assert all(isinstance(side.x, np.memmap) for side in (cut.train, cut.test, again.train, again.test))
    np.testing.assert_array_equal(cut.train.x, plain.validation(10).train.x)
    np.testing.assert_array_equal(cut.test.x, plain.validation(10).test.x)
    np.testing.assert_array_equal(again.test.x, plain.validation(20).validation(10).test.x)
    assert [path.name for path in tmp_path.iterdir()] == ["x.npy"]


def test_digest_is_sha256_of_the_bytes(rng, monkeypatch):
    monkeypatch.setattr("dendnet.data.dataset.BLOCK", 100)
    x = rng.normal(size=(30, 7)).astype("float32")
    assert (
        digest(x) == hashlib.sha256(x.tobytes()).hexdigest() == digest(np.asfortranarray(x)) == digest(x.astype(">f4"))
    )


def test_every_change_changes_the_checksum():
    x, y = np.arange(12, dtype="uint8").reshape(3, 4), np.arange(3)
    changed = x.copy()
    changed[2, 3] += 1
    splits = [Split(x, y), Split(changed, y), Split(x, y[::-1]), Split(x.reshape(3, 2, 2), y), Split(x.astype(int), y)]
    assert len({checksum(split, Split(x, y)) for split in splits}) == len(splits)
    assert checksum(splits[0], splits[1]) != checksum(splits[1], splits[0])


def test_no_group_is_empty_handed_when_all_are_drawn():
    np.testing.assert_array_equal(stratified(np.array([1, 0, 1]), 3, 0), [0, 1, 2])


@pytest.mark.parametrize("part", [0, -1, 10, 11, 0.0, 1.0, 1e-9, float("nan"), True, "0.1", None])
def test_no_such_part(part):
    with pytest.raises(ValueError, match=r"part must be .* Received: part="):
        dataset(np.arange(10) % 2).validation(part)


@pytest.mark.parametrize("seed", [-1, 2**32, 1.0, True, None])
def test_no_such_seed(seed):
    with pytest.raises(ValueError, match=r"seed must be .* Received: seed="):
        dataset(np.arange(10) % 2).validation(2, seed)


def test_a_data_set_cannot_be_changed():
    whole = dataset(np.zeros(3, int))
    with pytest.raises(AttributeError):
        whole.name = "mine"
