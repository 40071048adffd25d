"""How the theorems are tried: the same few examples every time, and points of a box, its corners among them."""

import itertools

import keras
import numpy as np
from hypothesis import HealthCheck, settings

from dendnet.theory.arguments import has_float64

DTYPES = ["float32", "float64"] if has_float64() else ["float32"]


def few(examples):
    """Hypothesis's settings for so many examples."""
    health = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
    return settings(max_examples=examples, deadline=None, derandomize=True, database=None, suppress_health_check=health)


def box(rng, n, low, high, dtype, count=40):
    """Points of the box [low, high]^n in dtype: up to 16 corners, and random ones."""
    corners = list(itertools.islice(itertools.product([low, high], repeat=n), 16))
    points = np.concatenate([corners, rng.uniform(low, high, (count, n))]).astype(dtype)
    inside = ((points.astype("float64") >= low) & (points.astype("float64") <= high)).all(axis=1)
    return points[inside]


def computed(network, x):
    """What a layer or model computes at x, as an array."""
    return keras.ops.convert_to_numpy(network(np.asarray(x)))
