r"""The hat functions of a grid on [0, 1]^d, cut into Kuhn's simplices, as layers of dendrites.

The hat of grid point v is relu(1 - max(0, y) - max(0, -y)) for y = N x - v, with maxima over the coordinates. Both
maxima are taken in rounds, two numbers at a time: max(p, q) = p + relu(q - p). The first round bends along single
coordinates and differences of two: the first layer makes an axon for each, and one more for each that bends, so that no
dendrite is idle; dendrites on those axons do the round for every hat. Later rounds are the same for all hats: one layer
serves them, applied along the axis of hats.
"""

from typing import NamedTuple

import numpy as np

from dendnet.theory.rounding import Weights


class Round(NamedTuple):
    """Channels made of numbers; filtered, when those that must pass are lifted above 0, joined into new numbers."""

    channels: np.ndarray
    lift: np.ndarray
    joined: np.ndarray


# p + q, p' - p and q' - q of the two that are left of each; then -max(p, p') - max(q, q').
LAST = Round(np.array([[1, 0, 1, 0], [-1, 1, 0, 0], [0, 0, -1, 1]]), np.zeros(3), -np.ones((1, 3), int))


class Hats(NamedTuple):
    """Layers that make ``channels`` numbers of each hat, and those that make of them the hat's argument less 1."""

    axons: list[Weights]
    rounds: list[Weights]
    channels: int


def points(d, cells):
    """The grid's points v, integers from 0 to cells, ``((cells + 1)^d, d)``; the last coordinate moves fastest."""
    return np.indices((cells + 1,) * d).reshape(d, -1).T


def hats(d, cells):
    """The layers of all hats on a grid of N = cells cells a side, for d >= 2."""
    mix, numbers = _first_round(d)
    steps = _rounds(len(numbers) // 2, cells)
    channels = steps[0].channels
    slope, hinge = np.moveaxis(np.tensordot(channels, numbers, axes=1), 1, 0)  # (C, d) each, in units of N u - g
    grid = points(d, cells) @ mix  # g: where each hat lies along each axon
    low = np.maximum(-mix, 0).sum(axis=0)  # an axon's values go from -low up: 0 for x_i, -1 for a difference
    bends = hinge.any(axis=0)
    kernel = np.vstack([slope.T, hinge.T[bends]]) * cells  # (E, C)
    bias = np.hstack([np.broadcast_to(low, grid.shape), -grid[:, bends] / cells])  # (V, E)
    constant = -(grid + cells * low) @ slope.T  # what slope * (N u - g) lacks after N relu(u + low)
    edges = Weights(np.tile(kernel, len(grid)), np.repeat(bias.T, len(channels), axis=1), constant.ravel())
    copies = np.hstack([mix, mix[:, bends]])
    axons = [Weights(copies.astype(float), np.zeros(copies.shape)), edges]
    rounds, shift = [], np.zeros(len(channels))
    for step, after in zip(steps, [*[each.channels for each in steps[1:]], np.eye(1)], strict=True):
        kernel = (after @ step.joined).T.astype(float)
        rounds.append(Weights(kernel, np.repeat((step.lift - shift)[:, None], kernel.shape[1], axis=1)))
        shift = step.lift @ kernel
    return Hats(axons, rounds, len(channels))


def _first_round(d):
    """The axons u = x @ mix, and the numbers p, then q, that the first round leaves of (0, y) and of (0, -y).

    Of each the slope and the hinge on every axon, (2m, 2, d): slope (N u - g) + hinge relu(N u - g).
    """
    mix, one, zero = np.eye(d, dtype=int), np.eye(d, dtype=int), np.zeros(d, int)
    upper, lower = [(zero, one[0])], [(-one[0], one[0])]  # max(0, y_1) and max(0, -y_1)
    for i in range(1, d - 1, 2):  # max(y_i, y_i+1) and max(-y_i, -y_i+1), from y_i and the difference y_i+1 - y_i
        mix[i, i + 1] = -1
        upper.append((one[i], one[i + 1]))
        lower.append((-one[i] - one[i + 1], one[i + 1]))
    if d % 2 == 0:
        upper.append((one[-1], zero))
        lower.append((-one[-1], zero))
    return mix, np.array(upper + lower)


def _rounds(m, cells):
    """The rounds that leave of m numbers p and m numbers q one each, and in the end -max(p) - max(q)."""
    steps = []
    while m > 2:
        channels: list = []
        lift: list[float] = []
        pairs: list[range] = []
        for tree in (0, m):
            for a in range(0, m, 2):
                p = np.eye(2 * m, dtype=int)[tree + a : tree + min(a + 2, m)]
                pairs.append(range(len(channels), len(channels) + len(p)))
                channels += [p[0], *(p[1:] - p[0])]
                lift += [float(cells) if a else 0.0, *[0.0] * (len(p) - 1)]  # the first p and q are not negative
        joined = np.array([[place in pair for place in range(len(channels))] for pair in pairs], int)
        steps.append(Round(np.array(channels), np.array(lift), joined))
        m = -(-m // 2)
    return [*steps, LAST]
