"""What a model takes on this machine: time and memory, beside a standard network's."""

import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import keras
import numpy as np

from dendnet.cost import tables
from dendnet.graph import check_graph, structured
from dendnet.layers.dendritic import DendriticLayer
from dendnet.ops.arguments import positive

# The C library takes large arrays from the system and gives them back at once, so that a process's memory is what it
# holds; oneDNN's allocator, which gives nothing back, stays out.
SEEN_AT_ONCE = {"MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_TRIM_THRESHOLD_": "0", "TF_ENABLE_ONEDNN_OPTS": "0"}


@dataclass(frozen=True)
class Measurement(tables.Rendered):
    """Times and memory of a model and of a standard one; :func:`measure` makes it.

    Args:
        backend: The Keras backend that ran them.
        batch_size: Samples N of a batch.
        milliseconds: For ``"forward"`` and ``"step"``, the median for the standard model and for the model.
        ratios: For each, ``[least, median, most]`` of the ratios of neighbours in time.
        memory: MiB that a step takes at its peak beyond what the process holds at rest, standard model and model;
            None elsewhere than on Linux.

    Reference:
        The chapter "What it costs" of the book, section "On a clock".
    """

    backend: str
    batch_size: int
    milliseconds: dict[str, list[float]]
    ratios: dict[str, list[float]]
    memory: list[float | None]

    def to_dict(self):
        """Everything measured, for JSON."""
        return asdict(self)

    def _rows(self):
        names = "measure", "standard", "model", "ratio"
        rows = [
            (f"{name}, ms", *(f"{ms:.1f}" for ms in self.milliseconds[name]), f"{median:.2f} [{least:.2f}, {most:.2f}]")
            for name, (least, median, most) in self.ratios.items()
        ]
        if self.memory_ratio is not None:
            shown = [f"{mib:.1f}" for mib in self.memory]
            rows.append(("peak memory of a step, MiB", *shown, f"{self.memory_ratio:.2f}"))
        return [dict(zip(names, row, strict=True)) for row in rows]

    @property
    def _caption(self):
        return f"Medians at batch size {self.batch_size}, ratios with the least and the most"

    @property
    def memory_ratio(self):
        """The model's peak memory over the standard one's."""
        standard, model = self.memory
        return model / standard if standard and model else None


def standard_twin(model):
    """The same model with the standard pre-activated unit in place of every dendrite-activated one.

    Each DAC layer becomes one with ``bias_sharing="outputs"`` and one dendrite: relu(x_i + b_i), then the backend's own
    product or convolution.

    Args:
        model: A functional or sequential ``keras.Model``.

    Returns:
        A new model with weights of its own.

    Raises:
        ValueError: The model is neither functional nor sequential, or is not built.

    Example:
        >>> from dendnet.cost import standard_twin
        >>> from dendnet.models import mlp
        >>> standard_twin(mlp((8, 16, 16, 1))).count_params()
        545

    Reference:
        The chapter "What it costs" of the book, section "On a clock".
    """
    check_graph(model)

    def without_dendrites(layer):
        config = layer.get_config()
        if isinstance(layer, DendriticLayer):
            config |= {"bias_sharing": "outputs", "dendrites": 1, "bias_initializer": None}
        return type(layer).from_config(config)

    return keras.models.clone_model(model, clone_function=without_dendrites, recursive=True)


def measure(model, batch_size, standard=None, seconds=4.0):
    """Milliseconds of a forward pass and of a training step, and a step's peak memory, beside a standard twin's.

    The two run in turns in this process, as Keras runs them (``predict_on_batch`` and ``train_on_batch`` with plain
    gradient descent, compiled as Keras compiles on this backend), so that what else the machine does meets both
    alike; a ratio is of two neighbours in time. Memory is measured in a child process for each, on Linux, where
    large arrays go back to the system as soon as they are freed.

    Args:
        model: A functional or sequential ``keras.Model`` of known input shape. It is left as it is: a copy is trained.
        batch_size: Samples N of a batch.
        standard: The model to compare with; None takes :func:`standard_twin` of the model.
        seconds: How long to measure each of forward pass and step, at the least; three rounds are run in any case.

    Returns:
        A :class:`Measurement`, with ``to_markdown()`` and ``to_dict()``; notebooks show it as a table.

    Raises:
        ValueError: ``batch_size`` is no positive integer, a model is neither functional nor sequential, or its input
            shape is not known.

    Reference:
        The chapter "What it costs" of the book, section "On a clock".
    """
    positive("batch_size", batch_size)
    for each in (model,) if standard is None else (model, standard):
        check_graph(each)
    if any(size is None for x in model.inputs for size in x.shape[1:]):
        raise ValueError(f"The model's input shape must be known. Received: {[x.shape for x in model.inputs]}")
    pair = [standard_twin(model) if standard is None else copy(standard), copy(model)]
    first, second = (runners(each, batch_size) for each in pair)
    times = {
        name: _in_turns(*functions, seconds)
        for name, functions in zip(("forward", "step"), zip(first, second, strict=True), strict=True)
    }
    return Measurement(
        keras.backend.backend(),
        batch_size,
        {name: [1000 * float(t) for t in np.median(found, axis=0)] for name, found in times.items()},
        {name: _spread(found[:, 1] / found[:, 0]) for name, found in times.items()},
        [peak_in_child(each, batch_size) for each in pair],
    )


def copy(model):
    """The same model with the same weights, apart from the original."""
    twin = keras.models.clone_model(model)
    twin.set_weights(model.get_weights())
    return twin


def runners(model, batch_size):
    """A function that runs a forward pass, and one that runs a training step, on random numbers."""
    rng = np.random.default_rng(0)
    x = structured(model, [rng.normal(size=(batch_size, *x.shape[1:])).astype("float32") for x in model.inputs])
    targets = [np.zeros((batch_size, *y.shape[1:]), "float32") for y in model.outputs]
    model.compile(keras.optimizers.SGD(1e-6), "mse")
    return lambda: model.predict_on_batch(x), lambda: model.train_on_batch(
        x, targets if len(targets) > 1 else targets[0]
    )


def _in_turns(first, second, seconds):
    """Rounds of both functions' times in seconds, (rounds, 2), after one round that compiles."""
    for function in (first, second, first, second):
        function()
    rounds: list = []
    until = time.perf_counter() + seconds
    while len(rounds) < 3 or time.perf_counter() < until:
        rounds.append([])
        for function in (first, second):
            start = time.perf_counter()
            function()
            rounds[-1].append(time.perf_counter() - start)
    return np.array(rounds)


def _spread(ratios):
    return [float(f(ratios)) for f in (np.min, np.median, np.max)]


def peak_in_child(model, batch_size):
    """MiB at the peak of a training step, measured in a fresh process (dendnet/cost/peak.py)."""
    if not sys.platform.startswith("linux"):
        return None
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.keras"
        model.save(path)
        command = [sys.executable, "-m", "dendnet.cost.peak", str(path), str(batch_size)]
        child = subprocess.run(command, capture_output=True, text=True, env=os.environ | SEEN_AT_ONCE)
    if child.returncode:
        raise RuntimeError(f"The process that measures memory failed:\n{child.stderr[-2000:]}")
    return json.loads(child.stdout.splitlines()[-1])["peak_mib"]
