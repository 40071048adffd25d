"""Loops that do the convention's operations one by one on numbers that count themselves."""

import itertools
from collections import defaultdict

import numpy as np

from dendnet.cost.operations import Operations


class Counted:
    """A float whose every operation is noted in a shared tally."""

    def __init__(self, value, tally):
        self.value, self.tally = float(value), tally

    def __mul__(self, other):
        self.tally["multiplications"] += 1
        return Counted(self.value * other.value, self.tally)

    def __add__(self, other):
        self.tally["additions"] += 1
        return Counted(self.value + other.value, self.tally)

    def relu(self):
        self.tally["comparisons"] += 1
        return Counted(max(self.value, 0.0), self.tally)

    def where(self, a):
        """This number where a > 0, or 0."""
        self.tally["comparisons"] += 1
        return Counted(self.value if a.value > 0 else 0.0, self.tally)


def counted(array, tally):
    return np.vectorize(lambda v: Counted(v, tally), otypes=[object])(array)


def zeros(shape, tally):
    return counted(np.zeros(shape), tally)


def values(array):
    return np.vectorize(lambda c: c.value)(array)


def operations(tally):
    return Operations(**tally)


def unit(x, w, b, c, windows, bias_of, dy):
    """Forward pass and gradients of the unit: y, dx, dw, db and what each pass took.

    ``windows(place)`` gives, for each tap, the pixel that an output's place sees, or None beyond the border;
    ``bias_of(t, i, row, j)`` the index of a connection's bias; x is (N, pixels, c_in), w (taps, rows, c_out), and the
    channels i of j's group are the kernel's rows.
    """
    forward, backward = defaultdict(int), defaultdict(int)
    X, W, B, C = (counted(a, forward) for a in (x, w, b, c))
    N, places, c_out = dy.shape
    y = zeros(dy.shape, forward)
    active = {}  # each distinct activation, computed once
    readers = defaultdict(list)
    beyond = []
    per_group = c_out // (x.shape[-1] // w.shape[1])
    nothing = Counted(0.0, forward)
    for n, p, j in itertools.product(range(N), range(places), range(c_out)):
        for (t, q), row in itertools.product(enumerate(windows(p)), range(w.shape[1])):
            i = j // per_group * w.shape[1] + row
            if q is None:
                y[n, p, j] = y[n, p, j] + W[t, row, j] * nothing  # the border's taps are counted
                beyond.append((n, p, t, row, j))
                continue
            key = (n, q, i, bias_of(t, i, row, j))
            if key not in active:
                a = X[n, q, i] + B[key[-1]]
                active[key] = a, a.relu()
            y[n, p, j] = y[n, p, j] + W[t, row, j] * active[key][1]
            readers[key].append((n, p, t, row, j))
        if len(c):
            y[n, p, j] = y[n, p, j] + C[j]
    took = operations(forward)
    W, DY = counted(w, backward), counted(dy, backward)
    dx, dw, db, dc = (zeros(a.shape, backward) for a in (x, w, b, c))
    for key, uses in readers.items():
        a, r = (Counted(v.value, backward) for v in active[key])
        g = None
        for n, p, t, row, j in uses:
            dw[t, row, j] = dw[t, row, j] + DY[n, p, j] * r
            term = W[t, row, j] * DY[n, p, j]
            g = term if g is None else g + term
        g = g.where(a)
        n, q, i, index = key
        dx[n, q, i] = dx[n, q, i] + g
        db[index] = db[index] + g
    nothing = Counted(0.0, backward)
    for n, p, t, row, j in beyond:
        dw[t, row, j] = dw[t, row, j] + DY[n, p, j] * nothing
        nothing + W[t, row, j] * DY[n, p, j]
    if len(c):
        for n, p, j in np.ndindex(dy.shape):
            dc[j] = dc[j] + DY[n, p, j]
    return values(y), [values(a) for a in (dx, dw, db)], took, took + operations(backward)
