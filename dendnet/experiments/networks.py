"""The networks of runs, with what prepares their input in front, on the device and inside the compiled step."""

import functools
import json
import math

import keras
import numpy as np
from keras import ops

from dendnet import cost, models

ENOUGH = 2**25  # numbers from which means and deviations are taken, evenly spread over large data


class Prepare(keras.layers.Layer):
    """Moves and mirrors images as drawn, and scales every channel to mean 0 and variance 1.

    It has no random numbers of its own: ``draws`` are (rows down, columns right, whether to mirror), ``(N, 3)``.
    """

    def __init__(self, x, **kwargs):
        super().__init__(**kwargs)
        few = np.asarray(x[:: max(1, x.size // ENOUGH)], "float64")
        axes = tuple(range(few.ndim - 1))
        self.mean = few.mean(axes).astype("float32")
        self.scale = (1 / np.maximum(few.std(axes), 1e-6)).astype("float32")
        self.reach = reach(x)

    def call(self, x, draws=None):
        if draws is not None:
            x = self.moved(x, ops.cast(draws, "int32"))
        return ops.cast((ops.cast(x, "float32") - self.mean) * self.scale, self.compute_dtype)

    def moved(self, x, draws):
        """Every image, cut from a black frame around it at the place drawn for it."""
        _, height, width, channels = x.shape
        padded = ops.pad(x, [(0, 0), (self.reach, self.reach), (self.reach, self.reach), (0, 0)])
        rows = draws[:, :1] + ops.arange(height, dtype="int32")
        columns = ops.arange(width, dtype="int32")
        columns = draws[:, 1:2] + ops.where(draws[:, 2:] > 0, width - 1 - columns, columns)
        tall, wide = height + 2 * self.reach, width + 2 * self.reach
        first = ops.arange(ops.shape(x)[0], dtype="int32") * (tall * wide)
        places = first[:, None, None] + rows[:, :, None] * wide + columns[:, None, :]
        return ops.take(ops.reshape(padded, (-1, channels)), places, axis=0)

    def compute_output_shape(self, x_shape, draws_shape=None):
        return x_shape


def reach(x):
    """Pixels by which augmentation moves images: an eighth of their side, 4 for CIFAR; 0 for what are no images."""
    return x.shape[1] // 8 if x.ndim == 4 else 0


def network(run, dataset):
    """The network of a run for a data set, without what prepares its input.

    Args:
        run: A :class:`Run`.
        dataset: What ``dendnet.data.load`` returns.

    Returns:
        A ``keras.Model`` from scaled inputs to logits, or to scaled targets.
    """
    shape = dataset.train.x.shape[1:]
    if run.model != "mlp" and len(shape) == 1:
        raise ValueError(f"model must be 'mlp' for a table. Received: model={run.model!r}, data={run.data!r}")
    if len(shape) == 3 and keras.config.image_data_format() != "channels_last":
        raise ValueError("Images have their channels last. Received: image_data_format='channels_first'")
    outputs = len(dataset.classes) if dataset.task == "classification" else 1

    kind, _, match = run.unit.partition("-")
    if not match:
        return make(run.model, kind, shape, outputs, run.seed, run.options | run.dac_options)
    width = matched_width(run.model, run.unit, shape, outputs, json.dumps([run.options, run.dac_options]))
    return make(run.model, kind, shape, outputs, run.seed, run.options | {"width": width})


def make(model, unit, shape, outputs, seed, options):
    """A model of :mod:`dendnet.models` for inputs of a shape."""
    if model == "mlp":
        options = dict(options)
        width, layers = options.pop("width", 64), options.pop("layers", 2)
        return models.mlp([math.prod(shape), *[width] * (1 + layers), outputs], unit, seed=seed, **options)
    of_kind = models.cifar_resnet if model == "cifar_resnet" else models.resnet
    return of_kind(unit=unit, classes=outputs, input_shape=shape, seed=seed, **options)


@functools.cache
def matched_width(model, unit, shape, outputs, options):
    """The width of a unit's network that costs as much as the DAC one with these options, [both's, the DAC one's]."""
    kind, _, match = unit.partition("-")
    match = cost.match_parameters if match == "parameters" else cost.match_flops
    options, dac_options = json.loads(options)
    common = {name: value for name, value in options.items() if name != "segments"}
    dac = make(model, "dac", shape, outputs, 0, common | dac_options)
    return match(dac, lambda width: make(model, kind, shape, outputs, 0, options | {"width": width}))


def prepared(run, dataset):
    """The network, and the model that takes the data as they are stored: ``(network, model)``."""
    inside = network(run, dataset)
    x = dataset.train.x
    inputs = [keras.Input(x.shape[1:], dtype=str(x.dtype))]
    if run.protocol.augmentation and x.ndim == 4:
        inputs.append(keras.Input((3,), dtype="int32"))
    scaled = Prepare(x)(*inputs)
    if run.model == "mlp" and x.ndim > 2:
        scaled = keras.layers.Flatten()(scaled)
    return inside, keras.Model(inputs, inside(scaled))
