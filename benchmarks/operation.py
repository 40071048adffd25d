"""The operation beside the standard layer: times and temporaries, as ratios.

python -m benchmarks.operation [--quick] [--json FILE]

Each implementation and the standard layer (relu, then Keras's own product or convolution, compiled as Keras compiles
on this backend) take turns in one process; every ratio is of two neighbours in time, and the table shows the median
with the least and the most. A step is a forward pass and all gradients. The reference is left out where it would hold
more than a gigabyte. On JAX the table also has the temporaries that XLA's own analysis gives for a step, in units of
the input's and the output's size together.
"""

import argparse
import json
import os
import platform
import subprocess
import time

import keras
import numpy as np
from keras import ops

import dendnet
from dendnet.ops import available_implementations, dac_conv, dac_dense

# name, N, size, k, c_in, c_out, stride; the ResNets' layers at batch 64 and 8
FEW_TERMS = [
    ("dense 32 x 16 x 16", 32, (), (), 16, 16, 1),
    ("dense 32 x 64 x 64", 32, (), (), 64, 64, 1),
    ("convolution, 8 at 8 px, batch 8", 8, (8, 8), (3, 3), 8, 8, 1),
]
DENSE = [("dense 256 x 512 x 512", 256, (), (), 512, 512, 1)]
RESNET20 = [
    ("ResNet-20, 16 at 32 px", 64, (32, 32), (3, 3), 16, 16, 1),
    ("ResNet-20, 16 to 32, stride 2", 64, (32, 32), (3, 3), 16, 32, 2),
    ("ResNet-20, 32 at 16 px", 64, (16, 16), (3, 3), 32, 32, 1),
    ("ResNet-20, 32 to 64, stride 2", 64, (16, 16), (3, 3), 32, 64, 2),
    ("ResNet-20, 64 at 8 px", 64, (8, 8), (3, 3), 64, 64, 1),
    ("ResNet-20, 1x1 16 to 32, stride 2", 64, (32, 32), (1, 1), 16, 32, 2),
]
RESNET18 = [
    ("ResNet-18, 64 at 56 px", 8, (56, 56), (3, 3), 64, 64, 1),
    ("ResNet-18, 128 at 28 px", 8, (28, 28), (3, 3), 128, 128, 1),
    ("ResNet-18, 256 at 14 px", 8, (14, 14), (3, 3), 256, 256, 1),
    ("ResNet-18, 512 at 7 px", 8, (7, 7), (3, 3), 512, 512, 1),
]
LARGEST_REFERENCE = 2**28  # terms: a gigabyte in float32


def compiled(function):
    """The function as Keras would compile it on this backend, and one that waits for its result."""
    match keras.backend.backend():
        case "jax":
            import jax

            return jax.jit(function), jax.block_until_ready
        case "tensorflow":
            import tensorflow as tf

            return tf.function(function, autograph=False), lambda out: [np.asarray(a).ravel()[:1] for a in out]
    return function, lambda out: out


def step(function):
    """Forward pass and every gradient, from x, kernel, bias and dy."""
    match keras.backend.backend():
        case "jax":
            import jax

            def run(x, w, b, dy):
                y, back = jax.vjp(function, x, w, b)
                return [y, *back(dy)]
        case "tensorflow":
            import tensorflow as tf

            def run(x, w, b, dy):
                with tf.GradientTape() as tape:
                    tape.watch([x, w, b])
                    y = function(x, w, b)
                return [y, *tape.gradient(y, [x, w, b], dy, unconnected_gradients="zero")]
        case _:
            import torch

            def run(x, w, b, dy):
                x, w, b = (a.detach().requires_grad_(True) for a in (x, w, b))
                y = function(x, w, b)
                return [y, *torch.autograd.grad(y, [x, w, b], dy, allow_unused=True)]

    return run


def candidates(case):
    """The standard layer first, then each implementation, as functions of x, kernel and bias."""
    _, N, size, k, c_in, c_out, stride = case
    if k:
        fixed = dict(strides=stride, padding="same", data_format="channels_last")
        found = {"standard": lambda x, w, b: ops.conv(ops.relu(x), w, **fixed)}
    else:
        found = {"standard": lambda x, w, b: ops.matmul(ops.relu(x), w)}
    terms = N * np.prod(size) / stride ** len(size) * np.prod(k) * c_in * c_out
    for name in available_implementations():
        if name == "auto" or (name == "reference" and terms > LARGEST_REFERENCE):
            continue
        if k:
            found[name] = lambda x, w, b, i=name: dac_conv(x, w, b, **fixed, implementation=i)
        else:
            found[name] = lambda x, w, b, i=name: dac_dense(x, w, b, implementation=i)
    return found


