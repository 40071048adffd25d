"""A Keras model read as a network in float64."""

import keras
import numpy as np

from dendnet.geometry.filters import BY_NAME, filter_of
from dendnet.geometry.network import Network
from dendnet.geometry.steps import Affine, Dendrites, Elementwise, Join, Sum
from dendnet.graph import Walk, check_graph, structured
from dendnet.layers import DACDense

SILENT = (
    keras.layers.InputLayer,
    keras.layers.Flatten,
    keras.layers.Identity,
    keras.layers.Dropout,
    keras.layers.GaussianDropout,
    keras.layers.GaussianNoise,
)  # they change no number at inference
LAYERS = "DACDense, Dense, ReLU, LeakyReLU, Activation, BatchNormalization, Add, Concatenate, Flatten and Dropout"


def read(model):
    """The network of a functional or sequential model with one input and one output, both vectors.

    Raises:
        ValueError: The model has another form, or a layer that is not piecewise linear or not known here.
    """
    check_graph(model)
    if len(model.inputs) != 1 or len(model.outputs) != 1:
        raise ValueError(
            "The model must have one input and one output. "
            f"Received: {len(model.inputs)} input(s) and {len(model.outputs)} output(s) in model={model!r}"
        )
    shape = model.inputs[0].shape[1:]
    if any(size is None for size in shape):
        raise ValueError(f"The model must know the size of its input. Received: input_shape={tuple(shape)}")
    walk = Walk()
    start = keras.Input(batch_shape=model.inputs[0].shape, dtype=model.inputs[0].dtype)
    (end,) = keras.tree.flatten(walk.follow(model, structured(model, [start])))
    steps: list = []
    same: dict = {id(start): id(start)}
    for layer, tensors, out in walk.calls:
        sources: list = [same[id(walk.origin(x))] for x in tensors]
        made = _steps(layer, tensors)
        for k, step in enumerate(made):
            target = id(out) if k == len(made) - 1 else (id(out), k)
            steps.append((step, tuple(sources), target))
            sources = [target]
        same[id(out)] = sources[0]
    return Network(int(np.prod(shape)), id(start), same[id(walk.origin(end))], tuple(steps))


def _steps(layer, tensors):
    """What a layer does, as no step, one or two."""
    name = layer.name
    if isinstance(layer, SILENT):
        return []
    if any(len(x.shape) != 2 for x in tensors):
        raise ValueError(
            "Every layer but Flatten must take vectors, (batch, n). "
            f"Received: layer {name!r} with input {tuple(tensors[0].shape)}"
        )
    if isinstance(layer, DACDense):
        return [dendrites(layer)]
    if isinstance(layer, keras.layers.Dense):
        kernel = _array(layer.kernel)
        bias = _array(layer.bias) if layer.use_bias else np.zeros(kernel.shape[1])
        return [Affine(name, kernel, bias), *_activation(layer.activation, kernel.shape[1], name)]
    if isinstance(layer, keras.layers.BatchNormalization):
        scale = (1.0 if layer.gamma is None else _array(layer.gamma)) / np.sqrt(
            _array(layer.moving_variance) + layer.epsilon
        )
        shift = (0.0 if layer.beta is None else _array(layer.beta)) - _array(layer.moving_mean) * scale
        return [Affine(name, np.diag(scale), shift)]
    if isinstance(layer, (keras.layers.Activation, keras.layers.ReLU, keras.layers.LeakyReLU)):
        return _activation(layer, tensors[0].shape[-1], name)
    if isinstance(layer, keras.layers.Add):
        return [Sum(name)]
    if isinstance(layer, keras.layers.Concatenate) and layer.axis in (-1, 1):
        return [Join(name)]
    raise ValueError(f"Every layer must be among {LAYERS}. Received: layer {name!r} ({type(layer).__name__})")


def _activation(activation, n, name):
    bends = filter_of(activation, name)
    return [] if bends is BY_NAME["linear"] else [Elementwise(name, n, bends)]


def dendrites(layer):
    """A built DACDense as a step."""
    rows, m = layer.kernel.shape
    shape = (rows // layer.dendrites, layer.dendrites, m)
    bias = _array(layer.bias)
    return Dendrites(
        layer.name,
        _array(layer.kernel).reshape(shape),
        np.broadcast_to(bias if bias.ndim == 2 else bias[:, None], (rows, m)).reshape(shape),
        np.zeros(m) if layer.output_bias is None else _array(layer.output_bias),
        filter_of(layer.dendrite_activation, layer.name),
    )


def _array(variable):
    array = np.asarray(keras.ops.convert_to_numpy(variable), "float64")
    if not np.isfinite(array).all():
        raise ValueError(f"Every weight must be finite. Received: {variable.path} with numbers that are not")
    return array
