"""Networks with integer weights: their Jacobian in the parameters, and a lower bound of its rank without rounding."""

import numpy as np

PRIME = 2**31 - 1


def forward(x, w, b):
    """Whether each connection is active, its signal, and the outputs; integers of any size."""
    arrives = x[:, :, None] + b
    active = arrives > 0
    signal = np.where(active, arrives, 0)
    return active, signal, (w * signal).sum(axis=1)


def jacobian(weights, points):
    """The outputs' derivatives at the points in each w and b, modulo PRIME: (points * m, parameters).

    Right where no connection stands on its knot at any of the points.
    """
    passes, x = [], points
    for w, b in weights:
        active, signal, x = forward(x, w, b)
        passes.append((w, active, signal))
    upstream = np.broadcast_to(np.eye(x.shape[1], dtype=int).astype(object), (len(points), x.shape[1], x.shape[1]))
    columns: list = []
    for w, active, signal in reversed(passes):
        dw = upstream[:, :, None, :] * signal[:, None]  # (point, output, i, j)
        db = upstream[:, :, None, :] * (w * active)[:, None]
        columns = [*(a.reshape(len(points) * x.shape[1], -1) for a in (dw, db)), *columns]
        upstream = db.sum(axis=-1)
    return (np.concatenate(columns, axis=1) % PRIME).astype("int64")


def rank(matrix):
    """The rank modulo PRIME, by elimination; over the rationals it is no less."""
    a, found = matrix.copy(), 0
    for column in range(a.shape[1]):
        below = np.flatnonzero(a[found:, column])
        if not len(below):
            continue
        a[[found, found + below[0]]] = a[[found + below[0], found]]
        a[found] = a[found] * pow(int(a[found, column]), -1, PRIME) % PRIME
        rows = found + 1 + np.flatnonzero(a[found + 1 :, column])
        a[rows] = (a[rows] - a[rows, column][:, None] * a[found] % PRIME) % PRIME
        found += 1
        if found == len(a):
            break
    return found
