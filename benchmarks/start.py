"""What a user waits for: the first step, other lengths of batch, a second model, a second start.

python -m benchmarks.start [--network resnet20] [--batch 32] [--runs 3] [--models 0] [--json FILE]

Fresh processes of the standard network and of its DAC twin take turns. Each makes the network, trains one batch
(`first`) and then more (`later`, the least of ten); then `fit` with two whole batches and a rest, `evaluate`, and
`predict` of 80, 7 and 9 images (`lengths`); then it makes and trains a second network of the same shape (`second`), on
a cleared session. Every ratio is of two neighbours; the table shows the median with the least and the most.

`first` is with what dendnet has compiled for this machine in place; `very first` is without, as after installation.
On JAX `again` is the first step of a process that finds JAX's own persistent cache filled.

With --models, that many small ResNets are made, trained for a step and dropped, one after another: `MiB a model` is
what the process grew by for each of the second half of them, and `cleared` the same with keras.backend.clear_session().
"""

import argparse
import gc
import json
import os
import resource
import subprocess
import sys
import tempfile
import time

import keras
import numpy as np

from benchmarks.operation import provenance
from benchmarks.training import NETWORKS
from dendnet.models import cifar_resnet

UNITS = ("standard", "dac")
LATER = 10


def waits(network, unit, batch):
    """Seconds of each thing in this process."""
    make, depth, size = NETWORKS[network]
    rng, found = np.random.default_rng(0), {}
    x = rng.normal(size=(80, size, size, 3)).astype("float32")
    y = rng.integers(0, 10, 80).astype("int32")

    def new():
        model = make(depth, unit=unit, input_shape=(size, size, 3), seed=0)
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(keras.optimizers.SGD(1e-3, momentum=0.9), loss)
        return model

    def timed(name, *actions):
        start = time.perf_counter()
        for action in actions:
            action()
        found[name] = time.perf_counter() - start

    model = new()
    timed("first", lambda: model.train_on_batch(x[:batch], y[:batch]))
    times = []
    for _ in range(LATER):
        timed("later", lambda: model.train_on_batch(x[:batch], y[:batch]))
        times.append(found["later"])
    found["later"] = min(times)
    timed(
        "lengths",
        lambda: model.fit(x[: 2 * batch + batch // 2], y[: 2 * batch + batch // 2], batch_size=batch, verbose=0),
        lambda: model.evaluate(x, y, batch_size=batch, verbose=0),
        lambda: model.predict(x, batch_size=batch, verbose=0),
        lambda: model.predict(x[:7], verbose=0),
        lambda: model.predict(x[:9], verbose=0),
    )
    keras.backend.clear_session()
    model = new()
    timed("second", lambda: model.train_on_batch(x[:batch], y[:batch]))
    return found


def growth(unit, models, clear):
    """MiB that this process grows by for each of the second half of the models."""
    rng, peaks = np.random.default_rng(0), []
    x, y = rng.normal(size=(16, 16, 16, 3)).astype("float32"), rng.integers(0, 10, 16).astype("int32")
    for seed in range(models):
        if clear:
            keras.backend.clear_session()
        model = cifar_resnet(8, unit=unit, width=8, input_shape=(16, 16, 3), seed=seed)
        model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
        model.train_on_batch(x, y)
        del model
        gc.collect()
        peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    return (peaks[-1] - peaks[models // 2 - 1]) / (models - models // 2)


def in_child(home, *words, compiled=None):
    """The same in a fresh process, whose Keras folder is home; compiled is JAX's persistent cache."""
    environment = os.environ | {"KERAS_HOME": home, "TF_CPP_MIN_LOG_LEVEL": "3"}
    if compiled:
        environment |= {"JAX_COMPILATION_CACHE_DIR": compiled, "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0"}
    run = subprocess.run(
        [sys.executable, "-m", "benchmarks.start", *map(str, words)], env=environment, capture_output=True, text=True
    )
    if run.returncode:
        sys.exit(run.stderr)
    return json.loads(run.stdout.splitlines()[-1])


def measure(network, batch, runs, models):
    """For each thing the seconds of both networks, and the ratios of neighbours."""
    rows: dict = {}
    of = ["--network", network, "--batch", batch]

    def pair(each):
        for name in each[0]:
            row = rows.setdefault(name, {"seconds": [[], []], "ratios": []})
            for seconds, found in zip(row["seconds"], each, strict=True):
                seconds.append(round(found[name], 3))
            row["ratios"].append(round(each[1][name] / each[0][name], 3))

    with tempfile.TemporaryDirectory() as scratch:
        homes = [tempfile.mkdtemp(dir=scratch) for _ in range(2)]
        for run in range(runs + 1):
            each = [in_child(home, *of, "--child", unit) for unit, home in zip(UNITS, homes, strict=True)]
            pair([{"very first": found["first"]} for found in each] if run == 0 else each)
        if keras.backend.backend() == "jax":
            caches = [tempfile.mkdtemp(dir=scratch) for _ in range(2)]
            for run in range(runs + 1):
                places = zip(UNITS, homes, caches, strict=True)
                each = [in_child(home, *of, "--child", unit, compiled=cache) for unit, home, cache in places]
                if run:
                    pair([{"again": found["first"]} for found in each])
        for name, words in {"MiB a model": [], "cleared": ["--clear"]}.items() if models else ():
            grown = [
                in_child(home, "--models", models, *words, "--child", unit)
                for unit, home in zip(UNITS, homes, strict=True)
            ]
            rows[name] = {"MiB": [round(each, 2) for each in grown]}
    return rows


def main():
    """Measure, print the table, write the record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--network", choices=NETWORKS, default="resnet20")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--runs", type=int, default=3, help="pairs of processes")
    parser.add_argument("--models", type=int, default=0, help="small models whose memory is looked at")
    parser.add_argument("--child", choices=UNITS, help=argparse.SUPPRESS)
    parser.add_argument("--clear", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--json", metavar="FILE", help="write what was measured, with where it comes from, to FILE")
    options = parser.parse_args()
    if options.child and options.models:
        return print(json.dumps(growth(options.child, options.models, options.clear)))
    if options.child:
        return print(json.dumps(waits(options.network, options.child, options.batch)))
    record = provenance("benchmarks.start") | {"network": options.network, "batch": options.batch}
    print(f"{options.network}, batch {options.batch}, {keras.backend.backend()} on {record['device']}, seconds")
    print(f"{'':12}{'standard':>10}{'DAC':>10}   ratio")
    record["rows"] = measure(options.network, options.batch, options.runs, options.models)
    for name, row in record["rows"].items():
        if "MiB" in row:
            print(f"{name:12}{row['MiB'][0]:10.2f}{row['MiB'][1]:10.2f}")
            continue
        standard, dac = (np.median(seconds) for seconds in row["seconds"])
        ratios = row["ratios"]
        print(f"{name:12}{standard:10.2f}{dac:10.2f}   {np.median(ratios):.2f} [{min(ratios):.2f}, {max(ratios):.2f}]")
    if options.json:
        with open(options.json, "w") as file:
            file.write(json.dumps(record) + "\n")


if __name__ == "__main__":
    main()
