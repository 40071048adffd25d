"""The peak memory of a training step, in a process that does nothing else.

python -m dendnet.cost.peak MODEL.keras BATCH_SIZE

Two steps come first, which compile. Then the record of the peak is set back, and one more step is run: what it takes at
its peak, beyond what was held before it, is printed as JSON, in MiB. That needs Linux, and an allocator that gives
freed memory back at once: measure.py starts this process with the settings for that (SEEN_AT_ONCE). Where a GPU holds
the arrays, its own record is read.
"""

import gc
import json
import sys
from pathlib import Path

import keras

import dendnet  # noqa: F401 - registers the layers
from dendnet.cost.measure import runners


def main(path, batch_size):
    """Load, run, print."""
    _, step = runners(keras.saving.load_model(path, compile=False), int(batch_size))
    step()
    step()
    peak = on_device()
    if not peak:
        gc.collect()
        Path("/proc/self/clear_refs").write_text("5")
        at_rest = resident("VmRSS")
        step()
        peak = resident("VmHWM") - at_rest
    print(json.dumps({"peak_mib": peak / 2**20}))


def resident(record):
    """Bytes that the process holds (VmRSS), or held at the most (VmHWM)."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith(record))


def on_device():
    """Bytes that a GPU held at the most, or 0 where there is none."""
    match keras.backend.backend():
        case "tensorflow":
            import tensorflow as tf

            gpus = tf.config.list_logical_devices("GPU")
            return tf.config.experimental.get_memory_info(gpus[0].name.removeprefix("/device:"))["peak"] if gpus else 0
        case "jax":
            import jax

            return (jax.devices()[0].memory_stats() or {}).get("peak_bytes_in_use", 0)
        case "torch":
            import torch

            return torch.cuda.max_memory_allocated() if torch.cuda.is_available() else 0
    return 0


if __name__ == "__main__":
    main(*sys.argv[1:])
