"""Small data sets in the form of ``dendnet.data.load``'s, made up so that networks can learn them in a moment."""

from types import SimpleNamespace

import numpy as np


class Made(SimpleNamespace):
    def validation(self, count, seed):
        order = np.random.default_rng(seed).permutation(len(self.train.y))
        cut, kept = (SimpleNamespace(x=self.train.x[o], y=self.train.y[o]) for o in (order[:count], order[count:]))
        return Made(**(vars(self) | {"train": kept, "test": cut}))


def images(count=96, side=8, classes=3):
    """Images whose class is their colour, under noise."""
    draws = np.random.default_rng(0)

    def split(n):
        y = draws.integers(0, classes, n)
        x = draws.integers(0, 200, (n, side, side, 3))
        x[np.arange(n), :, :, y] += 40
        return SimpleNamespace(x=x.astype("uint8"), y=y)

    names = tuple(f"class {k}" for k in range(classes))
    return Made(
        name="images", train=split(count), test=split(50), task="classification", classes=names,
        checksum="made up", reencoded=False, source="tests",
    )  # fmt: skip


def table(count=128, features=5):
    """Numbers and a target that bends with them."""
    draws = np.random.default_rng(0)

    def split(n):
        x = draws.normal(3, 2, (n, features)).astype("float32")
        return SimpleNamespace(x=x, y=(100 + 7 * np.abs(x - 3).sum(1, keepdims=True)).astype("float32"))

    return Made(
        name="table", train=split(count), test=split(60), task="regression", classes=(),
        checksum="made up", reencoded=False, source="tests",
    )  # fmt: skip
