"""What goes with the steps of a training: its checkpoints, its progress, and its end by a signal."""

import math
import time

import keras

from dendnet.experiments.signals import Interrupted


class NotFinite(Exception):
    """A loss or a measure is no finite number any more."""


class Watch(keras.callbacks.Callback):
    """Within an epoch: gives the metrics back what a checkpoint carried, saves by minutes, tells the progress.

    Args:
        training: The :class:`dendnet.experiments.training.Training`.
        place: Where it is.
        minutes: Longest time between checkpoints.
        progress: A function that is told ``(epoch, step, steps, logs)``, or None.
        asked: List of the signals that ask it to stop, which may grow.
    """

    def __init__(self, training, place, minutes, progress, asked=()):
        super().__init__()
        self.training, self.place, self.minutes, self.progress, self.asked = training, place, minutes, progress, asked
        self.saved = time.monotonic()

    def on_epoch_begin(self, epoch, logs=None):
        self.done, self.began = self.place["step"], time.monotonic()
        carried = self.place.pop("carried", None)
        if carried:
            for variable, value in zip(self.training.state()[1], carried, strict=True):
                variable.assign(value)

    def on_train_batch_end(self, batch, logs=None):
        training = self.training
        self.done = min(self.done + training.run.protocol.steps_per_execution, training.steps)
        if self.progress:
            self.progress(self.place["epoch"], self.done, training.steps, logs)
        due = self.asked or time.monotonic() - self.saved > 60 * self.minutes
        if self.done < training.steps and due:
            self.check(logs)
            _ = self.model  # on JAX, Keras brings the variables up to date here
            spent = self.place["spent"] + time.monotonic() - self.began
            training.save(self.place | {"step": self.done, "spent": spent})
            self.saved = time.monotonic()
            self.stop(self.done)

    def stop(self, done=0):
        """Interrupted, where a signal asked for it and so many steps of the epoch are saved."""
        if self.asked:
            epoch = self.place["epoch"]
            saved = f"epoch {epoch + 1} is saved up to step {done}" if done else f"saved up to the end of epoch {epoch}"
            raise Interrupted(self.asked[0], saved if done or epoch else "nothing was trained yet")

    def check(self, found):
        """NotFinite where a loss or a measure is no finite number; nothing of it has been saved then."""
        if not all(map(math.isfinite, found.values())):
            raise NotFinite
