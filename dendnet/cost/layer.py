"""What one layer costs."""

import warnings
from dataclasses import dataclass
from math import prod

import keras

from dendnet.cost import dendrites, implementations, tables
from dendnet.cost.keras_layers import RULES, needs
from dendnet.cost.operations import NOTHING, Operations, Passes
from dendnet.layers.dendritic import DendriticLayer
from dendnet.ops.arguments import positive

BIASES = ("bias", "beta", "output_bias")
STATE = ("moving_mean", "moving_variance", "mean", "variance", "count")
BYTES = {"float64": 8, "float32": 4}  # of a number; half precision has 2


@dataclass(frozen=True, repr=False)
class LayerCost(tables.Counted):
    """What a layer costs; :func:`layer_cost` makes it.

    Args:
        name: The layer's name.
        kind: Its class.
        input_shapes: Shape of each input, the batch included.
        output_shape: Shape of the output.
        weights: Trainable numbers but biases: kernels, and the scales of normalizations.
        biases: Trainable numbers that are added.
        state: Numbers that are not trained, such as moving means; with the two before, Keras's ``count_params()``.
        known: Whether the operations were counted; if not, they are given as 0 and a warning has named the layer.
        forward: Operations of a forward pass.
        step: Operations of a training step.
        executed: For each implementation that takes the layer, the operations that it executes, forward and step.
        kept: For each implementation, bytes that a training step keeps from the forward pass to the gradients: the
            inputs or the output, whichever the gradients need, and what the implementation keeps besides. In a model
            a tensor that several layers need is counted with the first of them.
        temporary: For each implementation, further bytes that are held while the layer runs.

    Reference:
        The chapter "What it costs" of the book, equations :eq:`dense-cost` and :eq:`conv-cost`.
    """

    name: str
    kind: str
    input_shapes: tuple
    output_shape: tuple
    weights: int
    biases: int
    state: int
    known: bool
    forward: Operations
    step: Operations
    executed: dict[str, Passes]
    kept: dict[str, int]
    temporary: dict[str, int]

    @property
    def parameters(self):
        """Weights and biases, all that is trained."""
        return self.weights + self.biases

    @property
    def flops(self):
        """Multiplications, additions and comparisons of a forward pass."""
        return self.forward.flops

    def _rows(self):
        return [tables.row(self)]

    def to_dict(self):
        """Every count by name, for JSON."""
        return {
            "name": self.name,
            "kind": self.kind,
            "output_shape": list(self.output_shape),
            "known": self.known,
            **tables.counts(self),
        }


def layer_cost(layer, input_shape=None, batch_size=1):
    """What a layer costs: parameters, operations forward and for a training step, and memory.

    A DAC layer from n inputs to m outputs needs n m weights, n m biases and 4 n m operations: for each connection an
    addition, a comparison, and a multiply-add, which counts as two. The convention is :mod:`dendnet.cost.operations`.

    Args:
        layer: A built Keras layer: one of ``dendnet.layers``, or one of Keras's own.
        input_shape: Shape of the input without the batch; None takes the one that the layer was built for. A list of
            shapes for a layer that joins several inputs.
        batch_size: Samples N of a batch.

    Returns:
        A :class:`LayerCost`, with ``to_markdown()`` and ``to_dict()``; notebooks show it as a table.

    Raises:
        ValueError: The layer is not built, its input's shape is not known in full, or ``batch_size`` is no positive
            integer.

    Example:
        >>> from dendnet.cost import layer_cost
        >>> from dendnet.layers import DACDense
        >>> layer = DACDense(50)
        >>> layer.build((None, 100))
        >>> cost = layer_cost(layer)
        >>> cost.weights, cost.biases, cost.flops
        (5000, 5000, 20000)

    Reference:
        The chapter "What it costs" of the book, equations :eq:`dense-cost` and :eq:`conv-cost`.
    """
    positive("batch_size", batch_size)
    if not isinstance(layer, keras.layers.Layer):
        raise ValueError(f"layer must be a Keras layer. Received: layer={layer!r}")
    if not layer.built:
        raise ValueError(f"The layer must be built: call it, or build(input_shape). Received: layer={layer.name!r}")
    shapes = _known_shapes(layer, input_shape)
    batched = [(batch_size, *shape) for shape in shapes]
    inputs = [keras.KerasTensor(shape) for shape in batched]
    output = layer.compute_output_spec(*_structured(inputs))
    return Ledger().cost(layer, inputs, keras.tree.flatten(output)[0])


