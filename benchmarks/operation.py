"""The operation beside the standard layer: times and temporaries, as ratios.

python -m benchmarks.operation [--quick] [--slopes] [--json FILE]

Each implementation and the standard layer (relu, then Keras's own product or convolution, compiled as Keras compiles
on this backend) take turns in one process; every ratio is of two neighbours in time, and the table shows the median
with the least and the most. A step is a forward pass and all gradients of the loss sum y^2 / 2. The reference is left
out where it would hold more than a gigabyte. The last column is what a step holds beside its arguments and results, in
units of input and output together; a process of its own measures it (benchmarks/memory.py).

--slopes adds how the blocked form's time grows with N, n and m of a dense layer, each over two decades: the slope of a
line through the least times on a log-log scale.
"""

import argparse
import json
import os
import sys
import time

import keras
import numpy as np

from benchmarks.cases import ALL, QUICK, Case, arguments, candidates, ready, step
from benchmarks.memory import temporaries
from dendnet.experiments.records import origin

GROWING = (64, 200, 640, 2000, 6400)  # two decades
FIXED = 256  # the sizes that do not grow


def timed(run, given):
    """Seconds of one call."""
    start = time.perf_counter()
    run(*given)
    return time.perf_counter() - start


def ratios(functions, given, rounds, seconds):
    """Each function's times over the standard layer's, in turns, until the rounds or the seconds are over."""
    runs = {name: ready(f) for name, f in functions.items()}
    found = {}
    for name in runs:
        if name == "standard":
            continue
        for warm in ("standard", name):
            timed(runs[warm], given)
        began, found[name] = time.perf_counter(), []
        while len(found[name]) < rounds and (time.perf_counter() - began < seconds or not found[name]):
            standard = timed(runs["standard"], given)
            found[name].append(round(timed(runs[name], given) / standard, 3))
        found[name].sort()
    return found


def measure(case, rounds, seconds):
    """One case's ratios for the forward pass and the step."""
    functions, given = candidates(case), arguments(case)
    passes = {name: lambda x, w, b, f=f: [f(x, w, b)] for name, f in functions.items()}
    return {
        "case": case.name,
        "forward": ratios(passes, given, rounds, seconds),
        "step": ratios({name: step(f) for name, f in functions.items()}, given, rounds, seconds),
    }


def slopes(rounds):
    """The slopes of log time over log N, log n and log m, for the blocked form's forward pass and step."""
    found: dict = {"forward": {}, "step": {}}
    for axis in ("N", "c_in", "c_out"):
        least: dict = {"forward": [], "step": []}
        for length in GROWING:
            case = Case("growing", FIXED, (), (), FIXED, FIXED)._replace(**{axis: length})
            blocked, given = candidates(case)["blocked"], arguments(case)
            for part, f in [("forward", lambda x, w, b, f=blocked: [f(x, w, b)]), ("step", step(blocked))]:
                run = ready(f)
                least[part].append(min(timed(run, given) for _ in range(rounds)))
        for part, times in least.items():
            found[part][axis] = round(float(np.polyfit(np.log(GROWING), np.log(times), 1)[0]), 3)
    return found


def provenance(module):
    """Where a record comes from: command, commit, versions, device, seed and data."""
    options = [o for i, o in enumerate(sys.argv[1:], 1) if "--json" not in (o, sys.argv[i - 1])]
    # TF_ENABLE_ONEDNN_OPTS decides which convolutions TensorFlow has, where the processor does not.
    chosen = [f"{name}={os.environ[name]}" for name in ("KERAS_BACKEND", "TF_ENABLE_ONEDNN_OPTS") if name in os.environ]
    return {
        "command": " ".join([*chosen, f"python -m {module}", *options]),
        **origin(),
        "seed": 0,
        "data": "normal random numbers, float32",
    }


def line(row, case, name):
    """One line of the table."""
    cells = [row[part][name] for part in ("forward", "step")]
    shown = [f"{np.median(c):.2f} [{c[0]:.2f}, {c[-1]:.2f}]" for c in cells]
    held = row["temporaries"].get(name)
    held = "" if held is None else f"{held / row['input and output']:.1f}"
    return f"{case.name:36}{name:12}{shown[0]:>22}{shown[1]:>22}{held:>14}"


def main():
    """Measure, print the table, write the record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="three cases, within 45 s on two cores")
    parser.add_argument("--slopes", action="store_true", help="also the growth of time with N, n and m")
    parser.add_argument("--json", metavar="FILE", help="write the ratios, with where they come from, to FILE")
    options = parser.parse_args()
    cases, rows = QUICK if options.quick else ALL, []
    record = provenance("benchmarks.operation")
    held = temporaries(cases)
    print(f"{keras.backend.backend()} on {record['device']}: times the standard layer's, median [least, most]")
    print(f"{'':48}{'forward':>22}{'step':>22}{'temporaries':>14}")
    for case in cases:
        rows.append(measure(case, rounds=25, seconds=1 if options.quick else 6))
        rows[-1]["input and output"] = 4 * (case.input + case.output)
        rows[-1]["temporaries"] = held.get(case.name, {})
        for name in rows[-1]["forward"]:
            print(line(rows[-1], case, name), flush=True)
    record["rows"] = rows
    if options.slopes:
        record["slopes"] = slopes(rounds=9)
        for part, by_axis in record["slopes"].items():
            print(f"slope of log time, {part}:", ", ".join(f"{s} over {axis}" for axis, s in by_axis.items()))
    if options.json:
        with open(options.json, "w") as file:
            file.write(json.dumps(record) + "\n")


if __name__ == "__main__":
    main()
