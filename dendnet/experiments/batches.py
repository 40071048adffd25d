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
        share: ``(process, processes)``: which part of every batch this process takes, and of how many.
    """

    def __init__(self, split, batch, seed=None, epoch=0, first=0, draws=False, share=(0, 1)):
        super().__init__()
        if batch % share[1]:
            raise ValueError(f"batch must divide by the {share[1]} processes. Received: batch={batch}")
        self.split, self.batch, self.first, self.tests, self.share = split, batch, first, seed is None, share
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
        process, processes = self.share
        part = self.batch // processes
        begin = (self.first + index) * self.batch + process * part
        these = slice(begin, begin + part)
        chosen = self.order[these]
        x, y = self.split.x[chosen], self.split.y[chosen]
        x = x if self.draws is None else (x, self.draws[these])
        return (x, y, self.weights[these]) if self.tests else (x, y)
