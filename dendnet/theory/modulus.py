"""How fast a function may change: the modulus of continuity that its values on a grid are held to."""

import math
from itertools import product

import numpy as np

from dendnet.theory import arguments
from dendnet.theory.rounding import STEP

MANY = 4096  # points up to which every two are compared; of more, those at most one cell apart along each side


def modulus_of(lipschitz, modulus, d):
    """The bound of the error as a function of N, and omega; ValueError unless one of the two is given, and valid.

    In both bounds the last term is for the grid's points, which are rounded to float64 before f sees them.
    """
    if (lipschitz is None) == (modulus is None):
        raise ValueError(
            "Either lipschitz or modulus must be given, and not both. "
            f"Received: lipschitz={lipschitz!r}, modulus={modulus!r}"
        )
    side, rounded = math.sqrt(d), math.sqrt(d) * 2.0**-53
    if modulus is None:
        constant = 0.0 if lipschitz == 0 else arguments.above_zero("lipschitz", lipschitz)
        return lambda n: constant * (side / (2 * n) + rounded) * (1 + STEP), lambda t: constant * t
    if not callable(modulus):
        raise ValueError(f"modulus must be a function of one distance. Received: modulus={modulus!r}")

    def omega(t):
        value = modulus(t)
        if not isinstance(value, (int, float, np.number, np.ndarray)) or not (0 <= value < math.inf):
            raise ValueError(
                f"modulus must give numbers that are finite and at least 0. Received: modulus({t})={value}"
            )
        return float(value)

    return lambda n: (omega(side / n * (1 + STEP)) + omega(rounded)) * (1 + STEP), omega


def check(values, d, cells, omega):
    """ValueError where two of f's values on the grid differ by more than omega allows at their distance."""
    v = values.reshape((cells + 1,) * d)
    reach = cells if values.size <= MANY else 1
    noise = 64 * 2.0**-52 * np.abs(values).max()  # f's own rounding
    for step in product(range(-reach, reach + 1), repeat=d):
        if step <= (0,) * d:  # the opposite of another step
            continue
        here, there = (tuple(slice(max(s * k, 0), min(s * k, 0) or None) for k in step) for s in (-1, 1))
        change = np.abs(v[there] - v[here])
        distance = math.dist(step, (0,) * d) / cells
        if change.max() > omega(distance) * (1 + STEP) + noise:
            at = np.array(np.unravel_index(change.argmax(), change.shape)) + [max(-k, 0) for k in step]
            raise ValueError(
                f"f changes by {change.max():.6g} between grid points at a distance of {distance:.6g}, more than "
                f"{omega(distance):.6g}, which its modulus of continuity or Lipschitz constant allows. "
                f"Received: x={(at / cells).tolist()}, y={((at + step) / cells).tolist()}"
            )
