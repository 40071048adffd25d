"""The data of an epoch in the order of the seed and the epoch, from any step on."""

import keras
import numpy as np

from dendnet.experiments.networks import reach


class Batches(keras.utils.PyDataset):
    """Batches of an epoch, or of a test.

    Which examples come when, and how each image is moved and mirrored, follows from (seed, epoch) alone: an iterator
    has no state to save, and twins see the same.

    Args:
        split: ``x`` and ``y``.
        batch: Examples of a batch.
        seed: Seed of the run; None takes the examples as they come, unmoved, to the last one: the last batch is filled
            up with examples of weight 0.
        epoch: Number of the epoch, from 0.
        first: Step at which to begin.
        draws: Whether the model wants to be told how to move and mirror.
    """

    def __init__(self, split, batch, seed=None, epoch=0, first=0, draws=False):
        super().__init__()
        self.split, self.batch, self.first, self.tests = split, batch, first, seed is None
        count, edge = len(split.y), reach(split.x)
        if self.tests:
            self.steps = -(-count // batch)
            self.order = np.arange(self.steps * batch) % count
            self.weights = (np.arange(self.steps * batch) < count).astype("float32")
            self.draws = np.tile(np.array([edge, edge, 0], "int32"), (self.steps * batch, 1)) if draws else None
        else:
            random = np.random.default_rng([seed, epoch])
            self.steps = count // batch
            self.order = random.permutation(count)
            far = [2 * edge + 1, 2 * edge + 1, 2]
            self.draws = random.integers(0, far, (count, 3), dtype="int32") if draws else None

    def __len__(self):
        return self.steps - self.first

    def __getitem__(self, index):
        begin = (self.first + index) * self.batch
        these = slice(begin, begin + self.batch)
        chosen = self.order[these]
        x, y = self.split.x[chosen], self.split.y[chosen]
        x = x if self.draws is None else (x, self.draws[these])
        return (x, y, self.weights[these]) if self.tests else (x, y)
