"""Exact weights into Keras layers."""

from dataclasses import dataclass, field

import keras
import numpy as np

from dendnet.layers import DACDense
from dendnet.ops import available_implementations
from dendnet.theory import arguments
from dendnet.theory.rounding import Weights


@dataclass(frozen=True)
class Stack:
    """The exact weights of a network's layers.

    ``shapes[i]`` is what layer i's input is reshaped to, where it is. ``active`` is how many of the last layer's
    exact x_i + b_ij can be above -1/2 at a time for one output, where that is proved.
    """

    weights: list[Weights]
    shapes: dict[int, tuple[int, ...]] = field(default_factory=dict)
    active: int | None = None


def layer(weights, dtype, name=None):
    """A built DACDense layer with these weights."""
    made = DACDense(
        weights.kernel.shape[1],
        dendrites=weights.dendrites,
        use_output_bias=weights.output_bias is not None,
        implementation=_certified_implementation(),
        dtype=dtype,
        name=name,
    )
    made.build((None, weights.inputs))
    given = zip(("kernel", "bias", "output bias"), weights[:3], strict=True)
    values = [arguments.fits(f"The {name}", a, dtype) for name, a in given if a is not None]
    made.set_weights([np.asarray(a, dtype) for a in values])
    return made


def model(stack, dtype, name):
    """A Sequential model of these layers."""
    own = [layer(each, dtype) for each in stack.weights]
    made = [keras.Input((stack.weights[0].inputs,), dtype=dtype)]
    for index, each in enumerate(own):
        made += [keras.layers.Reshape(stack.shapes[index], dtype=dtype)] if index in stack.shapes else []
        made.append(each)
    return keras.Sequential(made, name=name)


def _certified_implementation():
    """One whose rounding is certified, on every device: the fused kernels, which "auto" may take, round otherwise."""
    return "auto" if "fused" not in available_implementations() else "blocked"
