"""Which ways there are to compute the operation, and which one "auto" takes."""

import importlib
import math
from typing import Any

import keras
from keras import ops

from dendnet.ops import fused, native, plain, reference
from dendnet.ops.arguments import IMPLEMENTATIONS, is_relu
from dendnet.ops.shapes import DENSE

# Below so many terms relu(x_i + b_ij) "auto" takes the definition. Where XLA compiles the blocked form it pays early;
# on torch each tap is a call of its own. The first rows of results/operation_*.json have 2**13 to 2**20 terms.
FEW_TERMS = {"tensorflow": 2**17, "jax": 2**17, "torch": 2**20}
# Imported with the rest: torch's operators must be there before torch.compile traces a model around them.
BLOCKED: Any
NATIVE: Any
BLOCKED, NATIVE = (
    importlib.import_module(f"dendnet.ops.{name}_{keras.backend.backend()}")
    if keras.backend.backend() in FEW_TERMS
    else None
    for name in ("blocked", "native")
)
UNKNOWN = 32  # what an unknown batch size, height or width is taken for


def available_implementations() -> tuple[str, ...]:
    """The names that ``implementation`` may have on this machine's Keras backend.

    ``"reference"`` forms every relu(x_i + b_ij) as the definition does, for any elementwise activation, and can be
    differentiated as often as the backend can. ``"blocked"``, for relu and finite biases, never forms them all: its
    temporaries stay near the size of inputs and outputs. It has reverse mode to any order, under vmap too on JAX and
    torch, and no forward mode. ``"native"`` is the same for CPUs, in C++ that this machine's compiler builds once, in
    seconds, for all sizes; it takes batches of any length at once. ``"fused"`` is the same in kernels for NVIDIA GPUs,
    on torch (Triton, compute capability 7.0 and up) and on JAX (Pallas, 8.0 and up), for float32, bfloat16 and float16;
    no vmap on torch. ``"plain"`` is the definition as a static graph, without loops or compiled parts, for exporters of
    any kind; ``model.export`` takes it by itself. ``"auto"`` takes the one that suits sizes and device.

    Example:
        >>> from dendnet.ops import available_implementations
        >>> "reference" in available_implementations()
        True

    Reference:
        The chapter "Making it fast" of the book, section "The kernel".
    """
    known = keras.backend.backend() in FEW_TERMS
    runs = {"blocked": known, "native": known and native.runs(), "fused": fused.runs()}
    return tuple(name for name in IMPLEMENTATIONS if runs.get(name, True))


def stays_out_of_xla(implementation, activation):
    """Whether on TensorFlow a layer's operation may be the native one, whose operators XLA does not know."""
    if keras.backend.backend() != "tensorflow" or implementation not in ("auto", "native") or not is_relu(activation):
        return False
    return native.runs() and NATIVE.on_cpu()


def connections(implementation, x, kernel, bias, activation, geometry):
    """The operation on channels-last x without groups, by the implementation asked for or the one that suits.

    Half-precision terms are summed in float32 and the sum is rounded once; the fused kernels do so by themselves.
    """
    chosen = _choose(implementation, x, kernel, activation, geometry)
    if implementation == "plain" or plain.exporting(x):
        chosen = "plain"
    if chosen == "fused":
        return _computed(chosen, x, kernel, bias, activation, geometry)
    return rounded_once(lambda x, w, b: _computed(chosen, x, w, b, activation, geometry), x, kernel, bias)


def rounded_once(compute, x, kernel, bias):
    """compute(x, kernel, bias), in float32 where they are of half precision, and its result in theirs."""
    dtype = keras.backend.standardize_dtype(x.dtype)
    if dtype in ("float16", "bfloat16"):
        x, kernel, bias = (ops.cast(a, "float32") for a in (x, kernel, bias))
    return ops.cast(compute(x, kernel, bias), dtype)


def _computed(chosen, x, kernel, bias, activation, geometry):
    if chosen == "plain":
        return plain.connections(x, kernel, bias, activation, geometry)
    if chosen == "reference":
        return reference.connections(x, kernel, bias, activation, geometry)
    if chosen == "fused":
        module = importlib.import_module(f"dendnet.ops.fused_{keras.backend.backend()}")
    else:
        module = {"blocked": BLOCKED, "native": NATIVE}[chosen]
    if geometry != DENSE:
        return module.run(x, kernel, bias, geometry)
    leading = ops.shape(x)[:-1]
    y = module.run(ops.reshape(x, (-1, kernel.shape[0])), kernel, bias, geometry)
    return ops.reshape(y, (*leading, kernel.shape[1]))


def _choose(implementation, x, kernel, activation, geometry):
    if implementation in ("blocked", "native", "fused"):
        if implementation not in available_implementations():
            raise ValueError(
                f"On {keras.backend.backend()} implementation must be one of {available_implementations()}. "
                f"Received: implementation={implementation!r}"
            )
        if not is_relu(activation):
            raise ValueError(
                f"implementation={implementation!r} computes relu alone; 'reference' and 'auto' take any elementwise "
                f"activation. Received: activation={activation!r}"
            )
        if implementation == "fused" and not fused.takes(x):
            raise ValueError(
                f"implementation='fused' takes tensors of known size on a GPU, of a dtype among {fused.DTYPES}. "
                f"Received: x.dtype={keras.backend.standardize_dtype(x.dtype)!r}, implementation='fused'"
            )
        if implementation == "native" and not NATIVE.takes(x):
            raise ValueError(
                "implementation='native' takes tensors on one CPU, on TensorFlow outside of what XLA compiles. "
                "Received: implementation='native'"
            )
        return implementation
    if implementation == "reference" or not is_relu(activation) or "blocked" not in available_implementations():
        return "reference"
    places = [size if isinstance(size, int) else UNKNOWN for size in x.shape[:-1]]
    terms = math.prod(places) // math.prod(geometry.strides) * math.prod(kernel.shape)
    if terms < FEW_TERMS[keras.backend.backend()]:
        return "reference"
    if fused.runs() and fused.takes(x):
        return "fused"
    return "native" if native.runs() and NATIVE.takes(x) else "blocked"
