"""What a construction is certified to do, and where."""

from dataclasses import dataclass
from typing import Any, NamedTuple

from dendnet.theory import rounding


@dataclass(frozen=True)
class Certificate:
    r"""What is proved of a construction: on the box low <= x_i <= high its outputs err by at most ``error``.

    .. math:: |\hat y_j(x) - y_j(x)| \le \mathrm{bound} + \mathrm{rounding}
        \quad \text{for all } x \in [\mathrm{low}, \mathrm{high}]^n

    Here y is what was to be represented and :math:`\hat y` what the network computes for x, rounded to its dtype,
    with the implementation ``"reference"``, ``"blocked"`` or ``"native"``, in which constructions are built. No number
    overflows on the way: where one could, there is a ValueError and no certificate.

    Attributes:
        bound: How far the network's exact function is from what was to be represented; 0 where it is equal.
        rounding: What rounded weights and rounded arithmetic add at most.
        low: Least value of every input.
        high: Greatest value of every input.
        dtype: The floating-point format that ``rounding`` speaks of.
        parameters: Weights and biases of the construction.
        sizes: Inputs, then the outputs of every layer.

    Reference:
        The chapter "What it can represent" of the book, :prf:ref:`thm-rounding`.
    """

    bound: float
    rounding: float
    low: float
    high: float
    dtype: str
    parameters: int
    sizes: tuple[int, ...]

    @property
    def error(self) -> float:
        """Bound and rounding together."""
        return self.bound + self.rounding

    @property
    def radius(self) -> float:
        """The largest size of an input in the box."""
        return max(abs(self.low), abs(self.high))


class Construction(NamedTuple):
    """A Keras layer or model made of dendrite-activated layers, and its certificate.

    Reference:
        The chapter "What it can represent" of the book, section "A curve from dendrites".
    """

    network: Any
    certificate: Certificate


def certified(network, stack, low, high, dtype, bound=0.0):
    """The construction of a network that has the stack's layers."""
    sizes = (stack.weights[0].inputs, *(each.kernel.shape[1] for each in stack.weights))
    added = rounding_of(stack, low, high, dtype)
    proof = Certificate(bound, added, float(low), float(high), dtype, network.count_params(), sizes)
    return Construction(network, proof)


def rounding_of(stack, low, high, dtype):
    """What the format adds to the stack's exact outputs on the box, at most."""
    box = rounding.inputs(low, high, stack.weights[0].inputs, dtype)
    for index, layer in enumerate(stack.weights):
        if index in stack.shapes:
            box = rounding.Box(*(a.reshape(stack.shapes[index]) for a in box))
        is_last = index == len(stack.weights) - 1
        box = rounding.through(box, layer, dtype, stack.active if is_last else None)
    return rounding.largest(box)
