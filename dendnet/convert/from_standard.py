"""A standard model as a dendrite-activated one that computes the same, ready to be trained on."""

from typing import NamedTuple

import keras
from keras import layers, ops

from dendnet.convert import graph, padding
from dendnet.convert.sources import ANY_UNIT, UNITS, reason_to_keep, source

SHARED = ("units", "filters", "kernel_size", "strides", "padding", "data_format", "dilation_rate", "groups")
WEIGHTS = ("kernel_initializer", "kernel_regularizer", "kernel_constraint")


class Conversion(NamedTuple):
    """What :func:`from_standard` made, and what it says: which layers it converted, and which it kept and why.

    Reference:
        The chapter "One bias per connection" of the book, section "Two places for one rectifier".
    """

    model: keras.Model
    converted: dict[str, str]
    kept: dict[str, str]

    def __str__(self):
        count = f"{len(self.converted)} of {len(self.converted) + len(self.kept)} dense and convolutional layers"
        lines = [f"Converted {count} of {self.model.name}:"]
        lines += [f"  {name}: {what}" for name, what in self.converted.items()]
        lines += ["Kept as they were:"] * bool(self.kept)
        return "\n".join(lines + [f"  {name}: {why}" for name, why in self.kept.items()])


def from_standard(model: keras.Model) -> Conversion:
    r"""A dendrite-activated model with the function of a standard one.

    .. math:: \sum_i w_{ij} \, \mathrm{relu}(x_i) + c_j = \sum_i w_{ij} \, \mathrm{relu}(x_i + b_{ij}) + c_j
        \quad \text{where } b_{ij} = 0

    Each Dense, Conv1D, Conv2D or Conv3D whose input is a ReLU becomes a dendrite-activated layer of the same name on
    what the ReLU was given, with zero dendrite biases, and an output bias where the layer had one. From there
    training can move every b_ij by itself. The ReLU may be a layer, an operation, or the ``activation="relu"`` of the
    layer before, and zero padding may follow it: the new layer takes it over where its own ``padding="same"`` is the
    same border; elsewhere the padding becomes so low that every dendrite is silent there. Zeros would not stay silent
    once biases move.

    Every other layer is copied as it is. A ReLU that still has other readers stays for them.

    Args:
        model: A built Functional or Sequential model; models inside it are converted too.

    Returns:
        A :class:`Conversion`: ``model``, the new model with weights of its own, and by the layers' names
        ``converted``, what each became, and ``kept``, why each dense or convolutional layer stayed. It is printed.

    Raises:
        ValueError: The model is subclassed, or not built.

    Example:
        >>> import keras
        >>> from dendnet.convert import from_standard
        >>> model = keras.Sequential(
        ...     [keras.Input((4,)), keras.layers.Dense(8, "relu", name="first"), keras.layers.Dense(3, name="second")]
        ... )
        >>> model.name = "perceptron"
        >>> conversion = from_standard(model)
        Converted 1 of 2 dense and convolutional layers of perceptron:
          second: DACDense with an output bias
        Kept as they were:
          first: its input is the model's
        >>> x = keras.ops.ones((2, 4))
        >>> bool(keras.ops.all(keras.ops.isclose(conversion.model(x), model(x), atol=1e-6)))
        True

    Reference:
        Metta et al., arXiv 2301.00924; the chapter "One bias per connection" of the book, equation :eq:`dac`.
    """
    conversion = _convert(model)
    print(conversion)
    return conversion


def _convert(model):
    calls, nested = _look(model)
    kept = {layer.name: why for layer, sources in calls.items() if (why := reason_to_keep(layer, sources))}
    found = {layer: sources for layer, sources in calls.items() if layer.name not in kept}
    # Where a layer before holds the ReLU, its product and its ReLU become two layers.
    split = {each.relu for sources in found.values() for each in sources if isinstance(each.relu, ANY_UNIT)}
    own = {layer for layer, sources in found.items() if padding.takes_over(layer, sources)}
    new_layers = {layer: _dendritic(layer, layer in own) for layer in found}
    new_layers |= {layer: _linear(layer) for layer in split - set(found)}

    def call(layer, copy, origins, *args, **kwargs):
        if layer in nested:
            return nested[layer].model(*args, **kwargs)
        if layer in found:
            given = source(args[0], origins)
            x = given.x if layer in own else padding.silenced(given.x, given.pads)
            return _activated(layer, new_layers[layer](x), origins)
        if layer in split:
            return _activated(layer, new_layers[layer](*args, **kwargs), origins)
        return copy(*args, **kwargs)

    new = graph.rebuild(model, call)
    for layer, made in new_layers.items():
        weights = layer.get_weights()
        made.set_weights([weights[0], ops.zeros(made.bias.shape), *weights[1:]] if layer in found else weights)
    converted = {layer.name: _said(layer, sources[0].pads, layer in own) for layer, sources in found.items()}
    for inner in nested.values():
        converted |= {f"{inner.model.name}/{name}": what for name, what in inner.converted.items()}
        kept |= {f"{inner.model.name}/{name}": why for name, why in inner.kept.items()}
    return Conversion(new, converted, kept)


def _look(model):
    """For each dense or convolutional layer the sources of its calls; for each model inside, its conversion."""
    calls: dict = {}
    nested: dict = {}

    def call(layer, copy, origins, *args, **kwargs):
        if graph.is_graph(layer) and layer not in nested:
            nested[layer] = _convert(layer)
        if isinstance(layer, ANY_UNIT):
            calls.setdefault(layer, []).append(source(args[0], origins))
        return copy(*args, **kwargs)

    graph.rebuild(model, call)
    return calls, nested


def _dendritic(layer, own_padding):
    config = layer.get_config()
    options = {name: config[name] for name in (*SHARED, *WEIGHTS) if name in config}
    if own_padding:
        options["padding"] = "same"
    return UNITS[type(layer)](
        **options,
        use_output_bias=layer.use_bias,
        output_bias_initializer=config["bias_initializer"],
        name=layer.name,
        dtype=layer.dtype_policy,
        trainable=layer.trainable,
    )


def _linear(layer):
    return type(layer).from_config(layer.get_config() | {"activation": "linear", "activity_regularizer": None})


def _activated(layer, y, origins):
    """y through the layer's own activation, which becomes a layer by itself, and its activity regularizer."""
    activation = layer.activation
    if activation is keras.activations.linear and layer.activity_regularizer is None:
        return y
    own = dict(name=f"{layer.name}_activation", dtype=layer.dtype_policy)
    z = layers.Activation(activation, activity_regularizer=layer.activity_regularizer, **own)(y)
    origins[id(z)] = graph.Origin(layer, y, z)
    return z


def _said(layer, pads, own):
    said = [f"{UNITS[type(layer)].__name__}{' with an output bias' if layer.use_bias else ''}"]
    if pads:
        said.append("its padding='same' takes the zero padding over" if own else "the zero padding became a silent one")
    if layer.bias_regularizer or layer.bias_constraint:
        said.append("without the bias's regularizer and constraint")
    return ", ".join(said)
