"""Affine maps on a box, by biases that leave no dendrite silent there."""

from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np

from dendnet.theory import arguments, certificate, layers, rounding
from dendnet.theory.certificate import Certificate


class Affine(NamedTuple):
    """What :func:`affine_layer` returns: the layer, the constants that it cannot meet, and its certificate.

    Reference:
        The chapter "What it can represent" of the book, :prf:ref:`thm-affine`.
    """

    layer: Any
    remainder: Any
    certificate: Certificate


def affine_layer(weights, offset, radius, dendrites=1, dtype=None) -> Affine:
    r"""A DAC layer that is affine where no input exceeds the radius.

    .. math:: \sum_i w_{ij} \, \mathrm{relu}(x_i + b_{ij}) = \sum_i w_{ij} x_i + \sum_i w_{ij} b_{ij}
        \quad \text{for } |x_i| \le r \le b_{ij}

    With one dendrite the constants :math:`\sum_i w_{ij} b_{ij}` are those on one side of :math:`r \sum_i w_{ij}` where
    the weights of output j have one sign, all where they have two, and 0 where they are zero. A constant that is out
    of reach is left to the next layer's biases, as ``remainder``. With two dendrites every constant is met.

    Args:
        weights: W, ``(n, m)``.
        offset: The constants c, ``(m,)``.
        radius: r, the largest \|x_i\|; above 0.
        dendrites: S, 1 or 2.
        dtype: ``"float32"`` or ``"float64"``; None takes Keras's own setting.

    Returns:
        An :class:`Affine`: ``layer``, a built :class:`dendnet.layers.DACDense` whose outputs on the box are
        x W + offset - remainder; ``remainder``, ``(m,)``, zero where the constant is met; ``certificate``.

    Raises:
        ValueError: An argument is not finite or not of its shape; or a number may overflow.

    Example:
        The sum of two inputs is met with every constant from 2 on. One less is left to the next layer:

        >>> import numpy as np
        >>> from dendnet.theory import affine_layer
        >>> affine = affine_layer([[1.0], [1.0]], offset=[1.0], radius=1.0)
        >>> [float(c) for c in affine.remainder]
        [-1.0]
        >>> float(affine.layer(np.array([[0.25, 0.5]]))[0, 0]), affine.certificate.parameters
        (2.75, 4)

    Reference:
        The chapter "What it can represent" of the book, :prf:ref:`thm-affine`.
    """
    dtype = arguments.float_dtype(dtype)
    w = arguments.finite("weights", weights, 2)
    c = arguments.finite("offset", offset, 1)
    radius = arguments.above_zero("radius", radius)
    if w.size == 0 or c.shape != w.shape[1:]:
        raise ValueError(f"offset must have the shape (m,) beside weights (n, m). Received: {c.shape} and {w.shape}")
    if dendrites not in (1, 2):
        raise ValueError(f"dendrites must be 1 or 2. Received: dendrites={dendrites!r}")
    exact, missing = (edges if dendrites == 2 else one_dendrite)(w, c, radius)
    layer = layers.layer(exact, dtype)
    remainder = np.array([float(v) for v in missing])
    rounded = max(abs(Fraction(r) - v) for r, v in zip(remainder.tolist(), missing, strict=True))
    construction = certificate.certified(layer, layers.Stack([exact]), -radius, radius, dtype, bound=float(rounded))
    return Affine(layer, remainder, construction.certificate)


def shift(w, radius):
    """The constants sum_i w_ij r of a layer whose biases are all the radius, exactly."""
    return [Fraction(radius) * sum(map(Fraction, column)) for column in w.T.tolist()]


def one_dendrite(w, c, radius):
    """Weights of one dendrite a connection that is never silent, and what of c they do not meet."""
    b = np.full_like(w, radius)
    missing = [Fraction(c_j) - s for c_j, s in zip(c.tolist(), shift(w, radius), strict=True)]
    for j, left in enumerate(missing):
        # A bias can only grow: what is missing needs a weight of its sign, the largest of them moves its bias least.
        i = np.argmax(w[:, j] if left > 0 else -w[:, j])
        if left * Fraction(w[i, j]) > 0:
            b[i, j] = float(Fraction(radius) + left / Fraction(w[i, j]))
            missing[j] = Fraction(0)
    return rounding.Weights(w, b), missing


def edges(w, c, radius):
    """Weights of two dendrites a connection whose sum is x W + c, and zeros: the first input's edges hold c."""
    n, m = w.shape
    kernel, bias = np.zeros((2 * n, m)), np.zeros((2 * n, m))
    bias[0::2], bias[1::2] = radius, 2 * radius
    kernel[0::2] = w
    for j, (c_j, s) in enumerate(zip(c.tolist(), shift(w, radius), strict=True)):
        # (w - d) (x + r) + d (x + 2 r) = w (x + r) + d r: d r is what one dendrite would miss.
        d = (Fraction(c_j) - s) / Fraction(radius)
        kernel[0, j], kernel[1, j] = float(Fraction(w[0, j]) - d), float(d)
    return rounding.Weights(kernel, bias, dendrites=2), [Fraction(0)] * m
