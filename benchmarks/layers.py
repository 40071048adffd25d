"""A training step of one convolution, standard and DAC, over kernel size, stride, channels and batch.

python -m benchmarks.layers [--seconds 1.5] [--json FILE]

The calculator in the chapter "What it costs" shows what this records. The images have 32 pixels on a side and as many
channels go out as come in. Both layers take turns, as in benchmarks.operation; the DAC layer runs as `"auto"` has it
run on this device, on a CPU in C++, on a GPU in fused kernels. Ratios are of neighbours in time: [least, median, most].
"""

import argparse
import itertools
import json
import time

import numpy as np

from benchmarks.cases import Case, arguments, candidates, ready, step
from benchmarks.operation import provenance, timed
from dendnet.ops import available_implementations

SIDE = 32
GRID = {"kernel": (1, 3, 5, 7), "stride": (1, 2), "channels": (16, 64), "batch": (4, 32)}


def measure(sizes, seconds):
    """Milliseconds of both layers' steps (medians) and their ratios."""
    k, s, c, n = sizes.values()
    case = Case("", n, (SIDE, SIDE), (k, k), c, c, s)
    functions, given = candidates(case), arguments(case)
    fast = next(name for name in ("fused", "native", "blocked") if name in available_implementations())
    runs = [ready(step(functions[name])) for name in ("standard", fast)]
    for run in runs:
        timed(run, given)
    times: list = []
    until = time.perf_counter() + seconds
    while len(times) < 5 or time.perf_counter() < until:
        times.append([timed(run, given) for run in runs])
    standard, dac = np.array(times).T
    return sizes | {
        "implementation": fast,
        "milliseconds": [round(1000 * float(np.median(each)), 3) for each in (standard, dac)],
        "ratio": [round(float(f(dac / standard)), 3) for f in (np.min, np.median, np.max)],
    }


def main():
    """Measure, print a line for each layer, write the record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=1.5, help="how long to measure each layer, at the least")
    parser.add_argument("--json", metavar="FILE", help="write what was measured, with where it comes from, to FILE")
    options = parser.parse_args()
    record = provenance("benchmarks.layers") | {"pixels on a side": SIDE, "rows": []}
    for values in itertools.product(*GRID.values()):
        record["rows"].append(measure(dict(zip(GRID, values, strict=True)), options.seconds))
        print(*record["rows"][-1].values(), flush=True)
    if options.json:
        with open(options.json, "w") as file:
            file.write(json.dumps(record) + "\n")


if __name__ == "__main__":
    main()
