"""What the constructions accept, and the sentence that refuses the rest."""

from typing import Any

import keras
import numpy as np

DTYPES = ("float32", "float64")


def float_dtype(dtype: Any) -> str:
    """The format's name, Keras's own setting for None; ValueError where rounding is not certified for it."""
    name = keras.config.floatx() if dtype is None else dtype
    if name not in DTYPES:
        raise ValueError(f"dtype must be one of {DTYPES}: their rounding is certified. Received: dtype={dtype!r}")
    if name == "float64" and not has_float64():
        raise ValueError(
            "dtype='float64' needs jax.config.update('jax_enable_x64', True): JAX would compute in float32. "
            f"Received: dtype={dtype!r}"
        )
    return name


def has_float64() -> bool:
    """Whether the backend computes in float64 where it is asked to: JAX by itself does not."""
    if keras.backend.backend() != "jax":
        return True
    import jax

    return bool(jax.config.jax_enable_x64)


def finite(name: str, value: Any, rank: int) -> Any:
    """The value as a float64 array of this rank; ValueError where it is none, or holds a number that is not finite."""
    try:
        array = np.asarray(value, "float64")
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} must be real numbers. Received: {name}={value!r}") from error
    if array.ndim != rank:
        raise ValueError(f"{name} must have {rank} axes. Received: {name}.shape={array.shape}")
    if not np.isfinite(array).all():
        raise ValueError(f"{name} must be finite. Received: {name}={value!r}")
    return array


def above_zero(name: str, value: Any) -> float:
    """The value as a float; ValueError where it is not a finite number above 0."""
    number = isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)
    if not number or not np.isfinite(value) or value <= 0:
        raise ValueError(f"{name} must be a finite number above 0. Received: {name}={value!r}")
    return float(value)


def fits(name: str, value: Any, dtype: str) -> Any:
    """The array; ValueError where a number of it overflows in dtype."""
    if np.abs(value).max(initial=0.0) > float(np.finfo(dtype).max):
        raise ValueError(f"{name} must fit into {dtype}. Received: a number of size {np.abs(value).max():.3g}")
    return value
