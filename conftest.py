"""Doctests look into every module of the library; one named after a backend can only be imported under it."""

import importlib.util

import keras

collect_ignore_glob = [
    f"dendnet/*/*_{backend}.py" for backend in {"tensorflow", "jax", "torch"} - {keras.backend.backend()}
]
if importlib.util.find_spec("triton") is None:
    collect_ignore_glob.append("dendnet/ops/fused_torch.py")