def ratios(functions, arguments, rounds, seconds):
    """Each function's times over the standard layer's, in turns, until the rounds or the seconds are over."""
    functions = {name: compiled(f) for name, f in functions.items()}

    def timed(name):
        run, wait = functions[name]
        start = time.perf_counter()
        wait(run(*arguments))
        return time.perf_counter() - start

    found = {}
    for name in functions:
        if name == "standard":
            continue
        for warm in ("standard", name) * 2:
            timed(warm)
        began, found[name] = time.perf_counter(), []
        while len(found[name]) < rounds and (time.perf_counter() - began < seconds or not found[name]):
            standard = timed("standard")
            found[name].append(timed(name) / standard)
        found[name].sort()
    return found


def temporaries(function, arguments, c_out):
    """What XLA's analysis says a step holds beside arguments and results, over the input's and output's bytes."""
    if keras.backend.backend() != "jax":
        return None
    import jax

    analysis = jax.jit(function).lower(*arguments).compile().memory_analysis()
    return analysis.temp_size_in_bytes / (4 * (arguments[0].size + arguments[3].size))


def measure(case, rounds, seconds):
    """One case's ratios for the forward pass and the step, with each step's temporaries."""
    _, N, size, k, c_in, c_out, stride = case
    rng = np.random.default_rng(0)
    shapes = [(N, *size, c_in), (*k, c_in, c_out), (c_in, c_out), (N, *(-(-s // stride) for s in size), c_out)]
    x, w, b, dy = (ops.convert_to_tensor(rng.normal(size=s), "float32") for s in shapes)
    functions = candidates(case)
    steps = {name: step(f) for name, f in functions.items()}
    passes = {name: lambda x, w, b, f=f: [f(x, w, b)] for name, f in functions.items()}
    return {
        "case": case[0],
        "forward": ratios(passes, (x, w, b), rounds, seconds),
        "step": ratios(steps, (x, w, b, dy), rounds, seconds),
        "temporaries": {name: temporaries(f, (x, w, b, dy), c_out) for name, f in steps.items()},
    }


def provenance(command):
    """Where a record comes from: command, commit, versions, device, seed and data."""
    commit = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True).stdout.strip()
    backend = keras.backend.backend()
    module = __import__(backend)
    return {
        "command": command,
        "commit": commit or "not a checkout",
        "versions": {
            "dendnet": dendnet.__version__,
            "keras": keras.__version__,
            backend: module.__version__,
            "numpy": np.__version__,
            "python": platform.python_version(),
        },
        "device": f"{platform.machine()} CPU, {os.cpu_count()} cores",
        "seed": 0,
        "data": "normal random numbers, float32",
    }


def main():
    """Measure, print the table, write the record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="three cases, within 45 s on two cores")
    parser.add_argument("--json", metavar="FILE", help="write the ratios, with where they come from, to FILE")
    options = parser.parse_args()
    cases = [DENSE[0], RESNET20[0], RESNET20[4]] if options.quick else FEW_TERMS + DENSE + RESNET20 + RESNET18
    rows = []
    print(f"{keras.backend.backend()}: times the standard layer's, median [least, most]")
    print(f"{'':36}{'':12}{'forward':>22}{'step':>22}{'temporaries':>14}")
    for case in cases:
        rows.append(measure(case, rounds=25, seconds=1 if options.quick else 6))
        for name in rows[-1]["forward"]:
            cells = [rows[-1][part][name] for part in ("forward", "step")]
            shown = [f"{np.median(c):.2f} [{c[0]:.2f}, {c[-1]:.2f}]" for c in cells]
            held = rows[-1]["temporaries"][name]
            print(
                f"{case[0]:36}{name:12}{shown[0]:>22}{shown[1]:>22}{'' if held is None else f'{held:.1f}':>14}",
                flush=True,
            )
    if options.json:
        command = f"KERAS_BACKEND={keras.backend.backend()} python -m benchmarks.operation"
        record = provenance(command + (" --quick" if options.quick else "")) | {"rows": rows}
        with open(options.json, "w") as file:
            file.write(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
