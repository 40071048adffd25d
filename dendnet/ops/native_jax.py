"""The native operation on JAX: two foreign functions of the CPU, which any compiled program may call."""

import ctypes
from functools import cache

import jax
import numpy as np

from dendnet.ops import native, shapes
from dendnet.ops.derivatives_jax import differentiable


def _forward(x, kernel, bias, geometry):
    out, _ = shapes.axes(x.shape[1:-1], kernel.shape[:-2], geometry)
    y = jax.ShapeDtypeStruct((x.shape[0], *out, kernel.shape[-1]), x.dtype)
    return _call("forward", y, geometry, x, kernel, bias)


def _gradients(x, kernel, bias, dy, geometry):
    made = [jax.ShapeDtypeStruct(a.shape, a.dtype) for a in (x, kernel, bias)]
    return tuple(_call("gradients", made, geometry, x, kernel, bias, dy))


run = differentiable(_forward, _gradients)


def takes(x):
    """Whether the foreign functions take this x: on the CPU, and not shared out among several."""
    return jax.default_backend() == "cpu" and jax.device_count() == 1


def _call(name, made, geometry, *arrays):
    dtype = str(arrays[0].dtype)
    call = jax.ffi.ffi_call(_registered(name, dtype), made, vmap_method="sequential")
    return call(*arrays, settings=np.array(native.settings(geometry), "int64"))


@cache
def _registered(name, dtype):
    """The name under which XLA knows the function."""
    library = ctypes.CDLL(str(native.path(dtype)))
    target = f"dendnet_{name}_{dtype}"
    jax.ffi.register_ffi_target(target, jax.ffi.pycapsule(getattr(library, f"dendnet_xla_{name}")), platform="cpu")
    return target
