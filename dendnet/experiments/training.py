"""One training, which goes on where it was stopped."""

import contextlib
import hashlib
import json
import math
import time
from pathlib import Path
from types import SimpleNamespace

import keras
import numpy as np

from dendnet.experiments import devices, logs, networks, records, storage
from dendnet.experiments.batches import Batches
from dendnet.experiments.sgd import SGD

MEASURES = {"classification": "accuracy", "regression": "rmse"}


class Diverged(storage.Trouble):
    """The loss is no finite number any more.

    Reference:
        The chapter "Full experiments" of the book, section "A training that survives".
    """


def train(run, dataset, root="runs", minutes=5.0, progress=None, scope=contextlib.nullcontext, command=""):
    """Train what a run says, or what is left of it.

    The same call goes on after any end, a kill too: the folder's checkpoint holds weights, optimizer, seed generators,
    metrics and the place in the data. On a CPU, with the same versions, it ends bit for bit as if nothing had been.
    A finished run is not run again. Where several processes share every batch, all see one folder, and the first alone
    writes into it.

    Args:
        run: A :class:`Run`.
        dataset: What ``dendnet.data.load(run.data)`` returns.
        root: Folder of the runs' folders.
        minutes: Longest time between checkpoints, beside the one after each epoch.
        progress: A function that is told ``(epoch, step, steps, logs)`` after each step; None tells nobody.
        scope: A function that returns the context in which variables are made, as a distribution strategy's.
        command: What the record says it was made by.

    Returns:
        The record, as results hold it: settings, metrics by epoch, the measure and where all of it comes from.

    Raises:
        ValueError: The run does not suit the data.
        Trouble: Another process runs it, the disk is full, or the loss is not finite (:class:`Diverged`). What was
            saved before stays.

    Reference:
        The chapter "Full experiments" of the book, section "A training that survives".
    """
    first = devices.process()[0] == 0
    with storage.folder_of(run, root) if first else contextlib.nullcontext(Path(root) / run.id) as folder:
        finished = folder / "record.json"
        if finished.exists():
            return json.loads(finished.read_text())
        training = Training(run, dataset, folder, scope)
        place = training.resume()
        place["starts"].append(records.now())
        watch = Watch(training, place, minutes, progress)
        while place["epoch"] < run.protocol.epochs:
            training.epoch(place, watch)
        record = records.record(run, dataset, training, place, command)
        if first:
            storage.write(finished, json.dumps(record).encode())
        return record


