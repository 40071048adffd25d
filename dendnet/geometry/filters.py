"""Continuous piecewise linear functions of one number, which is what dendrites and activations have to be here."""

from dataclasses import dataclass

import keras
import numpy as np


@dataclass(frozen=True)
class Filter:
    """A filter with its knots: ``slopes[k] * v + offset_k`` on the piece between ``knots[k - 1]`` and ``knots[k]``.

    A knot belongs to the piece below it, as relu'(0) = 0 in dendnet.

    Args:
        knots: Where it bends, ascending.
        slopes: One for each piece, one more than knots.
        start: The first piece's value at 0, continued.
    """

    knots: tuple[float, ...]
    slopes: tuple[float, ...]
    start: float = 0.0

    @property
    def offsets(self):
        """Each piece's value at 0, continued; what makes the filter continuous."""
        steps = -np.diff(self.slopes) * np.asarray(self.knots, "float64")
        return self.start + np.concatenate([[0.0], np.cumsum(steps)])

    def __call__(self, v):
        y = np.full_like(v, self.start) if self.start else np.zeros_like(v)
        if self.slopes[0]:
            y += self.slopes[0] * v
        for knot, jump in zip(self.knots, np.diff(self.slopes), strict=True):
            y += jump * np.maximum(v - knot, 0.0)
        return y


def filter_of(activation, owner):
    """A Keras activation, or a layer that is one, as a filter; ValueError where it is not piecewise linear."""
    if isinstance(activation, keras.layers.Activation):
        return filter_of(activation.activation, owner)
    if isinstance(activation, keras.layers.LeakyReLU):
        return Filter((0.0,), (float(activation.negative_slope), 1.0))
    if isinstance(activation, keras.layers.ReLU):
        if activation.threshold:
            raise ValueError(
                "A relu with a threshold jumps there, and no subdivision has that. "
                f"Received: threshold={activation.threshold!r} in layer {owner!r}"
            )
        below, most = float(activation.negative_slope), activation.max_value
        return Filter((0.0,), (below, 1.0)) if most is None else Filter((0.0, float(most)), (below, 1.0, 0.0))
    name = getattr(activation, "__name__", type(activation).__name__)
    if name not in BY_NAME:
        raise ValueError(
            f"Every activation must be piecewise linear: one of {tuple(BY_NAME)}. "
            f"Received: activation={name!r} in layer {owner!r}"
        )
    return BY_NAME[name]


BY_NAME = {
    "linear": Filter((), (1.0,)),
    "relu": Filter((0.0,), (0.0, 1.0)),
    "relu6": Filter((0.0, 6.0), (0.0, 1.0, 0.0)),
    "leaky_relu": Filter((0.0,), (0.2, 1.0)),
}
