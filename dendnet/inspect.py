"""Which connections of a trained model do nothing on given data, and the model without them.

A connection w relu(x_i + b) does nothing where its dendrite is silent on all data, x_i + b <= 0, or where w = 0.
"""

from typing import Any, NamedTuple

import keras
import numpy as np
from keras import ops

from dendnet.graph import check_graph
from dendnet.layers.dendritic import DendriticLayer
from dendnet.ops.arguments import is_relu, positive


class Connections(NamedTuple):
    """Connections of one layer, as many as its kernel has weights; :func:`connections` counts them.

    Args:
        name: The layer's name.
        total: All of them.
        silent: Those whose dendrite is silent on all data.
        zero: Those whose weight is zero.
        idle: Those that are silent or zero, or both.
        linear: Those whose dendrite is active on all data, so that they add w x_i + w b, and nothing bends.

    Reference:
        Metta et al., arXiv 2301.00924; the chapter "One bias per connection" of the book, equation :eq:`dac`.
    """

    name: str
    total: int
    silent: int
    zero: int
    idle: int
    linear: int


def connections(model: keras.Model, x: Any, batch_size: int = 32) -> list[Connections]:
    """Count the connections of each dendrite-activated layer that do nothing on the data x.

    A dendrite counts as silent where it is so at every pixel of the layer's input, whether or not a tap sees it, and in
    every call of a layer that is called more than once. Layers whose activation is not relu are left out.

    Args:
        model: A built Keras model of any kind.
        x: Inputs, an array with one row for each sample, or a list of them for several inputs.
        batch_size: Samples that are run at a time.

    Returns:
        One :class:`Connections` for each layer, in the order in which they are called.

    Raises:
        ValueError: ``model`` is no Keras model, ``x`` has no sample, or ``batch_size`` is no positive integer.

    Example:
        Input 1 is at most 1 here, so that a bias of -2 silences it:

        >>> import keras
        >>> import numpy as np
        >>> from dendnet import inspect
        >>> from dendnet.layers import DACDense
        >>> model = keras.Sequential([keras.Input((2,)), DACDense(1, name="unit")])
        >>> model.set_weights([np.ones((2, 1)), np.array([[-2.0], [0.0]])])
        >>> inspect.connections(model, np.array([[1.0, 1.0], [0.5, 3.0]]))
        [Connections(name='unit', total=2, silent=1, zero=0, idle=1, linear=1)]

    Reference:
        Metta et al., arXiv 2301.00924; the chapter "One bias per connection" of the book, equation :eq:`dac`.
    """
    return [_count(layer, *masks) for layer, masks in _inspected(model, x, batch_size).items()]


def prune(model: keras.Model, x: Any, batch_size: int = 32) -> keras.Model:
    """A copy of the model in which connections that do nothing on the data x have weight zero.

    Its outputs on that data are the model's. On other data they may differ: a dendrite that was silent on x may not be
    so there. The arrays keep their shapes; zeros compress well.

    Args:
        model: A functional ``keras.Model``, or a sequential one that is built.
        x: Inputs, as in :func:`connections`.
        batch_size: Samples that are run at a time.

    Returns:
        The copy, not compiled.

    Raises:
        ValueError: The model is neither functional nor sequential, or an argument does not fit.

    Example:
        >>> import keras
        >>> import numpy as np
        >>> from dendnet import inspect
        >>> from dendnet.layers import DACDense
        >>> model = keras.Sequential([keras.Input((2,)), DACDense(1, name="unit")])
        >>> model.set_weights([np.ones((2, 1)), np.array([[-2.0], [0.0]])])
        >>> pruned = inspect.prune(model, np.array([[1.0, 1.0], [0.5, 3.0]]))
        >>> [float(w) for w in pruned.layers[0].kernel[:, 0]]
        [0.0, 1.0]

    Reference:
        Metta et al., arXiv 2301.00924; the chapter "One bias per connection" of the book, equation :eq:`dac`.
    """
    check_graph(model)
    inspected = _inspected(model, x, batch_size)
    copy = keras.models.clone_model(model)
    copy.set_weights(model.get_weights())
    for original, layer in zip(model._flatten_layers(), copy._flatten_layers(), strict=True):
        if original in inspected:
            silent, _ = inspected[original]
            layer.kernel.assign(np.where(silent, 0, _numpy(layer.kernel)))
    return copy


def _inspected(model, x, batch_size):
    """For each layer which of its kernel's connections are silent on all data, and which always active."""
    positive("batch_size", batch_size)
    if not isinstance(model, keras.Model):
        raise ValueError(f"model must be a Keras model. Received: model={model!r}")
    samples = len(keras.tree.flatten(x)[0])
    if samples == 0:
        raise ValueError("x must have at least one sample. Received: len(x)=0")
    reach: dict = {}
    watched = [layer for layer in model._flatten_layers() if _is_relu(layer)]
    calls = {layer: layer.call for layer in watched}

    def watching(layer):
        def call(inputs, *args, **kwargs):
            low, high = _extremes(layer, inputs)
            before = reach.get(layer, (low, high))
            reach[layer] = np.minimum(low, before[0]), np.maximum(high, before[1])
            return calls[layer](inputs, *args, **kwargs)

        return call

    try:
        for layer in watched:
            vars(layer)["call"] = watching(layer)
        for first in range(0, samples, batch_size):
            batch = keras.tree.map_structure(lambda a, at=first: ops.convert_to_tensor(a[at : at + batch_size]), x)
            model(batch, training=False)
    finally:
        for layer in watched:
            vars(layer).pop("call", None)
    return {layer: (_signal(layer, high) <= 0, _signal(layer, low) > 0) for layer, (low, high) in reach.items()}


def _is_relu(layer):
    return isinstance(layer, DendriticLayer) and is_relu(layer.dendrite_activation)


def _extremes(layer, inputs):
    """The least and the largest value of each input."""
    axis = getattr(layer, "channel_axis", -1) % len(inputs.shape)
    others = tuple(a for a in range(len(inputs.shape)) if a != axis)
    return _numpy(ops.min(inputs, axis=others)), _numpy(ops.max(inputs, axis=others))


def _signal(layer, values):
    """x_i + b of each connection, in the kernel's shape, for one value x_i of each input."""
    kernel, bias = layer.kernel.shape, _numpy(layer.bias)
    rows, outputs = kernel[-2:]
    groups = len(values) * layer.dendrites // rows

    def by_connection(of_inputs):
        return np.repeat(of_inputs.reshape(groups, rows).T, outputs // groups, axis=1)

    if bias.ndim == 1:
        bias = by_connection(bias)
    return np.broadcast_to(by_connection(np.repeat(values, layer.dendrites)) + bias, kernel)


def _count(layer, silent, linear):
    zero = _numpy(layer.kernel) == 0
    counts = (zero.size, silent.sum(), zero.sum(), (silent | zero).sum(), linear.sum())
    return Connections(layer.name, *map(int, counts))


def _numpy(tensor):
    kept = tensor if keras.backend.standardize_dtype(tensor.dtype) == "float64" else ops.cast(tensor, "float32")
    return ops.convert_to_numpy(kept)
