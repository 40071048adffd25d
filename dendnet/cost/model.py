"""What a model costs, layer by layer and in all."""

from dataclasses import dataclass
from functools import reduce
from operator import add

import keras

from dendnet.cost import tables
from dendnet.cost.implementations import NAMES
from dendnet.cost.layer import LayerCost, Ledger
from dendnet.cost.operations import NOTHING, Operations, Passes
from dendnet.graph import Walk, check_graph, structured
from dendnet.ops.arguments import positive


@dataclass(frozen=True, repr=False)
class ModelCost(tables.Counted):
    """What a model costs; :func:`model_cost` makes it.

    It has the fields of :class:`LayerCost`, summed over ``layers``, but for ``temporary``, which is the largest of
    theirs: layers run one after the other. An implementation is named where every layer can run by it.

    Reference:
        The chapter "What it costs" of the book, section "Whole networks".
    """

    name: str
    layers: tuple[LayerCost, ...]

    @property
    def output_shape(self):
        """Shape of the last layer's output."""
        return self.layers[-1].output_shape

    @property
    def known(self):
        """Whether the operations of every layer were counted."""
        return all(layer.known for layer in self.layers)

    @property
    def weights(self):
        """Trainable numbers but biases."""
        return sum(layer.weights for layer in self.layers)

    @property
    def biases(self):
        """Trainable numbers that are added."""
        return sum(layer.biases for layer in self.layers)

    @property
    def state(self):
        """Numbers that are not trained."""
        return sum(layer.state for layer in self.layers)

    @property
    def parameters(self):
        """Weights and biases, all that is trained."""
        return self.weights + self.biases

    @property
    def forward(self):
        """Operations of a forward pass."""
        return reduce(add, (layer.forward for layer in self.layers), Operations())

    @property
    def step(self):
        """Operations of a training step."""
        return reduce(add, (layer.step for layer in self.layers), Operations())

    @property
    def flops(self):
        """Multiplications, additions and comparisons of a forward pass."""
        return self.forward.flops

    @property
    def executed(self) -> dict[str, Passes]:
        """Operations that each implementation executes."""
        return {
            name: reduce(add, (layer.executed.get(name, NOTHING) for layer in self.layers), NOTHING)
            for name in self._names()
        }

    @property
    def kept(self) -> dict[str, int]:
        """Bytes that a step keeps from the forward pass to the gradients, by implementation."""
        return {name: sum(layer.kept.get(name, 0) for layer in self.layers) for name in self._names()}

    @property
    def temporary(self) -> dict[str, int]:
        """The most bytes that a layer holds besides while it runs, by implementation."""
        return {name: max(layer.temporary.get(name, 0) for layer in self.layers) for name in self._names()}

    def _names(self):
        return [name for name in NAMES if all(name in layer.executed or not layer.known for layer in self.layers)]

    def _rows(self):
        return [tables.row(cost) for cost in (*self.layers, self)]

    def to_dict(self):
        """Every count by name, for JSON."""
        return {
            "name": self.name,
            "known": self.known,
            **tables.counts(self),
            "layers": [layer.to_dict() for layer in self.layers],
        }


def model_cost(model, input_shape=None, batch_size=1):
    """What a model costs: the sum over its layers, with each layer's share.

    Args:
        model: A functional or sequential ``keras.Model``, other models and shared layers within it included.
        input_shape: Shape of the input without the batch, where it is to differ from the model's own; a list of
            shapes for several inputs.
        batch_size: Samples N of a batch.

    Returns:
        A :class:`ModelCost`, with ``to_markdown()`` and ``to_dict()``; notebooks show it as a table.

    Raises:
        ValueError: The model is neither functional nor sequential, is not built, or has an unknown size.

    Example:
        >>> from dendnet.cost import model_cost
        >>> from dendnet.models import cifar_resnet
        >>> [model_cost(cifar_resnet(20, unit)).parameters for unit in ("standard", "dac")]
        [272282, 304538]

    Reference:
        The chapter "What it costs" of the book, section "Whole networks".
    """
    positive("batch_size", batch_size)
    check_graph(model)
    walk = Walk()
    walk.follow(model, _inputs(model, input_shape, batch_size))
    ledger = Ledger()
    return ModelCost(model.name, tuple(ledger.cost(*call) for call in walk.calls))


def _inputs(model, input_shape, batch_size):
    own = [tuple(x.shape[1:]) for x in model.inputs]
    shapes = own if input_shape is None else [input_shape] if len(own) == 1 else input_shape
    if len(shapes) != len(own) or any(not isinstance(size, int) for shape in shapes for size in shape):
        raise ValueError(
            f"input_shape must give every size of {len(own)} input(s), without the batch. Received: "
            f"input_shape={input_shape!r} for a model with inputs of {own}"
        )
    fresh = [
        keras.Input(batch_shape=(batch_size, *shape), dtype=x.dtype)
        for shape, x in zip(shapes, model.inputs, strict=True)
    ]
    return structured(model, fresh)