class Training:
    """The model, the data and the folder of a run."""

    def __init__(self, run, dataset, folder, scope=contextlib.nullcontext):
        self.run, self.folder, self.share = run, folder, devices.process()
        self.task, self.measure = dataset.task, MEASURES[dataset.task]
        self.train, self.test = splits(run, dataset)
        protocol = run.protocol
        self.steps = len(self.train.y) // protocol.batch
        if protocol.steps_per_execution > 1 and keras.backend.backend() == "torch":
            raise ValueError(
                f"steps_per_execution must be 1 on torch. Received: steps_per_execution={protocol.steps_per_execution}"
            )
        if not self.steps:
            raise ValueError(
                f"batch must be at most the {len(self.train.y)} training examples. Received: batch={protocol.batch}"
            )
        keras.utils.set_random_seed(run.seed)
        policy = keras.config.dtype_policy()
        keras.config.set_dtype_policy(protocol.precision)
        try:
            with scope():
                self.network, self.model = networks.prepared(run, dataset)
                if keras.backend.backend() == "tensorflow":  # on JAX a shared batch has one mean anyway
                    for layer in self.network.layers:
                        if isinstance(layer, keras.layers.BatchNormalization):
                            layer.synchronized = scope is not contextlib.nullcontext
                classifies = self.task == "classification"
                if classifies:
                    self.metric = keras.metrics.SparseCategoricalAccuracy(name="accuracy")
                else:
                    self.metric = keras.metrics.RootMeanSquaredError(name="rmse")
                self.model.compile(
                    SGD(protocol, self.steps * protocol.epochs),
                    keras.losses.SparseCategoricalCrossentropy(from_logits=True) if classifies else "mse",
                    weighted_metrics=[self.metric],
                    steps_per_execution=protocol.steps_per_execution,
                )
                self.model.optimizer.build(self.model.trainable_variables)
        finally:
            keras.config.set_dtype_policy(policy)
        self.draws = len(self.model.inputs) > 1

    def state(self):
        """The variables that a checkpoint holds: weights, seed generators and optimizer, then metrics."""
        metrics = list(self.model.metrics_variables)
        # Keras counts a metric's variables among the model's only after a first step.
        metrics += [variable for variable in self.metric.variables if all(variable is not seen for seen in metrics)]
        return [*self.model.variables, *self.model.optimizer.variables], metrics

    def save(self, place):
        """Write the checkpoint; of several processes the first does."""
        if self.share[0]:
            return
        values = [keras.ops.convert_to_numpy(v) for part in self.state() for v in part]
        backend = {"backend": keras.backend.backend(), "keras": keras.__version__}
        storage.save(self.folder / "checkpoint.npz", values, place | backend)

    def resume(self):
        """Take the state of the checkpoint; the place where to go on, the beginning where there is none."""
        values, place = storage.load(self.folder / "checkpoint.npz")
        if values is None:
            return {"epoch": 0, "step": 0, "metrics": [], "seconds": [], "spent": 0.0, "starts": []}
        if place["backend"] != keras.backend.backend():
            raise storage.Trouble(
                f"{self.folder} was begun on {place['backend']}; go on there (KERAS_BACKEND={place['backend']}), "
                "or choose another folder"
            )
        kept, metrics = self.state()
        for variable, value in zip(kept, values[: len(kept)], strict=True):
            variable.assign(value)
        if place["step"]:
            place["carried"] = values[-len(metrics) :]
        return place

    def epoch(self, place, watch):
        """Train from the place to the end of its epoch, test, and save."""
        epoch, batch = place["epoch"], self.run.protocol.batch
        began = time.monotonic()
        rest = Batches(self.train, batch, self.run.seed, epoch, place["step"], self.draws, self.share)
        history = self.model.fit(rest, epochs=1, shuffle=False, verbose=0, callbacks=[watch]).history
        found = {name: float(values[-1]) for name, values in history.items()}
        watch.check(found)
        found |= self.tested()
        place["metrics"].append({"epoch": epoch + 1, **found})
        place["seconds"].append(round(place["spent"] + time.monotonic() - began, 3))
        place.update(epoch=epoch + 1, step=0, spent=0.0)
        place.pop("carried", None)
        self.save(place)
        watch.saved = time.monotonic()
        if not self.share[0]:
            logs.write(self.folder, place["metrics"])

    def tested(self):
        """Loss and measure on the test data."""
        batch, count = self.run.protocol.batch, len(self.test.y)
        batches = Batches(self.test, batch * min(4, -(-count // batch)), draws=self.draws, share=self.share)
        found = self.model.evaluate(batches, verbose=0, return_dict=True)
        found["loss"] *= len(batches.order) / count  # Keras's mean counts examples of weight 0 too
        return {f"test_{name}": float(value) for name, value in found.items()}

    def digest(self):
        """Of the weights, bit for bit."""
        found = hashlib.sha256()
        for variable in self.model.variables:
            found.update(np.ascontiguousarray(keras.ops.convert_to_numpy(variable)).tobytes())
        return found.hexdigest()


class Watch(keras.callbacks.Callback):
    """Within an epoch: gives the metrics back what a checkpoint carried, saves by minutes, tells the progress."""

    def __init__(self, training, place, minutes, progress):
        super().__init__()
        self.training, self.place, self.minutes, self.progress = training, place, minutes, progress
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
        if self.done < training.steps and time.monotonic() - self.saved > 60 * self.minutes:
            self.check(logs)
            _ = self.model  # on JAX, Keras brings the variables up to date here
            spent = self.place["spent"] + time.monotonic() - self.began
            training.save(self.place | {"step": self.done, "spent": spent})
            self.saved = time.monotonic()

    def check(self, logs):
        """Diverged where the loss is no finite number; nothing of it has been saved then."""
        if not math.isfinite(logs["loss"]):
            raise Diverged(
                f"the loss of {self.training.run.id} is {logs['loss']} in epoch {self.place['epoch'] + 1}; "
                "try a smaller learning_rate (--set learning_rate=...). The last good checkpoint is kept"
            )


def splits(run, dataset):
    """What a run trains and tests on: a regression's targets scaled to mean 0 and variance 1 of the training set."""
    if run.validation:
        dataset = dataset.validation(run.validation, run.seed)
    train, test = (SimpleNamespace(x=split.x, y=np.asarray(split.y)) for split in (dataset.train, dataset.test))
    if run.protocol.examples is not None:
        if run.protocol.examples > len(train.y):
            raise ValueError(
                f"examples must be at most the {len(train.y)} training examples. "
                f"Received: examples={run.protocol.examples}"
            )
        chosen = np.sort(np.random.default_rng([run.seed]).permutation(len(train.y))[: run.protocol.examples])
        train = SimpleNamespace(x=train.x[chosen], y=train.y[chosen])
    if dataset.task == "regression":
        mean, deviation = train.y.mean(dtype="float64"), train.y.std(dtype="float64")
        for split in (train, test):
            split.y = ((split.y - mean) / deviation).astype("float32")
    return train, test
