"""A data set in two parts, and the cut that makes a validation set."""

import hashlib
import os
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

BLOCK = 2**24  # bytes at a time, so that a memory-mapped array is never held whole


@dataclass(frozen=True, eq=False)
class Split:
    """Inputs and targets of one part.

    Args:
        x: Images, uint8 ``(N, height, width, channels)``, memory-mapped where they come from a folder; or a table,
            float32 ``(N, features)``.
        y: Class numbers, int64 ``(N,)``; or targets, float32 ``(N, 1)``.

    Reference:
        The chapter "Full experiments" of the book, section "A training that survives".
    """

    x: np.ndarray
    y: np.ndarray

    def __len__(self):
        return len(self.y)


@dataclass(frozen=True, eq=False)
class Dataset:
    """A data set and where it comes from; :func:`load` makes it.

    Args:
        name: The name it was asked for, or the folder's own.
        train: The training part.
        test: The test part; ImageNet's layout calls it val.
        task: ``"classification"`` or ``"regression"``.
        classes: Name of each class; None for regression.
        checksum: SHA-256 of all four arrays with their types and shapes, in hexadecimal digits.
        reencoded: Whether the images are known to have been compressed anew since their official archive.
        provenance: How that is known, or why not, in a sentence.
        source: The archive's address, or the folder.

    Reference:
        The chapter "Full experiments" of the book, section "A training that survives".
    """

    name: str
    train: Split
    test: Split
    task: str
    classes: tuple[str, ...] | None
    checksum: str
    reencoded: bool
    provenance: str
    source: str

    def validation(self, part, seed=0):
        """Training and validation data cut from the training part alone; the test part is not touched.

        The order is the training part's. For classification each class gives its share, rounded so that the
        shares add up. The same ``part`` and ``seed`` give the same cut on every version of NumPy.

        Args:
            part: Samples in the validation set, as a number of them (int) or as a fraction of the training part
                (float between 0 and 1).
            seed: Seed of the draw.

        Returns:
            A :class:`Dataset` whose ``test`` is the validation set. Its checksum is made of this one's and the cut's.

        Raises:
            ValueError: ``part`` is no number of samples that leaves some on both sides, or ``seed`` no integer from
                0 to 2**32 - 1.

        Example:
            >>> from dendnet.data import load
            >>> cut = load("digits").validation(0.2, seed=1)
            >>> len(cut.train), len(cut.test)
            (1078, 269)
        """
        count = _count(part, len(self.train))
        if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or not 0 <= seed < 2**32:
            raise ValueError(f"seed must be an integer from 0 to 2**32 - 1. Received: seed={seed!r}")
        groups = self.train.y if self.task == "classification" else np.zeros(len(self.train), int)
        held = np.zeros(len(self.train), bool)
        held[stratified(groups, count, seed)] = True
        sides = [Split(_take(self.train.x, rows), self.train.y[rows]) for rows in map(np.flatnonzero, (~held, held))]
        checksum = hashlib.sha256(self.checksum.encode() + np.packbits(held).tobytes()).hexdigest()
        return replace(self, train=sides[0], test=sides[1], checksum=checksum)


def stratified(groups, count, seed):
    """Indices of a draw of ``count`` samples in which each group has its share (largest remainders)."""
    # RandomState's streams are frozen for good; those of NumPy's newer generators may change between versions.
    draw = np.random.RandomState(seed)
    _, numbers = np.unique(groups, return_inverse=True)
    exact = np.bincount(numbers) * count / len(numbers)
    shares = np.floor(exact).astype(int)
    shares[np.argsort(shares - exact, kind="stable")[: count - shares.sum()]] += 1
    drawn = [draw.permutation(np.flatnonzero(numbers == g))[:share] for g, share in enumerate(shares)]
    return np.sort(np.concatenate(drawn))


def checksum(*splits, known=()):
    """SHA-256 of the splits' arrays; ``known`` has the digests of the first arrays x, where they were taken before."""
    total = hashlib.sha256()
    for index, split in enumerate(splits):
        x_digest = known[index] if index < len(known) else digest(split.x)
        for array, hexadecimal in ((split.x, x_digest), (split.y, digest(split.y))):
            total.update(f"{array.dtype.str} {array.shape} {hexadecimal}\n".encode())
    return total.hexdigest()


def digest(array):
    """SHA-256 of an array's numbers in C order, little-endian, in hexadecimal digits."""
    found = hashlib.sha256()
    rows = max(1, BLOCK // max(1, array[:1].nbytes))
    for start in range(0, len(array), rows):
        block = array[start : start + rows]
        found.update(np.ascontiguousarray(block, block.dtype.newbyteorder("<")).data)
    return found.hexdigest()


def _count(part, samples):
    whole = isinstance(part, (int, np.integer)) and not isinstance(part, bool)
    count = int(part) if whole else round(part * samples) if isinstance(part, float) and 0 < part < 1 else 0
    if not 0 < count < samples:
        raise ValueError(
            f"part must be a number of samples from 1 to {samples - 1}, or a fraction between 0 and 1 that leaves "
            f"samples on both sides. Received: part={part!r}"
        )
    return count


def _take(x, rows):
    """The rows of an array; of a memory-mapped one as another, in a file without a name that goes with it."""
    if not isinstance(x, np.memmap):
        return x[rows]
    beside = Path(x.filename).parent if x.filename else None
    with tempfile.TemporaryFile(dir=beside if beside and os.access(beside, os.W_OK) else None) as file:
        step = max(1, BLOCK // x[:1].nbytes)
        for start in range(0, len(rows), step):
            file.write(x[rows[start : start + step]])
        file.flush()
        return np.memmap(file, x.dtype, "r", shape=(len(rows), *x.shape[1:]))
