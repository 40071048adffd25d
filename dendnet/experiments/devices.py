"""The machine: determinism, GPUs that have to be there, several devices at once, and several machines."""

import contextlib
import os

import keras

from dendnet.experiments import checks, storage

JOBS = "KERAS_DISTRIBUTION_JOB_ADDRESSES"


def prepare(device="any", devices=1):
    """Make this process repeat itself, and ready for its devices.

    Args:
        device: ``"any"``, or ``"gpu"`` to refuse to train without one.
        devices: How many share each batch.

    Returns:
        A function that returns the context in which variables are made.

    Raises:
        Trouble: There are fewer devices than asked for.
        ValueError: ``devices`` is no positive integer, or more than one on torch; or Keras's variables for several
            processes are set, and so are ``devices``, or the backend is not JAX.
    """
    checks.one_of("device", device, ("any", "gpu"))
    checks.integer("devices", devices, least=1, most=4096)
    if JOBS in os.environ:
        if devices > 1:
            raise ValueError(f"devices must be 1 where {JOBS} is set: all are used. Received: devices={devices}")
        return _machines(device)
    found = {"tensorflow": _tensorflow, "jax": _jax, "torch": _torch}[keras.backend.backend()](device)
    if devices > len(found):
        kind = "GPUs" if device == "gpu" else "devices"
        raise storage.Trouble(
            f"{devices} {kind} were asked for and {keras.backend.backend()} sees {len(found)}; "
            "choose another machine, or leave --device and --devices out"
        )
    if devices == 1:
        return contextlib.nullcontext
    return _together(found[:devices])


def process():
    """The number of this process among those that share every batch, from 0, and how many they are."""
    if keras.backend.backend() != "jax":
        return 0, 1
    import jax

    return jax.process_index(), jax.process_count()


def _tensorflow(device):
    import tensorflow as tf

    tf.config.experimental.enable_op_determinism()
    gpus = tf.config.list_logical_devices("GPU")
    return gpus if gpus or device == "gpu" else tf.config.list_logical_devices("CPU")


def _jax(device):
    _repeatable_jax()
    import jax

    return [found for found in jax.devices() if device == "any" or found.platform == "gpu"]


def _repeatable_jax():
    flag = "--xla_gpu_deterministic_ops=true"  # read when JAX first asks for its devices
    os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} {flag}".strip()


def _torch(device):
    import torch

    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(True, warn_only=True)
    gpus = [f"cuda:{index}" for index in range(torch.cuda.device_count())]
    return gpus if gpus or device == "gpu" else ["cpu"]


def _machines(device):
    """Every device of every process, each of which was started with Keras's variables (keras.distribution)."""
    if keras.backend.backend() != "jax":
        raise ValueError(
            f"{JOBS} joins processes on JAX alone. Received: KERAS_BACKEND={keras.backend.backend()!r}, "
            f"{JOBS}={os.environ[JOBS]!r}"
        )
    _repeatable_jax()
    keras.distribution.initialize()
    import jax

    if device == "gpu" and jax.default_backend() != "gpu":
        raise storage.Trouble("GPUs were asked for and jax sees none in this process; leave --device out")
    keras.distribution.set_distribution(keras.distribution.DataParallel(auto_shard_dataset=False))  # Batches shares
    return contextlib.nullcontext


def _together(found):
    """Every batch shared by several devices of one machine, by what Keras has for its backend."""
    match keras.backend.backend():
        case "tensorflow":
            import tensorflow as tf

            return tf.distribute.MirroredStrategy([device.name for device in found]).scope
        case "jax":
            names = [f"{device.platform}:{device.id}" for device in found]
            keras.distribution.set_distribution(keras.distribution.DataParallel(devices=names))
            return contextlib.nullcontext
    raise ValueError(
        f"devices must be 1 on torch, where Keras has one process for each device. Received: devices={len(found)}"
    )
