"""Which ways there are to compute the operation, and which one "auto" takes."""

import importlib
import math

import keras
from keras import ops

from dendnet.ops import reference
from dendnet.ops.arguments import IMPLEMENTATIONS
from dendnet.ops.shapes import DENSE

# Below this many terms relu(x_i + b_ij) the definition is as fast, and nothing has to be compiled for it: results/
# and `python -m benchmarks.operation` have the measurements.
FEW_TERMS = 2**17
UNKNOWN_SAMPLES = 32  # what an unknown batch size is taken for


def available_implementations() -> tuple[str, ...]:
    """The names that ``implementation`` may have on this machine's Keras backend.

    ``"reference"`` forms every relu(x_i + b_ij) as the definition does; ``"blocked"``, on TensorFlow and JAX, never
    holds more than the inputs and outputs; ``"auto"`` takes the fastest of them for the sizes at hand.

    Example:
        >>> from dendnet.ops import available_implementations
        >>> "reference" in available_implementations()
        True
    """
    everywhere = tuple(name for name in IMPLEMENTATIONS if name != "blocked")
    return IMPLEMENTATIONS if keras.backend.backend() in ("tensorflow", "jax") else everywhere


def connections(implementation, x, kernel, bias, activation, geometry):
    """The operation on channels-last x without groups, by the implementation asked for or the one that suits."""
    if _choose(implementation, x, kernel, activation, geometry) == "reference":
        if geometry == DENSE:
            return reference.dense(x, kernel, bias, activation)
        return reference.conv(x, kernel, bias, activation, geometry)
    run = importlib.import_module(f"dendnet.ops.blocked_{keras.backend.backend()}").run
    if geometry != DENSE:
        return run(x, kernel, bias, geometry)
    leading = ops.shape(x)[:-1]
    y = run(ops.reshape(x, (-1, kernel.shape[0])), kernel, bias, geometry)
    return ops.reshape(y, (*leading, kernel.shape[1]))


def _choose(implementation, x, kernel, activation, geometry):
    is_relu = activation in (keras.activations.relu, ops.relu)
    if implementation == "blocked":
        if implementation not in available_implementations():
            raise ValueError(
                f"On {keras.backend.backend()} implementation must be one of {available_implementations()}. "
                f"Received: implementation={implementation!r}"
            )
        if not is_relu:
            raise ValueError(
                "implementation='blocked' computes relu alone; 'reference' and 'auto' take any elementwise activation. "
                f"Received: activation={activation!r}"
            )
        return implementation
    if implementation == "reference" or not is_relu or "blocked" not in available_implementations():
        return "reference"
    places = [size or UNKNOWN_SAMPLES for size in x.shape[:-1]]
    terms = math.prod(places) // math.prod(geometry.strides) * math.prod(kernel.shape)
    return "reference" if terms < FEW_TERMS else "blocked"
