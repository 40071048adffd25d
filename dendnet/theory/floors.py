"""What a network cannot get below on given data, however it is trained: by its last layer's width, or as a sum."""

from typing import Any, NamedTuple

import numpy as np

from dendnet.theory import arguments


class Floor(NamedTuple):
    """What :func:`readout_floor` and :func:`additive_floor` return.

    Attributes:
        noise: The mean squared deviation of the targets from their mean over rows with equal inputs. No function of
            the inputs has a smaller mean squared error.
        excess: What a network of the kind that was asked for must have beyond the noise.

    Reference:
        The chapter "One bias per connection" of the book, :prf:ref:`thm-floors`.
    """

    noise: float
    excess: float

    @property
    def error(self) -> float:
        """Noise and excess together, the floor of the mean squared error."""
        return self.noise + self.excess


def readout_floor(inputs, targets, units) -> Floor:
    r"""The least mean squared error of any network that reads its outputs linearly from so many hidden units.

    .. math:: \min_{\phi, V, c} \frac{1}{Nm} \sum_{k=1}^{N} \big\| t_k - V \phi(x_k) - c \big\|^2
        = \text{noise} + \frac{1}{m} \sum_{r > h} \sigma_r^2

    over all functions :math:`\phi` with h values, matrices V and vectors c. Here :math:`\sigma_r` are the singular
    values of the targets' means over rows with equal inputs, each weighted by the root of its share of the rows, less
    their overall mean. A DAC layer has no such bound: its outputs share no hidden units.

    Args:
        inputs: ``(N, n)``. Rows with equal inputs are grouped, so bin what is continuous.
        targets: ``(N, m)``.
        units: h, the width of the last hidden layer, 0 or more.

    Returns:
        A :class:`Floor`: ``noise``, ``excess``, and their sum ``error``.

    Raises:
        ValueError: Inputs or targets are no table of finite numbers, of unequal length or empty; units is no whole
            number of 0 or more.

    Example:
        Four inputs, and for each an output of its own; two hidden units cannot tell all four apart:

        >>> import numpy as np
        >>> from dendnet.theory import readout_floor
        >>> floor = readout_floor([[0], [1], [2], [3]], np.eye(4), units=2)
        >>> round(floor.error, 6)
        0.0625

    Reference:
        The chapter "One bias per connection" of the book, :prf:ref:`thm-floors`; Eckart and Young, Psychometrika 1
        (1936).
    """
    if isinstance(units, bool) or not isinstance(units, (int, np.integer)) or units < 0:
        raise ValueError(f"units must be a whole number of 0 or more. Received: units={units!r}")
    _, shares, means, noise = _grouped(inputs, targets)
    centred = np.sqrt(shares)[:, None] * (means - shares @ means)
    values = np.linalg.svd(centred, compute_uv=False)
    return Floor(noise, float(np.sum(values[units:] ** 2) / means.shape[1]))


def additive_floor(inputs, targets) -> Floor:
    r"""The least mean squared error of any sum of functions of one input each.

    .. math:: \min_{f} \frac{1}{Nm} \sum_{k=1}^{N} \sum_{j=1}^{m} \Big( t_{kj} - \sum_{i=1}^{n} f_{ij}(x_{ki}) \Big)^2

    A single DAC layer is such a sum, whatever its knots and however many its dendrites.

    Args:
        inputs: ``(N, n)``. Each function is free at every value that its input takes, so bin what is continuous:
            where all values of an input differ, the floor says nothing.
        targets: ``(N, m)``.

    Returns:
        A :class:`Floor`: ``noise``, ``excess``, and their sum ``error``.

    Raises:
        ValueError: Inputs or targets are no table of finite numbers, of unequal length or empty.

    Example:
        Exclusive or: no sum of a function of the first input and one of the second does better than the mean.

        >>> from dendnet.theory import additive_floor
        >>> floor = additive_floor([[0, 0], [0, 1], [1, 0], [1, 1]], [[0], [1], [1], [0]])
        >>> round(floor.error, 6)
        0.25

    Reference:
        The chapter "One bias per connection" of the book, :prf:ref:`thm-floors`.
    """
    cells, shares, means, noise = _grouped(inputs, targets)
    values = [np.unique(column, return_inverse=True)[1] for column in cells.T]
    indicators = np.concatenate([np.eye(column.max() + 1)[column] for column in values], axis=1)
    root = np.sqrt(shares)[:, None]
    best = np.linalg.lstsq(root * indicators, root * means, rcond=None)[0]
    return Floor(noise, float(np.sum((root * (indicators @ best - means)) ** 2) / means.shape[1]))


def _grouped(inputs: Any, targets: Any):
    """Distinct inputs, the share of the rows that have each, the targets' means over these, and the noise."""
    inputs, targets = arguments.finite("inputs", inputs, 2), arguments.finite("targets", targets, 2)
    if len(inputs) != len(targets) or 0 in (*inputs.shape, *targets.shape):
        raise ValueError(
            "inputs (N, n) and targets (N, m) must have equally many rows, and none may be empty. "
            f"Received: inputs.shape={inputs.shape}, targets.shape={targets.shape}"
        )
    cells, at, count = np.unique(inputs, axis=0, return_inverse=True, return_counts=True)
    at = at.reshape(-1)
    means = np.stack([np.bincount(at, column) / count for column in targets.T], axis=1)
    return cells, count / len(inputs), means, float(np.mean((targets - means[at]) ** 2))
