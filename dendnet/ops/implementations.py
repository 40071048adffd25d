"""Which ways there are to compute the operation, and which one "auto" takes."""

import importlib
import math

import keras
from keras import ops

from dendnet.ops import reference
from dendnet.ops.arguments import IMPLEMENTATIONS
from dendnet.ops.shapes import DENSE

# Below so many terms relu(x_i + b_ij) "auto" takes the definition. Where XLA compiles the blocked form it pays early;
# torch's eager one first has to make up for its many small calls (its number is an estimate, not yet a record).
# `python -m benchmarks.operation` times both forms; the first rows of results/operation_*.json lie around 2**17.
FEW_TERMS = {"tensorflow": 2**17, "jax": 2**17, "torch": 2**21}
UNKNOWN = 32  # what an unknown batch size, height or width is taken for


def available_implementations() -> tuple[str, ...]:
    """The names that ``implementation`` may have on this machine's Keras backend.

    ``"reference"`` forms every relu(x_i + b_ij) as the definition does, for any elementwise activation, and can be
    differentiated as often as the backend can. ``"blocked"``, for relu and finite biases, never forms them all: its
    temporaries stay near the size of inputs and outputs. It has first derivatives on TensorFlow and torch; on JAX
    reverse mode to any order, under vmap too, but no forward mode. ``"auto"`` takes the one that suits
    the sizes.

    Example:
        >>> from dendnet.ops import available_implementations
        >>> "reference" in available_implementations()
        True
    """
    has_blocked = keras.backend.backend() in FEW_TERMS
    return tuple(name for name in IMPLEMENTATIONS if has_blocked or name != "blocked")


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
    places = [size if isinstance(size, int) else UNKNOWN for size in x.shape[:-1]]
    terms = math.prod(places) // math.prod(geometry.strides) * math.prod(kernel.shape)
    return "reference" if terms < FEW_TERMS[keras.backend.backend()] else "blocked"
