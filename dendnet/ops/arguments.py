"""What the operations and the layers accept, and the sentence that refuses the rest."""

import warnings
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from dendnet.ops import shapes

IMPLEMENTATIONS = ("auto", "reference", "blocked", "native", "fused", "plain")
NOT_ELEMENTWISE = ("softmax", "logsoftmax", "sparsemax", "sparsesoftmax", "glu", "threshold", "layernormalization")
Tensor = Any  # a tensor of whichever backend Keras runs on, or anything that Keras turns into one
Activation = str | Callable[[Tensor], Tensor] | None


def positive(name: str, value: Any) -> int:
    """The value where it is a positive integer; ValueError otherwise."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 1:
        raise ValueError(f"{name} must be a positive integer. Received: {name}={value!r}")
    return int(value)


def per_axis(name: str, value: Any, rank: int) -> tuple[int, ...]:
    """One positive integer for each of the axes, from one integer for all or one for each."""
    each = value if isinstance(value, (tuple, list)) else (value,) * rank
    if len(each) != rank or not all(isinstance(v, (int, np.integer)) and v is not True and v > 0 for v in each):
        raise ValueError(f"{name} must be a positive integer or {rank} of them. Received: {name}={value!r}")
    return tuple(int(v) for v in each)


def check_implementation(implementation):
    """ValueError where this is no way of computing the operation."""
    if implementation not in IMPLEMENTATIONS:
        raise ValueError(
            f"implementation must be one of {IMPLEMENTATIONS}. Received: implementation={implementation!r}"
        )


def elementwise(activation: Activation) -> Callable[[Tensor], Tensor]:
    """The activation as a function; one that mixes elements is refused, for a dendrite sees only its own signal."""
    try:
        act = keras.activations.get(activation)
    except (ValueError, TypeError) as error:
        raise ValueError(f"activation must be one that Keras knows. Received: activation={activation!r}") from error
    if isinstance(act, type):
        raise ValueError(f"activation must be a function or an instance. Received: activation={activation!r}")
    name = getattr(act, "__name__", type(act).__name__).lower().replace("_", "")
    if name in NOT_ELEMENTWISE:
        raise ValueError(
            "activation must act on each element by itself, with no further arguments. "
            f"Received: activation={activation!r}"
        )
    return act


def is_relu(activation) -> bool:
    """Whether a function is Keras's relu, by either of its names."""
    return activation in (keras.activations.relu, keras.ops.relu)


def densified(x: Tensor) -> Tensor:
    """A tensor without holes: relu(x + b) is not 0 where x is, so a sparse one is filled first."""
    if not hasattr(x, "indices") or keras.backend.backend() == "torch":  # where every tensor has that name
        return x
    warnings.warn("A dendrite-activated layer or operation makes its sparse input dense.", stacklevel=2)
    return keras.ops.convert_to_tensor(x, sparse=False)


def conv_arguments(rank, *, strides, dilation_rate, padding, data_format):
    """Geometry and data format of a convolution in full; ValueError where an argument is wrong."""
    strides = per_axis("strides", strides, rank)
    dilation_rate = per_axis("dilation_rate", dilation_rate, rank)
    if max(strides) > 1 and max(dilation_rate) > 1:
        raise ValueError(
            "strides and dilation_rate cannot both exceed 1, as in Keras. "
            f"Received: strides={strides!r}, dilation_rate={dilation_rate!r}"
        )
    paddings = ("valid", "same", "causal") if rank == 1 else ("valid", "same")
    if padding not in paddings:
        raise ValueError(f"padding must be one of {paddings} in {rank}D. Received: padding={padding!r}")
    if data_format not in (None, "channels_last", "channels_first"):
        raise ValueError(
            f"data_format must be 'channels_last', 'channels_first' or None. Received: data_format={data_format!r}"
        )
    return shapes.Geometry(strides, padding, dilation_rate), data_format or keras.config.image_data_format()


def check_transposed_padding(padding):
    """ValueError where this is no padding of a transposed convolution."""
    if padding not in ("valid", "same"):
        raise ValueError(f"padding must be one of ('valid', 'same'). Received: padding={padding!r}")


def check_reach(size, k, geometry):
    """ValueError where a known axis is too short for an output."""
    for s, k_axis, stride, dilation in zip(size, k, geometry.strides, geometry.dilation_rate, strict=True):
        known = shapes.output_size(s, k_axis, stride, dilation, geometry.padding)
        if isinstance(known, int) and known < 1:
            raise ValueError(
                f"A kernel that spans {shapes.span(k_axis, dilation)} pixels leaves no output of an axis of {s}. "
                f"Received: size={tuple(size)}, padding={geometry.padding!r}"
            )
