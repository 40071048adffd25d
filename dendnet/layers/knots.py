"""Knots where the data are: biases from what each layer sees in a batch."""

import math

import keras
import numpy as np
from keras import ops

from dendnet.layers.dendritic import DendriticLayer
from dendnet.ops.arguments import densified


def knots_from_data(model, x, training=False, seed=0):
    r"""Set the biases of every dendrite-activated layer so that its knots lie over the quantiles of what it sees.

    All dendrites of an input i, S for each of the m places that a bias of its own lets tell apart (outputs, and taps
    too for ``bias_sharing="none"``), share out its distribution evenly:

    .. math::
        -b_{ijs} = Q_i\Big(\frac{1}{S} \Big(s - 1 + \frac{\pi_i(j) - \frac12}{m}\Big)\Big), \quad s = 1, \dots, S

    Q_i is the quantile function of the values of input i over the batch, and over the pixels of a convolution; a value
    counts once, however often it occurs, so that many zeros do not draw all knots onto 0. π_i is a random order of the
    m places, and so no output has all the low knots. With ``bias_sharing="outputs"`` m is 1.

    The layers are set in the order in which the batch reaches them, so each sees what those before it now give. The
    model is run once for each of them.

    Args:
        model: A Keras model, or one of our layers. It is built where it was not.
        x: A batch, as the model takes it: some hundred examples give knots that hold for the data.
        training: How the model is called. True shows the layers what they see in training, behind dropout and behind
            batch normalization by the batch's own statistics; the running ones stay what they were.
        seed: Seed of the orders π.

    Raises:
        ValueError: There is no dendrite-activated layer, or one is in int8, is not reached, or sees numbers that are
            not finite, or none that can be read. All biases are then what they were.

    Example:
        Five examples of one input; a layer with two dendrites for each pair:

        >>> import numpy as np
        >>> from dendnet.layers import DACDense, knots_from_data
        >>> layer = DACDense(1, dendrites=2)
        >>> knots_from_data(layer, np.array([[0.0], [1.0], [2.0], [3.0], [4.0]]))
        >>> [-float(b) for b in layer.bias[:, 0]]
        [1.0, 3.0]

    Reference:
        Liu et al., arXiv 2404.19756, whose grids follow samples in the same way; the chapter "One bias per
        connection" of the book, equation :eq:`dac`.
    """
    layers = [layer for layer in model._flatten_layers() if isinstance(layer, DendriticLayer)]
    if not layers:
        raise ValueError(f"model must have a dendrite-activated layer. Received: model={model!r}")
    for layer in layers:
        if layer.quantization_mode is not None:
            raise ValueError(f"Biases in int8 cannot be set anew. Received: layer {layer.name!r}")
    arguments = dict(training=training) if isinstance(model, keras.Model) else {}
    if not all(layer.built for layer in (model, *layers)):
        model(x)
    before = [(variable, np.array(ops.convert_to_numpy(variable))) for variable in model.variables]
    draws, waiting = np.random.default_rng(seed), layers
    biases: dict[int, np.ndarray] = {}
    try:
        while waiting:
            layer, seen = _first_reached(waiting, lambda: model(x, **arguments))
            bias = ops.cast(_biases(layer, np.concatenate(seen), draws), layer._bias.dtype)
            bias = layer.bias_constraint(bias) if layer.bias_constraint else bias
            layer._bias.assign(bias / layer._scale)
            biases[id(layer._bias)] = np.array(ops.convert_to_numpy(layer._bias))
            waiting = [each for each in waiting if each is not layer]
    except Exception:
        biases = {}
        raise
    finally:
        for variable, value in before:
            variable.assign(biases.get(id(variable), value))


def _first_reached(layers, run):
    """The layer that a run calls first, and what it sees in each call."""
    first: list[DendriticLayer] = []
    seen: list[np.ndarray] = []

    def watch(layer):
        call = layer.call

        def watching(inputs):
            if not first:
                first.append(layer)
            if first[0] is layer:
                seen.append(_numbers(layer, inputs))
            return call(inputs)

        layer.call = watching

    try:
        for layer in layers:
            watch(layer)
        run()
    finally:
        for layer in layers:
            del layer.call
    if not first:
        names = [layer.name for layer in layers]
        raise ValueError(f"The batch must reach every dendrite-activated layer. Received: none for {names}")
    return first[0], seen


def _numbers(layer, inputs):
    """What the layer sees, (values, c_in)."""
    x = np.moveaxis(ops.convert_to_numpy(ops.cast(densified(inputs), "float32")), layer.channel_axis, -1)
    x = x.reshape(-1, x.shape[-1])
    if not x.size or not np.isfinite(x).all():
        raise ValueError(f"Layer {layer.name!r} must see finite numbers. Received: {len(x)} values an input, {x}")
    return x


def _biases(layer, x, draws):
    """Biases of the shape that the layer has, whose knots lie over the quantiles of each column of x."""
    shape, S, c_in = tuple(layer._bias.shape), layer.dendrites, x.shape[1]
    groups = 1 if layer.bias_sharing == "outputs" else getattr(layer, "groups", 1)
    places = (1,) if layer.bias_sharing == "outputs" else (*shape[:-2], shape[-1] // groups)
    m = math.prod(places)
    levels = (np.arange(S * m) + 0.5) / (S * m)
    knots = np.stack([np.quantile(np.unique(column), levels) for column in x.T]).reshape(c_in, S, m)
    order = draws.permuted(np.tile(np.arange(m), (c_in, 1)), axis=1)
    knots = np.take_along_axis(knots, order[:, None], axis=2).reshape(groups, c_in // groups, S, *places)
    taps = range(3, 2 + len(places))
    return 0 - knots.transpose(*taps, 1, 2, 0, 2 + len(places)).reshape(shape)
