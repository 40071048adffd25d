"""One training, which goes on where it was stopped."""

import contextlib
import hashlib
import json
import time
from pathlib import Path
from types import SimpleNamespace

import keras
import numpy as np

from dendnet.experiments import checkpoints, devices, identity, logs, networks, records, signals, storage
from dendnet.experiments.batches import Batches
from dendnet.experiments.descent import optimizer
from dendnet.experiments.progress import say
from dendnet.experiments.protocols import Protocol
from dendnet.experiments.runs import LATER
from dendnet.experiments.watch import NotFinite, Watch
from dendnet.layers import knots_from_data

KNOTS = 512  # examples over whose quantiles the knots are laid
MEASURES = {"classification": "accuracy", "regression": "rmse"}


class Diverged(storage.Trouble):
    """The loss is no finite number any more, which is how the run ended: ``record`` says so.

    Reference:
        The chapter "Full experiments" of the book, section "A training that survives".
    """

    def __init__(self, record):
        super().__init__(
            f"the loss of {record['id']} is no finite number in epoch {record['diverged']}; try a smaller "
            "learning_rate (--set learning_rate=...). The last good checkpoint is kept"
        )
        self.record = record


def train(run, dataset, root="runs", minutes=5.0, progress=None, scope=contextlib.nullcontext, command=""):
    """Train what a run says, or what is left of it.

    The same call goes on after any end, a kill too: the folder's checkpoint holds weights, optimizer, seed generators,
    metrics and the place in the data. On a CPU, with the same versions, it ends bit for bit as if nothing had been.
    SIGINT (Ctrl-C) and SIGTERM end it after the step that is under way, with a checkpoint. Where the last checkpoint
    is damaged it goes on from the one before. A finished run is not run again. Where several processes share every
    batch, all see one folder, and the first alone writes into it.

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
        ValueError: The run does not suit the data, or ``keras.config.floatx()`` is not float32.
        Trouble: Another process runs it, the disk is full, its folder was begun on other data or with other versions,
            or the loss is not finite (:class:`Diverged`). What was saved before stays.
        KeyboardInterrupt: A signal ended it.

    Reference:
        The chapter "Full experiments" of the book, section "A training that survives".
    """
    first = devices.process()[0] == 0
    with storage.folder_of(run, root) if first else contextlib.nullcontext(Path(root) / run.id) as folder:
        found = finished(folder, identity.identity(run, dataset.checksum, records.versions()))
        if found is None:
            with signals.awaited() as asked:
                found = _train(Training(run, dataset, folder, scope), minutes, progress, command, asked)
        if "diverged" in found:
            raise Diverged(found)
        return found


def _train(training, minutes, progress, command, asked):
    """The record of the training, from where it was stopped to its end."""
    run, place = training.run, training.resume()
    place["starts"].append(records.now())
    watch, diverged = Watch(training, place, minutes, progress, asked), None
    try:
        while place["epoch"] < run.protocol.epochs:
            watch.stop(place["step"])
            training.epoch(place, watch)
    except NotFinite:
        diverged = place["epoch"] + 1
    record = records.record(run, training.dataset, training, place, command, diverged)
    if not training.share[0]:
        storage.write(training.folder / "record.json", json.dumps(record).encode())
    return record


def finished(folder, wanted):
    """The record of a run that has come to its end; None where it has not, or where its file is damaged."""
    path = folder / "record.json"
    try:
        record = json.loads(path.read_bytes())
        found = identity.of_record(record)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise storage.trouble(path, "read", error) from error
    except (ValueError, RecursionError):
        say(f"dendnet: {path} is damaged: going on from the checkpoint")
        return None
    begun_alike(folder, *(identity.without(one, *identity.VERSIONS) for one in (found, wanted)))
    return record


def begun_alike(folder, found, wanted):
    """Trouble where what lies in a folder is of another run than the one that is wanted."""
    if differ := identity.differences(found, wanted):
        backend = found.get("backend")
        there = f" (KERAS_BACKEND={backend})" if "backend" in differ else ""
        raise storage.Trouble(
            f"{folder} was begun otherwise ({identity.said(differ)}); go on as it was begun{there}, choose another "
            "folder (--runs), or remove this one to begin anew"
        )


class Training:
    """The model, the data and the folder of a run."""

    def __init__(self, run, dataset, folder, scope=contextlib.nullcontext):
        self.run, self.dataset, self.folder, self.share = run, dataset, folder, devices.process()
        if keras.config.floatx() != "float32":
            raise ValueError(
                "keras.config.floatx() must be 'float32'; a protocol's precision says how networks compute. "
                f"Received: floatx={keras.config.floatx()!r}"
            )
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
                if protocol.bias_start == "data" and run.unit == "dac":
                    self.knots()
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
                    optimizer(protocol, self.steps * protocol.epochs),
                    keras.losses.SparseCategoricalCrossentropy(from_logits=True) if classifies else "mse",
                    weighted_metrics=[self.metric],
                    steps_per_execution=protocol.steps_per_execution,
                )
                self.model.optimizer.build(self.model.trainable_variables)
        finally:
            keras.config.set_dtype_policy(policy)
        self.draws = len(self.model.inputs) > 1

    def knots(self):
        """Lay the dendrites' knots over the quantiles of what the layers see in the data, unmoved."""
        few = self.train.x[np.random.default_rng([self.run.seed, KNOTS]).permutation(len(self.train.x))[:KNOTS]]
        knots_from_data(self.model, self.unmoved(few), training=True, seed=self.run.seed)

    def unmoved(self, x):
        """Inputs of the model: examples as they are stored, neither moved nor mirrored."""
        draws = np.full((len(x), 3), networks.reach(x) * np.array([1, 1, 0]), "int32")
        return [x, draws][: len(self.model.inputs)]

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
        checkpoints.save(self.folder, values, place | {"backend": keras.backend.backend(), "identity": self.identity()})

    def identity(self):
        """What a checkpoint has to agree with."""
        return identity.identity(self.run, self.dataset.checksum, records.versions())

    def resume(self):
        """Take the state of the checkpoint; the place where to go on, the beginning where there is none."""
        values, place = checkpoints.load(self.folder)
        if values is None:
            return {"epoch": 0, "step": 0, "metrics": [], "seconds": [], "spent": 0.0, "starts": []}
        wanted = self.identity()
        found = place.pop("identity", None)
        if found is None:  # of dendnet 0.1
            say(f"dendnet: {self.folder} does not say on which data it was begun: taking it that they are these")
            found = {name: place[name] for name in ("backend", "keras") if name in place}
            wanted = {name: wanted[name] for name in found}
        else:  # settings that came later were at their default
            found = {name: wanted[name] for name in LATER if wanted[name] == getattr(Protocol, name)} | found
        begun_alike(self.folder, found, wanted)
        kept, metrics = self.state()
        shapes = [tuple(variable.shape) for variable in (*kept, *metrics)]
        if [value.shape for value in values] != shapes:
            raise storage.Trouble(
                f"{self.folder} holds the weights of another network; choose another folder (--runs), or remove this "
                "one to begin anew"
            )
        for variable, value in zip(kept, values[: len(kept)], strict=True):
            variable.assign(value)
        if place["step"]:
            place["carried"] = values[len(kept) :]
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
        watch.check(found)
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
