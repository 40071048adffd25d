r"""What a floating-point format adds to the exact outputs of dendrite-activated layers, at most.

Every number of format t is exact but for a factor 1 + delta, :math:`|\delta| \le u`, or, where it underflows, for less
than the smallest normal number. A sum of k products is exact but for a factor 1 + delta on each of them,
:math:`|\delta| \le \gamma_k = k u / (1 - k u)`, in whichever order it is summed and whether or not products are fused
with sums. No number overflows: what could is refused. The bounds themselves are computed in float64 and rounded up.
Reference: Higham, Accuracy and Stability of Numerical Algorithms, chapter 3; the chapter "What it can represent" of
the book, its theorem on rounding.
"""

from typing import Any, NamedTuple

import numpy as np

from dendnet.theory import arguments

HELD = 2.0**-52  # above the relative error of a weight of float64 in a format of unit u, less u
STEP = 2.0**-50  # above the relative errors of a few operations in float64, in which the bounds are computed
SLACK = 1 + 2.0**-20  # above what rounding takes from a sum of up to 2^30 positive numbers there


class Weights(NamedTuple):
    """A layer's exact weights, each within 2^-53 of itself: kernel and bias (n * S, m), output bias (m,) or None."""

    kernel: Any
    bias: Any
    output_bias: Any = None
    dendrites: int = 1

    @property
    def inputs(self):
        """Inputs n of the layer."""
        return len(self.kernel) // self.dendrites


class Box(NamedTuple):
    """Exact values lie in [low, high], computed ones within error of them; three arrays whose last axis is units."""

    low: Any
    high: Any
    error: Any


def inputs(low, high, n, dtype):
    """The box of n inputs, rounded to dtype when they enter."""
    u, tiny = _unit(dtype)
    radius = max(abs(low), abs(high))
    _fits("an input", radius, dtype)
    return Box(np.full(n, float(low)), np.full(n, float(high)), np.full(n, u * radius + tiny))


@np.errstate(over="ignore", invalid="ignore")  # what overflows in float64 is refused
def through(box, layer, dtype, active=None):
    """The box of the layer's outputs from that of its inputs.

    Where it is proved that no more than ``active`` of an output's exact x_i + b_ij are above -1/2 at a time, and
    rounding moves them by less than that, no more count: the others are silent, and a sum adds zeros exactly.
    """
    u, tiny = _unit(dtype)
    stored = u + HELD  # a weight is rounded twice: to float64, then to dtype
    low, high, error = (np.repeat(a, layer.dendrites, axis=-1)[..., None] for a in box)
    w, b = np.abs(layer.kernel), layer.bias
    step = STEP * (np.maximum(np.abs(low), np.abs(high)) + np.abs(b))  # of low + b and high + b in float64
    error = error + stored * np.abs(b) + tiny
    active = active if error.max() < 0.5 else None
    silent = high + b + error + step <= 0
    reach = np.where(silent, 0.0, np.maximum(high + b + step, 0.0))
    least = np.maximum(low + b - step, 0.0)
    error = np.where(silent, 0.0, error + u * (reach + error) + tiny)
    computed = reach + error
    k = ((w > 0) & (computed > 0)).sum(axis=-2, keepdims=True)
    k = k if active is None else np.minimum(active, k)
    if k.max() * u > 0.25:
        raise ValueError(f"A sum in {dtype} is certified up to {0.25 / u:,.0f} terms. Received: {k.max():,} terms")
    gamma = k * u / (1 - k * u)
    product = ((1 + stored) * w + tiny) * computed
    c = np.zeros(1) if layer.output_bias is None else layer.output_bias
    _fits("a signal", computed, dtype)
    _fits("a sum", _largest_sum((1 + gamma) * product, active) + np.abs(c), dtype)  # or any part of one
    terms = w * error + (stored * w + tiny) * computed + gamma * product + 4 * tiny
    spread = (w * reach).sum(axis=-2) * (len(w) + 4) * STEP
    below, above = np.minimum(layer.kernel, 0), np.maximum(layer.kernel, 0)
    low = (above * least + below * reach).sum(axis=-2) - spread
    high = (above * reach + below * least).sum(axis=-2) + spread
    error = _largest_sum(terms, active)
    if layer.output_bias is not None:
        size = np.maximum(np.abs(low + c), np.abs(high + c)) + STEP * (np.abs(low) + np.abs(high) + np.abs(c))
        error = error + stored * np.abs(c) + tiny
        error = error + u * (size + error) + tiny
        step = STEP * (np.abs(low) + np.abs(high) + np.abs(c))
        low, high = low + c - step, high + c + step
    return Box(low, high, error * SLACK)


def largest(box):
    """The largest error of any output."""
    return float(np.max(box.error))


def _largest_sum(terms, k):
    """For every output the sum of its k largest terms, of all for None."""
    count = terms.shape[-2]
    if k is not None and k < count:
        terms = np.partition(terms, count - k, axis=-2)[..., count - k :, :]
    return terms.sum(axis=-2)


def _fits(name, size, dtype):
    """ValueError where a number up to this size may overflow; one that is not a number did so in float64."""
    largest = float(np.max(size)) * SLACK
    if not largest <= float(np.finfo(dtype).max):
        raise ValueError(f"No number may overflow in {dtype}. Received: {name} that may reach size={largest:.3g}")


def _unit(dtype):
    """The unit roundoff of dtype and its smallest normal number."""
    info = np.finfo(arguments.float_dtype(dtype))
    return float(info.eps) / 2, float(info.tiny)
