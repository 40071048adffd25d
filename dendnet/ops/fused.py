"""Where the fused kernels run: asked once, by trying them."""

from functools import cache

import keras

DTYPES = ("float32", "bfloat16", "float16")
LEAST_CAPABILITY = {"torch": (7, 0), "jax": (8, 0)}  # Triton's kernels reach a T4 (7.5), Pallas's lowering an A100
LEAST_TRITON = (3, 4)  # torch 2.8 brings it; older ones were tried and do not take the kernels as they stand


def runs() -> bool:
    """Whether this machine has a GPU, and the compiler, that the kernels of this Keras backend run on."""
    return _found()


if keras.backend.backend() == "torch":
    import torch

    torch.compiler.assume_constant_result(runs)  # torch.compile would trace the probe past its cache, and warn of it


@cache
def _found() -> bool:
    probe = {"torch": _runs_on_torch, "jax": _runs_on_jax}.get(keras.backend.backend())
    return probe is not None and probe()


def takes(x) -> bool:
    """Whether the kernels, where they run, take this x: on the GPU, in one of DTYPES, and of known size."""
    known = all(isinstance(size, int) for size in x.shape)
    return known and keras.backend.standardize_dtype(x.dtype) in DTYPES and _on_gpu(x)


def _on_gpu(x):
    if keras.backend.backend() == "torch":
        return x.is_cuda
    import jax

    if isinstance(x, jax.core.Tracer):
        chosen = jax.config.jax_default_device
        return chosen is None or getattr(chosen, "platform", chosen) in ("gpu", "cuda")
    return all(device.platform == "gpu" for device in x.devices())


def _runs_on_torch():
    import torch

    if not torch.cuda.is_available() or torch.version.hip:
        return False
    if torch.cuda.get_device_capability() < LEAST_CAPABILITY["torch"]:
        return False
    try:
        import triton

        if _version(triton) < LEAST_TRITON:
            return False
        from dendnet.ops import fused_torch
        from dendnet.ops.shapes import DENSE

        with torch.inference_mode(False), torch.enable_grad():  # this may be asked for while Keras only infers shapes
            x, w, b = (torch.ones((1, 1), device="cuda", requires_grad=True) for _ in range(3))
            y = fused_torch.run(x, w, b, DENSE)
            return [a.item() for a in (y, *torch.autograd.grad(y, (x, w, b)))] == [2.0, 1.0, 2.0, 1.0]
    except Exception:  # whatever a compiler or a driver says, the blocked form runs instead
        return False


def _runs_on_jax():
    import jax

    if jax.default_backend() != "gpu":
        return False
    capability = getattr(jax.devices()[0], "compute_capability", "")
    if not capability.replace(".", "").isdigit():  # not NVIDIA's
        return False
    if tuple(int(part) for part in capability.split(".")) < LEAST_CAPABILITY["jax"]:
        return False
    try:
        from dendnet.ops import fused_jax
        from dendnet.ops.shapes import DENSE

        def total(*arguments):
            return fused_jax.run(*arguments, DENSE).sum()

        # Compiled and not run: this may be asked for while JAX traces.
        jax.jit(jax.grad(total, argnums=(0, 1, 2))).lower(*[jax.ShapeDtypeStruct((1, 1), "float32")] * 3).compile()
    except Exception:  # whatever a compiler or a driver says, the blocked form runs instead
        return False
    return True


def _version(module):
    """The first two numbers of a module's version."""
    return tuple(int(number) for number in module.__version__.split(".")[:2])
