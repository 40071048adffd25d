"""What a chapter's roofline is drawn from: this CPU's own limits, and each layer's seconds under them.

KERAS_BACKEND=tensorflow OMP_NUM_THREADS=1 python -m benchmarks.roofline [--rounds 25] [--json FILE]

The limits are those of machine.cpp: multiply-adds in registers, by themselves, with a maximum before each, and with an
addition and a maximum; and bytes of a triad; the most of all rounds is the limit. All of it, limits and layers, runs on
one thread and is counted in the processor's seconds, which go on only while the program runs: so a machine that does
other work as well can measure it.

Then, for each layer of cases.py, the standard layer and the forms named below take turns: seconds of the forward pass
and of a step (forward and all gradients) as [least, median, most], and the ratios of neighbours in time in the same
way. "each tap" is the native form with a bias for each weight, whose taps share no activation.
"""

import argparse
import json
import os
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
import tensorflow as tf
from keras import ops

from benchmarks.cases import ALL, arguments, candidates, ready, step
from benchmarks.operation import provenance
from dendnet.ops import dac_conv, native

SOURCE = Path(__file__).with_name("machine.cpp")
FLAGS = ("-std=c++17", "-O3", "-march=native", "-fno-trapping-math", "-fno-math-errno", "-pthread")
LARGEST = "dense 256 x 512 x 512"  # with the definition, and the blocked form, which XLA takes long to compile


def machine(rounds):
    """The most of all rounds, by kind, in units a second."""
    with tempfile.TemporaryDirectory() as folder:
        program = f"{folder}/machine"
        subprocess.run([native._compiler(), *FLAGS, str(SOURCE), "-o", program], check=True)
        lines = subprocess.run([program, str(rounds)], check=True, capture_output=True, text=True).stdout.splitlines()
    most: dict = {}
    for seconds, done, kind in (line.split(maxsplit=2) for line in lines):
        most[kind] = max(most.get(kind, 0.0), float(done) / float(seconds))
    return {kind: float(f"{each:.4g}") for kind, each in most.items()}


def forms(case):
    """The standard layer, and those that are set beside it."""
    found = candidates(case)
    kept = {name: found[name] for name in ("standard", "native")}
    if case.name == LARGEST:
        kept |= {name: found[name] for name in ("blocked", "reference")}
    if len(case.k) == 2 and np.prod(case.k) > 1:

        def each_tap(x, w, b):
            own = ops.broadcast_to(b, w.shape)
            settings = dict(strides=case.stride, padding="same", data_format="channels_last")
            return dac_conv(x, w, own, **settings, implementation="native")

        kept["each tap"] = each_tap
    return kept


def spread(values):
    """Least, median and most, to four digits."""
    return [float(f"{each:.4g}") for each in np.quantile(values, [0, 0.5, 1])]


def measure(functions, given, rounds, seconds=30):
    """Processor's seconds of each function, and its ratios to the standard layer, in turns."""
    runs, times = {name: ready(f) for name, f in functions.items()}, {name: [] for name in functions}
    for _ in range(2):
        for run in runs.values():
            run(*given)
    began = time.perf_counter()
    while len(times["standard"]) < rounds and (time.perf_counter() - began < seconds or len(times["standard"]) < 5):
        for name, run in runs.items():
            start = time.process_time()
            run(*given)
            times[name].append(time.process_time() - start)
    standard = np.array(times["standard"])
    return {name: {"seconds": spread(each), "ratio": spread(np.array(each) / standard)} for name, each in times.items()}


def main():
    """Measure, print, write the record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=25)
    parser.add_argument("--json", metavar="FILE", help="write what was measured, with where it comes from, to FILE")
    options = parser.parse_args()
    if os.environ.get("OMP_NUM_THREADS") != "1":
        parser.error("set OMP_NUM_THREADS=1: the limits and the layers are measured by one thread")
    tf.config.threading.set_intra_op_parallelism_threads(1)
    record = provenance("benchmarks.roofline") | {"machine": machine(40 * options.rounds), "rows": []}
    record["command"] = f"OMP_NUM_THREADS=1 {record['command']}"
    print(record["machine"], flush=True)
    for case in ALL:
        functions, given = forms(case), arguments(case)
        row = {"case": case.name, "terms": case.terms, "input": case.input, "output": case.output}
        row |= {"forward": measure({n: lambda *a, f=f: [f(*a)] for n, f in functions.items()}, given, options.rounds)}
        row |= {"step": measure({n: step(f) for n, f in functions.items()}, given, options.rounds)}
        record["rows"].append(row)
        for part in ("forward", "step"):
            shown = ", ".join(f"{name} {each['ratio'][1]:.2f}" for name, each in row[part].items())
            print(f"{case.name:36}{part:9}{1e3 * row[part]['standard']['seconds'][1]:9.2f} ms  {shown}", flush=True)
    if options.json:
        Path(options.json).write_text(json.dumps(record) + "\n")


if __name__ == "__main__":
    main()
