"""CIFAR's binary version: each record is its label bytes, then the red, the green and the blue plane."""

import os
from dataclasses import dataclass

import numpy as np

from dendnet.data.dataset import Dataset, Split, checksum, digest
from dendnet.data.errors import DataError

SIDE = 32
SIDES = (32, 16, 8)


@dataclass(frozen=True)
class Layout:
    """Which files hold what; of several label bytes the last is the class."""

    train: dict[str, int]  # records of each file
    test: dict[str, int]
    label_bytes: int
    names: str
    classes: int
    official: tuple[str, str]  # SHA-256 of the official images of both parts, uint8 NHWC


LAYOUTS = {
    "cifar10": Layout(
        {f"data_batch_{i}.bin": 10_000 for i in range(1, 6)},
        {"test_batch.bin": 10_000},
        1,
        "batches.meta.txt",
        10,
        (
            "47af8b02cfcfb6cdf3dbbd1969ad7f1b70f4413f6f80f437b020ee4e5bc8304a",
            "f9b1e2130bab680db56eb06d886f7f1ad0f1183907ceff4659d1735c890f5b04",
        ),
    ),
    "cifar100": Layout(
        {"train.bin": 50_000},
        {"test.bin": 10_000},
        2,
        "fine_label_names.txt",
        100,
        (
            "4e457917601a66aed021f5fa37957b56c6319557c0a8ed5484de3c390af45430",
            "4cb8e5d9309da489bf6b19cc10cd96c3ae6f8daf225380b605aaee4c0d6aee19",
        ),
    ),
}


def read(name, folder, source, from_archive, side=SIDE):
    """The :class:`Dataset` of a folder in the layout of the official archive, its images averaged down to a side."""
    layout = LAYOUTS[name]
    names = tuple(_existing(folder / layout.names).read_text().split())
    if len(names) != layout.classes:
        raise DataError(
            f"{folder / layout.names} must name {layout.classes} classes, not {len(names)}. Unpack the archive anew."
        )
    train, test = (_split(folder, files, layout) for files in (layout.train, layout.test))
    digests = digest(train.x), digest(test.x)
    reencoded, provenance = _origin(layout, digests, from_archive)
    if side != SIDE:
        train, test = _smaller(train, side), _smaller(test, side)
    return Dataset(
        name,
        train,
        test,
        "classification",
        names,
        checksum(train, test, known=digests if side == SIDE else ()),
        reencoded,
        provenance,
        source,
    )


def holds(name, folder):
    """Whether the folder has the layout's files."""
    layout = LAYOUTS[name]
    return all(os.path.isfile(folder / file) for file in (*layout.train, *layout.test, layout.names))


def _split(folder, files, layout):
    x = np.empty((sum(files.values()), SIDE, SIDE, 3), np.uint8)
    y = np.zeros(len(x), np.int64)
    start = 0
    for file, count in files.items():
        path, length = _existing(folder / file), layout.label_bytes + 3 * SIDE**2
        if path.stat().st_size != count * length:
            raise DataError(
                f"{path} must have {count * length} bytes and has {path.stat().st_size}: it is cut off or no CIFAR "
                "file. Unpack the official archive anew, in its binary version."
            )
        records = np.fromfile(path, np.uint8).reshape(count, length)
        x[start : start + count] = records[:, layout.label_bytes :].reshape(-1, 3, SIDE, SIDE).transpose(0, 2, 3, 1)
        y[start : start + count] = records[:, layout.label_bytes - 1]
        start += count
        if y.max() >= layout.classes:
            raise DataError(
                f"{path} has a class number above {layout.classes - 1}: it is altered. Unpack the official archive "
                "anew, in its binary version."
            )
    return Split(x, y)


def _smaller(split, side):
    """Each pixel the mean of a block of pixels, rounded to the nearest number, halves up."""
    block = SIDE // side
    sums = split.x.reshape(-1, side, block, side, block, 3).sum((2, 4), dtype=np.uint32)
    return Split(((sums + block**2 // 2) // block**2).astype(np.uint8), split.y)


def _existing(path):
    if not path.is_file():
        raise DataError(f"{path} is missing. Unpack the official archive anew, in its binary version.")
    return path


def _origin(layout, digests, from_archive):
    if from_archive:
        return False, "The archive has the official checksum."
    if digests == layout.official:
        return False, "The images are the official ones, number by number."
    return True, "The images' SHA-256 is not the official one: other pixels, as after lossy compression."
