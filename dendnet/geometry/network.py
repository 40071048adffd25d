"""A network as steps in float64, and what follows from the pieces on which its signals lie."""

from dataclasses import dataclass

import numpy as np

from dendnet.geometry.steps import Dendrites, Elementwise

ROUNDING = 2.0**-42  # far above float64's, 2^-52, and far below whatever a figure or a float32 network tells apart


@dataclass(frozen=True)
class Network:
    """Steps in order, each with the names of the signals that it takes and of the one that it gives.

    A step that bends takes one vector of signals. The pieces on which these lie, for all steps that bend, stand side by
    side in the columns of ``pieces``, ``(cells, signals)``.
    """

    n: int
    input: int
    output: int
    steps: tuple

    def _run(self, signals, take):
        """Take every step and drop what no later one needs; ``take(step, names)`` gives the result of one."""
        last = {x: k for k, (_, names, _) in enumerate(self.steps) for x in names} | {self.output: len(self.steps)}
        for k, (step, names, target) in enumerate(self.steps):
            signals[target] = take(step, names)
            for name in set(names):
                if last[name] == k:
                    del signals[name]
        return signals[self.output]

    def tolerances(self, reach):
        """What counts as zero in the first signals of each step, for inputs that are nowhere larger than ``reach``.

        It is :data:`ROUNDING` of the largest term that can occur in the sums that make the signal.
        """
        signals, found = {self.input: np.asarray(reach, "float64")}, []

        def take(step, names):
            found.append(ROUNDING * signals[names[0]])
            return step.magnitude(*(signals[x] for x in names))

        self._run(signals, take)
        return found

    def subdivide(self, cells, points):
        """Cut the cells along every knot; ``points`` are their vertices as inputs, ``(V, n)``."""
        cells.signals[self.input] = points
        tolerances = iter(self.tolerances(np.abs(points).max(axis=0)))

        def take(step, names):
            tolerance = next(tolerances)
            for i, knots in enumerate(step.knots if bends(step) else []):
                cells.cut(names[0], i, knots, tolerance[i], step.name)
            return step.values(np.ones(1), *(cells.signals[x][:, None] for x in names))[:, 0]

        self._run(cells.signals, take)

    def maps(self, start, pieces):
        """The affine map of each cell, ``(cells, rows, m)``, after the one map of the inputs, ``(rows, n)``.

        The last row is the value at 0, the others are the slopes.
        """
        signals = {self.input: np.broadcast_to(np.asarray(start, "float64"), (len(pieces), *np.shape(start)))}
        one, columns = np.eye(len(start))[-1], iter(self._columns(pieces))

        def take(step, names):
            x = [signals[name] for name in names]
            return step.maps(one, *x, next(columns)[1]) if bends(step) else step.values(one, *x)

        return self._run(signals, take)

    def pieces(self, points):
        """The pieces of all signals at points, ``(N, n)``."""
        signals = {self.input: np.asarray(points, "float64")[:, None]}
        found: list = []

        def take(step, names):
            x = [signals[name] for name in names]
            if bends(step):
                found.extend(np.searchsorted(knots, x[0][:, 0, i]) for i, knots in enumerate(step.knots))
            return step.values(np.ones(1), *x)

        self._run(signals, take)
        return np.stack(found, axis=1) if found else np.zeros((len(points), 0), int)

    def patterns(self, pieces):
        """For each layer that bends, by its name, how many knots of its filter each connection has below it."""
        found: dict = {}
        for step, columns in self._columns(pieces):
            again = sum(name.partition(" (")[0] == step.name for name in found)
            found[f"{step.name} ({again + 1})" if again else step.name] = step.pattern(columns)
        return found

    def _columns(self, pieces):
        """Each step that bends, with its columns of the pieces."""
        steps = [step for step, _, _ in self.steps if bends(step)]
        ends = np.cumsum([len(step.knots) for step in steps])[:-1]
        return zip(steps, np.split(pieces, ends, axis=1), strict=True) if steps else []


def bends(step):
    """Whether a step bends."""
    return isinstance(step, (Dendrites, Elementwise))
