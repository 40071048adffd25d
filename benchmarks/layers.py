"""A training step of one convolution, standard and DAC, over kernel size, stride, channels and batch, on one CPU core.

python -m benchmarks.layers [--seconds 1] [--json FILE]

The calculator in the chapter "What it costs" shows what this records. The images have 32 pixels on a side and as many
channels go out as come in. Both layers take turns, the DAC layer in C++ as `"auto"` has it run on a CPU. The process
keeps to one core and counts the time that this core worked for it, so other work on the machine is not in the numbers.
Recorded are median milliseconds, and [least, median, most] of the ratios of neighbours in time.
"""

import argparse
import itertools
import json
import os
import time

if hasattr(os, "sched_setaffinity"):  # before a backend counts the cores
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})

import numpy as np

from benchmarks.cases import Case, arguments, candidates, ready, step
from benchmarks.operation import provenance

SIDE = 32
GRID = {"kernel": (1, 3, 5, 7), "stride": (1, 2), "channels": (16, 64), "batch": (4, 16)}


def measure(sizes, seconds):
    """Milliseconds of both layers' steps and their ratios."""
    k, s, c, n = sizes.values()
    case = Case("", n, (SIDE, SIDE), (k, k), c, c, s)
    functions, given = candidates(case), arguments(case)
    runs = [ready(step(functions[name])) for name in ("standard", "native")]
    for run in runs:
        run(*given)
    times: list = []
    until = time.process_time() + seconds
    while len(times) < 5 or time.process_time() < until:
        times.append([])
        for run in runs:
            start = time.process_time()
            run(*given)
            times[-1].append(time.process_time() - start)
    standard, dac = np.array(times).T
    return sizes | {
        "milliseconds": [round(1000 * float(np.median(each)), 3) for each in (standard, dac)],
        "ratio": [round(float(f(dac / standard)), 3) for f in (np.min, np.median, np.max)],
    }


def main():
    """Measure, print a line for each layer, write the record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=1.0, help="how long to measure each layer, at the least")
    parser.add_argument("--json", metavar="FILE", help="write what was measured, with where it comes from, to FILE")
    options = parser.parse_args()
    record = provenance("benchmarks.layers") | {"pixels on a side": SIDE, "cores used": 1, "rows": []}
    for values in itertools.product(*GRID.values()):
        record["rows"].append(measure(dict(zip(GRID, values, strict=True)), options.seconds))
        print(*record["rows"][-1].values(), flush=True)
    if options.json:
        with open(options.json, "w") as file:
            file.write(json.dumps(record) + "\n")


if __name__ == "__main__":
    main()
