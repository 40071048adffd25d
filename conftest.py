"""Doctests look into every module of the library; one named after a backend can only be imported under it."""

import importlib.util

import keras

backend = keras.backend.backend()
collect_ignore_glob = [f"dendnet/*/*_{other}.py" for other in {"tensorflow", "jax", "torch"} - {backend}]
compiler = {"torch": "triton", "jax": "jax.experimental.pallas.triton"}.get(backend)
if compiler and importlib.util.find_spec(compiler) is None:
    collect_ignore_glob.append(f"dendnet/ops/fused_{backend}.py")
if importlib.util.find_spec("matplotlib") is None:
    collect_ignore_glob.append("dendnet/plotting.py")
