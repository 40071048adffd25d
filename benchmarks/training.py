"""A training step of a DAC ResNet beside its standard twin's: time, memory, and the share of the machine's arithmetic.

python -m benchmarks.training [--network resnet20] [--batch 128] [--seconds 8] [--json FILE]

The twins take turns in one process; every ratio is of two neighbours in time, and the table shows the median with the
least and the most. On JAX a step is one compiled program (forward pass, gradients, stochastic gradient descent) on
arrays that lie on the device, run STEPS times between two looks at the clock; memory is what XLA's buffer assignment
says that the program takes at once, parameters and data included. On TensorFlow and torch a step is Keras's own
train_on_batch, with what it costs in Python, and on a CPU memory is the peak of a child process (dendnet.cost.measure).

On a GPU the step is measured in float32 without TF32, with it, and in mixed bfloat16.
"""

import argparse
import json
import time

import keras
import numpy as np
from keras import ops

from benchmarks.operation import provenance
from dendnet import cost
from dendnet.cost.measure import peak_in_child
from dendnet.experiments.records import device
from dendnet.models import cifar_resnet, resnet

# A network's name: what makes it, its depth, and pixels of an image's side.
NETWORKS = {"resnet20": (cifar_resnet, 20, 32), "resnet56": (cifar_resnet, 56, 32), "resnet18": (resnet, 18, 64)}
STEPS = 10  # between two looks at the clock
PRECISIONS = ("float32", "tensorfloat32", "mixed_bfloat16")


def networks(name, precision):
    """The standard network and its DAC twin."""
    make, depth, size = NETWORKS[name]
    policy = "float32" if precision == "tensorfloat32" else precision
    keras.config.set_dtype_policy(policy)
    try:
        return [make(depth, unit=unit, input_shape=(size, size, 3), seed=0) for unit in ("standard", "dac")]
    finally:
        keras.config.set_dtype_policy("float32")


def allow_tf32(allowed):
    """Whether float32 products may run on tensor cores."""
    match keras.backend.backend():
        case "jax":
            import jax

            jax.config.update("jax_default_matmul_precision", "tensorfloat32" if allowed else "float32")
        case "torch":
            import torch

            torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = allowed
        case "tensorflow":
            import tensorflow as tf

            tf.config.experimental.enable_tensor_float_32_execution(allowed)


def data(model, batch):
    """Images and classes of random numbers."""
    rng, shape = np.random.default_rng(0), (batch, *model.input_shape[1:])
    return rng.normal(size=shape).astype("float32"), rng.integers(0, 10, batch).astype("int32")


def compiled(model, batch):
    """On JAX: a function that takes STEPS steps, and the bytes that one holds at once."""
    import jax

    x, y = (jax.device_put(a) for a in data(model, batch))
    loss_of = keras.losses.SparseCategoricalCrossentropy(from_logits=True)

    def loss(weights, others, x, y):
        logits, others = model.stateless_call(weights, others, x, training=True)
        return loss_of(y, logits), others

    def one(state, x, y):
        weights, speeds, others = state
        (_, others), gradients = jax.value_and_grad(loss, has_aux=True)(weights, others, x, y)
        speeds = [0.9 * v - 1e-3 * g for v, g in zip(speeds, gradients, strict=True)]
        return [w + v for w, v in zip(weights, speeds, strict=True)], speeds, others

    weights = [v.value for v in model.trainable_variables]
    state = weights, [ops.zeros_like(w) for w in weights], [v.value for v in model.non_trainable_variables]
    step = jax.jit(one, donate_argnums=0).lower(state, x, y).compile()
    held = step.memory_analysis()
    total = held.argument_size_in_bytes + held.output_size_in_bytes - held.alias_size_in_bytes
    state = jax.tree.map(lambda a: a.copy(), state)  # the model keeps its own

    def run():
        nonlocal state
        for _ in range(STEPS):
            state = step(state, x, y)
        jax.block_until_ready(state)

    return run, total + held.temp_size_in_bytes


def kept_by_keras(model, batch):
    """Elsewhere: a function that takes STEPS steps by train_on_batch, and the bytes at a step's peak, where known."""
    x, y = data(model, batch)
    model.compile(
        keras.optimizers.SGD(1e-3, momentum=0.9), keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    )
    held = None if on_gpu() else peak_in_child(model, batch)

    def run():
        for _ in range(STEPS):
            model.train_on_batch(x, y)

    return run, held and held * 2**20


def on_gpu():
    """Whether this backend runs on a GPU."""
    return "CPU" not in device()


def measure(network, batch, precision, seconds):
    """Ratios, milliseconds, memory and arithmetic of the twins."""
    allow_tf32(precision != "float32")
    models = networks(network, precision)
    prepare = compiled if keras.backend.backend() == "jax" else kept_by_keras
    runs, held = zip(*(prepare(model, batch) for model in models), strict=True)
    for run in runs:
        run()
    times: list = []
    until = time.perf_counter() + seconds
    while len(times) < 3 or time.perf_counter() < until:
        times.append([])
        for run in runs:
            start = time.perf_counter()
            run()
            times[-1].append((time.perf_counter() - start) / STEPS)
    ratios = np.divide(*np.array(times).T[::-1])
    medians = np.median(times, axis=0)
    # Two thirds of a step are gradients, each of which costs about what the forward pass costs.
    flops = [3 * batch * cost.model_cost(model).flops for model in models]
    return {
        "precision": precision,
        "milliseconds": [round(1e3 * float(t), 3) for t in medians],
        "ratio": [round(float(f(ratios)), 3) for f in (np.min, np.median, np.max)],
        "memory MiB": [None if h is None else round(h / 2**20, 1) for h in held],
        "TFLOP/s": [round(f / t / 1e12, 3) for f, t in zip(flops, medians, strict=True)],
    }


def line(row):
    """One line of the table."""
    least, median, most = row["ratio"]
    (standard, dac), memory = row["milliseconds"], row["memory MiB"]
    shown = "" if None in memory else f"{memory[0]:9.0f}{memory[1]:9.0f}{memory[1] / memory[0]:7.2f}"
    return (
        f"{row['precision']:16}{standard:10.2f}{dac:10.2f}   {median:.2f} [{least:.2f}, {most:.2f}]"
        f"{row['TFLOP/s'][0]:9.2f}{row['TFLOP/s'][1]:9.2f}{shown}"
    )


def main():
    """Measure, print the table, write the record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--network", choices=NETWORKS, default="resnet20")
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--seconds", type=float, default=8.0, help="how long to measure each precision")
    parser.add_argument("--json", metavar="FILE", help="write what was measured, with where it comes from, to FILE")
    options = parser.parse_args()
    record = provenance("benchmarks.training") | {"network": options.network, "batch": options.batch, "rows": []}
    print(f"{options.network}, batch {options.batch}, {keras.backend.backend()} on {record['device']}")
    print(f"{'':16}{'standard':>10}{'DAC':>10}   ratio{'':13}{'TFLOP/s':>9}{'':9}{'MiB':>9}")
    for precision in PRECISIONS if on_gpu() else PRECISIONS[:1]:
        record["rows"].append(measure(options.network, options.batch, precision, options.seconds))
        print(line(record["rows"][-1]), flush=True)
    if options.json:
        with open(options.json, "w") as file:
            file.write(json.dumps(record) + "\n")


if __name__ == "__main__":
    main()
