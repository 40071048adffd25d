"""A standard network and a DAC one side by side, and the standard network that costs as much as a DAC one."""

import functools
from collections.abc import Callable
from dataclasses import dataclass

import keras

from dendnet.cost import tables
from dendnet.cost.model import ModelCost, model_cost


@dataclass(frozen=True, repr=False)
class Comparison(tables.Rendered):
    """Two costs and their ratios; :func:`compare` makes it.

    Args:
        standard: Cost of the standard network.
        dac: Cost of the dendrite-activated one.

    Reference:
        The chapter "What it costs" of the book, section "Whole networks".
    """

    standard: ModelCost
    dac: ModelCost

    def rows(self):
        """For each measure its name, the standard network's number and the DAC one's."""
        both = self.standard, self.dac
        rows = [(name, *(getattr(cost, name) for cost in both)) for name in ("weights", "biases", "parameters")]
        for kind in ("multiplications", "additions", "comparisons"):
            rows.append((kind, *(getattr(cost.forward, kind) for cost in both)))
        rows.append(("FLOPs, forward", *(cost.flops for cost in both)))
        rows.append(("FLOPs, step", *(cost.step.flops for cost in both)))
        for name in self.dac.executed:
            if name in self.standard.executed:
                rows.append((f"executed, step, {name}", *(cost.executed[name].step.flops for cost in both)))
                rows.append((f"memory, bytes, {name}", *(tables.bytes_of(cost, name) for cost in both)))
        return rows

    @property
    def ratios(self):
        """The DAC network's number over the standard one's, by measure; None over a number that is 0."""
        return {name: dac / standard if standard else None for name, standard, dac in self.rows()}

    def to_dict(self):
        """Both costs and their ratios, for JSON."""
        return {"standard": self.standard.to_dict(), "dac": self.dac.to_dict(), "ratios": self.ratios}

    def _rows(self):
        return [
            {"measure": name, "standard": f"{a:,}", "DAC": f"{b:,}", "ratio": f"{b / a:.3f}" if a else "-"}
            for name, a, b in self.rows()
        ]

    @property
    def _caption(self):
        return f"What {self.standard.name} and {self.dac.name} cost"

    def __repr__(self):
        return f"<Comparison of {self.standard!r} and {self.dac!r}>"


def compare(standard, dac, input_shape=None, batch_size=1):
    """A standard network's costs and a dendrite-activated one's, side by side with their ratios.

    Args:
        standard: The standard ``keras.Model``.
        dac: The dendrite-activated one.
        input_shape: Shape of the input without the batch, where it is to differ from the models' own.
        batch_size: Samples N of a batch.

    Returns:
        A :class:`Comparison`, with ``ratios``, ``to_markdown()`` and ``to_dict()``; notebooks show it as a table.

    Raises:
        ValueError: As in :func:`model_cost`.

    Example:
        >>> from dendnet.cost import compare
        >>> from dendnet.models import mlp
        >>> found = compare(*(mlp((8, 64, 64, 1), unit) for unit in ("standard", "dac")))
        >>> round(found.ratios["FLOPs, forward"], 2)
        1.84

    Reference:
        The chapter "What it costs" of the book, section "Whole networks".
    """
    return Comparison(*(model_cost(model, input_shape, batch_size) for model in (standard, dac)))


def match_parameters(dac, standard):
    """The width at which a standard network has as many parameters as a DAC one, as nearly as a whole number can.

    A difference between two networks of equal width may come from the greater number of parameters alone; this is the
    width of the network that answers it.

    Args:
        dac: The dendrite-activated ``keras.Model``.
        standard: A function from a width, a positive integer, to a standard model with that width. What is counted
            must grow with the width.

    Returns:
        The width, an integer; of two that come equally near, the smaller.

    Raises:
        ValueError: ``standard`` is no function, its models do not grow, or a model cannot be counted.

    Example:
        >>> from dendnet.cost import match_parameters
        >>> from dendnet.models import cifar_resnet
        >>> match_parameters(cifar_resnet(8), lambda width: cifar_resnet(8, "standard", width=width))
        17

    Reference:
        The chapter "What it costs" of the book, section "A fair baseline".
    """
    return _match(lambda cost: cost.parameters, dac, standard, None)


def match_flops(dac, standard, input_shape=None):
    """The width at which a standard network's forward pass has as many FLOPs as a DAC one's, as nearly as may be.

    Args:
        dac: The dendrite-activated ``keras.Model``.
        standard: A function from a width, a positive integer, to a standard model with that width. What is counted
            must grow with the width.
        input_shape: Shape of the input without the batch, where it is to differ from the models' own.

    Returns:
        The width, an integer; of two that come equally near, the smaller.

    Raises:
        ValueError: ``standard`` is no function, its models do not grow, or a model cannot be counted.

    Example:
        >>> from dendnet.cost import match_flops
        >>> from dendnet.models import mlp
        >>> match_flops(mlp((8, 64, 64, 1)), lambda width: mlp((8, width, width, 1), "standard"))
        89

    Reference:
        The chapter "What it costs" of the book, section "A fair baseline".
    """
    return _match(lambda cost: cost.flops, dac, standard, input_shape)


def _match(measure: Callable[[ModelCost], int], dac, standard, input_shape):
    if not callable(standard) or isinstance(standard, keras.Model):
        raise ValueError(f"standard must be a function from a width to a model. Received: standard={standard!r}")
    wanted = measure(model_cost(dac, input_shape))

    @functools.cache  # a wide model takes seconds to make
    def excess(width):
        return measure(model_cost(standard(width), input_shape)) - wanted

    below, above = 1, 1
    while (missing := excess(above)) < 0:
        below, above = above, 2 * above
        if excess(above) <= missing:
            raise ValueError(
                "standard must give models that cost more the wider they are. "
                f"Received: standard={standard!r}, which costs no more at width {above} than at {below}"
            )
    while above - below > 1:
        middle = (below + above) // 2
        below, above = (middle, above) if excess(middle) < 0 else (below, middle)
    return min((below, above), key=lambda width: (abs(excess(width)), width))