class Ledger:
    """The calls of layers that have been counted, so that no parameter and no kept tensor is counted twice."""

    def __init__(self):
        self.layers: set = set()
        self.kept: dict = {}

    def cost(self, layer, inputs, output):
        """The cost of one call of a layer, from symbolic inputs to a symbolic output."""
        shared = id(layer) in self.layers
        self.layers.add(id(layer))
        held = self._newly_kept(layer, inputs, output)
        return _cost(layer, tuple(tuple(x.shape) for x in inputs), tuple(output.shape), shared, held)

    def _newly_kept(self, layer, inputs, output):
        """Numbers in the tensors that this layer's gradients need and none before needed."""
        needs_inputs, needs_output = needs(layer)
        if isinstance(layer, DendriticLayer):
            needs_inputs = not implementations.is_standard(layer)
        wanted = (inputs if needs_inputs else []) + ([output] if needs_output else [])
        new = [x for x in wanted if id(x) not in self.kept]
        self.kept |= {id(x): x for x in new}
        return sum(prod(x.shape) for x in new)


def _cost(layer, input_shapes, output_shape, shared, held):
    counted = _passes(layer, input_shapes, output_shape)
    if counted is None:
        warnings.warn(
            f"dendnet.cost does not know the operations of {layer.name!r} ({type(layer).__name__}): left out.",
            stacklevel=4,
        )
    weights, biases, state = (0, 0, 0) if shared else _variables(layer)
    is_dac = isinstance(layer, DendriticLayer)
    shapes = input_shapes[0], output_shape
    itemsize = BYTES.get(getattr(layer, "compute_dtype", "float32"), 2)
    executed, kept, temporary = {}, {}, {}
    for name in implementations.NAMES:
        does = implementations.executed(name, layer, *shapes) if is_dac else counted
        if does is not None:
            executed[name] = does
            kept[name] = itemsize * (held + (implementations.kept(name, layer, *shapes) if is_dac else 0))
            temporary[name] = itemsize * (implementations.temporary(name, layer, *shapes) if is_dac else 0)
    each = counted or NOTHING
    return LayerCost(
        layer.name, type(layer).__name__, input_shapes, output_shape,
        weights, biases, state, counted is not None, each.forward, each.step, executed, kept, temporary,
    )  # fmt: skip


def _passes(layer, input_shapes, output_shape):
    if isinstance(layer, DendriticLayer):
        return dendrites.flops(layer, input_shapes[0], output_shape)
    rule = RULES.get(type(layer))
    if rule is None:
        return None
    return rule(layer, input_shapes if len(input_shapes) > 1 else input_shapes[0], output_shape)


def _variables(layer):
    """Numbers of weights, biases and untrained state."""
    numbers = {"weights": 0, "biases": 0, "state": 0}
    for variable in getattr(layer, "weights", ()):  # a bare operation has none
        part = "biases" if variable.name in BIASES else "state" if variable.name in STATE else "weights"
        numbers[part] += prod(variable.shape)
    return tuple(numbers.values())


def _known_shapes(layer, input_shape):
    if input_shape is None:
        input_shape = (layer.get_build_config() or {}).get("input_shape")
        shapes = [shape[1:] for shape in _listed(input_shape)] if input_shape else None
    else:
        shapes = _listed(input_shape)
    if not shapes or any(size is None for shape in shapes for size in shape):
        raise ValueError(
            "input_shape must be given, without the batch and with no None, for a layer that was built for an unknown "
            f"one. Received: layer={layer.name!r}, input_shape={input_shape}"
        )
    return [tuple(shape) for shape in shapes]


def _listed(shape):
    return list(shape) if isinstance(shape[0], (tuple, list)) else [shape]


def _structured(tensors):
    return [tensors] if len(tensors) > 1 else tensors
